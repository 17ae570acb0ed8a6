"""Observations as lines of a table, section by section, and where their uncertainty comes from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from atlasplane.core.observation import (
    Category,
    Count,
    Grade,
    Measurement,
    Observation,
    Pose,
    Site,
    coverage_factor,
)
from atlasplane.report.limits_text import flag_text, reference_text
from atlasplane.report.numbers import (
    LEVEL,
    NO_ERROR,
    count_decimals,
    decimals_of,
    fixed,
    interval_text,
    length_text,
    shown_measurement,
    with_unit,
)
from atlasplane.report.sections import sectioned
from atlasplane.report.view import BudgetPart, BudgetRow, QuantityGroup, QuantityRow
from atlasplane.report.wording import CONDITIONS, DOUBTFUL_TAGS, POSE_ANGLES, QUALITY_WORDS, SIDES
from atlasplane.sources.muscles import muscles
from atlasplane.uncertainty.budget import variance_shares

BUDGET_KINDS = ("landmarks", "observers", "scale", "head", "tube", "shape", "frame", "registration")
"""Order of the columns of the budget; a contribution of another name follows."""
_POSE_DECIMALS = 1
_HOUR_S = 3600.0


def quantity_groups(
    observations: Iterable[Observation], *, sex: str = "unknown"
) -> tuple[QuantityGroup, ...]:
    """Rows and budgets by section, in reading order.

    Parameters
    ----------
    observations : iterable of Observation
    sex : str
        Of the person: some limits are published for one sex.
    """
    return tuple(
        QuantityGroup(
            name=section.name,
            rows=tuple(
                quantity_row(o, sex=sex, continues=again)
                for o, again in zip(members, repeats(members), strict=True)
            ),
            budget=_budgets([o for o in members if isinstance(o, Measurement) and o.budget]),
        )
        for section, members in sectioned(observations, lambda o: o)
    )


def _budgets(members: Sequence[Measurement]) -> tuple[BudgetRow, ...]:
    return tuple(budget_row(o, continues=k) for o, k in zip(members, repeats(members), strict=True))


def repeats(members: Sequence[Observation]) -> list[bool]:
    """Which observations are of the same quantity as the one before, at another level or side."""
    ids = [o.quantity.id for o in members]
    return [k > 0 and id_ == ids[k - 1] and bool(site_text(members[k])) for k, id_ in enumerate(ids)]


def quantity_row(observation: Observation, *, sex: str = "unknown", continues: bool = False) -> QuantityRow:
    """One observation as a line of the table."""
    own, flag = _shown(observation), flag_text(observation, sex=sex)
    return QuantityRow(
        name=observation.quantity.name,
        site=site_text(observation),
        continues=continues,
        positive=_positive(observation),
        value=own["value"],
        expanded=own.get("expanded", ""),
        u=own.get("u", ""),
        side=own.get("side", ""),
        mdc=own.get("mdc", ""),
        reference=reference_text(observation),
        flag=flag.text,
        flag_kind=flag.kind,
        method=observation.method,
        tag=observation.tag,
        doubtful=observation.tag in DOUBTFUL_TAGS,
        note="; ".join(_notes(observation)),
        angles=pose_angles(observation) if isinstance(observation, Pose) else (),
    )


def pose_angles(pose: Pose) -> tuple[tuple[str, str, str, str], ...]:
    """Name, value, expanded and standard uncertainty of each angle; errors are empty without covariance."""
    k = coverage_factor(LEVEL, math.inf)
    errors = [(f"± {_degrees(k * u)}", _degrees(u)) for u in pose.zxy_u_deg or ()] or [("", "")] * 3
    return tuple(
        (name, _degrees(angle, plus=True), *error)
        for name, angle, error in zip(POSE_ANGLES, pose.zxy_deg, errors, strict=True)
    )


def site_text(observation: Observation) -> str:
    """Structure, level, side and condition, where they are named."""
    site, condition = observation.site, observation.condition
    places = () if site is None else (_structure(site), (site.level or "").replace("_", " "), site.side)
    return ", ".join(
        part for part in (*places, CONDITIONS.get(condition, condition) if condition else "") if part
    )


def _structure(site: Site) -> str:
    """The name of a muscle, small; another structure as it is."""
    known = muscles().get(site.structure or "")
    return (site.structure or "") if known is None else known.name[:1].lower() + known.name[1:]


def value_text(observation: Observation) -> str:
    """The value alone: as it stands in the table, of a count its rate."""
    if isinstance(observation, Count):
        return with_unit(fixed(observation.rate, count_decimals(observation)), observation.quantity.unit)
    return _shown(observation)["value"]


def budget_row(measured: Measurement, *, continues: bool = False) -> BudgetRow:
    """Contributions to u, or to the film's u where the patient's is unknown, with shares of variance."""
    shares = variance_shares(measured.budget)
    digits = decimals_of(measured) if measured.u else measured.quantity.decimals
    order = [
        *(k for k in BUDGET_KINDS if k in measured.budget),
        *(k for k in measured.budget if k not in BUDGET_KINDS),
    ]
    parts = tuple(
        BudgetPart(
            kind=kind,
            u=fixed(measured.budget[kind], digits),
            share=shares[kind],
        )
        for kind in order
    )
    return BudgetRow(
        name=measured.quantity.name,
        site=site_text(measured),
        continues=continues,
        u=shown_measurement(measured).u,
        parts=parts,
    )


def _positive(observation: Observation) -> str:
    if isinstance(observation, Category):
        return observation.quantity.positive
    return f"+ {observation.quantity.positive}"


def _shown(observation: Observation) -> dict[str, str]:
    match observation:
        case Measurement():
            return _measurement(observation)
        case Count():
            return _count(observation)
        case Grade():
            return {
                "value": f"level {observation.level} ({observation.scale})",
                "u": observation.agreement or NO_ERROR,
            }
        case Category():
            return {"value": observation.value.replace("_", " "), "u": NO_ERROR}
        case Pose():
            return _pose(observation)
    raise TypeError(f"no line for {type(observation).__name__}")


def _measurement(measured: Measurement) -> dict[str, str]:
    shown = shown_measurement(measured)
    return {
        "value": shown.value,
        "expanded": f"± {shown.expanded}" if shown.expanded else shown.interval,
        "u": shown.u,
        "side": "" if measured.side is None else SIDES[measured.side],
        "mdc": shown.mdc,
    }


def _count(count: Count) -> dict[str, str]:
    digits, unit = count_decimals(count), count.quantity.unit
    per = with_unit(fixed(count.exposure, 1), count.exposure_unit)
    if count.exposure_unit == "h":
        per = length_text(count.exposure * _HOUR_S)
    return {
        "value": f"{count.n} in {per}: {with_unit(fixed(count.rate, digits), unit)}",
        "expanded": interval_text(count.interval(LEVEL), digits, unit),
        "u": "see interval",
    }


def _pose(pose: Pose) -> dict[str, str]:
    """Its three angles, in the order in which the line says what + means."""
    shown = {"value": _three(pose.zxy_deg, plus=True), "u": NO_ERROR}
    u_deg = pose.zxy_u_deg
    if u_deg is None:
        return shown
    k = coverage_factor(LEVEL, math.inf)
    return shown | {"expanded": f"± {_three([k * u for u in u_deg])}", "u": _three(u_deg)}


def _three(degrees: Sequence[float], *, plus: bool = False) -> str:
    return ", ".join(_degrees(a, plus=plus) for a in degrees)


def _degrees(angle: float, *, plus: bool = False) -> str:
    return with_unit(fixed(angle, _POSE_DECIMALS, plus=plus), "deg")


def _notes(observation: Observation) -> list[str]:
    notes = [QUALITY_WORDS[flag] for flag in observation.quality if flag in QUALITY_WORDS]
    if isinstance(observation, Measurement) and observation.u is None:
        film = shown_film_u(observation)
        notes.insert(0, "the film's own value, not compared" + (f"; u on this film {film}" if film else ""))
    return notes


def shown_film_u(measured: Measurement) -> str:
    """Standard uncertainty of the film quantity, in the digits of the value; empty without one."""
    if measured.u_film is None:
        return ""
    return with_unit(fixed(measured.u_film, decimals_of(measured)), measured.quantity.unit)
