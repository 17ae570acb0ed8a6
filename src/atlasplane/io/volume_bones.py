"""Masks and meshes of a volume as case.toml names them: those that a person accepted, or named by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.io.digest import sha256_of
from atlasplane.io.models import LabelledMask, VolumeTable
from atlasplane.io.segmentation_record import (
    CASE_FILE,
    StoredSegmentation,
    check_volume,
    digests,
    read_segmentation,
)
from atlasplane.io.visit_folder import named_file
from atlasplane.io.volume_grid import Grid
from atlasplane.sources.volume import BONES


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VolumeBones:
    """What a `Volume` takes over, the record where there is one, and what a person should know."""

    masks: Mapping[str, str]
    meshes: Mapping[str, str]
    load_mask: Callable[[str], NDArray[np.bool_]]
    load_mesh: Callable[[str], TriangleMesh]
    stored: StoredSegmentation | None
    findings: tuple[Finding, ...]


def volume_bones(
    root: Path, table: VolumeTable, grid: Grid, *, sha256: Callable[[], str], where: str
) -> VolumeBones:
    """Masks and meshes of one volume; headers of masks are read, nothing else is.

    What belongs to a proposal that waits is left out, also where case.toml names it already.

    Parameters
    ----------
    sha256 : callable
        Digest of the volume's bytes, asked for where there is a record.
    where : str
        The volume's place in case.toml, for messages.

    Raises
    ------
    BadInput
        When a file is missing, a mask lies on another grid, or the record belongs to another volume.
    """
    stored = _stored(root, table, sha256)
    waits = stored is not None and stored.record.status == "proposed"
    proposed = set(digests(stored)) if stored is not None and waits else set()
    named: dict[str, tuple[str, int | None]] = {b: _labelled(each) for b, each in table.masks.items()}
    masks = {bone: each for bone, each in named.items() if each[0] not in proposed}
    meshes: dict[str, str] = {bone: file for bone, file in table.meshes.items() if file not in proposed}
    for file, _ in masks.values():
        _check_mask(named_file(root, file, name=CASE_FILE, where=f"{where}.masks"), file, grid)
    for file in meshes.values():
        _check_mesh(named_file(root, file, name=CASE_FILE, where=f"{where}.meshes"), file)
    return VolumeBones(
        masks={bone: file for bone, (file, _) in masks.items()},
        meshes=meshes,
        load_mask=partial(_mask, root, masks, grid),
        load_mesh=partial(_mesh, root, meshes, grid.file),
        stored=stored,
        findings=_findings(root, table.file, stored),
    )


def _stored(root: Path, table: VolumeTable, sha256: Callable[[], str]) -> StoredSegmentation | None:
    if table.segmentation is None:
        return None
    stored = read_segmentation(root, table.segmentation)
    if stored.record.volume.file != table.file:
        what = f"is of {stored.record.volume.file}, not of {table.file}"
        raise BadInput(stored.file, what, "Correct 'segmentation' in case.toml")
    check_volume(stored, sha256())
    return stored


def _labelled(named: str | LabelledMask) -> tuple[str, int | None]:
    return (named, None) if isinstance(named, str) else (named.file, named.label)


# The libraries of masks and meshes are loaded only where there are some.
def _check_mask(path: Path, name: str, grid: Grid) -> None:
    from atlasplane.io.mask_file import check_mask

    check_mask(path, name=name, grid=grid)


def _check_mesh(path: Path, name: str) -> None:
    from atlasplane.io.mesh_file import MESH_ENDS

    if path.suffix.lower() not in MESH_ENDS:
        raise BadInput(name, "is neither an STL nor a PLY file", "Export the mesh as STL or PLY")


def _mask(
    root: Path, masks: Mapping[str, tuple[str, int | None]], grid: Grid, bone: str
) -> NDArray[np.bool_]:
    from atlasplane.io.mask_file import read_mask

    if bone not in masks:
        raise _missing(grid.file, bone, "mask", "masks")
    file, label = masks[bone]
    return read_mask(root / file, name=file, grid=grid, label=label)


def _mesh(root: Path, meshes: Mapping[str, str], volume: str, bone: str) -> TriangleMesh:
    from atlasplane.io.mesh_file import read_mesh

    if bone not in meshes:
        raise _missing(volume, bone, "mesh", "meshes")
    return read_mesh(root / meshes[bone], name=meshes[bone])


def _missing(volume: str, bone: str, kind: str, key: str) -> BadInput:
    if bone not in BONES:
        return BadInput(volume, f"'{bone}' is no bone", f"Bones are: {', '.join(BONES)}")
    remedy = f"Name one in case.toml ({key}), or run atlasplane segment and accept what it proposes"
    return BadInput(volume, f"has no {kind} of {bone}", remedy)


def _findings(root: Path, volume: str, stored: StoredSegmentation | None) -> tuple[Finding, ...]:
    if stored is None:
        return ()
    if stored.record.status == "proposed":
        text = (
            f"A proposal of {', '.join(stored.record.bones)} by {stored.record.tool.name} waits: it feeds no "
            "measurement before a person accepts it in atlasplane mark, or with atlasplane segment --accept."
        )
        return (Finding(code="bones.proposal", severity=Severity.INFO, file=volume, text=text),)
    changed = [
        file
        for file, sha256 in digests(stored).items()
        if (root / file).exists() and sha256_of(root / file, name=file) != sha256
    ]
    text = f"It is not what {stored.record.accepted_by} accepted: its bytes have changed since."
    return tuple(
        Finding(code="bones.changed", severity=Severity.WARN, file=file, text=text) for file in changed
    )
