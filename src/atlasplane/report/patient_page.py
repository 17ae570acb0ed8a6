"""One page in plain words for the patient: what was measured, what the error means, whether anything changed. No promise, no alarm."""

from __future__ import annotations

from collections.abc import Sequence

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredVisit
from atlasplane.core.change import Change
from atlasplane.core.observation import Measurement
from atlasplane.core.side import Side
from atlasplane.report.numbers import LEVEL, change_decimals, day_text, decimals_of, fixed
from atlasplane.report.view import PlainSection

TOLD = {
    "atlas_laterality": ("Tilt", "its {side} side is higher"),
    "atlas_rotation": ("Turn", "its {side} side is forward"),
}
"""Quantities that a patient is told of: what it is called and how its side is said."""


def patient_page(visits: Sequence[MeasuredVisit], comparison: Comparison | None, *, simulated: bool) -> tuple[PlainSection, ...]:
    """The sections of the page, for the visits that the report shows."""
    return (
        _measured(visits, simulated=simulated),
        _error(),
        _changed(comparison),
        PlainSection(
            heading="What this page does not say",
            bullets=(
                "It is not a diagnosis.",
                "It does not tell why you have pain or spasms.",
                "It does not show that a treatment has worked or will work.",
                "A small difference between right and left is common. Bones are not perfectly even.",
                "Nothing on this page asks for more X-ray pictures.",
            ),
        ),
        PlainSection(
            heading="Your questions",
            paragraphs=(
                "Ask the person who gave you this page to go through it with you. They know you; this page does not.",
                "The program that made this page is for research and teaching. It is not approved as a medical device.",
            ),
        ),
    )


def _measured(visits: Sequence[MeasuredVisit], *, simulated: bool) -> PlainSection:
    last = visits[-1] if visits else None
    notice = ("This is practice data made by a computer. It is not about a real person.",) if simulated else ()
    told = [] if last is None else [_told(last, key) for key in TOLD]
    bullets = tuple(text for text in told if text)
    if last is None or not bullets:
        nothing = "There are no marked X-ray pictures of the upper neck here, so nothing was measured on them."
        return PlainSection(heading="What was measured", paragraphs=(*notice, nothing))
    return PlainSection(
        heading="What was measured",
        paragraphs=(
            *notice,
            "The top bone of your neck is called the atlas. It carries your head. Lines were drawn on X-ray pictures of your neck "
            "to read how the atlas sits under your head.",
            f"The newest pictures shown here are from {day_text(last.visit.time)}. They say:",
        ),
        bullets=bullets,
    )


def _told(visit: MeasuredVisit, key: str) -> str:
    measured = visit.joint.measurement(key)
    if measured is None:
        return ""
    name, words = TOLD[key]
    if measured.u is None:
        return f"{name}: the error is not known for this picture, so no side is named."
    if measured.side in (None, Side.UNDETERMINED):
        return f"{name}: too small to tell which side."
    assert measured.side is not None
    return f"{name}: {words.format(side=measured.side.value)}, {_give_or_take(measured)}."


def _give_or_take(measured: Measurement) -> str:
    digits, interval = decimals_of(measured), measured.interval(LEVEL)
    size = fixed(abs(measured.value), digits)
    if interval is None or interval.low is None or interval.high is None:
        return f"about {size} degrees"
    ends = sorted((abs(interval.low), abs(interval.high)))
    return f"about {size} degrees (likely between {fixed(ends[0], digits)} and {fixed(ends[1], digits)} degrees)"


def _error() -> PlainSection:
    return PlainSection(
        heading="What “likely between” means",
        paragraphs=(
            "No measurement is exact. Another person would place the lines a little differently. Your head also never stands in "
            "quite the same way twice.",
            "So each number comes with a range. We expect the true number to lie in that range about 95 times out of 100.",
        ),
    )


def _changed(comparison: Comparison | None) -> PlainSection:
    heading = "Did anything change?"
    if comparison is None:
        return PlainSection(
            heading=heading, paragraphs=("There is only one set of pictures here. One set cannot show a change.",)
        )
    changes = [(key, comparison.change(key)) for key in TOLD]
    bullets = tuple(_change(key, change) for key, change in changes if change is not None)
    if not bullets:
        return PlainSection(heading=heading, paragraphs=("The two sets of pictures have nothing in common to compare.",))
    return PlainSection(
        heading=heading,
        paragraphs=("Two sets of pictures were compared. A change counts only if it is larger than the measuring error.",),
        bullets=bullets,
        closing="A change on a picture does not tell whether you feel better or worse. How you feel is asked and measured in other ways.",
    )


def _change(key: str, change: Change) -> str:
    name, mdc = TOLD[key][0], change.mdc
    if mdc is None or change.value is None:
        return f"{name}: not compared, because the error is not known."
    digits = change_decimals(change)
    size, limit = fixed(abs(change.value), digits), fixed(mdc.value, digits)
    if change.distinguishable:
        return f"{name}: changed by {size} degrees. That is more than the measuring error of {limit} degrees."
    return (
        f"{name}: the difference of {size} degrees is within the measuring error of {limit} degrees. "
        "We cannot tell whether it changed."
    )
