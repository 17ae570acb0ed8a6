"""Observations: valid once constructed, intervals that cover, sides that may be unknown."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from scipy import stats

from atlasplane.core.observation import (
    Category,
    Count,
    Grade,
    Interval,
    Measurement,
    Observation,
    Pose,
    Site,
    coverage_factor,
)
from atlasplane.core.quantity import Quantity, quantity
from atlasplane.core.side import Side, side_of
from atlasplane.geometry.rotation import rotation_from_zxy
from tests.strategies import measured, numbers

SPASMS = Quantity(
    id="spasm_rate",
    kind="count",
    name="Spasms",
    unit="1/h",
    positive="more",
    patient="-",
    definition="-",
    tag="proposed",
    source="-",
)
HEADER = {"quantity": SPASMS, "visit": "v1", "method": "m/1"}


def pose(rotation=None, translation=(0.0, 0.0, 0.0), **fields) -> Pose:
    rotation = np.eye(3) if rotation is None else rotation
    return Pose(
        **HEADER,
        from_frame="c1",
        to_frame="skull",
        origin="TF",
        rotation=rotation,
        translation_mm=np.array(translation),
        **fields,
    )


@pytest.mark.parametrize(
    ("site", "key"),
    [
        (None, "axial_radius"),
        (Site(structure="axis"), "axial_radius/axis"),
        (Site(level="C2"), "axial_radius/C2"),
    ],
)
def test_key_without_a_side(site, key: str) -> None:
    m = Measurement(quantity=quantity("axial_radius"), visit="v", method="m", site=site, value=40.0, u=1.0)
    assert m.key == key


def test_key_with_a_side() -> None:
    assert measured("axial_radius/right", 40.0).key == "axial_radius/right"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_value_must_be_finite(value: float) -> None:
    with pytest.raises(ValueError, match=r"atlas_laterality: value must be finite, got .* deg"):
        measured("atlas_laterality", value)


@pytest.mark.parametrize("field", ["u", "u_film"])
@pytest.mark.parametrize("size", [0.0, -0.1, math.nan, math.inf])
def test_u_is_positive_or_unknown(field: str, size: float) -> None:
    with pytest.raises(ValueError, match=rf"atlas_laterality: {field} must be > 0 deg or None, got"):
        measured("atlas_laterality", 1.0, **{"u": 0.5, field: size})


@pytest.mark.parametrize("dof", [0.0, -1.0, math.nan])
def test_dof_is_positive(dof: float) -> None:
    with pytest.raises(ValueError, match="dof must be > 0"):
        measured("atlas_laterality", 1.0, dof=dof)


@pytest.mark.parametrize(
    ("value", "u", "side"),
    [
        (2.0, 0.5, Side.RIGHT),
        (-2.0, 0.5, Side.LEFT),
        (0.97, 0.5, Side.UNDETERMINED),  # 1.96 x 0.5 = 0.98
        (-0.97, 0.5, Side.UNDETERMINED),
        (0.98, 0.5, Side.RIGHT),  # the limit itself is told
        (5.0, None, Side.UNDETERMINED),  # unknown u is never zero
        (0.0, 0.5, Side.UNDETERMINED),
    ],
)
def test_side_is_derived_and_may_be_unknown(value: float, u: float | None, side: Side) -> None:
    assert side_of(value, u) is side
    assert measured("atlas_laterality", value, u).side is side


def test_a_quantity_without_sides_has_none() -> None:
    assert measured("s_line_angle", 12.0).side is None


@given(numbers(-10, 10), numbers(0.01, 3))
def test_mirroring_swaps_the_sides(value: float, u: float) -> None:
    swap = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT, Side.UNDETERMINED: Side.UNDETERMINED}
    assert side_of(-value, u) is swap[side_of(value, u)]


def test_interval_by_hand() -> None:
    # Example of INTERFACES 6: 2.36 deg, u 0.66, dof 41: t = 2.0195, [1.03, 3.69].
    m = measured("atlas_laterality", 2.36, 0.66, u_film=0.44, dof=41.0)
    assert m.interval() == Interval(
        level=0.95, low=pytest.approx(1.03, abs=0.005), high=pytest.approx(3.69, abs=0.005)
    )
    film = m.interval_film(0.9)
    assert film is not None
    assert film.high == pytest.approx(2.36 + stats.t.ppf(0.95, 41) * 0.44)


def test_without_u_nothing_is_given() -> None:
    m = measured("atlas_laterality", 2.36, None)
    assert (m.interval(), m.interval_film(), m.mdc()) == (None, None, None)


def test_published_minimal_detectable_change() -> None:
    # Rochester 1994: SD 0.45 deg, so MDC95 = 1.96 sqrt 2 0.45 = 1.25 deg (printed digits).
    mdc = measured("atlas_laterality", 2.0, 0.45).mdc()
    assert mdc is not None
    assert mdc.value == pytest.approx(1.25, abs=0.005)
    assert (mdc.level, mdc.source) == (0.95, "this measurement repeated")


@pytest.mark.parametrize(
    ("u", "mdc95"), [(0.67, 1.9), (0.78, 2.2), (1.0, 2.8), (0.5, 1.4), (1.5, 4.2), (0.7, 1.9)]
)
def test_table_of_minimal_detectable_changes(u: float, mdc95: float) -> None:
    mdc = measured("atlas_laterality", 2.0, u).mdc()
    assert mdc is not None
    assert mdc.value == pytest.approx(mdc95, abs=0.05)  # alignment 2, printed digits


def test_interval_of_a_radius_is_symmetric_in_its_curvature() -> None:
    interval = measured("axial_radius", 100.0, 10.0).interval()
    assert interval is not None
    assert interval.low is not None
    assert interval.high is not None
    half = 1.959964 * 10 / 100
    assert (interval.low, interval.high) == (pytest.approx(100 / (1 + half)), pytest.approx(100 / (1 - half)))
    assert 1 / interval.low - 1 / 100 == pytest.approx(1 / 100 - 1 / interval.high)


def test_an_arc_that_may_be_straight_has_no_upper_bound() -> None:
    interval = measured("axial_radius", 100.0, 60.0).interval()
    assert interval is not None
    assert interval.high is None
    assert interval.low == pytest.approx(100 / (1 + 1.959964 * 0.6))


@pytest.mark.parametrize(
    ("level", "dof", "k"), [(0.95, math.inf, 1.959964), (0.99, 16, 2.920782), (0.95, 3, 3.182446)]
)
def test_coverage_factors_of_the_tables(level: float, dof: float, k: float) -> None:
    assert coverage_factor(level, dof) == pytest.approx(k, abs=5e-7)  # tabulated digits


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, -0.1])
def test_impossible_levels_are_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        coverage_factor(level, math.inf)
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        Count(**HEADER, n=3, exposure=1.0).interval(level)


def coverage(inside: np.ndarray, level: float) -> None:
    """Share inside against its binomial standard error, four of them."""
    assert abs(inside.mean() - level) < 4 * math.sqrt(level * (1 - level) / len(inside))


@pytest.mark.parametrize("dof", [math.inf, 5])
def test_intervals_cover_the_truth(dof: float) -> None:
    rng, n, truth, u = np.random.default_rng(31), 600, 1.5, 0.4
    values = truth + u * rng.normal(size=n)
    # With few repeats u itself is an estimate: u sqrt(chi2 / dof).
    spread = np.full(n, u) if math.isinf(dof) else u * np.sqrt(rng.chisquare(dof, n) / dof)
    intervals = [
        measured("atlas_laterality", v, s, dof=dof).interval() for v, s in zip(values, spread, strict=True)
    ]
    coverage(np.array([i.low <= truth <= i.high for i in intervals]), 0.95)


def test_interval_of_a_share_stays_within_it_and_of_a_length_above_zero() -> None:
    """By hand: t(9) = 2.2622; a burden of 20.6 % with u = 8.4 %, a duration of 2.4 s with u = 1.2 s."""
    odds, half = math.log(0.206 / 0.794), 2.262157 * 0.084 / (0.206 * 0.794)
    share = measured("spasm_burden", 20.6, 8.4, dof=9).interval()
    assert share is not None and share.low is not None and share.high is not None
    assert share.low == pytest.approx(100 / (1 + math.exp(half - odds)), rel=1e-6)
    assert share.high == pytest.approx(100 / (1 + math.exp(-half - odds)), rel=1e-6)
    assert 0 < share.low < 20.6 - 8.4 < 20.6 + 8.4 < share.high < 100
    length = measured("spasm_duration", 2.4, 1.2, dof=9).interval()
    assert length is not None
    assert length.low == pytest.approx(2.4 / math.exp(2.262157 / 2), rel=1e-6)
    assert length.high == pytest.approx(2.4 * math.exp(2.262157 / 2), rel=1e-6)
    certain = measured("spasm_burden", 99.9, 50.0).interval()
    assert (
        certain is not None
        and certain.low is not None
        and certain.low >= 0
        and certain.high == pytest.approx(100)
    )


def test_reciprocal_intervals_cover_the_true_radius() -> None:
    # The curvature is what a film determines: normal, SD 20 %; u is first order at the estimate, u(R) =
    # u(1/R) R^2.
    rng, radius, sd = np.random.default_rng(32), 100.0, 0.2 / 100.0
    drawn = 1 / (1 / radius + sd * rng.normal(size=800))
    kept = drawn[drawn > 0]
    intervals = [measured("axial_radius", r, sd * r**2).interval() for r in kept]
    inside = np.array([i.low <= radius and (i.high is None or radius <= i.high) for i in intervals])
    coverage(inside, 0.95)


@pytest.mark.parametrize(
    ("n", "exposure", "low", "high"),
    # Garwood 1936: exact limits of a Poisson mean at 0, 1, 3 and 10 events.
    [
        (0, 1.0, 0.0, 3.6889),
        (1, 1.0, 0.0253, 5.5716),
        (3, 6.2, 0.6187 / 6.2, 8.7673 / 6.2),
        (10, 2.0, 4.7954 / 2, 18.3904 / 2),
    ],
)
def test_exact_interval_of_a_count(n: int, exposure: float, low: float, high: float) -> None:
    count = Count(**HEADER, n=n, exposure=exposure)
    interval = count.interval()
    assert count.rate == n / exposure
    assert (interval.low, interval.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize("mean", [0.3, 1.0, 2.7, 8.0, 25.0])
def test_exact_interval_covers_at_least_its_level(mean: float) -> None:
    # Summed over the Poisson distribution, so no simulation: what is left out beyond 80 events is below
    # 1e-15.
    counts = np.arange(81)
    intervals = [Count(**HEADER, n=int(n), exposure=1.0).interval() for n in counts]
    inside = np.array([i.low <= mean <= i.high for i in intervals])
    assert stats.poisson.pmf(counts, mean)[inside].sum() >= 0.95


def test_overdispersion_widens_the_interval() -> None:
    plain, wide = (Count(**HEADER, n=12, exposure=2.0, dispersion=d).interval() for d in (1.0, 3.0))
    assert wide.low < plain.low < 6.0 < plain.high < wide.high
    # The same as a third of the events, each counting three.
    third = Count(**HEADER, n=4, exposure=2.0).interval()
    assert (wide.low, wide.high) == (pytest.approx(3 * third.low), pytest.approx(3 * third.high))


@pytest.mark.parametrize("bad", [{"n": -1}, {"exposure": 0.0}, {"exposure": math.nan}, {"dispersion": 0.5}])
def test_impossible_counts_are_refused(bad) -> None:
    with pytest.raises(ValueError, match="spasm_rate: n >= 0, exposure > 0 and dispersion >= 1 expected"):
        Count(**HEADER, **{"n": 1, "exposure": 1.0, **bad})


def test_grades_and_categories_have_no_interval() -> None:
    assert Grade(**HEADER, level=2, scale="psfs-1").interval() is None
    known = Category(**HEADER, value="S", choices=("S0", "S", "I"))
    assert known.interval() is None
    assert Category(**HEADER, value="unknown", choices=("S0",)).value == "unknown"
    with pytest.raises(ValueError, match="'II' is none of S0, S, unknown"):
        Category(**HEADER, value="II", choices=("S0", "S"))


def test_pose_gives_its_angles_and_six_half_widths() -> None:
    turned = pose(rotation_from_zxy(3.1, -2.0, 2.9), cov6=np.diag([0.01, 0.02, 0.03, 0.4, 0.5, 0.6]) ** 2)
    np.testing.assert_allclose(turned.zxy_deg, [3.1, -2.0, 2.9], atol=1e-12)
    widths = turned.interval()
    assert widths is not None
    assert [w.high for w in widths] == pytest.approx(1.959964 * np.array([0.01, 0.02, 0.03, 0.4, 0.5, 0.6]))
    assert [w.low for w in widths] == [-w.high for w in widths]
    assert pose().interval() is None


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"rotation": np.diag([1.0, 1, -1])}, "proper 3 x 3 rotation"),
        ({"translation": (0.0, math.nan, 0.0)}, "three finite numbers"),
        ({"translation": (0.0, 1.0)}, "three finite numbers"),
        ({"cov6": np.eye(3)}, "6 x 6"),
        ({"cov6": np.diag([1.0, 1, 1, 1, 1, np.nan])}, "finite, symmetric"),
        ({"cov6": np.diag([1.0, 1, 1, 1, 1, -1])}, "without negative variance"),
        ({"cov6": np.eye(6) + 2 * (np.eye(6, k=1) + np.eye(6, k=-1))}, "without negative variance"),
        ({"cov6": np.eye(6) + 0.5 * np.eye(6, k=1)}, "symmetric"),
    ],
)
def test_impossible_poses_are_refused(fields, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        pose(**fields)


def test_two_poses_are_never_taken_for_one() -> None:
    one, other = pose(), pose(rotation_from_zxy(0, 0, 9))
    assert one != other
    assert one == one
    assert len({one, other}) == 2


def test_observations_are_frozen() -> None:
    with pytest.raises(AttributeError):
        measured("atlas_laterality", 1.0).value = 2.0


def test_default_header_says_patient_proposed_ok() -> None:
    plain = Observation(**HEADER)
    assert (plain.measurand, plain.tag, plain.quality, plain.key) == (
        "patient",
        "proposed",
        ("ok",),
        "spasm_rate",
    )
