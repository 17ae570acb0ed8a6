"""The bones of a volume for the page: what is stored of them, seeds, outlines, and what a person decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.chain.segmented import check_seeds
from atlasplane.core.errors import BadInput
from atlasplane.geometry.types import Array
from atlasplane.io.atomic import write_text
from atlasplane.io.folder_lock import locked_folder
from atlasplane.io.landmark_save import NO_FILE, revision
from atlasplane.io.mask_file import read_mask
from atlasplane.io.models import VolumeTable
from atlasplane.io.segmentation_file import (
    accept_segmentation,
    reject_segmentation,
    withdraw_segmentation,
)
from atlasplane.io.segmentation_record import StoredSegmentation, read_seeds, seeds_path, seeds_text
from atlasplane.io.volume_bones import VolumeBones, volume_bones
from atlasplane.io.volume_grid import Grid
from atlasplane.sources.volume import Volume
from atlasplane.web.bodies import DecisionBody, SeedsBody
from atlasplane.web.bone_jobs import BoneJobs
from atlasplane.web.desk import Desk, Place
from atlasplane.web.memory import Memory
from atlasplane.web.outlines import BoneMask, cut_mask, outlines
from atlasplane.web.saving import Conflict
from atlasplane.xray.slices import SlicePlane

Json = dict[str, Any]
MASK_BYTES = 256 << 20
"""Masks that are kept, cut to their boxes."""
SHOWN = {"skull": "Skull", "c1": "Atlas C1", "c2": "Axis C2"}
"""The bones that are looked for."""
OTHER = "other"
"""Seeds in it say: this bone is none of those."""
_DECISIONS = {"reject": reject_segmentation, "withdraw": withdraw_segmentation}


@dataclass(slots=True, eq=False, kw_only=True)
class BoneRoom:
    """What the server knows of bones.

    Attributes
    ----------
    desk : the images
    jobs : segmentations that run
    """

    desk: Desk
    jobs: BoneJobs
    _masks: Memory[BoneMask] = field(
        default_factory=lambda: Memory(MASK_BYTES, lambda mask: mask.voxels.nbytes)
    )
    _reading: Lock = field(default_factory=Lock)
    _stored: Memory[VolumeBones] = field(default_factory=lambda: Memory(8))

    def document(self, id_: str) -> Json:
        """Everything that the panel shows; raises BadInput."""
        place = self.desk.place(id_, volume=True)
        bones = self._bones(place)
        stored = bones.stored
        shown = self._shown(bones)
        return {
            "bones": [_bone(bone, stored, bone in shown) for bone in dict.fromkeys([*SHOWN, *shown, OTHER])],
            "record": None if stored is None else self._record(stored),
            "seeds": self._seeds(place, stored),
            "used_seeds": {} if stored is None else _plain(stored.record.seeds),
            "job": self.jobs.document(id_),
        }

    def propose(self, id_: str, body: SeedsBody) -> None:
        """Begin a segmentation from these seeds; without any they are looked for, and none is kept.

        Raises
        ------
        BadInput
            When a seed lies outside, or a segmentation is running.
        """
        place = self.desk.place(id_, volume=True)
        seeds = self._checked(place, body)
        self.jobs.start(id_, self.desk.root, place.table.file, seeds or None)
        if not seeds:
            seeds_path(self.desk.root, place.table.file).unlink(missing_ok=True)

    def save_seeds(self, id_: str, body: SeedsBody) -> None:
        """Keep the seeds that a person set, beside the volume; raises BadInput or OutputFailed."""
        place = self.desk.place(id_, volume=True)
        seeds = self._checked(place, body)
        with locked_folder(self.desk.root):
            write_text(seeds_path(self.desk.root, place.table.file), seeds_text(seeds))

    def decide(self, id_: str, decision: str, body: DecisionBody) -> None:
        """Accept, reject or take back what the page has shown.

        Raises
        ------
        Conflict
            When another segmentation stands there by now.
        BadInput
            When it cannot be accepted.
        """
        place = self.desk.place(id_, volume=True)
        stored = self._bones(place).stored
        if stored is None or revision(self.desk.root / stored.file) != body.revision:
            what = "is not the segmentation that was shown: another one was made since"
            raise Conflict("reading", place.name, what, "Look at the new one, then decide")
        if decision == "accept":
            accept_segmentation(
                self.desk.root, place.table.file, observer=body.observer, despite_stop=body.despite_stop
            )
        else:
            _DECISIONS[decision](self.desk.root, place.table.file)

    def outlines(self, id_: str, plane: SlicePlane) -> dict[str, NDArray[np.int32]]:
        """Where a plane cuts the bones, in tenths of its pixels; raises BadInput."""
        place = self.desk.place(id_, volume=True)
        image = self.desk.volume_image(place)
        grid = Grid(file=place.name, shape=image.shape, affine_lps=image.affine_lps)
        masks = {b: self._mask(b, at, grid) for b, at in self._shown(self._bones(place)).items()}
        return outlines(masks, np.linalg.inv(image.affine_lps).astype(np.float64), plane)

    def _bones(self, place: Place) -> VolumeBones:
        image, table = self.desk.volume_image(place), place.table
        assert isinstance(table, VolumeTable)
        grid = Grid(file=table.file, shape=image.shape, affine_lps=image.affine_lps)
        root, sha256 = self.desk.root, self.desk.sha256(place)
        record = None if table.segmentation is None else revision_of(root / table.segmentation)

        def read() -> VolumeBones:
            return volume_bones(root, table, grid, sha256=lambda: sha256, where=f"volume[{place.index}]")

        return self._stored.get(place.id, (table, sha256, record), read)

    def _shown(self, bones: VolumeBones) -> dict[str, tuple[str, VolumeBones]]:
        """Bones whose outlines are drawn, with the file of their mask: a proposal that waits goes first."""
        named = {bone: (file, bones) for bone, file in bones.masks.items()}
        stored = bones.stored
        if stored is not None and stored.record.status == "proposed":
            named |= {bone: (file, bones) for bone, file in stored.masks.items()}
        return named

    def _mask(self, bone: str, at: tuple[str, VolumeBones], grid: Grid) -> BoneMask:
        file, bones = at
        path = self.desk.root / file

        def read() -> BoneMask:
            is_named = bones.masks.get(bone) == file
            mask = bones.load_mask(bone) if is_named else read_mask(path, name=file, grid=grid)
            return cut_mask(mask)

        with self._reading:  # four slices ask at once: the mask is read for the first of them
            return self._masks.get((bone, file), revision_of(path), read)

    def _record(self, stored: StoredSegmentation) -> Json:
        record = stored.record
        return {
            "revision": revision(self.desk.root / stored.file),
            "status": record.status,
            "tool": " ".join(part for part in (record.tool.name, record.tool.version) if part),
            "time": record.time.isoformat(),
            "accepted_by": record.accepted_by,
            "accepted_at": None if record.accepted_at is None else record.accepted_at.isoformat(),
            "findings": [
                {"code": f.code, "severity": f.severity, "text": f.text, "file": f.file}
                for f in record.findings
            ],
        }

    def _seeds(self, place: Place, stored: StoredSegmentation | None) -> Json:
        """The seeds that a person set, else those of the segmentation."""
        path = seeds_path(self.desk.root, place.table.file)
        if revision(path) != NO_FILE:
            return {bone: at.tolist() for bone, at in read_seeds(path, name=path.name).items()}
        return {} if stored is None else _plain(stored.record.seeds)

    def _checked(self, place: Place, body: SeedsBody) -> dict[str, Array]:
        seeds: dict[str, Array] = {b: np.array(points) for b, points in body.seeds.items() if points}
        image = self.desk.volume_image(place)
        volume = Volume(
            file=place.name,
            shape=image.shape,
            affine_lps=image.affine_lps,
            hounsfield=image.hounsfield,
            load_voxels=image.load_voxels,
        )
        check_seeds(volume, seeds)
        return seeds


def revision_of(path: Path) -> object:
    """What changes when a mask file does; raises BadInput."""
    try:
        found = path.stat()
    except OSError as fault:
        raise BadInput(path.name, "cannot be read", "Load the page again") from fault
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _bone(bone: str, stored: StoredSegmentation | None, is_drawn: bool) -> Json:
    found = None if stored is None else stored.record.bones.get(bone)  # type: ignore[call-overload]
    return {
        "id": bone,
        "name": "Other bone" if bone == OTHER else SHOWN.get(bone, bone.upper()),
        "drawn": is_drawn,
        "voxels": None if found is None else found.voxels,
    }


def _plain(seeds: Mapping[Any, Any]) -> Json:
    return {bone: [list(point) for point in points] for bone, points in seeds.items()}
