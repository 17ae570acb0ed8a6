"""Segmentations that the page asked for, each in a process of its own: started, watched, ended."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from time import monotonic
from typing import Any, Literal

import numpy as np

from atlasplane.core.errors import BadInput
from atlasplane.geometry.types import Array

Json = dict[str, Any]
State = Literal["running", "done", "failed", "cancelled"]
WORKER = (sys.executable, "-P", "-c", "from atlasplane.chain.segment_worker import serve; serve()")
_PATIENCE_S = 5.0
"""A process that was asked to end gets this long before it is ended."""
_CRASHED = {
    "what": "the segmentation ended by itself, perhaps for want of memory",
    "remedy": "Close other programs, or cut the scan to head and neck",
}


@dataclass(slots=True, eq=False)
class _Job:
    process: subprocess.Popen[str]
    started: float
    state: State = "running"
    stage: str = "Starting"
    seconds: float = 0.0
    problem: Json | None = None
    watcher: Thread | None = None


@dataclass(slots=True, eq=False)
class BoneJobs:
    """The jobs of a server, one a volume; only one runs at a time, as each takes a whole processor.

    Attributes
    ----------
    worker : command of the process that does a job
    """

    worker: tuple[str, ...] = WORKER
    _jobs: dict[str, _Job] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def start(self, place: str, root: Path, volume: str, seeds: Mapping[str, Array] | None) -> None:
        """Begin to segment a volume.

        Raises
        ------
        BadInput
            When a segmentation is running.
        """
        with self._lock:
            if any(job.state == "running" for job in self._jobs.values()):
                raise BadInput(volume, "waits: a segmentation is running", "Let it end, or cancel it")
            job = _Job(process=self._launched(volume), started=monotonic())
            self._jobs[place] = job
        plain = None if seeds is None else {b: np.asarray(at).tolist() for b, at in seeds.items()}
        job.watcher = Thread(
            target=self._watch, args=(job, {"root": str(root), "volume": volume, "seeds": plain})
        )
        job.watcher.start()

    def cancel(self, place: str) -> None:
        """End the job of a volume, where one runs; nothing of it is stored."""
        with self._lock:
            job = self._jobs.get(place)
            if job is None or job.state != "running":
                return
            job.state = "cancelled"
        _end(job.process)

    def stop(self) -> None:
        """End every job, because the server ends."""
        for place, job in list(self._jobs.items()):
            self.cancel(place)
            if job.watcher is not None:
                job.watcher.join()

    def document(self, place: str) -> Json:
        """How the job of a volume goes; `idle` where there was none."""
        job = self._jobs.get(place)
        if job is None:
            return {"state": "idle", "stage": "", "seconds": 0.0, "problem": None}
        seconds = monotonic() - job.started if job.state == "running" else job.seconds
        return {
            "state": job.state,
            "stage": job.stage,
            "seconds": round(seconds, 1),
            "problem": job.problem,
        }

    def _launched(self, volume: str) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                self.worker,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        except OSError as fault:
            what = f"cannot be segmented: no process can be started ({fault.strerror})"
            raise BadInput(volume, what, "Close other programs, then try again") from fault

    def _watch(self, job: _Job, wanted: Json) -> None:
        process = job.process
        assert process.stdin is not None and process.stdout is not None
        with suppress(OSError), process.stdin as stdin:
            stdin.write(json.dumps(wanted) + "\n")
        told: Json = {}
        with process.stdout as answers:
            for line in answers:
                with suppress(ValueError):  # a line that is none of ours
                    told = json.loads(line)
                    job.stage = told.get("stage", job.stage)
        process.wait()
        with self._lock:
            job.seconds = monotonic() - job.started
            if job.state == "cancelled":
                return
            job.problem = None if "file" in told else told.get("error", _CRASHED)
            job.state = "done" if "file" in told else "failed"


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
