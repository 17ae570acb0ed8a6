"""What separates a film from the patient.

The head as the film tells it, the budget, the joint covariance, several readers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from atlasplane.core.finding import Severity
from atlasplane.core.observation import Measurement
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment import head_position
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis
from atlasplane.pathways.alignment.head_position import (
    CONFLICT_K,
    HeadCheck,
    ProjectionTerm,
    projection_term,
)
from atlasplane.pathways.alignment.head_prior import (
    AtlasEstimate,
    HeadPrior,
    default_atlas,
    head_prior,
    own_prior,
    photo_prior,
)
from atlasplane.pathways.alignment.sampling import first_order_holds, sampled
from atlasplane.pathways.alignment.visit_analysis import AlignmentAnalysis, analyse_visit, atlas_estimate
from atlasplane.simulate.memory import visit_in_memory
from atlasplane.sources.film import Radiograph, View
from atlasplane.sources.reading import Reading
from atlasplane.uncertainty.monte_carlo import numerical_tolerance
from tests.film_cases import (
    LATERAL,
    NASIUM,
    VERTEX,
    ZERO,
    analysed,
    exact_visit,
    person,
    pose,
    simulated_radiograph,
    visit_of_films,
)

ATLAS = AtlasEstimate(np.array([-12.0, 0.0, 0.0]), np.array([2.0, 0.5, 0.5]))
BENT = ("condylar_", "axial_", "circle_", "bdi", "torg_ratio", "listhesis_percent")
"""Circles, a distance, ratios of lengths: not straight over some u."""
PERSONS = 512
"""Template persons in these tests.

The term's standard error is 1 / sqrt(2 * 512) = 3 % and its draws stay the same.
"""


@pytest.fixture(autouse=True)
def fewer_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_position, "TEMPLATE_PERSONS", PERSONS)


def without(film: Radiograph, *ids: str) -> Radiograph:
    reading = film.readings[0]
    points = {k: v for k, v in reading.points.items() if k not in ids}
    contours = {k: v for k, v in reading.contours.items() if k not in ids}
    return replace(film, readings=(replace(reading, points=points, contours=contours),))


def nasium(head: Sequence[float] = ZERO, **options: object) -> Radiograph:
    """The mean person with level bones, 12 deg of tube."""
    return simulated_radiograph(View.NASIUM, person(), pose(head), 12.0, **options)


def term_of(film: Radiograph, prior: HeadPrior | None = None) -> tuple[FilmAnalysis, ProjectionTerm]:
    analysis = analysed(film)
    assert film.technique is not None
    return analysis, projection_term(analysis, film.technique, ATLAS, prior or head_prior())


def check(term: ProjectionTerm, name: str) -> HeadCheck:
    return next(c for c in term.checks if c.name == name)


def sd_of(term: ProjectionTerm, analysis: FilmAnalysis, key: str) -> float:
    """Of placing and head together."""
    k = term.keys.index(key)
    return math.sqrt(term.cov[k, k] + analysis.u_placing(key) ** 2)


def bias_of(term: ProjectionTerm, key: str) -> float:
    return float(term.bias[term.keys.index(key)])


def laterality(analysis: AlignmentAnalysis) -> Measurement:
    found = analysis.joint.measurement("atlas_laterality")
    assert found is not None
    return found


# ---- the film's own checks ----


@pytest.mark.parametrize("yaw_deg", [-3.0, -1.0, 2.0, 3.0])
def test_the_yaw_check_recovers_the_yaw(yaw_deg: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks without error on the mean person.

    The slope comes from the template persons: each tells its yaw to about 0.94 deg over a spread of 0.8, so
    2048 of them give the slope to 0.94 / 0.8 / sqrt(2048) = 2.6 %; three of that.
    """
    monkeypatch.setattr(head_position, "TEMPLATE_PERSONS", 2048)
    _, term = term_of(nasium((yaw_deg, 0, 0)))
    _, straight = term_of(nasium())
    told = check(term, "yaw").value_deg - check(straight, "yaw").value_deg
    assert told == pytest.approx(yaw_deg, rel=0.08)
    assert check(term, "roll").value_deg == pytest.approx(0.0, abs=0.25)


@pytest.mark.parametrize("roll_deg", [-2.0, 1.5])
def test_the_roll_check_recovers_the_roll(roll_deg: float) -> None:
    _, term = term_of(nasium((0, 0, roll_deg)))
    assert check(term, "roll").value_deg == pytest.approx(roll_deg, rel=0.15)
    assert check(term, "yaw").value_deg == pytest.approx(0.0, abs=0.25)


