"""A schematic person before a camera: outlines and landmark positions, in millimetres on the film.

The landmark pictures of the marking page and the drawings of the reference pages show this person. What the
phantom holds (joint surfaces, vault, the listing's landmarks) is taken from it; everything else comes from
data/schematic, is drawn to be recognised only, and is used by no calculation.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np

from atlasplane.anatomy.landmarks import landmarks
from atlasplane.anatomy.phantom import Phantom, Posture, mean_phantom, posture
from atlasplane.anatomy.schematic_curves import arc_between, outline_on_ellipsoid, smooth_curve
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

TOPICS = ("stand", "series", "coronal", "spine", "photo")
"""Files of data/schematic; the outlines are drawn in this order."""
SKULL_WALL = 0.93
"""Inner over outer size of the drawn vault."""
_ON_VAULT = ("SQ", "TURN", "SKULL")

# Rows: page right and page up in film axes. The patient's right is on the left, but on the right from behind.
_PAGE_FROM_FILM: Mapping[str, Array] = {
    "side": np.eye(2),
    "front": np.array([[-1.0, 0.0], [0.0, 1.0]]),
    "back": np.eye(2),
    "above": np.array([[0.0, -1.0], [1.0, 0.0]]),
    "below": np.array([[0.0, -1.0], [1.0, 0.0]]),
}

Angles = tuple[float, float, float]
STRAIGHT: Angles = (0.0, 0.0, 0.0)


@cache
def schematic_table() -> Mapping[str, Any]:
    """The schematic positions and outlines as written, all files together."""
    whole: dict[str, Any] = {"outline": []}
    folder = files("atlasplane.anatomy").joinpath("data/schematic")
    for topic in TOPICS:
        read = tomllib.loads(folder.joinpath(f"{topic}.toml").read_text(encoding="utf-8"))
        if read.pop("schema") != "atlasplane.schematic/1":
            raise ValueError(f"schematic/{topic}.toml: unknown schema")
        whole["outline"] += read.pop("outline", [])
        whole.update(read)
    return MappingProxyType(whole)


VIEWS: tuple[str, ...] = tuple(schematic_table()["view"])
"""Views that have a drawing."""


@cache
def special_subjects() -> frozenset[str]:
    """Landmarks for which a view is drawn differently."""
    table = schematic_table()
    named = [*table["bow"].values(), *(entry for entry in table["outline"] if "with" in entry)]
    return frozenset(id_ for entry in named for id_ in entry["with"])


def page_from_film(view: str) -> Array:
    """From the film frame of a view to the page (right, up), shape (2, 2)."""
    return _PAGE_FROM_FILM[schematic_table()["view"][view]["seen"]]


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
    """One drawing: a person in a posture before a camera. Page coordinates: mm on the film, right and up.

    Attributes
    ----------
    subject : landmark that the drawing is about, without side; some outlines are drawn for it only
    """

    view: str
    subject: str = ""
    phantom: Phantom
    posture: Posture
    camera: PinholeCamera

    @property
    def seen(self) -> str:
        """From where: side, front, back, above or below."""
        return str(schematic_table()["view"][self.view]["seen"])

    def on_page(self, bone: str, points_mm: Array) -> Array:
        """Page coordinates of points in a bone's frame, shape (..., 3) -> (..., 2)."""
        return self.camera.project_mm(self.posture.room_from(bone).apply(np.asarray(points_mm, dtype=float)))

    def landmark(self, id_: str) -> Array:
        """Page coordinates of a point, shape (2,), or of a contour, shape (n, 2)."""
        if id_[:-2] in _ON_VAULT:
            return self._on_vault(id_)
        bone, at = positions(self.view)[id_]
        return self.on_page(bone, self._bowed(at) if bone == "trunk" else at)

    def vault(self, scale: float = 1.0) -> tuple[Array, Array]:
        """Outline of the vault: on the skull (skull frame), shape (n, 3), and on the page, shape (n, 2)."""
        source = self.posture.room_from("skull").inverse().apply(self.camera.source_mm)
        rim = outline_on_ellipsoid(self.phantom.vault, source, scale=scale)
        return rim, self.on_page("skull", rim)

    def outlines(self) -> tuple[Outline, ...]:
        """Every outline of the view, from the back of the drawing to its front."""
        return _outlines(self)

    def _drawn(self) -> Iterator[Outline]:
        if not self.view.startswith("photo"):
            yield from self._skull()
        for entry in schematic_table()["outline"]:
            if self.view in entry["views"] and self.subject in entry.get("with", (self.subject,)):
                for bone, curve in _curves(entry):
                    at = self._bowed(curve) if bone == "vertebra" else curve
                    yield Outline(
                        bone=bone,
                        style=entry["style"],
                        closed=entry["form"] != "open",
                        at_mm=self.on_page("trunk" if bone == "vertebra" else bone, at),
                    )

    def _bowed(self, points_mm: Array) -> Array:
        """Points of the trunk with the spine bowed to the right, where the subject asks for it."""
        bow = schematic_table()["bow"].get(self.view)
        if bow is None or self.subject not in bow["with"]:
            return points_mm
        length = bow["top"] - bow["bottom"]
        phase = np.pi * np.clip((bow["top"] - points_mm[..., 1]) / length, 0.0, 1.0)
        slope = -bow["aside_mm"] * np.pi / length * np.sin(2 * phase)
        shift = np.zeros_like(points_mm)
        shift[..., 2] = bow["aside_mm"] * np.sin(phase) ** 2
        shift[..., 1] = -points_mm[..., 2] * slope
        return points_mm + shift

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
        if self.seen in ("above", "below"):
            yield Outline(bone="skull", style="bone", closed=True, at_mm=outer)
            yield Outline(bone="skull", style="hole", closed=True, at_mm=inner)
        cranium = schematic_table()["cranium"]
        if self.view not in cranium["views"]:
            return
        ends = {key: self.on_page("skull", at) for key, at in cranium["front"].items()}
        centre = self.on_page("skull", self.phantom.vault.centre_mm)
        outside = arc_between(outer, centre, ends["outer_from"], ends["outer_to"])
        inside = arc_between(inner, centre, ends["inner_from"], ends["inner_to"])
        base, rest, front = (smooth_curve(ends[key]) for key in ("outer_base", "inner_base", "front"))
        ring = np.concatenate([outside, base, rest, inside[::-1], front])
        yield Outline(bone="skull", style="bone", closed=True, at_mm=ring)


