"""Ranges and limits of the catalogue: what they accept, and the figures that gates hang on."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from atlasplane.core.quantity import Quantity, RedFlag, ReferenceRange, quantities, quantity

GIVEN = {"modality": "film", "tag": "published", "source": "s"}


def test_a_mean_and_sd_give_the_central_95_percent() -> None:
    given = ReferenceRange(**GIVEN, population="adult", mean=10.0, sd=2.0)
    assert (given.low, given.high) == (pytest.approx(10 - 3.92), pytest.approx(10 + 3.92))


def test_an_end_that_the_source_states_stays() -> None:
    given = ReferenceRange(**GIVEN, population="adult", mean=1.3, sd=0.37, high=2.0)
    assert given.high == 2.0
    assert given.low == pytest.approx(1.3 - 1.96 * 0.37)


@pytest.mark.parametrize("ends", [{}, {"low": 2.0, "high": 1.0}, {"low": 1.0, "high": 1.0}])
def test_a_range_and_a_limit_need_ends_in_order(ends: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        ReferenceRange(**GIVEN, population="adult", **ends)
    with pytest.raises(ValidationError):
        RedFlag(**GIVEN, **ends)


def test_a_mean_alone_is_no_range() -> None:
    with pytest.raises(ValidationError):
        ReferenceRange(**GIVEN, population="adult", mean=1.0)


@pytest.mark.parametrize("fields", [{"magnification": 0.9}, {"sex": "child"}, {"modality": "x-ray"}])
def test_a_limit_of_nonsense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RedFlag(**(GIVEN | {"high": 1.0} | fields))


def entry_with(*flags: RedFlag) -> Quantity:
    return Quantity(**{**quantity("adi").model_dump(exclude={"red_flags"}), "red_flags": flags})


def test_one_limit_for_one_modality_sex_and_end() -> None:
    high, low = RedFlag(**GIVEN, high=3.0), RedFlag(**GIVEN, low=-3.0)
    male, female = (RedFlag(**GIVEN, high=3.0, sex=sex) for sex in ("male", "female"))
    assert entry_with(high, low).red_flags == (high, low)
    assert entry_with(male, female).red_flags == (male, female)
    with pytest.raises(ValidationError, match="two red flags"):
        entry_with(high, RedFlag(**GIVEN, low=-1.0, high=5.0))


FIGURES = {
    ("adi", "film", "male"): (None, 3.0),
    ("adi", "film", "female"): (None, 2.5),
    ("adi", "ct", None): (None, 2.0),
    ("padi", "film", None): (14.0, None),
    ("ladi_asymmetry", "ct", None): (-3.0, 3.0),
    ("ladi_asymmetry", "film", None): (-3.0, 3.0),
    ("lateral_mass_overhang", "film", None): (None, 6.9),
    ("bdi", "film", None): (None, 12.0),
    ("bdi", "ct", None): (None, 8.5),
    ("bai", "film", None): (-4.0, 12.0),
    ("powers_ratio", "film", None): (None, 1.0),
    ("powers_ratio", "ct", None): (None, 0.9),
    ("chamberlain", "film", None): (None, 5.0),
    ("mcrae", "film", None): (None, 0.0),
    ("mcrae", "ct", None): (None, 0.0),
    ("mcgregor", "film", None): (None, 4.5),
    ("ranawat", "film", None): (13.0, None),
    ("redlund_johnell", "film", "male"): (34.0, None),
    ("redlund_johnell", "film", "female"): (29.0, None),
    ("redlund_johnell", "ct", "male"): (34.0, None),
    ("redlund_johnell", "ct", "female"): (29.0, None),
    ("clivoaxial_angle", "film", None): (135.0, None),
    ("clivoaxial_angle", "ct", None): (135.0, None),
    ("clivoaxial_angle", "mri", None): (135.0, None),
    ("grabb_oakes", "mri", None): (None, 9.0),
    ("condyle_c1_interval", "ct", None): (None, 2.0),
    ("c1_c2_rotation", "ct", None): (-56.0, 56.0),
    ("c0_c1_rotation", "ct", None): (-8.0, 8.0),
    ("listhesis", "film", None): (-3.5, 3.5),
}
"""Every limit that stops a correction vector, written a second time: a slip of the data must not pass."""


def test_the_figures_that_stop_a_correction_vector() -> None:
    found: dict[tuple[str, str, str | None], tuple[float | None, float | None]] = {}
    for id_, entry in quantities().items():
        for flag in entry.red_flags:
            low, high = found.get((id_, flag.modality, flag.sex), (None, None))
            found[(id_, flag.modality, flag.sex)] = (
                low if flag.low is None else flag.low,
                high if flag.high is None else flag.high,
            )
    assert found == FIGURES


def test_from_memory_is_said_where_a_limit_was_not_read_in_a_source() -> None:
    rows = [row for entry in quantities().values() for row in (*entry.red_flags, *entry.ranges)]
    assert all("from memory" in row.source for row in rows if row.tag == "unverified")
    assert not any("from memory" in row.source for row in rows if row.tag == "published")


def test_only_lengths_can_carry_an_enlargement() -> None:
    for entry in quantities().values():
        enlarged = [flag for flag in entry.red_flags if flag.magnification != 1.0]
        assert not enlarged or (entry.unit == "mm" and {flag.modality for flag in enlarged} == {"film"})