def test_bias_follows_the_yaw_and_stays_uncorrected() -> None:
    """Half the way from the prior to the check (their SDs are alike), with yaw's sign on this silhouette."""
    (_, right), (_, left), (_, straight) = (term_of(nasium((yaw, 0, 0))) for yaw in (3.0, -3.0, 0.0))
    slope = (bias_of(right, "atlas_laterality") - bias_of(left, "atlas_laterality")) / 6
    film = {yaw: analysed(nasium((yaw, 0, 0))).value("atlas_laterality") for yaw in (3.0, -3.0)}
    true_slope = (film[3.0] - film[-3.0]) / 6
    assert 0.3 * true_slope < slope < true_slope
    assert abs(bias_of(straight, "atlas_laterality")) < 0.1
    # The value itself is what the film shows.
    turned = laterality(analyse_visit(visit_of_films(nasium((3.0, 0, 0)))))
    assert turned.value == pytest.approx(film[3.0], abs=1e-12)


def test_each_check_tightens_u() -> None:
    """Orbits and rami together below either, either below none (skull line alone)."""
    u = {
        name: laterality(analyse_visit(visit_of_films(without(nasium(), *gone)))).u
        for name, gone in {
            "both": (),
            "rami": ("ORB_R",),
            "orbits": ("RAM_R",),
            "none": ("ORB_R", "RAM_R"),
        }.items()
    }
    assert u["both"] < min(u["rami"], u["orbits"]) < max(u["rami"], u["orbits"]) < u["none"]
    # By more than the template's standard error.
    assert u["both"] < 0.95 * u["none"]


def test_without_checks_the_prior_alone_speaks() -> None:
    gone = ("ORB_R", "RAM_R", "SKULL_R")
    _, term = term_of(without(nasium(), *gone))
    assert term.checks == ()
    _, turned = term_of(without(nasium((3.0, 0, 0)), *gone))
    # Nothing on such a film tells of the head, so nothing of the film changes the term but the atlas' place
    # on it.
    k = term.keys.index("atlas_plane_tilt")
    assert turned.cov[k, k] == pytest.approx(term.cov[k, k], rel=0.02)
    # Yaw 0.8 deg through tan(12 deg), roll 1 deg at full size and rotation 0.5 deg times the pitch 2 deg: by
    # hand, 3 % of draws; the template adds second-order terms of the same angles.
    tilt = math.hypot(1.0, 0.8 * math.tan(math.radians(12)))
    assert math.sqrt(term.cov[k, k]) == pytest.approx(tilt, rel=0.1)


def test_pairs_without_a_skull_line_tell_no_yaw() -> None:
    _, term = term_of(without(nasium(), "SKULL_L"))
    assert term.checks == ()


def test_a_straight_head_of_the_mean_person_raises_nothing() -> None:
    codes = {f.code for f in analyse_visit(visit_of_films(nasium())).findings}
    assert codes & {"film.yaw", "film.head_tilt", "film.attachments", "film.tube_mismatch"} == set()


def test_a_yaw_far_beyond_its_u_fails_the_film() -> None:
    """Limit 1 deg, u about 0.95 deg: a stop from 1 + 1.96 * 0.95 = 2.9 deg on."""
    found = {
        yaw: [
            f.severity
            for f in analyse_visit(visit_of_films(nasium((yaw, 0, 0)))).findings
            if f.code == "film.yaw"
        ]
        for yaw in (0.5, 2.0, 5.0)
    }
    assert found == {0.5: [], 2.0: [Severity.WARN], 5.0: [Severity.STOP]}


def test_a_check_in_conflict_widens_the_prior_instead_of_shrinking_to_it() -> None:
    _, mild = term_of(nasium((2.0, 0, 0)))
    analysis, conflict = term_of(nasium((6.0, 0, 0)))
    told = check(conflict, "yaw")
    assert abs(told.value_deg) > CONFLICT_K * math.hypot(head_prior().yaw_sd_deg, told.u_deg)
    # Under the prior the bias would be half the way; released from it, it is nearly the whole.
    film = analysis.value("atlas_laterality")
    assert film is not None
    assert bias_of(conflict, "atlas_laterality") == pytest.approx(film, rel=0.25)
    assert bias_of(mild, "atlas_laterality") < 0.75 * analysed(nasium((2.0, 0, 0))).value("atlas_laterality")
    assert sd_of(conflict, analysis, "atlas_laterality") > 1.1 * sd_of(mild, analysis, "atlas_laterality")


