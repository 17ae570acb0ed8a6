"""PLUX recordings (biosignalsplux, BITalino) as OpenSignals stores them: HDF5 and text.

Both hold counts of the converter; the transfer functions of PLUX's data sheets make microvolts of them. A
sequence number beside the samples tells where some were lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadFile, MissingExtra
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.recording_channels import RawChannel, recording_of
from atlasplane.io.recording_clock import lost_before
from atlasplane.io.recording_edf_samples import Segments
from atlasplane.io.recording_map import ChannelMap
from atlasplane.io.recording_settings import devices
from atlasplane.io.recording_table import Rows, TableForm, first_lines, number_rows, unpacked
from atlasplane.sources.recording import Recording, Samples

_AGAIN = "Export the recording from OpenSignals again"
_END = "# EndOfHeader"
_PIECE = 1 << 20
_FRAME_COUNTS = 16
"""A BITalino numbers its frames with four bits, whatever type holds the numbers."""
_BROKEN = (OSError, KeyError, ValueError, TypeError, RuntimeError, IndexError, AttributeError)


def read_opensignals(path: Path, *, channels: ChannelMap | None = None) -> Recording:
    """A recording that OpenSignals wrote as text.

    Raises
    ------
    BadInput
        When the file cannot be read, or holds several devices.
    """
    file = path.name
    lines = first_lines(path)
    about, end = _text_header(lines, file)
    try:
        columns, labels = [str(each) for each in about["column"]], [str(each) for each in about["label"]]
        sensors = [str(each) for each in about["sensor"]]
        bits = [int(each) for each in about["resolution"]][-len(labels) :]
        period_s = 1 / Fraction(str(about["sampling rate"]))
        places = [columns.index(label) for label in labels]
        described = list(zip(labels, sensors, bits, strict=True))
    except (KeyError, ValueError, TypeError, ZeroDivisionError) as fault:
        raise BadFile(file, "has a header that does not describe its columns", _AGAIN) from fault
    form = TableForm(first_line=end + 1, delimiter=" ", n_columns=len(columns))
    counter = _Counter(columns, about)
    store = unpacked(number_rows(path, form), places, file=file, lost=counter.lost)
    raw = [
        _raw(label, sensor, n_bits, str(about.get("device", "")), (period_s, store.length(n)))
        for n, (label, sensor, n_bits) in enumerate(described)
    ]
    return recording_of(
        raw,
        store,
        file=file,
        channels=channels,
        started=_started(about),
        findings=_lost(counter.total, period_s, file),
    )


def _text_header(lines: Sequence[str], file: str) -> tuple[Mapping[str, Any], int]:
    if _END not in lines or len(lines) < 3:
        raise BadFile(file, f"has no line '{_END}'", _AGAIN)
    try:
        about = json.loads(lines[1].lstrip("# "))
    except ValueError as fault:
        raise BadFile(file, "has a second line that is no JSON", _AGAIN) from fault
    if not isinstance(about, dict) or len(about) != 1:
        raise BadFile(file, "does not hold one device", "Export each device into a file of its own")
    device = next(iter(about.values()))
    if not isinstance(device, dict):
        raise BadFile(file, "has a header that describes no device", _AGAIN)
    return device, lines.index(_END)


class _Counter:
    """The sequence number of a text file's rows."""

    def __init__(self, columns: Sequence[str], about: Mapping[str, Any]) -> None:
        self._column = columns.index("nSeq") if "nSeq" in columns else None
        bits = about.get("resolution", [])
        # Some devices state the bits of every column, some those of the channels alone.
        stated = self._column is not None and len(bits) == len(columns)
        self._modulus = 1 << int(bits[self._column or 0]) if stated else None
        self._before: int | None = None
        self.total = 0

    def lost(self, rows: Rows) -> NDArray[np.int64]:
        if self._column is None:
            return np.zeros(len(rows), dtype=np.int64)
        counter = np.nan_to_num(rows[:, self._column]).astype(np.int64)
        lost = lost_before(counter, self._before, self._modulus)
        self._before = int(counter[-1])
        self.total += int(lost.sum())
        return lost


def read_plux(path: Path, *, channels: ChannelMap | None = None) -> Recording:
    """A recording that OpenSignals wrote as HDF5; samples stay in the file.

    Raises
    ------
    MissingExtra
        Without h5py.
    BadInput
        When the file cannot be read, or has no channels of a PLUX device.
    """
    h5py = _library()
    file = path.name
    try:
        with h5py.File(path, "r") as stored:
            found = [each for name in stored for each in _device_channels(stored[name])]
            started = next((_started(stored[name].attrs) for name in stored), None)
    except BadFile:
        raise
    except _BROKEN as fault:
        raise BadFile(file, "is damaged, or no HDF5 file of OpenSignals", _AGAIN) from fault
    if not found:
        raise BadFile(file, "is an HDF5 file without channels of a PLUX device", "Name an OpenSignals file")
    samples = PluxSamples(path, tuple(each.place for each in found), tuple(each.segments for each in found))
    lost = max(each.segments.n_samples - int(each.segments.places[-1]) for each in found)
    return recording_of(
        [each.raw for each in found],
        samples,
        file=file,
        channels=channels,
        started=started,
        findings=_lost(lost, found[0].raw.period_s, file),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    raw: RawChannel
    place: str
    segments: Segments


def _device_channels(device: Any) -> Iterator[_Stored]:
    if not hasattr(device, "keys") or "raw" not in device or "sampling rate" not in device.attrs:
        return
    about = device.attrs
    period_s = 1 / Fraction(str(about["sampling rate"]))
    bits = dict(zip((int(n) for n in about["channels"]), (int(n) for n in about["resolution"]), strict=True))
    names = sorted((name for name in device["raw"] if name.startswith("channel_")), key=_number)
    counter = device["raw"].get("nSeq")
    for name in names:
        dataset = device["raw"][name]
        if dataset.ndim != 2 or dataset.dtype.kind not in "iu":
            continue
        segments = _segments(counter, len(dataset))
        label, sensor = str(dataset.attrs.get("label", name)), str(dataset.attrs.get("sensor", ""))
        family = str(about.get("device", ""))
        raw = _raw(label, sensor, bits[_number(name)], family, (period_s, segments.n_samples))
        yield _Stored(raw, dataset.name, segments)


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])


