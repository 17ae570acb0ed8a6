"""Cases on the workers of a Dask cluster, found by the address of its scheduler.

The scheduler and its workers unpickle what they are sent: whoever reaches their ports runs code there. Use
them in a closed network, or with certificates (``tls://``, set up in Dask's own configuration).
"""

from __future__ import annotations

import re
import socket
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from atlasplane.chain.batch import BatchRow, Fault, Task, died
from atlasplane.core.errors import BadInput, MissingExtra

EXTRA = "cohort"
_ADDRESS = re.compile(r"(?:tcp|tls)://\[?(?P<host>[^\s/\]]+)\]?:(?P<port>\d{1,5})")
_ANSWER_S = 10
"""How long a scheduler may take to answer."""
_ONE_AT_A_TIME = threading.Lock()
"""A worker of several threads does one case after the other: kernels are not shared by threads."""


def dask_rows(cases: Sequence[Path], task: Task, address: str) -> Iterator[tuple[int, BatchRow]]:
    """Rows with the numbers of their cases, in the order in which they end.

    Parameters
    ----------
    address : str
        Of the scheduler.

    Raises
    ------
    BadInput
        When it is none, nobody answers there, or the scheduler has no worker.
    MissingExtra
        When `distributed` is not installed.
    """
    if not _ADDRESS.fullmatch(address):
        raise BadInput("--workers", f"'{address}' is no address", "Give a number, or tcp://HOST:PORT")
    return _rows(cases, task, _client(address))


def on_worker(task: Task, case: Path) -> BatchRow:
    """One case on a worker of the cluster."""
    from distributed import get_worker

    with _ONE_AT_A_TIME:
        _in_one_thread()
        return task(case, str(get_worker().address))


def _in_one_thread() -> None:
    """Keep the kernels of this thread on one core: a computer has as many workers as cores."""
    try:
        import numba
    except ModuleNotFoundError:  # a job that needs no kernels
        return
    numba.set_num_threads(1)


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ModuleNotFoundError as missing:
        raise MissingExtra(EXTRA, "atlasplane register --workers") from missing
    try:
        _reach(address)
        client = Client(address, timeout=_ANSWER_S)
    except (OSError, OverflowError) as fault:  # refused, unreachable, no such port, or no answer in time
        what = f"no Dask scheduler answers at {address}"
        raise BadInput("--workers", what, "Start it: dask scheduler, and workers: dask worker") from fault
    if not client.nthreads():
        client.close()
        what = f"the scheduler at {address} has no worker"
        raise BadInput("--workers", what, f"Start some: dask worker {address} --nworkers auto --nthreads 1")
    return client


def _reach(address: str) -> None:
    """Raise OSError where nobody listens; a client would try again until its time is out."""
    found = _ADDRESS.fullmatch(address)
    assert found is not None  # checked before
    socket.create_connection((found["host"], int(found["port"])), timeout=_ANSWER_S).close()


def _rows(cases: Sequence[Path], task: Task, client: Any) -> Iterator[tuple[int, BatchRow]]:
    from distributed import as_completed

    waiting, futures = deque(range(len(cases))), dict[Any, int]()
    ended = as_completed()

    def hand_out() -> None:
        # One case a worker: a case that waits at a worker which dies would be blamed too.
        while waiting and len(futures) < max(len(client.nthreads()), 1):
            number = waiting.popleft()
            future = client.submit(on_worker, task, cases[number], pure=False)
            futures[future] = number
            ended.add(future)

    try:
        hand_out()
        for future in ended:
            number = futures.pop(future)
            row = _row(future, cases[number])
            hand_out()
            yield number, row
    finally:
        client.cancel(list(futures))
        client.close()


def _row(future: Any, case: Path) -> BatchRow:
    """What came of a case; the worker itself may have died, or may lack the program."""
    from distributed import KilledWorker

    wrong = future.exception()
    if isinstance(wrong, KilledWorker):
        return died(case, None, str(wrong.last_worker.address))
    if wrong is not None:
        what = f"no worker could take it ({type(wrong).__name__})"
        remedy = "Install the same atlasplane on every worker"
        return BatchRow(case=case, fault=Fault(file=str(case), what=what, remedy=remedy))
    row = future.result()
    assert isinstance(row, BatchRow)
    return row