def test_u_covers_a_conflicting_film() -> None:
    """Yaw 6 deg throws laterality off by 3 deg on the mean silhouette.

    The interval still holds the true 0.
    """
    turned = laterality(analyse_visit(visit_of_films(nasium((6.0, 0, 0)))))
    interval = turned.interval()
    assert interval is not None and interval.low is not None and interval.high is not None
    assert turned.value > 2.0
    assert interval.low < 0.0 < interval.high


def test_a_wider_prior_gives_a_larger_u() -> None:
    film = without(nasium(), "ORB_R", "RAM_R")
    wide = replace(head_prior(), yaw_sd_deg=2.0)
    narrow_u, wide_u = (laterality(analyse_visit(visit_of_films(film), prior=p)).u for p in (None, wide))
    assert wide_u > 1.15 * narrow_u


def test_one_film_always_gives_the_same_u() -> None:
    first, second = (analyse_visit(visit_of_films(LATERAL, NASIUM, VERTEX)).joint for _ in range(2))
    np.testing.assert_array_equal(first.cov, second.cov)
    assert first.observations == second.observations


def test_the_atlas_comes_from_the_films_and_else_from_the_default() -> None:
    prior, default = head_prior(), default_atlas()
    films = [analysed(film) for film in (LATERAL, NASIUM, VERTEX)]
    seen = atlas_estimate(films, prior)
    # Flexion is minus the pitch of the atlas plane, its u that of the clicks with the head's pitch (2 deg).
    expected = [
        -films[0].value("atlas_plane_sagittal"),
        films[1].value("atlas_laterality"),
        films[2].value("atlas_rotation"),
    ]
    np.testing.assert_allclose(seen.mean_deg, expected)
    assert seen.u_deg[0] == pytest.approx(math.hypot(films[0].u_placing("atlas_plane_sagittal"), 2.0))
    none = atlas_estimate([], prior)
    np.testing.assert_array_equal(none.mean_deg, default.mean_deg)
    np.testing.assert_array_equal(none.u_deg, default.u_deg)
    # Without tubercles the S-line stands in.
    bare = atlas_estimate([analysed(LATERAL.without("C1_PT"))], prior)
    assert bare.mean_deg[0] == pytest.approx(-films[0].value("s_line_angle"))


# ---- budget and covariance ----


def test_quantities_of_one_film_are_correlated_as_their_algebra_says() -> None:
    """AL = phi + h and LA = -(g + phi), so cov(AL, x) = cov(phi, x) + cov(h, x) for the film's own errors."""
    analysis = analysed(nasium())
    cov, row = analysis.placing_cov, {key: k for k, key in enumerate(analysis.keys)}
    al, phi, h = (cov[row[key]] for key in ("atlas_laterality", "atlas_plane_tilt", "head_tilt"))
    np.testing.assert_allclose(al, phi + h, atol=1e-9 * float(np.abs(cov).max()))
    la, g = cov[row["lower_angle"]], cov[row["cervical_lean"]]
    np.testing.assert_allclose(la, -(g + phi), atol=1e-9 * float(np.abs(cov).max()))
    # Attachments and skull walls are clicked apart: h and phi are uncorrelated in placing.
    assert abs(phi[row["head_tilt"]]) < 1e-12
    # So r(AL, phi) = u(phi) / u(AL).
    wanted = analysis.u_placing("atlas_plane_tilt") / analysis.u_placing("atlas_laterality")
    got = al[row["atlas_plane_tilt"]] / (
        analysis.u_placing("atlas_plane_tilt") * analysis.u_placing("atlas_laterality")
    )
    assert got == pytest.approx(wanted, rel=1e-9)


def test_films_of_one_set_up_share_their_scale_and_others_do_not() -> None:
    """Lengths of one film go together by the scale; the lateral has a scale of its own; angles know none."""
    joint = analyse_visit(visit_of_films(LATERAL, NASIUM)).joint
    scales = [key for key in joint.shared if key.startswith("scale")]
    assert len(scales) == 2
    for key in scales:
        touched = {joint.order[k] for k in np.flatnonzero(joint.shared[key])}
        assert touched in ({"s_offset"}, touched - {"s_offset"})
        for name in touched - {"axis_rotation"}:
            # u_rel 0.01 of the value.
            value = joint.measurement(name).value  # type: ignore[union-attr]
            assert joint.shared[key][joint.order.index(name)] == pytest.approx(0.01 * value)
    assert "atlas_laterality" not in {
        joint.order[k] for key in scales for k in np.flatnonzero(joint.shared[key])
    }


