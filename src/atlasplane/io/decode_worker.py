"""The child of `decode_process`: takes one job a line, sets its limits, answers with numbers or a refusal."""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import AtlasplaneError

try:
    import resource
except ImportError:  # Windows has none: the parent's clock is the limit there
    resource = None  # type: ignore[assignment]

_STATM = Path("/proc/self/statm")


def serve() -> None:
    """Answer jobs from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    _silence()
    _set("RLIMIT_CORE", 0)
    _set("RLIMIT_FSIZE", 0)  # it writes no file
    for line in sys.stdin.buffer:
        job = json.loads(line)
        if "load" in job:
            for module in job["load"]:
                importlib.import_module(module)
        else:
            _reply(job, answers)


def _silence() -> None:
    """Codecs print to the standard streams: nothing of theirs may mix with an answer."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _reply(job: dict[str, Any], answers: IO[bytes]) -> None:
    try:
        module, _, function = str(job["call"]).partition(":")
        call = getattr(importlib.import_module(module), function)
        array = _limited(call, job)
    except MemoryError:
        head: dict[str, object] = {"fault": "memory"}
    except AtlasplaneError as refused:
        # What ran out of memory inside a library reaches us as that library's own refusal.
        short = isinstance(refused.__context__, MemoryError)
        head = (
            {"fault": "memory"}
            if short
            else {"file": refused.file, "what": refused.what, "remedy": refused.remedy}
        )
    else:
        answers.write(json.dumps({"dtype": array.dtype.str, "shape": array.shape}).encode() + b"\n")
        answers.write(array.reshape(-1).view(np.uint8).data)
        answers.flush()
        return
    answers.write(json.dumps(head).encode() + b"\n")
    answers.flush()


def _limited(call: Callable[..., NDArray[np.generic]], job: dict[str, Any]) -> NDArray[np.generic]:
    with _limits(int(job["memory_bytes"]), float(job["cpu_s"])):
        made = call(Path(job["path"]), name=job["name"], **job["options"])
        return np.ascontiguousarray(made)


@contextmanager
def _limits(memory_bytes: int, cpu_s: float) -> Iterator[None]:
    """Limits of memory and processor for one job, on top of what this process has used already."""
    if resource is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _set("RLIMIT_CPU", math.ceil(used.ru_utime + used.ru_stime + cpu_s))
        if _STATM.exists():
            pages = int(_STATM.read_text(encoding="ascii").split()[0])
            _set("RLIMIT_AS", pages * resource.getpagesize() + memory_bytes)
    try:
        yield
    finally:
        if resource is not None:
            _set("RLIMIT_AS", resource.RLIM_INFINITY)
            _set("RLIMIT_CPU", resource.RLIM_INFINITY)


def _set(name: str, soft: int) -> None:
    """Set a soft limit, as far as the hard one allows."""
    if resource is None or not hasattr(resource, name):
        return
    which = getattr(resource, name)
    hard = resource.getrlimit(which)[1]
    endless = resource.RLIM_INFINITY
    within = hard if hard != endless and (soft == endless or soft > hard) else soft
    resource.setrlimit(which, (within, hard))
