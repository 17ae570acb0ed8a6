"""How the tables are divided, and what a value is held against beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlasplane.core.change import compare
from atlasplane.core.observation import Measurement, Site
from atlasplane.core.quantity import quantities, quantity
from atlasplane.report.limits_text import flag_text, modality, reference_text
from atlasplane.report.quantity_rows import quantity_groups, site_text
from atlasplane.report.sections import OTHER, section_of, sectioned, sections


def measured(
    id_: str,
    value: float = 1.0,
    *,
    u: float | None = 0.2,
    level: str | None = None,
    side: str | None = None,
    condition: str | None = None,
) -> Measurement:
    """A value of a catalogue quantity at a place."""
    site = Site(level=level, side=side) if level or side else None
    return Measurement(
        quantity=quantity(id_),
        visit="v1",
        method=f"{id_}/1",
        value=value,
        u=u,
        site=site,
        condition=condition,
    )


def test_every_quantity_of_the_catalogue_has_exactly_one_section() -> None:
    named = [id_ for section in sections() for id_ in section.quantities]
    assert sorted(named) == sorted(quantities())


def test_a_quantity_that_no_section_names_is_still_shown() -> None:
    stranger = measured("adi")
    stranger = replace(stranger, quantity=stranger.quantity.model_copy(update={"id": "new_measure"}))
    assert section_of(stranger) is OTHER
    groups = quantity_groups([stranger])
    assert [group.name for group in groups] == ["Other measurements"]
    assert len(groups[0].rows) == 1


def test_rows_are_in_reading_order_whatever_was_measured_first() -> None:
    found = [
        measured("craniovertebral_angle", side="left"),
        measured("rra", level="C2-C3"),
        measured("adi"),
        measured("disc_angle", level="C2-C3"),
        measured("rra", level="C3-C4"),
        measured("atlas_laterality"),
    ]
    parts = sectioned(found, lambda o: o)
    keys = [[o.key for o in members] for _, members in parts]
    assert keys == [
        ["atlas_laterality"],
        ["adi"],
        ["rra/C2-C3", "rra/C3-C4", "disc_angle/C2-C3"],
        ["craniovertebral_angle/left"],
    ]


def test_levels_and_sides_go_on_from_the_line_above() -> None:
    found = [measured("rra", level=level) for level in ("C2-C3", "C3-C4")]
    found += [measured("disc_angle", level="C2-C3")]
    rows = quantity_groups(found)[0].rows
    assert [row.continues for row in rows] == [False, True, False]
    assert [row.site for row in rows] == ["C2-C3", "C3-C4", "C2-C3"]


def test_two_values_of_one_quantity_without_a_place_are_both_named() -> None:
    rows = quantity_groups([measured("adi"), measured("adi")])[0].rows
    assert [row.continues for row in rows] == [False, False]


@pytest.mark.parametrize(
    ("level", "side", "condition", "text"),
    [
        ("C2-C3", None, None, "C2-C3"),
        ("C2_PI", None, None, "C2 PI"),
        (None, "right", None, "right"),
        ("C2-C3", None, "lateral-full", "C2-C3, full-length film"),
        (None, "left", "ct", "left, CT"),
        (None, None, "standing", "standing"),
        (None, None, None, ""),
    ],
)
def test_a_place_is_said_in_words(
    level: str | None, side: str | None, condition: str | None, text: str
) -> None:
    assert site_text(measured("rra", level=level, side=side, condition=condition)) == text


def test_a_range_is_of_the_modality_that_the_value_was_read_from() -> None:
    film, ct = reference_text(measured("adi")), reference_text(measured("adi", condition="ct"))
    assert "film" in film and "CT" not in film
    assert "CT" in ct and "film" not in ct
    assert reference_text(measured("adi", condition="cbct")) == ct


def test_a_range_of_another_modality_is_named_as_such_where_there_is_no_own() -> None:
    ranges = tuple(given for given in quantity("adi").ranges if given.modality == "ct")
    entry = quantity("adi").model_copy(update={"ranges": ranges})
    assert "(CT; " in reference_text(replace(measured("adi"), quantity=entry))


def test_a_doubtful_range_says_so() -> None:
    given = quantity("adi").ranges[0].model_copy(update={"tag": "unverified"})
    entry = quantity("adi").model_copy(update={"ranges": (given,)})
    assert reference_text(replace(measured("adi"), quantity=entry)).endswith(", unverified)")


@pytest.mark.parametrize(
    ("id_", "condition", "kind"),
    [
        ("adi", None, "film"),
        ("adi", "cbct", "cbct"),
        ("cobb_c2_c7", "lateral-full", "film"),
        ("craniovertebral_angle", None, "photo"),
        ("leg_length_difference", None, "exam"),
    ],
)
def test_the_modality_follows_view_and_condition(id_: str, condition: str | None, kind: str) -> None:
    assert modality(measured(id_, condition=condition)) == kind


@pytest.mark.parametrize(
    ("value", "u", "kind"),
    [(6.0, 0.2, "within"), (11.9, 0.2, "near"), (12.1, 0.2, "beyond"), (6.0, None, "near")],
)
def test_a_red_flag_says_where_the_value_stands(value: float, u: float | None, kind: str) -> None:
    flag = (
        quantity("bdi")
        .red_flags[0]
        .model_copy(
            update={
                "modality": "film",
                "low": None,
                "high": 12.0,
                "magnification": 1.0,
                "clears": True,
                "sex": None,
            }
        )
    )
    entry = quantity("bdi").model_copy(update={"red_flags": (flag,)})
    found = flag_text(replace(measured("bdi", value, u=u), quantity=entry), sex="unknown")
    assert found.kind == kind
    assert found.text.startswith("over 12.0\N{NO-BREAK SPACE}mm (film")


def test_a_limit_of_another_modality_is_no_flag() -> None:
    flag = quantity("bdi").red_flags[0].model_copy(update={"modality": "mri", "high": 12.0, "low": None})
    entry = quantity("bdi").model_copy(update={"red_flags": (flag,)})
    assert flag_text(replace(measured("bdi"), quantity=entry), sex="male").text == ""


def test_the_sex_of_the_person_chooses_the_limit() -> None:
    men, women = (flag_text(measured("adi", 0.5), sex=sex).text for sex in ("male", "female"))
    assert men.startswith("over 3.0") and "male" in men
    assert women.startswith("over 2.5") and "female" in women


def test_a_change_keeps_its_place() -> None:
    before = measured("rra", 3.0, level="C4-C5")
    assert site_text(compare(before, replace(before, value=4.0), correlation=0.0).pre) == "C4-C5"
