"""Heart beats in a channel of electromyogram, told from bursts of muscle by shape and rhythm.

The search runs at a low rate between 10 and 35 Hz, where QRS complexes are strong and surface electromyograms
weak. Complexes that share a shape give a pattern; the pattern finds the beats; shape, rhythm and what lies
between the beats say whether they are a heart's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal, stats

from atlasplane.signals import filter_kernels, frame_kernels
from atlasplane.signals.filters import band_pass, filtered
from atlasplane.signals.settings import setting
from atlasplane.signals.slow import SlowPart
from atlasplane.signals.stretches import stretches

Samples = NDArray[np.float32]
Floats = NDArray[np.float64]


def _of(name: str) -> float:
    return setting(name, "heart")


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Beats: samples they lie at, the same between samples, amplitude and likeness to the pattern."""

    places: NDArray[np.int64]
    exact: Floats
    amplitudes: Samples
    likeness: Samples

    def alike(self, least: float) -> _Found:
        """Those that are at least so like the pattern."""
        kept = self.likeness >= least
        return _Found(self.places[kept], self.exact[kept], self.amplitudes[kept], self.likeness[kept])


def beat_times_s(blocks: Iterable[Samples], rate_hz: float) -> Floats:
    """Heart beats of an electrocardiogram, seconds after its first sample, shape (n_beats,); maybe none.

    Parameters
    ----------
    blocks : iterable of array of float32
        The samples in order, in any unit; NaN where nothing was recorded.
    rate_hz : float
        100 or more.
    """
    slow = SlowPart(rate_hz, setting("low_edge"))
    search, found = BeatSearch(slow.rate_hz), [np.empty(0)]
    context = math.ceil(2 * _of("longest") * rate_hz)
    for stretch in stretches(
        blocks, rate_hz=rate_hz, hop_s=1.0, n_frames=round(setting("block")), context=context
    ):
        trusted = np.ones(stretch.samples.size, dtype=bool)
        frame_kernels.bridge(
            stretch.samples,
            math.ceil(setting("bridge") * rate_hz),
            math.ceil(setting("flat_gap") * rate_hz),
            trusted,
        )
        if not trusted.any():
            continue
        beats = search.beats(slow.reduced(stretch.samples), trusted[:: slow.step])
        if beats is not None:
            places = beats * slow.step
            inner = places[(places >= stretch.edges[0]) & (places < stretch.edges[-1])]
            found.append((inner + stretch.first - context) / rate_hz)
    return np.concatenate(found)


