"""A channel cut into stretches of whole frames with what lies around them, whatever the blocks it came in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Stretch:
    """Some frames of a channel.

    Attributes
    ----------
    samples : array of float32, shape (context + n + context,)
        NaN before the first and after the last sample of the channel.
    first : int
        Number, in the channel, of the sample that ``samples[context]`` is.
    context : int
        Samples on either side that belong to other stretches.
    edges : array of int, shape (n_frames + 1,)
        Frame k is ``samples[edges[k] : edges[k + 1]]``.
    n_recorded : int
        Samples of the channel among those of the frames.
    """

    samples: Samples
    first: int
    context: int
    edges: NDArray[np.int64]
    n_recorded: int

    @property
    def inner(self) -> slice:
        """The samples of the frames that the channel has."""
        return slice(self.context, self.context + self.n_recorded)


def stretches(
    blocks: Iterable[Samples], *, rate_hz: float, hop_s: float, n_frames: int, context: int
) -> Iterator[Stretch]:
    """Stretches of `n_frames` frames each, the last one maybe shorter; the memory of one is held.

    Where a stretch lies depends on the rate alone, so that no result depends on the blocks.
    """
    # Frames of a rate that is no whole number differ by a sample.
    buffer = np.full(math.ceil(n_frames * hop_s * rate_hz) + 1 + 2 * context, np.nan, dtype=np.float32)
    filled, number, n_read = context, 0, 0
    edges = _edges(number * n_frames, n_frames, rate_hz, hop_s)
    for block in blocks:
        taken = 0
        while taken < block.size:
            wanted = int(edges[-1] - edges[0]) + 2 * context - filled
            part = block[taken : taken + wanted]
            buffer[filled : filled + part.size] = part
            filled, taken, n_read = filled + part.size, taken + part.size, n_read + part.size
            if part.size == wanted:
                yield _stretch(buffer[:filled], edges, context, n_read)
                buffer[: 2 * context] = buffer[filled - 2 * context : filled].copy()
                filled, number = 2 * context, number + 1
                edges = _edges(number * n_frames, n_frames, rate_hz, hop_s)
    # The frame of the last sample is the last one.
    n_total = math.floor((n_read - 1) / (hop_s * rate_hz) + _ROUNDING) + 1
    while number * n_frames < n_total:
        done = number * n_frames
        edges = _edges(done, min(n_frames, n_total - done), rate_hz, hop_s)
        yield _stretch(buffer[:filled], edges, context, n_read)
        used = int(edges[-1] - edges[0])
        filled, number = max(filled - used, 0), number + 1
        buffer[:filled] = buffer[used : used + filled].copy()


_ROUNDING = 1e-6
"""Part of a frame or of a sample that rounding may be off by."""


def _edges(first_frame: int, n_frames: int, rate_hz: float, hop_s: float) -> NDArray[np.int64]:
    """Numbers of the first samples of the frames and of the one after them."""
    frames = first_frame + np.arange(n_frames + 1)
    return np.asarray(np.ceil(frames * (hop_s * rate_hz) - _ROUNDING), dtype=np.int64)


def _stretch(held: Samples, edges: NDArray[np.int64], context: int, n_read: int) -> Stretch:
    """The stretch of these frames, of which `held` starts `context` samples before the first."""
    first, stop = int(edges[0]), int(edges[-1])
    samples = np.full(stop - first + 2 * context, np.nan, dtype=np.float32)
    held = held[: samples.size]
    samples[: held.size] = held
    return Stretch(
        samples=samples,
        first=first,
        context=context,
        edges=edges - first + context,
        n_recorded=min(stop, n_read) - first,
    )
