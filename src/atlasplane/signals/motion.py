"""Movement from an inertial sensor: how much a limb's acceleration or rotation changes, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.signals import frame_kernels
from atlasplane.signals.settings import setting
from atlasplane.signals.stretches import Stretch, stretches

Samples = NDArray[np.float32]


class Sensor(Enum):
    """What is measured along an axis, and how much of it counts as one in the result."""

    ACCELERATION_G = "[g]"
    ACCELERATION = "m/s2"
    ROTATION = "deg/s"

    @property
    def to_result(self) -> float:
        """Factor to m/s2 or deg/s."""
        return 9.80665 if self is Sensor.ACCELERATION_G else 1.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Motion:
    """Movement of consecutive frames.

    Attributes
    ----------
    hop_s, start_s : float
        As those of `signals.frames.Frames`.
    magnitude : array, shape (n,)
        Root of the mean square, over a frame, of the vector without its slow part: without gravity, and
        without the offset of a gyroscope. m/s2 or deg/s; NaN where an axis was not recorded.
    unit : str
    """

    hop_s: float
    start_s: float
    magnitude: NDArray[np.float32]
    unit: str


def motion(
    axes: Iterable[Iterable[Samples]],
    rate_hz: float,
    sensor: Sensor,
    *,
    hop_s: float = 0.05,
    start_s: float = 0.0,
) -> Motion:
    """Movement from the axes of one sensor.

    Parameters
    ----------
    axes : iterable of iterable of array of float32
        Blocks of each axis in order, in the unit that `sensor` names; usually three axes.
    rate_hz : float
        Of all axes; need not be a multiple of the frames' rate. A frame without a sample of its own takes the
        nearest one's.
    sensor : Sensor

    Raises
    ------
    ValueError
        Without an axis, or when the axes differ in length.
    """
    powers = [_power(blocks, rate_hz, hop_s) for blocks in axes]
    if not powers or len({power.size for power in powers}) != 1:
        raise ValueError(
            f"one sensor's axes of equal length expected, got {[power.size for power in powers]}"
        )
    magnitude = np.sqrt(np.sum(powers, axis=0)) * np.float32(sensor.to_result)
    unit = "deg/s" if sensor is Sensor.ROTATION else "m/s2"
    return Motion(hop_s=hop_s, start_s=start_s, magnitude=magnitude.astype(np.float32), unit=unit)


def _power(blocks: Iterable[Samples], rate_hz: float, hop_s: float) -> Samples:
    """Mean squares of one axis without its slow part."""
    length = max(round(setting("still") * rate_hz), 3)
    parts = stretches(
        blocks,
        rate_hz=rate_hz,
        hop_s=hop_s,
        n_frames=max(round(setting("block") / hop_s), 1),
        context=length,
    )
    found = [_stretch_power(stretch, length) for stretch in parts]
    return np.concatenate(found) if found else np.empty(0, dtype=np.float32)


def _stretch_power(stretch: Stretch, length: int) -> Samples:
    samples = stretch.samples
    missing = np.isnan(samples)
    trusted = np.ones(samples.size, dtype=bool)
    frame_kernels.bridge(samples, 1, samples.size + 1, trusted)
    samples[~np.isfinite(samples)] = 0
    moving = samples - ndimage.uniform_filter1d(samples, length, mode="nearest")
    first, last = stretch.edges[:-1], np.maximum(stretch.edges[1:], stretch.edges[:-1] + 1)
    sums = np.concatenate([[0.0], np.cumsum(np.where(missing, 0, moving.astype(float) ** 2))])
    counts = np.concatenate([[0], np.cumsum(~missing)])
    n = counts[last] - counts[first]
    mean = np.full(n.shape, np.nan, dtype=np.float32)
    np.divide(sums[last] - sums[first], n, out=mean, where=n > 0, casting="same_kind")
    return mean
