"""Our meta-analysis beside PyMARE's on the same numbers: `python validation/pymare/compare.py`.

Prints the table of README.md. PyMARE runs in an environment of its own (`make bench`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from atlasplane.stats.meta.dependent import cluster_robust  # noqa: E402
from atlasplane.stats.meta.heterogeneity import q_profile  # noqa: E402
from atlasplane.stats.meta.pooled import IntervalMethod, random_effects  # noqa: E402
from atlasplane.stats.meta.regression import meta_regression  # noqa: E402
from atlasplane.stats.meta.tau2 import Tau2Method  # noqa: E402
from tests import meta_cases as cases  # noqa: E402

CORRECTIONS = {"wald": IntervalMethod.WALD, "knapp-hartung": IntervalMethod.HARTUNG_KNAPP}
N_DRAWN = 200
QUANTITIES = ("tau2", "estimate", "SE", "p", "interval")
Sets = dict[str, dict[str, np.ndarray]]


def data_sets() -> Sets:
    """Published ones, and drawn ones of 5 to 20 studies."""
    sizes = cases.MAGNESIUM_SIZES
    schools = {"effects": cases.SCHOOL_EFFECTS, "variances": cases.SCHOOL_VARIANCES}
    bcg = {"effects": cases.BCG_EFFECTS, "variances": cases.BCG_VARIANCES}
    sets: Sets = {
        "bcg": {**bcg, "clusters": np.arange(13)},
        "bcg-latitude": {**bcg, "moderator": cases.BCG_LATITUDE},
        "ten": {"effects": cases.TEN_EFFECTS, "variances": cases.TEN_VARIANCES},
        "magnesium": {"effects": sizes.effects, "variances": sizes.variances},
        "schools": {**schools, "clusters": cases.SCHOOL_DISTRICTS},
        "schools-year": {**schools, "moderator": cases.SCHOOL_YEARS - 1990.0},
    }
    rng = np.random.default_rng(7)
    for i in range(N_DRAWN):
        v = rng.gamma(2.0, 0.05, rng.integers(5, 21)) + 0.005
        sets[f"drawn{i}"] = {"effects": rng.normal(0, np.sqrt(v + rng.uniform(0, 0.2))), "variances": v}
    return sets


def ours(one: dict[str, np.ndarray], method: str, correction: str) -> np.ndarray:
    """tau2, then estimate, SE, p and both ends of each coefficient."""
    how = {"tau2_method": Tau2Method[method], "interval": CORRECTIONS[correction]}
    y, v = one["effects"], one["variances"]
    if "moderator" not in one:
        found = random_effects(y, v, **how)
        return np.array([found.tau2, found.mean, found.se, found.p_value, found.low, found.high])
    fit = meta_regression(y, v, one["moderator"], **how)
    by = fit.coefficients
    rows = np.column_stack([by.estimate, by.se, by.p_value, by.low, by.high])
    return np.concatenate([[fit.tau2], rows.ravel()])


def theirs(sets: Sets) -> dict[str, np.ndarray]:
    """From the peers' environment."""
    named = os.environ.get("ATLASPLANE_STATS_PEERS")
    python = Path(named) if named else ROOT / ".venv-bench-stats" / "bin" / "python"
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(asked, **{f"{name}.{key}": a for name, one in sets.items() for key, a in one.items()})
        oracle = Path(__file__).with_name("oracle.py")
        subprocess.run([str(python), str(oracle), str(asked), str(answered)], check=True)
        with np.load(answered) as told:
            return {key: told[key] for key in told.files}


def rows(sets: Sets, told: dict[str, np.ndarray]) -> list[tuple[str, str, float, str]]:
    """Greatest difference of each quantity, and where."""
    worst: dict[tuple[str, str], tuple[float, str]] = {}

    def note(what: str, quantity: str, difference: float, name: str) -> None:
        if difference >= worst.get((what, quantity), (-1.0, ""))[0]:
            worst[what, quantity] = (difference, name)

    for name, one in sets.items():
        kind = "drawn" if name.startswith("drawn") else "published"
        for method in ("DL", "HE", "ML", "REML"):
            for correction in CORRECTIONS:
                own, other = ours(one, method, correction), told[f"{name}.{method}.{correction}"]
                gaps = np.abs(own - other)
                per = gaps[1:].reshape(-1, 5).max(axis=0)
                values = (gaps[0], per[0], per[1], per[2], max(per[3], per[4]))
                for quantity, gap in zip(QUANTITIES, values, strict=True):
                    note(f"{method}, {correction}, {kind}", quantity, float(gap), name)
        ends = q_profile(one["effects"], one["variances"], moderators=one.get("moderator"))
        gap = np.abs(np.array([ends.low, ends.high]) - told[f"{name}.q-profile"]).max()
        note(f"Q-profile, {kind}", "interval", float(gap), name)
        if "clusters" in one:
            found = cluster_robust(*one.values(), between=0.0, within=0.0, sampling_correlation=0.0)
            own = np.array([found.covariance[0, 0], found.coefficients.dof[0]])
            gaps = np.abs(own - told[f"{name}.cr2"])
            note("CR2, published", "variance", float(gaps[0]), name)
            note("CR2, published", "dof", float(gaps[1]), name)
    return [(what, quantity, *found) for (what, quantity), found in worst.items()]


def main() -> None:
    """Print the table."""
    sets = data_sets()
    print("| procedure | quantity | greatest difference | in |\n| --- | --- | --- | --- |")
    for what, quantity, gap, name in rows(sets, theirs(sets)):
        print(f"| {what} | {quantity} | {gap:.1e} | {name} |")


if __name__ == "__main__":
    main()
