"""The analog channels of C3D files (c3d.org), which have to be read as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadFile, MissingExtra
from atlasplane.io.recording_channels import RawChannel, recording_of
from atlasplane.io.recording_clock import exact_period_s
from atlasplane.io.recording_map import ChannelMap
from atlasplane.io.recording_settings import recording_limit
from atlasplane.sources.recording import Recording, Samples

_SINGLE = 2.0**-24
"""Half the last digit of a number in single precision, as C3D stores rates; of the number itself."""


def read_c3d(path: Path, *, channels: ChannelMap | None = None) -> Recording:
    """The analog channels of a C3D file.

    Raises
    ------
    MissingExtra
        Without ezc3d.
    BadInput
        When the file is damaged, too large, or has no analog channels.
    """
    file = path.name
    if path.stat().st_size > recording_limit("c3d_bytes"):
        what = f"is larger than {int(recording_limit('c3d_bytes')) >> 20} MB"
        raise BadFile(file, what, "Cut the trial into shorter ones")
    content = _content(path)
    parameters = content["parameters"].get("ANALOG", {})
    values = np.asarray(content["data"]["analogs"], dtype=np.float32)
    if values.ndim != 3 or not values.size:
        raise BadFile(file, "has no analog channels", "Name a C3D file that holds electromyograms")
    period_s = _period_s(parameters, file)
    labels, units = (_texts(parameters, name, values.shape[1]) for name in ("LABELS", "UNITS"))
    raw = [
        RawChannel(label=label, unit=unit, period_s=period_s, n_samples=values.shape[2])
        for label, unit in zip(labels, units, strict=True)
    ]
    return recording_of(raw, HeldSamples(values[0]), file=file, channels=channels)


@dataclass(frozen=True, slots=True, eq=False)
class HeldSamples:
    """Samples in memory, shape (channels, n)."""

    values: NDArray[np.float32]

    def read(self, channel: int, first: int, stop: int) -> Samples:
        """Samples first to stop - 1 of a channel."""
        return self.values[channel, first:stop].copy()


def _content(path: Path) -> Any:
    try:
        import ezc3d
    except ImportError as fault:
        raise MissingExtra("signals", "reading C3D recordings") from fault
    try:
        return ezc3d.c3d(str(path))
    except Exception as fault:  # ezc3d raises what its C++ core throws, of no common class
        raise BadFile(path.name, "is a damaged C3D file", "Export the trial again") from fault


def _period_s(parameters: Any, file: str) -> Fraction:
    try:
        rate_hz = float(np.ravel(parameters["RATE"]["value"])[0])
    except (KeyError, IndexError, TypeError, ValueError) as fault:
        raise BadFile(file, "states no rate of its analog channels", "Export the trial again") from fault
    if not 0 < rate_hz < float("inf"):
        raise BadFile(file, f"states {rate_hz} Hz as rate of its analog channels", "Export the trial again")
    return exact_period_s(rate_hz, rate_hz * _SINGLE)


def _texts(parameters: Any, name: str, count: int) -> Sequence[str]:
    """One text a channel; C3D goes on in LABELS2, LABELS3 after 255."""
    found: list[str] = []
    for suffix in ("", *map(str, range(2, 10))):
        found += [str(each).strip() for each in parameters.get(f"{name}{suffix}", {}).get("value", [])]
    return (found + [""] * count)[:count]
