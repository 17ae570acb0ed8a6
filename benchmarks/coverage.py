"""Do the 95 % intervals hold? Simulated visits with known truth, both measurands, every quantity.

Persons come from the phantom population, clicks and clinics are drawn as the defaults assume, and so is the
position of the patient on each image. The films of the series come from one visit, which tells the pose
of C1: there the poses of C1, C2 and neck are uniform, which no prior of the estimator knows. The other images
come from visits of their own, on which nothing tells those poses: they are drawn as the defaults assume, for
a uniform draw has no tails and would flatter the intervals. A further run puts every head of the series 3 deg
off about every axis.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing import get_context

import numpy as np

from atlasplane.anatomy.phantom import random_phantom
from atlasplane.chain.batch_processes import one_thread_each
from atlasplane.core.key import ObservationKey
from atlasplane.core.observation import Interval
from atlasplane.core.quantity import quantity
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.visit_analysis import analyse_visit
from atlasplane.simulate.ct_observer import marked_truth, repeated_clicks
from atlasplane.simulate.ct_scan import MODALITY, Field
from atlasplane.simulate.memory import scan_in_memory, visit_in_memory
from atlasplane.simulate.observer import Observer
from atlasplane.simulate.subject import Angles, PhantomSubject
from atlasplane.simulate.truth_tables import ScanTruth
from atlasplane.simulate.visit import VIEWS, SimulatedVisit, random_clinic, simulate_visit
from atlasplane.sources.film import View
from atlasplane.sources.volume import Volume
from benchmarks.bar import COVERAGE, Bar, at_least, at_most, covers

CASES = 2000
SEED = 17
NEVER_OUTSIDE = (0.93, 0.97)
OFTEN = 0.99
OFF_DEG = 3.0
_WHEN = datetime(2026, 3, 2, tzinfo=UTC)
_BATCH = 50
Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Which images are taken of a simulated person, and how the person stands.

    Attributes
    ----------
    name : str
    views : tuple of View
    head_sd_deg : (float, float, float)
        yaw, pitch, roll of each image, normal.
    atlas_deg : pairs
        flexion, laterality, rotation of C1 in the skull: limits if uniform, else mean and SD.
    axis_deg, trunk_deg : (float, float, float)
        The same of C2 and of the bones below, about 0: half-width if uniform, else SD.
    uniform : bool
    scan : bool
        Whether a scan is taken too; then only what it gives or bears on is counted.
    """

    name: str
    views: tuple[View, ...]
    head_sd_deg: Three = (0.8, 2.0, 1.0)
    atlas_deg: tuple[tuple[float, float], ...] = ((-12.0, 6.0), (0.0, 3.0), (0.0, 3.0))
    axis_deg: Three = (5.0, 2.0, 3.0)
    trunk_deg: Three = (8.0, 2.0, 3.0)
    uniform: bool = False
    scan: bool = False

    def counts(self, key: str) -> bool:
        """Whether a quantity is counted in this setting."""
        return not self.scan or _in_space(key) or ObservationKey.parse(key).condition is not None

    def judges(self, key: str) -> bool:
        """Whether its coverage is held against the bar."""
        return self.scan or not _in_space(key)

    def bones(self, rng: np.random.Generator) -> dict[str, Array]:
        """Poses of atlas, axis and trunk, deg."""
        if not self.uniform:
            mean, sd = np.array(self.atlas_deg).T
            return {
                "atlas": rng.normal(mean, sd),
                "axis": rng.normal(0.0, self.axis_deg),
                "trunk": rng.normal(0.0, self.trunk_deg),
            }
        atlas = np.array([rng.uniform(*limits) for limits in self.atlas_deg])
        axis, trunk = (rng.uniform(-1, 1, 3) * half for half in (self.axis_deg, self.trunk_deg))
        return {"atlas": atlas, "axis": axis, "trunk": trunk}


SERIES = Setting(
    name="series",
    views=VIEWS,
    atlas_deg=((-20.0, -4.0), (-5.0, 5.0), (-6.0, 6.0)),
    axis_deg=(8.0, 3.0, 5.0),
    trunk_deg=(10.0, 3.0, 5.0),
    uniform=True,
)
SCAN = replace(SERIES, name="scan", scan=True)
"""The series with a scan of the same posture."""
STANDING: Three = (3.0, 3.0, 1.5)
"""Yaw, pitch, roll of a person who stands without clamps."""
BEYOND = (
    # The bones below C2 are one: a lean of the neck is a lean of the whole trunk, so it is kept smaller.
    Setting(
        name="full-length",
        views=(View.LATERAL_FULL, View.AP_FULL),
        head_sd_deg=STANDING,
        trunk_deg=(3.0, 1.2, 1.8),
    ),
    Setting(name="front", views=(View.AP_CERVICAL,), head_sd_deg=STANDING),
    Setting(name="base", views=(View.BASE_POSTERIOR,)),
    Setting(name="open-mouth", views=(View.APOM,)),
    Setting(
        name="photographs",
        views=(View.PHOTO_LATERAL, View.PHOTO_FRONT, View.PHOTO_BACK),
        head_sd_deg=(3.0, 5.0, 2.0),
    ),
)
"""Images beyond the series."""


def _in_space(key: str) -> bool:
    """Whether it is an angle between bones in space, which has no film to be read from."""
    return not quantity(ObservationKey.parse(key).quantity).views


