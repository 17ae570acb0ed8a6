"""The design written down before the data: which assignment was drawn, from which design, by which seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from atlasplane.stats.refusal import OutOfRange, Refusal
from atlasplane.stats.single_case.cases_design import CasesDesign
from atlasplane.stats.single_case.design import (
    AlternatingDesign,
    BlockDesign,
    ReversalDesign,
    SingleCaseDesign,
    StartDesign,
)
from atlasplane.stats.single_case.sequences import rank_of_seed

AnyDesign = SingleCaseDesign | CasesDesign

FORMAT = "single-case-plan/1"
"""Of the plain data; a plan of another format is refused."""


class NotAPlan(Refusal):
    """Plain data that no plan has: a part is missing, of another format, or not what the seed draws."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A drawn design. Write `plain()` down, with its date, before the first session.

    Attributes
    ----------
    design : design of one case or of several
    seed : int
    rank : int
        Number of the drawn assignment, from 0.
    phases : dict of str
        "A" or "B" for each session of each case; the case of a design of one is named "".
    """

    design: AnyDesign
    seed: int
    rank: int
    phases: dict[str, str]

    @property
    def n_assignments(self) -> int:
        """Assignments that could have been drawn."""
        return self.design.n_assignments

    @property
    def smallest_possible_p(self) -> float:
        """1 / n_assignments: what no one-sided randomisation test of this plan can go below."""
        return self.design.smallest_possible_p

    def plain(self) -> dict[str, Any]:
        """Plain data (dict, list, str, int, float) for JSON or TOML; `plan_from_plain` reads it back."""
        return {
            "format": FORMAT,
            "design": self.design.plain(),
            "seed": self.seed,
            "n_assignments": self.n_assignments,
            "smallest_possible_p": self.smallest_possible_p,
            "phases": dict(self.phases),
        }


def drawn_plan(design: AnyDesign, *, seed: int) -> Plan:
    """One assignment, each as likely, that follows from the seed alone.

    The seed is best not chosen but given by something that nobody could know: a date's lottery numbers. The
    draw uses numpy's PCG64 stream directly, so that it stays the same in later versions.

    Raises
    ------
    OutOfRange
        For a seed that is negative or no whole number.
    """
    if not isinstance(seed, Integral):
        raise OutOfRange(f"seed {seed!r} is no whole number; give 0 or more")
    if seed < 0:
        raise OutOfRange(f"seed {seed} is negative; give 0 or more")
    rank = rank_of_seed(design.n_assignments, seed)
    return Plan(design=design, seed=seed, rank=rank, phases=_phases(design, rank))


def plan_from_plain(data: Mapping[str, Any]) -> Plan:
    """A plan from its plain data, drawn anew and compared, so that no phase can have been changed since.

    Raises
    ------
    NotAPlan
    """
    try:
        design, seed, phases = _design(data["design"]), data["seed"], data["phases"]
        known = data["format"] == FORMAT
    except (KeyError, TypeError) as missing:
        raise NotAPlan(f"the data lack {missing}; give what Plan.plain() wrote") from missing
    if not known:
        raise NotAPlan(f"format {data['format']!r} is unknown; this version reads {FORMAT!r}")
    if not isinstance(seed, int):
        raise NotAPlan(f"seed {seed!r} is no whole number; give what Plan.plain() wrote")
    plan = drawn_plan(design, seed=seed)
    if plan.phases != phases:
        raise NotAPlan(f"seed {seed} draws other phases than those written; the plan has been changed")
    return plan


_KINDS: dict[str, Callable[..., SingleCaseDesign]] = {
    "start": StartDesign,
    "reversal": ReversalDesign,
    "alternating": AlternatingDesign,
    "block": BlockDesign,
}


def _design(data: Mapping[str, Any]) -> AnyDesign:
    if data["kind"] == "cases":
        cases = data["cases"]
        return CasesDesign(
            names=tuple(cases),
            designs=tuple(_single(own) for own in cases.values()),
            least_stagger=data["least_stagger"],
        )
    return _single(data)


def _single(data: Mapping[str, Any]) -> SingleCaseDesign:
    own = {
        name: tuple(part) if isinstance(part, list) else part for name, part in data.items() if name != "kind"
    }
    return _KINDS[data["kind"]](**own)


def _phases(design: AnyDesign, rank: int) -> dict[str, str]:
    if isinstance(design, CasesDesign):
        parts = zip(design.names, design.designs, design.case_ranks(rank), strict=True)
        return {name: _letters(own, part) for name, own, part in parts}
    return {"": _letters(design, rank)}


def _letters(design: SingleCaseDesign, rank: int) -> str:
    treated = design.treated(np.array([rank], dtype=object))[0]
    return "".join("AB"[int(own)] for own in treated)
