"""Samples of formats that cannot be read at any place: unpacked once, in memory or in a temporary file."""

from __future__ import annotations

import weakref
from bisect import bisect_right
from tempfile import SpooledTemporaryFile
from threading import Lock

import numpy as np

from atlasplane.core.errors import OutputFailed
from atlasplane.sources.recording import Samples

MEMORY_BYTES = 64 << 20
"""What is kept in memory; more goes to the folder for temporary files."""

_EMPTY = -1


class SampleStore:
    """Samples of several channels, appended piece by piece and read at any place, by several threads at once.

    Parameters
    ----------
    n_channels : int
    file : str
        The recording's name, for messages.
    """

    def __init__(self, n_channels: int, *, file: str) -> None:
        self._file = file
        # Not in a `with`: it lives as long as the store, and is closed with it.
        self._stream = SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115
        weakref.finalize(self, self._stream.close)
        self._lock = Lock()
        self._end = 0
        self._starts: list[list[int]] = [[] for _ in range(n_channels)]
        self._places: list[list[int]] = [[] for _ in range(n_channels)]
        self._lengths = [0] * n_channels

    def length(self, channel: int) -> int:
        """Samples of a channel so far."""
        return self._lengths[channel]

    def append(self, channel: int, samples: Samples) -> None:
        """Add samples at the end of a channel.

        Raises
        ------
        OutputFailed
            When the folder for temporary files is full.
        """
        if not len(samples):
            return
        content = np.ascontiguousarray(samples, dtype="<f4").tobytes()
        with self._lock:
            try:
                self._stream.seek(self._end)
                self._stream.write(content)
            except OSError as fault:
                reason = fault.strerror or type(fault).__name__
                remedy = "Make room in the folder for temporary files"
                raise OutputFailed(self._file, f"could not be unpacked ({reason})", remedy) from fault
            self._note(channel, self._end, len(samples))
            self._end += len(content)

    def skip(self, channel: int, n_samples: int) -> None:
        """Add samples that were not recorded; they are read as NaN."""
        if n_samples > 0:
            self._note(channel, _EMPTY, n_samples)

    def trim(self, channel: int, n_samples: int) -> None:
        """Forget what lies behind the first `n_samples` of a channel."""
        self._lengths[channel] = min(n_samples, self._lengths[channel])

    def read(self, channel: int, first: int, stop: int) -> Samples:
        """Samples first to stop - 1 of a channel."""
        out = np.full(stop - first, np.nan, dtype=np.float32)
        starts, places = self._starts[channel], self._places[channel]
        at = bisect_right(starts, first) - 1
        while first < stop:
            end = starts[at + 1] if at + 1 < len(starts) else self._lengths[channel]
            upto = min(end, stop)
            if places[at] != _EMPTY:
                into = out[len(out) - (stop - first) :][: upto - first]
                self._fill(into, places[at] + 4 * (first - starts[at]))
            first, at = upto, at + 1
        return out

    def _note(self, channel: int, place: int, n_samples: int) -> None:
        self._starts[channel].append(self._lengths[channel])
        self._places[channel].append(place)
        self._lengths[channel] += n_samples

    def _fill(self, into: Samples, place: int) -> None:
        with self._lock:
            self._stream.seek(place)
            content = self._stream.read(into.nbytes)
        into[:] = np.frombuffer(content, dtype="<f4")
