"""Change: difference, correlation, verdicts; and the joint covariance of a visit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from atlasplane.core.change import Change, compare
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Category, Count, Grade, Measurement, Observation, Pose
from atlasplane.core.quantity import PublishedError, quantity
from atlasplane.geometry.rotation import rotation_from_zxy
from tests.strategies import measured, numbers, visit_of

HEADER = {"quantity": quantity("s_line_class"), "visit": "v1", "method": "m/1"}


def important(value: float, mcid: float | None, u: float = 0.2) -> Measurement:
    """A laterality whose catalogue entry names a minimal important change."""
    entry = quantity("atlas_laterality")
    published = PublishedError(sd=mcid, text="-", tag="published", source="-")
    return Measurement(
        quantity=entry.model_copy(update={"mcid": published}), visit="v", method="m", value=value, u=u
    )


def test_change_by_hand() -> None:
    # 3 and 4 without correlation: u = 5; with 0.5: sqrt(25 - 12).
    pre, post = measured("atlas_laterality", 2.0, 3.0), measured("atlas_laterality", -1.0, 4.0)
    free, tied = compare(pre, post), compare(pre, post, correlation=0.5, correlation_source="shared terms: x")
    assert (free.value, free.u, free.dof) == (-3.0, 5.0, math.inf)
    assert tied.u == pytest.approx(math.sqrt(13))
    assert (free.correlation_source, tied.correlation_source) == ("stated by the caller", "shared terms: x")
    assert free.mdc is not None
    assert free.mdc.value == pytest.approx(1.959964 * 5)
    assert free.mdc.source == "this pair of measurements"


def test_degrees_of_freedom_of_a_difference() -> None:
    pre, post = (measured("atlas_laterality", v, 1.0, dof=20.0) for v in (2.0, 0.0))
    assert compare(pre, post).dof == pytest.approx(40)  # Welch-Satterthwaite: 4 / (2 / 20)
    # What both share cancels and costs nothing: highly correlated errors leave the dof of their own parts.
    assert compare(pre, post, correlation=0.99).dof == pytest.approx(40)
    assert compare(pre, post, correlation=-0.5).dof == pytest.approx(40)
    uneven = compare(pre, measured("atlas_laterality", 0.0, 3.0, dof=20.0), correlation=0.9)
    assert 5 < uneven.dof < 40


def test_errors_that_cancel_wholly_leave_no_u() -> None:
    pre, post = (measured("atlas_laterality", v, 0.5) for v in (2.0, 1.0))
    change = compare(pre, post, correlation=1.0)
    assert (change.u, change.dof, change.correlation, change.mdc, change.distinguishable) == (
        None,
        math.inf,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(("u_pre", "u_post"), [(None, 0.5), (0.5, None), (None, None)])
def test_unknown_u_is_never_compared(u_pre, u_post) -> None:
    change = compare(measured("atlas_laterality", 2.0, u_pre), measured("atlas_laterality", 9.0, u_post))
    assert (change.value, change.u, change.distinguishable, change.meaningful, change.correlation) == (
        7.0,
        None,
        None,
        None,
        None,
    )
    assert change.correlation_source == ""


@pytest.mark.parametrize(("post", "verdict"), [(0.7, True), (0.8, False), (3.3, True), (3.2, False)])
def test_distinguishable_is_beyond_the_minimal_detectable_change(post: float, verdict: bool) -> None:
    # u 0.45 each: 1.2473 deg from 2.0.
    pair = measured("atlas_laterality", 2.0, 0.45), measured("atlas_laterality", post, 0.45)
    assert compare(*pair).distinguishable is verdict
    assert compare(*pair).sustained is None  # two visits cannot tell


@pytest.mark.parametrize(
    ("post", "mcid", "verdict"),
    [(0.0, 1.5, True), (1.0, 1.5, False), (1.9, 0.05, False), (0.0, None, None)],
)
def test_meaningful_also_reaches_a_published_change(
    post: float, mcid: float | None, verdict: bool | None
) -> None:
    # From 2.0 with u 0.2 each the MDC95 is 0.55: 1.0 is distinguishable yet not meaningful, 1.9 is neither.
    assert compare(important(2.0, mcid), important(post, mcid)).meaningful is verdict


def test_nothing_published_is_never_meaningful() -> None:
    assert (
        compare(measured("atlas_laterality", 9.0, 0.1), measured("atlas_laterality", 0.0, 0.1)).meaningful
        is None
    )


@pytest.mark.parametrize(
    ("pre", "post", "percent"), [(4.0, 1.0, 75), (-4.0, 1.0, 75), (4.0, -6.0, -50), (1.2, 0.0, None)]
)
def test_percent_reduction_needs_a_pre_value_beyond_its_mdc(
    pre: float, post: float, percent: float | None
) -> None:
    change = compare(measured("atlas_laterality", pre, 0.45), measured("atlas_laterality", post, 0.45))
    assert change.percent_reduction == (None if percent is None else pytest.approx(percent))


def test_no_percent_without_u_or_of_other_kinds() -> None:
    assert (
        compare(measured("atlas_laterality", 4, None), measured("atlas_laterality", 1)).percent_reduction
        is None
    )
    counts = [Count(**HEADER, n=n, exposure=1.0) for n in (9, 3)]
    assert compare(*counts).percent_reduction is None


@pytest.mark.parametrize(("pre", "post", "verdict"), [(5, 9, False), (3, 30, True), (30, 3, True)])
def test_counts_differ_when_their_intervals_are_apart(pre: int, post: int, verdict: bool) -> None:
    change = compare(Count(**HEADER, n=pre, exposure=2.0), Count(**HEADER, n=post, exposure=2.0))
    assert change.value == (post - pre) / 2
    assert (change.distinguishable, change.u, change.mdc) == (verdict, None, None)


def test_grades_of_one_scale_differ_in_levels_and_of_two_scales_in_nothing() -> None:
    def grade(level: int, scale: str = "psfs-1") -> Grade:
        return Grade(**HEADER, level=level, scale=scale)

    assert compare(grade(3), grade(1)).value == -2
    assert compare(grade(3), grade(1, "psfs-2")).value is None
    assert compare(grade(3), grade(1)).distinguishable is None


def test_poses_differ_by_an_angle_whatever_the_frame() -> None:
    def at(gamma: float) -> Pose:
        return Pose(
            **HEADER,
            from_frame="c1",
            to_frame="skull",
            origin="TF",
            rotation=rotation_from_zxy(10, 5, gamma),
            translation_mm=np.zeros(3),
        )

    assert compare(at(1), at(4.5)).value == pytest.approx(3.5, abs=1e-9)


def test_categories_have_no_difference() -> None:
    values = [Category(**HEADER, value=v, choices=("S", "I")) for v in "SI"]
    assert compare(*values).value is None


@pytest.mark.parametrize(
    ("pre", "post"),
    [
        (measured("atlas_laterality", 1.0), measured("atlas_rotation", 1.0)),
        (measured("axial_radius/right", 40.0), measured("axial_radius/left", 40.0)),
        (Count(**HEADER, n=1, exposure=1.0), Grade(**HEADER, level=1, scale="s")),
    ],
)
def test_unlike_things_are_not_compared(pre: Observation, post: Observation) -> None:
    with pytest.raises(ValueError, match="cannot compare"):
        compare(pre, post)


@pytest.mark.parametrize("correlation", [-1.01, 1.01, math.nan])
def test_impossible_correlations_are_refused(correlation: float) -> None:
    with pytest.raises(ValueError, match=r"correlation must lie in \[-1, 1\]"):
        compare(measured("atlas_laterality", 1.0), measured("atlas_laterality", 1.0), correlation=correlation)


@given(numbers(-9, 9), numbers(-9, 9), numbers(0.1, 2), numbers(0.1, 2))
def test_swapping_pre_and_post_flips_the_sign_only(a: float, b: float, u_a: float, u_b: float) -> None:
    one, other = measured("atlas_laterality", a, u_a), measured("atlas_laterality", b, u_b)
    there, back = compare(one, other, correlation=0.3), compare(other, one, correlation=0.3)
    assert there.value == -back.value
    assert there.u == pytest.approx(back.u, rel=1e-12)
    assert there.distinguishable is back.distinguishable


KEYS = ("atlas_laterality", "atlas_plane_tilt")
OWN = np.array([[0.20, 0.12], [0.12, 0.16]])
SCALE, TUBE = np.array([0.3, -0.1]), np.array([0.2, 0.25])


def test_covariance_adds_own_and_shared() -> None:
    joint = visit_of(dict.fromkeys(KEYS, 1.0), cov=OWN, shared={"scale": SCALE, "tube": TUBE})
    # 0.20 + 0.09 + 0.04; 0.12 - 0.03 + 0.05; 0.16 + 0.01 + 0.0625.
    np.testing.assert_allclose(joint.cov, [[0.33, 0.14], [0.14, 0.2325]], rtol=1e-12)
    np.testing.assert_array_equal(joint.own_cov, OWN)  # not changed by asking


def test_combination_uses_the_covariance() -> None:
    joint = visit_of({"atlas_laterality": 3.0, "atlas_plane_tilt": 1.0}, cov=OWN)
    # Head tilt = laterality - plane tilt: 2, u^2 = 0.20 + 0.16 - 0.24.
    value, u = joint.combine({"atlas_laterality": 1.0, "atlas_plane_tilt": -1.0})
    assert (value, u) == (pytest.approx(2.0), pytest.approx(math.sqrt(0.12)))


@pytest.mark.parametrize("key", ["lower_angle", "s_line_class"])
def test_combination_of_what_has_no_covariance_is_an_error(key: str) -> None:
    other = Category(**HEADER, value="S", choices=("S",))
    joint = visit_of({"atlas_laterality": 3.0})
    joint = JointObservations(
        observations=(*joint.observations, other), order=joint.order, own_cov=joint.own_cov
    )
    with pytest.raises(KeyError, match=key):
        joint.combine({key: 1.0})
    assert joint.measurement(key) is None
    assert joint.get("s_line_class") is other


@pytest.mark.parametrize("bad", [{"own_cov": np.eye(3)}, {"shared": {"scale": np.ones(3)}}])
def test_covariance_of_another_size_is_refused(bad) -> None:
    with pytest.raises(ValueError, match="does not fit its 1 quantities"):
        JointObservations(**{"observations": (), "order": ("atlas_laterality",), "own_cov": np.eye(1), **bad})


def test_correlation_comes_from_the_shared_keys_only() -> None:
    pre = visit_of({KEYS[0]: 2.0, KEYS[1]: 1.0}, cov=OWN, shared={"scale": SCALE, "tube": TUBE})
    post = visit_of({KEYS[1]: 0.5, KEYS[0]: 0.0}, cov=OWN, shared={"tube": TUBE[::-1], "observer": SCALE})
    by_key = {c.pre.key: c for c in pre.compare(post, level=0.9)}
    # Only "tube" is on both: 0.2 x 0.2 over the two u (post is in the other order: 0.25^2 belongs to the
    # tilt).
    first = by_key["atlas_laterality"]
    assert first.correlation == pytest.approx(0.2 * 0.2 / (first.pre.u * first.post.u))
    assert by_key["atlas_plane_tilt"].correlation == pytest.approx(
        0.25 * 0.25 / (by_key["atlas_plane_tilt"].pre.u * by_key["atlas_plane_tilt"].post.u)
    )
    assert first.correlation_source == "shared terms: tube"
    assert first.level == 0.9


def test_nothing_shared_is_said() -> None:
    change = visit_of({KEYS[0]: 2.0}).compare(visit_of({KEYS[0]: 0.0}))[0]
    assert (change.correlation, change.correlation_source) == (0.0, "no shared terms")


def test_only_what_both_visits_have_is_compared() -> None:
    count, grade = Count(**HEADER, n=4, exposure=1.0), Grade(**HEADER, level=1, scale="s")
    pre = JointObservations(observations=(count, measured(KEYS[0], 1.0), measured(KEYS[1], 1.0)))
    post = JointObservations(observations=(grade, measured(KEYS[0], 0.0)))
    changes = pre.compare(post)
    assert [c.pre.key for c in changes] == [KEYS[0]]
    assert (
        changes[0].correlation_source == "no shared terms"
    )  # without a covariance nothing is known to be shared


def test_a_quantity_without_variance_has_no_correlation() -> None:
    still = JointObservations(
        observations=(measured(KEYS[0], 1.0),), order=KEYS[:1], own_cov=np.zeros((1, 1))
    )
    assert still.compare(still)[0].correlation == 0


def test_derived_u_of_the_change_is_what_a_simulation_finds() -> None:
    pre = visit_of(dict.fromkeys(KEYS, 2.0), cov=OWN, shared={"scale": SCALE, "tube": TUBE})
    post = visit_of(dict.fromkeys(KEYS, 1.0), cov=2 * OWN, shared={"scale": 1.5 * SCALE, "observer": TUBE})
    rng, n = np.random.default_rng(9), 1000
    root = np.linalg.cholesky(OWN)
    scale, tube, observer = rng.normal(size=(3, n, 1))
    before = rng.normal(size=(n, 2)) @ root.T + scale * SCALE + tube * TUBE
    after = math.sqrt(2) * rng.normal(size=(n, 2)) @ root.T + scale * 1.5 * SCALE + observer * TUBE
    for k, change in enumerate(pre.compare(post)):
        difference = (after - before)[:, k]
        assert change.u == pytest.approx(difference.std(), rel=4 / math.sqrt(2 * n))
        inside = np.mean(np.abs(difference) <= change.mdc.value)
        assert abs(inside - 0.95) < 4 * math.sqrt(0.95 * 0.05 / n)


def test_change_of_values_without_difference_is_unknown() -> None:
    change = Change(pre=measured(KEYS[0], 1.0), post=measured(KEYS[0], 1.0), value=None, u=0.3)
    assert change.distinguishable is None


def test_equal_keys_of_a_visit_change_once() -> None:
    twice = JointObservations(observations=(measured(KEYS[0], 1.0), measured(KEYS[0], 2.0)))
    changes = twice.compare(JointObservations(observations=(measured(KEYS[0], 4.0),)))
    assert [change.value for change in changes] == [3.0]
