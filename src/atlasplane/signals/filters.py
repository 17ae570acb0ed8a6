"""Band-pass and low-pass filters of zero phase, and causal ones that keep their state.

All are Butterworth filters in sections of second order. A zero-phase filter is run forwards and backwards, so
its gain is the square of the single run's; the corners are moved so that the whole has half the power at the
stated edge (Winter 2009, Biomechanics and Motor Control of Human Movement, 4th ed., 2.2.4.4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from atlasplane.signals import filter_kernels
from atlasplane.signals.settings import setting

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Filter:
    """A recursive filter.

    Attributes
    ----------
    sections : array, shape (n, 6)
        Of second order: b0 b1 b2 a0 a1 a2.
    low_hz, high_hz : float
        Where it passes half the power; 0 for a low-pass filter.
    rate_hz : float
    settle : int
        Samples until the answer to a step at its input is forgotten but for the part `settled`.
    passes : int
        2 of a filter that is run forwards and backwards, 1 of a causal one.
    """

    sections: NDArray[np.float64]
    low_hz: float
    high_hz: float
    rate_hz: float
    settle: int
    passes: int

    def gain(self, frequency_hz: NDArray[np.floating]) -> NDArray[np.float64]:
        """Amplitude that leaves over amplitude that enters."""
        delay = np.exp(-2j * np.pi * np.asarray(frequency_hz, dtype=float)[..., None] / self.rate_hz)
        b0, b1, b2, a0, a1, a2 = self.sections.T
        answer = (b0 + delay * (b1 + delay * b2)) / (a0 + delay * (a1 + delay * a2))
        return np.asarray(np.abs(answer).prod(axis=-1) ** self.passes)

    @property
    def noise_bandwidth_hz(self) -> float:
        """Width of a rectangular band that lets as much of white noise through."""
        return float(np.sum(self._power()) * self._step_hz)

    @property
    def statistical_bandwidth_hz(self) -> float:
        """Width B in degrees of freedom 2 B T of the power of white noise (Bendat & Piersol 2010, 8.5.1)."""
        power = self._power()
        return float(np.sum(power) ** 2 / np.sum(power**2) * self._step_hz)

    @property
    def _step_hz(self) -> float:
        return self.rate_hz / 2 / _FREQUENCIES

    def _power(self) -> NDArray[np.float64]:
        centres = (np.arange(_FREQUENCIES) + 0.5) * self._step_hz
        return np.asarray(self.gain(centres) ** 2)


_FREQUENCIES = 4096
"""Steps of the sums over frequencies."""


_KEPT = 64
"""Filters that are kept: each short stretch that is looked at wants the same ones again."""


def upper_edge_hz(rate_hz: float, wanted_hz: float | None = None) -> float:
    """Upper edge of the band: as wanted, or as far as the rate reaches.

    Raises
    ------
    ValueError
        When the rate is too low for an electromyogram.
    """
    least = setting("least_rate")
    if not rate_hz >= least:
        raise ValueError(
            f"an electromyogram needs at least {least:g} samples a second (1000 are usual), got {rate_hz:g}; "
            "record faster, or hand in the raw signal instead of an envelope"
        )
    wanted = setting("high_edge") if wanted_hz is None else wanted_hz
    return min(wanted, setting("high_edge_share") * rate_hz)


@lru_cache(maxsize=_KEPT)
def band_pass(rate_hz: float, low_hz: float, high_hz: float, *, zero_phase: bool) -> Filter:
    """Band-pass filter of the room's order.

    Parameters
    ----------
    rate_hz, low_hz, high_hz : float
        0 < low_hz < high_hz < rate_hz / 2.
    zero_phase : bool
        True for `filtered`, False for `causal`.
    """
    if not 0 < low_hz < high_hz < rate_hz / 2:
        raise ValueError(f"0 < {low_hz:g} < {high_hz:g} < {rate_hz / 2:g} Hz expected")
    order, passes = int(setting("order")), 2 if zero_phase else 1
    low = _corner(low_hz, rate_hz, order, passes, up=False)
    high = _corner(high_hz, rate_hz, order, passes, up=True)
    # Two filters one after the other: their corners are exact, and no pair of poles lies near both.
    sections = np.concatenate(
        [
            signal.butter(order, low, "highpass", fs=rate_hz, output="sos"),
            signal.butter(order, high, "lowpass", fs=rate_hz, output="sos"),
        ]
    )
    return _filter(sections, low_hz, high_hz, rate_hz, passes)


@lru_cache(maxsize=_KEPT)
def low_pass(rate_hz: float, high_hz: float, *, zero_phase: bool) -> Filter:
    """Low-pass filter of the room's order, as `band_pass`."""
    if not 0 < high_hz < rate_hz / 2:
        raise ValueError(f"0 < {high_hz:g} < {rate_hz / 2:g} Hz expected")
    order, passes = int(setting("order")), 2 if zero_phase else 1
    high = _corner(high_hz, rate_hz, order, passes, up=True)
    return _filter(signal.butter(order, high, fs=rate_hz, output="sos"), 0.0, high_hz, rate_hz, passes)


