"""Root mean square and average rectified value from powers of frames, the noise's power taken off.

Muscle and noise are independent, so their powers add: what is left of a power after the noise's is the
muscle's, and may come out below zero by chance. It is kept so: means of it are unbiased, and only what is
shown is cut at zero.

A power over a time T in a band of statistical width B is a scaled chi-square variable of 2 B T degrees of
freedom: its relative standard deviation is 1 / sqrt(B T) (Bendat & Piersol 2010, 8.5.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Amplitude(Enum):
    """What an envelope states of the samples x of a stretch (Merletti 1999, J Electromyogr Kinesiol 9:III).

    `RMS` is the root of the mean of x^2. `ARV` is the mean of abs(x); from powers it is that of normal
    samples, sqrt(2 / pi) of the root mean square.
    """

    RMS = "rms"
    ARV = "arv"

    @property
    def of_rms(self) -> float:
        """Amplitude over root mean square of normal samples."""
        return 1.0 if self is Amplitude.RMS else math.sqrt(2 / math.pi)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Envelope:
    """Amplitude over time.

    Attributes
    ----------
    value_uV : array, shape (n,)
        Amplitude of the muscle, 0 where its power is not above zero, NaN without samples.
    u_uV : array, shape (n,)
        Standard uncertainty by chance: of the finite stretch and of the noise's power. NaN where the value
        is 0.
    power_uV2 : array, shape (n,)
        Power of the muscle; by chance below zero.
    u_power_uV2 : array, shape (n,)
    """

    value_uV: Floats
    u_uV: Floats
    power_uV2: Floats
    u_power_uV2: Floats


def degrees_of_freedom(bandwidth_hz: float, duration_s: float) -> float:
    """2 B T of the power of a stretch, at least 1.

    Parameters
    ----------
    bandwidth_hz : float
        Statistical width B, (integral of S)^2 / integral of S^2 over the spectrum S:
        `statistical_bandwidth_hz` of a spectrum, or of a filter for white noise.
    duration_s : float
        T.
    """
    if not (bandwidth_hz > 0 and duration_s > 0):
        raise ValueError(f"bandwidth and duration must be > 0, got {bandwidth_hz}, {duration_s}")
    return max(2 * bandwidth_hz * duration_s, 1.0)


def statistical_bandwidth_hz(frequencies_hz: Floats, spectrum: Floats) -> float:
    """Width B of a power spectrum on equal steps of frequency, shape (n,)."""
    step = float(frequencies_hz[1] - frequencies_hz[0])
    return float(np.sum(spectrum) ** 2 / np.sum(spectrum**2) * step)


def running_power(power_uV2: NDArray[np.floating], n_frames: int) -> Floats:
    """Mean of each frame's power and of those around it; NaN where none of them has any.

    Parameters
    ----------
    power_uV2 : array, shape (n,)
        NaN where nothing was recorded: such frames do not count.
    n_frames : int
        Frames in all, odd.
    """
    if n_frames < 1 or n_frames % 2 == 0:
        raise ValueError(f"n_frames must be odd and >= 1, got {n_frames}")
    known = np.isfinite(power_uV2)
    sums = _running_sum(np.where(known, power_uV2, 0.0).astype(float), n_frames)
    counts = np.rint(_running_sum(known.astype(float), n_frames))
    mean = np.full(power_uV2.shape, np.nan)
    np.divide(sums, counts, out=mean, where=counts > 0)
    return mean


def envelope(
    power_uV2: NDArray[np.floating],
    *,
    noise_uV2: float,
    u_noise_uV2: float,
    dof: float,
    amplitude: Amplitude,
) -> Envelope:
    """Amplitude of the muscle from powers of muscle and noise together.

    Parameters
    ----------
    power_uV2 : array, shape (n,)
        Mean squares, all of the same length.
    noise_uV2, u_noise_uV2 : float
        Mean square of the noise alone, from a quiet stretch, and its standard uncertainty.
    dof : float
        Of each power: `degrees_of_freedom`.
    amplitude : Amplitude
    """
    if noise_uV2 < 0 or u_noise_uV2 < 0 or not dof > 0:
        raise ValueError(f"noise and its u must be >= 0 and dof > 0, got {noise_uV2}, {u_noise_uV2}, {dof}")
    whole = np.asarray(power_uV2, dtype=float)
    power = whole - noise_uV2
    # The spread belongs to what was seen: muscle and noise together.
    u_power = np.hypot(math.sqrt(2 / dof) * whole, u_noise_uV2)
    value = np.sqrt(np.maximum(power, 0)) * amplitude.of_rms
    value[np.isnan(whole)] = np.nan
    u = np.full(whole.shape, np.nan)
    np.divide(0.5 * amplitude.of_rms**2 * u_power, value, out=u, where=value > 0)
    return Envelope(value_uV=value, u_uV=u, power_uV2=power, u_power_uV2=u_power)


def average_rectified(samples_uV: NDArray[np.floating], edges: NDArray[np.int64]) -> Floats:
    """Mean of abs(x) between edges, of samples whatever their distribution; NaN ones do not count.

    Parameters
    ----------
    samples_uV : array, shape (n,)
    edges : array of int, shape (n_stretches + 1,)
        Rising; stretch k is ``samples_uV[edges[k] : edges[k + 1]]``.
    """
    known = np.isfinite(samples_uV)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, np.abs(samples_uV), 0.0), dtype=float)])
    counts = np.concatenate([[0], np.cumsum(known)])
    n = np.diff(counts[edges])
    mean = np.full(n.shape, np.nan)
    np.divide(np.diff(sums[edges]), n, out=mean, where=n > 0)
    return mean


def _running_sum(values: Floats, length: int) -> Floats:
    """Sum of each value and its neighbours, nothing beyond the ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(values.size)
    half = length // 2
    return np.asarray(sums[np.minimum(places + half + 1, values.size)] - sums[np.maximum(places - half, 0)])
