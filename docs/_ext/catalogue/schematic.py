"""A schematic person before a pinhole camera: outlines and landmark positions, in millimetres on the film.

What the phantom holds (landmarks, joint surfaces, vault) is taken from it; everything else comes from
`schematic.toml`, is drawn to be recognised only, and is used by no calculation.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from atlasplane.anatomy.landmarks import landmarks
from atlasplane.anatomy.phantom import Phantom, Posture, mean_phantom, posture
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.quadric import Ellipsoid
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

SCHEMATIC = Path(__file__).with_name("schematic.toml")
VIEWS = ("lateral", "nasium", "vertex")
SKULL_WALL = 0.93
"""Inner over outer size of the drawn vault."""

# From the film frame of the definitions to the page; the patient's right is on the left of coronal drawings.
PAGE_FROM_FILM: Mapping[str, Array] = {
    "lateral": np.eye(2),
    "nasium": np.array([[-1.0, 0.0], [0.0, 1.0]]),
    "vertex": np.array([[0.0, -1.0], [1.0, 0.0]]),
}

Angles = tuple[float, float, float]
STRAIGHT: Angles = (0.0, 0.0, 0.0)


@cache
def table() -> Mapping[str, Any]:
    """The schematic positions and outlines as written."""
    read: dict[str, Any] = tomllib.loads(SCHEMATIC.read_text(encoding="utf-8"))
    if read["schema"] != "atlasplane.schematic/1":
        raise ValueError("schematic.toml: unknown schema")
    return read


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outline:
    """One curve of a drawing.

    Attributes
    ----------
    bone : bone whose tint it takes
    style : bone, faint, wash, line, edge, skin or hole
    closed : whether it is an area
    at_mm : array, shape (n, 2), on the page
    """

    bone: str
    style: str
    closed: bool
    at_mm: Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Film:
    """One drawing: a person in a posture before a camera. Page coordinates: mm on the film, right and up."""

    view: str
    phantom: Phantom
    posture: Posture
    camera: PinholeCamera

    def on_page(self, bone: str, points_mm: Array) -> Array:
        """Page coordinates of points in a bone's frame, shape (..., 3) -> (..., 2)."""
        return self.camera.project_mm(self.posture.room_from(bone).apply(np.asarray(points_mm, dtype=float)))

    def landmark(self, id_: str) -> Array:
        """Page coordinates of a point, shape (2,), or of a contour, shape (n, 2)."""
        if id_[:-2] in ("SQ", "TURN", "SKULL"):
            return self._on_vault(id_)
        bone, at = positions()[id_]
        return self.on_page(bone, at)

    def vault(self, scale: float = 1.0) -> tuple[Array, Array]:
        """Outline of the vault: on the skull (skull frame), shape (n, 3), and on the page, shape (n, 2)."""
        source = self.posture.room_from("skull").inverse().apply(self.camera.source_mm)
        rim = outline_on_ellipsoid(self.phantom.vault, source, scale=scale)
        return rim, self.on_page("skull", rim)

    def outlines(self) -> tuple[Outline, ...]:
        """Every outline of the view, from the back of the drawing to its front."""
        return _outlines(self)

    def _drawn(self) -> Iterator[Outline]:
        yield from self._skull()
        for entry in table()["outline"]:
            if self.view in entry["views"]:
                for bone, curve in _curves(entry):
                    closed = entry["form"] != "open"
                    at = self.on_page("trunk" if bone.startswith("vertebra") else bone, curve)
                    yield Outline(bone=bone.split(":")[0], style=entry["style"], closed=closed, at_mm=at)

    def _on_vault(self, id_: str) -> Array:
        name, side = id_.rsplit("_", 1)
        rim, page = self.vault()
        low, high = float(self.phantom.squamous_y_mm), float(self.phantom.turn_y_mm)
        on_side = (rim[:, 2] > 0) == (side == "R")
        if name == "SKULL":
            chosen = on_side & (rim[:, 1] >= low) & (rim[:, 1] <= high)
            wall: Array = page[chosen][np.argsort(rim[chosen, 1])]
            return wall
        level = low if name == "SQ" else high
        nearest: Array = page[np.argmin(np.abs(rim[:, 1] - level) + 1e6 * ~on_side)]
        return nearest

    def _skull(self) -> Iterator[Outline]:
        outer, inner = self.vault()[1], self.vault(SKULL_WALL)[1]
        if self.view == "vertex":
            yield Outline(bone="skull", style="bone", closed=True, at_mm=outer)
            yield Outline(bone="skull", style="hole", closed=True, at_mm=inner)
        if self.view != "nasium":
            return
        ends = {key: self.on_page("skull", at) for key, at in table()["cranium"]["nasium"].items()}
        centre = self.on_page("skull", self.phantom.vault.centre_mm)
        outside = _arc_between(outer, centre, ends["outer_from"], ends["outer_to"])
        inside = _arc_between(inner, centre, ends["inner_from"], ends["inner_to"])
        base, rest, front = (_smooth(ends[key]) for key in ("outer_base", "inner_base", "front"))
        ring = np.concatenate([outside, base, rest, inside[::-1], front])
        yield Outline(bone="skull", style="bone", closed=True, at_mm=ring)


