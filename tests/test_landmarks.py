"""The landmark catalogue is complete, consistent and says where it comes from."""

from __future__ import annotations

import re
from typing import get_args

import numpy as np
import pytest

from atlasplane.anatomy.landmarks import Landmark, landmark, landmarks
from atlasplane.anatomy.phantom import BONES, mean_phantom
from atlasplane.core.quantity import Tag, quantities
from atlasplane.sources.film import View

IDS = list(dict.fromkeys(entry.id for entry in landmarks().values()))
WORKING_NUMBER = re.compile(r"\bS\d+[a-c]?\b")
"""Number of a private list of sources: means nothing to a reader."""


@pytest.fixture(params=IDS)
def entry(request: pytest.FixtureRequest) -> Landmark:
    id_ = request.param
    return landmarks().get(id_) or landmarks()[f"{id_}_R"]


def test_sides_apart_every_id_is_its_own() -> None:
    in_files = [id_ for name in IDS for id_ in (landmarks().get(name) or landmarks()[f"{name}_R"]).ids]
    assert len(in_files) == len(set(in_files)) == len(landmarks())


def test_a_pair_is_one_entry() -> None:
    assert landmark("PL_R") is landmark("PL_L")
    assert landmark("PL_R").ids == ("PL_R", "PL_L")
    with pytest.raises(KeyError):
        landmark("PL")


@pytest.mark.parametrize("id_", quantities())
def test_every_landmark_of_a_quantity_is_in_the_catalogue(id_: str) -> None:
    assert set(quantities()[id_].landmarks) <= set(landmarks())


@pytest.mark.parametrize("id_", quantities())
def test_a_quantity_is_read_from_images_that_show_its_landmarks(id_: str) -> None:
    """Every image shows some: a tilt is read from the eyes in front and from the ears behind."""
    quantity = quantities()[id_]
    if quantity.view is not None:
        shown = {mark: set(quantity.views) & set(landmark(mark).views) for mark in quantity.landmarks}
        assert [mark for mark, views in shown.items() if not views] == []
        assert set().union(*shown.values()) == set(quantity.views)


def test_every_landmark_of_the_phantom_is_in_the_catalogue_on_the_same_bone() -> None:
    phantom = mean_phantom()
    for id_, (bone, _) in {**phantom.points_mm, **phantom.arcs_mm}.items():
        assert landmark(id_).bone == bone, id_


def test_entries_use_known_views_bones_and_tags(entry: Landmark) -> None:
    assert set(entry.views) <= {view.value for view in View}
    assert entry.bone in BONES
    assert {entry.tag, entry.placing.tag} <= set(get_args(Tag))


def test_entries_can_be_marked_by_their_text(entry: Landmark) -> None:
    for text in (entry.definition, entry.pitfalls):
        assert len(text) > 40
        assert text.endswith(".")


def test_sources_are_named_by_author_or_title(entry: Landmark) -> None:
    for source in (entry.source, entry.placing.source):
        assert source
        assert not WORKING_NUMBER.search(source)


@pytest.mark.parametrize("id_", quantities())
def test_sources_of_quantities_are_named_too(id_: str) -> None:
    quantity = quantities()[id_]
    for source in (
        quantity.source,
        *(e.source for e in quantity.errors),
        *(r.source for r in quantity.ranges),
    ):
        assert not WORKING_NUMBER.search(source)


def test_only_a_figure_from_elsewhere_is_more_than_proposed(entry: Landmark) -> None:
    if entry.placing.source.startswith("project assumption"):
        assert entry.placing.tag == "proposed"


def test_placing_error_is_largest_along_its_edge() -> None:
    cov = landmark("TURN_R").placing.covariance(mirrored=False)
    upward = np.array([0.0, 1.0])
    np.testing.assert_allclose(cov @ upward, upward * landmark("TURN_R").placing.along_mm ** 2, atol=1e-12)


def test_the_left_side_of_a_pair_mirrors_the_right() -> None:
    placing = landmark("C1_ARCH_LM").placing
    mirror = np.diag([-1.0, 1.0])
    right, left = placing.covariance(mirrored=False), placing.covariance(mirrored=True)
    np.testing.assert_allclose(left, mirror @ right @ mirror, atol=1e-15)
