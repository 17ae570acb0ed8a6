"""Bars of the registration on films of the phantom: speed, error, intervals, and starts that are far off.

The errors are of C1 in the skull and of C2 in C1: the turn (deg) and the shift of the bone's centre (mm).
Every scan has its own person; a batch of visits shares it. Starts are off by so much in the root mean square,
three axes together; the far starts by exactly as much.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from atlasplane.chain.batch_processes import one_thread_each
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.sources.film import View
from atlasplane.xray.registration import register
from atlasplane.xray.registration_covariance import FLOOR_KINDS, Relation, relations, with_floor
from atlasplane.xray.registration_problem import RegistrationProblem, Rig, change_about_centre
from atlasplane.xray.registration_result import Registration
from benchmarks.bar import Bar, at_least, at_most, covers
from benchmarks.registration_cases import THREE, TWO, Spread, Truth, exchanged, film_set
from benchmarks.registration_persons import (
    FINE,
    Person,
    Scan,
    Voxels,
    bodyparts_surfaces,
    random_person,
    scan_of,
)

CASES = 200
SEED = 41
COVERAGE_TIMES = 5
"""Cases of the intervals, in multiples of the others."""
PER_SCAN = 20
RELATIONS = ("c1_in_skull", "c2_in_c1")
ALL_RELATIONS = (*RELATIONS, "c2_in_skull")
SOURCES = tuple((kind, axis) for kind in FLOOR_KINDS for axis in range(3))
"""What a bias floor is made of."""
WANTED = (0.93, 0.97)
WRONG_DEG, WRONG_MM = 1.0, 1.0
"""A result further off than this has not converged to the truth."""
_Z95 = float(norm.ppf(0.975))
_REGION95 = float(chi2.ppf(0.95, 6))
_LEAST_U = 1e-12


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One kind of case."""

    name: str
    rig: Rig = "fixed"
    views: tuple[View, ...] = TWO
    start_deg: float = 2.0
    start_mm: float = 2.0
    exact: bool = False
    surfaces: bool = False
    exchanged: bool = False
    """Whether the scan is that of another person."""
    voxels: Voxels = FINE
    spread: Spread = Spread()  # noqa: RUF009 - frozen


