"""One writer at a time in a folder, over all programs on all machines that share it.

The operating system holds the lock, so a program that is killed leaves none behind.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atlasplane.core.errors import OutputFailed

LOCK_FILE = ".atlasplane.lock"
WAIT_S = 5.0
"""A save takes milliseconds; who waits longer is told so."""
_STEP_S = 0.01


@contextmanager
def locked_folder(folder: Path, *, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the folder's lock for the length of the block.

    Raises
    ------
    OutputFailed
        When another program keeps the lock, or the folder cannot be written.
    """
    path = folder / LOCK_FILE
    file = _taken(path, time.monotonic() + wait_s)
    try:
        yield
    finally:
        if sys.platform != "win32":
            # While it is held; whoever waits on the old file sees that it is gone, and takes the new one.
            path.unlink(missing_ok=True)
        os.close(file)


def _taken(path: Path, deadline: float) -> int:
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as fault:
            reason = fault.strerror or type(fault).__name__
            raise OutputFailed(
                str(path.parent), f"cannot be written ({reason})", "Check the right to write there"
            ) from fault
        if _try_lock(file) and _is_current(file, path):
            return file
        os.close(file)
        if time.monotonic() > deadline:
            what = "is being written by another program"
            raise OutputFailed(str(path.parent), what, "Wait until it is done, then try again")
        time.sleep(_STEP_S)


def _is_current(file: int, path: Path) -> bool:
    """Whether the locked file still bears the name; its last holder may have taken it away."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: int) -> bool:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
