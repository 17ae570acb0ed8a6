"""Making case folders: a new case, and the tables of a case and a visit as text."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

from atlasplane.core.errors import BadInput
from atlasplane.io.atomic import whole_folder, write_text
from atlasplane.io.case_folder import CASE_FILE
from atlasplane.io.digest import unreadable
from atlasplane.io.faults import validated
from atlasplane.io.models import CASE_SCHEMA, VISIT_SCHEMA, CaseFile, VisitFile
from atlasplane.io.strict import Strict
from atlasplane.io.toml_text import toml_text
from atlasplane.io.visit_folder import VISIT_FILE

CASE_HEAD = "# One person under a pseudonym: write no name here.\n"


def new_case(folder: Path | str, content: Mapping[str, object]) -> Path:
    """Make a case folder with its case.toml.

    Parameters
    ----------
    content : mapping
        Keys of case.toml; `pseudonym` is needed, `id` is made where it is missing.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    BadInput
        When the folder holds something already, or a key cannot be used.
    OutputFailed
        When it cannot be written.
    """
    root = Path(folder)
    try:
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise BadInput(str(root), "already exists and is not empty", "Name a new folder for the case")
    except OSError as fault:
        raise unreadable(str(root), fault) from fault
    text = CASE_HEAD + case_text({"id": uuid.uuid4().hex, **content})
    with whole_folder(root) as aside:
        write_text(aside / CASE_FILE, text)
    return root


def write_case_file(root: Path, content: Mapping[str, object]) -> None:
    """Write case.toml into a folder; raises BadInput for an unusable key and OutputFailed."""
    write_text(root / CASE_FILE, CASE_HEAD + case_text(content))


def write_visit_file(folder: Path, content: Mapping[str, object]) -> None:
    """Write visit.toml into a folder; raises BadInput for an unusable key and OutputFailed."""
    write_text(folder / VISIT_FILE, visit_text(content, name=f"{folder.name}/{VISIT_FILE}"))


def case_text(content: Mapping[str, object]) -> str:
    """case.toml as text, checked; raises BadInput."""
    return _text(validated(CaseFile, {"schema": CASE_SCHEMA, **content}, name=CASE_FILE))


def visit_text(content: Mapping[str, object], *, name: str = VISIT_FILE) -> str:
    """visit.toml as text, checked; raises BadInput."""
    return _text(validated(VisitFile, {"schema": VISIT_SCHEMA, **content}, name=name))


def _text(table: Strict) -> str:
    content = table.model_dump(by_alias=True, exclude_none=True, exclude_unset=True)
    return toml_text({key: value for key, value in content.items() if value not in ((), {}, [])})
