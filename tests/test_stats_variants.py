"""A variant named by a word, or by a member of another enumeration, is refused and never guessed."""

from __future__ import annotations

from enum import Enum
from typing import Literal

import pytest

from atlasplane.stats.meta.pooled import IntervalMethod, random_effects
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.refusal import NotAChoice
from atlasplane.stats.single_case.nonoverlap import NapInterval, NapVariance, nap
from atlasplane.stats.single_case.series import ab_series
from atlasplane.stats.variants import named


class Side(Enum):
    """Two sides."""

    LEFT = "left"
    RIGHT = "right"


@named
def told(side: Side | None, *, form: Literal["plain", "exact"] = "plain", count: int = 1) -> str:
    """A function with variants."""
    return f"{side} {form} {count}"


@pytest.mark.parametrize("side", [Side.LEFT, Side.RIGHT, None])
@pytest.mark.parametrize("form", ["plain", "exact"])
def test_a_member_passes_through_unchanged(side: Side | None, form: Literal["plain", "exact"]) -> None:
    assert told(side, form=form, count=3) == f"{side} {form} 3"


def test_what_is_not_given_is_not_looked_at() -> None:
    assert told(Side.LEFT) == "Side.LEFT plain 1"


def test_a_word_is_refused_with_the_members_that_there_are() -> None:
    with pytest.raises(NotAChoice, match=r"side is 'left'; give one of Side.LEFT, Side.RIGHT, None"):
        told("left")  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["Plain", Side.LEFT, 1])
def test_another_word_than_those_listed_is_refused(form: object) -> None:
    with pytest.raises(NotAChoice, match="give one of 'plain', 'exact'"):
        told(None, form=form)  # type: ignore[arg-type]


def test_every_room_refuses_a_word() -> None:
    series = ab_series([1, 2, 3], [4, 5, 3])
    with pytest.raises(NotAChoice, match="improvement is 'increase'"):
        nap(series, improvement="increase", variance=NapVariance.SEN, interval=NapInterval.NEWCOMBE)  # type: ignore[arg-type]
    with pytest.raises(NotAChoice, match=r"tau2_method is <IntervalMethod\.WALD"):
        random_effects([1, 2], [1, 1], tau2_method=IntervalMethod.WALD, interval=IntervalMethod.WALD)  # type: ignore[arg-type]
    assert (
        random_effects([1, 2], [1, 1], tau2_method=Tau2Method.DL, interval=IntervalMethod.WALD).n_studies == 2
    )


def test_the_decorated_function_keeps_its_name_and_text() -> None:
    assert (told.__name__, told.__doc__) == ("told", "A function with variants.")