@lru_cache(maxsize=16)
def _outlines(sheet: Film) -> tuple[Outline, ...]:
    return tuple(sheet._drawn())


def schematic_film(
    view: str,
    *,
    subject: str = "",
    head: Angles = STRAIGHT,
    c1: Angles = STRAIGHT,
    c2: Angles = STRAIGHT,
    trunk: Angles = STRAIGHT,
    aside_mm: Mapping[str, float] = MappingProxyType({}),
) -> Film:
    """A drawing of the mean phantom.

    Parameters
    ----------
    view : str
        One of `VIEWS`.
    subject : str
        Landmark that the drawing is about, without side.
    head : yaw, pitch, roll of the whole patient beyond the pose of that drawing, degrees
    c1, c2, trunk : flexion, laterality, rotation beyond it, degrees
    aside_mm : mapping bone -> shift to the patient's right
    """
    pose = schematic_table()["view"][view]
    stand = posture(
        mean_phantom(),
        head_deg=np.add(pose.get("head", STRAIGHT), head),
        atlas_deg=np.add(pose.get("c1", STRAIGHT), c1),
        axis_deg=np.add(pose.get("c2", STRAIGHT), c2),
        trunk_deg=np.add(pose.get("trunk", STRAIGHT), trunk),
    )
    for bone, shift in aside_mm.items():
        place: RigidTransform = getattr(stand, bone)
        moved = RigidTransform(place.rotation, place.translation_mm + np.array([0.0, 0.0, shift]))
        aside: dict[str, Any] = {bone: moved}
        stand = replace(stand, **aside)
    sid, sod = pose["camera"]
    camera = _camera(pose["seen"], sid, sod, np.radians(pose.get("tube_deg", 0.0)))
    return Film(view=view, subject=subject, phantom=mean_phantom(), posture=stand, camera=camera)


