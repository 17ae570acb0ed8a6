"""Signals of which all is known: noise, electromyograms, heart beats and mains, each apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def white(rng: np.random.Generator, n: int, rms: float) -> Samples:
    return rng.normal(0, rms, n).astype(np.float32)


def muscle(rng: np.random.Generator, n: int, rate_hz: float, rms: float) -> Samples:
    """Noise with the spectrum of a surface electromyogram (Shwedyk 1977, doi:10.1109/TBME.1977.326168)."""
    frequency = np.fft.rfftfreq(n, 1 / rate_hz)
    low, high = 60.0, 120.0
    power = high**4 * frequency**2 / ((frequency**2 + low**2) * (frequency**2 + high**2) ** 2)
    spectrum = (rng.normal(size=frequency.size) + 1j * rng.normal(size=frequency.size)) * np.sqrt(power)
    samples = np.fft.irfft(spectrum, n)
    return (samples * (rms / samples.std())).astype(np.float32)


HARMONICS = (1, 0.1, 0.4, 0.05, 0.2, 0.03, 0.1, 0.02, 0.05)
"""Amplitudes of mains and its harmonics."""


def mains(
    rng: np.random.Generator, n: int, rate_hz: float, rms: float, *, hz: float = 50.02, drift_hz: float = 0.01
) -> Samples:
    """Mains that wanders about its frequency in three minutes."""
    time = np.arange(n) / rate_hz
    phase = 2 * np.pi * np.cumsum(hz + drift_hz * np.sin(2 * np.pi * time / 180)) / rate_hz
    wave = np.zeros(n)
    for k, part in enumerate(HARMONICS):
        if (k + 1) * hz < 0.49 * rate_hz:
            wave += part * np.cos((k + 1) * phase + rng.uniform(0, 2 * np.pi))
    return (wave * (rms / wave.std())).astype(np.float32)


_WAVES = (
    (0.1, -0.17, 0.025),
    (-0.12, -0.03, 0.010),
    (1.0, 0.0, 0.011),
    (-0.25, 0.03, 0.012),
    (0.3, 0.28, 0.05),
)
"""P, Q, R, S and T: height, place after R (s), width (s)."""


@dataclass(frozen=True)
class Heart:
    samples: Samples
    times_s: NDArray[np.float64]

    def near(self, n_frames: int, hop_s: float, reach_s: float) -> NDArray[np.bool_]:
        """Frames within reach of an R peak."""
        middles = (np.arange(n_frames) + 0.5) * hop_s
        return np.abs(middles[:, None] - self.times_s).min(axis=1) < reach_s


def heart(
    rng: np.random.Generator,
    n: int,
    rate_hz: float,
    height_uV: float,
    *,
    per_min: float = 70.0,
    jitter: float = 0.02,
) -> Heart:
    """An electrocardiogram that breathes: amplitude and interval by 5 %, four times in sixteen seconds."""
    samples, times, now = np.zeros(n), [], 0.3
    while now < n / rate_hz:
        times.append(now)
        first, last = max(int((now - 0.35) * rate_hz), 0), min(int((now + 0.55) * rate_hz), n)
        after = np.arange(first, last) / rate_hz - now
        breath = 1 + 0.05 * np.sin(2 * np.pi * 0.25 * now)
        for part, place, width in _WAVES:
            samples[first:last] += height_uV * breath * part * np.exp(-0.5 * ((after - place) / width) ** 2)
        now += 60 / per_min * (breath + jitter * rng.normal())
    return Heart(samples.astype(np.float32), np.array(times))
