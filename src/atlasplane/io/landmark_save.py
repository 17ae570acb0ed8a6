"""One reading put into a landmark file: readings of others, and all that is not its own, stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atlasplane.core.errors import BadLandmarks
from atlasplane.io.digest import unreadable
from atlasplane.io.faults import validated
from atlasplane.io.landmark_file import reading_table
from atlasplane.io.models_readings import LANDMARKS_SCHEMA, LandmarkFile
from atlasplane.io.text_file import checked_schema, read_json
from atlasplane.sources.reading import Reading

NO_FILE = "none"
"""Revision of a landmark file that is not there yet."""


def revision(path: Path | None) -> str:
    """SHA-256 of a file's bytes, or `NO_FILE` where there is none.

    Raises
    ------
    BadInput
        When it cannot be read.
    """
    if path is None:
        return NO_FILE
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return NO_FILE
    except OSError as fault:
        raise unreadable(path.name, fault) from fault


def landmark_content(path: Path, *, name: str) -> dict[str, Any]:
    """The tables of a landmark file as they stand there, found to be valid; raises BadInput."""
    content = checked_schema(read_json(path, name=name), LANDMARKS_SCHEMA, name=name)
    validated(LandmarkFile, content, name=name, error=BadLandmarks)
    content.setdefault("readings", [])
    return content


def empty_content(*, image_file: str, sha256: str, space: str) -> dict[str, Any]:
    """A landmark file without a reading."""
    image = {"file": image_file, "sha256": sha256}
    return {"schema": LANDMARKS_SCHEMA, "image": image, "space": space, "readings": []}


def with_reading(content: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    """The tables with this reading in the place of the one of its id, or behind the others.

    A point or contour that did not move keeps its covariance; one that moved takes the catalogue's. Of the
    reading's own notes those are replaced that it brings; one that is None is taken away. A reading without
    any mark or note is left out.
    """
    tables = list(content["readings"])
    at = next((k for k, table in enumerate(tables) if table["id"] == reading.id), len(tables))
    old = tables[at] if at < len(tables) else {}
    table = _merged(old, reading_table(reading))
    tables[at : at + 1] = [table] if any(table.get(key) for key in ("points", "contours", "x")) else []
    return {**content, "readings": tables}


def _merged(old: Mapping[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    before = old.get("points", {})
    points = {id_: _kept(before.get(id_, {}), point) for id_, point in new["points"].items()}
    contours = new["contours"]
    sd = {
        id_: value
        for id_, value in old.get("contour_sd", {}).items()
        if id_ in contours and contours[id_] == old["contours"][id_]
    } | new.get("contour_sd", {})
    notes = {
        key: value for key, value in {**old.get("x", {}), **new.get("x", {})}.items() if value is not None
    }
    merged = {**new, "points": points}
    if contours == old.get("contours", {}) and points == before:
        merged["tool"] = old.get("tool", new["tool"])  # nothing was placed with the new one
    for key, value in (("contour_sd", sd), ("x", notes)):
        merged.pop(key, None)
        if value:
            merged[key] = value
    return merged


def _kept(before: Mapping[str, Any], point: dict[str, Any]) -> dict[str, Any]:
    """The point with what the file says of it beyond its place, where that has not changed."""
    if before.get("at") == point.get("at") and before.get("visible", True) == point.get("visible", True):
        return {**before, **point}
    return point
