"""Ranges that simulated recordings are drawn from (``data/semg.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from atlasplane.simulate.recording_plan import HeartShape

SCHEMA = "atlasplane.semg-ranges/1"

PERIODS_S = (
    Fraction(1, 1000),
    Fraction(9, 10_000),
    Fraction(27, 40_000),
    Fraction(9, 16_000),
    Fraction(27, 52_000),
    Fraction(1, 2000),
    Fraction(1, 2048),
    Fraction(27, 58_000),
    Fraction(1, 4000),
)
"""1000 Hz, 1111.1, 1481.5, 1777.8, 1925.9 and 2148.1 of Delsys devices, 2000, 2048, 4000."""


@dataclass(frozen=True, slots=True)
class Range:
    """Low and high end; `log` for an even draw in the logarithm."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.high or (self.log and not self.low > 0):
            raise ValueError(f"low <= high expected, and low > 0 of a logarithmic range; got {self}")

    def draw(self, rng: np.random.Generator) -> float:
        """One value."""
        if self.log:
            return float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        return float(rng.uniform(self.low, self.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """Everything that a draw of a recording leaves open; units and sources stand in ``data/semg.toml``.

    Attributes
    ----------
    level ... voluntary : Range
    unit_duration_s, interval_cv : (float, float)
        As `UnitPool`.
    triphasic : Range
    heart_shape : HeartShape
    ramp : "cosine" or "linear"
    periods_s : tuple of Fraction
    mains_hz : tuple of float
    """

    level: Range
    noise: Range
    noise_corner: Range
    noise_drift: Range
    duration: Range
    quiet: Range
    rise: Range
    fall: Range
    fluctuation: Range
    clonus: Range
    burst: Range
    spectrum_low: Range
    spectrum_high: Range
    units: Range
    size_ratio: Range
    unit_full: Range
    heart_peak: Range
    heart_rate: Range
    heart_variability: Range
    mains: Range
    artefact: Range
    step: Range
    acceleration: Range
    voluntary: Range
    unit_duration_s: tuple[float, float] = (0.005, 0.012)
    interval_cv: tuple[float, float] = (0.10, 0.25)
    triphasic: Range = Range(0.3, 0.7)
    heart_shape: HeartShape = field(default_factory=HeartShape)
    ramp: Literal["cosine", "linear"] = "cosine"
    periods_s: tuple[Fraction, ...] = field(default=PERIODS_S)
    mains_hz: tuple[float, ...] = (50.0, 60.0)


@cache
def usual_ranges() -> Ranges:
    """The ranges of the data file.

    Raises
    ------
    ValueError
        When the file has another schema.
    """
    table = tomllib.loads(files("atlasplane.simulate").joinpath("data/semg.toml").read_text(encoding="utf-8"))
    if table.pop("schema") != SCHEMA:
        raise ValueError("semg.toml: unknown schema")
    rows: dict[str, Any] = {name: Range(row["low"], row["high"], row["log"]) for name, row in table.items()}
    return Ranges(**rows)