@dataclass
class Tally:
    """Hits by (measurand, key), and films found turned."""

    hits: dict[tuple[str, str], list[bool]] = field(default_factory=lambda: defaultdict(list))
    turned: int = 0
    cases: int = 0

    def add(self, other: Tally) -> None:
        """Take another tally in."""
        for key, hits in other.hits.items():
            self.hits[key].extend(hits)
        self.turned += other.turned
        self.cases += other.cases


def bars(cases: int = CASES) -> Iterator[Bar]:
    """Coverage of every quantity, how many lie outside, and the run with the head off."""
    common: dict[tuple[str, str], float] = {}
    for number, setting in enumerate((SERIES, *BEYOND, SCAN)):
        tally = run(cases, _seed(number), setting)
        # A mark off the film takes its quantity along; what is missing from many cases is only printed.
        often = {key for key, hits in tally.hits.items() if len(hits) >= OFTEN * cases}
        for key, hits in sorted(tally.hits.items()):
            share = float(np.mean(hits))
            judged = key in often and setting.judges(key[1])
            if judged:
                common[key] = share
            yield _coverage(setting, key, share, len(hits), judged=judged)
    for measurand in ("film", "patient"):
        yield from _outside(measurand, common, cases)
    yield from _head_off(cases)


def _seed(number: int) -> list[int]:
    return [SEED] if number == 0 else [SEED, 1000 + number]


def _coverage(setting: Setting, key: tuple[str, str], share: float, count: int, *, judged: bool) -> Bar:
    id_ = ".".join(("coverage", *(["scan"] if setting.scan else []), *key))
    return covers(id_, share, n=count, seed=SEED, judged=judged)


def _outside(measurand: str, common: Mapping[tuple[str, str], float], cases: int) -> Iterator[Bar]:
    own = [share for (m, _), share in common.items() if m == measurand]
    for name, (low, high), allowed in (("outside", COVERAGE, 1), ("far-outside", NEVER_OUTSIDE, 0)):
        count = sum(not low <= share <= high for share in own)
        unit = f"of {len(own)} quantities"
        yield at_most(f"coverage.{measurand}-{name}", count, allowed, unit, n=cases, seed=SEED)


def _head_off(cases: int) -> Iterator[Bar]:
    seed = SEED + 1
    off = run(cases, [seed], SERIES, off_deg=OFF_DEG)
    yield at_least("coverage.head-3deg.finding", off.turned / off.cases, 0.95, "1", n=cases, seed=seed)
    for (measurand, key), hits in sorted(off.hits.items()):
        share = float(np.mean(hits))
        yield Bar(id=f"coverage.head-3deg.{measurand}.{key}", value=share, unit="1", n=len(hits), seed=seed)


def run(cases: int, seed: list[int], setting: Setting, *, off_deg: float | None = None) -> Tally:
    """Tally of simulated visits, on all cores; the result does not depend on their number."""
    sizes = [min(_BATCH, cases - start) for start in range(0, cases, _BATCH)]
    total = Tally()
    seeds = [[*seed, k] for k in range(len(sizes))]
    with one_thread_each(), ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for part in pool.map(_batch, sizes, seeds, [setting] * len(sizes), [off_deg] * len(sizes)):
            total.add(part)
    return total


def simulated(
    rng: np.random.Generator, setting: Setting = SERIES, *, off_deg: float | None = None
) -> tuple[SimulatedVisit, tuple[Volume, ...]]:
    """One visit of one person, and the scan."""
    subject = PhantomSubject(random_phantom(rng), dict)
    bones = setting.bones(rng)

    def head() -> Array:
        return (
            rng.normal(0.0, setting.head_sd_deg) if off_deg is None else off_deg * rng.choice([-1.0, 1.0], 3)
        )

    angles = {view: Angles(head=head(), **bones) for view in dict.fromkeys((View.LATERAL, *setting.views))}
    visit = simulate_visit(
        subject,
        angles=angles,
        observer=Observer(absent=frozenset()),
        clinic=random_clinic(rng),
        rng=rng,
        id_="v1",
        time=_WHEN,
        views=setting.views,
    )
    if not setting.scan:
        return visit, ()
    posed = subject.posed(angles[View.LATERAL])
    field_of_view = Field.of(posed.points_mm)
    readings = repeated_clicks(posed, field_of_view, Observer(absent=frozenset()), rng=rng, time=_WHEN)
    points, contours = marked_truth(posed, readings[0])
    truth = ScanTruth(condition=MODALITY, points_mm=points, contours_mm=contours)
    return replace(visit, scan=truth), (scan_in_memory(readings, field_of_view, visit.id),)


def _batch(count: int, seed: list[int], setting: Setting, off_deg: float | None) -> Tally:
    rng, tally = np.random.default_rng(seed), Tally()
    for _ in range(count):
        visit, volumes = simulated(rng, setting, off_deg=off_deg)
        truth = visit.truth()["quantities"]
        assert isinstance(truth, dict)
        analysis = analyse_visit(visit_in_memory(visit), volumes=volumes)
        tally.cases += 1
        tally.turned += any(found.code == "film.yaw" for found in analysis.findings)
        for key in filter(setting.counts, analysis.joint.order):
            measured = analysis.joint.measurement(key)
            assert measured is not None
            for measurand, interval in (("film", measured.interval_film()), ("patient", measured.interval())):
                true = truth[key][measurand]
                if true is not None:
                    tally.hits[measurand, key].append(holds(interval, true))
    return tally


def holds(interval: Interval | None, true: float) -> bool:
    """Whether an interval contains the truth; a missing interval does not."""
    if interval is None or math.isnan(true):
        return False
    low = -math.inf if interval.low is None else interval.low
    high = math.inf if interval.high is None else interval.high
    return low <= true <= high