FIXED = Setting(name="fixed")
FREE = Setting(name="free", rig="free", views=THREE)
FAR = Setting(name="start-6deg-6mm", start_deg=6.0, start_mm=6.0, exact=True)
VIEWING = Setting(name="viewing", spread=Spread(viewing=True))
VIEWING_FREE = Setting(name="viewing-free", rig="free", views=THREE, spread=Spread(viewing=True))
OTHER_BONES = Setting(name="bodyparts3d", surfaces=True)
STRANGERS = (
    Setting(name="another-person.fixed", exchanged=True),
    Setting(name="another-person.free", rig="free", views=THREE, exchanged=True),
)
PER_STRANGER = 2
"""Visits with one pair of persons."""
TOO_FAR = 4.74
"""Standard uncertainties (six coordinates together) beyond which a result is wrong: 1 in 1000 by chance."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """One case.

    Attributes
    ----------
    status, reasons, residual, agreement
        As the registration says; agreement in deg and mm.
    error, cov : array, shape (3, 6), (3, 6, 6)
        Of each of `ALL_RELATIONS`: error (rad, mm) and stated covariance.
    responses : array, shape (6, 3, 6, 6)
        The same of errors of 1 deg about X, Y, Z and 1 mm along them, of every bone by itself.
    seconds : float
    """

    status: str
    reasons: tuple[str, ...]
    residual: float
    agreement: tuple[float, float]
    error: Array
    cov: Array
    responses: Array
    seconds: float

    @property
    def deg(self) -> Array:
        """Turn by which each of `RELATIONS` is off, shape (2,)."""
        return np.asarray(np.degrees(np.linalg.norm(self.error[:2, :3], axis=1)))

    @property
    def mm(self) -> Array:
        """Shift by which each of `RELATIONS` is off, shape (2,)."""
        return np.asarray(np.linalg.norm(self.error[:2, 3:], axis=1))

    @property
    def wrong(self) -> bool:
        """Whether another place was found than the true one."""
        return bool(self.deg.max() > WRONG_DEG or self.mm.max() > WRONG_MM)


def bars(cases: int = CASES) -> Iterator[Bar]:
    """Every bar of phantom films."""
    few = max(2, cases // 5)
    yield from _speed(FIXED, cases, seconds=1.0, limits=((0.13, 0.08), (0.24, 0.15)))
    yield from _speed(FREE, cases, seconds=2.0, limits=(None, (0.30, 0.25)))
    yield from _far(cases)
    for setting in STRANGERS:
        yield from _strangers(setting, few)
    for setting in (FIXED, FREE):
        yield from _coverage(setting, COVERAGE_TIMES * cases)
    for setting in (VIEWING, VIEWING_FREE):
        yield from _coverage(setting, cases)
    if bodyparts_surfaces() is not None:
        yield from _errors(OTHER_BONES, run(OTHER_BONES, few), (None, None))


def _speed(
    setting: Setting,
    cases: int,
    *,
    seconds: float,
    limits: tuple[tuple[float, float] | None, tuple[float, float] | None],
) -> Iterator[Bar]:
    """One case after another, each on all cores."""
    found = run(setting, cases, workers=0)
    spent = float(np.median([o.seconds for o in found]))
    name = f"registration.{setting.name}"
    yield at_most(f"{name}.time", spent, seconds, "s", n=len(found), seed=SEED)
    yield from _errors(setting, found, limits)


def _errors(
    setting: Setting,
    found: Sequence[Outcome],
    limits: tuple[tuple[float, float] | None, tuple[float, float] | None],
) -> Iterator[Bar]:
    """Median and 95th percentile of all cases, whatever their state; the bars are for C1 in the skull."""
    for k, relation in enumerate(RELATIONS):
        for unit, values in (("deg", [o.deg[k] for o in found]), ("mm", [o.mm[k] for o in found])):
            for (name, share), limit in zip((("median", 0.5), ("p95", 0.95)), limits, strict=True):
                value = float(np.quantile(values, share))
                id_ = f"registration.{setting.name}.{relation.replace('_', '-')}.{name}.{unit}"
                if limit is None or k > 0:
                    yield Bar(id=id_, value=value, unit=unit, n=len(found), seed=SEED)
                else:
                    yield at_most(id_, value, limit[unit == "mm"], unit, n=len(found), seed=SEED)
    yield from _states(setting, found)


def _states(setting: Setting, found: Sequence[Outcome]) -> Iterator[Bar]:
    for status in ("ok", "doubtful", "refused"):
        share = float(np.mean([o.status == status for o in found]))
        yield Bar(id=f"registration.{setting.name}.{status}", value=share, unit="1", n=len(found), seed=SEED)


def _far(cases: int) -> Iterator[Bar]:
    found = run(FAR, cases)
    right = float(np.mean([not o.wrong for o in found]))
    unnamed = sum(o.wrong and o.status == "ok" for o in found)
    name = f"registration.{FAR.name}"
    yield at_least(f"{name}.converged", right, 0.995, "1", n=len(found), seed=SEED)
    yield at_most(f"{name}.wrong-and-ok", unnamed, 0, "cases", n=len(found), seed=SEED)
    yield from _errors(FAR, found, (None, None))


def _strangers(setting: Setting, cases: int) -> Iterator[Bar]:
    """The scan is another person's: results that are wrong must not stand as good ones."""
    found = run(setting, cases, per_scan=PER_STRANGER)
    wrong = [o for o in found if np.sqrt(distances(o)[:2].max()) > TOO_FAR]
    unnamed = sum(o.status == "ok" for o in wrong)
    name = f"registration.{setting.name}"
    yield at_most(f"{name}.wrong-and-ok", unnamed, 0, "cases", n=len(wrong), seed=SEED)
    yield from _states(setting, found)


def _coverage(setting: Setting, cases: int) -> Iterator[Bar]:
    """Share of 95 % intervals that hold the truth, of results that are not refused."""
    found = [o for o in run(setting, cases, first=1000) if o.status != "refused"]
    inside = np.array([within(o) for o in found])
    name = f"registration.{setting.name}.coverage"
    shares = {"all": inside[:, :2].mean()} | {
        f"{relation.replace('_', '-')}.{part}": inside[:, k, at].mean()
        for k, relation in enumerate(RELATIONS)
        for part, at in (("turn", slice(0, 3)), ("shift", slice(3, 6)))
    }
    for part, share in shares.items():
        judged = part == "all"
        yield covers(f"{name}.{part}", share, n=len(found), seed=SEED, judged=judged, band=WANTED)
    region = np.mean([distances(o)[:2] <= _REGION95 for o in found], axis=0)
    for relation, share in zip(RELATIONS, region, strict=True):
        id_ = f"{name}.{relation.replace('_', '-')}.region"
        yield Bar(id=id_, value=float(share), unit="1", n=len(found), seed=SEED)
    yield from _errors(Setting(name=f"{setting.name}.more"), found, (None, None))


def within(outcome: Outcome) -> NDArray[np.bool_]:
    """Whether each component's 95 % interval holds the truth, shape (3, 6)."""
    sd = np.sqrt(np.diagonal(outcome.cov, axis1=1, axis2=2))
    held: NDArray[np.bool_] = np.abs(outcome.error) <= _Z95 * sd
    return held


