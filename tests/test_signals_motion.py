"""Movement from inertial sensors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.signals.motion import Sensor, motion


@pytest.mark.parametrize("rate_hz", [74.0741, 148.148, 222.222, 1000.0])
def test_gravity_is_no_movement_and_shaking_is(rate_hz: float) -> None:
    n = round(60 * rate_hz)
    time = np.arange(n) / rate_hz
    shaking = np.where((time > 20) & (time < 30), np.sin(2 * np.pi * 3 * time), 0)
    axes = [
        (0.6 + 0.2 * shaking).astype(np.float32),
        np.full(n, 0.8, dtype=np.float32),
        np.zeros(n, dtype=np.float32),
    ]
    found = motion([np.array_split(axis, 7) for axis in axes], rate_hz, Sensor.ACCELERATION_G)
    middle = (np.arange(found.magnitude.size) + 0.5) * 0.05
    still = (middle < 18.5) | (middle > 31.5)
    assert found.unit == "m/s2" and found.magnitude.size == math.floor((n - 1) / rate_hz / 0.05 + 1e-6) + 1
    assert found.magnitude[still].max() < 1e-4
    # Root of the mean of squares over whole periods, 0.2 g / sqrt 2; at 74 Hz a frame holds 3 samples or 4.
    inside = (middle > 21.5) & (middle < 28.5)
    rms = math.sqrt(np.mean(found.magnitude[inside] ** 2))
    assert rms == pytest.approx(0.2 * 9.80665 / math.sqrt(2), rel=0.02)


def test_what_was_not_recorded_is_not_known() -> None:
    axis = np.zeros(1000, dtype=np.float32)
    axis[200:300] = np.nan
    found = motion([[axis], [np.zeros(1000, dtype=np.float32)]], 100, Sensor.ROTATION, start_s=2.0)
    assert found.unit == "deg/s" and found.start_s == 2
    assert np.isnan(found.magnitude[40:60]).all()
    assert not np.isnan(np.delete(found.magnitude, np.s_[40:60])).any()
    assert found.magnitude[:40].max() == 0


def test_axes_of_one_sensor_are_equally_long() -> None:
    with pytest.raises(ValueError, match="equal length"):
        motion(
            [[np.zeros(100, dtype=np.float32)], [np.zeros(90, dtype=np.float32)]], 100, Sensor.ACCELERATION
        )
    with pytest.raises(ValueError, match="axes"):
        motion([], 100, Sensor.ACCELERATION)
    assert motion([[]], 100, Sensor.ACCELERATION).magnitude.size == 0