@cache
def positions(view: str) -> Mapping[str, tuple[str, Array]]:
    """Bone and place of every landmark of the phantom, then of those of the schematic table, on a view."""
    phantom, table = mean_phantom(), schematic_table()
    known: dict[str, tuple[str, Array]] = {**phantom.points_mm, **phantom.arcs_mm}
    for places in (table["points"], table["contours"], table["points_on"].get(view, {})):
        for bone, points in places.items():
            for id_, at in points.items():
                right = np.array(at, dtype=float)
                known[id_] = (bone, right)
                if id_.endswith("_R"):
                    known[f"{id_[:-2]}_L"] = (bone, right * [1, 1, -1])
    for id_, bone, at in _corners():
        known[id_] = (bone, at)
    return known


def is_drawn(id_: str) -> bool:
    """Whether the drawings have a place for a landmark."""
    return id_[:-2] in _ON_VAULT or id_ in positions("")


def _corners() -> Iterator[tuple[str, str, Array]]:
    """Corners and canal of the vertebrae that are landmarks."""
    table = schematic_table()
    for name, vertebra in table["vertebra"].items():
        template = "lower" if vertebra["region"] == "lower" else "cervical"
        for corner, at in table["corner"][template].items():
            id_ = f"SLL_{name}" if corner == "SLL" else f"{name}_{corner}"
            if id_ in landmarks():
                yield id_, "trunk", _in_trunk(vertebra, _sized(np.array([*at, 0.0]), vertebra))


def _camera(seen: str, sid_mm: float, sod_mm: float, tube: float) -> PinholeCamera:
    """Film perpendicular to the beam, first page axis to the right, second up."""
    c, s = np.cos(tube), np.sin(tube)
    beam, right, up = {
        "side": ([0, 0, 1], [1, 0, 0], [0, 1, 0]),
        "front": ([-c, -s, 0], [0, 0, -1], [-s, c, 0]),
        "back": ([c, -s, 0], [0, 0, 1], [s, c, 0]),
        "above": ([s, -c, 0], [0, 0, -1], [c, s, 0]),
        "below": ([s, c, 0], [0, 0, -1], [c, -s, 0]),
    }[seen]
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


def _sized(points: Array, vertebra: Mapping[str, Any]) -> Array:
    grown: Array = points * np.array(vertebra.get("size", (1.0, 1.0, 1.0)))
    return grown


def _curves(entry: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """Bone and smooth 3-D curve of an outline, its mirror image and its repetitions."""
    at = np.array(entry["at"], dtype=float)
    if entry["form"] == "symmetric":
        at = np.concatenate([at, at[-2:0:-1] * [1, 1, -1]])
    for points in [at, at * [1, 1, -1]] if entry.get("pair") else [at]:
        if entry["bone"] != "vertebra":
            yield entry["bone"], smooth_curve(points, closed=entry["form"] != "open")
            continue
        for vertebra in schematic_table()["vertebra"].values():
            if vertebra["region"] in entry.get("regions", ("cervical",)):
                local = _stretched(points, vertebra["spinous"]) if entry.get("stretch") else points
                curve = smooth_curve(_sized(local, vertebra), closed=entry["form"] != "open")
                yield "vertebra", _in_trunk(vertebra, curve)


def _stretched(points: Array, spinous_mm: float) -> Array:
    """A spinous process drawn for 13 mm, lengthened and let droop."""
    grown = points.copy()
    behind = np.clip((-25 - points[:, 0]) / 13, 0, None)
    grown[:, 0] -= behind * (spinous_mm - 13)
    return grown
