"""Segmentations of a case: stored as a proposal, accepted or rejected by a person, named in case.toml.

Masks and meshes of one segmentation lie in a folder of their own beside the volume, with the record
``segmentation.json``. case.toml names the record at once, but masks and meshes only when a person has
accepted them, so that a proposal feeds no measurement. A later proposal leaves accepted files as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding
from atlasplane.geometry.types import Array
from atlasplane.io.atomic import whole_folder, write_bytes, write_text, write_together
from atlasplane.io.faults import validated
from atlasplane.io.folder_lock import locked_folder
from atlasplane.io.mask_file import mask_bytes
from atlasplane.io.mesh_file import mesh_bytes
from atlasplane.io.models import CASE_SCHEMA, CaseFile, VolumeTable
from atlasplane.io.models_segmentation import SEGMENTATION_SCHEMA, SegmentationFile
from atlasplane.io.segmentation_record import (
    CASE_FILE,
    RECORD_FILE,
    FoundBones,
    StoredSegmentation,
    check_files,
    check_volume,
    digest_of,
    digests,
    file_stem,
    points_of,
    read_segmentation,
    record_bytes,
)
from atlasplane.io.text_file import checked_schema, read_text, toml_content
from atlasplane.io.toml_edit import with_keys

MESH_END = ".stl"


def store_proposal(root: Path, volume: str, found: FoundBones, affine_lps: Array) -> StoredSegmentation:
    """Write masks, meshes and record of a proposal, whole or not at all, and name it in case.toml.

    A proposal that waited until now makes room for this one.

    Parameters
    ----------
    volume : str
        The volume as case.toml names it.
    affine_lps : array, shape (4, 4)
        Of the volume, and so of the masks.

    Raises
    ------
    BadInput
        When the case has no such volume.
    OutputFailed
        When it cannot be written; the case is as before.
    """
    files = _files_of(found, affine_lps)
    with locked_folder(root):
        index, table = volume_table(root, volume)
        before = None if table.segmentation is None else read_segmentation(root, table.segmentation)
        waited = before is not None and before.record.status == "proposed"
        replaces = before.record.replaces if before is not None and waited else table.segmentation
        place = _free_folder(root, volume)
        record = _record(root, volume, found, files, replaces=replaces)
        stored = StoredSegmentation(file=f"{place}/{RECORD_FILE}", record=record)
        with whole_folder(root / place) as aside:
            for file, content in files.items():
                write_bytes(aside / file, content)
            write_bytes(aside / RECORD_FILE, record_bytes(record))
        try:
            write_text(root / CASE_FILE, _edited(root, index, {"segmentation": stored.file}))
        except BaseException:
            _remove(root, stored)
            raise
        if before is not None and waited:
            _remove(root, before)
    return stored


def accept_segmentation(
    root: Path, volume: str, *, observer: str, despite_stop: bool = False
) -> StoredSegmentation:
    """Accept the proposal of a volume: case.toml names its masks and meshes from now on.

    Masks of bones that it does not hold stay as case.toml names them.

    Parameters
    ----------
    observer : str
        Who has looked at it.
    despite_stop : bool
        Whether a person has seen what the shape check objects to, and accepts all the same.

    Raises
    ------
    BadInput
        When no proposal waits, its shape check stopped, it was made on other bytes than the volume has now,
        or a file of it was changed since.
    OutputFailed
        When it cannot be written; the case is as before.
    """
    with locked_folder(root):
        index, table = volume_table(root, volume)
        stored = _waiting(root, volume)
        if stored.stops and not despite_stop:
            what = f"is not accepted: {stored.stops[0].text.rstrip('.')}"
            raise BadInput(stored.file, what, "Look at it in atlasplane mark, and correct its seeds")
        check_volume(stored, digest_of(root / volume, volume))
        check_files(root, stored)
        accepted = {"status": "accepted", "accepted_by": observer, "accepted_at": _now()}
        record = _changed(stored.record, accepted)
        changes = {
            "masks": _plain(table.masks) | stored.masks,
            "meshes": dict(table.meshes) | stored.meshes,
        }
        write_together(
            {
                root / stored.file: record_bytes(record),
                root / CASE_FILE: _edited(root, index, changes).encode(),
            }
        )
    return StoredSegmentation(file=stored.file, record=record)


def withdraw_segmentation(root: Path, volume: str) -> StoredSegmentation:
    """Take back an acceptance: the masks leave case.toml and wait as a proposal; raises as accepting does."""
    with locked_folder(root):
        index, table = volume_table(root, volume)
        stored = None if table.segmentation is None else read_segmentation(root, table.segmentation)
        if stored is None or stored.record.status != "accepted":
            raise BadInput(volume, "has no accepted segmentation", "Nothing is to be taken back")
        record = _changed(stored.record, {"status": "proposed", "accepted_by": None, "accepted_at": None})
        masks = {bone: at for bone, at in _plain(table.masks).items() if at != stored.masks.get(bone)}
        meshes = {bone: at for bone, at in table.meshes.items() if at != stored.meshes.get(bone)}
        changes = {"masks": masks or None, "meshes": meshes or None}
        write_together(
            {
                root / stored.file: record_bytes(record),
                root / CASE_FILE: _edited(root, index, changes).encode(),
            }
        )
    return StoredSegmentation(file=stored.file, record=record)


def reject_segmentation(root: Path, volume: str) -> None:
    """Delete the proposal of a volume; what was accepted before it is named again.

    Raises
    ------
    BadInput
        When no proposal waits.
    OutputFailed
        When case.toml cannot be written; the proposal is still there.
    """
    with locked_folder(root):
        index, _ = volume_table(root, volume)
        stored = _waiting(root, volume)
        write_text(root / CASE_FILE, _edited(root, index, {"segmentation": stored.record.replaces}))
        _remove(root, stored)


def volume_table(root: Path, volume: str) -> tuple[int, VolumeTable]:
    """Number and table of a volume in case.toml; raises BadInput where there is no such volume."""
    table = _case_table(read_text(root / CASE_FILE, name=CASE_FILE))
    for index, each in enumerate(table.volume):
        if each.file == volume:
            return index, each
    known = ", ".join(each.file for each in table.volume) or "none: add one with atlasplane add"
    raise BadInput(volume, "is no volume of the case", f"Its volumes are: {known}")


def _files_of(found: FoundBones, affine_lps: Array) -> dict[str, bytes]:
    masks = {f"{bone}.nii.gz": mask_bytes(mask, affine_lps) for bone, mask in found.masks.items()}
    meshes = {f"{bone}{MESH_END}": mesh_bytes(found.meshes[bone], MESH_END) for bone in found.masks}
    return masks | meshes


def _record(
    root: Path, volume: str, found: FoundBones, files: Mapping[str, bytes], *, replaces: str | None
) -> SegmentationFile:
    def digest(file: str) -> str:
        return hashlib.sha256(files[file]).hexdigest()

    bones = {
        bone: {
            "mask": f"{bone}.nii.gz",
            "mask_sha256": digest(f"{bone}.nii.gz"),
            "mesh": f"{bone}{MESH_END}",
            "mesh_sha256": digest(f"{bone}{MESH_END}"),
            "voxels": int(np.count_nonzero(mask)),
        }
        for bone, mask in found.masks.items()
    }
    content: dict[str, Any] = {
        "schema": SEGMENTATION_SCHEMA,
        "volume": {"file": volume, "sha256": digest_of(root / volume, volume)},
        "status": "proposed",
        "tool": {"name": found.tool, "version": found.version},
        "time": _now(),
        "seeds": points_of(found.seeds),
        "bones": bones,
        "findings": [_finding(each, volume) for each in found.findings],
        "replaces": replaces,
    }
    return SegmentationFile.model_validate(content)


def _finding(found: Finding, volume: str) -> dict[str, Any]:
    return {
        "code": found.code,
        "severity": found.severity.value,
        "text": found.text,
        "file": found.file or volume,
        "value": found.value,
        "limit": found.limit,
        "source": found.source,
    }


def waiting_proposal(root: Path, volume: str) -> StoredSegmentation | None:
    """The proposal of a volume that waits for a person, or None; raises BadInput where it cannot be read."""
    _, table = volume_table(root, volume)
    stored = None if table.segmentation is None else read_segmentation(root, table.segmentation)
    return stored if stored is not None and stored.record.status == "proposed" else None


def _waiting(root: Path, volume: str) -> StoredSegmentation:
    stored = waiting_proposal(root, volume)
    if stored is None:
        raise BadInput(volume, "has no proposal that waits", "Make one: atlasplane segment CASE")
    return stored


def _changed(record: SegmentationFile, changes: Mapping[str, Any]) -> SegmentationFile:
    return SegmentationFile.model_validate({**record.model_dump(by_alias=True), **changes})


def _plain(masks: Mapping[Any, Any]) -> dict[str, Any]:
    """Masks as case.toml writes them."""
    return {
        bone: named if isinstance(named, str) else named.model_dump(exclude_none=True)
        for bone, named in masks.items()
    }


def _edited(root: Path, index: int, changes: Mapping[str, object]) -> str:
    """The user's text of case.toml with keys of one volume changed; raises BadInput where that cannot be."""
    text = with_keys(read_text(root / CASE_FILE, name=CASE_FILE), "volume", index, changes, name=CASE_FILE)
    _case_table(text)
    return text


def _case_table(text: str) -> CaseFile:
    content = checked_schema(toml_content(text, name=CASE_FILE), CASE_SCHEMA, name=CASE_FILE)
    return validated(CaseFile, content, name=CASE_FILE)


def _free_folder(root: Path, volume: str) -> str:
    names = [f"{file_stem(volume)}-bones", *(f"{file_stem(volume)}-bones-{n}" for n in range(2, 1000))]
    free = next((name for name in names if not (root / name).exists()), None)
    if free is None:
        raise BadInput(volume, "has a thousand segmentations", "Delete those that nothing names")
    return free


def _remove(root: Path, stored: StoredSegmentation) -> None:
    """Delete a segmentation's own files; what somebody put beside them stays."""
    for file in (*digests(stored), stored.file):
        (root / file).unlink(missing_ok=True)
    with suppress(OSError):
        (root / stored.folder).rmdir()


def _now() -> datetime:
    return datetime.now(UTC).astimezone().replace(microsecond=0)
