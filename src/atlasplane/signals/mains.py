"""Mains and its harmonics: found, followed and taken out, with little of the muscle.

Waves of the mains and of its harmonics are fitted to pieces of six periods. Amplitudes are smoothed over
seconds, each piece weighted by how quiet the muscle is in it, so that a contraction neither loses power nor
leaves waves in the rest beside it. What chance explains is left alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft, special

from atlasplane.signals import mains_kernels
from atlasplane.signals.settings import setting

Samples = NDArray[np.float32]
Complex = NDArray[np.complex64]

NOMINAL_HZ = (50.0, 60.0)
"""Of the world's grids."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Line:
    """Mains of a stretch.

    Attributes
    ----------
    waves : Waves
    frequency_hz : float
    amplitudes : array of complex, shape (n_pieces, n_harmonics)
        Peak of each wave, its phase that at the middle of its piece, as is taken out.
    """

    waves: Waves
    frequency_hz: float
    amplitudes: Complex

    def first_wave(self, places: NDArray[np.int64]) -> Samples:
        """The wave of the mains itself, without harmonics, at samples of the stretch."""
        pieces = np.minimum(places // self.waves.length, len(self.amplitudes) - 1)
        # What is left after the last whole piece keeps its last value: it is far within the context.
        within = np.minimum(places - pieces * self.waves.length, self.waves.length - 1)
        cosine, minus_sine = self.waves.waves[0], self.waves.waves[self.waves.orders.size]
        first = self.amplitudes[:, 0]
        wave = first.real[pieces] * cosine[within] + first.imag[pieces] * minus_sine[within]
        return np.asarray(wave, dtype=np.float32)

    def frame_power(self, edges: NDArray[np.int64]) -> Samples:
        """Mean square in frames between edges."""
        middles = 0.5 * (edges[1:] + edges[:-1])
        pieces = (np.arange(len(self.amplitudes)) + 0.5) * self.waves.length
        return np.asarray(np.interp(middles, pieces, self.power), dtype=np.float32)

    @property
    def power(self) -> NDArray[np.float32]:
        """Mean square of each piece, shape (n_pieces,)."""
        squares = self.amplitudes.real**2 + self.amplitudes.imag**2
        return np.asarray(0.5 * squares.sum(axis=1))


class Waves:
    """Waves of one frequency and its harmonics, fitted to pieces.

    Parameters
    ----------
    rate_hz : float
        Of the samples.
    frequency_hz : float
        Near a nominal one.
    band_hz : (float, float)
        Harmonics outside of it are left out.
    """

    def __init__(self, rate_hz: float, frequency_hz: float, band_hz: tuple[float, float]) -> None:
        nominal = min(NOMINAL_HZ, key=lambda hz: abs(hz - frequency_hz))
        self.rate_hz, self.frequency_hz = rate_hz, frequency_hz
        self.length = round(setting("periods", "mains") * rate_hz / nominal)
        # The band's edge is no wall: what stands a little above it still gets through.
        top = min(setting("above_band", "mains") * band_hz[1], 0.5 * rate_hz - 1 / self.length * rate_hz)
        orders = np.arange(1, int(top / frequency_hz) + 1)
        self.orders = orders[orders * frequency_hz >= band_hz[0]]
        moments_s = (np.arange(self.length) - 0.5 * (self.length - 1)) / rate_hz
        turns = 2 * np.pi * frequency_hz * self.orders[:, None] * moments_s
        waves = np.concatenate([np.cos(turns), -np.sin(turns)])
        self.waves = waves.astype(np.float32)
        self.solver = np.linalg.solve(waves @ waves.T, waves).astype(np.float32)

    @property
    def piece_s(self) -> float:
        """Length of a piece."""
        return self.length / self.rate_hz

    def fit(self, samples: Samples) -> Complex:
        """Amplitudes of the whole pieces of some samples, the phase that at the middle of each piece."""
        out = np.empty((samples.size // self.length, 2 * self.orders.size), dtype=np.float32)
        mains_kernels.fitted(samples, self.solver, out)
        return np.asarray(out[:, : self.orders.size] + 1j * out[:, self.orders.size :], dtype=np.complex64)

    def take_off(self, samples: Samples, amplitudes: Complex) -> None:
        """Subtract the waves in place."""
        parts = np.concatenate([amplitudes.real, amplitudes.imag], axis=1)
        mains_kernels.take_off(samples, np.ascontiguousarray(parts, dtype=np.float32), self.waves)

    def turns(self, n_pieces: int, frequency_hz: float) -> Complex:
        """Factors that take the phase of running waves out of amplitudes, shape (n_pieces, n_harmonics)."""
        first = np.exp(-2j * np.pi * frequency_hz * self.piece_s * np.arange(n_pieces))
        return _powers(first, self.orders)


class MainsFilter:
    """Takes mains out of stretches of one channel; remembers its frequency from stretch to stretch.

    Parameters
    ----------
    rate_hz : float
    band_hz : (float, float)
    mains_hz : float or None
        50 or 60, or nearer; None tries both.
    """

    def __init__(self, rate_hz: float, band_hz: tuple[float, float], mains_hz: float | None) -> None:
        if mains_hz is not None and min(abs(mains_hz - hz) for hz in NOMINAL_HZ) > setting("search", "mains"):
            raise ValueError(f"mains_hz must be near 50 or 60, got {mains_hz:g}")
        candidates = NOMINAL_HZ if mains_hz is None else (mains_hz,)
        self._rate_hz, self._band_hz = rate_hz, band_hz
        self._tried = [Waves(rate_hz, hz, band_hz) for hz in candidates if hz < band_hz[1]]
        self._taps = {waves.length: _hann(waves.piece_s) for waves in self._tried}

    @property
    def reach(self) -> int:
        """Samples on either side that a result depends on."""
        return math.ceil((0.5 * setting("smoothing", "mains") + 0.2) * self._rate_hz)

    def take_off(self, samples: Samples, trusted: NDArray[np.bool_]) -> Line | None:
        """Take mains out of a stretch, in place.

        Parameters
        ----------
        samples : array of float32, shape (n,)
            Band-passed.
        trusted : array of bool, shape (n,)
            False where the samples were made up.

        Returns
        -------
        Line or None
            None where no mains was found.
        """
        tried = [_Pieces.of(waves, samples, trusted) for waves in self._tried]
        told = [(pieces, line) for pieces in tried if (line := pieces.found()) is not None]
        if not told:
            return None
        # 300 Hz belongs to both grids: the one that explains more is taken.
        pieces, line = max(told, key=lambda each: each[1].excess)
        waves = pieces.waves
        if abs(line.shift_hz) > setting("drift", "mains"):
            waves = Waves(self._rate_hz, waves.frequency_hz + line.shift_hz, self._band_hz)
            pieces = _Pieces.of(waves, samples, trusted)
            line = replace(line, shift_hz=0.0)
        self._tried = [waves]
        amplitudes = pieces.kept(line, self._taps[waves.length])
        waves.take_off(samples, amplitudes)
        return Line(waves=waves, frequency_hz=waves.frequency_hz + line.shift_hz, amplitudes=amplitudes)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Mains in a stretch: how much faster than the waves it runs, and how clearly."""

    shift_hz: float
    excess: float


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Amplitudes fitted to pieces, with the noise of each."""

    waves: Waves
    amplitudes: Complex
    noise: Samples
    level: Samples
    weights: Samples

    @classmethod
    def of(cls, waves: Waves, samples: Samples, trusted: NDArray[np.bool_]) -> _Pieces:
        """Fitted; `noise` is the variance of each amplitude, 0 where a piece is not used."""
        amplitudes = waves.fit(samples)
        amplitudes *= waves.turns(len(amplitudes), waves.frequency_hz)
        count, length = len(amplitudes), waves.length
        used: NDArray[np.bool_] = np.all(trusted[: count * length].reshape(count, length), axis=1)
        noise, alone = _noise(amplitudes, used)
        used &= alone
        three = np.ones(3, dtype=np.float32)
        near = np.maximum(np.convolve(used.astype(np.float32), three, "same"), 1)
        level = (np.convolve(noise.mean(axis=1), three, "same") / near).astype(np.float32)
        weights = np.zeros(count, dtype=np.float32)
        np.divide(1, level, out=weights, where=used & (level > 0))
        return cls(waves, amplitudes, noise, level, weights)

    def found(self) -> _Found | None:
        """Mains within reach of the waves' frequency; None where chance explains all."""
        noise = (self.weights[:, None] ** 2 * self.noise).sum(axis=0)
        if not (noise > 0).all():
            return None
        n = fft.next_fast_len(2 * len(self.weights))
        spectra = fft.fft(self.amplitudes * self.weights[:, None], n, axis=0)
        excess = (spectra.real**2 + spectra.imag**2) / noise
        reach = int(setting("search", "mains") * n * self.waves.piece_s)
        shifts = np.arange(-reach, reach + 1)
        together = excess[(shifts[:, None] * self.waves.orders) % n, np.arange(noise.size)]
        total = together.sum(axis=1)
        best = int(np.argmax(total))
        chance = special.gammaincc(noise.size, total[best]) * shifts.size
        if chance > setting("false_alarm", "mains"):
            return None
        fine = shifts[best] + _vertex(total, best)
        return _Found(shift_hz=float(fine / (n * self.waves.piece_s)), excess=float(total[best]))

    def kept(self, line: _Found, taps: Samples) -> Complex:
        """Amplitudes to take off: smoothed, less what noise explains of them."""
        count, n = self.amplitudes.shape
        running = self.amplitudes * self.waves.turns(count, line.shift_hz)
        excess, present = self._harmonics(running, taps)
        wander_rad = self._wander(running, int(np.argmax(excess)), taps)
        wander = _powers(np.exp(-1j * wander_rad), self.waves.orders)
        running *= wander
        weights = self.weights[:, None]
        sums = np.concatenate([running.real * weights, running.imag * weights, weights], axis=1)
        variances = weights**2 * self.noise
        # Harmonics count in the comparison by how far they stand out of their own noise.
        relative = np.sqrt((weights * self.noise).sum(axis=0) / (weights.T @ self.level))
        compared = np.concatenate([running.real / relative, running.imag / relative], axis=1)
        # What is made up says nothing of the mains: it is taken to be as in the nearest piece that does.
        nearest = _nearest(self.weights > 0)
        compared, level = compared[nearest], self.level[nearest]
        mean, variance = np.empty_like(sums), np.empty_like(variances)
        limit = np.float32(n + setting("agree", "mains") * math.sqrt(n))
        mains_kernels.smoothed(sums, variances, compared, level, limit, taps, mean, variance)
        squares = mean[:, :n] ** 2 + mean[:, n : 2 * n] ** 2
        part = np.zeros_like(squares)
        np.divide(squares - variance, squares, out=part, where=(squares > variance) & present)
        weight = np.where(mean[:, 2 * n :] > 0, mean[:, 2 * n :], 1)
        back = self.waves.turns(count, self.waves.frequency_hz + line.shift_hz)
        back = (back * wander).conj()
        return np.asarray((mean[:, :n] + 1j * mean[:, n : 2 * n]) * part / weight * back, dtype=np.complex64)

    def _harmonics(self, running: Complex, taps: Samples) -> tuple[Samples, NDArray[np.bool_]]:
        """Of each harmonic its power over the noise's, summed over windows, and whether chance explains it.

        Within a window the wander of the grid is small; over a whole stretch it may cancel a high harmonic.
        """
        step = max(taps.size // 2, 1)
        weights = self.weights[:, None]
        sums = _windowed(running * weights, taps, step)
        variances = _windowed(weights**2 * self.noise, taps**2, step)
        squares, told = sums.real**2 + sums.imag**2, variances > 0
        excess = np.divide(squares, variances, out=np.zeros_like(squares), where=told).sum(axis=0)
        chance = special.gammaincc(np.maximum(np.count_nonzero(told, axis=0), 1), excess)
        return excess, chance < setting("harmonic", "mains")

    def _wander(self, running: Complex, clearest: int, taps: Samples) -> NDArray[np.float64]:
        """Phase by which the mains runs ahead of an even course, rad, as its clearest harmonic shows it.

        Grids wander by some thousandths of a hertz within a stretch; ten times that at a high harmonic would
        not be one amplitude any more. It goes on evenly where a contraction hides it; a whole turn gained
        there is none. Zero where less than a window is clear.
        """
        sums = np.convolve(running[:, clearest] * self.weights, taps, "same")
        weight = np.convolve(self.weights, taps, "same")
        variance = np.convolve(self.weights**2 * self.noise[:, clearest], taps**2, "same")
        clear = (np.abs(sums) ** 2 > setting("clear", "mains") * variance) & (variance > 0)
        places = np.flatnonzero(clear)
        if places.size < taps.size:
            return np.zeros(sums.size)
        phase = np.unwrap(np.angle(sums[places])) / self.waves.orders[clearest]
        # Beside a gap or a contraction a window tells the phase of where its weight lies.
        every = np.arange(sums.size)
        middles = np.convolve(self.weights * every, taps, "same")[places] / weight[places]
        return np.asarray(np.interp(every, middles, phase))


def _noise(amplitudes: Complex, used: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Variance of each amplitude from its difference to both neighbours, free of steady waves."""
    noise = np.zeros(amplitudes.shape, dtype=np.float32)
    bend = amplitudes[2:] - 2 * amplitudes[1:-1] + amplitudes[:-2]
    noise[1:-1] = (bend.real**2 + bend.imag**2) / 6
    between = np.zeros(len(used), dtype=bool)
    between[1:-1] = used[2:] & used[1:-1] & used[:-2]
    noise[~between] = 0
    return noise, between


def _windowed(values: NDArray[Any], taps: Samples, step: int) -> NDArray[Any]:
    """Sums over windows that lie `step` pieces apart, shape (n_windows, n_harmonics)."""
    if len(values) < taps.size:
        values = np.pad(values, ((0, taps.size - len(values)), (0, 0)))
    return np.asarray(sliding_window_view(values, taps.size, axis=0)[::step] @ taps)


def _nearest(used: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each place the nearest one that is used; some are."""
    places = np.flatnonzero(used)
    changes = (places[1:] + places[:-1]) // 2 + 1
    return np.asarray(places[np.searchsorted(changes, np.arange(used.size), side="right")])


def _hann(piece_s: float) -> NDArray[np.float32]:
    half = math.floor(0.5 * setting("smoothing", "mains") / piece_s)
    return (np.cos(np.linspace(-0.5, 0.5, 2 * half + 3)[1:-1] * np.pi) ** 2).astype(np.float32)


def _powers(first: NDArray[np.complex128], orders: NDArray[np.int64]) -> Complex:
    """Powers of `first`, shape (n, n_orders), for consecutive orders."""
    out = np.empty((orders.size, first.size), dtype=np.complex64)
    out[0] = first ** orders[0]
    for k in range(1, orders.size):
        np.multiply(out[k - 1], first, out=out[k], casting="same_kind")
    return np.ascontiguousarray(out.T)


def _vertex(values: NDArray[np.float32], best: int) -> float:
    """Where a parabola through the greatest value and its neighbours has its top, in steps."""
    if best in (0, len(values) - 1):
        return 0.0
    before, top, after = (float(value) for value in values[best - 1 : best + 2])
    bend = before - 2 * top + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
