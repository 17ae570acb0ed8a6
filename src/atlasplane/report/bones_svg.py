"""Four pictures of the bones on one sheet, with the axes of skull and atlas and what is known of them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.report.bones_fans import ARM_MM, angle_fans, arm_end
from atlasplane.report.bones_numbers import angle_texts
from atlasplane.report.bones_render import Sight
from atlasplane.report.bones_scene import ANGLES, AngleKind, BoneScene
from atlasplane.report.bones_sights import DIRECTIONS, SHAPE_PX, Direction
from atlasplane.report.film_svg import escape, text_width
from atlasplane.report.palette import BLACK_INK, FONT, GRID, SOFT_INK, WHITE

SHEET_WIDTH = 1000
_GAP = 12
_PANEL = (SHEET_WIDTH - _GAP) / 2
_PANEL_HEIGHT = round(_PANEL * SHAPE_PX[0] / SHAPE_PX[1])
SHEET_HEIGHT = 2 * _PANEL_HEIGHT + _GAP
_SCALE = _PANEL / SHAPE_PX[1]
_TEXT = 24.0
_SMALL = 21.0
ATLAS_INK = "#8A4B00"
_FAN = "#E69F00"
_AXIS_MM = 34.0
_AXIS_NAMES = ("anterior", "up", "right")

Place = tuple[float, float]


def scene_svg(scene: BoneScene, pictures: Mapping[str, bytes], centre_mm: Array, stamp: str) -> str:
    """The sheet of one scene as SVG text.

    Parameters
    ----------
    scene : BoneScene
    pictures : mapping direction -> PNG
    centre_mm : array, shape (3,)
        That the pictures were made about.
    stamp : str
        Word at the foot, e.g. SIMULATED; empty for none.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SHEET_WIDTH} {SHEET_HEIGHT}" '
        f'font-family="{FONT}" font-size="{_TEXT:g}" fill="{BLACK_INK}" role="img">',
        f"<title>{escape(scene_title(scene))}</title>",
    ]
    for k, direction in enumerate(DIRECTIONS):
        left, top = (k % 2) * (_PANEL + _GAP), (k // 2) * (_PANEL_HEIGHT + _GAP)
        # A nested drawing of its own size cuts off what reaches beyond its picture.
        parts.append(
            f'<svg x="{left:g}" y="{top:g}" width="{_PANEL:g}" height="{_PANEL_HEIGHT}" '
            f'viewBox="0 0 {_PANEL:g} {_PANEL_HEIGHT}">'
        )
        parts += _panel(scene, direction, pictures[direction.id], direction.sight(centre_mm), stamp)
        parts.append("</svg>")
    return "".join([*parts, "</svg>"])


def scene_title(scene: BoneScene) -> str:
    """What the sheet is, in words."""
    bones = "C1 and C2" if "c2" in scene.places else "C1"
    return f"{bones} under the skull, {scene.name}"


def _panel(scene: BoneScene, direction: Direction, picture: bytes, sight: Sight, stamp: str) -> Iterator[str]:
    data = base64.b64encode(picture).decode("ascii")
    size = f'width="{_PANEL:g}" height="{_PANEL_HEIGHT}"'
    yield f'<rect {size} fill="{WHITE}"/>'
    yield f'<image href="data:image/png;base64,{data}" {size} preserveAspectRatio="none"/>'
    yield f'<rect {size} fill="none" stroke="{GRID}" stroke-width="3"/>'
    kind = next((k for k in ANGLES if k.id == direction.angle), None)
    yield from _axes(scene, sight) if kind is None else _arms(scene, kind, sight)
    yield _label(direction.title, (12, 10), bold=True)
    for border, word in direction.ends:
        yield _label(
            word, _border(border, word), bold=len(word) == 1, size=_TEXT if len(word) == 1 else _SMALL
        )
    if kind is not None:
        way, number, doubt = angle_texts(kind, scene.angle(kind))
        yield _label(f"{kind.id.capitalize()}: {way}", (12, _PANEL_HEIGHT - 82), bold=True, ink=ATLAS_INK)
        second = ", ".join(part for part in (number, doubt) if part)
        yield _label(second, (12, _PANEL_HEIGHT - 46), ink=ATLAS_INK)
    if stamp:
        yield _label(stamp, (_PANEL - text_width(stamp, _SMALL) - 12, 10), size=_SMALL)


def _arms(scene: BoneScene, kind: AngleKind, sight: Sight) -> Iterator[str]:
    """Line of the skull, line of the atlas, and at its ends the fan of the 95 % interval."""
    for fan in angle_fans(scene, kind):
        sector = " ".join(_at(sight, point) for point in fan)
        yield f'<polygon points="{sector}" fill="{WHITE}" fill-opacity="0.5"/>'
        yield (
            f'<polygon points="{sector}" fill="{_FAN}" fill-opacity="0.55" '
            f'stroke="{ATLAS_INK}" stroke-width="1.2"/>'
        )
    for angle_deg, ink, dashed in ((0.0, SOFT_INK, True), (scene.pose.zxy_deg[kind.place], ATLAS_INK, False)):
        ends = (arm_end(scene, kind, angle_deg, -ARM_MM), arm_end(scene, kind, angle_deg, ARM_MM))
        yield _line(sight, ends, WHITE, 5.5)
        yield _line(sight, ends, ink, 2.6 if dashed else 3.2, dashed=dashed)


def _axes(scene: BoneScene, sight: Sight) -> Iterator[str]:
    """Axes of the skull's frame and of the atlas' at the origin of C1."""
    place = scene.places["c1"]
    start = place.translation_mm
    for axes, ink, dashed in ((np.eye(3), SOFT_INK, True), (place.rotation, ATLAS_INK, False)):
        for k, name in enumerate(_AXIS_NAMES):
            end = start + _AXIS_MM * axes[:, k]
            yield _line(sight, (start, end), WHITE, 5.0)
            yield _line(sight, (start, end), ink, 2.8, dashed=dashed)
            if not dashed:
                column, row = _place(sight, start + 1.2 * (end - start))
                corner = (column - text_width(name, _SMALL) / 2 - 7, row - 14)
                yield _label(name, corner, ink=ATLAS_INK, size=_SMALL)
    yield _label("axes of C1; dashed: of the skull", (12, _PANEL_HEIGHT - 42), size=_SMALL)


def _place(sight: Sight, point_mm: Array) -> Place:
    column, row, _ = sight.picture(point_mm) * _SCALE
    return float(column), float(row)


def _at(sight: Sight, point_mm: Array) -> str:
    column, row = _place(sight, point_mm)
    return f"{column:.1f},{row:.1f}"


def _line(sight: Sight, ends_mm: tuple[Array, Array], ink: str, width: float, *, dashed: bool = False) -> str:
    points = " ".join(_at(sight, end) for end in ends_mm)
    dash = ' stroke-dasharray="11 7"' if dashed else ""
    return f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-width="{width:g}"{dash}/>'


def _label(text: str, at: Place, *, ink: str = BLACK_INK, size: float = _TEXT, bold: bool = False) -> str:
    width, height = text_width(text, size) * (0.94 if bold else 0.88) + 14, size * 1.36
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<rect x="{at[0]:.1f}" y="{at[1]:.1f}" width="{width:.1f}" height="{height:.1f}" rx="4" '
        f'fill="{WHITE}" fill-opacity="0.82"/>'
        f'<text x="{at[0] + 7:.1f}" y="{at[1] + height * 0.75:.1f}" font-size="{size:g}" '
        f'fill="{ink}"{weight}>{escape(text)}</text>'
    )


def _border(border: str, word: str) -> Place:
    width = text_width(word, _TEXT if len(word) == 1 else _SMALL) + 14
    return {
        "left": (12.0, 0.27 * _PANEL_HEIGHT),
        "right": (_PANEL - width - 6, 0.27 * _PANEL_HEIGHT),
        "top": (_PANEL / 2 - width / 2, 50.0),
    }[border]
