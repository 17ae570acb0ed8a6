"""A block of voxels on which simple bodies are joined, cut and turned into attenuation.

Attenuation is additive: one solid, the soft tissue, holds water wherever the patient is, and every bone holds
what it adds to water (air cells inside a bone subtract). So the line integrals of parts that move on their
own simply add, and no part has to be carved out of another. Values are for a beam of about 60 keV effective.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from atlasplane.anatomy.solids_shapes import Field32, Shape
from atlasplane.geometry.types import Array

WATER_PER_MM = 0.0206
CORTICAL_PER_MM = 0.0575
CANCELLOUS_PER_MM = 0.0285
DENTINE_PER_MM = 0.063
ENAMEL_PER_MM = 0.100

FAR_MM = 12.0
"""Distances are kept up to this value; it exceeds every cortex and blend."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Solid:
    """A voxel block of one bone or of the soft tissue, in the frame of that bone.

    Attributes
    ----------
    attenuation_per_mm : array of float32, shape (nx, ny, nz)
        Bones: excess over water; soft tissue: water, 0 in air.
    origin_mm : array, shape (3,)
        Centre of voxel (0, 0, 0) in the frame of the bone.
    spacing_mm : array, shape (3,)
        Distance between voxel centres along X, Y and Z.
    """

    attenuation_per_mm: Field32
    origin_mm: Array
    spacing_mm: Array


@dataclass(frozen=True, slots=True)
class Tissue:
    """How a joined body is filled: a dense cortex around a sponge.

    Attributes
    ----------
    cortex_mm : thickness of the cortex
    cortex_per_mm, core_per_mm : attenuation over water of cortex and core
    grain : relative size (1 sd) of the irregularity of the core
    """

    cortex_mm: float
    cortex_per_mm: float = CORTICAL_PER_MM - WATER_PER_MM
    core_per_mm: float = CANCELLOUS_PER_MM - WATER_PER_MM
    grain: float = 0.35


