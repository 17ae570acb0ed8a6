"""The listing: the clinical shorthand of a misalignment, printed and parsed.

Two orders are in use: ``R 2 3/4 A 3`` and ``RA 2.75/3`` (right laterality, side of laterality anterior 3
deg). The letter A or P speaks of the side of laterality, so the words "right side anterior" always stand
beside it. An S-line is printed as an angle in degrees, never as a chart number, because the numbered chart
was not found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Category, Measurement
from atlasplane.core.side import Side
from atlasplane.core.units import MM_PER_INCH

RESOLUTION_DEG = 0.25
"""Factors are traditionally read to a quarter of a degree (Molthen, Vectored Adjusting: a critique)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A listing with everything that keeps it from being misread.

    Attributes
    ----------
    text : str
        Traditional shorthand in quarter degrees.
    canonical : str
        Every factor in decimals.
    words : tuple of str
        The same in words.
    undetermined : tuple of str
        Quantity ids within 1.96 u of zero, or without u.
    """

    text: str
    canonical: str
    words: tuple[str, ...]
    undetermined: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedListing:
    """A listing as typed, in signed degrees: + right laterality; + right side anterior."""

    laterality_deg: float
    rotation_deg: float


def listing(joint: JointObservations) -> Listing | None:
    """The listing of a visit; None where neither laterality nor rotation is measured."""
    laterality, rotation = joint.measurement("atlas_laterality"), joint.measurement("atlas_rotation")
    if laterality is None and rotation is None:
        return None
    factors = [o for key in LATERAL_FACTORS if (o := joint.measurement(key)) is not None]
    return Listing(
        text=_short(laterality, rotation),
        canonical=" | ".join(_canonical(joint)),
        words=tuple(_words(joint)),
        undetermined=tuple(o.key for o in factors if o.side is Side.UNDETERMINED),
    )


def quarters(value_deg: float) -> str:
    """A magnitude to the nearest quarter degree: ``2 3/4``; 0 below the resolution."""
    size = abs(value_deg)
    if size < RESOLUTION_DEG:
        return "0"
    whole, rest = divmod(round(size * 4), 4)
    fraction = "" if rest == 0 else str(Fraction(rest, 4))
    return " ".join(part for part in (str(whole) if whole else "", fraction) if part)


_NUMBER = r"(?:\d+\.\d+|\d+\s*[¼½¾]|[¼½¾]|\d+\s+\d/\d|\d/\d|\d+)"
_SPACED = re.compile(rf"^\s*([RL])\s*({_NUMBER})\s*°?\s*([AP])\s*({_NUMBER})\s*°?\s*$", re.IGNORECASE)
_JOINED = re.compile(rf"^\s*([RL])\s*([AP])\s*({_NUMBER})\s*/\s*({_NUMBER})\s*$", re.IGNORECASE)
_GLYPHS = {"¼": " 1/4", "½": " 1/2", "¾": " 3/4"}


def parse_listing(text: str) -> ParsedListing:
    """Read ``R 2 3/4 A 3``, ``R 2¾ A 3`` or ``RA 2.75/3``.

    Raises
    ------
    ValueError
        When the text is neither form, or a fraction is improper.
    """
    spaced, joined = _SPACED.match(text), _JOINED.match(text)
    if spaced:
        side, laterality, letter, rotation = spaced.groups()
    elif joined:
        side, letter, laterality, rotation = joined.groups()
    else:
        raise ValueError(f"'{text}' is no listing; write it as 'R 2 3/4 A 3' or 'RA 2.75/3'")
    side_sign = 1.0 if side.upper() == "R" else -1.0
    letter_sign = 1.0 if letter.upper() == "A" else -1.0
    return ParsedListing(
        laterality_deg=side_sign * _number(laterality),
        rotation_deg=side_sign * letter_sign * _number(rotation),
    )


def rotation_letter(laterality: Side, rotation_deg: float) -> str | None:
    """A when the side of laterality is anterior, P when posterior; None while that side is undetermined."""
    if laterality is Side.UNDETERMINED:
        return None
    on_side = rotation_deg if laterality is Side.RIGHT else -rotation_deg
    return "A" if on_side > 0 else "P"


def rotation_words(rotation_deg: float, letter: str | None = None) -> str:
    """Which side stands anterior, in words; with the letter P the side of laterality is called posterior."""
    right_forward = rotation_deg > 0
    if letter == "P":
        return "left side posterior" if right_forward else "right side posterior"
    return "right side anterior" if right_forward else "left side anterior"


LATERAL_FACTORS = (
    "atlas_laterality",
    "atlas_rotation",
    "lower_angle",
    "odontoid_offset",
    "spinous_offset",
    "atlas_plane_tilt",
    "head_tilt",
)
"""Parts of the listing that have a side."""
_CANONICAL = (
    ("lower_angle", "LA {side} {size:.2f}"),
    ("odontoid_offset", "OD {side} {size:.1f} mm"),
    ("spinous_offset", "SP {side} {size:.1f} mm"),
    ("atlas_plane_tilt", "APL {side} {size:.2f}"),
    ("head_tilt", "HT {side} {size:.2f}"),
)
_SIDE_UP = {("atlas_plane_tilt", Side.RIGHT): "R-up", ("atlas_plane_tilt", Side.LEFT): "L-up"}
_LETTER = {Side.RIGHT: "R", Side.LEFT: "L", Side.UNDETERMINED: "undetermined"}


def _short(laterality: Measurement | None, rotation: Measurement | None) -> str:
    side = Side.UNDETERMINED if laterality is None or laterality.side is None else laterality.side
    first = "AL undetermined"
    if laterality is not None and side is not Side.UNDETERMINED:
        first = f"{_LETTER[side]} {quarters(laterality.value)}"
    if rotation is None:
        return f"{first} ROT not measured"
    if rotation.side is Side.UNDETERMINED:
        return f"{first} ROT undetermined"
    letter = rotation_letter(side, rotation.value)
    if letter is None:
        return f"{first} ROT {quarters(rotation.value)} ({rotation_words(rotation.value)})"
    return f"{first} {letter} {quarters(rotation.value)}"


def _canonical(joint: JointObservations) -> list[str]:
    laterality, rotation = joint.measurement("atlas_laterality"), joint.measurement("atlas_rotation")
    side = Side.UNDETERMINED if laterality is None or laterality.side is None else laterality.side
    parts = []
    if laterality is not None:
        parts.append(f"AL {_LETTER[side]} {abs(laterality.value):.2f}")
    if rotation is not None:
        parts.append(f"ROT {_rotation_label(side, rotation)} {abs(rotation.value):.2f}")
    for key, form in _CANONICAL:
        measured = joint.measurement(key)
        if measured is not None and measured.side is not None:
            parts.append(
                form.format(
                    side=_SIDE_UP.get((key, measured.side), _LETTER[measured.side]), size=abs(measured.value)
                )
            )
    s_line, s_class = joint.measurement("s_line_angle"), joint.get("s_line_class")
    if s_line is not None:
        label = f" ({s_class.value})" if isinstance(s_class, Category) else ""
        parts.append(f"S-line {s_line.value:+.1f} deg{label}")
    condylar, axial = joint.measurement("condylar_radius"), joint.measurement("axial_radius")
    if condylar is not None and axial is not None:
        across = [2 * r.value / MM_PER_INCH for r in (condylar, axial)]
        parts.append(f"C {across[0]:.1f} in A {across[1]:.1f} in (diameters at object scale)")
    return parts


def _rotation_label(laterality: Side, rotation: Measurement) -> str:
    """A or P; the side in words while the side of laterality, which the letter speaks of, is unknown."""
    if rotation.side is Side.UNDETERMINED:
        return "undetermined"
    return rotation_letter(laterality, rotation.value) or rotation_words(rotation.value)


def _words(joint: JointObservations) -> list[str]:
    laterality, rotation = joint.measurement("atlas_laterality"), joint.measurement("atlas_rotation")
    words = []
    side = Side.UNDETERMINED if laterality is None or laterality.side is None else laterality.side
    if laterality is not None:
        words.append("laterality undetermined" if side is Side.UNDETERMINED else f"{side.value} laterality")
    if rotation is not None:
        letter = rotation_letter(side, rotation.value)
        words.append(
            "rotation undetermined"
            if rotation.side is Side.UNDETERMINED
            else rotation_words(rotation.value, letter) + (f" ({letter})" if letter else "")
        )
    lower = joint.measurement("lower_angle")
    if lower is not None:
        words.append(_lower_words(side, lower))
    axis = joint.measurement("axis_rotation")
    if axis is not None and axis.side is not Side.UNDETERMINED:
        words.append("spinous right (body left)" if axis.value > 0 else "spinous left (body right)")
    s_line = joint.measurement("s_line_angle")
    if s_line is not None:
        words.append(f"S-line {s_line.value:+.1f} deg")
    return words


def _lower_words(laterality: Side, lower: Measurement) -> str:
    if Side.UNDETERMINED in (laterality, lower.side):
        return "lower angle: relation to laterality undetermined"
    if lower.side is laterality:
        return "lower angle on the same side as laterality"
    return "lower angle on the side opposite to laterality"


def _number(text: str) -> float:
    for glyph, plain in _GLYPHS.items():
        text = text.replace(glyph, plain)
    try:
        parts = [(part, Fraction(part)) for part in text.split()]
    except ZeroDivisionError as error:
        raise ValueError(f"'{text}' is no number: a fraction over 0") from error
    if any("/" in part and value >= 1 for part, value in parts):
        raise ValueError(f"'{text}' is no number: its fraction is not less than 1")
    return float(sum(value for _, value in parts))