def distances(outcome: Outcome) -> Array:
    """Squared distance of each relation from the truth in its own covariance, shape (3,)."""
    solved = np.linalg.solve(outcome.cov, outcome.error[:, :, None])[:, :, 0]
    return np.asarray(np.sum(outcome.error * solved, axis=1))


def run(
    setting: Setting,
    cases: int,
    *,
    seed: int = SEED,
    first: int = 0,
    workers: int | None = None,
    per_scan: int = PER_SCAN,
) -> list[Outcome]:
    """Outcomes of simulated cases.

    Parameters
    ----------
    first : int
        Number of the first batch: other numbers are other persons and films.
    workers : int, optional
        Processes of one thread each, default one for every core; 0: here, on all cores. The films do not
        depend on it.
    per_scan : int
        Visits of one person, who has one scan.
    """
    sizes = [min(per_scan, cases - start) for start in range(0, cases, per_scan)]
    seeds = [[seed, first + k] for k in range(len(sizes))]
    if workers == 0:
        found = []
        for size, own in zip(sizes, seeds, strict=True):
            found += batch(setting, size, own)
            _told(setting, len(found), cases, seed)
        return found
    found = []
    with (
        one_thread_each(),
        ProcessPoolExecutor(max_workers=workers or os.cpu_count(), mp_context=get_context("spawn")) as pool,
    ):
        for part in pool.map(batch, [setting] * len(sizes), sizes, seeds):
            found += part
            _told(setting, len(found), cases, seed)
    return found


def batch(setting: Setting, count: int, seed: Sequence[int]) -> list[Outcome]:
    """Visits of one person with one scan, in this process."""
    rng = np.random.default_rng(seed)
    surfaces = bodyparts_surfaces() if setting.surfaces else None
    person = random_person(rng, voxels=setting.voxels, surfaces=surfaces)
    scan = scan_of(rng, person, voxels=setting.voxels)
    other = None
    if setting.exchanged:
        other = scan_of(rng, random_person(rng, voxels=setting.voxels), voxels=setting.voxels)
    return [visit(rng, setting, person, scan, other) for _ in range(count)]


def visit(
    rng: np.random.Generator, setting: Setting, person: Person, scan: Scan, other: Scan | None = None
) -> Outcome:
    """One visit of a person who was scanned before, or of whom another person's scan is registered."""
    problem, truth = film_set(
        rng,
        person,
        scan,
        rig=setting.rig,
        views=setting.views,
        start_deg=setting.start_deg,
        start_mm=setting.start_mm,
        exact=setting.exact,
        spread=setting.spread,
    )
    if other is not None:
        problem, truth = exchanged(problem, truth, scan, other)
    start = time.perf_counter()
    result = register(problem, rng=np.random.default_rng(rng.integers(2**32)))
    return outcome(problem, result, truth, time.perf_counter() - start)


def outcome(
    problem: RegistrationProblem, result: Registration, truth: Truth, seconds: float = np.nan
) -> Outcome:
    """What a registration says against what is true."""
    stated = relations(problem, result.bones, result.cov)
    responses = [_response(problem, result, *source) for source in SOURCES]
    return Outcome(
        status=result.status,
        reasons=result.reasons,
        residual=result.residual,
        agreement=(result.agreement_deg, result.agreement_mm),
        error=np.array([_off(stated[name], true_motion(truth, name)) for name in ALL_RELATIONS]),
        cov=np.array([stated[name].cov for name in ALL_RELATIONS]) + _LEAST_U * np.eye(6),
        responses=np.array(responses),
        seconds=seconds,
    )


def _response(problem: RegistrationProblem, result: Registration, kind: str, axis: int) -> Array:
    """Covariances of the relations when every bone is off by itself by 1 deg or 1 mm."""
    none = np.zeros((2, 3))
    none[FLOOR_KINDS.index(kind), axis] = 1.0
    floor = dict(zip(FLOOR_KINDS, none.tolist(), strict=True))
    cov = with_floor(np.zeros_like(result.cov), problem, result.skull, result.bones, floor=floor)
    found = relations(problem, result.bones, cov)
    return np.array([found[name].cov for name in ALL_RELATIONS])


def true_motion(truth: Truth, relation: str) -> RigidTransform:
    """How one bone truly moved in another since the scan, volume -> volume."""
    bone, base = relation.split("_in_")
    moved = {"skull": RigidTransform.identity(), **truth.bones}
    return moved[base].inverse() @ moved[bone]


def _off(relation: Relation, true: RigidTransform) -> Array:
    return change_about_centre(true, relation.motion, relation.centre_mm)


def _told(setting: Setting, done: int, cases: int, seed: int) -> None:
    print(f"registration {setting.name}: {done} of {cases} cases, seed {seed}", file=sys.stderr, flush=True)
