"""Films of a real head whose C1 and C2 have moved by known amounts, drawn by another program.

The head is the Visible Human's (8-bit CT, 1.58 x 1.00 x 1.01 mm). C1 and C2 are cut out of it with soft
edges by the corrected masks, the gap is filled with soft tissue, and the bones go back in where they are
wanted: line integrals add, so each part is rendered in its own place. plastimatch does that, exactly through
voxels that are boxes, half as large as the CT's (cubic interpolation) and with four rays to a pixel; this
program projects linearly between the CT's own voxels. On top come fillings, an ear-ring, a necklace, bodies
of soft tissue with sharp edges, hardening, scatter and quantum noise.

What is registered are the masks that the program itself proposes on the CT with noise added. Truth and model
share the voxels of one CT: resolution and greys of its bones are a real person's, but the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.anatomy.bone_frames import skull_frame
from atlasplane.anatomy.solids import WATER_PER_MM, Solid
from atlasplane.chain.registered_bones import bone_models
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.frames import ISB_FROM_LPS, isb_from_lps
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.io.volume_file import open_volume
from atlasplane.io.volume_image import VolumeImage
from atlasplane.simulate.ct_subject import ct_subject
from atlasplane.simulate.exposure import (
    LEAD,
    Beam,
    Detector,
    expected_counts,
    field_of,
    marker_glyph,
    quantum_counts,
)
from atlasplane.sources.film import View
from atlasplane.sources.volume import Volume
from atlasplane.volume.grid import GreyGrid
from atlasplane.volume.segmentation import segment
from atlasplane.xray.registration_problem import BoneModel
from benchmarks.registration_peers import View as PeerView
from benchmarks.registration_peers import plastimatch_film
from benchmarks.registration_setup import PITCH_MM, Ellipsoid, finer, means, random_body, shadows

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]
NAME = "visible_human_male_head"
MARKS = Path(__file__).resolve().parents[1] / "tests" / "data"
_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MOVED = ("c1", "c2")
FINER = 2
"""Voxels of the truth along the edge of one of the CT's."""
NOISE_GREY = 2.0
"""1 sd of a voxel of the CT that is registered; water lies some 65 greys over air."""
PHOTONS, SCATTER = 2e4, 0.3
ROWS: Mapping[View, tuple[int, int]] = {
    View.LATERAL: (0, 365),
    View.NASIUM: (110, 390),
    View.VERTEX: (0, 460),
}
"""First row and number of rows that the beam is narrowed to; the CT's lower end would show below them."""
FILLING_PER_MM, STEEL_PER_MM = 0.6, 0.5
_DENSE_GREY = 250
_ROOM_FROM_LPS = RigidTransform(ISB_FROM_LPS, np.zeros(3))


class HeadMissing(Exception):
    """The CT is not there."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Head:
    """The head in parts, and the models that are cut out of its CT.

    Attributes
    ----------
    rest : Solid
        All but the moved bones, soft tissue in their place; LPS axes.
    bones : mapping "c1", "c2" -> Solid
        Excess over soft tissue; LPS axes.
    models : tuple of BoneModel
        Skull, C1, C2 as the program cuts them out.
    upright : array, shape (3, 3)
        From the volume's axes to those of the skull's frame.
    points_mm : mapping id -> array, shape (3,)
        Landmarks, ISB mm.
    teeth_mm : array, shape (n, 3)
        Densest voxels, ISB mm.
    """

    rest: Solid
    bones: Mapping[str, Solid]
    models: tuple[BoneModel, ...]
    upright: Array
    points_mm: Mapping[str, Array]
    teeth_mm: Array

    def centre_mm(self, bone: str) -> Array:
        """Point of the volume that changes of a bone's pose turn about."""
        return next(model.centre_mm for model in self.models if model.bone == bone)


def data_folder() -> Path:
    """Folder of the real data.

    Raises
    ------
    HeadMissing
        When the CT is not in it.
    """
    folder = Path(os.environ.get("ATLASPLANE_DATA", _DATA))
    if not (folder / "ct" / f"{NAME}.nii.gz").exists():
        raise HeadMissing(f"ct/{NAME}.nii.gz is not there (ATLASPLANE_DATA)")
    return folder


