"""A batch in the terminal: a line a case as it is done, and how many cases a second."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import typer

from atlasplane.chain.batch import BatchRow, Job, cases_of, run_batch
from atlasplane.cli.documents import print_json, printable
from atlasplane.cli.terminal import progress

_GAP = "  "


def run_and_print(folder: Path, job: Job, *, workers: str | None, again: bool, as_json: bool) -> int:
    """Do a job on every case of a folder, and print what came of each and the throughput.

    Parameters
    ----------
    workers : str or None
        A number of processes or the address of a Dask scheduler; None for one process a core.
    again : bool
        Do cases too whose stored result is still valid.

    Returns
    -------
    int
        Exit status: 1 where a person must look at a case, or a case failed; else 0.

    Raises
    ------
    BadInput
        When the folder holds no case, or the workers cannot be had.
    """
    cases = cases_of(folder)
    start = perf_counter()
    with progress("Cases", len(cases)) as step:
        rows = run_batch(cases, job, workers=_workers(workers), again=again, progress=step)
        seen = list(rows) if as_json else list(_printed(rows, cases))
    seconds = perf_counter() - start
    if as_json:
        print_json(_document(seen, seconds))
    else:
        typer.echo(_throughput(seen, seconds))
    return 1 if any(row.needs_a_person for row in seen) else 0


def _workers(wanted: str | None) -> int | str:
    if wanted is None:
        return os.cpu_count() or 1
    try:
        return int(wanted)
    except ValueError:
        return wanted


def _printed(rows: Iterator[BatchRow], cases: Sequence[Path]) -> Iterator[BatchRow]:
    """Rows, each printed as it comes; the widths are those of the headings and of the first result."""
    name = max(len(case.name) for case in cases)
    widths: dict[str, int] = {}
    for row in rows:
        values = {} if row.outcome is None else row.outcome.values
        if values and not widths:
            widths = {head: max(len(head), len(text)) for head, text in values.items()}
            typer.echo(_line("case".ljust(name), "status  ", _cells({h: h for h in widths}, widths)))
        typer.echo(_line(printable(row.case.name).ljust(name), row.status.ljust(8), _told(row, widths)))
        yield row


def _line(*parts: str) -> str:
    return _GAP.join(parts).rstrip()


def _told(row: BatchRow, widths: Mapping[str, int]) -> str:
    if row.fault is not None:
        return printable(f"{row.fault.file}: {row.fault.what}. {row.fault.remedy}")
    text = _cells({} if row.outcome is None else row.outcome.values, widths)
    return f"{text}{_GAP}(kept)" if row.kept else text


def _cells(values: Mapping[str, str], widths: Mapping[str, int]) -> str:
    return _GAP.join(printable(text).ljust(widths.get(head, 0)) for head, text in values.items())


def _throughput(rows: Sequence[BatchRow], seconds: float) -> str:
    """What was done in this run; kept results are counted apart, for they cost nothing."""
    done, kept = [row for row in rows if not row.kept], sum(row.kept for row in rows)
    workers = len({row.worker for row in done if row.worker})
    text = f"{len(done)} case{'' if len(done) == 1 else 's'} in {seconds:.1f} s"
    if done and workers:
        text += f" with {workers} worker{'' if workers == 1 else 's'}: {len(done) / seconds:.2f} cases/s"
    return f"{text}; {kept} kept" if kept else text


def _document(rows: Sequence[BatchRow], seconds: float) -> dict[str, Any]:
    done = [row for row in rows if not row.kept]
    return {
        "schema": "atlasplane.register-batch/1",
        "cases": [_row(row) for row in rows],
        "seconds": seconds,
        "workers": len({row.worker for row in done if row.worker}),
        "cases_per_s": len(done) / seconds,
    }


def _row(row: BatchRow) -> dict[str, Any]:
    fault = row.fault
    return {
        "case": str(row.case),
        "status": row.status,
        "kept": row.kept,
        "seconds": row.seconds,
        "result": None if row.outcome is None else dict(row.outcome.document),
        "error": None if fault is None else {"file": fault.file, "what": fault.what, "remedy": fault.remedy},
    }
