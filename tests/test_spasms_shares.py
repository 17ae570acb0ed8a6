"""What the frames of a channel say of the channel: shares, findings, and channels that tell nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from atlasplane.chain.spasms import SpasmRequest, analyse_recording
from atlasplane.chain.spasms_shares import ChannelShares, UntoldChannel, channel_findings, channel_shares
from atlasplane.core.errors import BadInput
from atlasplane.io.recording_file import read_recording
from atlasplane.pathways.spasm.settings import spasm_settings
from atlasplane.signals.conditioning import Conditioning
from atlasplane.signals.conditioning import frames as conditioned_frames
from atlasplane.signals.frames import Frames
from atlasplane.sources.recording import Recording, Samples
from atlasplane.sources.visit_recording import StatedStretch
from tests.recording_files import emg_channel
from tests.recording_reading import whole
from tests.spasm_cases import NOISE_UV, envelope, frames

RATE_HZ, SECONDS = 2000, 30
SINGLE = 2.0**-23
"""Shares of frames are in single precision, of themselves; twice for the mean of them."""


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


class Counted:
    """Samples in memory, and how many of them were asked for."""

    def __init__(self, *values: Samples) -> None:
        self.values, self.read_of = values, [0] * len(values)

    def read(self, channel: int, first: int, stop: int) -> Samples:
        self.read_of[channel] += stop - first
        return self.values[channel][first:stop].copy()


def recording(*values: np.ndarray) -> Recording:
    channels = tuple(emg_channel(len(v), label=f"EMG{n}") for n, v in enumerate(values, 1))
    samples = Counted(*(np.asarray(v, dtype=np.float32) for v in values))
    return Recording(file="night.edf", channels=channels, samples=samples)


def noise(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, NOISE_UV, RATE_HZ * SECONDS)


def seen(made: Recording, k: int = 0) -> Frames:
    rate_hz = made.channels[k].rate_hz
    return conditioned_frames([whole(made, k)], rate_hz, Conditioning(mains=False))


def shares_of(made: Recording, frames_: Frames | None = None) -> ChannelShares:
    duration_s = made.channels[0].duration_s
    return channel_shares(frames_ or seen(made), spasm_settings(), duration_s=duration_s)


def codes(made: Recording) -> list[str]:
    shares = shares_of(made)
    return [finding.code for finding in channel_findings(made, 0, shares)]


def test_shares_are_means_over_the_frames(rng: np.random.Generator) -> None:
    rms = envelope(10.0)
    n = len(rms)
    missing, saturated, flat = np.zeros(n), np.zeros(n), np.zeros(n)
    missing[:20], saturated[20:30], flat[30:70] = 1.0, 0.5, 0.9
    made = frames(rng, rms, missing=missing, saturated=saturated, flat=flat)
    shares = channel_shares(made, spasm_settings(), duration_s=10.0)
    assert shares.missing == pytest.approx(20 / n, rel=2 * SINGLE)
    assert shares.saturated == pytest.approx(5 / n, rel=2 * SINGLE)
    assert shares.still == pytest.approx(40 / n, rel=2 * SINGLE)
    assert (shares.clipped_s, shares.untold) == (0.5, "")
    # 130 frames of 40 degrees of freedom: the mean power has a relative error of sqrt(2 / 5200); 5 of them.
    power = NOISE_UV**2 * (1 + 1 / NOISE_UV**2)  # with the slow part, 1 uV^2
    assert shares.rms**2 == pytest.approx(power, rel=5 * math.sqrt(2 / 5200))


def test_no_frames_tell_nothing() -> None:
    shares = channel_shares(frames(np.random.default_rng(1), []), spasm_settings(), duration_s=0.0)
    assert (shares.missing, shares.still) == (0.0, 0.0) and math.isnan(shares.rms) and shares.untold


def test_a_good_channel_has_no_finding(rng: np.random.Generator) -> None:
    assert codes(recording(noise(rng))) == []


@pytest.mark.parametrize(
    ("seconds", "value", "code", "share"),
    [
        (2.0, np.nan, "recording.missing", 2 / SECONDS),
        (2.0, 1.0, "recording.flat", 2 / SECONDS),
        (0.9, np.nan, None, 0.0),
        (0.9, 1.0, None, 0.0),
    ],
)
def test_stretches_that_tell_nothing_are_found_once_they_may_change_a_count(
    rng: np.random.Generator, seconds: float, value: float, code: str | None, share: float
) -> None:
    """A drop-out of less than a second divides no spasm."""
    samples = noise(rng)
    samples[20_000 : 20_000 + round(seconds * RATE_HZ)] = value
    made = recording(samples)
    found = channel_findings(made, 0, shares_of(made))
    assert [finding.code for finding in found] == ([] if code is None else [code])
    for finding in found:
        assert finding.value == pytest.approx(share, abs=2 * 0.05 / SECONDS)  # a frame at either end
        assert (finding.limit, finding.file) == (0.001, "night.edf")
        assert "EMG1" in finding.text and "not judged" in finding.text


def test_the_last_frame_may_be_a_part_of_one(rng: np.random.Generator) -> None:
    """30 s and 30 ms: the rest of that frame is not missing from the recording."""
    made = recording(np.append(noise(rng), noise(rng)[: round(0.03 * RATE_HZ)]))
    frames_ = seen(made)
    assert frames_.missing[-1] == pytest.approx(0.4, abs=0.02)
    assert shares_of(made).missing == pytest.approx(0.0, abs=1e-6)


def test_clipping_is_found_with_and_without_a_stated_range(rng: np.random.Generator) -> None:
    samples = np.clip(noise(rng), -2 * NOISE_UV, 2 * NOISE_UV)
    at_ends = float(np.mean(np.abs(samples) == 2 * NOISE_UV))
    made = recording(samples)
    for settings in (Conditioning(), Conditioning(range_uV=(-5000.0, 5000.0))):
        shares = shares_of(made, conditioned_frames([whole(made)], RATE_HZ, settings))
        assert shares.saturated == pytest.approx(at_ends, rel=1e-5)
        (finding,) = channel_findings(made, 0, shares)
        assert finding.code == "recording.clipped" and finding.value == shares.saturated
        assert f"{shares.clipped_s:.3g} s are not judged" in finding.text


def test_the_clipping_of_a_real_recording_is_found(data_dir: Path) -> None:
    made = read_recording(data_dir / "signals/emg_plux/emg_fatigue.h5")
    values, channel = whole(made), made.channels[0]
    assert (channel.low, channel.high) == (values.min(), values.max())  # counts 0 and 4095 of 12 bits
    at_ends = (values == values.min()) | (values == values.max())
    limits = Conditioning(range_uV=(channel.low, channel.high))
    shares = shares_of(made, conditioned_frames([values], channel.rate_hz, limits))
    # The last frame holds fewer samples and counts as much as any.
    assert shares.saturated == pytest.approx(at_ends.mean(), abs=50 / len(values))
    assert "recording.clipped" in [each.code for each in channel_findings(made, 0, shares)]


@pytest.mark.parametrize(("factor", "found"), [(1.0, []), (1e4, ["unit"]), (1e-3, ["unit"])])
def test_an_amplitude_that_no_muscle_has(rng: np.random.Generator, factor: float, found: list[str]) -> None:
    """3 uV of noise: 30 mV and 3 nV are none; of counts nothing is said."""
    made = recording(noise(rng) * factor)
    assert codes(made) == [f"recording.{code}_doubtful" for code in found]
    counts = replace(made, channels=(replace(made.channels[0], unit="1"),))
    assert codes(counts) == []


# ---- channels that tell nothing beside one that does ----

DEAD = {
    "recording.zero": np.zeros(RATE_HZ * SECONDS),
    "recording.flat": np.full(RATE_HZ * SECONDS, -3.0),
    "recording.missing": np.full(RATE_HZ * SECONDS, np.nan),
    "recording.clipped": np.clip(np.random.default_rng(3).normal(0, 900, RATE_HZ * SECONDS), -600, 600),
}
QUIET = SpasmRequest(quiet=StatedStretch(start_s=0, stop_s=10))


@pytest.mark.parametrize("code", DEAD)
def test_a_dead_channel_is_named_and_takes_no_other_with_it(rng: np.random.Generator, code: str) -> None:
    made = recording(noise(rng), DEAD[code])
    found = analyse_recording(made, QUIET).analysis
    assert [channel.label for channel in found.channels] == ["EMG1"]
    (lost,) = found.unmeasured
    assert (lost.label, lost.why) == ("EMG2", code)
    (finding,) = [finding for finding in found.findings if finding.code.startswith("recording.")]
    assert finding.code == code and finding.text.startswith("EMG2 ")
    assert "cannot be told" in finding.text
    alone = analyse_recording(recording(whole(made, 0)), QUIET).analysis
    assert found.channels[0].burden_percent == alone.channels[0].burden_percent


@pytest.mark.parametrize("code", DEAD)
def test_stated_noise_makes_no_number_of_a_dead_channel(rng: np.random.Generator, code: str) -> None:
    stated = SpasmRequest(noise_uV={"EMG1": 3.0, "EMG2": 3.0})
    found = analyse_recording(recording(noise(rng), DEAD[code]), stated).analysis
    assert [lost.why for lost in found.unmeasured] == [code]


@pytest.mark.parametrize("code", DEAD)
def test_dead_channels_alone_are_an_error(code: str) -> None:
    with pytest.raises(UntoldChannel, match=r"EMG1 .*cannot be told") as one:
        analyse_recording(recording(DEAD[code]), QUIET)
    assert one.value.finding.code == code and one.value.file == "night.edf" and one.value.remedy
    with pytest.raises(BadInput, match=r"none of its 2 channels .*EMG1"):
        analyse_recording(recording(DEAD[code], DEAD[code]), QUIET)


def test_channels_share_a_reason_or_each_has_its_own() -> None:
    short = SpasmRequest(quiet=StatedStretch(start_s=0.0, stop_s=0.5))
    live = np.random.default_rng(3).normal(0, 3, len(DEAD["recording.zero"]))
    with pytest.raises(BadInput) as alike:
        analyse_recording(recording(live, live), short)
    assert (
        "EMG1, EMG2: 0.5 s of the quiet segment" in alike.value.what and alike.value.what.count("EMG1") == 1
    )
    with pytest.raises(BadInput) as unlike:
        analyse_recording(recording(DEAD["recording.zero"], live), short)
    assert "EMG1: " in unlike.value.what and "; EMG2: " in unlike.value.what


def test_samples_are_read_once(rng: np.random.Generator) -> None:
    """What the findings say comes from the frames; a still channel's first minute is looked at again."""
    made = recording(noise(rng), DEAD["recording.zero"])
    analyse_recording(made, SpasmRequest(noise_uV={"EMG1": 3.0, "EMG2": 3.0}))
    assert made.samples.read_of == [RATE_HZ * SECONDS, 2 * RATE_HZ * SECONDS]


