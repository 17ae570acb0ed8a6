"""Drawings in place of pictures that are not rendered: full-length films and photographs.

A drawing is plain: bodies of the phantom's own points at their true pixels, flat greys, and SIMULATED.
It shows where things lie, not what a film looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull

from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.types import Array
from atlasplane.simulate.exposure import FULL_GREY, stamped
from atlasplane.simulate.setup import FilmSetup
from atlasplane.simulate.subject import Posed
from atlasplane.sources.film import View

Shape = tuple[Literal["hull", "line", "disc"], Array, float, int]
"""Kind, room points (n, 3), radius or half-width in mm, grey of 255."""

_SOFT, _BONE, _EDGE, _DARK = 70, 150, 205, 40
_FACE = np.array(
    [
        [90, 52, 0],
        [98, 20, 0],
        [92, -8, 0],
        [84, -62, 0],
        [70, -80, 0],
        [30, -52, 40],
        [30, -52, -40],
        [60, 40, 0],
    ],
    dtype=float,
)
"""Profile from nasion to chin and the angles of the jaw, skull frame at the mean size."""
_SPREAD_TF_MM = 54.0
_GRAIN_PX = 8


def drawing(
    setup: FilmSetup, posed: Posed, camera: PinholeCamera, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """The picture of a film or photograph, 16 bit of which 12 are used, shape (rows, columns).

    A faint grain makes two exposures of one posture two files, as two real ones are.
    """
    rows, columns = setup.shape
    canvas = Image.new("L", (columns, rows), 0)
    pen = ImageDraw.Draw(canvas)
    p = posed.points_mm
    size = float(np.linalg.norm(p["TF_R"] - p["TF_L"])) / _SPREAD_TF_MM
    photo = setup.view.is_photo
    for shape in (
        _person(posed, size, setup) if photo else [*_head(posed, size), *_spine(posed), *_pelvis(p, size)]
    ):
        _draw(pen, shape, camera)
    grey = np.asarray(canvas, dtype=np.uint16) * np.uint16(FULL_GREY // 255)
    return stamped(grey + _grain(setup.shape, rng))


def _grain(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint16]:
    """One step of grey or none in every block of pixels."""
    blocks = rng.integers(0, 2, [-(-n // _GRAIN_PX) for n in shape], dtype=np.uint16)
    grown: NDArray[np.uint16] = blocks.repeat(_GRAIN_PX, axis=0).repeat(_GRAIN_PX, axis=1)
    return grown[: shape[0], : shape[1]] * np.uint16(FULL_GREY // 255)


def _draw(pen: ImageDraw.ImageDraw, shape: Shape, camera: PinholeCamera) -> None:
    kind, points, radius_mm, grey = shape
    px = camera.project(points)
    px_per_mm = float(camera.magnification(points[0]) / camera.pitch_mm[0])
    half = max(1.0, radius_mm * px_per_mm)
    if kind == "hull":
        outline = [tuple(map(float, px[k])) for k in ConvexHull(px).vertices]
        pen.polygon(outline, fill=grey, outline=min(255, grey + 50), width=max(1, round(half)))
    elif kind == "line":
        pen.line([tuple(map(float, at)) for at in px], fill=grey, width=round(2 * half), joint="curve")
    else:
        for column, row in px:
            pen.ellipse([column - half, row - half, column + half, row + half], fill=grey)


def _ball(centre: Array, radii: Array) -> Array:
    """Points of an ellipsoid's surface along the room's axes, shape (n, 3)."""
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 24), np.linspace(-np.pi / 2, np.pi / 2, 13))
    unit = np.stack([np.cos(rise) * np.cos(turn), np.sin(rise), np.cos(rise) * np.sin(turn)], axis=-1)
    points: Array = centre + unit.reshape(-1, 3) * radii
    return points


def _head(posed: Posed, size: float, grown_mm: float = 0.0, grey: int = _SOFT) -> list[Shape]:
    skull = posed.room_from["skull"]
    vault = _ball(np.array([5.0, 36.0, 0.0]), np.array([93.0, 102.0, 74.0]) + grown_mm) * size
    # Below the base the ellipsoid is not skull.
    vault[:, 1] = np.maximum(vault[:, 1], -18.0 * size)
    return [
        ("hull", skull.apply(_FACE * size), 0.5, grey),
        ("hull", skull.apply(vault), 0.5, grey),
    ]


def _spine(posed: Posed) -> list[Shape]:
    p, across = posed.points_mm, posed.room_from["trunk"].rotation[:, 2]
    shapes: list[Shape] = []
    for k in range(2, 8):
        ends = [p[f"C{k}_{end}"] for end in ("AS", "PS", "AI", "PI")]
        shapes.append(_body(*ends, across=across, half_width_mm=7.0 + k))
    for top, bottom, count, wide in (
        (("T1_AS", "T1_PS"), ("T4_AS", "T4_PS"), 3, (15.0, 13.0)),
        (("T4_AS", "T4_PS"), ("T12_AI", "T12_PI"), 9, (13.0, 20.0)),
        (("L1_AS", "L1_PS"), ("S1_A", "S1_P"), 5, (21.0, 25.0)),
    ):
        shapes += _chain([p[id_] for id_ in (*top, *bottom)], count, across, wide)
    return shapes


def _chain(ends: list[Array], count: int, across: Array, wide: tuple[float, float]) -> list[Shape]:
    """Bodies on a smooth curve from one endplate (front, back) to another."""
    front, back, low_front, low_back = ends
    start, stop = (front + back) / 2, (low_front + low_back) / 2
    reach = float(np.linalg.norm(stop - start))
    plates = [(front - back) / 2, (low_front - low_back) / 2]
    down = [reach * _unit(np.cross(plate, across)) * -1.0 for plate in plates]

    def ends_at(s: float) -> tuple[Array, Array]:
        h = np.array([2 * s**3 - 3 * s**2 + 1, s**3 - 2 * s**2 + s, 3 * s**2 - 2 * s**3, s**3 - s**2])
        centre = h[0] * start + h[1] * down[0] + h[2] * stop + h[3] * down[1]
        plate = (1 - s) * plates[0] + s * plates[1]
        return centre + plate, centre - plate

    shapes = []
    for k in range(count):
        corners = (*ends_at(k / count), *ends_at((k + 0.82) / count))
        width = wide[0] + (wide[1] - wide[0]) * k / count
        shapes.append(_body(*corners, across=across, half_width_mm=width))
    return shapes


def _body(a: Array, b: Array, c: Array, d: Array, *, across: Array, half_width_mm: float) -> Shape:
    corners = np.array([at + sign * half_width_mm * across for at in (a, b, c, d) for sign in (1, -1)])
    return ("hull", corners, 0.6, _BONE)


def _pelvis(p: Mapping[str, Array], size: float) -> list[Shape]:
    shapes: list[Shape] = []
    for side, sign in (("R", 1.0), ("L", -1.0)):
        out = np.array([0.0, 0.0, sign])
        wing = [
            p[f"CREST_{side}"],
            p["S1_MID"] + 45 * size * out,
            p[f"FHC_{side}"],
            p[f"FHC_{side}"] + 25 * out,
        ]
        shapes.append(("hull", np.array(wing), 0.6, _SOFT))
        shapes.append(("disc", p[f"FHC_{side}"][None], 24.0 * size, _BONE))
        collar = [p["STERN_TOP"] + 18 * size * out, p[f"CLAV_{side}"], p[f"ACR_{side}"]]
        shapes.append(("line", np.array(collar), 4.0 * size, _BONE))
    plate = [p["S1_A"], p["S1_P"], (p["S1_A"] + p["S1_P"]) / 2 + [-45 * size, -70 * size, 0]]
    sacrum = [
        at + np.array([0.0, 0.0, z])
        for at, half in zip(plate, (28, 28, 10), strict=True)
        for z in (half, -half)
    ]
    shapes.append(("hull", np.array(sacrum), 0.6, _BONE))
    return shapes


def _person(posed: Posed, size: float, setup: FilmSetup) -> list[Shape]:
    """Head, neck and shoulders in one grey, and the marks of a photograph on them."""
    p = posed.points_mm
    waist = [
        p[f"ACR_{side}"] + [x, -260 * size, -sign * 30]
        for side, sign in (("R", 1), ("L", -1))
        for x in (-60, 60)
    ]
    neck = [p["C7_SP"], p["STERN_TOP"] + [20, 10, 0]]
    neck += [p[f"MASTOID_{side}"] + [x, 0, 0] for side in "RL" for x in (-25, 45)]
    neck += [p["C7_C"] + [0, 0, sign * 70 * size] for sign in (1, -1)]
    body = [p["ACR_R"], p["ACR_L"], p["C7_SP"] + [0, -20, 0], p["STERN_TOP"] + [25, 0, 0], *waist]
    shapes: list[Shape] = [
        ("hull", np.array(body), 0.5, _SOFT),
        ("hull", np.array(neck), 0.5, _SOFT),
        *_head(posed, size, grown_mm=6.0),
    ]
    near = {View.PHOTO_FRONT: ("EYE_R", "EYE_L"), View.PHOTO_BACK: ()}
    side = "L" if setup.from_left else "R"
    marks = near.get(setup.view, (f"TRAGUS_{side}",))
    shapes += [("disc", p[id_][None], 7.0 * size, _DARK) for id_ in marks]
    for ear in ("R", "L") if setup.view is not View.PHOTO_LATERAL else (side,):
        top = p[f"EARLOBE_{ear}"] + [0, 58 * size, 0]
        shapes.append(("line", np.array([top, p[f"EARLOBE_{ear}"]]), 6.0 * size, _BONE))
    stuck = [] if setup.view is View.PHOTO_FRONT else ["C7_SP"]
    stuck += [f"ACR_{side}"] if setup.view is View.PHOTO_LATERAL else ["ACR_R", "ACR_L"]
    return [*shapes, *(("disc", p[id_][None], 5.0, _EDGE) for id_ in stuck)]


def _unit(v: Array) -> Array:
    length: Array = v / np.linalg.norm(v)
    return length
