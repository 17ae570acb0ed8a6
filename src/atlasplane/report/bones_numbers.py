"""The three angles of C1 in the skull by every way that gives them: lines on a film, films together, CT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredVisit
from atlasplane.core.change import Change
from atlasplane.core.observation import Measurement
from atlasplane.core.side import Side, side_of
from atlasplane.report.bones_scene import ANGLES, BY_FILMS, AngleKind, measured_angle
from atlasplane.report.bones_view import BonesCell, BonesRow, BonesTable
from atlasplane.report.numbers import (
    NO_ERROR,
    NOTHING,
    change_decimals,
    fixed,
    mdc_text,
    shown_measurement,
    with_unit,
)
from atlasplane.report.visit_view import visit_name
from atlasplane.report.wording import CONDITIONS, REGISTERED, VOLUMES, sentence

CANNOT_BE_TOLD = "cannot be told from 0"
_SHAPE_ONLY = "pose.generic_shape"
"""A finding about poses that are given; every other one says why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to the three angles.

    Attributes
    ----------
    name : str
    condition : str or None
        Of the quantities in space; None for the films together.
    lines : bool
        Whether these are the classical lines on a film.
    missing : str
        Said where there is no value.
    """

    name: str
    condition: str | None = None
    lines: bool = False
    missing: str = ""

    @property
    def title(self) -> str:
        """The name, as it heads a column."""
        return self.name[:1].upper() + self.name[1:]

    def angle(self, visit: MeasuredVisit, kind: AngleKind) -> Measurement | None:
        """The angle, + as in space, or None."""
        if not self.lines:
            return measured_angle(visit, kind.quantity, self.condition)
        found = measured_angle(visit, kind.film_quantity, None)
        return None if found is None else replace(found, value=kind.film_sign * found.value)

    def key(self, kind: AngleKind) -> str:
        """Key of the observation."""
        quantity = kind.film_quantity if self.lines else kind.quantity
        return quantity if self.condition is None else f"{quantity}@{self.condition}"


LINES = Way(name="lines on the film", lines=True, missing="not measured on a film of this visit")
TOGETHER = Way(name=BY_FILMS, missing="not given: see below")


def ways(visits: Sequence[MeasuredVisit]) -> tuple[Way, ...]:
    """The lines, the films together, the registered scan, and every kind of volume that gives an angle."""
    measured = {(o.quantity.id, o.condition) for visit in visits for o in visit.joint.observations}
    wanted = {kind.quantity for kind in ANGLES}
    found = [c for c in (REGISTERED, *VOLUMES) if any((id_, c) in measured for id_ in wanted)]
    return (LINES, TOGETHER, *(Way(name=CONDITIONS[c], condition=c, missing=_missing(c)) for c in found))


def _missing(condition: str) -> str:
    if condition == REGISTERED:
        return "no registration of this visit that is in order"
    return f"no {CONDITIONS[condition]} of this visit"


def angle_texts(kind: AngleKind, measured: Measurement | None) -> tuple[str, str, str]:
    """("right side up", "2.4° ± 0.9°", ""); the third says where the direction is not told."""
    if measured is None:
        return "not measured", "", ""
    shown = shown_measurement(replace(measured, value=abs(measured.value)))
    error = f" ± {shown.expanded}" if shown.expanded else f" ({shown.u})"
    told = side_of(measured.value, measured.u) is not Side.UNDETERMINED
    return kind.words[measured.value < 0], f"{shown.value}{error}", "" if told else CANNOT_BE_TOLD


def angle_text(kind: AngleKind, measured: Measurement | None) -> str:
    """The same on one line: right side up 2.4° ± 0.9°."""
    way, number, doubt = angle_texts(kind, measured)
    return ", ".join(part for part in (" ".join(p for p in (way, number) if p), doubt) if part)


def visit_table(visit: MeasuredVisit, shown: Sequence[Way]) -> BonesTable:
    """Angles of one visit, a column for every way, and what the films' projection makes of it."""
    return BonesTable(
        title=visit_name(visit),
        columns=(*(way.title for way in shown), "Lines minus films together"),
        rows=tuple(
            BonesRow(
                name=kind.id.capitalize(),
                sub="",
                cells=(*(_cell(visit, way, kind) for way in shown), _projection_error(visit, kind)),
            )
            for kind in ANGLES
        ),
        notes=tuple(_notes(visit)),
    )