class BeatSearch:
    """Finds beats in stretches of one channel; remembers their pattern from stretch to stretch.

    Parameters
    ----------
    rate_hz : float
        Of the reduced samples, 100 Hz or more.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        top = min(_of("high_edge"), 0.4 * rate_hz)
        self._band = band_pass(rate_hz, _of("low_edge"), top, zero_phase=True)
        self._half = round(0.5 * _of("pattern") * rate_hz)
        self._apart = round(_of("refractory") * rate_hz)
        self._pattern: Samples | None = None

    def beats(self, reduced: Samples, trusted: NDArray[np.bool_]) -> Floats | None:
        """Places of the beats, in samples and parts of them; None where nothing says heart.

        Parameters
        ----------
        reduced : array of float32, shape (n,)
        trusted : array of bool, shape (n,)
            False where the samples were made up.
        """
        samples = filtered(reduced, self._band)
        if not trusted.all():
            samples[~trusted] = 0
        if self._pattern is not None:
            found = self._matches(samples, self._pattern)
            # A heart goes on: what a contraction hides of it says nothing against the clear beats.
            for told in (found, found.alike(_of("shape_alone"))):
                if self._is_heart(samples, told, trusted if told is found else None):
                    self._adopt(samples, told)
                    return found.exact
        pattern = self._common_shape(samples)
        if pattern is None:
            return None
        found = self._matches(samples, pattern)
        if not self._is_heart(samples, found, trusted):
            return None
        self._adopt(samples, found)
        return found.exact

    def _common_shape(self, samples: Samples) -> Samples | None:
        """Mean of the strong complexes that share a shape; None where too few do."""
        strength = ndimage.uniform_filter1d(samples**2, self._half, mode="constant")
        peaks, _ = signal.find_peaks(strength, distance=self._apart)
        edge = 2 * self._half + 1
        peaks = peaks[(peaks > edge) & (peaks < samples.size - edge)]
        if peaks.size < _LEAST:
            return None
        around = np.arange(-self._half // 2, self._half // 2 + 1)
        peaks = peaks + around[np.argmax(np.abs(samples[peaks[:, None] + around]), axis=1)]
        shapes = self._cut(samples, peaks)
        unit = shapes / np.maximum(np.linalg.norm(shapes, axis=1, keepdims=True), _TINY)
        # A peak may lie a sample off; one comparison with the neighbour on either side allows for it.
        likeness = unit @ unit.T
        for shift in (-1, 1):
            np.maximum(likeness, unit @ np.roll(unit, shift, axis=1).T, out=likeness)
        alike = likeness > _of("alike")
        members = alike[np.argmax(alike.sum(axis=1))]
        if np.count_nonzero(members) < _LEAST:
            return None
        return np.asarray(np.mean(shapes[members], axis=0), dtype=np.float32)

    def _cut(self, samples: Samples, places: NDArray[np.int64]) -> Samples:
        return np.asarray(samples[places[:, None] + np.arange(-self._half, self._half + 1)])

    def _matches(self, samples: Samples, pattern: Samples) -> _Found:
        """Where the pattern lies, amplitude 1 being the pattern's own."""
        padded = np.pad(samples, self._half)
        size = float(pattern @ pattern)
        taps = np.pad(pattern, (0, -pattern.size % filter_kernels.TAPS)) / np.float32(max(size, _TINY))
        amplitude = np.empty_like(samples)
        filter_kernels.every(np.pad(padded, (0, taps.size)), taps, 1, amplitude)
        energy = ndimage.uniform_filter1d(samples**2, pattern.size, mode="constant") * pattern.size
        likeness = amplitude * np.float32(math.sqrt(size)) / np.sqrt(np.maximum(energy, np.float32(_TINY)))
        peak = np.zeros(samples.size, dtype=bool)
        peak[1:-1] = (amplitude[1:-1] >= amplitude[:-2]) & (amplitude[1:-1] > amplitude[2:])
        peak[: self._half] = peak[-self._half :] = False
        fits = peak & (amplitude > _LOW) & (amplitude < _HIGH)
        places = _apart(np.flatnonzero(fits & (likeness > _of("match"))), likeness, self._apart)
        more = np.flatnonzero(fits & (likeness > _of("match_expected")))
        weaker = np.asarray(self._expected(places, more, amplitude), dtype=np.int64)
        places = np.union1d(places, weaker)
        return _Found(places, _tops(amplitude, places), amplitude[places], likeness[places])

    def _expected(self, places: NDArray[np.int64], more: NDArray[np.int64], amplitude: Samples) -> list[int]:
        """Weaker matches where the rhythm leaves a place empty."""
        if places.size < _LEAST or not more.size:
            return []
        gaps = np.diff(places)
        usual = float(np.median(gaps))
        found = []
        for first, gap in zip(places[:-1], gaps, strict=True):
            n = round(gap / usual)
            for k in range(1, n):
                near = more[np.abs(more - (first + k * gap / n)) <= _of("steady") * gap / n]
                if near.size:
                    found.append(int(near[np.argmax(amplitude[near])]))
        return found

    def _is_heart(self, samples: Samples, found: _Found, trusted: NDArray[np.bool_] | None) -> bool:
        """Whether shape, rhythm and the time between say so; with `trusted`, most of that time has beats."""
        if found.places.size < _LEAST:
            return False
        gaps = np.diff(found.places) / self.rate_hz
        usual = float(np.median(gaps))
        if not _of("refractory") <= usual <= _of("longest"):
            return False
        covered = gaps[gaps < 1.5 * usual].sum() * self.rate_hz
        if trusted is not None and covered < _of("coverage") * np.count_nonzero(trusted):
            return False
        if self._busy_between(samples, found.places, 1.5 * usual * self.rate_hz):
            return False
        shape = float(np.median(found.likeness))
        middle = float(np.median(found.amplitudes))
        spread = 1.4826 * float(np.median(np.abs(found.amplitudes - middle))) / middle
        if shape >= _of("shape_alone") and spread <= _of("spread_alone"):
            return True
        return shape >= _of("shape") and _steady(gaps)

    def _busy_between(self, samples: Samples, places: NDArray[np.int64], longest: float) -> bool:
        """Whether there is as much halfway between beats as at them."""
        strength = ndimage.uniform_filter1d(samples**2, self._half, mode="constant")
        near = np.diff(places) < longest
        middles = (places[1:] + places[:-1])[near] // 2
        return bool(np.median(strength[middles]) > _of("between") * np.median(strength[places]))

    def _adopt(self, samples: Samples, found: _Found) -> None:
        """Take the beats' mean as the pattern."""
        shape = np.median(self._cut(samples, found.places), axis=0).astype(np.float32)
        before = self._pattern
        same = before is not None and np.corrcoef(before, shape)[0, 1] > _of("alike")
        keep = np.float32(_of("memory") if same else 0)
        self._pattern = shape if before is None else keep * before + (1 - keep) * shape


_LEAST = 5
"""Beats that make a shape or a rhythm."""
_LOW, _HIGH = 0.5, 2.0
"""Amplitudes, of the pattern's own, that a beat may have."""
_TINY = 1e-12


def _tops(values: Samples, places: NDArray[np.int64]) -> Floats:
    """Where parabolas through the greatest values and their neighbours have their tops."""
    before, top, after = values[places - 1], values[places], values[places + 1]
    bend = before - 2 * top + after
    off = np.divide(0.5 * (before - after), bend, out=np.zeros(places.size), where=bend < 0)
    return np.asarray(places + off)


def _apart(places: NDArray[np.int64], likeness: Samples, apart: int) -> NDArray[np.int64]:
    """The places that are most alike, none nearer to each other than `apart`."""
    kept: list[int] = []
    for place in places:
        if not kept or place - kept[-1] >= apart:
            kept.append(int(place))
        elif likeness[place] > likeness[kept[-1]]:
            kept[-1] = int(place)
    return np.asarray(kept, dtype=np.int64)


def _steady(gaps: Floats) -> bool:
    """Whether more neighbouring intervals are alike than chance brings; a missed beat makes two of one."""
    beats = np.maximum(np.round(gaps / np.median(gaps)), 1)
    each = gaps / beats
    alike = np.abs(np.diff(each)) <= _of("steady") * each[1:]
    n = alike.size
    return bool(stats.binom.sf(np.count_nonzero(alike) - 1, n, _of("steady_by_chance")) < _of("false_alarm"))