def test_sampling_agrees_with_the_first_order() -> None:
    """JCGM 101 clause 8: both ends of the 95 % interval within half a unit of the first digit of u.

    20 000 draws place an end to sqrt(0.025 * 0.975 / 20 000) / phi(1.96) = 0.019 u, twice that is allowed on
    top. Circles, distances and ratios bend: their ends may miss by a quarter of u.
    """
    visit = exact_visit(person(), pose((0, 0, 0), (-12, 2.5, 3.0)))
    analysis = analyse_visit(visit_in_memory(visit))
    result = sampled(analysis, draws=20_000, rng=np.random.default_rng(1))
    order = analysis.joint.order
    u = {key: analysis.joint.measurement(key).u for key in order}  # type: ignore[union-attr]
    circles = [key for key in order if key.startswith(BENT)]
    tolerance = {key: float(numerical_tolerance(u[key], digits=1)) + 0.04 * u[key] for key in order}
    tolerance |= {key: 0.25 * u[key] for key in circles}
    assert first_order_holds(analysis, result, tolerance) == dict.fromkeys(order, True)
    # u itself: 1 / sqrt(2 n) = 0.5 % of draws, 0.1 % of the ridge; curvature raises the circles' by a few per
    # cent.
    for k, key in enumerate(order):
        assert result.u[k] == pytest.approx(u[key], rel=0.06 if key in circles else 0.025), key
    # Correlations of the draws are those of the joint covariance; a correlation r of n draws is good to 1 /
    # sqrt(n) = 0.007.
    sd = np.sqrt(np.diag(result.cov))
    wanted = analysis.joint.cov / np.outer(list(u.values()), list(u.values()))
    straight = [k for k, key in enumerate(order) if key not in circles]
    pick = np.ix_(straight, straight)
    np.testing.assert_allclose((result.cov / np.outer(sd, sd))[pick], wanted[pick], atol=0.04)


def test_first_order_that_does_not_hold_is_said() -> None:
    analysis = analyse_visit(visit_of_films(VERTEX))
    result = sampled(analysis, draws=2000, rng=np.random.default_rng(1))
    assert first_order_holds(analysis, result, {"atlas_rotation": 1e-9}) == {"atlas_rotation": False}
    assert first_order_holds(analysis, result, {}) == {}


