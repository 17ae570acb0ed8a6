"""Bones of a volume, proposed: it is read, segmented by us or by another program, checked and stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

import atlasplane
from atlasplane.core.errors import BadInput, MissingExtra
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array
from atlasplane.io.case_folder import read_case
from atlasplane.io.mask_file import EmptyMask, read_mask
from atlasplane.io.nifti import write_volume
from atlasplane.io.segmentation_file import store_proposal
from atlasplane.io.segmentation_record import FoundBones, StoredSegmentation
from atlasplane.io.volume_grid import Grid
from atlasplane.sources.case import Case
from atlasplane.sources.volume import Volume
from atlasplane.volume.adapters import Segmenter, mask_files, run_segmenter, segmenters

OWN = "atlasplane"
EXTRA = ("skimage", "fast_simplification")
"""What the extra [ct] installs of what a segmentation needs."""

MOST_FACES = 200_000
"""Triangles of a mesh that is written: a skull of a fine scan has some millions, which no reader needs."""

Stage = Callable[[str], None]
"""Told what is being done now."""


class Segmented(Protocol):
    """What a segmentation returns."""

    @property
    def masks(self) -> Mapping[str, NDArray[np.bool_]]:
        """Bone to mask, shape of the volume."""

    @property
    def meshes(self) -> Mapping[str, TriangleMesh]:
        """Bone to surface, LPS mm."""

    @property
    def checks(self) -> tuple[Finding, ...]:
        """What its shape check found."""

    @property
    def seeds(self) -> Mapping[str, Array]:
        """Bone to the points that it started from, shape (k, 3), LPS mm."""


class Segmenting(Protocol):
    """A way to segment: `atlasplane.volume.segmentation.segment`, or a stand-in of a test."""

    def __call__(
        self,
        voxels: NDArray[np.generic],
        affine_lps: Array,
        *,
        hounsfield: bool,
        seeds: Mapping[str, Array] | None,
        name: str,
    ) -> Segmented:
        """Masks, meshes and checks of the bones."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Proposal:
    """A proposal as it was stored, and what its shape check found."""

    stored: StoredSegmentation
    findings: tuple[Finding, ...]

    @property
    def stops(self) -> bool:
        """Whether the shape check forbids to accept it unseen."""
        return any(found.severity is Severity.STOP for found in self.findings)


def volume_of(case: Case, file: str | None) -> Volume:
    """The volume of a case by its name, or its only one.

    Raises
    ------
    BadInput
        When there is none, or several and none is named.
    """
    known = ", ".join(volume.file for volume in case.volumes)
    if not case.volumes:
        raise BadInput(str(case.folder), "has no volume", "Add a CT or CBCT: atlasplane add CASE FILE")
    if file is None and len(case.volumes) > 1:
        raise BadInput(str(case.folder), "has several volumes", f"Name one with --volume: {known}")
    found = next((volume for volume in case.volumes if file in (None, volume.file)), None)
    if found is None:
        raise BadInput(str(file), "is no volume of the case", f"Its volumes are: {known}")
    return found


def propose(
    root: Path,
    *,
    volume: str | None = None,
    seeds: Mapping[str, Array] | None = None,
    tool: str = OWN,
    stage: Stage = lambda _: None,
    segmenting: Segmenting | None = None,
) -> Proposal:
    """Segment a volume of a case, and store what is found as a proposal.

    Parameters
    ----------
    volume : str, optional
        Which, as case.toml names it; needed where there are several.
    seeds : mapping bone -> array, shape (k, 3), LPS mm, optional
        Points inside the bones; without them they are looked for.
    tool : str
        `OWN`, or the id of an installed program of others.
    segmenting : callable, optional
        Used in place of our own segmentation.

    Raises
    ------
    BadInput
        When the volume or the seeds cannot be used, or the program is missing or fails; nothing is stored.
    MissingExtra
        When the optional part [ct] is not installed.
    OutputFailed
        When it cannot be stored; the case is as before.
    """
    stage("Reading the scan")
    scan = volume_of(read_case(root), volume)
    if tool != OWN and seeds is not None:
        raise BadInput("--seeds", f"are nothing that {tool} takes", "Leave out one of the two")
    check_seeds(scan, seeds or {})
    try:
        if tool == OWN:
            found = _own(scan, seeds, stage, segmenting)
        else:
            found = _by_program(scan, _program(tool), stage)
    except MemoryError as fault:
        what = "needs more memory than this computer has free"
        raise BadInput(scan.file, what, "Cut the scan to head and neck") from fault
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in EXTRA:
            raise
        raise MissingExtra("ct", "atlasplane segment") from missing
    stage("Writing masks and meshes")
    return Proposal(stored=store_proposal(root, scan.file, found, scan.affine_lps), findings=found.findings)