def _segments(counter: Any, n_samples: int) -> Segments:
    """The stretches between samples that the sequence number shows as lost."""
    if counter is None or counter.dtype.kind != "u" or len(counter) != n_samples:
        return Segments.whole(n_samples)
    before: int | None = None
    modulus = _modulus(counter)
    cuts, widths = [0], [0]
    for first in range(0, n_samples, _PIECE):
        numbers = np.asarray(counter[first : first + _PIECE]).reshape(-1).astype(np.int64)
        lost = lost_before(numbers, before, modulus)
        before = int(numbers[-1])
        where = np.flatnonzero(lost)
        cuts += [first + int(at) for at in where]
        widths += [int(lost[at]) for at in where]
    places = np.array([*cuts, n_samples], dtype=np.int64)
    starts = places[:-1] + np.cumsum(widths)
    return Segments(starts, places, int(starts[-1] + places[-1] - places[-2]))


def _modulus(counter: Any) -> int:
    """Where a counter starts again: at 16 where no sample is numbered higher, else with its type."""
    ends = (int(np.max(counter[n : n + _PIECE])) for n in range(0, len(counter), _PIECE))
    few = len(counter) > _FRAME_COUNTS and all(each < _FRAME_COUNTS for each in ends)
    return _FRAME_COUNTS if few else 1 << (8 * counter.dtype.itemsize)


@dataclass(frozen=True, slots=True, eq=False)
class PluxSamples:
    """Counts of an HDF5 file as float32; NaN where they were lost."""

    path: Path
    places: tuple[str, ...]
    segments: tuple[Segments, ...]

    def read(self, channel: int, first: int, stop: int) -> Samples:
        """Samples first to stop - 1 of a channel.

        Raises
        ------
        BadFile
            When the file has become unreadable meanwhile.
        """
        segments = self.segments[channel]
        out = np.full(stop - first, np.nan, dtype=np.float32)
        try:
            with _library().File(self.path, "r") as stored:
                dataset = stored[self.places[channel]]
                for begin, place, length in zip(
                    segments.starts, segments.places[:-1], np.diff(segments.places), strict=True
                ):
                    low, high = max(int(begin), first), min(int(begin + length), stop)
                    if low < high:
                        shift = int(place - begin)
                        out[low - first : high - first] = dataset[low + shift : high + shift, 0]
        except _BROKEN as fault:
            raise BadFile(self.path.name, "is damaged, or has changed while it was read", _AGAIN) from fault
        return out


def _library() -> Any:
    try:
        import h5py
    except ImportError as fault:
        raise MissingExtra("signals", "reading HDF5 recordings") from fault
    return h5py


def _raw(label: str, sensor: str, bits: int, device: str, clock: tuple[Fraction, int]) -> RawChannel:
    """A channel of counts, in microvolts where PLUX states the sensor's transfer function."""
    period_s, n_samples = clock
    ends = (0.0, float((1 << bits) - 1))
    family = next((each for each in devices()["plux"].values() if device in each["names"]), None)
    gain = None if family is None else family["gain"].get(sensor)
    common = RawChannel(
        label=label, unit="", sensor=sensor, period_s=period_s, n_samples=n_samples, ends=ends
    )
    if family is None or gain is None:
        return common
    span_uV = family["supply_V"] / gain * 1e6
    return RawChannel(
        label=label,
        unit="uV",
        sensor=sensor,
        period_s=period_s,
        n_samples=n_samples,
        gain=span_uV / (1 << bits),
        offset=-0.5 * span_uV,
        ends=ends,
    )


def _started(about: Mapping[str, Any]) -> datetime | None:
    """Start of the recording; the files state no offset from UTC."""
    try:
        year, month, day = (int(part) for part in str(about["date"]).split("-"))
        hours, minutes, seconds = str(about["time"]).split(":")
        whole, _, rest = seconds.partition(".")
        # The part behind the point is written as a number of milliseconds: .69 is 69 ms.
        micro = int(rest or 0) * 1000
        return datetime(year, month, day, int(hours), int(minutes), int(whole), micro)  # noqa: DTZ001
    except (KeyError, ValueError):
        return None


def _lost(n_samples: int, period_s: Fraction, file: str) -> list[Finding]:
    if n_samples <= 0:
        return []
    seconds = float(n_samples * period_s)
    text = (
        f"By its sequence numbers {n_samples} samples ({seconds:.6g} s) were lost; "
        "nothing is put in their place."
    )
    return [Finding(code="recording.gaps", severity=Severity.WARN, file=file, value=seconds, text=text)]