def test_sampling_is_repeatable_and_follows_the_seed() -> None:
    analysis = analyse_visit(visit_of_films(VERTEX))
    one, same, other = (sampled(analysis, draws=3000, rng=np.random.default_rng(s)).mean for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


# ---- the published size of u ----


@pytest.mark.parametrize("flexion", [-10.0, -11.0, -12.0])
def test_default_placing_errors_reproduce_the_published_reading_sd(flexion: float) -> None:
    """Rochester 1994: the defaults must give 0.45 +- 0.05 deg on the mean person at tubes of 10 to 12 deg."""
    film = simulated_radiograph(View.NASIUM, person(), pose(ZERO, (flexion, 0, 0)), -flexion)
    u_film = laterality(analyse_visit(visit_of_films(film))).u_film
    assert u_film == pytest.approx(0.45, abs=0.05)


# ---- several readings ----


def shifted(seed: int, observer: str, sd_px: float, bias_px: Array | float = 0.0) -> Reading:
    """A reading of the nasium with errors of one's own size."""
    rng = np.random.default_rng(seed)
    film = NASIUM.moved(lambda at: at + rng.normal(0, sd_px, at.shape) + bias_px)
    return film.reading(f"r{seed}", observer)


def test_readings_of_one_observer_are_averaged_and_placing_goes_down_by_root_n() -> None:
    readings = [shifted(seed, "KR", 1.0) for seed in range(4)]
    each = [analysed(NASIUM.film(r)) for r in readings]
    together = analysed(NASIUM.film(*readings))
    for key in together.keys:
        mean = np.mean([a.value(key) for a in each])
        assert together.value(key) == pytest.approx(mean, abs=1e-9)
        pooled = math.sqrt(np.mean([a.u_placing(key) ** 2 for a in each]) / 4)
        assert together.u_placing(key) == pytest.approx(pooled, rel=1e-9)
    assert not np.any(together.observers)
    measured = laterality(analyse_visit(visit_of_films(NASIUM.film(*readings))))
    assert measured.observer == ("KR",)
    assert "observers" not in measured.budget
    assert measured.provenance["readings"] == "r0, r1, r2, r3"


def test_observers_that_differ_beyond_their_clicks_add_a_term_of_their_own() -> None:
    """PL_R 12 px apart: phi differs by 3.4 deg, far beyond 0.3 deg of clicks; equal weights, u by hand."""
    one, two = NASIUM.reading("a", "KR"), NASIUM.nudged("PL_R", (0, -12)).reading("b", "MB")
    film = NASIUM.film(one, two)
    analysis = analysed(film)
    k = analysis.keys.index("atlas_plane_tilt")
    values = [analysed(NASIUM.film(r)).value("atlas_plane_tilt") for r in (one, two)]
    u = [analysed(NASIUM.film(r)).u_placing("atlas_plane_tilt") for r in (one, two)]
    assert analysis.values[k] == pytest.approx(np.mean(values), rel=1e-3)
    # DerSimonian-Laird for two: tau^2 = (difference^2 - u1^2 - u2^2) / 2, and half of it is the mean's.
    tau2 = ((values[1] - values[0]) ** 2 - u[0] ** 2 - u[1] ** 2) / 2
    assert analysis.observers[k] == pytest.approx(math.sqrt(tau2 / 2), rel=1e-3)
    joint = analyse_visit(visit_of_films(film)).joint
    tilt = joint.measurement("atlas_plane_tilt")
    assert tilt is not None
    assert tilt.budget["observers"] == pytest.approx(math.sqrt(tau2 / 2), rel=1e-3)
    assert tilt.observer == ("KR", "MB")
    assert tilt.u_film > math.sqrt(tau2 / 2)
    assert any(key == "observers KR+MB on atlas_plane_tilt" for key in joint.shared)
    # Where both agree nothing is added.
    assert (
        "observers" not in joint.measurement("lower_angle").budget
        or analysis.observers[analysis.keys.index("lower_angle")] > 0
    )
    assert "observers" not in joint.measurement("cervical_lean").budget


def test_observers_that_agree_are_a_weighted_mean_without_a_term() -> None:
    one, two = NASIUM.reading("a", "KR", sd_px=1.0), NASIUM.reading("b", "MB", sd_px=2.0)
    analysis = analysed(NASIUM.film(one, two))
    assert not np.any(analysis.observers)
    # Weights 4 : 1, so u^2 = u1^2 u2^2 / (u1^2 + u2^2) = 0.8 u1^2.
    u_one = analysed(NASIUM.film(one)).u_placing("atlas_plane_tilt")
    assert analysis.u_placing("atlas_plane_tilt") == pytest.approx(math.sqrt(0.8) * u_one, rel=1e-3)


def test_what_only_one_observer_has_is_that_observers() -> None:
    one, two = NASIUM.reading("a", "KR"), NASIUM.without("C7_C").reading("b", "MB")
    both, alone = analysed(NASIUM.film(one, two)), analysed(NASIUM.film(one))
    for key in ("lower_angle", "cervical_lean", "c7_offset"):
        assert both.value(key) == pytest.approx(alone.value(key), abs=1e-9)
    assert "atlas_laterality" in both.keys


def test_degrees_of_freedom_are_few_where_two_observers_disagree() -> None:
    apart = NASIUM.film(NASIUM.reading("a", "KR"), NASIUM.nudged("PL_R", (0, -12)).reading("b", "MB"))
    assert np.all(analysed(apart).dof == 1)
    assert np.all(np.isinf(analysed(NASIUM).dof))


def test_who_stands_free_has_a_wider_prior_and_clamps_keep_theirs() -> None:
    assert own_prior(View.NASIUM) is None
    standing, photo = own_prior(View.AP_FULL), own_prior(View.PHOTO_FRONT)
    assert standing is not None and photo is not None
    assert standing.yaw_sd_deg > head_prior().yaw_sd_deg
    assert (standing.tube_sd_deg, standing.camera_sd_deg) == (head_prior().tube_sd_deg, (0.0, 0.0, 0.0))
    assert photo == photo_prior(View.PHOTO_FRONT)


def test_some_quantities_are_drawn_as_all_are() -> None:
    """20 000 draws give a mean to 0.7 % of u and u to 0.5 %; two runs may differ by 4 root two times that."""
    analysis = analyse_visit(visit_in_memory(exact_visit(person(), pose((0, 0, 0), (-12, 2.5, 3.0)))))
    keys = ["atlas_laterality", "atlas_rotation"]
    some = sampled(analysis, draws=20_000, rng=np.random.default_rng(5), keys=keys)
    every = sampled(analysis, draws=20_000, rng=np.random.default_rng(6))
    at = [analysis.joint.order.index(key) for key in keys]
    assert some.mean.shape == (2,)
    assert some.u == pytest.approx(every.u[at], rel=4 * math.sqrt(2) * 0.005)
    assert np.all(np.abs(some.mean - every.mean[at]) < 4 * math.sqrt(2) * 0.007 * every.u[at])
