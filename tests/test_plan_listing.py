"""Listing: printed and parsed, in both orders, with words; nothing is named that the data do not tell."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Category
from atlasplane.core.quantity import quantity
from atlasplane.core.side import Side
from atlasplane.plan.listing import listing, parse_listing, quarters, rotation_letter, rotation_words
from tests.strategies import measured, visit_of

QUARTERS = [k / 4 for k in range(1, 49)]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "1/4"), (0.5, "1/2"), (0.75, "3/4"), (1.0, "1"), (2.75, "2 3/4"), (-2.75, "2 3/4"), (12.0, "12")],
)
def test_quarters(value: float, text: str) -> None:
    assert quarters(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.249, "0"), (0.37, "1/4"), (2.36, "2 1/4"), (2.38, "2 1/2"), (1.9, "2")]
)
def test_rounding_to_the_resolution(value: float, text: str) -> None:
    assert quarters(value) == text


@pytest.mark.parametrize("value", QUARTERS)
@pytest.mark.parametrize(("side", "letter"), list(itertools.product("RL", "AP")))
def test_every_quarter_is_read_back_in_both_orders(value: float, side: str, letter: str) -> None:
    laterality = value if side == "R" else -value
    rotation = 3.0 * (1 if side == "R" else -1) * (1 if letter == "A" else -1)
    for text in (
        f"{side} {quarters(value)} {letter} 3",
        f"{side}{letter} {value}/3",
        f"{side}{letter} {quarters(value)}/3",
    ):
        parsed = parse_listing(text)
        assert (parsed.laterality_deg, parsed.rotation_deg) == (laterality, rotation)


@given(
    st.sampled_from(QUARTERS), st.sampled_from(QUARTERS), st.sampled_from([1, -1]), st.sampled_from([1, -1])
)
def test_a_printed_listing_is_read_back_as_it_was_measured(
    al: float, ar: float, side: int, turn: int
) -> None:
    printed = listing(visit_of({"atlas_laterality": side * al, "atlas_rotation": turn * ar}, u=0.05))
    assert printed is not None
    parsed = parse_listing(printed.text)
    assert (parsed.laterality_deg, parsed.rotation_deg) == (side * al, turn * ar)
    assert printed.undetermined == ()


@pytest.mark.parametrize(
    "text",
    [
        "R 2¾ A 3",
        "R 2 3/4 A 3",
        "r 2.75 a 3",
        "R2¾A3",
        "RA 2.75/3",
        "ra 2¾ / 3",
        "RA 2 3/4/3",
        "R 2¾° A 3°",
        "  R 2.75 A 3.0 ",
    ],
)
def test_spellings_of_one_listing(text: str) -> None:
    parsed = parse_listing(text)
    assert (parsed.laterality_deg, parsed.rotation_deg) == (2.75, 3.0)


@pytest.mark.parametrize(
    ("text", "laterality", "rotation"),
    [
        ("L ½ P 1¼", -0.5, 1.25),
        ("LA 3/4", -3.0, -4.0),
        ("R 0 A 2", 0.0, 2.0),
        ("RP ¼/½", 0.25, -0.5),
        ("RA 1/2/3", 0.5, 3.0),
    ],
)
def test_other_listings(text: str, laterality: float, rotation: float) -> None:
    parsed = parse_listing(text)
    assert (parsed.laterality_deg, parsed.rotation_deg) == (laterality, rotation)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "R",
        "2 3/4 A 3",
        "R -2 A 3",
        "R 2,75 A 3",
        "X 2 A 3",
        "R 2 A",
        "RA 2.75",
        "ASR",
        "S4",
        "R 2 A 3 L 1",
    ],
)
def test_what_is_no_listing(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no listing; write it as 'R 2 3/4 A 3' or 'RA 2.75/3'"):
        parse_listing(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [("R 2 5/4 A 3", "not less than 1"), ("R 4/4 A 3", "not less than 1"), ("RA 2/1/0", "over 0|not less")],
)
def test_improper_fractions_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_listing(text)


def test_a_fraction_over_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a fraction over 0"):
        parse_listing("R 2 1/0 A 3")


@pytest.mark.parametrize(
    ("side", "rotation", "letter", "words"),
    [
        (Side.RIGHT, 3.0, "A", "right side anterior"),
        (Side.RIGHT, -3.0, "P", "right side posterior"),
        (Side.LEFT, -3.0, "A", "left side anterior"),
        (Side.LEFT, 3.0, "P", "left side posterior"),
        (Side.UNDETERMINED, 3.0, None, "right side anterior"),
        (Side.UNDETERMINED, -3.0, None, "left side anterior"),
    ],
)
def test_letter_and_words_speak_of_the_side_of_laterality(
    side, rotation: float, letter: str | None, words: str
) -> None:
    assert rotation_letter(side, rotation) == letter
    assert rotation_words(rotation, letter) == words


FULL = {
    "atlas_laterality": 2.75,
    "atlas_rotation": 3.0,
    "lower_angle": 1.5,
    "odontoid_offset": 0.5,
    "spinous_offset": 2.0,
    "atlas_plane_tilt": 1.0,
    "head_tilt": -1.25,
    "axis_rotation": 4.0,
    "s_line_angle": 12.0,
    "condylar_radius": 50.8,
    "axial_radius": 101.6,
}


def full(**changes: float) -> JointObservations:
    joint = visit_of({**FULL, **changes}, u=0.1)
    s_class = Category(
        quantity=quantity("s_line_class"), visit="v1", method="m", value="S", choices=("S0", "S", "I")
    )
    return JointObservations(
        observations=(*joint.observations, s_class), order=joint.order, own_cov=joint.own_cov
    )


def test_canonical_listing() -> None:
    printed = listing(full())
    assert printed is not None
    assert printed.text == "R 2 3/4 A 3"
    assert printed.canonical == (
        "AL R 2.75 | ROT A 3.00 | LA R 1.50 | OD R 0.5 mm | SP R 2.0 mm | APL R-up 1.00 | HT L 1.25"
        " | S-line +12.0 deg (S) | C 4.0 in A 8.0 in (diameters at object scale)"
    )
    assert printed.words == (
        "right laterality",
        "right side anterior (A)",
        "lower angle on the same side as laterality",
        "spinous right (body left)",
        "S-line +12.0 deg",
    )
    assert printed.undetermined == ()


def test_the_mirrored_patient_has_the_mirrored_listing() -> None:
    sided = [key for key in FULL if quantity(key).lateral]
    plain, mirrored = listing(full()), listing(full(**{key: -FULL[key] for key in sided}))
    assert plain is not None
    assert mirrored is not None
    assert mirrored.text == "L 2 3/4 A 3"
    swapped = (
        plain.canonical.replace(" R", " #")
        .replace(" L 1.25", " R 1.25")
        .replace(" #", " L")
        .replace("LOT", "ROT")
    )
    assert mirrored.canonical == swapped
    assert mirrored.words[0] == "left laterality"
    assert mirrored.words[1] == "left side anterior (A)"
    assert mirrored.words[2] == plain.words[2]
    assert mirrored.words[3] == "spinous left (body right)"


def test_no_chart_number_is_ever_printed() -> None:
    for angle in (4.0, -4.0, 40.0):
        printed = listing(full(s_line_angle=angle))
        assert printed is not None
        assert "S4" not in printed.text + printed.canonical + "".join(printed.words)


def test_a_lower_angle_on_the_other_side() -> None:
    printed = listing(full(lower_angle=-1.5))
    assert printed is not None
    assert "lower angle on the side opposite to laterality" in printed.words


@pytest.mark.parametrize(
    ("changes", "text", "words", "undetermined"),
    [
        (
            {"atlas_laterality": 0.1},
            "AL undetermined ROT 3 (right side anterior)",
            ("laterality undetermined", "right side anterior"),
            ("atlas_laterality",),
        ),
        (
            {"atlas_rotation": -0.1},
            "R 2 3/4 ROT undetermined",
            ("right laterality", "rotation undetermined"),
            ("atlas_rotation",),
        ),
        (
            {"atlas_laterality": 0.1, "atlas_rotation": 0.1},
            "AL undetermined ROT undetermined",
            ("laterality undetermined", "rotation undetermined"),
            ("atlas_laterality", "atlas_rotation"),
        ),
    ],
)
def test_what_lies_within_its_uncertainty_is_undetermined(changes, text: str, words, undetermined) -> None:
    printed = listing(full(**changes))
    assert printed is not None
    assert printed.text == text
    assert printed.words[:2] == words
    assert printed.undetermined == undetermined
    assert "undetermined" in printed.canonical


def test_undetermined_lower_angle_and_axis_say_nothing_of_a_side() -> None:
    printed = listing(full(lower_angle=0.1, axis_rotation=0.1))
    assert printed is not None
    assert "lower angle: relation to laterality undetermined" in printed.words
    assert not any("spinous" in word for word in printed.words)


def test_what_was_not_measured_is_not_listed() -> None:
    assert listing(visit_of({"lower_angle": 1.0})) is None
    only_al = listing(visit_of({"atlas_laterality": 2.0}, u=0.1))
    assert only_al is not None
    assert (only_al.text, only_al.canonical, only_al.words) == (
        "R 2 ROT not measured",
        "AL R 2.00",
        ("right laterality",),
    )
    only_ar = listing(visit_of({"atlas_rotation": -2.0}, u=0.1))
    assert only_ar is not None
    assert only_ar.text == "AL undetermined ROT 2 (left side anterior)"
    assert only_ar.canonical == "ROT left side anterior 2.00"
    assert only_ar.words == ("left side anterior",)
    bare = listing(visit_of({"atlas_laterality": 2.0, "s_line_angle": -3.0, "axial_radius": 80.0}, u=0.1))
    assert bare is not None
    assert bare.canonical == "AL R 2.00 | S-line -3.0 deg"  # no class, and one circle alone is no relation


def test_unknown_u_is_undetermined() -> None:
    al = measured("atlas_laterality", 5.0, None)
    printed = listing(JointObservations(observations=(al,)))
    assert printed is not None
    assert (printed.text, printed.undetermined) == ("AL undetermined ROT not measured", ("atlas_laterality",))
