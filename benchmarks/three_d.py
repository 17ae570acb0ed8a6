"""Bars of the joint fit of films: error over its bound, coverage, speed, and joints that moved between films.

The bound is the Cramer-Rao bound with the information of the same priors (van Trees), taken at the truth of
each case. Beside it stand the classical lines drawn from the same clicks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from multiprocessing import get_context

import numpy as np
from scipy.linalg import solve_triangular
from scipy.stats import norm

from atlasplane.anatomy.phantom import random_phantom
from atlasplane.chain.batch_processes import one_thread_each
from atlasplane.geometry.bundle import bound, solve
from atlasplane.geometry.bundle_model import BundleModel
from atlasplane.geometry.least_squares import innovation_factor
from atlasplane.geometry.se3 import zxy_jacobian
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_fit_settings import movement_looked_for
from benchmarks.bar import Bar, at_least, at_most, covers
from benchmarks.three_d_cases import (
    OTHER,
    PRIOR,
    Believed,
    Person,
    SimulatedFit,
    Spread,
    angles_deg,
    phantom_person,
    simulated_fit,
    turn_about,
)
from benchmarks.three_d_generic import generic_believed, template_person
from benchmarks.three_d_lines import classical_deg

CASES = 5000
SEED = 23
OFF_DEG = 3.0
ANGLES = ("atlas_flexion_3d", "atlas_laterality_3d", "atlas_rotation_3d")
LEVEL = 0.025
"""Of the test for a joint that moved, for C1 and for C2: together at most one false alarm in twenty."""
_BATCH = 50
_Z95 = float(norm.ppf(0.975))
PersonOf = Callable[[np.random.Generator], Person]


def population_person(rng: np.random.Generator) -> Person:
    """A person of the phantom population."""
    return phantom_person(random_phantom(rng))


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One run.

    Attributes
    ----------
    off_deg : how far the head is off about every axis
    truth : what is drawn, where the estimator believes `PRIOR`
    person : who is filmed; a function of a module, for other processes find it by its name
    believed : what the estimator knows of the bones; None is a CT of the person
    moved_deg : how far C1 turns, about a random axis, on one film
    about_condyles : whether it turns about the centre of the condyles' arc, else about its own origin
    classical : whether lines are drawn, too
    """

    off_deg: float = OFF_DEG
    truth: Spread = PRIOR
    person: PersonOf = population_person
    believed: Callable[[], Believed] | None = None
    moved_deg: float = 0.0
    about_condyles: bool = True
    classical: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Errors:
    """What came out; arrays with one row a case.

    Attributes
    ----------
    off, sd, bound : array, shape (n, 3)
        Error of the three angles, its stated standard deviation, and the bound, deg.
    lines : array, shape (n, 3)
        Error of the classical lines, deg.
    moved : array, shape (n, 2)
        p-values of the tests that C1 and C2 stood still.
    best : array, shape (n,)
        Probability that the best test of all finds this very movement, axis, size and film known to it.
    milliseconds : array, shape (n,)
        Processor time of the fit on one thread: what it takes on a machine at rest.
    """

    off: Array
    sd: Array
    bound: Array
    lines: Array
    moved: Array
    best: Array
    milliseconds: Array

    @property
    def ratio(self) -> Array:
        """RMSE over the mean bound, by angle."""
        return rms(self.off) / rms(self.bound)

    @property
    def covered(self) -> Array:
        """Share of 95 % intervals that hold the truth, by angle."""
        inside: Array = np.mean(np.abs(self.off) <= _Z95 * self.sd, axis=0)
        return inside

    @property
    def found(self) -> float:
        """Share of cases in which C1 is found moved."""
        return float(np.mean(self.moved[:, 0] < LEVEL))

    @property
    def alarms(self) -> float:
        """Share of cases in which C1 or C2 is found moved."""
        return float(np.mean(np.any(self.moved < LEVEL, axis=1)))


def rms(values: Array) -> Array:
    """Root mean square over cases."""
    return np.asarray(np.sqrt(np.mean(values**2, axis=0)))