@lru_cache(maxsize=8)
def _outlines(sheet: Film) -> tuple[Outline, ...]:
    return tuple(sheet._drawn())


def film(
    view: str,
    *,
    head: Angles = STRAIGHT,
    c1: Angles = STRAIGHT,
    c2: Angles = STRAIGHT,
    trunk: Angles = STRAIGHT,
    aside_mm: Mapping[str, float] = MappingProxyType({}),
) -> Film:
    """A drawing of the mean phantom.

    Parameters
    ----------
    view : "lateral", "nasium" or "vertex"
    head : yaw, pitch, roll of the whole patient, degrees
    c1, c2, trunk : flexion, laterality, rotation beyond the pose of that drawing, degrees
    aside_mm : mapping bone -> shift to the patient's right
    """
    pose = table()["pose"][view]
    phantom = mean_phantom()
    stand = posture(
        phantom,
        head_deg=np.array(head),
        atlas_deg=np.add(pose["c1"], c1),
        axis_deg=np.add(pose["c2"], c2),
        trunk_deg=np.add(pose["trunk"], trunk),
    )
    for bone, shift in aside_mm.items():
        place: RigidTransform = getattr(stand, bone)
        moved = RigidTransform(place.rotation, place.translation_mm + np.array([0.0, 0.0, shift]))
        aside: dict[str, Any] = {bone: moved}
        stand = replace(stand, **aside)
    sid, sod = table()["camera"][view]
    camera = _camera(view, sid, sod, np.radians(pose["tube_deg"]))
    return Film(view=view, phantom=phantom, posture=stand, camera=camera)


@cache
def positions() -> Mapping[str, tuple[str, Array]]:
    """Bone and place of every landmark of the phantom, then of those of `schematic.toml`."""
    phantom = mean_phantom()
    known: dict[str, tuple[str, Array]] = {**phantom.points_mm, **phantom.arcs_mm}
    for bone, points in table()["points"].items():
        known.update({id_: (bone, np.array(at)) for id_, at in points.items()})
    for name, vertebra in table()["vertebra"].items():
        for corner, at in table()["corner"].items():
            id_ = f"SLL_{name}" if corner == "SLL" else f"{name}_{corner}"
            if id_ in landmarks():
                known[id_] = ("trunk", _in_trunk(vertebra, np.array([*at, 0.0])))
    return known


def is_drawn(id_: str) -> bool:
    """Whether the drawings have a place for a landmark."""
    return id_[:-2] in ("SQ", "TURN", "SKULL") or id_ in positions()


def outline_on_ellipsoid(
    ellipsoid: Ellipsoid, source_mm: Array, *, scale: float = 1.0, n: int = 361
) -> Array:
    """Where rays from a source graze an ellipsoid: a closed curve, shape (n, 3).

    Where the ellipsoid is the unit sphere, the grazing points u satisfy u . v = 1 with v the source.
    """
    spread = np.linalg.cholesky(ellipsoid.shape_mm2) * scale
    v = np.linalg.solve(spread, source_mm - ellipsoid.centre_mm)
    first = np.cross(v, [0.0, 0.0, 1.0] if abs(v[2]) < 0.5 * np.linalg.norm(v) else [1.0, 0.0, 0.0])
    first /= np.linalg.norm(first)
    second = np.cross(v, first) / np.linalg.norm(v)
    turn = np.linspace(0, 2 * np.pi, n)[:, None]
    around = np.cos(turn) * first + np.sin(turn) * second
    on_sphere = v / (v @ v) + np.sqrt(1 - 1 / (v @ v)) * around
    rim: Array = ellipsoid.centre_mm + on_sphere @ spread.T
    return rim


def _camera(view: str, sid_mm: float, sod_mm: float, tube: float) -> PinholeCamera:
    """Film perpendicular to the beam, first page axis to the right, second up."""
    c, s = np.cos(tube), np.sin(tube)
    beam, right, up = {
        "lateral": ([0, 0, 1], [1, 0, 0], [0, 1, 0]),
        "nasium": ([-c, -s, 0], [0, 0, -1], [-s, c, 0]),
        "vertex": ([s, -c, 0], [0, 0, -1], [c, s, 0]),
    }[view]
    along = np.array(beam, dtype=float)
    return PinholeCamera(
        source_mm=-sod_mm * along,
        centre_mm=(sid_mm - sod_mm) * along,
        column_axis=np.array(right, dtype=float),
        row_axis=np.array(up, dtype=float),
        pitch_mm=np.ones(2),
        principal_px=np.zeros(2),
    )


