"""The protocol of marking asks for every landmark of the catalogue where it is marked, and for no other."""

from __future__ import annotations

from itertools import groupby

import pytest

from atlasplane.anatomy import protocol as module
from atlasplane.anatomy.landmarks import landmarks
from atlasplane.anatomy.protocol import VOLUME, protocol, protocols
from atlasplane.core.quantity import quantities

VIEWS = sorted({view for entry in landmarks().values() for view in entry.views})


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_asks_for_every_landmark_that_is_marked_on_it(view: str) -> None:
    asked = {step.id for step in protocol(view)}
    assert asked == {id_ for id_, entry in landmarks().items() if view in entry.views}


def test_a_view_without_landmarks_has_no_protocol() -> None:
    assert set(protocols()) == {*VIEWS, VOLUME}
    assert protocol("blair-right") == ()


def test_volumes_ask_for_what_is_marked_on_them_alone() -> None:
    asked = {step.id for step in protocol(VOLUME)}
    assert {id_ for id_, entry in landmarks().items() if not entry.views} <= asked


@pytest.mark.parametrize("view", [*VIEWS, VOLUME])
def test_a_construction_is_marked_in_one_go(view: str) -> None:
    groups = [name for name, _ in groupby(step.group for step in protocol(view))]
    assert len(groups) == len(set(groups))


@pytest.mark.parametrize("view", [*VIEWS, VOLUME])
def test_right_comes_before_left(view: str) -> None:
    steps = protocol(view)
    for k, step in enumerate(steps):
        assert step.side == {"_R": "right", "_L": "left"}.get(step.id[-2:] if step.landmark.bilateral else "")
        if step.side == "right":
            assert steps[k + 1].id == f"{step.landmark.id}_L" and steps[k + 1].side == "left"


def test_the_listing_s_films_ask_for_its_lines_first() -> None:
    assert [step.id for step in protocol("nasium")][:6] == [
        "PL_R",
        "PL_L",
        "SKULL_R",
        "SKULL_L",
        "SQ_R",
        "SQ_L",
    ]
    assert [step.id for step in protocol("lateral")][:2] == ["C1_ARCH_LM", "C1_ARCH_13"]
    assert [step.id for step in protocol("vertex")][:4] == ["TF_R", "TF_L", "CRIB", "FM_C"]


@pytest.mark.parametrize("id_", ["atlas_laterality", "atlas_rotation", "lower_angle", "s_line_angle"])
def test_the_listing_needs_nothing_optional(id_: str) -> None:
    entry = quantities()[id_]
    assert entry.view is not None
    optional = {step.id for step in protocol(entry.view) if step.optional}
    assert not optional & set(entry.landmarks)


def test_a_landmark_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="'NOSE', which is no landmark"):
        module._steps("nasium", [{"group": "g", "landmarks": ["NOSE"]}])
    with pytest.raises(ValueError, match="'PL_R' twice"):
        module._steps("nasium", [{"group": "g", "landmarks": ["PL", "PL"]}])
