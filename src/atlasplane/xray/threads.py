"""Compiled loops shared out over the threads of the machine.

Plain threads that run code without the interpreter's lock; numba's own parallel loops may not be entered by
two threads at once on every system, and not after a fork.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba

_pool: ThreadPoolExecutor | None = None


def thread_count() -> int:
    """Threads that one loop is shared out over: the environment's NUMBA_NUM_THREADS or one per core."""
    return int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


_LEAST_WORK = 200_000
"""Values, half a millisecond or so, below which waiting for another thread may take longer than doing it."""


def shared_out(share: Callable[[int, int], None], *, work: int = _LEAST_WORK) -> None:
    """Call `share(k, n)` for k = 0 .. n - 1 at once, n threads, and wait for all.

    Parameters
    ----------
    share : callable
        Does every n-th piece of a piece of work, from the k-th on, in code that releases the interpreter's
        lock. Shares must not themselves be shared out.
    work : int
        How many values are worked out, some nanoseconds each: a little is done by the caller alone.
    """
    count = thread_count() if work >= _LEAST_WORK else 1
    others = {k: _workers().submit(share, k, count) for k in range(1, count)}
    try:
        share(0, count)
    finally:
        for k, other in others.items():
            # On a busy machine a thread may not have begun: then the caller does its share too.
            if other.cancel():
                share(k, count)
            else:
                other.result()


def _workers() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(max_workers=max(1, thread_count() - 1), thread_name_prefix="projection")
    return _pool


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
