"""One page in plain words for the patient: no promise, no alarm."""

from __future__ import annotations

from collections.abc import Sequence

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredVisit
from atlasplane.core.change import Change
from atlasplane.core.side import Side
from atlasplane.report.numbers import LEVEL, change_decimals, day_text, decimals_of, fixed
from atlasplane.report.view import PlainSection

TOLD = {
    "atlas_laterality": ("Tilt", "its {side} side is higher"),
    "atlas_rotation": ("Turn", "its {side} side is forward"),
}
"""Quantities that a patient is told of: what it is called and how its side is said."""

_NOTHING = "There are no marked X-ray pictures of the upper neck here, so nothing was measured on them."
_ERROR = PlainSection(
    heading="How sure are these numbers?",
    paragraphs=(
        "No measurement is exact. Another person would place the lines a little differently. "
        "Your head also never stands in quite the same way twice.",
        "So each number comes with a range. "
        "We expect the true number to lie in that range about 95 times out of 100.",
    ),
)
_LIMITS = PlainSection(
    heading="What this page does not say",
    bullets=(
        "It is not a diagnosis.",
        "It does not tell why you have pain or spasms.",
        "It does not show that a treatment has worked or will work.",
        "A small difference between right and left is common. Bones are not perfectly even.",
        "Nothing on this page asks for more X-ray pictures.",
    ),
)
_QUESTIONS = PlainSection(
    heading="Your questions",
    paragraphs=(
        "Ask the person who gave you this page to go through it with you. They know you; this page does not.",
        "The program that made this page is for research and teaching. "
        "It is not approved as a medical device.",
    ),
)


def patient_page(
    visits: Sequence[MeasuredVisit], comparison: Comparison | None, *, simulated: bool
) -> tuple[PlainSection, ...]:
    """The sections of the page, for the visits that the report shows."""
    told = () if not visits else tuple(text for key in TOLD if (text := _told(visits[-1], key)))
    notice = (
        ("This is practice data made by a computer. It is not about a real person.",) if simulated else ()
    )
    if not told:
        return (
            PlainSection(heading="What was measured", paragraphs=(*notice, _NOTHING)),
            _LIMITS,
            _QUESTIONS,
        )
    return (_measured(visits[-1], told, notice), _ERROR, _changed(comparison), _LIMITS, _QUESTIONS)


def _measured(visit: MeasuredVisit, told: tuple[str, ...], notice: tuple[str, ...]) -> PlainSection:
    return PlainSection(
        heading="What was measured",
        paragraphs=(
            *notice,
            "The top bone of your neck is called the atlas. It carries your head. Lines were drawn on X-ray "
            "pictures of your neck to read how the atlas sits under your head.",
            f"The newest pictures shown here are from {day_text(visit.visit.time)}. They say:",
        ),
        bullets=told,
    )


def _told(visit: MeasuredVisit, key: str) -> str:
    measured = visit.joint.measurement(key)
    if measured is None:
        return ""
    name, words = TOLD[key]
    interval, digits = measured.interval(LEVEL), decimals_of(measured)
    if interval is None or interval.low is None or interval.high is None:
        return f"{name}: the error is not known for this picture, so no side is named."
    low, high = (fixed(v, digits) for v in sorted((abs(interval.low), abs(interval.high))))
    if measured.side in (None, Side.UNDETERMINED) or interval.low * interval.high <= 0:
        return f"{name}: too small to tell which side. It is likely less than {high} degrees."
    assert measured.side is not None
    side, size = words.format(side=measured.side.value), fixed(abs(measured.value), digits)
    return f"{name}: {side}, about {size} degrees (likely between {low} and {high} degrees)."


def _changed(comparison: Comparison | None) -> PlainSection:
    heading = "Did anything change?"
    if comparison is None:
        return PlainSection(
            heading=heading,
            paragraphs=("There is only one set of pictures here. One set cannot show a change.",),
        )
    changes = [(key, comparison.change(key)) for key in TOLD]
    bullets = tuple(_change(key, change) for key, change in changes if change is not None)
    if not bullets:
        return PlainSection(
            heading=heading, paragraphs=("The two sets of pictures have nothing in common to compare.",)
        )
    return PlainSection(
        heading=heading,
        paragraphs=(
            "Two sets of pictures were compared. "
            "A change counts only if it is larger than the measuring error.",
        ),
        bullets=bullets,
        closing="A change on a picture does not tell whether you feel better or worse. "
        "How you feel is asked and measured in other ways.",
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
