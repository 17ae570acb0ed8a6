"""The key that joins values, truth and coverage: written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlasplane.core.key import ObservationKey
from atlasplane.core.observation import Measurement, Site
from atlasplane.core.quantity import quantity

KEYS = {
    "rra/C2-C3": ObservationKey(quantity="rra", level="C2-C3"),
    "blair_convergence/right": ObservationKey(quantity="blair_convergence", side="right"),
    "cobb_c2_c7@lateral-full": ObservationKey(quantity="cobb_c2_c7", condition="lateral-full"),
    "a/C3/left@ct": ObservationKey(quantity="a", level="C3", side="left", condition="ct"),
    "atlas_laterality": ObservationKey(quantity="atlas_laterality"),
}


@pytest.mark.parametrize("text", KEYS)
def test_a_key_is_read_and_written(text: str) -> None:
    assert ObservationKey.parse(text) == KEYS[text]
    assert str(KEYS[text]) == text


@given(
    level=st.none() | st.sampled_from(["C2", "C2-C3"]),
    side=st.none() | st.sampled_from(["right", "left"]),
    condition=st.none() | st.sampled_from(["ct", "lateral-full"]),
)
def test_reading_is_the_inverse_of_writing(
    level: str | None, side: str | None, condition: str | None
) -> None:
    key = ObservationKey(quantity="q", level=level, side=side, condition=condition)
    assert ObservationKey.parse(str(key)) == key


@pytest.mark.parametrize(
    "text", ["", "/right", "a//right", "a/", "a@", "@ct", "a/right/C2", "a/C2/C3", "a/left/right"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        ObservationKey.parse(text)


def test_an_observation_has_level_before_side_and_its_condition_last() -> None:
    measured = Measurement(
        quantity=quantity("atlas_laterality"),
        visit="v1",
        method="m/1",
        site=Site(level="C1", side="left"),
        condition="ct",
        value=1.0,
        u=0.5,
    )
    assert measured.key == "atlas_laterality/C1/left@ct"
