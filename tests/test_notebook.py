"""The notebooks of the documentation, executed anew: every text that they print is the committed one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

STATISTICS = Path(__file__).resolve().parents[1] / "docs" / "statistics"
NOTEBOOKS = sorted(STATISTICS.glob("*.ipynb"))
LONGEST_CELL_S = 300


def printed(cell: Any) -> list[str]:
    """What a cell prints, then its results, "image/png" for a picture; errors and warnings are texts too."""
    outputs = cell.get("outputs", [])
    told = ["".join(output.text for output in outputs if output.output_type == "stream")]
    for output in outputs:
        if output.output_type == "error":
            told.append(f"{output.ename}: {output.evalue}")
        elif output.output_type != "stream":
            told.append("image/png" if "image/png" in output.data else output.data["text/plain"])
    return told


def executed(notebook: Any, folder: Path) -> Any:
    """The notebook with outputs of its own, from none; it finds no file but what it makes."""
    fresh = copy.deepcopy(notebook)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    client = NotebookClient(fresh, timeout=LONGEST_CELL_S, kernel_name="python3", record_timing=False)
    client.execute(cwd=str(folder))
    return fresh


def test_there_is_a_notebook() -> None:
    assert [path.name for path in NOTEBOOKS] == ["walkthrough.ipynb"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_is_committed(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    again = [cell for cell in executed(notebook, tmp_path).cells if cell.cell_type == "code"]
    assert [printed(cell) for cell in again] == [printed(cell) for cell in cells]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_was_executed_from_top_to_bottom_and_names_no_machine(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum("image/png" in printed(cell) for cell in cells) >= 3
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(not cell.metadata for cell in notebook.cells)


def test_another_output_is_told() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)")])
    other = copy.deepcopy(notebook)
    for k, text in enumerate(("1\n", "2\n")):
        (notebook, other)[k].cells[0].outputs = [nbformat.v4.new_output("stream", text=text)]
    assert printed(notebook.cells[0]) == ["1\n"]
    assert printed(notebook.cells[0]) != printed(other.cells[0])
    notebook.cells[0].outputs = [nbformat.v4.new_output("error", ename="E", evalue="x", traceback=[])]
    assert printed(notebook.cells[0]) == ["", "E: x"]
