"""Executes the notebooks of the documentation anew, outputs included: `python -m tools.notebooks`.

What names the machine or the moment is left out, so that a second run changes nothing but what has changed.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).resolve().parents[1] / "docs"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def execute(path: Path) -> None:
    """Run a notebook in an empty folder and write it back."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, kernel_name="python3", record_timing=False, coalesce_streams=True)
    with TemporaryDirectory() as folder:
        client.execute(cwd=folder)
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def main() -> None:
    """Every notebook under docs."""
    for path in sorted(DOCS.glob("[!_]*/**/*.ipynb")):
        execute(path)
        print(path.relative_to(DOCS))


if __name__ == "__main__":
    main()
