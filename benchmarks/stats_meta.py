"""Meta-analysis: do intervals hold the truth, do tests keep their level, and how fast is REML.

Studies have normal effects about a true mean of 0, with variances that are known and the smaller the later a
study is. The rows of each procedure keep to its own assumptions: a normal interval takes tau2 as known and is
given many studies; what it does with few is printed beside it without a bar. `.ar1-...` rows print the level
where neighbouring studies (for dependent effects: neighbouring clusters) are alike, which every procedure
assumes they are not.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atlasplane.stats.meta.dependent import ThreeLevelInterval, cluster_robust, three_level
from atlasplane.stats.meta.heterogeneity import heterogeneity, q_profile
from atlasplane.stats.meta.pooled import Inference, IntervalMethod, fixed_effect, random_effects
from atlasplane.stats.meta.prediction import PredictionMethod, prediction_interval, prediction_over_tau2
from atlasplane.stats.meta.regression import meta_regression
from atlasplane.stats.meta.small_study import egger_linear, egger_mixed, rank_test
from atlasplane.stats.meta.tau2 import Tau2Method, tau2_estimate
from benchmarks.bar import ALPHA, Bar, at_least, at_most, covers, rejects
from benchmarks.registration_peers import PeerMissing, missing_bar

Floats = NDArray[np.float64]
SEED = 70
ALIKE = (0.3, 0.6)
TAU2 = 0.1
CLUSTERS, LARGEST_CLUSTER = 20, 5
SETS, STUDIES, SAMPLE = 10_000, 15, 100
"""Data sets and studies of the speed row, and data sets that PyMARE is timed on."""
FEW, SEVERAL, MANY = 10, 40, 200
REML = Tau2Method.REML
WALD, HK, AD_HOC = IntervalMethod
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Found:
    """Of each data set: ends of the interval (None for a test without one) and p (None without a test)."""

    low: Floats | None
    high: Floats | None
    p_value: Floats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """One interval, one test, or both.

    Attributes
    ----------
    name : str
    run : callable
        From effects (sets, k) and variances (k,).
    n_studies : int
    tau2 : float
    judged : bool
        Whether its assumptions hold here.
    """

    name: str
    run: Callable[[Floats, Floats], Found]
    n_studies: int
    tau2: float
    judged: bool = True


def variances(n_studies: int) -> Floats:
    """From 0.4 down to 0.02, so that I2 is near 60 % with tau2 0.1."""
    return np.geomspace(0.4, 0.02, n_studies)


def effects(rng: np.random.Generator, n_sets: int, of: Procedure, alike: float) -> Floats:
    """About 0, neighbours correlated by `alike`."""
    z = rng.normal(size=(n_sets, of.n_studies))
    for k in range(1, of.n_studies):
        z[:, k] = alike * z[:, k - 1] + np.sqrt(1 - alike**2) * z[:, k]
    return z * np.sqrt(variances(of.n_studies) + of.tau2)


def _of(inference: Inference) -> Found:
    return Found(low=inference.low, high=inference.high, p_value=inference.p_value)


def _fixed(y: Floats, v: Floats) -> Found:
    found = fixed_effect(y, v)
    return Found(low=found.low, high=found.high, p_value=found.p_value)


def _random(y: Floats, v: Floats, *, interval: IntervalMethod) -> Found:
    found = random_effects(y, v, tau2_method=REML, interval=interval)
    return Found(low=found.low, high=found.high, p_value=found.p_value)


def _q(y: Floats, v: Floats) -> Found:
    return Found(low=None, high=None, p_value=heterogeneity(y, v, tau2_method=Tau2Method.DL).p_value)


def moderators(n_studies: int) -> Floats:
    """A trend over the studies, and another property of every third."""
    order = np.arange(n_studies, dtype=float)
    return np.column_stack([order, order % 3 == 0])


def _slope(y: Floats, v: Floats, *, interval: IntervalMethod) -> Found:
    """Interval of the trend, test of both slopes."""
    found = meta_regression(y, v, moderators(len(v)), tau2_method=REML, interval=interval)
    by = found.coefficients
    return Found(low=by.low[:, 1], high=by.high[:, 1], p_value=found.omnibus.p_value)


def _egger(y: Floats, v: Floats) -> Found:
    return _of(egger_linear(y, v).slope)


def _egger_mixed(y: Floats, v: Floats, *, interval: IntervalMethod) -> Found:
    return _of(egger_mixed(y, v, tau2_method=REML, interval=interval).slope)


def _rank(y: Floats, v: Floats) -> Found:
    return Found(low=None, high=None, p_value=np.array([rank_test(row, v).p_value for row in y]))


def _procedures() -> Iterator[Procedure]:
    """Each where its assumptions hold, and without a bar where they do not."""
    pooled, slope, mixed = (
        {interval: partial(run, interval=interval) for interval in IntervalMethod}
        for run in (_random, _slope, _egger_mixed)
    )
    yield Procedure(name="meta-fixed-effect", run=_fixed, n_studies=FEW, tau2=0.0)
    yield Procedure(name="meta-hartung-knapp-ad-hoc", run=pooled[AD_HOC], n_studies=FEW, tau2=TAU2)
    yield Procedure(name="meta-hartung-knapp", run=pooled[HK], n_studies=SEVERAL, tau2=TAU2)
    yield Procedure(name="meta-hartung-knapp.k-10", run=pooled[HK], n_studies=FEW, tau2=TAU2, judged=False)
    yield Procedure(name="meta-wald", run=pooled[WALD], n_studies=MANY, tau2=TAU2)
    yield Procedure(name="meta-wald.k-10", run=pooled[WALD], n_studies=FEW, tau2=TAU2, judged=False)
    yield Procedure(name="meta-q", run=_q, n_studies=FEW, tau2=0.0)
    yield Procedure(name="meta-regression-t-ad-hoc", run=slope[AD_HOC], n_studies=FEW, tau2=TAU2)
    yield Procedure(name="meta-regression-t", run=slope[HK], n_studies=SEVERAL, tau2=TAU2)
    yield Procedure(name="meta-regression-t.k-10", run=slope[HK], n_studies=FEW, tau2=TAU2, judged=False)
    yield Procedure(name="meta-regression-normal", run=slope[WALD], n_studies=MANY, tau2=TAU2)
    yield Procedure(name="meta-egger-linear", run=_egger, n_studies=20, tau2=0.0)
    yield Procedure(name="meta-egger-mixed-t", run=mixed[HK], n_studies=20, tau2=TAU2)
    yield Procedure(name="meta-egger-mixed-z", run=mixed[WALD], n_studies=MANY, tau2=TAU2)
    yield Procedure(name="meta-egger-mixed-z.k-20", run=mixed[WALD], n_studies=20, tau2=TAU2, judged=False)
    yield Procedure(name="meta-rank", run=_rank, n_studies=20, tau2=0.0)


PROCEDURES = tuple(_procedures())
PREDICTIONS = {
    "meta-prediction-t-k-2": (PredictionMethod.T_K_MINUS_2, HK, 20, 90, True),
    "meta-prediction-t-k-2.i2-50": (PredictionMethod.T_K_MINUS_2, HK, 20, 50, False),
    "meta-prediction-t-k-1": (PredictionMethod.T_K_MINUS_1, HK, 20, 90, True),
    "meta-prediction-t-k-1.i2-50": (PredictionMethod.T_K_MINUS_1, HK, 20, 50, False),
    "meta-prediction-normal": (PredictionMethod.NORMAL, WALD, MANY, 50, True),
}
"""Method, interval of the mean, studies, I2 in percent and whether its assumption, a tau2 well known, holds.