def real_head(rng: np.random.Generator, *, finer: int = FINER) -> Head:
    """The head, cut up.

    Parameters
    ----------
    rng : Generator
        Source of the noise of the CT that is registered.
    finer : int
        Voxels of the truth along the edge of one of the CT's.

    Raises
    ------
    HeadMissing
        When the CT is not there.
    """
    path = data_folder() / "ct" / f"{NAME}.nii.gz"
    image = open_volume(path)
    voxels = np.asarray(image.load_voxels())
    subject = ct_subject(path, MARKS / f"{NAME}.landmarks.json")
    shares = corrected_shares(voxels, image)
    first = np.round((subject.solid.origin_mm - image.affine_lps[:3, 3]) / subject.solid.spacing_mm).astype(
        int
    )
    at = tuple(slice(f, f + n) for f, n in zip(first, subject.solid.attenuation_per_mm.shape, strict=True))
    bones, rest = {}, subject.solid.attenuation_per_mm.copy()
    for bone, share in shares.items():
        excess = share[at] * (subject.solid.attenuation_per_mm - np.float32(WATER_PER_MM))
        rest -= excess
        bones[bone] = _upsampled(_cut(replace(subject.solid, attenuation_per_mm=excess)), finer)
    teeth = np.argwhere(voxels >= _DENSE_GREY) @ image.affine_lps[:3, :3].T + image.affine_lps[:3, 3]
    return Head(
        rest=_upsampled(replace(subject.solid, attenuation_per_mm=np.maximum(rest, 0)), finer),
        bones=bones,
        models=noisy_models(rng, voxels, image),
        upright=skull_frame(subject.points_isb).rotation.T,
        points_mm=subject.points_isb,
        teeth_mm=isb_from_lps(teeth),
    )


def noisy_models(
    rng: np.random.Generator, voxels: NDArray[np.generic], image: VolumeImage
) -> tuple[BoneModel, ...]:
    """Bones as the program cuts them out of the CT with noise, by the masks that it proposes itself."""
    noisy = np.clip(np.rint(voxels + rng.normal(0.0, NOISE_GREY, voxels.shape)), 0, 255).astype(np.uint8)
    masks = segment(noisy, image.affine_lps, hounsfield=image.hounsfield).masks
    volume = Volume(
        file=f"{NAME}.nii.gz",
        shape=noisy.shape,
        affine_lps=image.affine_lps,
        hounsfield=image.hounsfield,
        load_voxels=lambda: noisy,
        masks={bone: f"{bone}.nii.gz" for bone in masks},
        load_mask=lambda bone: np.asarray(masks[bone], dtype=bool),
    )
    return bone_models(volume)


def corrected_shares(voxels: NDArray[np.generic], image: VolumeImage) -> dict[str, Grey]:
    """How much of each voxel moves with C1 and with C2: corrected masks and a soft rim around them."""
    record = json.loads((MARKS / f"{NAME}.masks.json").read_text(encoding="utf-8"))
    seeds = {bone: np.array(points) for bone, points in record["seeds"].items()}
    made = segment(voxels, image.affine_lps, hounsfield=image.hounsfield, seeds=seeds).masks
    grid = GreyGrid(voxels, image.affine_lps)
    masks = {bone: _stroked(np.array(made[bone]), bone, record, grid) for bone in MOVED}
    masks["c2"] &= ~masks["c1"]
    masks["skull"] = made["skull"] & ~masks["c1"] & ~masks["c2"]
    shares = {}
    for bone in MOVED:
        others = np.any([mask for name, mask in masks.items() if name != bone], axis=0)
        wide = ndimage.binary_dilation(masks[bone], ndimage.generate_binary_structure(3, 3)) & ~others
        rim = ndimage.binary_dilation(wide) & ~others & ~wide
        shares[bone] = wide.astype(np.float32) + np.float32(0.5) * rim
    # Rims of both bones must not take one voxel twice.
    total = np.maximum(shares["c1"] + shares["c2"], 1)
    return {bone: share / total for bone, share in shares.items()}


def _stroked(mask: Mask, bone: str, record: Mapping[str, list[dict[str, object]]], grid: GreyGrid) -> Mask:
    """The mask after the strokes of the correction: balls that add what is bright, or remove all."""
    for stroke in record["strokes"]:
        if stroke["bone"] != bone:
            continue
        at, radius = np.array(stroke["at"]), float(stroke["radius_mm"])  # type: ignore[arg-type]
        box = grid.box(at - radius, at + radius)
        index = np.argwhere(np.ones([s.stop - s.start for s in box])) + [s.start for s in box]
        near = tuple(index[np.linalg.norm(grid.place_of(index) - at, axis=1) <= radius].T)
        mask[near] = (
            (mask[near] | (grid.values[near] > record["least_grey"])) if stroke["what"] == "add" else False
        )
    return mask


