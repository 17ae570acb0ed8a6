"""The rhythm of a clonus: how often the muscle contracts, and what it does between contractions.

The envelope, the root of the power of short frames, is fitted with a level, a slope and a sine with its first
overtone; the frequency is that of the least squares (maximum likelihood in white noise). It agrees with the
count of contractions over time by which clonus is usually described (Mummidisetty et al. 2012, J Neurosci
Methods 204:35, doi 10.1016/j.jneumeth.2011.10.017; Wallace et al. 2005, J Appl Physiol 99:2166, doi
10.1152/japplphysiol.00794.2004), which needs one peak a contraction and fails where noise makes two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Floats = NDArray[np.float64]

_STEPS = 8
"""Grid of frequencies: steps for each resolvable one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """Rhythm of an envelope.

    Attributes
    ----------
    frequency_hz : float
    share : float
        Of the envelope's variance about its slope that the rhythm explains.
    depth : float
        Amplitude of the fundamental over the mean level.
    cycles : float
        Periods that the envelope lasts.
    trough : float
        Lowest over highest power of the mean cycle.
    """

    frequency_hz: float
    share: float
    depth: float
    cycles: float
    trough: float


def rhythm(power: Floats, step_s: float, low_hz: float, high_hz: float) -> Rhythm | None:
    """The strongest rhythm between two frequencies.

    None for fewer than three periods of the slowest, and where none holds a twentieth of the variance.

    Parameters
    ----------
    power : array, shape (n,)
        Of consecutive frames, without that of the noise.
    step_s : float
        Length of a frame.
    """
    n = len(power)
    if n * step_s * low_hz < _LEAST_CYCLES or not power.max() > 0:
        return None
    envelope = np.sqrt(power)
    time_s = np.asarray((np.arange(n) - 0.5 * (n - 1)) * step_s, dtype=np.float64)
    rest, level = _without_slope(envelope, time_s)
    total = float(rest @ rest)
    if not total > 0:
        return None
    n_bins = 1 << math.ceil(math.log2(_STEPS * n))
    spectrum = np.abs(np.fft.rfft(rest, n_bins)) ** 2
    grid_hz = np.fft.rfftfreq(n_bins, step_s)
    within = (grid_hz >= low_hz) & (grid_hz <= high_hz)
    highest = int(np.argmax(spectrum[within]))
    peak_hz = float(grid_hz[within][highest])
    if 2 * float(spectrum[within][highest]) / (n * total) < _FAINT:
        return None
    width = 0.5 / (n * step_s)
    found = minimize_scalar(
        lambda hz: _unexplained(hz, rest, time_s, step_s),
        bounds=(max(peak_hz - width, low_hz), min(peak_hz + width, high_hz)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    frequency_hz = float(found.x)
    fundamental = 2 * abs(np.mean(rest * np.exp(-2j * math.pi * frequency_hz * time_s)))
    return Rhythm(
        frequency_hz=frequency_hz,
        share=1 - float(found.fun) / total,
        depth=float(fundamental) / level if level > 0 else 0.0,
        cycles=n * step_s * frequency_hz,
        trough=_trough(power, time_s * frequency_hz, step_s * frequency_hz),
    )


_LEAST_CYCLES = 3.0
_FAINT = 0.05


def _without_slope(envelope: Floats, time_s: Floats) -> tuple[Floats, float]:
    """The envelope about its straight line, and its mean."""
    level = float(envelope.mean())
    slope = float(time_s @ envelope) / float(time_s @ time_s)
    return envelope - level - slope * time_s, level


def _unexplained(hz: float, rest: Floats, time_s: Floats, step_s: float) -> float:
    """Sum of squares that a sine of this frequency, with its overtone where the frames tell it, leaves."""
    turns = 2 * math.pi * hz * time_s
    columns = [np.ones_like(turns), time_s, np.cos(turns), np.sin(turns)]
    if _OVERTONE * hz * step_s < _NYQUIST_SHARE:
        columns += [np.cos(_OVERTONE * turns), np.sin(_OVERTONE * turns)]
    basis = np.stack(columns, axis=1)
    weights = np.linalg.solve(basis.T @ basis, basis.T @ rest)
    return float(rest @ rest - weights @ (basis.T @ rest))


_OVERTONE = 2
_NYQUIST_SHARE = 0.45
"""Highest frequency that is fitted, over the rate of the frames."""
_PHASES = 12


def _trough(power: Floats, turns: Floats, step_turns: float) -> float:
    """Lowest over highest power of the mean cycle, as far as the frames resolve it."""
    phases = min(_PHASES, max(int(1 / step_turns), 3))
    bins = np.floor((turns % 1) * phases).astype(np.int64) % phases
    sums = np.bincount(bins, weights=power, minlength=phases)
    counts = np.bincount(bins, minlength=phases)
    means = sums[counts > 0] / counts[counts > 0]
    return float(means.min() / means.max())
