"""Envelopes: unbiased once the noise is off, and as uncertain as they say; references are named."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlasplane.signals.conditioning import Conditioning, frames
from atlasplane.signals.envelope import (
    Amplitude,
    average_rectified,
    degrees_of_freedom,
    envelope,
    running_power,
    statistical_bandwidth_hz,
)
from atlasplane.signals.filters import band_pass
from atlasplane.signals.normalisation import Normalisation, normalised
from tests.signal_cases import white


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260305)


def test_a_level_below_the_noise_comes_out_without_bias(rng: np.random.Generator) -> None:
    """A muscle of 2 uV under noise of 4 uV: without the noise taken off it would read 4.5 uV."""
    n, band = 1_200_000, band_pass(2000, 20, 450, zero_phase=True)
    bare = Conditioning(mains=False)
    noise = frames([white(rng, n, 4)], 2000, bare).power_uV2.astype(float)
    both = frames([white(rng, n, 4) + white(rng, n, 2)], 2000, bare).power_uV2.astype(float)
    dof = degrees_of_freedom(band.statistical_bandwidth_hz, 0.05)
    u_noise = float(noise.mean() * math.sqrt(2 / dof / noise.size))
    found = envelope(
        both, noise_uV2=float(noise.mean()), u_noise_uV2=u_noise, dof=dof, amplitude=Amplitude.RMS
    )
    expected = 4 * band.noise_bandwidth_hz / 1000
    u_mean = math.hypot(u_noise, both.mean() * math.sqrt(2 / dof / both.size))
    assert found.power_uV2.mean() == pytest.approx(expected, abs=4 * u_mean)
    # Each frame's u is the spread that is seen: 12000 frames tell it to 1 %, skewness makes that 2 %; the
    # edges of a frame cut its correlation, 1 % more.
    assert np.std(found.power_uV2) == pytest.approx(np.median(found.u_power_uV2), rel=0.05)


def test_root_and_rectified_mean_of_normal_samples(rng: np.random.Generator) -> None:
    samples = white(rng, 200_000, 10)
    power = np.mean(samples.reshape(-1, 1000).astype(float) ** 2, axis=1)
    rectified = average_rectified(samples, np.arange(0, 200_001, 1000))
    found = envelope(power, noise_uV2=0, u_noise_uV2=0, dof=1000, amplitude=Amplitude.ARV)
    # Mean of 2e5 |x|: relative standard deviation sqrt(pi / 2 - 1) / sqrt(2e5), 0.17 %; four of them.
    assert found.value_uV.mean() == pytest.approx(10 * math.sqrt(2 / math.pi), rel=0.007)
    assert rectified.mean() == pytest.approx(10 * math.sqrt(2 / math.pi), rel=0.007)
    # u of a root is half the relative u of its square.
    assert found.u_uV == pytest.approx(found.value_uV * 0.5 * math.sqrt(2 / 1000))


def test_what_is_not_above_the_noise_is_zero_and_tells_no_u() -> None:
    found = envelope(
        np.array([1.0, 4.0, np.nan]), noise_uV2=2, u_noise_uV2=0.1, dof=50, amplitude=Amplitude.RMS
    )
    assert found.value_uV[:2].tolist() == [0, pytest.approx(math.sqrt(2))]
    assert found.power_uV2[:2].tolist() == [-1, 2]
    assert np.isnan(found.value_uV[2]) and np.isnan(found.u_uV[[0, 2]]).all()
    assert found.u_uV[1] == pytest.approx(math.hypot(4 * math.sqrt(2 / 50), 0.1) / 2 / math.sqrt(2))
    with pytest.raises(ValueError, match="noise"):
        envelope(np.ones(2), noise_uV2=-1, u_noise_uV2=0, dof=2, amplitude=Amplitude.RMS)


def test_missing_samples_do_not_count() -> None:
    samples = np.array([1, -3, np.nan, np.nan, np.nan, 5], dtype=np.float32)
    assert average_rectified(samples, np.array([0, 3, 5, 6])).tolist() == [
        2,
        pytest.approx(math.nan, nan_ok=True),
        5,
    ]
    power = np.array([1, np.nan, 4, np.nan, np.nan, np.nan])
    mean = running_power(power, 3)
    assert mean[:5] == pytest.approx([1, 2.5, 4, 4, math.nan], nan_ok=True)
    assert np.array_equal(running_power(power, 1), power, equal_nan=True)
    for wrong in (0, 2):
        with pytest.raises(ValueError, match="odd"):
            running_power(power, wrong)


def test_degrees_of_freedom_by_bandwidth_and_time() -> None:
    flat = np.ones(101)
    width = statistical_bandwidth_hz(np.linspace(0, 400, 101), flat)
    assert width == pytest.approx(404)
    assert degrees_of_freedom(width, 0.5) == pytest.approx(404)
    assert degrees_of_freedom(1, 0.01) == 1
    with pytest.raises(ValueError, match="> 0"):
        degrees_of_freedom(0, 1)


def test_percent_of_a_reference_with_both_uncertainties() -> None:
    value, u = normalised(20, 1, reference_uV=200, u_reference_uV=20, variant=Normalisation.SUBMAXIMAL)
    # Relative u: 5 % and 10 % of independent numbers.
    assert (value, u) == (pytest.approx(10), pytest.approx(10 * math.hypot(0.05, 0.1)))
    plain = normalised(20, 1, reference_uV=0, u_reference_uV=0, variant=Normalisation.NONE)
    assert plain == (20, 1)
    for reference, u_reference in ((50, 20), (0, 0), (math.nan, 1)):
        with pytest.raises(ValueError, match="not clear of zero"):
            normalised(
                20,
                1,
                reference_uV=reference,
                u_reference_uV=u_reference,
                variant=Normalisation.STANDARD_MAXIMUM,
            )


def test_the_variants_of_the_matrix() -> None:
    assert len({variant.unit for variant in Normalisation}) == len(Normalisation) == 7
    intensity = {variant for variant in Normalisation if variant.tells_intensity}
    assert not intensity & {Normalisation.NONE, Normalisation.TASK_PEAK, Normalisation.TASK_MEAN}


def test_the_example_of_the_reference_page_says_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    """White noise of 20 uV, of whose 500 Hz the band passes its share."""
    page = (Path(__file__).resolve().parents[1] / "docs/reference/python.md").read_text(encoding="utf-8")
    signals, raters = re.findall(r"```python\n(.*?)```", page.partition("## Signals")[2], re.DOTALL)
    said: dict[str, Any] = {}
    exec(compile(signals, "python.md", "exec"), said)
    exec(compile(raters, "python.md", "exec"), said)
    level, passed = said["found"][Amplitude.RMS], math.sqrt(said["band"].noise_bandwidth_hz / 500)
    n_frames = level.value_uV.size
    # n frames have n times the degrees of freedom; the adaptive filter takes 1 % of the muscle.
    u = math.sqrt(2 / (said["dof"] * n_frames))
    assert level.power_uV2.mean() == pytest.approx((20 * passed) ** 2, rel=4 * u + 0.02)
    assert said["found"][Amplitude.ARV].value_uV == pytest.approx(level.value_uV * math.sqrt(2 / math.pi))
    # The heart is in what was only band-passed: its share of the quiet part is many times the noise's.
    quiet = slice(120_000, 175_000)
    heart = np.mean(said["banded"][quiet] ** 2) - (3 * passed) ** 2
    left = np.mean(said["clean"][quiet] ** 2) - (3 * passed) ** 2
    assert left < 0.1 * heart
    assert "%MVIC, u " in capsys.readouterr().out
    assert said["both"].n_both == 1 and said["both"].latency_s.value == 1.0
