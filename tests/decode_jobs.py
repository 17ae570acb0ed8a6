"""What a test lets the decoding process do: good work, and every way of failing."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

import numpy as np

from atlasplane.core.errors import BadFile


def ramp(_path: Path, *, name: str, rows: int, columns: int, dtype: str) -> np.ndarray:
    return np.arange(rows * columns).reshape(rows, columns).astype(dtype)


def refused(_path: Path, *, name: str) -> np.ndarray:
    raise BadFile(name, "is refused", "Give another")


def memory(_path: Path, *, name: str, megabytes: int) -> np.ndarray:
    return np.ones(megabytes << 20, np.uint8)[:1]


def endless(_path: Path, *, name: str) -> np.ndarray:
    while True:
        pass


def asleep(_path: Path, *, name: str) -> np.ndarray:
    time.sleep(600)
    return np.zeros(1)


def dead(_path: Path, *, name: str) -> np.ndarray:
    os._exit(3)


def process_id(_path: Path, *, name: str) -> np.ndarray:
    return np.array([os.getpid()])


def liar(_path: Path, *, name: str, text: str) -> np.ndarray:
    """Answer in place of the worker, then end; its answers go to the only pipe beside the standard ones."""
    for descriptor in range(3, 16):
        try:
            os.write(descriptor, text.encode() + b"\n")
        except OSError:
            continue
    os._exit(0)


def chatty(_path: Path, *, name: str) -> np.ndarray:
    print("a codec prints", flush=True)
    os.write(1, b"and so does the library below it\n")
    os.write(2, b"on both\n")
    libc = ctypes.CDLL(None) if os.name == "posix" else None
    if libc is not None:
        libc.puts(b"in C as well")
        libc.fflush(None)
    return np.array([1])


def writer(path: Path, *, name: str) -> np.ndarray:
    with path.open("wb") as stream:
        stream.write(b"x" * 100_000)
    return np.zeros(1)