class Block3:
    """The grid of one solid: coordinates, distances of the body under construction, attenuation so far.

    Parameters
    ----------
    lowest_mm, highest_mm : corners of the block, each of shape (3,)
    spacing_mm : voxel edge
    """

    def __init__(self, lowest_mm: Sequence[float], highest_mm: Sequence[float], spacing_mm: float) -> None:
        low, high = np.asarray(lowest_mm, dtype=float), np.asarray(highest_mm, dtype=float)
        # Voxel centres lie symmetric about z = 0 where the block does, so a symmetric person stays symmetric.
        self.count = np.ceil((high - low) / spacing_mm).astype(int) + 1
        self.origin = 0.5 * (low + high) - 0.5 * (self.count - 1) * spacing_mm
        self.spacing = float(spacing_mm)
        self.axes = [
            (o + spacing_mm * np.arange(n)).astype(np.float32)
            for o, n in zip(self.origin, self.count, strict=True)
        ]
        self.attenuation: Field32 = np.zeros(self.count, dtype=np.float32)

    def blank(self) -> Field32:
        """Distances of nothing."""
        return np.full(self.count, FAR_MM, dtype=np.float32)

    def window(self, shape: Shape, margin_mm: float) -> tuple[slice, slice, slice] | None:
        """Index ranges of the grid that hold the shape and a margin; None when it lies outside."""
        low, high = shape.bounds()
        first = np.clip(np.floor((low - margin_mm - self.origin) / self.spacing).astype(int), 0, self.count)
        last = np.clip(
            np.ceil((high + margin_mm - self.origin) / self.spacing).astype(int) + 1, 0, self.count
        )
        if np.any(last <= first):
            return None
        return slice(first[0], last[0]), slice(first[1], last[1]), slice(first[2], last[2])

    def coordinates(self, at: tuple[slice, slice, slice]) -> tuple[Field32, Field32, Field32]:
        """X, Y, Z of a window, shaped to broadcast."""
        x, y, z = (axis[s] for axis, s in zip(self.axes, at, strict=True))
        return x[:, None, None], y[None, :, None], z[None, None, :]

    def join(self, field: Field32, shapes: Iterable[Shape], *, blend_mm: float = 0.0) -> Field32:
        """Unite shapes with `field` (changed in place and returned), with fillets of size `blend_mm`."""
        for shape in shapes:
            at = self.window(shape, blend_mm + 2 * self.spacing)
            if at is not None:
                field[at] = soft_min(field[at], shape.distance(*self.coordinates(at)), blend_mm)
        return field

    def join_sides(
        self, field: Field32, right: Iterable[Shape], left: Iterable[Shape], *, blend_mm: float = 0.0
    ) -> Field32:
        """Unite the shapes of both sides with `field` (changed in place and returned), neither side first.

        Fillets depend on the order of joining: sides joined one after the other would not mirror each other.
        """
        twin = self.join(field.copy(), left, blend_mm=blend_mm)
        self.join(field, right, blend_mm=blend_mm)
        return np.minimum(field, twin, out=field)

    def join_mirrored(self, field: Field32, right: Sequence[Shape], *, blend_mm: float = 0.0) -> Field32:
        """Unite shapes of the right side and their mirror images with `field`."""
        return self.join_sides(field, right, [shape.mirrored() for shape in right], blend_mm=blend_mm)

    def cut(self, field: Field32, shapes: Iterable[Shape], *, blend_mm: float = 0.0) -> Field32:
        """Take shapes out of the distances in `field` (changed in place and returned)."""
        for shape in shapes:
            # The wall of a hole needs its distance as deep as a cortex is thick.
            at = self.window(shape, blend_mm + 4.0)
            if at is not None:
                field[at] = -soft_min(-field[at], shape.distance(*self.coordinates(at)), blend_mm)
        return field

    def inside(self, field: Field32, ramp_voxels: float = 1.0) -> Field32:
        """Share of each voxel that the body fills, 0 to 1, rising over `ramp_voxels` across the surface."""
        share: Field32 = np.clip(np.float32(0.5) - field / np.float32(ramp_voxels * self.spacing), 0, 1)
        return share

    def fill(self, field: Field32, tissue: Tissue, grain: Field32 | None = None) -> None:
        """Add the body to the attenuation; where it meets another, the denser one stays."""
        near = np.nonzero(field < 0.5 * self.spacing)
        if not near[0].size:
            return
        at = tuple(slice(int(k.min()), int(k.max()) + 1) for k in near)
        part = field[at]
        core = np.clip(
            (-part - np.float32(tissue.cortex_mm)) / np.float32(self.spacing) + np.float32(0.5), 0, 1
        )
        uneven = np.float32(0) if grain is None else np.float32(tissue.grain) * grain[at]
        sponge = np.float32(tissue.core_per_mm) * (1 + uneven)
        value = self.inside(part) * (core * sponge + (1 - core) * np.float32(tissue.cortex_per_mm))
        self.attenuation[at] = np.maximum(self.attenuation[at], value)

    def hollow(self, field: Field32, value_per_mm: float) -> None:
        """Replace the attenuation inside the body by one value (air cells: minus water)."""
        share = self.inside(field)
        self.attenuation += share * (np.float32(value_per_mm) - self.attenuation)

    def solid(self) -> Solid:
        """The finished solid."""
        return Solid(
            attenuation_per_mm=self.attenuation,
            origin_mm=self.origin.copy(),
            spacing_mm=np.full(3, self.spacing),
        )


def soft_min(a: Field32, b: Field32, blend_mm: float) -> Field32:
    """Smaller of two distances with a fillet; differs from the minimum only where |a - b| < blend_mm."""
    if blend_mm <= 0:
        return np.minimum(a, b)
    near = np.maximum(np.float32(blend_mm) - np.abs(a - b), 0)
    blended: Field32 = np.minimum(a, b) - near * near * np.float32(0.25 / blend_mm)
    return blended


def grain(shape: Sequence[int], rng: np.random.Generator) -> Field32:
    """Irregular sponge texture, mean 0 and sd about 1, mirror-symmetric in the last axis.

    One small tile is drawn and repeated; few rays of a divergent beam meet its copies in line. Symmetry keeps
    the mean person exactly symmetric.
    """
    tile = rng.standard_normal((53, 47, 29)).astype(np.float32)
    for axis in range(3):
        tile = tile + np.roll(tile, 1, axis)
    tile /= tile.std()
    half = (shape[2] + 1) // 2
    repeats = [-(-n // m) for n, m in zip((shape[0], shape[1], half), tile.shape, strict=True)]
    right = np.tile(tile, repeats)[: shape[0], : shape[1], :half]
    return np.concatenate([right[:, :, ::-1], right[:, :, shape[2] % 2 :]], axis=2)
