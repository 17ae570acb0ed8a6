"""Instability quantities held against their limits.

Each limit is of one modality (a film's cut-off is not a CT's), some of one sex. Its figure stands in the
catalogue as published; here a value only meets it.

- Beyond the figure, by value: the gate stops, whatever the uncertainty, since the risk lies on that side.
- Inside, but the 95 % interval reaches the limit, or the value has no known u, or it lies between the figure
  and the same figure with a film's enlargement taken out, or the limit depends on a sex that is not stated:
  unknown. It can be told neither from safe nor from beyond.
- Inside by more than that: within limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from atlasplane.core.observation import Measurement
from atlasplane.core.quantity import Modality, RedFlag

_MODALITIES: dict[str, Modality] = {"ct": "ct", "cbct": "ct", "mri": "mri"}
"""Conditions that name a modality. A CBCT is held to a CT's limits: both show the bone at its own size."""
_WEAK_TAGS = ("proposed", "unverified")


class Standing(IntEnum):
    """Where a value stands to its limits, worse ones larger."""

    WITHIN = 0
    NEAR = 1
    BEYOND = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One measured instability quantity against its limits.

    Attributes
    ----------
    measured : Measurement
    standing : Standing
    limit : RedFlag
        The limit that decided.
    """

    measured: Measurement
    standing: Standing
    limit: RedFlag

    @property
    def text(self) -> str:
        """Quantity with place and value, and the limit with what it rests on; no verdict."""
        value = f"{self.measured.value:.{self.measured.quantity.decimals}f}"
        unit = "" if self.measured.quantity.unit == "1" else f" {self.measured.quantity.unit}"
        return f"{self.name} {value}{unit} ({self._limit})"

    @property
    def name(self) -> str:
        """Name of the quantity with level and side."""
        site = self.measured.site
        places = () if site is None else (site.level, site.side)
        return " ".join((self.measured.quantity.name, *(place for place in places if place)))

    @property
    def _limit(self) -> str:
        ends = [
            f"{word} {end:g}"
            for word, end in (("not under", self.limit.low), ("not over", self.limit.high))
            if end is not None
        ]
        words = [" and ".join(ends), self.limit.modality]
        words += [self.limit.sex] if self.limit.sex else []
        words += [f"{self.limit.tag} limit"] if self.limit.tag in _WEAK_TAGS else []
        return ", ".join(words)


def modality(measured: Measurement) -> Modality:
    """What a measurement was read from: its condition where that names a volume, else a film."""
    return _MODALITIES.get(measured.condition or "", "film")


def judged(measurements: Iterable[Measurement], *, sex: str) -> tuple[Judgement, ...]:
    """The worst limit of every measured quantity that has one for its modality.

    Parameters
    ----------
    measurements : iterable of Measurement
    sex : str
        "male" or "female"; anything else is not stated, and a limit that hangs on it cannot be met for sure.
    """
    found = (_worst(measured, sex) for measured in measurements)
    return tuple(judgement for judgement in found if judgement is not None)


def _worst(measured: Measurement, sex: str) -> Judgement | None:
    limits = [flag for flag in measured.quantity.red_flags if flag.modality == modality(measured)]
    judgements = list(_judgements(measured, limits, sex))
    return max(judgements, key=lambda j: j.standing, default=None)


def _judgements(measured: Measurement, limits: Iterable[RedFlag], sex: str) -> Iterator[Judgement]:
    limits = list(limits)
    general = [flag for flag in limits if flag.sex is None]
    own = [flag for flag in limits if flag.sex == sex]
    for flag in (*general, *own):
        standing = _standing(measured, flag)
        if standing is not Standing.WITHIN or flag.clears:
            yield Judgement(measured=measured, standing=standing, limit=flag)
    if sex in ("male", "female"):
        return
    of_sexes = [flag for flag in limits if flag.sex is not None]
    yield from _without_sex(measured, of_sexes)


def _without_sex(measured: Measurement, limits: list[RedFlag]) -> Iterator[Judgement]:
    """Beyond both sexes' limits is beyond, within both is within; between them nobody can say."""
    if not limits:
        return
    standings = [_standing(measured, flag) for flag in limits]
    strictest = limits[standings.index(max(standings))]
    both = min(standings) if min(standings) == max(standings) else Standing.NEAR
    if both is not Standing.WITHIN or all(flag.clears for flag in limits):
        yield Judgement(measured=measured, standing=both, limit=strictest)


def _standing(measured: Measurement, flag: RedFlag) -> Standing:
    low = -math.inf if flag.low is None else flag.low
    high = math.inf if flag.high is None else flag.high
    if not low <= measured.value <= high:
        return Standing.BEYOND
    interval = measured.interval()
    if interval is None or interval.low is None or interval.high is None:
        return Standing.NEAR
    sure_low, sure_high = max(low, low / flag.magnification), min(high, high / flag.magnification)
    inside = sure_low <= interval.low and interval.high <= sure_high
    return Standing.WITHIN if inside else Standing.NEAR