The published intervals hold where tau2 stands far above the studies' errors (Partlett and Riley 2017).
"""
OVER_TAU2 = {
    "meta-prediction-over-tau2.k-10.i2-0": (10, 0, False),
    **{f"meta-prediction-over-tau2.k-{k}.i2-{i2}": (k, i2, True) for k in (5, 10, 20) for i2 in (50, 90)},
}
"""Studies, I2 in percent and whether judged: where studies do not differ at all it is meant to hold more."""
OVER_TAU2_DRAWS = 5
"""Draws for each draw of the other rows: they cost little."""
CLUSTERED = {
    "meta-three-level-t": (CLUSTERS, True),
    "meta-three-level-normal": (8 * CLUSTERS, True),
    "meta-three-level-normal.clusters-20": (CLUSTERS, False),
    "meta-cr2": (CLUSTERS, True),
}
"""Number of clusters, and whether the assumption holds: the normal interval takes both variances as known."""
PROFILES = ("meta-q-profile", "meta-q-profile-moderated")
SPEED = ("stats.speed.reml", "stats.speed.reml.over-pymare", "stats.speed.reml.over-pymare-columns")
_NO_INTERVAL = ("meta-q", "meta-rank")


def _ids() -> Iterator[str]:
    yield from SPEED
    for procedure in PROCEDURES:
        if procedure.name not in _NO_INTERVAL:
            yield f"stats.coverage.{procedure.name}"
        yield f"stats.type-i.{procedure.name}"
        yield from (f"stats.type-i.{procedure.name}.ar1-{alike}" for alike in ALIKE if procedure.judged)
    yield from (f"stats.coverage.{name}" for name in (*PREDICTIONS, *OVER_TAU2, *PROFILES))
    for name, (_, judged) in CLUSTERED.items():
        yield from (f"stats.{kind}.{name}" for kind in ("coverage", "type-i"))
        yield from (f"stats.type-i.{name}.ar1-{alike}" for alike in ALIKE if judged)


IDS: tuple[str, ...] = tuple(_ids())


def bars(cases: int) -> Iterator[Bar]:
    """Every row, from `cases` data sets each."""
    yield from speed()
    for procedure in PROCEDURES:
        yield from of_procedure(procedure, cases)
    for name in PREDICTIONS:
        yield coverage(name, predicted(name, cases), judged=PREDICTIONS[name][-1])
    for name in OVER_TAU2:
        yield coverage(name, predicted_over_tau2(name, OVER_TAU2_DRAWS * cases), judged=OVER_TAU2[name][-1])
    for name in PROFILES:
        yield coverage(name, profiled(name, cases))
    yield from clustered_bars(cases)


def of_procedure(procedure: Procedure, cases: int) -> Iterator[Bar]:
    """Coverage and level of a procedure under a true value of 0, then its level with neighbours alike."""
    name, judged = procedure.name, procedure.judged
    for alike in (0.0, *ALIKE) if judged else (0.0,):
        y = effects(np.random.default_rng(SEED), cases, procedure, alike)
        found = procedure.run(y, variances(procedure.n_studies))
        if not alike and found.low is not None and found.high is not None:
            yield coverage(name, (found.low <= 0) & (found.high >= 0), judged=judged)
        suffix = f".ar1-{alike}" if alike else ""
        assert found.p_value is not None
        yield level(f"{name}{suffix}", found.p_value < ALPHA, judged=judged and not alike)


def coverage(name: str, inside: NDArray[np.bool_], *, judged: bool = True) -> Bar:
    """Share of intervals that hold the truth."""
    return covers(f"stats.coverage.{name}", float(np.mean(inside)), n=len(inside), seed=SEED, judged=judged)


def level(name: str, rejected: NDArray[np.bool_], *, judged: bool) -> Bar:
    """Share of tests that reject what is true."""
    return rejects(
        f"stats.type-i.{name}", float(np.mean(rejected)), n=len(rejected), seed=SEED, judged=judged
    )


def predicted(name: str, cases: int) -> NDArray[np.bool_]:
    """Whether the interval holds the true effect of one further study."""
    method, interval, k, i2_percent, _ = PREDICTIONS[name]
    y, v, further = with_further(k, i2_percent, cases)
    pooled = random_effects(y, v, tau2_method=REML, interval=interval)
    found = prediction_interval(pooled, method=method)
    return (found.low <= further) & (further <= found.high)


def predicted_over_tau2(name: str, cases: int) -> NDArray[np.bool_]:
    """The same of the interval over all tau2 that agree with the data."""
    k, i2_percent, _ = OVER_TAU2[name]
    y, v, further = with_further(k, i2_percent, cases)
    found = prediction_over_tau2(y, v)
    return (found.low <= further) & (further <= found.high)


def with_further(n_studies: int, i2_percent: float, cases: int) -> tuple[Floats, Floats, Floats]:
    """Effects, variances and the true effect of one further study, tau2 such that I2 is just this."""
    v = variances(n_studies)
    typical = float(heterogeneity(v, v, tau2_method=Tau2Method.DL).typical_variance)
    tau2 = typical * i2_percent / (100 - i2_percent)
    rng = np.random.default_rng(SEED)
    y = rng.normal(0, np.sqrt(v + tau2), (cases, n_studies))
    return y, v, rng.normal(0, np.sqrt(tau2), cases)


def profiled(name: str, cases: int) -> NDArray[np.bool_]:
    """Whether the interval holds tau2."""
    k = 20 if name.endswith("moderated") else FEW
    v = variances(k)
    y = np.random.default_rng(SEED).normal(0, np.sqrt(v + TAU2), (cases, k))
    found = q_profile(y, v, moderators=moderators(k) if name.endswith("moderated") else None)
    return (found.low <= TAU2) & (found.high >= TAU2)


def clustered_bars(cases: int) -> Iterator[Bar]:
    """Both procedures for dependent effects."""
    for name, (n_clusters, judged) in CLUSTERED.items():
        for alike in (0.0, *ALIKE) if judged else (0.0,):
            # A search each: the rows without a bar make do with fewer draws.
            found = clustered(name, n_clusters, alike, cases // 4 if alike else cases)
            assert found.low is not None and found.high is not None and found.p_value is not None
            if not alike:
                yield coverage(name, (found.low <= 0) & (found.high >= 0), judged=judged)
            suffix = f".ar1-{alike}" if alike else ""
            yield level(f"{name}{suffix}", found.p_value < ALPHA, judged=judged and not alike)


def clustered(name: str, n_clusters: int, alike: float, cases: int) -> Found:
    """Clusters of 1 to 5 effects that share a part, and sampling errors correlated by 0.5.

    CR2 works with a covariance that knows nothing of either: its errors have to hold all the same. Alike are
    neighbouring clusters.
    """
    rng = np.random.default_rng(SEED)
    labels = np.repeat(np.arange(n_clusters), 1 + np.arange(n_clusters) % LARGEST_CLUSTER)
    v = variances(len(labels))
    ends = np.empty((cases, 3))
    for row in ends:
        shared = rng.normal(size=(2, n_clusters))
        for k in range(1, n_clusters):
            shared[0, k] = alike * shared[0, k - 1] + np.sqrt(1 - alike**2) * shared[0, k]
        own = rng.normal(size=(2, len(labels)))
        sampling = np.sqrt(v / 2) * (shared[1, labels] + own[1])
        y = np.sqrt(TAU2) * shared[0, labels] + np.sqrt(TAU2 / 2) * own[0] + sampling
        by = _dependent(name, y, v, labels)
        row[:] = by.low[0], by.high[0], by.p_value[0]
    return Found(low=ends[:, 0], high=ends[:, 1], p_value=ends[:, 2])


def _dependent(name: str, y: Floats, v: Floats, labels: NDArray[np.int64]) -> Inference:
    if name == "meta-cr2":
        none = {"between": 0.0, "within": 0.0, "sampling_correlation": 0.0}
        return cluster_robust(y, v, labels, **none).coefficients
    interval = ThreeLevelInterval.T_CLUSTERS if name.endswith("-t") else ThreeLevelInterval.NORMAL
    return three_level(y, v, labels, sampling_correlation=0.5, interval=interval).coefficients


def speed() -> Iterator[Bar]:
    """REML of many data sets against a loop over PyMARE on the first of them, per data set."""
    rng = np.random.default_rng(SEED)
    v = rng.gamma(2.0, 0.05, (SETS, STUDIES)) + 0.01
    y = rng.normal(0, np.sqrt(v + rng.uniform(0, 0.2, (SETS, 1))))
    tau2_estimate(y[:SAMPLE], v[:SAMPLE], method=REML)
    start = time.perf_counter()
    tau2_estimate(y, v, method=REML)
    seconds = time.perf_counter() - start
    yield at_most(SPEED[0], seconds, 10.0, "s", n=SETS, seed=SEED)
    try:
        told = pymare_reml(y[:SAMPLE], v[:SAMPLE])
    except PeerMissing as why:
        yield from (missing_bar(id_, str(why)) for id_ in SPEED[1:])
        return
    loop, columns = (float(told[key]) / SAMPLE * SETS / seconds for key in ("seconds", "seconds_columns"))
    yield at_least(SPEED[1], loop, 20.0, "1", n=SAMPLE, seed=SEED)
    yield Bar(id=SPEED[2], value=columns, unit="1", n=SAMPLE, seed=SEED)


def pymare_reml(y: Floats, v: Floats) -> dict[str, Floats]:
    """PyMARE's tau2 and seconds on these data sets, in an environment of its own.

    Raises
    ------
    PeerMissing
        When the environment is not there or the script fails.
    """
    named = os.environ.get("ATLASPLANE_STATS_PEERS")
    python = Path(named) if named else _ROOT / ".venv-bench-stats" / "bin" / "python"
    if not python.exists():
        raise PeerMissing(f"{python.name} of the peers of statistics is not there: run 'make bench'")
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(asked, effects=y, variances=v)
        script = _ROOT / "benchmarks" / "peers" / "pymare_reml.py"
        command = [str(python), str(script), str(asked), str(answered)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode or not answered.exists():
            raise PeerMissing(f"pymare: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        with np.load(answered) as told:
            return {key: told[key] for key in told.files}
