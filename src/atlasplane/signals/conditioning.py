"""A channel of electromyogram, block by block, to powers of frames: what is not muscle is taken out.

The order is: gaps bridged; band-pass of zero phase; mains and its harmonics taken out; heart beats taken out;
mean squares of frames. Each stretch of two minutes is worked on with what lies around it, so that neither
the blocks nor the stretches show in the result, and a day needs the memory of two minutes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.signals import frame_kernels
from atlasplane.signals.filters import Filter, band_pass, filtered, upper_edge_hz
from atlasplane.signals.frames import ARRAYS, Frames
from atlasplane.signals.heart import HeartFilter
from atlasplane.signals.heart_search import BeatSearch
from atlasplane.signals.mains import Line, MainsFilter
from atlasplane.signals.rails import rails
from atlasplane.signals.settings import setting
from atlasplane.signals.slow import SlowPart
from atlasplane.signals.stretches import Stretch, stretches

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Conditioning:
    """What is taken out of a channel.

    Attributes
    ----------
    low_hz : float
        Lower edge of the band, 10 to 20 are usual.
    high_hz : float
        Upper edge; at low rates it is 0.45 of the rate.
    mains : bool
        Whether mains and its harmonics are taken out where they are found.
    mains_hz : float or None
        50 or 60; None has the recording tell.
    heart : bool
        Whether heart beats are taken out where they are found: trapezius, paraspinal and chest.
    beat_times_s : array or None
        Beats after the channel's first sample, in order, where another channel tells them; with `heart`. In
        a stretch of which it tells none they are looked for.
    range_uV : (float, float) or None
        Ends of the recorder's range; what the samples show to be narrower counts.
    hop_s : float
        Length of a frame.
    """

    low_hz: float = 20.0
    high_hz: float = 450.0
    mains: bool = True
    mains_hz: float | None = None
    heart: bool = False
    beat_times_s: NDArray[np.float64] | None = None
    range_uV: tuple[float, float] | None = None
    hop_s: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.low_hz < self.high_hz or not self.hop_s > 0:
            raise ValueError(
                f"0 < low_hz < high_hz and hop_s > 0 expected, "
                f"got {self.low_hz}, {self.high_hz}, {self.hop_s}"
            )


def frames(
    blocks: Iterable[Samples], rate_hz: float, settings: Conditioning, *, start_s: float = 0.0
) -> Frames:
    """Powers of the frames of a channel.

    Parameters
    ----------
    blocks : iterable of array of float32, shape (any,)
        The samples in order, uV; NaN where nothing was recorded. How they are cut does not matter.
    rate_hz : float
        Samples a second, exact.
    settings : Conditioning
    start_s : float
        First sample after the start of the recording.

    Raises
    ------
    ValueError
        When the rate is too low for an electromyogram.
    """
    chain = _Chain(rate_hz, settings)
    parts = [chain.powers(stretch) for stretch in chain.stretches(blocks)]
    rows = np.concatenate(parts, axis=1) if parts else np.zeros((len(ARRAYS), 0), dtype=np.float32)
    return Frames(
        hop_s=settings.hop_s,
        start_s=start_s,
        band_hz=(chain.band.low_hz, chain.band.high_hz),
        mains_hz=float(np.median(chain.mains_hz)) if chain.mains_hz else None,
        heart_per_min=_per_minute(chain.beats_s),
        **dict(zip(ARRAYS, rows, strict=True)),
    )


def conditioned(samples: Samples, rate_hz: float, settings: Conditioning) -> Samples:
    """A short stretch of a channel as `frames` sees it: band-passed, mains and heart beats taken out.

    Parameters
    ----------
    samples : array of float32, shape (n,)
        uV; NaN where nothing was recorded.
    rate_hz : float
    settings : Conditioning

    Returns
    -------
    array of float32, shape (n,)
        NaN where nothing was recorded.
    """
    chain = _Chain(rate_hz, settings)
    parts = [chain.cleaned(stretch).clean[stretch.inner] for stretch in chain.stretches([samples])]
    clean = np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)
    clean[np.isnan(samples)] = np.nan
    return clean


def _per_minute(beats_s: list[NDArray[np.float64]]) -> float | None:
    """Heart beats a minute by the median interval; None without two."""
    intervals = np.diff(np.concatenate(beats_s)) if beats_s else np.empty(0)
    return float(60 / np.median(intervals)) if intervals.size else None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Cleaned:
    """Samples of a stretch: cleaned, at the low rate, mains and beats that were taken out."""

    clean: Samples
    reduced: Samples
    line: Line | None
    beats: Samples | None


class _Chain:
    """What is done to each stretch of a channel, in order."""

    def __init__(self, rate_hz: float, settings: Conditioning) -> None:
        self.rate_hz, self.settings = rate_hz, settings
        high_hz = upper_edge_hz(rate_hz, settings.high_hz)
        self.band: Filter = band_pass(rate_hz, settings.low_hz, high_hz, zero_phase=True)
        self.heart, self.beats_s = HeartFilter(rate_hz), list[NDArray[np.float64]]()
        self.slow = SlowPart(rate_hz, settings.low_hz)
        self.search = BeatSearch(self.slow.rate_hz)
        edges_hz = (self.band.low_hz, self.band.high_hz)
        self.mains = MainsFilter(rate_hz, edges_hz, settings.mains_hz) if settings.mains else None
        self.mains_hz: list[float] = []
        reach = math.ceil(setting("slow_offset") * rate_hz)
        self.context = self.band.settle + max(reach, self.mains.reach if self.mains else 0)

    def stretches(self, blocks: Iterable[Samples]) -> Iterator[Stretch]:
        hop_s = self.settings.hop_s
        n_frames = max(round(setting("block") / hop_s), 1)
        return stretches(blocks, rate_hz=self.rate_hz, hop_s=hop_s, n_frames=n_frames, context=self.context)

    def powers(self, stretch: Stretch) -> Samples:
        """Rows as `ARRAYS`, of the frames of a stretch."""
        out = np.zeros((len(ARRAYS), stretch.edges.size - 1), dtype=np.float32)
        power, slow, mains, beats, missing = out[:5]
        low, high = self._ends(stretch.samples)
        frame_kernels.shares(stretch.samples, stretch.edges, np.float32(low), np.float32(high), out[4:])
        found = self.cleaned(stretch)
        frame_kernels.mean_squares(found.clean, stretch.edges, missing, power)
        if found.line is not None:
            mains[:] = found.line.frame_power(stretch.edges)
        if found.beats is not None:
            frame_kernels.mean_squares(found.beats, stretch.edges, missing, beats)
        edges = -(-stretch.edges // self.slow.step)
        frame_kernels.mean_squares(self.slow.movement(found.reduced), edges, missing, slow)
        return out

    def _ends(self, samples: Samples) -> tuple[float, float]:
        """Ends of the range: an amplifier may give out before the converter that was stated does."""
        low, high = rails(samples)
        if self.settings.range_uV is None:
            return low, high
        return max(low, self.settings.range_uV[0]), min(high, self.settings.range_uV[1])

    def cleaned(self, stretch: Stretch) -> _Cleaned:
        """A stretch less what is not muscle; its own samples are bridged in place."""
        trusted = self._bridge(stretch.samples)
        clean, reduced = filtered(stretch.samples, self.band), self.slow.reduced(stretch.samples)
        line = self.mains.take_off(clean, trusted) if self.mains else None
        if line is not None:
            self.mains_hz.append(line.frequency_hz)
        beats = self._take_off_beats(stretch, clean, reduced, line, trusted)
        return _Cleaned(clean=clean, reduced=reduced, line=line, beats=beats)

    def _take_off_beats(
        self,
        stretch: Stretch,
        clean: Samples,
        reduced: Samples,
        line: Line | None,
        trusted: NDArray[np.bool_],
    ) -> Samples | None:
        """Heart beats out of the samples, in place; what was taken."""
        if not self.settings.heart:
            return None
        places = self._beats(stretch, reduced, line, trusted)
        if places is None or not places.size:
            return None
        taken = self.heart.take_off(clean, places)
        if taken is not None:
            inner = places[(places >= stretch.edges[0]) & (places < stretch.edges[-1])]
            self.beats_s.append((inner + (stretch.first - stretch.context)) / self.rate_hz)
        return taken

    def _beats(
        self, stretch: Stretch, reduced: Samples, line: Line | None, trusted: NDArray[np.bool_]
    ) -> NDArray[np.float64] | None:
        """Places of the beats among the stretch's samples: as told, or as found where none is told."""
        step = self.slow.step
        if self.settings.beat_times_s is not None:
            places = self.settings.beat_times_s * self.rate_hz - (stretch.first - stretch.context)
            places = places[(places >= 0) & (places <= stretch.samples.size - 1)]
            if places.size:
                return np.asarray(places[trusted[np.round(places).astype(np.int64)]])
        if line is not None:
            wave = line.first_wave(np.arange(reduced.size) * step)
            reduced = reduced - wave / np.float32(self.band.gain(np.array(line.frequency_hz)))
        found = self.search.beats(reduced, trusted[::step])
        return None if found is None else found * step

    def _bridge(self, samples: Samples) -> NDArray[np.bool_]:
        """Gaps and flat runs bridged in place; where not."""
        trusted = np.ones(samples.size, dtype=bool)
        longest = math.ceil(setting("flat_gap") * self.rate_hz)
        if frame_kernels.needs_bridge(samples, longest):
            frame_kernels.bridge(samples, math.ceil(setting("bridge") * self.rate_hz), longest, trusted)
        return trusted