def filtered(samples: Samples, filter_: Filter) -> Samples:
    """Samples through a filter of zero phase; before the first and after the last it stays as it is there.

    Parameters
    ----------
    samples : array of float32, shape (n,)
        Finite.

    Returns
    -------
    array of float32, shape (n,)
    """
    if filter_.passes != 2:
        raise ValueError("a causal filter cannot be run as one of zero phase")
    lanes, settle = filter_kernels.LANES, filter_.settle
    step = max(-(-samples.size // lanes), 1)
    if not samples.size:
        return samples
    offset = samples[0] if filter_.low_hz else np.float32(np.mean(samples, dtype=np.float64))
    padded = np.empty(lanes * step + 2 * settle, dtype=np.float32)
    padded[:settle] = samples[0]
    padded[settle : settle + samples.size] = samples
    padded[settle + samples.size :] = samples[-1]
    padded -= offset
    out = np.empty(lanes * step, dtype=np.float32)
    filter_kernels.forward_and_back(padded, step, settle, filter_.sections, filter_.low_hz > 0, out)
    if not filter_.low_hz:
        out += offset
    return out[: samples.size]


def causal(blocks: Iterable[Samples], filter_: Filter) -> Iterator[Samples]:
    """Blocks through a causal filter, each as soon as it is there.

    The first sample counts as having stood for ever. NaN counts as the last sample before it and comes out as
    NaN.
    """
    if filter_.passes != 1:
        raise ValueError("a filter of zero phase looks ahead; make one with zero_phase=False")
    state, last = None, np.float32(0)
    for block in blocks:
        if not block.size:
            yield block.copy()
            continue
        missing = np.isnan(block)
        held = _held(block, missing, last)
        if state is None:
            if missing.all():
                yield block.copy()
                continue
            first = block[~missing][0]
            held[: int(np.argmin(missing))] = first
            state = signal.sosfilt_zi(filter_.sections) * first
        out, state = signal.sosfilt(filter_.sections, held, zi=state)
        last = held[-1]
        out = out.astype(np.float32)
        out[missing] = np.nan
        yield out


def _held(block: Samples, missing: NDArray[np.bool_], before: np.float32) -> NDArray[np.float64]:
    """The block with what is missing replaced by the last sample before it."""
    places = np.where(missing, 0, np.arange(1, block.size + 1))
    known = np.maximum.accumulate(places)
    return np.concatenate([[before], block])[known].astype(float)


def _corner(edge_hz: float, rate_hz: float, order: int, passes: int, *, up: bool) -> float:
    """Corner of the single run for half the power of the whole at `edge_hz`, exact under the bilinear map."""
    moved = (2 ** (1 / passes) - 1) ** (1 / (2 * order))
    warped = math.tan(math.pi * edge_hz / rate_hz) * (1 / moved if up else moved)
    return math.atan(warped) * rate_hz / math.pi


def _filter(
    sections: NDArray[np.float64], low_hz: float, high_hz: float, rate_hz: float, passes: int
) -> Filter:
    slowest = max(abs(pole) for row in sections for pole in np.roots(row[3:]))
    settle = math.ceil(math.log(setting("settled")) / math.log(slowest))
    return Filter(
        sections=np.ascontiguousarray(sections),
        low_hz=low_hz,
        high_hz=high_hz,
        rate_hz=rate_hz,
        settle=settle,
        passes=passes,
    )
