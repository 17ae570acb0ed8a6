"""Samples of EDF and BDF files, read at any place without holding more than one piece."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadFile
from atlasplane.io.digest import unreadable
from atlasplane.io.recording_edf_header import EdfHeader, EdfSignal
from atlasplane.sources.recording import Samples

PIECE_BYTES = 1 << 20
"""Read at once: small enough to stay in a processor's cache while one channel is picked out."""

_NEIGHBOURS_BYTES = 1 << 17
"""From this length of a data record's other samples on, it is quicker to pass over them than to read them."""

_Read = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Which samples of a channel lie where in the file.

    Attributes
    ----------
    starts : array, shape (n,)
        First sample of each unbroken stretch, on the channel's own clock.
    places : array, shape (n + 1,)
        The same samples counted in the file, and how many there are.
    n_samples : int
        Of the channel, gaps included.
    """

    starts: NDArray[np.int64]
    places: NDArray[np.int64]
    n_samples: int

    @classmethod
    def whole(cls, n_samples: int) -> Segments:
        """One stretch without gaps."""
        return cls(np.zeros(1, dtype=np.int64), np.array([0, n_samples], dtype=np.int64), n_samples)

    @classmethod
    def of_records(cls, starts_s: NDArray[np.float64], period_s: float, samples: int) -> Segments:
        """Stretches of records of `samples` each, at the samples nearest to the times they state.

        Times are rounded, so a record may seem to start a little before the one before it ends; it then
        follows it.
        """
        gaps = np.rint(starts_s / period_s).astype(np.int64) - samples * np.arange(len(starts_s))
        late = np.maximum.accumulate(gaps)
        first = np.flatnonzero(np.diff(late, prepend=late[0] - 1))
        places = np.append(first * samples, len(starts_s) * samples)
        starts = first * samples + late[first]
        return cls(starts, places, int(starts[-1] + places[-1] - places[-2]))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EdfSamples:
    """Digital numbers of a file as float32; NaN where nothing was recorded.

    Attributes
    ----------
    path : Path
        Opened for each reading, so that no handle stays open and several threads may read.
    header : EdfHeader
    signals : tuple of EdfSignal
    segments : tuple of Segments
    missing : tuple of array, shape (n, 2)
        Stretches that the file notes as not recorded.
    """

    path: Path
    header: EdfHeader
    signals: tuple[EdfSignal, ...]
    segments: tuple[Segments, ...]
    missing: tuple[NDArray[np.int64], ...]

    def read(self, channel: int, first: int, stop: int) -> Samples:
        """Samples first to stop - 1 of a channel.

        Raises
        ------
        BadInput
            When the file has become unreadable or shorter meanwhile.
        """
        segments = self.segments[channel]
        out = np.empty(stop - first, dtype=np.float32)
        if len(segments.starts) > 1:
            out.fill(np.nan)
        lengths = np.diff(segments.places)
        at = max(int(np.searchsorted(segments.starts, first, side="right")) - 1, 0)
        with _opened(self.path) as stream:
            while at < len(segments.starts) and segments.starts[at] < stop:
                begin, length = int(segments.starts[at]), int(lengths[at])
                low, high = max(begin, first), min(begin + length, stop)
                if low < high:
                    place = int(segments.places[at]) + low - begin
                    self._run(stream, self.signals[channel], place, out[low - first : high - first])
                at += 1
        for low, high in self.missing[channel]:
            out[max(low - first, 0) : max(high - first, 0)] = np.nan
        return out

    def _run(self, stream: BinaryIO, signal: EdfSignal, first: int, out: Samples) -> None:
        """Fill `out` with the samples of the file from `first` on."""
        own = signal.samples * self.header.width
        if self.header.record_bytes - own >= _NEIGHBOURS_BYTES or own >= PIECE_BYTES:
            self._by_record(stream, signal, first, out)
        else:
            self._by_piece(stream, signal, first, out)

    def _by_record(self, stream: BinaryIO, signal: EdfSignal, first: int, out: Samples) -> None:
        width, most = self.header.width, PIECE_BYTES // self.header.width
        done = 0
        while done < len(out):
            record, inside = divmod(first + done, signal.samples)
            count = min(len(out) - done, signal.samples - inside, most)
            place = self.header.bytes + record * self.header.record_bytes + (signal.place + inside) * width
            out[done : done + count] = numbers(_bytes(stream, place, count * width, self.path.name), width)
            done += count

    def _by_piece(self, stream: BinaryIO, signal: EdfSignal, first: int, out: Samples) -> None:
        header, samples = self.header, signal.samples
        step = max(1, PIECE_BYTES // header.record_bytes)
        record, inside = divmod(first, samples)
        done = 0
        while done < len(out):
            count = min(step, -(-(inside + len(out) - done) // samples))
            place = header.bytes + record * header.record_bytes
            read = _bytes(stream, place, count * header.record_bytes, self.path.name)
            start = signal.place * header.width
            own = read.reshape(count, -1)[:, start : start + samples * header.width]
            upto = min(len(out), done + count * samples - inside)
            _pick(own, header.width, inside, out[done:upto])
            record, done, inside = record + count, upto, 0


def _pick(own: _Read, width: int, inside: int, out: Samples) -> None:
    """Copy and convert the samples of some records, the first `inside` of them left out."""
    if width == 2:
        values = own.view("<i2")
        samples = values.shape[1]
        whole = (len(out) // samples) * samples
        if inside == 0 and whole:
            out[:whole].reshape(-1, samples)[:] = values[: whole // samples]
            out[whole:] = values[whole // samples : whole // samples + 1].ravel()[: len(out) - whole]
            return
        out[:] = values.ravel()[inside : inside + len(out)]
        return
    out[:] = numbers(np.ascontiguousarray(own).ravel(), width)[inside : inside + len(out)]


def numbers(content: _Read, width: int) -> NDArray[np.int16] | NDArray[np.int32]:
    """Little-endian signed integers of 2 or 3 bytes."""
    if width == 2:
        return content.view("<i2")
    parts = content.reshape(-1, 3).astype(np.int32)
    high = parts[:, 2].astype(np.uint8).view(np.int8).astype(np.int32)
    return np.asarray(parts[:, 0] | (parts[:, 1] << 8) | (high << 16), dtype=np.int32)


def signal_rows(path: Path, header: EdfHeader, signal: EdfSignal, first: int, stop: int) -> _Read:
    """Bytes of one signal in the data records first to stop - 1, shape (n, bytes); raises BadInput."""
    place, own = signal.place * header.width, signal.samples * header.width
    if header.record_bytes <= PIECE_BYTES:
        return record_rows(path, header, first, stop)[:, place : place + own]
    with _opened(path) as stream:
        starts = (header.bytes + record * header.record_bytes + place for record in range(first, stop))
        return np.stack([_bytes(stream, start, own, path.name) for start in starts])


def record_rows(path: Path, header: EdfHeader, first: int, stop: int) -> _Read:
    """Bytes of the data records first to stop - 1, shape (n, bytes); raises BadInput."""
    with _opened(path) as stream:
        place = header.bytes + first * header.record_bytes
        content = _bytes(stream, place, (stop - first) * header.record_bytes, path.name)
    return content.reshape(stop - first, -1)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb", buffering=0)
    except OSError as fault:
        raise unreadable(path.name, fault) from fault


def _bytes(stream: BinaryIO, place: int, count: int, file: str) -> _Read:
    content = np.empty(count, dtype=np.uint8)
    view = content.data
    try:
        stream.seek(place)
        done = 0
        while done < count:
            read = stream.readinto(view[done:])  # type: ignore[attr-defined]
            if not read:
                raise BadFile(file, "has become shorter while it was read", "Copy it to this computer first")
            done += read
    except OSError as fault:
        raise unreadable(file, fault) from fault
    return content
