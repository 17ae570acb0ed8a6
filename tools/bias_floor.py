"""Measures what the stated covariance of a registration lacks, and writes the packaged bias floor.

`python -m tools.bias_floor [--cases N] [--limits]` registers simulated films of persons with known poses
and writes `xray/data/bias_floor.toml`: how far bones lie off, each by itself, so that the residuals'
covariance and this floor together explain the errors. Seed and persons differ from those of the benchmark.
The floor is the least-squares one with no negative part, scaled so that 95 % intervals hold 95 % of the
components. With `--limits` the quantiles of the residual and of the starts' agreement are printed, for the
table of limits.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.optimize import brentq, nnls
from scipy.stats import norm

from atlasplane.geometry.types import Array
from atlasplane.xray.registration_covariance import FLOOR_SCHEMA, SKULL_FLOOR, bias_floor
from benchmarks.registration import ALL_RELATIONS, FIXED, FREE, SOURCES, Outcome, Setting, run

CASES = 200
SEED = 907
FIRST = 5000
"""Number of the first batch of persons."""
PER_SCAN = 4
FILE = Path(__file__).resolve().parents[1] / "src" / "atlasplane" / "xray" / "data" / "bias_floor.toml"
RIGS = (FIXED, FREE)
_Z95 = float(norm.ppf(0.975))
_FAR = 6.0
"""Errors beyond so many robust standard deviations are left out: other places are told by the states."""
_SCALES = 0.7, 2.0
"""The floor's variances are scaled no further than by these: beyond, its shape would be wrong."""
_HEAD = """\
# What the covariance of a registration is widened by: errors that the films' own residuals do not show
# (blur, gain and mask of the CT, coarse voxels). Every bone is taken to lie off by itself: standard
# deviations about and along X, Y and Z of the volume, skull_mm those of the skull's shift beside them; the
# relation of two bones carries both. Made by `python -m tools.bias_floor`; do not edit by hand.
"""


def _by_skull() -> Array:
    """Variances of the relations when the skull is 1 mm off along X, Y or Z, shape (3, relations, 6)."""
    unit = np.zeros((3, len(ALL_RELATIONS), 6))
    for relation, name in enumerate(ALL_RELATIONS):
        if name.endswith("_in_skull"):
            unit[range(3), relation, range(3, 6)] = 1.0
    return unit


_BY_SKULL = _by_skull()
_ALL_SOURCES = (*SOURCES, *((SKULL_FLOOR, axis) for axis in range(3)))


def main() -> None:
    """Measure the floor of every rig and write the file."""
    parser = argparse.ArgumentParser(prog="python -m tools.bias_floor", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="simulated cases of each rig")
    parser.add_argument("--limits", action="store_true", help="print quantiles for the table of limits")
    wanted = parser.parse_args()
    floors: dict[str, dict[str, list[float]]] = {}
    counts: dict[str, int] = {}
    for setting in RIGS:
        made = run(setting, wanted.cases, seed=SEED, first=FIRST, per_scan=PER_SCAN)
        found = [o for o in made if o.status != "refused" and not o.wrong]
        floors[setting.rig], counts[setting.rig] = fitted_floor(found, _stated(setting)), len(found)
        if wanted.limits:
            _print_quantiles(setting, found)
    FILE.write_text(text(floors, counts, SEED, datetime.now(UTC).date().isoformat()), encoding="utf-8")
    print(FILE.read_text(encoding="utf-8"))


def _stated(setting: Setting) -> Array:
    """Variances of the floor that the results already hold, in the order of `_ALL_SOURCES`."""
    floor = bias_floor(setting.rig)
    return np.array([floor[kind][axis] ** 2 for kind, axis in _ALL_SOURCES])


def fitted_floor(found: Sequence[Outcome], stated: Array) -> dict[str, list[float]]:
    """The floor that explains the errors beyond the residuals' covariance.

    Parameters
    ----------
    found : sequence of Outcome
    stated : array, shape (9,)
        Variances, deg^2 and mm^2, of the floor that `Outcome.cov` holds already.

    Returns
    -------
    mapping of "rotation_deg", "translation_mm" and "skull_mm" to standard deviations of X, Y and Z
    """
    square = np.array([o.error for o in found]) ** 2
    by_bone = np.array([np.diagonal(o.responses, axis1=2, axis2=3) for o in found])
    unit = np.concatenate([by_bone, np.broadcast_to(_BY_SKULL, (len(found), *_BY_SKULL.shape))], axis=1)
    held = np.array([np.diagonal(o.cov, axis1=1, axis2=2) for o in found])
    own = np.maximum(held - np.einsum("s,nsrc->nrc", stated, unit), 0)
    near = square <= _FAR**2 * np.median(square, axis=0) / norm.ppf(0.75) ** 2
    excess = np.where(near, square - own, 0).sum(axis=0) / near.sum(axis=0)
    response = np.where(near[:, None], unit, 0).sum(axis=0) / near.sum(axis=0)
    # Turns first, by themselves; shifts then have what the turns' arms leave to explain.
    size = np.mean(np.where(near, square, 0), axis=0)
    variance = np.zeros(len(_ALL_SOURCES))
    for part, sources in ((slice(0, 3), slice(0, 3)), (slice(3, 6), slice(3, 9))):
        left = excess - np.einsum("s,src->rc", variance, response)
        by_part = (response[sources] / size)[:, :, part]
        variance[sources], _ = nnls(by_part.reshape(len(by_part), -1).T, (left / size)[:, part].ravel())
    variance = variance * _scale(square, own, np.einsum("s,nsrc->nrc", variance, unit))
    floor: dict[str, list[float]] = {}
    for (kind, _), value in zip(_ALL_SOURCES, np.sqrt(variance), strict=True):
        floor.setdefault(kind, []).append(round(float(value), 4))
    return floor


def _scale(square: Array, own: Array, floor: Array) -> float:
    """Factor of the floor's variances by which 95 % of the components of both reported relations are held."""

    def missing(factor: float) -> float:
        held = square[:, :2] <= _Z95**2 * (own + factor * floor)[:, :2]
        return float(held.mean()) - 0.95

    low, high = _SCALES
    if missing(low) >= 0:
        return low
    return float(brentq(missing, low, high, xtol=1e-3)) if missing(high) > 0 else high


def text(
    floors: Mapping[str, Mapping[str, Sequence[float]]], counts: Mapping[str, int], seed: int, date: str
) -> str:
    """The file."""
    lines = [
        _HEAD + f'schema = "{FLOOR_SCHEMA}"',
        'tag = "derived"',
        'source = "films of the phantom with known poses, benchmarks/registration_cases.py"',
        f'date = "{date}"',
        f"seed = {seed}",
    ]
    for rig, floor in floors.items():
        lines += ["", f"[{rig}]", f"n = {counts[rig]}"]
        lines += [f"{kind} = [{', '.join(f'{v:.4f}' for v in own)}]" for kind, own in floor.items()]
    return "\n".join(lines) + "\n"


def _print_quantiles(setting: Setting, found: Sequence[Outcome]) -> None:
    values = {
        "misfit": [o.residual for o in found],
        "agreement deg": [o.agreement[0] for o in found],
        "agreement mm": [o.agreement[1] for o in found],
    }
    for name, own in values.items():
        at = ", ".join(f"{q:g}: {np.quantile(own, q):.4f}" for q in (0.5, 0.9, 0.99, 0.999))
        print(f"{setting.name} {name}: {at} (n = {len(found)})")


if __name__ == "__main__":
    main()
