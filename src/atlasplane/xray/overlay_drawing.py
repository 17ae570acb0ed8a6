"""Drawing of an overlay: a grey picture, coloured lines, and strips with words above and below; PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.types import Array

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

Grey = NDArray[np.uint8]

BONE_COLOURS = {"skull": "#F2EDDE", "c1": "#F7B338", "c2": "#7AB0E0"}
"""Ivory, amber and sky, as in the report's pictures of the bones: told apart by every kind of eye."""
OTHER_COLOUR = "#7FD8A5"
BONE_NAMES = {"skull": "skull", "c1": "C1", "c2": "C2"}
GROUND, INK, SOFT, WARNING = "#0B0F12", "#E8EEF2", "#A9B8C2", "#FFC766"
STRIP_PX = 46
"""Height of the strips with words."""
_TEXT_PX, _PAD_PX = 24, 12
_FINER = 3
"""Lines are drawn this many times larger and made smaller, so that their edges are smooth."""
_LINE_PX, _HALO_PX = 2.0, 4.6
_BAR_PX = 5
_CUT = "..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the strips say.

    Attributes
    ----------
    title, legend : str
        Above, left and right; an empty legend gives swatches of the bones drawn.
    bar_px, bar : float, str
        Length of the scale bar and what it means; below, left.
    state : str
        Below, in the middle; empty for nothing.
    stamp : str
        Below, right; empty for nothing.
    """

    title: str
    legend: str
    bar_px: float
    bar: str
    state: str
    stamp: str


def picture(grey: Grey, lines: Mapping[str, Sequence[Array]], words: Words) -> bytes:
    """A PNG: strip, picture, strip.

    Parameters
    ----------
    grey : array of uint8, shape (rows, columns)
    lines : mapping bone -> lines
        Closed, shape (n, 2) each, pixels [column, row] of `grey`; drawn in the order given.
    words : Words
    """
    from PIL import Image, ImageDraw

    rows, columns = grey.shape
    body = Image.fromarray(grey).convert("RGB")
    if any(lines.values()):
        body = _with_lines(body, lines)
    whole = Image.new("RGB", (columns, rows + 2 * STRIP_PX), GROUND)
    whole.paste(body, (0, STRIP_PX))
    pen = ImageDraw.Draw(whole)
    _above(pen, columns, words, [bone for bone, own in lines.items() if own])
    _below(pen, columns, rows + STRIP_PX, words)
    stream = io.BytesIO()
    whole.save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def colour_of(bone: str) -> str:
    """Colour of a bone's lines."""
    return BONE_COLOURS.get(bone, OTHER_COLOUR)


def _with_lines(body: Image.Image, lines: Mapping[str, Sequence[Array]]) -> Image.Image:
    """The picture with a dark halo under every line, so that it stands out on bone and on air."""
    from PIL import Image, ImageDraw

    large = (body.width * _FINER, body.height * _FINER)
    for colour_by_bone, width, opacity in ((False, _HALO_PX, 0.55), (True, _LINE_PX, 1.0)):
        for bone, own in lines.items():
            cover = Image.new("L", large, 0)
            pen = ImageDraw.Draw(cover)
            for line in own:
                # (0, 0) is the centre of the first pixel: half a pixel inside the corner.
                at = [(float(x), float(y)) for x, y in (line + 0.5) * _FINER]
                pen.line(at, fill=round(255 * opacity), width=round(width * _FINER), joint="curve")
            paint = Image.new("RGB", body.size, colour_of(bone) if colour_by_bone else "#000000")
            body = Image.composite(paint, body, cover.resize(body.size, Image.Resampling.BOX))
    return body


def _above(pen: ImageDraw.ImageDraw, columns: int, words: Words, bones: Sequence[str]) -> None:
    font, middle = _font(), STRIP_PX / 2
    at = columns - _PAD_PX
    if words.legend:
        pen.text((at, middle), words.legend, fill=SOFT, font=font, anchor="rm")
        at -= round(pen.textlength(words.legend, font=font))
    for bone in () if words.legend else reversed(bones):
        name = BONE_NAMES.get(bone, bone.upper())
        pen.text((at, middle), name, fill=INK, font=font, anchor="rm")
        at -= round(pen.textlength(name, font=font)) + 8
        pen.line([(at - 24, middle), (at, middle)], fill=colour_of(bone), width=_BAR_PX)
        at -= 24 + 16
    title = words.title
    while len(title) > 1 and pen.textlength(title, font=font) > at - 2 * _PAD_PX:
        title = f"{title.removesuffix(_CUT)[:-1]}{_CUT}"
    pen.text((_PAD_PX, middle), title, fill=INK, font=font, anchor="lm")


def _below(pen: ImageDraw.ImageDraw, columns: int, top: int, words: Words) -> None:
    font, middle = _font(), top + STRIP_PX / 2
    end = _PAD_PX + words.bar_px
    pen.line([(_PAD_PX, middle), (end, middle)], fill=INK, width=_BAR_PX)
    for x in (_PAD_PX, end):
        pen.line([(x, middle - 8), (x, middle + 8)], fill=INK, width=2)
    pen.text((end + 10, middle), words.bar, fill=INK, font=font, anchor="lm")
    left = end + 10 + pen.textlength(words.bar, font=font)
    right = columns - _PAD_PX - pen.textlength(words.stamp, font=font)
    pen.text(((left + right) / 2, middle), words.state, fill=WARNING, font=font, anchor="mm")
    pen.text((columns - _PAD_PX, middle), words.stamp, fill=WARNING, font=font, anchor="rm")


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size=_TEXT_PX)
