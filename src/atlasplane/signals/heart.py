"""Heart beats taken out of a channel: their shape is averaged, fitted to each beat and subtracted.

The shape is the mean of the beats of some minutes, each weighted by how quiet the muscle is around it; where
noise explains the mean, the shape is zero, so that what is not the heart's stays. Each beat has its own
amplitude (breathing) and its own part of a sample in time, held near the usual by what is known of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.signals import heart_kernels
from atlasplane.signals.settings import setting

Samples = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Shape:
    """Weighted sum of beats, and the sum of weights; a weight is one over the noise's power."""

    total: Samples
    weight: float

    @property
    def mean(self) -> Samples:
        return np.asarray(self.total / np.float32(max(self.weight, _TINY)))


class HeartFilter:
    """Takes heart beats out of stretches of one channel; remembers their shape from stretch to stretch.

    Parameters
    ----------
    rate_hz : float
        Of the samples.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._before = round(setting("before", "heart") * rate_hz)
        self._length = self._before + round(setting("after", "heart") * rate_hz)
        reach = min(round(_COMPLEX_S * rate_hz), self._before)
        self._complex = slice(self._before - reach, self._before + reach)
        self._ends = _tapered(self._length, round(_TAPER_S * rate_hz))
        self._near = max(round(_NEAR_S * rate_hz), 1)
        self._known: _Shape | None = None

    def take_off(self, samples: Samples, places: NDArray[np.float64]) -> Samples | None:
        """Take beats off, in place.

        Parameters
        ----------
        samples : array of float32, shape (n,)
            Band-passed.
        places : array, shape (n_beats,)
            Where the beats lie, in samples, to some milliseconds.

        Returns
        -------
        array of float32, shape (n,), or None
            What was taken off; None when nothing stands out of the noise.
        """
        firsts = np.round(places).astype(np.int64) - self._before
        firsts = firsts[(firsts >= 0) & (firsts + self._length <= samples.size)]
        if not firsts.size:
            return None
        learnt = self._learnt(samples, firsts)
        if learnt is None:
            return None
        firsts, shape = learnt[0], self._standing_out(learnt[1], _OVER_NOISE)
        if not shape.any():
            return None
        firsts, factors = self._fit(samples, firsts, shape)
        taken = np.zeros_like(samples)
        heart_kernels.take_off(samples, firsts, shape, _slope(shape), factors, taken)
        return taken

    def _learnt(self, samples: Samples, firsts: Places) -> tuple[Places, _Shape] | None:
        """Beats aligned, and their shape with what earlier stretches told of it; None without a shape."""
        if self._known is not None:
            aligned, _ = self._fit(samples, firsts, self._known.mean)
            now = self._average(samples, aligned, self._known.mean)
            if _alike(self._known.mean, now.mean):
                keep = setting("memory", "heart")
                total = now.total + np.float32(keep) * self._known.total
                self._known = _Shape(total, now.weight + keep * self._known.weight)
                return aligned, self._known
        now = self._average(samples, firsts, np.zeros(self._length, dtype=np.float32))
        # Before they are aligned: aligned to each other, pieces of noise would share a shape.
        if not self._standing_out(now, _OVER_NOISE_UNALIGNED).any():
            return None
        for _ in range(_ROUNDS):
            firsts, _ = self._fit(samples, firsts, now.mean)
            now = self._average(samples, firsts, now.mean)
        self._known = now
        return firsts, now

    def _average(self, samples: Samples, firsts: Places, shape: Samples) -> _Shape:
        """Mean of the beats, weighted by what they are beside the shape."""
        power = np.empty(firsts.size, dtype=np.float32)
        heart_kernels.residual_power(samples, firsts, shape, power)
        weights = 1 / np.maximum(power, np.float32(max(_LEAST_PART * float(np.median(power)), _TINY)))
        total = np.zeros(self._length, dtype=np.float32)
        heart_kernels.gathered(samples, firsts, weights, total)
        return _Shape(total, float(weights.sum(dtype=np.float64)))

    def _fit(self, samples: Samples, firsts: Places, shape: Samples) -> tuple[Places, Samples]:
        """Beats moved by whole samples to where the shape fits; amplitude and slope of each."""
        for _ in range(_MOVES):
            factors = self._factors(samples, firsts, shape)
            steps = np.round(factors[:, 1]).astype(np.int64)
            if not steps.any():
                return firsts, factors
            firsts = np.clip(firsts - steps, 0, samples.size - self._length)
        return firsts, self._factors(samples, firsts, shape)

    def _factors(self, samples: Samples, firsts: Places, shape: Samples) -> Samples:
        """Amplitude of each beat, and minus its delay in samples, by least squares held near 1 and 0."""
        slope = _slope(shape)[self._complex]
        shape = shape[self._complex]
        sums = np.empty((firsts.size, 3), dtype=np.float32)
        heart_kernels.projections(samples, firsts + self._complex.start, shape, slope, sums)
        noise = np.maximum(sums[:, 2] / shape.size, _TINY)
        own = np.array([[shape @ shape, shape @ slope], [shape @ slope, slope @ slope]], dtype=float)
        held = np.array(
            [setting("amplitude_spread", "heart"), setting("time_spread", "heart") * self.rate_hz]
        )
        matrix = own / noise[:, None, None] + np.diag(1 / held**2)
        off = np.linalg.solve(matrix, (sums[:, :2] / noise[:, None])[..., None])[..., 0]
        off = np.clip(off, -_FURTHEST * held, _FURTHEST * held)
        return np.asarray(off + np.array([1, 0]), dtype=np.float32)

    def _standing_out(self, shape: _Shape, over_noise: float) -> Samples:
        """The mean where noise does not explain it, zero elsewhere and at both ends."""
        mean = shape.mean
        power = ndimage.uniform_filter1d(mean**2, self._near, mode="nearest")
        by_noise = over_noise / max(shape.weight, _TINY)
        kept = np.maximum(1 - by_noise / np.maximum(power, np.float32(_TINY)), 0)
        return np.asarray(mean * kept * self._ends, dtype=np.float32)


_TINY = 1e-12
_ROUNDS = 4
"""Of alignment of a shape that is not known yet: from some milliseconds to a part of a sample."""
_MOVES = 3
"""A slope tells the delay exactly only when it is short: so often it is asked again."""
_TAPER_S = 0.03
"""The shape falls to zero at its ends over so long."""
_NEAR_S = 0.012
"""Power of the shape is compared with noise over so long."""
_COMPLEX_S = 0.1
"""Amplitude and delay are fitted so far to either side of the R peak, to the QRS complex."""
_OVER_NOISE = 3.0
"""Times the power that noise leaves in the mean, below which the shape counts as noise."""
_OVER_NOISE_UNALIGNED = 6.0
"""The same for a shape that is not known yet: eleven degrees of freedom reach it once in a million times."""
_LEAST_PART = 0.1
"""No beat weighs more than ten times the usual one."""
_FURTHEST = 3.0
"""Standard deviations that amplitude and delay may be off the usual."""


def _alike(one: Samples, other: Samples) -> bool:
    """Whether two shapes are the same heart's on the same electrodes."""
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return size > 0 and float(one @ other) / size > _SAME


_SAME = 0.7
"""Correlation of a shape learnt before with the beats of now."""


def _slope(shape: Samples) -> Samples:
    """Change from sample to sample; a shape is zero at its ends."""
    slope = np.zeros_like(shape)
    slope[1:-1] = np.float32(0.5) * (shape[2:] - shape[:-2])
    return slope


def _tapered(length: int, ends: int) -> Samples:
    """Ones with a quarter of a cosine at either end."""
    rise = np.sin(0.5 * np.pi * (np.arange(ends) + 0.5) / ends) ** 2
    window = np.ones(length, dtype=np.float32)
    window[:ends], window[length - ends :] = rise, rise[::-1]
    return window
