"""Rest and reference of a recording: the band of another file, references that tell nothing, their error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from atlasplane.chain.spasms import AnalysedRecording, SpasmRequest, analyse_recording
from atlasplane.chain.spasms_visit import observations_of
from atlasplane.core.errors import BadInput
from atlasplane.core.observation import Measurement
from atlasplane.io.recording_edf_write import write_edf
from atlasplane.pathways.spasm.result import EventClass
from atlasplane.sources.case import Moment, Phase, Visit
from atlasplane.sources.recording import Annotation, Channel, ChannelKind, Recording, Samples
from atlasplane.sources.visit_recording import StatedStretch

NOISE_UV = 3.0
QUIET = StatedStretch(start_s=0.0, stop_s=15.0)
SPASM, REFERENCE = (20.0, 24.0), (30.0, 36.0)


class Held:
    """Samples in memory, shape (channels, n)."""

    def __init__(self, samples: np.ndarray) -> None:
        self.samples = samples.astype(np.float32)

    def read(self, channel: int, first: int, stop: int) -> Samples:
        return self.samples[channel, first:stop].copy()


def recorded(samples: np.ndarray, rate_hz: int, notes: Sequence[Annotation] = ()) -> Recording:
    """A calf, whose heart is not looked for."""
    channels = tuple(
        Channel(
            label=f"EMG{k + 1}",
            kind=ChannelKind.EMG,
            unit="uV",
            period_s=Fraction(1, rate_hz),
            n_samples=samples.shape[1],
            muscle="soleus",
        )
        for k in range(len(samples))
    )
    return Recording(file="night.edf", channels=channels, samples=Held(samples), annotations=tuple(notes))


def noise(rng: np.random.Generator, seconds: float, rate_hz: int, channels: int = 1) -> np.ndarray:
    return rng.normal(0, NOISE_UV, (channels, round(seconds * rate_hz)))


def louder(samples: np.ndarray, rate_hz: int, *stretches: tuple[float, float, float]) -> np.ndarray:
    """The same with the amplitude of stretches (start, stop, factor) raised."""
    out = samples.copy()
    for start_s, stop_s, factor in stretches:
        out[:, round(start_s * rate_hz) : round(stop_s * rate_hz)] *= factor
    return out


def quiet_file(folder: Path, samples: np.ndarray, period_s: Fraction) -> StatedStretch:
    path = folder / "rest.edf"
    own = replace(recorded(samples, 1000).channels[0], period_s=period_s, low=-400.0, high=400.0)
    write_edf(path, (own,), [[samples[0].astype(np.float32)]], simulated=True)
    return StatedStretch(path=path)


def codes(found: AnalysedRecording) -> list[str]:
    return [finding.code for finding in found.analysis.findings]


# ---- rest in another file ----


def test_rest_in_a_narrower_band_is_refused(tmp_path: Path) -> None:
    """White noise at 500 Hz has half the power of that at 2000 Hz: all of the recording would be spasm."""
    rng = np.random.default_rng(1)
    wide = noise(rng, 40, 2000)
    rest = quiet_file(tmp_path, resample_poly(wide, 1, 4, axis=1), Fraction(1, 500))
    with pytest.raises(BadInput) as refused:
        analyse_recording(recorded(wide, 2000), SpasmRequest(quiet=rest))
    assert refused.value.file == "rest.edf"
    for said in ("night.edf", "'EMG1'", "20-225 Hz", "20-450 Hz"):
        assert said in refused.value.what
    assert "night.edf" in refused.value.remedy


@pytest.mark.parametrize("what", ["quiet", "reference"])
def test_rest_in_a_wider_band_is_seen_in_that_of_the_recording(tmp_path: Path, what: str) -> None:
    rng = np.random.default_rng(2)
    rest = quiet_file(tmp_path, noise(rng, 40, 2000), Fraction(1, 2000))
    slow = recorded(resample_poly(noise(rng, 40, 2000), 1, 4, axis=1), 500)
    request = SpasmRequest(quiet=rest)
    if what == "reference":
        request = SpasmRequest(reference=rest, reference_kind="MVE")
    (found,) = analyse_recording(slow, request).analysis.channels
    # White noise of 1000 Hz, seen from 20 to 225 Hz; 800 frames with 20 degrees of freedom: 0.6 %.
    seen_uV = NOISE_UV * math.sqrt(205 / 1000)
    if what == "quiet":
        assert found.baseline.noise_uV == pytest.approx(seen_uV, rel=0.03)
        assert found.events == ()
    else:
        assert found.baseline.threshold_uV == pytest.approx(0.005 * seen_uV, rel=0.03)


def test_clocks_that_differ_by_little_have_one_band(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rest = quiet_file(tmp_path, noise(rng, 40, 999), Fraction(1, 999))
    (found,) = analyse_recording(
        recorded(noise(rng, 40, 1000), 1000), SpasmRequest(quiet=rest)
    ).analysis.channels
    assert found.baseline.noise_uV == pytest.approx(NOISE_UV * math.sqrt(430 / 500), rel=0.03)


# ---- a reference contraction ----


def test_a_channel_whose_reference_tells_nothing_does_not_take_the_others() -> None:
    rng = np.random.default_rng(4)
    samples = louder(noise(rng, 40, 1000, 2), 1000, (*REFERENCE, 30.0))
    samples[0, 30_000:36_000] = np.nan
    reference = StatedStretch(start_s=REFERENCE[0], stop_s=REFERENCE[1])
    found = analyse_recording(recorded(samples, 1000), SpasmRequest(reference=reference)).analysis
    assert [channel.label for channel in found.channels] == ["EMG2"]
    (lost,) = [finding for finding in found.findings if finding.code == "spasm.not_measured"]
    assert lost.text.startswith("EMG1") and "reference contraction tells nothing" in lost.text


def test_a_reference_shorter_than_a_frame_is_refused() -> None:
    night = recorded(noise(np.random.default_rng(4), 40, 1000), 1000)
    with pytest.raises(BadInput, match="'EMG1': the reference contraction tells nothing") as refused:
        analyse_recording(night, SpasmRequest(reference=StatedStretch(start_s=30.01, stop_s=30.04)))
    assert refused.value.file == "night.edf"


@pytest.mark.parametrize("strength", [1.0, np.nan], ids=["noise", "not recorded"])
def test_a_reference_that_is_not_clear_of_the_noise_is_a_finding(strength: float) -> None:
    rng = np.random.default_rng(5)
    samples = louder(noise(rng, 40, 1000), 1000, (*SPASM, 20.0), (*REFERENCE, strength))
    request = SpasmRequest(quiet=QUIET, reference=StatedStretch(start_s=REFERENCE[0], stop_s=REFERENCE[1]))
    found = analyse_recording(recorded(samples, 1000), request)
    (one,) = found.analysis.channels
    assert one.intensity_uV is not None and one.intensity_percent is None
    assert "spasm.reference_weak" in codes(found)


def test_a_reference_is_the_longest_note_of_it_and_what_tells_of_that() -> None:
    """The short note before it is of another strength, and a second of the long one is clipped."""
    rng = np.random.default_rng(6)
    short = (26.0, 28.0)
    samples = louder(
        noise(rng, 60, 1000), 1000, (*SPASM, 20.0), (*REFERENCE, 40.0), (*short, 5.0), (40, 44, 20.0)
    )
    samples = np.clip(samples, -400, 400)
    samples[:, 32_000:33_000] = 400 * np.sign(samples[:, 32_000:33_000])
    notes = [Annotation(start_s=a, duration_s=b - a, text="reference") for a, b in (short, REFERENCE)]
    night = recorded(samples, 1000, notes)
    night = replace(night, channels=(replace(night.channels[0], low=-400.0, high=400.0),))
    found = analyse_recording(night, SpasmRequest(quiet=QUIET))
    (one,) = found.analysis.channels
    assert one.intensity_percent is not None and one.intensity_percent.u is not None
    # 20 times the noise over 40 times the noise.
    assert one.intensity_percent.value == pytest.approx(50.0, rel=0.05)
    assert "spasm.reference_weak" not in codes(found)
    assert one.intensity_uV is not None and one.intensity_uV.u is not None
    # The reference adds its own.
    own = one.intensity_uV.u / one.intensity_uV.value
    assert one.intensity_percent.u / one.intensity_percent.value > own
    visit = Visit(
        id="v",
        time=datetime(2026, 3, 1, tzinfo=UTC),
        phase=next(iter(Phase)),
        moment=next(iter(Moment)),
        folder="v",
    )
    (relative,) = (o for o in observations_of(found, visit) if o.quantity.id == "spasm_intensity_relative")
    assert isinstance(relative, Measurement) and set(relative.budget) == {"spasms", "reference"}
    assert math.hypot(*relative.budget.values()) == pytest.approx(one.intensity_percent.u)
    assert relative.budget["spasms"] == pytest.approx(own * one.intensity_percent.value)


# ---- notes ----


@pytest.mark.parametrize(
    ("text", "channel", "cramps"),
    [
        ("Cramp ", None, (True, True)),
        ("cramp", "EMG1", (True, False)),
        ("no cramp reported", None, (False, False)),
        ("spasm cramp", "EMG1", (False, False)),
    ],
)
def test_a_cramp_is_what_a_note_of_the_channel_says(
    text: str, channel: str | None, cramps: tuple[bool, bool]
) -> None:
    rng = np.random.default_rng(7)
    samples = louder(noise(rng, 40, 1000, 2), 1000, (*SPASM, 20.0))
    note = Annotation(start_s=21.0, duration_s=2.0, text=text, channel=channel)
    found = analyse_recording(recorded(samples, 1000, [note]), SpasmRequest(quiet=QUIET)).analysis
    said = tuple(event.class_ is EventClass.CRAMP for own in found.channels for event in own.events)
    assert said == cramps
