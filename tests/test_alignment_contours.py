"""Traced contours: many vertices are not many clicks."""

from __future__ import annotations

import numpy as np
import pytest

import atlasplane.simulate.observer as observer
from atlasplane.pathways.alignment.film_analysis import analyse_film
from atlasplane.pathways.alignment.marked_film import merged_vertices
from atlasplane.simulate.memory import film_in_memory
from atlasplane.simulate.patient import Scenario, phantom_subject, scenario_visits
from atlasplane.sources.film import View


def test_vertices_nearer_than_the_spacing_become_their_mean() -> None:
    drawn = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 2.0], [0.0, 6.0], [0.0, 7.0], [0.0, 12.0]])
    assert merged_vertices(drawn, 4.0).tolist() == [[0.0, 1.0], [0.0, 6.5], [0.0, 12.0]]


def test_no_spacing_leaves_the_contour_as_drawn() -> None:
    drawn = np.array([[0.0, 0.0], [0.1, 0.2], [0.1, 0.2]])
    assert merged_vertices(drawn, 0.0).tolist() == drawn.tolist()


@pytest.mark.parametrize("spacing_mm", [1.0, 0.5])
def test_a_traced_wall_is_neither_more_nor_less_precise_than_a_clicked_one(
    monkeypatch: pytest.MonkeyPatch, spacing_mm: float
) -> None:
    def u_of_head_tilt(spacing: float) -> float:
        monkeypatch.setattr(observer, "CONTOUR_SPACING_MM", spacing)
        scenario = Scenario(seed=3, mean_shape=True, views=(View.NASIUM,))
        (visit,) = scenario_visits(scenario, phantom_subject(scenario))
        analysis = analyse_film(film_in_memory(visit.films[0]))
        assert analysis is not None
        return analysis.u_placing("head_tilt")

    # Nodes fall differently between the levels, which moves u by up to a third either way.
    assert u_of_head_tilt(spacing_mm) == pytest.approx(u_of_head_tilt(5.0), rel=0.34)
