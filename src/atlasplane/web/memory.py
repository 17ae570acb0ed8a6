"""What the server keeps of files between two requests, as long as the files stay the same."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

Kept = TypeVar("Kept")

Signature = tuple[int, ...]


def signature(path: Path) -> Signature:
    """What changes when a file does: its place on the disk, size and times; raises OSError.

    The time of the last change of the entry (`ctime`) cannot be set back, so a file put in place of another
    with its old date is seen too.
    """
    found = path.stat()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def folder_signature(folder: Path) -> tuple[tuple[str, Signature], ...]:
    """Names and signatures of a folder's files, hidden ones left out; raises OSError."""
    with os.scandir(folder) as entries:
        files = [e for e in entries if e.is_file() and not e.name.startswith(".")]
    return tuple(sorted((each.name, signature(Path(each.path))) for each in files))


class Memory(Generic[Kept]):
    """The latest results of a costly step, each with what it was made from; the oldest go when room is short.

    Parameters
    ----------
    limit : float
        Sum of sizes that is kept; one result alone may exceed it.
    size : callable
        Size of a result, in the unit of `limit`; 1 each by default.
    """

    def __init__(self, limit: float, size: Callable[[Kept], float] = lambda _: 1.0) -> None:
        self._limit, self._size = limit, size
        self._kept: OrderedDict[Hashable, tuple[object, Kept]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, made_from: object, make: Callable[[], Kept]) -> Kept:
        """The result kept under `key` while it was made from the same; else a new one."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None and found[0] == made_from:
                self._kept.move_to_end(key)
                return found[1]
        made = make()
        with self._lock:
            self._kept[key] = (made_from, made)
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and sum(self._size(v) for _, v in self._kept.values()) > self._limit:
                self._kept.popitem(last=False)
        return made