def bars(cases: int = CASES) -> Iterator[Bar]:
    """Every bar; runs beside the first take a part of the cases."""
    part, few = max(2, cases // 2), max(2, cases // 8)
    usual = run(Setting(classical=True), cases)
    yield from _against_bound("ct", usual, cases, limit=1.05, covered=True)
    yield _false_alarms("3d.moved", usual, cases)
    spent = float(np.median(usual.milliseconds))
    yield at_most("3d.ct.time-per-case", spent, 20.0, "ms", n=cases, seed=SEED)
    for angle, value in zip(ANGLES, rms(usual.lines), strict=True):
        yield Bar(id=f"3d.classical.rmse.{angle}", value=value, unit="deg", n=cases, seed=SEED)
    yield from _against_bound("ct-other-truth", run(Setting(truth=OTHER), part), part, limit=1.15)
    yield from _head(part)
    yield from generic_bars("generic", template_person, few)
    yield from generic_bars("generic-phantom", population_person, few)
    yield from _moved(few)


def generic_bars(name: str, person: PersonOf, cases: int) -> Iterator[Bar]:
    """Error and coverage of persons whose bones the estimator takes for the generic shape."""
    errors = run(Setting(person=person, believed=generic_believed), cases)
    for k, angle in enumerate(ANGLES):
        yield Bar(id=f"3d.{name}.rmse.{angle}", value=rms(errors.off)[k], unit="deg", n=cases, seed=SEED)
        yield Bar(id=f"3d.{name}.stated.{angle}", value=rms(errors.sd)[k], unit="deg", n=cases, seed=SEED)
        yield at_least(f"3d.{name}.coverage.{angle}", errors.covered[k], 0.93, "1", n=cases, seed=SEED)
    yield _false_alarms(f"3d.{name}.moved", errors, cases)


def _against_bound(
    name: str, errors: Errors, cases: int, *, limit: float, covered: bool = False
) -> Iterator[Bar]:
    for k, angle in enumerate(ANGLES):
        yield Bar(id=f"3d.{name}.rmse.{angle}", value=rms(errors.off)[k], unit="deg", n=cases, seed=SEED)
        yield Bar(id=f"3d.{name}.bound.{angle}", value=rms(errors.bound)[k], unit="deg", n=cases, seed=SEED)
        ratio = f"3d.{name}.rmse-over-bound.{angle}"
        yield at_most(ratio, float(errors.ratio[k]), limit, "1", n=cases, seed=SEED)
        share = float(errors.covered[k])
        yield covers(f"3d.{name}.coverage.{angle}", share, n=cases, seed=SEED, judged=covered)


def _head(cases: int) -> Iterator[Bar]:
    """The same clicks' errors with the head straight and 5 deg off."""
    straight, off = (run(Setting(off_deg=deg, classical=True), cases) for deg in (0.0, 5.0))
    for k, angle in enumerate(ANGLES):
        change = abs(rms(off.off)[k] / rms(straight.off)[k] - 1)
        yield at_most(f"3d.head-0-to-5deg.change.{angle}", change, 0.05, "1", n=cases, seed=SEED)
        for name, errors in (("0", straight), ("5", off)):
            value = rms(errors.lines)[k]
            yield Bar(
                id=f"3d.classical.head-{name}deg.rmse.{angle}", value=value, unit="deg", n=cases, seed=SEED
            )


def _moved(cases: int) -> Iterator[Bar]:
    """Power against turns about a random axis on one film by chance, beside that of the best test of all.

    The best test knows axis, size and film of each case, which no test can: nobody finds more.
    """
    for centre, sizes in (("condyles", (1.0, 2.0, 3.0, 6.0, 10.0)), ("own-centre", (1.0, 2.0, 3.0))):
        for deg in sizes:
            errors = run(Setting(moved_deg=deg, about_condyles=centre == "condyles"), cases)
            name, best = f"3d.moved.about-{centre}.{deg:g}deg", float(np.mean(errors.best))
            if deg == 2.0:
                yield at_least(f"{name}.found", errors.found, 0.90, "1", n=cases, seed=SEED)
            else:
                yield Bar(id=f"{name}.found", value=errors.found, unit="1", n=cases, seed=SEED)
            yield Bar(id=f"{name}.best-possible", value=best, unit="1", n=cases, seed=SEED)


def _false_alarms(name: str, errors: Errors, cases: int) -> Bar:
    return at_most(f"{name}.false-alarm", errors.alarms, 2 * LEVEL, "1", n=cases, seed=SEED)


def run(setting: Setting, cases: int) -> Errors:
    """Errors of simulated cases, on all cores; the result does not depend on their number."""
    sizes = [min(_BATCH, cases - start) for start in range(0, cases, _BATCH)]
    seeds = [[SEED, k] for k in range(len(sizes))]
    with one_thread_each(), ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(batch, [setting] * len(sizes), sizes, seeds))
    return Errors(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Errors)})


def batch(setting: Setting, count: int, seed: list[int]) -> Errors:
    """Errors of some cases in this process."""
    rng = np.random.default_rng(seed)
    believed = setting.believed() if setting.believed else None
    rows = [_one(rng, setting, believed) for _ in range(count)]
    return Errors(**{f.name: np.array([row[k] for row in rows]) for k, f in enumerate(fields(Errors))})


def _one(
    rng: np.random.Generator, setting: Setting, believed: Believed | None
) -> tuple[Array, Array, Array, Array, Array, float, float]:
    person = setting.person(rng)
    case = simulated_fit(
        rng,
        person,
        off_deg=setting.off_deg,
        truth=setting.truth,
        believed=believed,
        moved=_movement(rng, setting, person),
    )
    start = time.process_time()
    fit = solve(case.problem, robust_k=None, movement=movement_looked_for())
    spent = 1e3 * (time.process_time() - start)
    true = angles_deg(case.true["c1"])
    return (
        angles_deg(fit.poses["c1"]) - true,
        _sd_deg(fit.poses["c1"], fit.cov),
        _sd_deg(case.true["c1"], bound(case.at_truth)),
        classical_deg(case, person) - true if setting.classical else np.full(3, np.nan),
        np.array([fit.moved[bone].p_value for bone in ("c1", "c2")]),
        _best_power(case) if setting.moved_deg else np.nan,
        spent,
    )


def _movement(rng: np.random.Generator, setting: Setting, person: Person) -> RigidTransform | None:
    axis = rng.normal(size=3)
    if not setting.moved_deg:
        return None
    centre = person.condyles_mm if setting.about_condyles else person.joints["c1"].translation_mm
    return turn_about(centre, setting.moved_deg * axis / np.linalg.norm(axis))


def _sd_deg(pose: RigidTransform, cov: Array) -> Array:
    turn = zxy_jacobian(pose.rotation)
    return np.asarray(np.sqrt(np.diag(turn @ cov[:3, :3] @ turn.T)))


def _best_power(case: SimulatedFit) -> float:
    """Power of the likelihood ratio test against this very movement (Neyman and Pearson), one-sided."""
    model = BundleModel(case.at_truth)
    # The true clicks hold the movement and the model does not: the residual is the movement's mark.
    shift, jacobian = model(np.zeros(model.size))
    factor, lower = innovation_factor(jacobian)
    size = float(np.linalg.norm(solve_triangular(factor, shift, lower=lower)))
    return float(norm.cdf(size - norm.ppf(1 - LEVEL)))
