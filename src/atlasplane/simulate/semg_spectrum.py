"""Gaussian noise of a given spectrum, piece by piece: electromyograms after Shwedyk, and recorders."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atlasplane.simulate.recording_plan import RecorderNoise, Spectrum

Floats = NDArray[np.float64]
Samples = NDArray[np.float32]

PIECE = 30720
"""Samples of a piece: with its overlap a power of two, small enough for a processor's cache."""
OVERLAP = 2048
"""Samples in which a piece of noise fades into the next."""
MUSCLE_BAND_HZ = (20.0, 450.0)
"""Where the level of a recorder's noise is stated."""


def stream(*key: int) -> np.random.Generator:
    """A generator for one piece of one part of a recording, from the plan's seed and numbers that name it."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(key[0], spawn_key=key[1:])))


def shwedyk_density(frequency_hz: Floats, spectrum: Spectrum) -> Floats:
    """Power density of an electromyogram of unit power, one-sided [1/Hz].

    ``S(f) = k fh^4 f^2 / ((f^2 + fl^2) (f^2 + fh^2)^2)``, and ``k = 4 (fl + fh)^2 / (pi fh^3)`` makes its
    integral from 0 to infinity 1.

    Parameters
    ----------
    frequency_hz : array
    spectrum : Spectrum
        fl = `low_hz`, fh = `high_hz`.

    Notes
    -----
    Shwedyk E, Balasubramanian R, Scott RN (1977) A nonstationary model for the electromyogram. IEEE Trans
    Biomed Eng 24:417.
    """
    low, high = spectrum.low_hz, spectrum.high_hz
    square = np.square(np.asarray(frequency_hz, dtype=float))
    scale = 4 * (low + high) ** 2 * high / math.pi
    density: Floats = scale * square / ((square + low**2) * np.square(square + high**2))
    return density


def recorder_density(frequency_hz: Floats, noise: RecorderNoise, nyquist_hz: float) -> Floats:
    """Power density of a recorder's noise, one-sided [uV^2/Hz]: ``s0 (1 + corner / f)``, none at 0 Hz."""
    low, high = MUSCLE_BAND_HZ[0], min(MUSCLE_BAND_HZ[1], nyquist_hz)
    white = noise.rms_uV**2 / (high - low + noise.corner_hz * math.log(high / low))
    frequency = np.asarray(frequency_hz, dtype=float)
    density = np.zeros(frequency.shape)
    heard = frequency > 0
    density[heard] = white * (1 + noise.corner_hz / frequency[heard])
    return density


def steps_of_piece(rate_hz: float, longest_s: float) -> int:
    """Into how many equal steps of whole samples, none longer than a time, a piece is divided."""
    fewest = PIECE / max(1.0, longest_s * rate_hz)
    return next(n for n in range(max(1, math.ceil(fewest)), PIECE + 1) if PIECE % n == 0)


def between_steps(ends: Floats) -> Samples:
    """Samples of a piece on straight lines between values at the ends of its n steps, shape (PIECE,)."""
    n = len(ends) - 1
    part = (np.arange(PIECE // n) * (n / PIECE)).astype(np.float32)
    first, change = ends[:-1].astype(np.float32), np.diff(ends).astype(np.float32)
    samples: Samples = first[:, None] + change[:, None] * part
    return samples.reshape(PIECE)


@dataclass(slots=True, eq=False)
class Joined:
    """Pieces that reach into the next one, added where they meet; the last one made is kept.

    Attributes
    ----------
    make : callable
        Piece k = -1, 0, 1, ...: array of `PIECE` samples and those that reach into piece k + 1; None where it
        is silent.
    """

    make: Callable[[int], Samples | None]
    _last: tuple[int, Samples | None] = field(default=(-2, None))

    def piece(self, k: int) -> Samples | None:
        """Samples of piece k, shape (PIECE,); None where neither it nor the one before it is heard."""
        # One assignment, so that a thread sees a whole pair; which thread made it does not matter.
        before, made = self._last
        earlier = made if before == k - 1 else self.make(k - 1)
        now = self.make(k)
        self._last = (k, now)
        if earlier is None and now is None:
            return None
        joined = np.zeros(PIECE, dtype=np.float32) if now is None else now[:PIECE].copy()
        if earlier is not None:
            joined[: len(earlier) - PIECE] += earlier[PIECE:]
        return joined


def coloured_noise(density: Callable[[Floats], Floats], rate_hz: float, *key: int) -> Joined:
    """Gaussian noise with a power density, the same whichever piece is asked first.

    Each piece is periodic noise made from its spectrum; neighbours fade into each other with weights whose
    squares add up to 1, which keeps variance and spectrum.

    Parameters
    ----------
    density : callable
        One-sided power density at frequencies [Hz].
    rate_hz : float
    key : int
        Seed and the numbers of this part (`stream`).
    """
    n = PIECE + OVERLAP
    frequency: Floats = np.arange(n // 2 + 1, dtype=np.float64) * (rate_hz / n)
    height = 0.5 * n * np.sqrt(density(frequency) * (rate_hz / n))
    height[0] = height[-1] = 0.0
    amplitude = height.astype(np.float32)
    angle = (np.arange(OVERLAP, dtype=np.float32) + np.float32(0.5)) * np.float32(math.pi / 2 / OVERLAP)
    rise, fall = np.sin(angle), np.cos(angle)

    def make(k: int) -> Samples:
        lines = stream(*key, k + 1).standard_normal(n + 2, dtype=np.float32).view(np.complex64)
        lines *= amplitude
        noise: Samples = fft.irfft(lines, n, overwrite_x=True)
        noise[:OVERLAP] *= rise
        noise[-OVERLAP:] *= fall
        return noise

    return Joined(make)


@dataclass(frozen=True, slots=True, eq=False)
class SlowWave:
    """A smooth random wave of mean 0 and variance 1 over long times: a sum of waves of unlike frequency."""

    frequency_hz: Floats
    phase: Floats

    def at(self, time_s: Floats) -> Floats:
        """Values at times, any shape."""
        total: Floats = np.zeros(np.shape(time_s))
        for frequency, phase in zip(self.frequency_hz, self.phase, strict=True):
            total += np.cos(2 * math.pi * frequency * time_s + phase)
        return total * math.sqrt(2 / len(self.frequency_hz))


def slow_wave(rng: np.random.Generator, low_hz: float, high_hz: float, n_waves: int = 6) -> SlowWave:
    """A wave with one frequency in each of `n_waves` equal steps of the logarithm between two frequencies."""
    steps = (np.arange(n_waves) + rng.random(n_waves)) / n_waves
    frequency = low_hz * (high_hz / low_hz) ** steps
    return SlowWave(frequency, rng.random(n_waves) * 2 * math.pi)