def _in_trunk(vertebra: Mapping[str, Any], points: Array) -> Array:
    place = RigidTransform(
        rotation_from_zxy(vertebra["tilt_deg"], 0.0, 0.0), np.array([*vertebra["centre"], 0.0])
    )
    return place.apply(points)


def _curves(entry: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """Bone and smooth 3-D curve of an outline, its mirror image and its repetitions."""
    at = np.array(entry["at"], dtype=float)
    if entry["form"] == "symmetric":
        at = np.concatenate([at, at[-2:0:-1] * [1, 1, -1]])
    sides = [at, at * [1, 1, -1]] if entry.get("pair") else [at]
    for points in sides:
        if entry["bone"] != "vertebra":
            yield entry["bone"], _smooth(points, closed=entry["form"] != "open")
            continue
        for name, vertebra in table()["vertebra"].items():
            if name != "T1" or name in entry.get("also", ()):
                local = _stretched(points, vertebra["spinous"]) if entry.get("stretch") else points
                curve = _smooth(local, closed=entry["form"] != "open")
                yield f"vertebra:{name}", _in_trunk(vertebra, curve)


def _stretched(points: Array, spinous_mm: float) -> Array:
    """A spinous process drawn for 13 mm, lengthened and let droop."""
    grown = points.copy()
    behind = np.clip((-25 - points[:, 0]) / 13, 0, None)
    grown[:, 0] -= behind * (spinous_mm - 13)
    return grown


def _smooth(points: Array | Sequence[Sequence[float]], *, closed: bool = False, n: int = 6) -> Array:
    """Centripetal Catmull-Rom curve through points, (m, d) -> (k, d); a point written twice is a corner."""
    at = np.asarray(points, dtype=float)
    if closed and not np.allclose(at[0], at[-1]):
        at = np.concatenate([at, at[:1]])
    same = np.all(np.isclose(at[1:], at[:-1]), axis=1)
    breaks = [0, *(np.flatnonzero(same) + 1), len(at)]
    pieces = [at[i:j] for i, j in pairwise(breaks) if j - i > 1]
    corner_first = bool(same[0])
    if len(pieces) == 1:
        return _catmull_rom(pieces[0], n, wrap=closed and not corner_first)
    if closed and not corner_first:
        pieces = [*pieces[1:-1], np.concatenate([pieces[-1], pieces[0][1:]])]
    return np.concatenate([_catmull_rom(piece, n, wrap=False) for piece in pieces])


def _catmull_rom(at: Array, n: int, *, wrap: bool) -> Array:
    if len(at) == 2:
        return at
    before, after = (at[-2], at[1]) if wrap else (2 * at[0] - at[1], 2 * at[-1] - at[-2])
    knots = np.concatenate([[before], at, [after]])
    step = np.sqrt(np.linalg.norm(np.diff(knots, axis=0), axis=1))
    t = np.concatenate([[0], np.cumsum(np.maximum(step, 1e-6))])
    pieces = [_segment(knots[i - 1 : i + 3], t[i - 1 : i + 3], n) for i in range(1, len(knots) - 2)]
    return np.concatenate([*pieces, at[-1:]])


def _segment(p: Array, t: Array, n: int) -> Array:
    """Points of a Catmull-Rom segment from p[1] up to, not including, p[2] (Barry and Goldman's pyramid)."""
    x = np.linspace(t[1], t[2], n, endpoint=False)[:, None]

    def between(a: Array, b: Array, i: int, j: int) -> Array:
        mixed: Array = ((t[j] - x) * a + (x - t[i]) * b) / (t[j] - t[i])
        return mixed

    a1, a2, a3 = (between(p[k], p[k + 1], k, k + 1) for k in range(3))
    return between(between(a1, a2, 0, 2), between(a2, a3, 1, 3), 1, 2)


def _arc_between(ring: Array, centre: Array, start: Array, stop: Array) -> Array:
    """Part of a closed curve above the line from start to stop, in that order, by direction from a centre."""

    def direction(at: Array) -> Array:
        """Angle counted from straight down, so that an arc over the top never wraps."""
        turned: Array = (np.arctan2(*(at - centre)[..., ::-1].T) + np.pi / 2) % (2 * np.pi)
        return turned

    around, first, last = direction(ring), direction(start), direction(stop)
    order = np.argsort(around)
    inside = order[(around[order] > min(first, last)) & (around[order] < max(first, last))]
    part: Array = ring[inside if first < last else inside[::-1]]
    return part