def own_segmenting() -> Segmenting:
    """Our own segmentation, loaded only where it is wanted; raises ModuleNotFoundError without [ct]."""
    from atlasplane.volume.segmentation import segment

    return segment


def check_seeds(volume: Volume, seeds: Mapping[str, Array]) -> None:
    """Refuse seeds that do not lie in the volume; raises BadInput."""
    from_lps = np.linalg.inv(volume.affine_lps)
    for bone, points in seeds.items():
        index = np.asarray(points, dtype=float) @ from_lps[:3, :3].T + from_lps[:3, 3]
        outside = np.any((index < -0.5) | (index > np.array(volume.shape) - 0.5), axis=1)
        if outside.any():
            at = ", ".join(f"{value:.1f}" for value in points[int(outside.argmax())])
            what = f"seed of {bone} at {at} mm lies outside {volume.file}"
            raise BadInput("seeds", what, "Give LPS millimetres of this very volume")


def _own(
    volume: Volume, seeds: Mapping[str, Array] | None, stage: Stage, segmenting: Segmenting | None
) -> FoundBones:
    by = segmenting or own_segmenting()
    voxels = volume.load_voxels()
    stage("Looking for skull, C1 and C2")
    made = by(voxels, volume.affine_lps, hounsfield=volume.hounsfield, seeds=seeds, name=volume.file)
    return _found(made, volume, tool=OWN, version=atlasplane.__version__)


def _found(made: Segmented, volume: Volume, *, tool: str, version: str | None) -> FoundBones:
    """What is stored of a segmentation: bones that were found, with surfaces that a file can hold."""
    from atlasplane.volume.meshes import lighter

    masks = {bone: mask for bone, mask in made.masks.items() if mask.any()}
    if not masks:
        told = next((found.text for found in made.checks), "No bone was found.")
        raise BadInput(volume.file, f"holds none of the bones: {told}", "Set seeds in atlasplane mark")
    return FoundBones(
        masks=masks,
        meshes={bone: lighter(made.meshes[bone], MOST_FACES) for bone in masks},
        seeds=made.seeds,
        tool=tool,
        version=version,
        findings=tuple(made.checks),
    )


def _program(tool: str) -> Segmenter:
    known = segmenters()
    if tool not in known:
        names = ", ".join((OWN, *known))
        raise BadInput("--with", f"'{tool}' is no program that can be run", f"Give one of: {names}")
    return known[tool]


def _by_program(volume: Volume, program: Segmenter, stage: Stage) -> FoundBones:
    with TemporaryDirectory(prefix="atlasplane-") as made:
        folder = Path(made)
        write_volume(folder / program.input, volume.load_voxels(), volume.affine_lps)
        stage(f"{program.name} is running")
        version = run_segmenter(program, folder)
        stage(f"Checking what {program.name} found")
        masks = _masks(volume, program, folder)
    from atlasplane.volume.foreign_masks import checked_masks

    checked = checked_masks(
        volume.load_voxels(),
        volume.affine_lps,
        masks,
        hounsfield=volume.hounsfield,
        looked_for=program.bones,
        name=volume.file,
    )
    return _found(checked, volume, tool=program.name, version=version)


def _masks(volume: Volume, program: Segmenter, folder: Path) -> dict[str, NDArray[np.bool_]]:
    grid = Grid(file=volume.file, shape=volume.shape, affine_lps=volume.affine_lps)
    masks = {}
    for bone, (path, label) in mask_files(program, folder).items():
        name = f"{program.name}: {path.name}"
        try:
            masks[bone] = read_mask(path, name=name, grid=grid, label=label)
        except EmptyMask:
            continue  # it looked for the bone and found none: the check says so
    if not masks:
        what = f"found none of: {', '.join(program.bones)}"
        raise BadInput(program.name, what, "Try atlasplane segment without --with")
    return masks
