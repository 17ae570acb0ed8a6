"""Frames of a channel written down directly: chi-squared powers over noise, so that the truth is exact."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from atlasplane.pathways.spasm.baseline import baseline_from
from atlasplane.pathways.spasm.context import Stretch
from atlasplane.pathways.spasm.result import Baseline, ChannelSpasms, SpasmEvent
from atlasplane.signals.frames import Frames
from atlasplane.sources.recording import Channel, ChannelKind

HOP_S = 0.05
NOISE_UV = 3.0
DOF = 40.0
"""Of a frame of 50 ms between 20 and 450 Hz."""

Floats = NDArray[np.float64]


def envelope(duration_s: float, *events: tuple[float, float, float]) -> Floats:
    """Root mean square of each frame of a muscle: (start, stop, uV) each; a frame may be active in part."""
    edges = np.arange(round(duration_s / HOP_S) + 1) * HOP_S
    power = np.zeros(len(edges) - 1)
    for start, stop, rms in events:
        share = np.clip(np.minimum(edges[1:], stop) - np.maximum(edges[:-1], start), 0, None) / HOP_S
        power += rms**2 * share
    return np.sqrt(power)


def frames(
    rng: np.random.Generator,
    rms_uV: Iterable[float],
    *,
    noise_uV: float | Floats = NOISE_UV,
    dof: float = DOF,
    **arrays: Floats,
) -> Frames:
    """Frames of a muscle of this envelope over noise."""
    rms = np.asarray(rms_uV, dtype=float)
    power = (np.square(rms) + np.square(noise_uV)) * rng.chisquare(dof, len(rms)) / dof
    none = np.zeros(len(rms), dtype=np.float32)
    rest = {
        name: np.asarray(arrays.get(name, none), dtype=np.float32)
        for name in ("mains_uV2", "beats_uV2", "missing", "saturated", "flat")
    }
    slow = np.asarray(arrays.get("slow_uV2", none + 1.0), dtype=np.float32)
    return Frames(hop_s=HOP_S, power_uV2=power.astype(np.float32), slow_uV2=slow, **rest)


def quiet_baseline(rng: np.random.Generator, duration_s: float = 60.0) -> Baseline:
    """Baseline of a quiet file of this length."""
    return baseline_from(frames(rng, envelope(duration_s)), label="EMG", source="file")


def channel(duration_s: float) -> Channel:
    """One of 2000 Hz."""
    return Channel(
        label="EMG",
        kind=ChannelKind.EMG,
        unit="uV",
        period_s=Fraction(1, 2000),
        n_samples=round(2000 * duration_s),
        muscle="trapezius_upper",
        side="right",
    )


def spasms(found: ChannelSpasms) -> list[SpasmEvent]:
    """Events that count."""
    return [event for event in found.events if event.class_.is_spasm]


def stretches(*ends: tuple[float, float]) -> tuple[Stretch, ...]:
    """Seconds as stretches."""
    return tuple(Stretch(start_s=start, stop_s=stop) for start, stop in ends)
