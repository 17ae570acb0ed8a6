"""A phantom's measures with its overall size taken out, so that bones are modelled once, at the mean size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from atlasplane.anatomy.phantom import Phantom, mean_phantom
from atlasplane.anatomy.solids_shapes import Egg, Point, Quadric
from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Person:
    """One person at the mean size; lengths in mm of that size.

    Attributes
    ----------
    size : factor from these lengths to the person's own
    points : mapping id -> point in the frame of its bone
    origins : mapping bone -> origin of its frame in the skull frame
    arcs : mapping id -> array, shape (n, 3)
    vault : outer table of the skull
    """

    size: float
    points: Mapping[str, Point]
    origins: Mapping[str, Point]
    arcs: Mapping[str, Array]
    vault: Quadric

    def between(self, bone: str, other: str, point: Point) -> Point:
        """A point of one bone's frame in the frame of another, neutral pose."""
        moved = np.array(point) + self.origins[bone] - np.array(self.origins[other])
        return _point(moved)

    def side(self, name: str, sign: int) -> Point:
        """A paired landmark, laid on the right side: `sign` +1 the right one, -1 the mirrored left one."""
        x, y, z = self.points[f"{name}_{'R' if sign > 0 else 'L'}"]
        return x, y, abs(z)


def person_of(phantom: Phantom) -> Person:
    """Measures of one person.

    Raises
    ------
    ValueError
        When the phantom holds more than one person.
    """
    nasion = phantom.points_mm["N"][1]
    if nasion.shape != (3,):
        raise ValueError(
            f"solids are made for one person, got points of shape {nasion.shape}; index the phantom first"
        )
    # The nasion varies with the common size alone.
    size = float(np.linalg.norm(nasion) / np.linalg.norm(mean_phantom().points_mm["N"][1]))
    return Person(
        size=size,
        points={name: _point(at / size) for name, (_, at) in phantom.points_mm.items()},
        origins={bone: _point(at / size) for bone, at in phantom.origins_mm.items()},
        arcs={name: arc / size for name, (_, arc) in phantom.arcs_mm.items()},
        vault=Quadric(_point(phantom.vault.centre_mm / size), phantom.vault.shape_mm2 / size**2),
    )


def _point(at: Array) -> Point:
    return float(at[0]), float(at[1]), float(at[2])


def brow_and_nape(person: Person, grown_mm: float = 0.0) -> tuple[Egg, Egg]:
    """Forehead down to the nasion and lower occiput, which reach beyond the vault's ellipsoid.

    Both are narrower than the vault and lie before and behind its widest section, so the outline that a film
    from the front shows at the sides of the vault is the ellipsoid's alone.
    """
    nasion, lowest = person.points["N"], person.points["OCC_INF"]
    brow = (72.0 + grown_mm, 64.0 + grown_mm, 58.0 + grown_mm)
    nape = (39.0 + grown_mm, 36.0 + grown_mm, 54.0 + grown_mm)
    return (
        Egg((nasion[0] - 72.0, nasion[1] + 2.0, 0.0), brow),
        Egg((lowest[0] + 14.0, lowest[1] + 27.0, 0.0), nape),
    )


def joint_surface(arc: Array, radius_across_mm: float, gap_mm: float = 0.0) -> tuple[Point, Point]:
    """Centre and half-extents of the ellipsoid whose coronal section through the arc is the arc's circle.

    Parameters
    ----------
    arc : array, shape (n, 3)
        Points of a circle about the mid-plane, at one x.
    radius_across_mm : radius of curvature in the sagittal plane where the surface is lowest (or highest)
    gap_mm : growth of the ellipsoid, for the opposite surface of the joint
    """
    y, z = arc[:, 1], arc[:, 2]
    # (y - c)^2 + z^2 = r^2: the difference of two points' equations is linear in c.
    centre = (y[-1] ** 2 + z[-1] ** 2 - y[0] ** 2 - z[0] ** 2) / (2 * (y[-1] - y[0]))
    radius = float(np.hypot(y[0] - centre, z[0]))
    across = float(np.sqrt(radius * radius_across_mm))
    return (float(arc[0, 0]), float(centre), 0.0), (across + gap_mm, radius + gap_mm, radius + gap_mm)
