"""Decoding in a process of its own: whatever a hostile image leads a codec to do, this process lives on.

The child is started once, stays warm, and is replaced when it dies. It has a limit of memory and of processor
time where the system offers them (Linux has both, macOS the second), and a clock on the wall everywhere. It
hands back plain numbers, never objects, so nothing that it sends is run.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadFile
from atlasplane.io.limits import limit

_CHILD = (sys.executable, "-P", "-c", "from atlasplane.io.decode_worker import serve; serve()")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""More threads would reserve address space that the limit counts."""
_PIPE_BYTES = 1 << 20
"""A film of ten megabytes passes in ten gulps instead of a hundred and sixty."""
_STOPPED = "stopped the decoder: it asks for more memory or time than an image of its size needs"
_AGAIN = "Do not use it; export the film again, uncompressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one decoding may use: bytes beyond those of the idle process, seconds of processor and of wall."""

    memory_bytes: int
    cpu_s: float
    wall_s: float


def allowance(samples: int, *, file_bytes: int = 0) -> Allowance:
    """What an image may need.

    Parameters
    ----------
    samples : int
        Pixels times samples a pixel, of all frames that are decoded.
    file_bytes : int
        Size of the stored image.
    """
    cpu_s = limit("decode_cpu_s") + limit("decode_cpu_s_per_megapixel") * samples / 1e6
    return Allowance(
        memory_bytes=limit("decode_memory_bytes")
        + limit("decode_memory_per_sample") * samples
        + 3 * file_bytes,
        cpu_s=cpu_s,
        wall_s=cpu_s * limit("decode_wall_ratio"),
    )


def decoded(
    call: str, path: Path, *, name: str, allowed: Allowance, **options: object
) -> NDArray[np.generic]:
    """What a function returns for a file, worked out in the child.

    Parameters
    ----------
    call : str
        ``module:function``; it takes ``(path, *, name, **options)`` and returns an array of numbers.
    path : Path
    name : str
        How messages call the file.
    allowed : Allowance
    **options
        Plain values, passed on.

    Raises
    ------
    BadFile
        What the function raised, or that it used more memory or time than allowed, or made the child fail.
    """
    job = {
        "call": call,
        "path": str(path.absolute()),
        "name": name,
        "options": options,
        "memory_bytes": allowed.memory_bytes,
        "cpu_s": allowed.cpu_s,
    }
    with _LOCK:
        return _answer(_child(name), job, name=name, allowed=allowed)


def warm(*modules: str) -> None:
    """Start the child and let it load modules, without waiting; a server does so before the first film.

    A child that cannot be started is not an error here: the first decoding will say so.
    """
    with _LOCK:
        try:
            child = _child("decoder")
        except BadFile:
            return
        _send(child, {"load": list(modules or ("atlasplane.io.dicom_film", "PIL.Image"))})


def stop() -> None:
    """End the child; the next decoding starts a new one."""
    with _LOCK:
        _end()


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    owner: int

    @property
    def pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self.process.stdin is not None and self.process.stdout is not None
        return self.process.stdin, self.process.stdout


_LOCK = threading.RLock()
_KEPT: list[_Child] = []


def _child(name: str) -> _Child:
    """The running child of this very process; a fork does not share its parent's."""
    if _KEPT and _KEPT[0].owner != os.getpid():
        _KEPT.clear()
    if _KEPT and _KEPT[0].process.poll() is not None:
        _end()
    if not _KEPT:
        _KEPT.append(_Child(process=_start(name), owner=os.getpid()))
    return _KEPT[0]


def _start(name: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        **_ONE_THREAD,
        "PYTHONPATH": os.pathsep.join(place for place in sys.path if place),
    }
    try:
        return subprocess.Popen(
            _CHILD,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            pipesize=_PIPE_BYTES,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as fault:
        what = f"cannot be decoded: the decoding process does not start ({fault.strerror})"
        raise BadFile(name, what, "Allow Python to start itself, or export the film uncompressed") from fault


def _end() -> None:
    while _KEPT:
        child = _KEPT.pop()
        if child.owner != os.getpid():
            continue
        child.process.kill()
        for pipe in child.pipes:
            with suppress(OSError):  # what was still to be written is of no use
                pipe.close()
        child.process.wait()


def _answer(child: _Child, job: dict[str, object], *, name: str, allowed: Allowance) -> NDArray[np.generic]:
    clock = threading.Timer(allowed.wall_s, child.process.kill)
    clock.daemon = True
    clock.start()
    try:
        _send(child, job)
        head = _head(child)
        if "dtype" in head:
            return _array(child, head, most=allowed.memory_bytes)
    except (
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
    ):  # the child died on it, or says what none of ours would say
        _end()
        raise BadFile(name, _STOPPED, _AGAIN) from None
    finally:
        clock.cancel()
    if head.get("fault") == "memory":
        raise BadFile(name, _STOPPED, _AGAIN)
    raise BadFile(str(head["file"]), str(head["what"]), str(head["remedy"]))


def _send(child: _Child, message: dict[str, object]) -> None:
    stdin, _ = child.pipes
    try:
        stdin.write(json.dumps(message).encode() + b"\n")
        stdin.flush()
    except OSError:
        if "call" in message:
            raise


def _head(child: _Child) -> dict[str, Any]:
    _, stdout = child.pipes
    line = stdout.readline(1 << 16)
    if not line.endswith(b"\n"):
        raise EOFError
    head = json.loads(line)
    if not isinstance(head, dict) or not head.keys() & {"dtype", "fault", "what"}:
        raise ValueError
    return head


def _array(child: _Child, head: dict[str, Any], *, most: int) -> NDArray[np.generic]:
    _, stdout = child.pipes
    dtype, shape = np.dtype(str(head["dtype"])), tuple(int(n) for n in head["shape"])
    if dtype.kind not in "iufb" or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > most:
        raise ValueError
    array = np.empty(shape, dtype)
    view = array.reshape(-1).view(np.uint8).data
    filled = 0
    while filled < len(view):
        n = stdout.readinto(view[filled:])  # type: ignore[attr-defined]
        if not n:
            raise EOFError
        filled += n
    return array


atexit.register(stop)
