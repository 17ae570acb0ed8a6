"""A segmentation in a process of its own: it can be ended at any moment, and its memory goes with it.

Reads one job as JSON from stdin (`root`, `volume`, `seeds`), and prints an object a line: ``{"stage": …}``
as it goes on, then ``{"file": …}`` with the stored record, or ``{"error": {file, what, remedy}}``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TextIO

import numpy as np

from atlasplane.chain.segmented import Segmenting, propose
from atlasplane.core.errors import AtlasplaneError


def serve(segmenting: Segmenting | None = None) -> None:
    """Do the job on stdin, and say on stdout how it goes."""
    signal.signal(signal.SIGTERM, _stopped)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    job = json.loads(sys.stdin.readline())
    try:
        _tell(answers, {"file": _done(job, answers, segmenting)})
    except AtlasplaneError as fault:
        _tell(answers, {"error": {"file": fault.file, "what": fault.what, "remedy": fault.remedy}})


def _done(job: Mapping[str, Any], answers: TextIO, segmenting: Segmenting | None) -> str:
    seeds = None if job["seeds"] is None else {bone: np.array(at) for bone, at in job["seeds"].items()}
    proposal = propose(
        Path(job["root"]),
        volume=job["volume"],
        seeds=seeds,
        stage=lambda text: _tell(answers, {"stage": text}),
        segmenting=segmenting,
    )
    return proposal.stored.file


def _tell(answers: TextIO, document: Mapping[str, Any]) -> None:
    answers.write(json.dumps(document) + "\n")
    answers.flush()


def _stopped(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(143)  # as shells count a termination; half-written folders go with the unwinding
