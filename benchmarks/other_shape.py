"""The generic shape on real bones that it was not made from, and a real head's CT against its films.

Bones of two real heads, each also mirrored, are posed in the skull by drawn angles and filmed by simulated
set-ups: 0.5 mm clicks, head 3 deg off. A head's shape is one draw of the template's error, however often it
is filmed: repeats average clicks, cameras and poses only. So n counts films and the heads are two. The rows
`mixture` draw heads from the normal distribution that has the second moments of the two heads and their
mirror images about the template; four weights move all points there, so far-off heads are frequent, and the
test of a moved joint is only printed. Two heads say nothing of sex, age and size.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, replace
from functools import partial
from multiprocessing import get_context

import numpy as np
from scipy.stats import chi2

from atlasplane.chain.batch_processes import one_thread_each
from atlasplane.geometry.least_squares import NotConverged
from benchmarks.bar import Bar, at_least, at_most
from benchmarks.real_heads import (
    HEADS,
    ct_against_films,
    mixed_person,
    real_person,
    told_of_head,
    told_of_mixture,
)
from benchmarks.three_d import ANGLES, LEVEL, OFF_DEG, SEED, Errors, Setting, batch, rms

CASES = 1000
LEAST = 0.93
_BATCH = 25


def bars(cases: int = CASES) -> Iterator[Bar]:
    """Errors, stated errors, classical lines and coverage of each head and of mixtures; CT against films."""
    for name in HEADS:
        told = partial(told_of_head, name)
        setting = Setting(person=partial(real_person, name=name), believed=told, classical=True)
        yield from _rows(f"generic-{name}", setting, cases)
    mixed = Setting(person=mixed_person, believed=told_of_mixture, classical=True)
    yield from _rows("generic-mixture", mixed, cases, judge_moved=False)
    yield from _real_head(max(2, cases // 2))


def found(setting: Setting, cases: int) -> tuple[Errors, int]:
    """Errors of simulated cases, on all cores, and how many had no fit: those get no pose."""
    starts = range(0, cases, _BATCH)
    counts = [min(_BATCH, cases - start) for start in starts]
    with one_thread_each(), ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        parts = [part for some in pool.map(_some, [setting] * len(starts), starts, counts) for part in some]
    errors = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Errors)}
    return Errors(**errors), cases - len(parts)


def _some(setting: Setting, start: int, count: int) -> list[Errors]:
    fitted = []
    for number in range(start, start + count):
        try:
            fitted.append(batch(setting, 1, [SEED, number]))
        except NotConverged:
            continue
    return fitted


def _rows(name: str, setting: Setting, cases: int, *, judge_moved: bool = True) -> Iterator[Bar]:
    errors, refused = found(setting, cases)
    yield Bar(id=f"3d.{name}.no-fit", value=refused / cases, unit="1", n=cases, seed=SEED)
    alarms = at_most(f"3d.{name}.moved.false-alarm", errors.alarms, 2 * LEVEL, "1", n=cases, seed=SEED)
    yield alarms if judge_moved else replace(alarms, bar=None, passed=None)
    for k, angle in enumerate(ANGLES):
        for what, values in (("rmse", errors.off), ("stated", errors.sd), ("classical", errors.lines)):
            value = float(rms(values)[k])
            yield Bar(id=f"3d.{name}.{what}.{angle}", value=value, unit="deg", n=cases, seed=SEED)
        share = float(errors.covered[k])
        yield at_least(f"3d.{name}.coverage.{angle}", share, LEAST, "1", n=cases, seed=SEED)


def _real_head(cases: int) -> Iterator[Bar]:
    """Share of repeats with C1's poses from CT and from films within their joint 95 % region."""
    distance, turn_deg = ct_against_films(np.random.default_rng(SEED), cases, off_deg=OFF_DEG)
    inside = float(np.mean(distance <= chi2.ppf(0.95, 6)))
    yield at_least("3d.real-head.inside-95", inside, LEAST, "1", n=cases, seed=SEED)
    yield Bar(id="3d.real-head.turn", value=float(rms(turn_deg)), unit="deg", n=cases, seed=SEED)
