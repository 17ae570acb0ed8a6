"""Intervals of a share: so many found of so many tried, each independent of the others."""

from __future__ import annotations

import math

from scipy.special import betaincinv, ndtri

from atlasplane.stats.checks import share
from atlasplane.stats.refusal import OutOfRange


def clopper_pearson(n_found: float, n_tried: float, *, level: float) -> tuple[float, float]:
    """Exact interval of n_found / n_tried: never too short, with few tried much too long.

    Clopper and Pearson 1934, Biometrika 26:404, doi:10.1093/biomet/26.4.404.

    Raises
    ------
    OutOfRange
        When nothing was tried, more was found than tried, or the level lies outside (0, 1).
    """
    _counted(n_found, n_tried, level)
    tail = (1 - level) / 2
    low = float(betaincinv(n_found, n_tried - n_found + 1, tail)) if n_found else 0.0
    high = float(betaincinv(n_found + 1, n_tried - n_found, 1 - tail)) if n_found < n_tried else 1.0
    return low, high


def wilson(n_found: float, n_tried: float, *, level: float) -> tuple[float, float]:
    """Score interval of n_found / n_tried: holds its level on average.

    Wilson 1927, J Am Stat Assoc 22:209, doi:10.1080/01621459.1927.10502953.

    Raises
    ------
    OutOfRange
        As `clopper_pearson`.
    """
    _counted(n_found, n_tried, level)
    z = float(ndtri((1 + level) / 2))
    centre = (n_found + z**2 / 2) / (n_tried + z**2)
    half = z / (n_tried + z**2) * math.sqrt(n_found * (n_tried - n_found) / n_tried + z**2 / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def _counted(n_found: float, n_tried: float, level: float) -> None:
    share(level, "level")
    if not 0 <= n_found <= n_tried or not n_tried > 0:
        raise OutOfRange(f"{n_found:g} found of {n_tried:g} tried; give 0 to n of n, and n above 0")
