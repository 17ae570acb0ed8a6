"""One verb on many cases: on this computer's cores, or on the workers of a Dask cluster.

A verb is a `Job`. Its rows come in the order of the cases, each as soon as it and those before it are done; a
case that fails, or whose worker dies, is a row that says so and stops no other. What was done before and is
still valid is kept, so that a batch that was stopped goes on where it was.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from atlasplane.core.errors import AtlasplaneError, BadInput
from atlasplane.io.case_folder import CASE_FILE

FAILED = "failed"
"""Status of a case without a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a job made of one case; small, for it travels between processes.

    Attributes
    ----------
    status : str
        One word of the verb's own.
    values : mapping heading -> str
        Further cells of the case's row, in order and ready to be shown.
    document : mapping
        What `--json` prints of the case.
    needs_a_person : bool
    """

    status: str
    values: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    needs_a_person: bool = False


class Job(Protocol):
    """A verb with its options; pickled, so a frozen dataclass of a module that the workers can import."""

    def run(self, case: Path) -> Outcome:
        """Do the case and store the result; an AtlasplaneError becomes a row."""

    def saved(self, case: Path) -> Outcome | None:
        """The stored result, if it is still one of these very files and options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a case has no result: the file (or case) at fault, the fault, what to do."""

    file: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One case of a batch.

    Attributes
    ----------
    case : Path
    outcome : Outcome or None
        None where it failed.
    fault : Fault or None
    kept : bool
        Whether the result is an earlier one that is still valid.
    seconds : float
        Of work on this case.
    worker : str
        Who did it.
    """

    case: Path
    outcome: Outcome | None = None
    fault: Fault | None = None
    kept: bool = False
    seconds: float = 0.0
    worker: str = ""

    @property
    def status(self) -> str:
        """The job's word, or `FAILED`."""
        return FAILED if self.outcome is None else self.outcome.status

    @property
    def needs_a_person(self) -> bool:
        """Whether somebody must look at this case."""
        return self.outcome is None or self.outcome.needs_a_person


def run_batch(
    cases: Sequence[Path],
    job: Job,
    *,
    workers: int | str = 1,
    again: bool = False,
    progress: Callable[[], None] = lambda: None,
) -> Iterator[BatchRow]:
    """Do a job on every case.

    Parameters
    ----------
    cases : sequence of Path
        Case folders; workers on other computers must see them under the same paths.
    job : Job
    workers : int or str
        How many processes, each with one thread; or the address of a Dask scheduler
        (``tcp://HOST:PORT``, ``tls://HOST:PORT``), whose workers are used.
    again : bool
        Do cases too whose stored result is still valid.
    progress : callable
        Called after each case, in the order in which they end.

    Yields
    ------
    BatchRow
        In the order of `cases`.

    Raises
    ------
    BadInput
        When there are no workers, or the scheduler does not answer.
    MissingExtra
        When the optional part [cohort] is not installed and a scheduler is named.
    """
    task = _Task(job=job, again=again)
    folders = [Path(case).resolve() for case in cases]
    if isinstance(workers, str):
        from atlasplane.chain.batch_dask import dask_rows

        done = dask_rows(folders, task, workers)
    else:
        from atlasplane.chain.batch_processes import process_rows

        done = process_rows(folders, task, workers)
    return _in_order(done, progress)


def is_case(folder: Path) -> bool:
    """Whether a folder is itself a case."""
    return (folder / CASE_FILE).is_file()


def cases_of(folder: Path) -> tuple[Path, ...]:
    """Case folders directly inside a folder, by name; raises BadInput where there is none."""
    try:
        found = tuple(sorted(path for path in folder.iterdir() if path.is_dir() and is_case(path)))
    except OSError as fault:
        what = f"cannot be read ({fault.strerror})"
        raise BadInput(str(folder), what, "Name a case, or a folder that holds cases") from fault
    if not found:
        raise BadInput(
            str(folder),
            f"is no case and holds none: no folder in it has a {CASE_FILE}",
            "Name another folder",
        )
    return found


def died(case: Path, exit_code: int | None, worker: str) -> BatchRow:
    """The row of a case whose worker ended in the midst of it."""
    what = "its worker ended in the midst of it"
    if exit_code is not None and exit_code < 0:
        what = f"its worker was ended by signal {-exit_code} ({_signal_name(-exit_code)})"
    remedy = "Try it alone: memory may have run out; fewer workers need less"
    return BatchRow(case=case, fault=Fault(file=str(case), what=what, remedy=remedy), worker=worker)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class _Task:
    """What a worker does with a case."""

    job: Job
    again: bool

    def __call__(self, case: Path, worker: str = "") -> BatchRow:
        start = perf_counter()
        outcome: Outcome | None = None
        kept, fault = False, None
        try:
            outcome = None if self.again else self.job.saved(case)
            kept = outcome is not None
            outcome = outcome or self.job.run(case)
        except AtlasplaneError as wrong:
            fault = Fault(file=wrong.file, what=wrong.what, remedy=wrong.remedy)
        except Exception as wrong:  # of one case; it must not stop the others, and is said aloud
            what = f"our fault ({type(wrong).__name__})"
            fault = Fault(file=str(case), what=what, remedy="Try it alone, with ATLASPLANE_DEBUG=1 set")
        seconds = perf_counter() - start
        return BatchRow(case=case, outcome=outcome, fault=fault, kept=kept, seconds=seconds, worker=worker)


Task = Callable[[Path, str], BatchRow]


def _in_order(done: Iterable[tuple[int, BatchRow]], progress: Callable[[], None]) -> Iterator[BatchRow]:
    """Rows as they end, handed on by their number."""
    waiting: dict[int, BatchRow] = {}
    following = 0
    for number, row in done:
        progress()
        waiting[number] = row
        while following in waiting:
            yield waiting.pop(following)
            following += 1
