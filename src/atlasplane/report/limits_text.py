"""What a value is held against, in words: the reference ranges and red flags of its own modality."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from atlasplane.core.observation import Measurement, Observation
from atlasplane.core.quantity import RedFlag, ReferenceRange
from atlasplane.plan.red_flags import Standing, judged
from atlasplane.report.numbers import fixed, with_unit
from atlasplane.report.wording import DOUBTFUL_TAGS, MODALITIES, STANDINGS

_VOLUMES = ("ct", "cbct", "mri")
_KINDS = {Standing.WITHIN: "within", Standing.NEAR: "near", Standing.BEYOND: "beyond"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagText:
    """A red flag as a reader sees it.

    Attributes
    ----------
    text : str
        The limit, its modality and sex, and where the value stands; empty where there is no limit.
    kind : str
        within, near or beyond; empty where there is no limit.
    """

    text: str = ""
    kind: str = ""


def modality(observation: Observation) -> str:
    """What an observation was read from: film, photo, exam, ct, cbct or mri."""
    condition, view = observation.condition or "", observation.quantity.view
    if condition in _VOLUMES:
        return condition
    if (condition or view or "").startswith("photo"):
        return "photo"
    return "film" if view else "exam"


def reference_text(observation: Observation) -> str:
    """Ranges of the observation's modality; of others only where there is none, and then named as such."""
    ranges = observation.quantity.ranges
    read_from = modality(observation)
    own = [given for given in ranges if given.modality == read_from]
    if not own and read_from == "cbct":
        own = [given for given in ranges if given.modality == "ct"]
    return "; ".join(_range(given, observation) for given in own or ranges)


def flag_text(observation: Observation, *, sex: str) -> FlagText:
    """The limit that decides whether a correction vector may be given, and where the value stands to it.

    Parameters
    ----------
    observation : Observation
    sex : str
        Of the person; some limits are published for one sex.
    """
    if not isinstance(observation, Measurement) or not observation.quantity.red_flags:
        return FlagText()
    found = judged([observation], sex=sex)
    if not found:
        return FlagText()
    judgement = found[0]
    text = f"{_limit(judgement.limit, observation)}: {STANDINGS[judgement.standing]}"
    return FlagText(text=text, kind=_KINDS[judgement.standing])


def _limit(flag: RedFlag, observation: Observation) -> str:
    digits, unit = observation.quantity.decimals, observation.quantity.unit
    ends = [
        f"{word} {with_unit(fixed(end, digits), unit)}"
        for word, end in (("under", flag.low), ("over", flag.high))
        if end is not None
    ]
    return f"{' or '.join(ends)} ({_named((MODALITIES[flag.modality], flag.sex or '', _doubt(flag.tag)))})"


def _range(given: ReferenceRange, observation: Observation) -> str:
    digits, unit = observation.quantity.decimals, observation.quantity.unit
    low = None if given.low is None else fixed(given.low, digits)
    high = None if given.high is None else fixed(given.high, digits)
    if low is not None and high is not None:
        text = f"{low} to {with_unit(high, unit)}"
    else:
        text = f"from {with_unit(low, unit)}" if low is not None else f"to {with_unit(high or '', unit)}"
    return f"{text} ({MODALITIES[given.modality]}; {_named((given.population, _doubt(given.tag)))})"


def _doubt(tag: str) -> str:
    return tag if tag in DOUBTFUL_TAGS else ""


def _named(words: Iterable[str]) -> str:
    return ", ".join(word for word in words if word)
