"""Cases on the cores of this computer: each worker is a process of its own, with one thread.

A process that dies takes its one case with it and is replaced. Processes are started afresh (spawn), never
forked: threads and open files of this process are none of theirs, on every system alike.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from atlasplane.chain.batch import BatchRow, Task, died
from atlasplane.core.errors import BadInput

ONE_THREAD: Mapping[str, str] = dict.fromkeys(
    ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
"""What libraries of arithmetic read when they are loaded."""
_SPAWN = multiprocessing.get_context("spawn")
_PATIENCE_S = 5.0
"""Until a process that was asked to end is made to."""


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, the line to it, and the number of the case that it is at."""

    name: str
    process: BaseProcess
    line: Connection
    at: int | None = None


def process_rows(cases: Sequence[Path], task: Task, count: int) -> Iterator[tuple[int, BatchRow]]:
    """Rows with the numbers of their cases, in the order in which they end.

    Parameters
    ----------
    count : int
        Number of processes; no more are started than there are cases.

    Raises
    ------
    BadInput
        When `count` is less than 1.
    """
    if count < 1:
        raise BadInput("--workers", f"{count} is no number of workers", "Give 1 or more")
    return _rows(cases, task, min(count, len(cases)))


def _rows(cases: Sequence[Path], task: Task, count: int) -> Iterator[tuple[int, BatchRow]]:
    waiting = deque(range(len(cases)))
    workers: list[_Worker] = []
    try:
        for k in range(count):
            workers.append(_started(f"process {k + 1}", task))
            _next(workers[-1], cases, waiting)
        while busy := [worker for worker in workers if worker.at is not None]:
            ready = wait([worker.line for worker in busy])
            for worker in (each for each in busy if each.line in ready):
                number = worker.at
                assert number is not None  # only busy workers are asked
                row = _answer(worker)
                if row is None:
                    worker.at = None
                    row = died(cases[number], _ended(worker), worker.name)
                    workers.remove(worker)
                    if waiting:
                        workers.append(worker := _started(worker.name, task))
                _next(worker, cases, waiting)
                yield number, row
    finally:
        for worker in workers:
            worker.line.close()
        for worker in workers:
            _ended(worker)


def _started(name: str, task: Task) -> _Worker:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=(theirs, task, name), daemon=True)
    with one_thread_each():
        process.start()
    theirs.close()  # so that the end of the process is the end of the line
    return _Worker(name, process, ours)


def _next(worker: _Worker, cases: Sequence[Path], waiting: deque[int]) -> None:
    """Hand out the next case."""
    worker.at = waiting.popleft() if waiting else None
    if worker.at is not None:
        with suppress(OSError):  # it has died: its line says so when it is asked for the row
            worker.line.send(cases[worker.at])


def _answer(worker: _Worker) -> BatchRow | None:
    """The row; None where the process has ended without one."""
    try:
        row = worker.line.recv()
    except (EOFError, OSError):
        return None
    assert isinstance(row, BatchRow)
    return row


def _ended(worker: _Worker) -> int | None:
    """End a process, at once where it is at a case; its exit status, negative for a signal."""
    worker.line.close()
    if worker.at is None:
        worker.process.join(_PATIENCE_S)
    if worker.process.is_alive():
        worker.process.terminate()
        worker.process.join(_PATIENCE_S)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    return worker.process.exitcode


def _serve(line: Connection, task: Task, name: str) -> None:
    """In the process: do cases until the line ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the batch itself is stopped, and ends its processes
    while True:
        try:
            case = line.recv()
        except EOFError:
            return
        line.send(task(case, name))


@contextmanager
def one_thread_each() -> Iterator[None]:
    """New processes do their arithmetic on one thread: there is one of them for each core."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