def test_a_channel_too_slow_for_muscle_leaves_the_others_measured(rng: np.random.Generator) -> None:
    made = recording(noise(rng), noise(rng)[: 50 * SECONDS])
    slow = replace(made.channels[1], period_s=Fraction(1, 50))
    found = analyse_recording(replace(made, channels=(made.channels[0], slow)), QUIET).analysis
    assert [lost.why for lost in found.unmeasured] == ["spasm.not_measured"]
    (finding,) = [finding for finding in found.findings if finding.code == "spasm.not_measured"]
    assert "50 Hz" in finding.text and "1000 Hz" in finding.text


def test_a_channel_without_rest_is_not_measured_and_says_why(rng: np.random.Generator) -> None:
    late = noise(rng)
    late[: 12 * RATE_HZ] = 0.0
    found = analyse_recording(recording(noise(rng), late), QUIET).analysis
    assert [lost.label for lost in found.unmeasured] == ["EMG2"]
    said = {finding.code: finding.text for finding in found.findings}
    assert "0.0 s of the quiet segment can be used" in said["spasm.not_measured"]
    assert "in 40 % of the time" in said["recording.flat"]


def test_a_quiet_stretch_that_covers_everything_leaves_nothing_to_judge(rng: np.random.Generator) -> None:
    """Not a burden of 0 %."""
    everything = SpasmRequest(quiet=StatedStretch(start_s=0, stop_s=SECONDS))
    with pytest.raises(BadInput, match=r"EMG1.*nothing is left to judge") as refused:
        analyse_recording(recording(noise(rng)), everything)
    assert "--quiet-file" in refused.value.remedy
