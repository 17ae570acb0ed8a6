"""Uncertainty budgets."""

from __future__ import annotations

import pytest

from atlasplane.uncertainty.budget import combined_u, variance_shares


def test_contributions_add_in_squares() -> None:
    assert combined_u({"landmarks": 0.3, "head": 0.4}) == pytest.approx(0.5, rel=1e-15)


def test_shares_add_up_to_one_and_keep_the_order_of_size() -> None:
    shares = variance_shares({"landmarks": 0.3, "head": 0.4, "tube": 0.0})
    assert shares == pytest.approx({"landmarks": 0.36, "head": 0.64, "tube": 0.0}, rel=1e-12)


def test_nothing_contributes_nothing() -> None:
    assert variance_shares({"scale": 0.0}) == {"scale": 0.0}
