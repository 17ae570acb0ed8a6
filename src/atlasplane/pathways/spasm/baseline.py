"""The level from which on a muscle is active, from quiet outside of what is judged."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.pathways.spasm.quality import told
from atlasplane.pathways.spasm.result import FRAME_S, Baseline
from atlasplane.pathways.spasm.segmentation import turning_point
from atlasplane.pathways.spasm.settings import SpasmSettings, spasm_settings
from atlasplane.signals.frames import Frames

Floats = NDArray[np.float64]
Source = Literal["segment", "file", "noise", "reference"]

BASELINE_ACTIVE, UNDER_BASELINE = "spasm.baseline_active", "spasm.under_baseline"
"""Findings that say that the rest was none."""

_BANDWIDTH_HZ = 430.0
"""20 to 450 Hz."""
_DOF_ENDS = (4.0, 100.0)
"""What frames of 50 ms can have: narrow hum to white noise of 1 kHz bandwidth."""
_SPANS = (1, 5, 20)
"""Frames over which quiet is looked at for its spread: noise that wanders differs more over longer spans."""
_LEAST_SPANS = 30
_MEDIAN_EFFICIENCY = math.pi / 2
"""Variance of a median over that of a mean, normal limit."""
_NORMAL_QUARTILES = 1.349
_HIGH = 0.99
"""Quantile of what comes and goes with each heart beat."""


def baseline_from(
    frames: Frames,
    *,
    label: str,
    source: Source,
    start_s: float | None = None,
    stop_s: float | None = None,
    settings: SpasmSettings | None = None,
) -> Baseline:
    """Baseline of a quiet segment.

    The noise's power is the median of the frames', freed of the skew of chi-squared, so that a twitch or two
    in the segment do not raise it.

    Parameters
    ----------
    frames : Frames
        Of the quiet segment, or of a recording of which `start_s` to `stop_s` are quiet.
    label : str
        Of the channel, for messages.
    source : "segment" or "file"

    Raises
    ------
    BadInput
        When too little of the segment tells anything, or it holds no signal at all.
    """
    used = settings or spasm_settings()
    whole = slice(0, len(frames))
    part = whole if start_s is None or stop_s is None else frames.between(start_s, stop_s)
    usable = told(frames, used)[part]
    power = np.asarray(frames.power_uV2[part], dtype=float)[usable]
    if len(power) * frames.hop_s < used.least_quiet_s:
        raise BadInput(
            label,
            f"{len(power) * frames.hop_s:.1f} s of the quiet segment can be used, "
            f"{used.least_quiet_s:g} s are needed",
            "Mark a longer quiet segment, or pass --noise-uV",
        )
    dof = _dof(power, frames.hop_s)
    noise = float(np.median(power)) / _median_over_mean(dof)
    if not noise > 0:
        raise BadInput(label, "the quiet segment holds no signal", "Mark a segment while the amplifier ran")
    beats, slow, mains = (
        np.asarray(values[part], dtype=float)[usable]
        for values in (frames.beats_uV2, frames.slow_uV2, frames.mains_uV2)
    )
    quiet = _Quiet(
        dof=dof * FRAME_S / frames.hop_s,
        u_rel=math.sqrt(2 * _MEDIAN_EFFICIENCY / (dof * len(power))),
        slow_uV=math.sqrt(float(np.quantile(slow, _HIGH))),
        mains_uV=math.sqrt(float(np.median(mains))),
        beats_leak=_leak(power - noise, beats, noise),
    )
    return _baseline(source, math.sqrt(noise), quiet, used, start_s, stop_s)


def baseline_of_noise(noise_uV: float, *, label: str, settings: SpasmSettings | None = None) -> Baseline:
    """Baseline of a noise level that is known: of the amplifier, or measured on another day.

    Half of the degrees of freedom of white noise is taken, since nothing tells its colour, and a relative
    standard uncertainty of 10 % of its power.

    Raises
    ------
    BadInput
        When the level is not positive.
    """
    if not (math.isfinite(noise_uV) and noise_uV > 0):
        raise BadInput(
            label, f"the noise must be > 0 uV, got {noise_uV:g}", "Pass its root mean square in uV"
        )
    return _baseline("noise", noise_uV, _UNSEEN, settings or spasm_settings())


def baseline_of_reference(
    reference_uV: float,
    *,
    label: str,
    kind: Literal["MVE", "RVC"],
    settings: SpasmSettings | None = None,
) -> Baseline:
    """Baseline of a reference contraction, where no quiet was recorded: rest is below a share of it.

    Raises
    ------
    BadInput
        When the level is not positive.
    """
    if not (math.isfinite(reference_uV) and reference_uV > 0):
        raise BadInput(
            label, f"the reference must be > 0 uV, got {reference_uV:g}", "Mark the reference contraction"
        )
    used = settings or spasm_settings()
    threshold = reference_uV * (used.rest_share_mve if kind == "MVE" else used.rest_share_rvc)
    return _baseline("reference", threshold / math.sqrt(_raised(_UNSEEN, used)), _UNSEEN, used)


def baseline_findings(
    frames: Frames, baseline: Baseline, *, label: str, file: str, settings: SpasmSettings | None = None
) -> tuple[Finding, ...]:
    """Whether the quiet segment holds activity: more than noise alone spreads.

    Only changes within the segment show; a contraction that lasts all through it looks like noise. What the
    recording says against such a baseline is found by the analysis (`spasm.under_baseline`).
    """
    used = settings or spasm_settings()
    part = slice(0, len(frames))
    if baseline.start_s is not None and baseline.stop_s is not None:
        part = frames.between(baseline.start_s, baseline.stop_s)
    power = np.asarray(frames.power_uV2[part], dtype=float)[told(frames, used)[part]]
    smooth = _means(power, _SPANS[1])
    low = float(np.quantile(smooth, used.quiet_quantile)) if len(smooth) else math.nan
    active = float(np.mean(smooth > used.baseline_rise * low)) if len(smooth) else 0.0
    if active <= used.active_share:
        return ()
    return (
        Finding(
            code=BASELINE_ACTIVE,
            severity=Severity.WARN,
            file=file,
            value=100 * active,
            limit=100 * used.active_share,
            text=(
                f"{label}: {100 * active:.0f} % of the quiet segment stands above {used.baseline_rise:g} "
                "times the power of its quietest part: the muscle was not at rest, weak spasm will be missed"
            ),
        ),
    )


def rest_is_doubtful(findings: Iterable[Finding]) -> bool:
    """Whether findings of a channel say that its rest was none: how far its numbers are off is unknown."""
    doubts = (BASELINE_ACTIVE, UNDER_BASELINE)
    return any(finding.code in doubts and finding.severity is Severity.WARN for finding in findings)


def assumed_rest(
    kind: Literal["MVE", "RVC"], *, label: str, file: str, settings: SpasmSettings | None = None
) -> Finding:
    """That rest was not recorded but assumed to lie below a share of a reference contraction."""
    used = settings or spasm_settings()
    share = used.rest_share_mve if kind == "MVE" else used.rest_share_rvc
    name = "maximal" if kind == "MVE" else "submaximal"
    return Finding(
        code="spasm.rest_assumed",
        severity=Severity.WARN,
        file=file,
        value=100 * share,
        text=(
            f"{label}: no rest was recorded; the threshold was set to {100 * share:g} % of the root mean "
            f"square of the {name} reference contraction, and the noise was assumed from it. If the noise is "
            "larger, quiet muscle counts as spasm; a quiet stretch tells it"
        ),
    )


@dataclass(frozen=True, slots=True)
class _Quiet:
    """What quiet shows beside its level; fields as `Baseline`."""

    dof: float
    u_rel: float
    slow_uV: float | None = None
    mains_uV: float | None = None
    beats_leak: float = 0.0


_UNSEEN = _Quiet(_BANDWIDTH_HZ * FRAME_S, 0.1)
"""Of quiet that was not recorded."""


def _baseline(
    source: Source,
    noise_uV: float,
    quiet: _Quiet,
    settings: SpasmSettings,
    start_s: float | None = None,
    stop_s: float | None = None,
) -> Baseline:
    return Baseline(
        source=source,
        noise_uV=noise_uV,
        threshold_uV=noise_uV * math.sqrt(_raised(quiet, settings)),
        start_s=start_s,
        stop_s=stop_s,
        dof=quiet.dof,
        u_rel=quiet.u_rel,
        slow_uV=quiet.slow_uV,
        mains_uV=quiet.mains_uV,
        beats_leak=quiet.beats_leak,
    )


def _raised(quiet: _Quiet, settings: SpasmSettings) -> float:
    """Power of the threshold over that of the noise."""
    return turning_point(settings.least_rise) * (1 + settings.noise_margin * quiet.u_rel)


def _dof(power: Floats, hop_s: float) -> float:
    """Degrees of freedom of one frame: the smallest that the spread over any span speaks for.

    The variance of the logarithm of chi-squared over its degrees of freedom nu is trigamma(nu / 2), about
    2 / nu + 2 / nu^2; it is taken from the quartiles. A tail that is heavier than that lowers the result.
    """
    low, high = (end * hop_s / FRAME_S for end in _DOF_ENDS)
    found = [high]
    for span in _SPANS:
        means = _means(power, span)
        if len(means) < _LEAST_SPANS or not means.min() > 0:
            continue
        quartiles = np.quantile(np.log(means), [0.25, 0.75])
        variance = float((quartiles[1] - quartiles[0]) / _NORMAL_QUARTILES) ** 2
        found.append((1 + math.sqrt(1 + 2 * variance)) / max(variance, 1e-12) / span)
    return float(np.clip(min(found), low, high))


def _leak(excess: Floats, beats: Floats, noise: float) -> float:
    """Share of the power of heart beats that quiet frames with a beat hold above the noise."""
    with_beat = beats > noise
    if not with_beat.any():
        return 0.0
    return max(float(excess[with_beat].mean()) / float(beats[with_beat].mean()), 0.0)


def _means(values: Floats, span: int) -> Floats:
    whole = len(values) // span * span
    return np.asarray(values[:whole].reshape(-1, span).mean(axis=1))


def _median_over_mean(dof: float) -> float:
    """Of chi-squared (Wilson and Hilferty 1931)."""
    return (1 - 2 / (9 * dof)) ** 3