def change_table(comparison: Comparison, shown: Sequence[Way]) -> BonesTable | None:
    """Changes of the angles, a column for every way; None where nothing in space is compared."""
    columns = [way for way in shown if any(comparison.change(way.key(kind)) for kind in ANGLES)]
    if not any(not way.lines for way in columns):
        return None
    return BonesTable(
        title=f"Change, {visit_name(comparison.pre)} to {visit_name(comparison.post).lower()}",
        columns=tuple(way.title for way in columns),
        rows=tuple(
            BonesRow(
                name=kind.id.capitalize(),
                sub="",
                cells=tuple(_change_cell(comparison.change(way.key(kind)), way, kind) for way in columns),
            )
            for kind in ANGLES
        ),
        notes=(),
    )


def _cell(visit: MeasuredVisit, way: Way, kind: AngleKind) -> BonesCell:
    measured = way.angle(visit, kind)
    if measured is None:
        return BonesCell(value=NOTHING, sub=way.missing, kind="missing")
    way_name, number, doubt = angle_texts(kind, measured)
    u = shown_measurement(measured).u
    return BonesCell(
        value=f"{way_name} {number}",
        sub="; ".join(part for part in ("" if u == NO_ERROR else f"u {u}", doubt) if part),
        kind="doubt" if doubt else "",
    )


def _projection_error(visit: MeasuredVisit, kind: AngleKind) -> BonesCell:
    """Lines minus films together, with u from the covariance that both share."""
    film, space = LINES.angle(visit, kind), TOGETHER.angle(visit, kind)
    joint = visit.joint
    keys = (LINES.key(kind), TOGETHER.key(kind))
    if film is None or space is None or not set(keys) <= set(joint.order):
        return BonesCell(value=NOTHING, sub="needs both", kind="missing")
    value, u = joint.combine({keys[0]: kind.film_sign, keys[1]: -1.0})
    return _cell_of(replace(space, value=value, u=u or None, budget={}), kind)


def _cell_of(measured: Measurement, kind: AngleKind) -> BonesCell:
    way, number, doubt = angle_texts(kind, measured)
    return BonesCell(value=f"{way} {number}", sub=doubt, kind="doubt" if doubt else "")


def _change_cell(change: Change | None, way: Way, kind: AngleKind) -> BonesCell:
    if change is None or change.value is None:
        return BonesCell(value=NOTHING, sub="not in both visits", kind="missing")
    digits, unit = change_decimals(change), change.pre.quantity.unit
    value = change.value * (kind.film_sign if way.lines else 1)
    words = f"{with_unit(fixed(abs(value), digits), unit)} towards {kind.words[value < 0]}"
    mdc = mdc_text(change.mdc, digits, unit)
    verdict = {True: "distinguishable", False: "not distinguishable", None: "not compared"}
    return BonesCell(
        value=words,
        sub=f"MDC95 {mdc or NO_ERROR}; {verdict[change.distinguishable]}",
        kind={True: "beyond", False: "", None: "missing"}[change.distinguishable],
    )


def _notes(visit: MeasuredVisit) -> Iterator[str]:
    """Which shape the films were fitted with; where they give an angle not, why."""
    angles = [TOGETHER.angle(visit, kind) for kind in ANGLES]
    shapes = dict.fromkeys(angle.provenance.get("shape", "") for angle in angles if angle is not None)
    if any(shapes):
        yield f"Shape of the bones that the films were fitted with: {', '.join(filter(None, shapes))}."
    if all(angles):
        return
    for found in visit.alignment.findings:
        if found.code.startswith("pose.") and found.code != _SHAPE_ONLY:
            yield sentence(found.text)