def _cut(solid: Solid) -> Solid:
    """Without the empty voxels around, four left at each side."""
    spans = []
    for axis, size in enumerate(solid.attenuation_per_mm.shape):
        others = tuple(k for k in range(3) if k != axis)
        hit = np.flatnonzero(np.any(solid.attenuation_per_mm != 0, axis=others))
        spans.append(slice(max(int(hit[0]) - 4, 0), min(int(hit[-1]) + 5, size)))
    first = np.array([s.start for s in spans])
    return Solid(
        attenuation_per_mm=solid.attenuation_per_mm[tuple(spans)],
        origin_mm=solid.origin_mm + first * solid.spacing_mm,
        spacing_mm=solid.spacing_mm,
    )


def _upsampled(solid: Solid, times: int) -> Solid:
    """On a grid so many times finer, by cubic splines; the block goes from first to last voxel centre."""
    shape = tuple((n - 1) * times + 1 for n in solid.attenuation_per_mm.shape)
    values = ndimage.affine_transform(
        solid.attenuation_per_mm, np.full(3, 1 / times), output_shape=shape, order=3, output=np.float32
    )
    return Solid(attenuation_per_mm=values, origin_mm=solid.origin_mm, spacing_mm=solid.spacing_mm / times)


def foreign_bodies(rng: np.random.Generator, head: Head) -> tuple[Ellipsoid, ...]:
    """Fillings, an ear-ring, a necklace, and soft tissue or air that is not as on the CT."""
    bodies = [
        _ball(rng.choice(head.teeth_mm) + rng.normal(0.0, 1.0, 3), rng.uniform(1.2, 2.8), FILLING_PER_MM)
        for _ in range(6)
    ]
    ear = head.points_mm["PO_R" if rng.random() < 0.5 else "PO_L"]
    bodies.append(_ball(ear + np.array([-3.0, -22.0, 0.0]), 2.0, STEEL_PER_MM))
    bodies += [_ball(at, 0.9, STEEL_PER_MM) for at in _necklace(rng, head)]
    bodies += [random_body(rng, head.centre_mm("c1")) for _ in range(6)]
    return tuple(bodies)


def _ball(centre_mm: Array, radius_mm: float, per_mm: float) -> Ellipsoid:
    return Ellipsoid(centre_mm, np.eye(3) / radius_mm, per_mm)


def _necklace(rng: np.random.Generator, head: Head) -> Array:
    """Beads round the neck from C3 behind to lower down in front, shape (n, 3), ISB mm."""
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    middle = head.centre_mm("c2") + np.array([10.0, -28.0 - rng.uniform(0, 10), 0.0])
    forward, right = np.cos(angle), np.sin(angle)
    return middle + np.stack([62 * forward, -6.0 * (1 + forward), 58 * right], axis=-1)


def line_integrals(
    head: Head,
    skull: RigidTransform,
    moved: Mapping[str, RigidTransform],
    bodies: Sequence[Ellipsoid],
    camera: PinholeCamera,
    shape: tuple[int, int],
    *,
    projector: Callable[[PeerView], Array] = plastimatch_film,
) -> Grey:
    """The whole head on a film, four rays to a pixel, by a projector that is not the program's.

    Raises
    ------
    PeerMissing
        When plastimatch is not installed.
    """
    fine, size = finer(camera), (2 * shape[0], 2 * shape[1])
    still = RigidTransform.identity()
    parts = [(head.rest, still), *((head.bones[bone], moved[bone]) for bone in MOVED)]
    total = shadows(bodies, skull, fine, size)
    for solid, motion in parts:
        view = PeerView(solid=solid, pose=skull @ motion @ _ROOM_FROM_LPS, camera=fine, shape_px=size)
        total = total + projector(view)
    return np.maximum(means(total), 0)


def exposed(rng: np.random.Generator, absorbed: Grey) -> Grey:
    """Counts of every pixel, with a lead letter at the border."""
    at = (0.08 * absorbed.shape[1], 0.78 * absorbed.shape[0])
    absorbed = absorbed + np.float32(LEAD) * marker_glyph(absorbed.shape, "R", at, 30.0)
    beam = Beam(photons=PHOTONS * (PITCH_MM / 0.2) ** 2, collimated=0.0)
    expected = expected_counts(
        absorbed, beam, Detector(scatter_fraction=SCATTER), field_of(beam, absorbed.shape)
    )
    return quantum_counts(ndimage.gaussian_filter(expected, 0.3), rng)
