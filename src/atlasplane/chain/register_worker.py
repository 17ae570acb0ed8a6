"""A registration in a process of its own: it can be ended at any moment, and its memory goes with it.

Reads one job as JSON from stdin (`root`, and where they are wanted `visit`, `rig`, `start`), and prints an
object a line: ``{"stage": …, "share": …}`` as it goes on, then ``{"file": …, "status": …}`` with the stored
record, or ``{"error": {file, what, remedy}}``. A process is started with the verb that does the work:
``from atlasplane.api import register; from atlasplane.chain.register_worker import serve; serve(register)``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Protocol, TextIO

from atlasplane.core.errors import AtlasplaneError
from atlasplane.io.models_registration import RegisterOutput
from atlasplane.io.registration_record import RECORD_FILE


class Registered(Protocol):
    """What a registration returns: `chain.registered.RegisteredVisit`."""

    @property
    def record(self) -> RegisterOutput:
        """What is kept of it."""

    @property
    def folder(self) -> Path:
        """The visit's folder."""


class Registering(Protocol):
    """The verb: `atlasplane.api.register`, or a stand-in of a test."""

    def __call__(
        self,
        folder: Path,
        *,
        visit: str | None,
        rig: Any,
        start: str,
        progress: Callable[[float, str], None],
    ) -> Registered:
        """Register a visit and keep the result."""


def serve(registering: Registering) -> None:
    """Do the job on stdin, and say on stdout how it goes."""
    signal.signal(signal.SIGTERM, _stopped)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    job = json.loads(sys.stdin.readline())
    try:
        _tell(answers, _done(job, answers, registering))
    except AtlasplaneError as fault:
        _tell(answers, {"error": {"file": fault.file, "what": fault.what, "remedy": fault.remedy}})


def _done(job: Mapping[str, Any], answers: TextIO, registering: Registering) -> dict[str, str]:
    done = registering(
        Path(job["root"]),
        visit=job.get("visit"),
        rig=job.get("rig"),
        start=job.get("start") or "landmarks",
        progress=lambda share, text: _tell(answers, {"stage": text, "share": round(share, 3)}),
    )
    return {"file": f"{done.folder.name}/{RECORD_FILE}", "status": done.record.status}


def _tell(answers: TextIO, document: Mapping[str, Any]) -> None:
    answers.write(json.dumps(document) + "\n")
    answers.flush()


def _stopped(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(143)  # as shells count a termination; half-written files go with the unwinding
