"""Do the 95 % intervals hold? Simulated visits with known truth, both measurands, every quantity.

Heads are drawn N(0; 0.8, 2, 1 deg) for each film; poses of C1, C2 and neck uniformly, which no prior of the
estimator knows; persons from the phantom population. A second run puts every head 3 deg off about every axis.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from atlasplane.anatomy.phantom import random_phantom
from atlasplane.core.observation import Interval
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.visit_analysis import analyse_visit
from atlasplane.simulate.memory import visit_in_memory
from atlasplane.simulate.observer import Observer
from atlasplane.simulate.subject import Angles, PhantomSubject
from atlasplane.simulate.visit import VIEWS, SimulatedVisit, random_clinic, simulate_visit
from benchmarks.bar import Bar, at_least, at_most

CASES = 2000
SEED = 17
HEAD_SD_DEG = (0.8, 2.0, 1.0)
ATLAS_DEG = ((-20.0, -4.0), (-5.0, 5.0), (-6.0, 6.0))
AXIS_DEG = (8.0, 3.0, 5.0)
TRUNK_DEG = (10.0, 3.0, 5.0)
WANTED = (0.935, 0.965)
NEVER_OUTSIDE = (0.93, 0.97)
OFTEN = 0.99
OFF_DEG = 3.0
_WHEN = datetime(2026, 3, 2, tzinfo=UTC)
_BATCH = 50


@dataclass
class Tally:
    """Hits by (measurand, key), with standardised errors, and films found turned."""

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
    tally = run(cases, SEED, off_deg=None)
    # A mark off the film takes its quantity along; what is missing from many cases is only printed.
    often = {key: hits for key, hits in sorted(tally.hits.items()) if len(hits) >= OFTEN * cases}
    rarely = {key: hits for key, hits in sorted(tally.hits.items()) if key not in often}
    shares = {key: float(np.mean(hits)) for key, hits in often.items()}
    for (measurand, key), share in shares.items():
        inside = WANTED[0] <= share <= WANTED[1]
        yield Bar(
            id=f"coverage.{measurand}.{key}",
            value=share,
            unit="1",
            bar=f"{WANTED[0]} to {WANTED[1]}",
            passed=inside,
            n=len(often[measurand, key]),
            seed=SEED,
        )
    for (measurand, key), hits in rarely.items():
        yield Bar(
            id=f"coverage.{measurand}.{key}", value=float(np.mean(hits)), unit="1", n=len(hits), seed=SEED
        )
    for measurand in ("film", "patient"):
        own = [share for (m, _), share in shares.items() if m == measurand]
        outside = sum(not WANTED[0] <= share <= WANTED[1] for share in own)
        far = sum(not NEVER_OUTSIDE[0] <= share <= NEVER_OUTSIDE[1] for share in own)
        yield at_most(
            f"coverage.{measurand}-outside", outside, 1, f"of {len(own)} quantities", n=cases, seed=SEED
        )
        yield at_most(
            f"coverage.{measurand}-far-outside", far, 0, f"of {len(own)} quantities", n=cases, seed=SEED
        )
    off = run(cases, SEED + 1, off_deg=OFF_DEG)
    yield at_least("coverage.head-3deg.finding", off.turned / off.cases, 0.95, "1", n=cases, seed=SEED + 1)
    for (measurand, key), hits in sorted(off.hits.items()):
        yield Bar(
            id=f"coverage.head-3deg.{measurand}.{key}",
            value=float(np.mean(hits)),
            unit="1",
            n=len(hits),
            seed=SEED + 1,
        )


def run(cases: int, seed: int, *, off_deg: float | None) -> Tally:
    """Tally of simulated visits, on all cores; the result does not depend on their number."""
    sizes = [min(_BATCH, cases - start) for start in range(0, cases, _BATCH)]
    total = Tally()
    with ProcessPoolExecutor() as pool:
        for part in pool.map(_batch, sizes, [[seed, k] for k in range(len(sizes))], [off_deg] * len(sizes)):
            total.add(part)
    return total


def simulated(rng: np.random.Generator, *, off_deg: float | None) -> SimulatedVisit:
    """One visit of one person."""
    subject = PhantomSubject(random_phantom(rng), dict)
    atlas = np.array([rng.uniform(*limits) for limits in ATLAS_DEG])
    axis, trunk = rng.uniform(-1, 1, 3) * AXIS_DEG, rng.uniform(-1, 1, 3) * TRUNK_DEG

    def head() -> Array:
        return rng.normal(0.0, HEAD_SD_DEG) if off_deg is None else off_deg * rng.choice([-1.0, 1.0], 3)

    angles = {view: Angles(head=head(), atlas=atlas, axis=axis, trunk=trunk) for view in VIEWS}
    clinic = random_clinic(rng)
    return simulate_visit(
        subject, angles=angles, observer=Observer(), rng=rng, id_="v1", time=_WHEN, clinic=clinic
    )


def _batch(count: int, seed: list[int], off_deg: float | None) -> Tally:
    rng, tally = np.random.default_rng(seed), Tally()
    for _ in range(count):
        visit = simulated(rng, off_deg=off_deg)
        truth = visit.truth()["quantities"]
        assert isinstance(truth, dict)
        analysis = analyse_visit(visit_in_memory(visit))
        tally.cases += 1
        tally.turned += any(found.code == "film.yaw" for found in analysis.findings)
        for key in analysis.joint.order:
            measured = analysis.joint.measurement(key)
            assert measured is not None
            for measurand, interval in (("film", measured.interval_film()), ("patient", measured.interval())):
                tally.hits[measurand, key].append(_holds(interval, truth[key][measurand]))
    return tally


def _holds(interval: Interval | None, true: float) -> bool:
    if interval is None or math.isnan(true):
        return False
    low = -math.inf if interval.low is None else interval.low
    high = math.inf if interval.high is None else interval.high
    return low <= true <= high
