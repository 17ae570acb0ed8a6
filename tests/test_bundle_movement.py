"""The test for a joint that moved: its tail, its level, its power, and what it cannot tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2, kstest

from atlasplane.geometry.bundle import Movement, NotFinite
from atlasplane.geometry.bundle_movement import moved_test, weighted_chi2_sf
from atlasplane.geometry.se3 import perturbed
from tests import bundle_cases as world

MOVEMENT = world.MOVEMENT


def test_equal_weights_are_one_chi_square() -> None:
    # Q = 0.7 chi2_5; the three moments are then all there is.
    assert weighted_chi2_sf(7.0, np.full(5, 0.7)) == pytest.approx(chi2.sf(10.0, 5), rel=1e-12)


def test_tail_of_unequal_weights_against_draws() -> None:
    weights = np.array([0.9, 0.6, 0.3, 0.1, 0.02])
    drawn = np.random.default_rng(1).chisquare(1, (200_000, 5)) @ weights
    for share in (0.1, 0.05, 0.01):
        # Three moments: within 0.3 % of probability here; 0.1 % is three standard errors of the draws.
        assert weighted_chi2_sf(float(np.quantile(drawn, 1 - share)), weights) == pytest.approx(
            share, abs=0.004
        )


def test_nothing_to_weigh_is_never_exceeded() -> None:
    assert weighted_chi2_sf(0.0, np.zeros(0)) == 1.0


def test_statistic_of_one_direction_by_hand() -> None:
    """Two films, one click coordinate each, moved by 2 and 0 per rad; S = I.

    The contrast is (1, -1) / sqrt 2, so M = (2, 0) s / sqrt 2 with s = 2 deg = 0.0349 rad: lambda = 2 s^2.
    With the score 30 in the first row U = 30 sqrt 2 s; Q = U^2 / (1 + lambda).
    """
    by_pose = np.zeros((2, 6))
    by_pose[0, 0] = 2.0
    s = np.radians(2.0)
    test = moved_test(
        by_pose, np.array([0, 1]), np.array([30.0, 0.0]), np.eye(2), Movement(turn_deg=2, shift_mm=0)
    )
    assert test.statistic == pytest.approx(1800 * s**2 / (1 + 2 * s**2))
    assert test.dof == pytest.approx(2 * s**2 / (1 + 2 * s**2))
    assert test.p_value == pytest.approx(chi2.sf(900.0, 1), rel=1e-6)


def test_a_change_that_all_films_share_is_no_movement() -> None:
    rng = np.random.default_rng(2)
    block = rng.normal(size=(4, 6))
    by_pose, film_of = np.vstack([block, block]), np.repeat([0, 1], 4)
    shared = by_pose @ rng.normal(size=6)
    apart = shared * np.where(film_of == 0, 1, -1)
    assert moved_test(by_pose, film_of, shared, np.eye(8), MOVEMENT).statistic == pytest.approx(0, abs=1e-12)
    assert moved_test(by_pose, film_of, apart, np.eye(8), MOVEMENT).statistic > 1e-3


def test_a_bone_on_one_film_cannot_be_tested() -> None:
    films = list(world.usual().films)
    for v in (1, 2):
        kept = [k for k, id_ in enumerate(films[v].ids) if world.POINTS[id_][0] != "c2"]
        films[v] = world.film(
            films[v].camera, world.heads(np.random.default_rng(1))[v], ids=[films[v].ids[k] for k in kept]
        )
    test = world.solved(world.problem(films)).moved["c2"]
    assert (test.statistic, test.dof, test.p_value) == (0.0, 0.0, 1.0)


def _moved_fit(rng: np.random.Generator, change: np.ndarray | None, sd_mm: float):
    """A fit of films on which every click has its own error; C1 is moved on the second film."""
    heads = world.heads(rng)
    films = []
    for v, (camera, head) in enumerate(zip(world.CAMERAS, heads, strict=True)):
        joints = dict(world.JOINTS)
        if v == 1 and change is not None:
            joints["c1"] = perturbed(joints["c1"], change)
        films.append(world.film(camera, head, joints=joints))
    shape = world.shape(sd_mm)
    off = rng.normal(0, sd_mm, shape.points_mm.shape)
    shape = world.shape(
        sd_mm, {i: (b, np.array(at) + o) for (i, (b, at)), o in zip(world.POINTS.items(), off, strict=True)}
    )
    joints = {
        b: perturbed(p, np.linalg.cholesky(world.JOINT_COV) @ rng.normal(size=6))
        for b, p in world.JOINTS.items()
    }
    given = world.problem(films, shape=shape, joints=world.joint_priors(joints))
    return world.solved(world.clicked_with_noise(given, rng))


@pytest.mark.parametrize("sd_mm", [0.3, 2.0])
def test_p_values_are_uniform_when_nothing_moved_whatever_the_shape(sd_mm: float) -> None:
    rng = np.random.default_rng(5)
    p_values = [_moved_fit(rng, None, sd_mm).moved[bone].p_value for _ in range(60) for bone in ("c1", "c2")]
    # All points show on all films here: a false alarm of the test would show at once. 1 in 1000 by chance.
    assert kstest(p_values, "uniform").pvalue > 1e-3


def test_a_movement_that_the_films_tell_is_found() -> None:
    rng = np.random.default_rng(6)
    change = np.array([0.0, np.radians(8.0), 0.0, 0.0, 0.0, 0.0])
    fits = [_moved_fit(rng, change, 0.3) for _ in range(5)]
    assert all(fit.moved["c1"].p_value < 1e-4 for fit in fits)


def test_the_centre_matters_to_the_test_only() -> None:
    given = world.clicked_with_noise(world.usual(), np.random.default_rng(7))
    about = tuple(replace(joint, centre_mm=np.array([0.0, 27.0, 0.0])) for joint in given.joints)
    own = tuple(replace(joint, centre_mm=joint.pose.translation_mm) for joint in given.joints)
    plain, far, near = (world.solved(replace(given, joints=j)) for j in (given.joints, about, own))
    np.testing.assert_array_equal(plain.cov, far.cov)
    assert far.moved["c1"].statistic != pytest.approx(plain.moved["c1"].statistic, rel=0.01)
    # The bone's origin is found within a millimetre or two of where it is expected.
    assert near.moved["c1"].statistic == pytest.approx(plain.moved["c1"].statistic, rel=0.1)


@pytest.mark.parametrize(("turn", "shift"), [(0.0, 1.0), (np.nan, 1.0), (2.0, -1.0), (2.0, np.inf)])
def test_a_movement_has_a_size(turn: float, shift: float) -> None:
    with pytest.raises(NotFinite, match="movement"):
        Movement(turn_deg=turn, shift_mm=shift)
