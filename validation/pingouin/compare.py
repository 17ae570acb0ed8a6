"""Our intraclass correlations beside pingouin's: `python validation/pingouin/compare.py`.

Prints the table of README.md. pingouin runs in an environment of its own (`make bench`).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from atlasplane.stats.reliability.icc import Form, icc

ROOT = Path(__file__).resolve().parents[2]
ORDER = (
    Form.ONE_WAY,
    Form.AGREEMENT,
    Form.CONSISTENCY,
    Form.ONE_WAY_MEAN,
    Form.AGREEMENT_MEAN,
    Form.CONSISTENCY_MEAN,
)
"""pingouin's rows."""
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
N_DRAWN = 100


def tables() -> dict[str, np.ndarray]:
    """The published one, and drawn ones of 5 to 30 subjects by 2 to 5 raters."""
    rng = np.random.default_rng(3)
    drawn = {}
    for i in range(N_DRAWN):
        n, k = int(rng.integers(5, 31)), int(rng.integers(2, 6))
        of_subject = rng.normal(0, rng.uniform(0, 3), (n, 1))
        drawn[f"drawn{i}"] = of_subject + rng.normal(0, rng.uniform(0, 1), (1, k)) + rng.normal(size=(n, k))
    return {"shrout-fleiss": SHROUT_FLEISS, **drawn}


def theirs(asked: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """From the peers' environment."""
    named = os.environ.get("ATLASPLANE_STATS_PEERS")
    python = Path(named) if named else ROOT / ".venv-bench-stats" / "bin" / "python"
    with tempfile.TemporaryDirectory() as folder:
        put, got = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(put, **asked)
        oracle = Path(__file__).with_name("oracle.py")
        subprocess.run([str(python), str(oracle), str(put), str(got)], check=True)
        with np.load(got) as told:
            return {key: told[key] for key in told.files}


def ours(table: np.ndarray) -> np.ndarray:
    """Rows of ICC, F, p and both ends."""
    found = [icc(table, form=form) for form in ORDER]
    return np.array([[f.value, f.f, f.p_value, f.low, f.high] for f in found], dtype=float)


def main() -> None:
    """Greatest differences, and what a duplicated cell does."""
    asked = tables()
    told = theirs(asked)
    print("| quantity | form | greatest difference |\n|---|---|---|")
    gaps = np.max([np.abs(ours(table) - told[name]) for name, table in asked.items()], axis=0)
    for row, form in enumerate(ORDER):
        for column, what in enumerate(("ICC", "F", "p", "low", "high")):
            print(f"| {what} | {form.value} | {gaps[row, column]:.1e} |")
    duplicate = told["shrout-fleiss.duplicate"]
    print(
        f"duplicate cell, pingouin: ICC(C,1) {duplicate[2]:.6f}, without it {told['shrout-fleiss'][2, 0]:.6f}"
    )


if __name__ == "__main__":
    main()
