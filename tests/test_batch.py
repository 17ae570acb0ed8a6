"""A batch on processes and on a Dask cluster over TCP: order, failures, dead workers, going on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster

from atlasplane.chain.batch import FAILED, BatchRow, cases_of, is_case, run_batch
from atlasplane.core.errors import BadInput
from tests.batch_cases import CountingJob, write_cases

WISHES = ("ok", "refuse", "ok", "break", "die", "doubtful", "ok")
"""What seven cases are told to do: four do it, three fail in three ways."""
STATUSES = ["ok", FAILED, "ok", FAILED, FAILED, "doubtful", "ok"]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a scheduler with two workers here, over TCP; a dead worker's case is not tried again."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), cluster(2) as made:
        yield made.scheduler_address


def cluster(workers: int) -> LocalCluster:
    """Scheduler and workers in processes of their own that speak TCP."""
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        protocol="tcp://",
        dashboard_address=":0",
    )


@dataclass(frozen=True)
class Batches:
    """The same cases done and then, as if the first batch had been stopped, done once more."""

    cases: list[Path]
    first: list[BatchRow]
    second: list[BatchRow]
    ticks: int


@pytest.fixture(scope="module", params=["processes", "dask"])
def batches(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Batches:
    """On two workers of either kind."""
    workers = 2 if request.param == "processes" else str(request.getfixturevalue("scheduler"))
    cases = write_cases(tmp_path_factory.mktemp("cases"), *WISHES)
    ticks: list[None] = []
    first, second = (
        list(run_batch(cases, CountingJob(), workers=workers, progress=lambda: ticks.append(None)))
        for _ in range(2)
    )
    return Batches(cases, first, second, len(ticks))


def test_every_case_has_its_row_in_order(batches: Batches) -> None:
    assert [row.case for row in batches.first] == batches.cases
    assert [row.status for row in batches.first] == STATUSES
    assert batches.ticks == 2 * len(WISHES)


def test_a_row_holds_a_result_or_a_fault(batches: Batches) -> None:
    assert [row.outcome is None for row in batches.first] == [status == FAILED for status in STATUSES]
    assert all((row.fault is None) != (row.outcome is None) for row in batches.first)
    assert [row.needs_a_person for row in batches.first] == [status == FAILED for status in STATUSES]


def test_a_failure_names_file_fault_and_remedy(batches: Batches) -> None:
    faults = {row.case: row.fault for row in batches.first if row.fault is not None}
    refused, broken, dead = (faults[batches.cases[k]] for k in (1, 3, 4))
    assert (refused.what, refused.remedy) == ("cannot be used", "Mend it")
    assert broken.what == "our fault (ZeroDivisionError)"
    assert "worker" in dead.what and len(dead.remedy) > 5
    assert [fault.file for fault in (refused, broken, dead)] == [str(batches.cases[k]) for k in (1, 3, 4)]


def test_a_second_batch_keeps_what_is_done_and_tries_the_rest(batches: Batches) -> None:
    assert [row.kept for row in batches.second] == [status != FAILED for status in STATUSES]
    assert [row.status == FAILED for row in batches.second] == [status == FAILED for status in STATUSES]
    assert {row.outcome.values["times"] for row in batches.second if row.outcome} == {"1"}


def test_again_does_all_once_more(tmp_path: Path, scheduler: str) -> None:
    cases = write_cases(tmp_path, "ok", "ok")
    for times in ("1", "2"):
        rows = list(run_batch(cases, CountingJob(), workers=scheduler, again=True))
        assert not any(row.kept for row in rows)
        assert [row.outcome.values["times"] for row in rows if row.outcome] == [times, times]


def test_processes_have_one_thread_and_a_killed_one_is_named(tmp_path: Path) -> None:
    rows = list(run_batch(write_cases(tmp_path, "ok", "ok", "die"), CountingJob(), workers=1))
    outcomes = [row.outcome for row in rows if row.outcome]
    assert len({outcome.values["pid"] for outcome in outcomes}) == 1
    assert {outcome.values["threads"] for outcome in outcomes} == {"1,1"}
    assert {row.worker for row in rows} == {"process 1"}
    assert rows[-1].fault is not None and "SIGKILL" in rows[-1].fault.what


def test_a_batch_may_be_left_in_the_middle(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, "ok", "ok", "slow")
    rows = run_batch(cases, CountingJob(), workers=1)
    assert next(rows).status == "ok"
    rows.close()  # type: ignore[attr-defined]
    assert list(rows) == []


def test_nothing_to_do_is_done() -> None:
    assert list(run_batch([], CountingJob(), workers=2)) == []


@pytest.mark.parametrize("workers", [0, -1, "two", "tcp://", "http://localhost:8786", "tcp://a b:1"])
def test_workers_that_are_none(tmp_path: Path, workers: int | str) -> None:
    with pytest.raises(BadInput, match=r"worker|address") as caught:
        run_batch(write_cases(tmp_path, "ok"), CountingJob(), workers=workers)
    assert caught.value.file == "--workers"


def test_a_scheduler_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(BadInput, match="no Dask scheduler answers") as caught:
        run_batch(write_cases(tmp_path, "ok"), CountingJob(), workers=f"tcp://127.0.0.1:{port}")
    assert "dask scheduler" in caught.value.remedy


def test_a_scheduler_without_workers(tmp_path: Path) -> None:
    with cluster(0) as empty, pytest.raises(BadInput, match="has no worker"):
        run_batch(write_cases(tmp_path, "ok"), CountingJob(), workers=empty.scheduler_address)


def test_a_folder_of_cases(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, "ok", "ok")
    (tmp_path / "notes").mkdir()
    assert cases_of(tmp_path) == tuple(cases)
    assert is_case(cases[0]) and not is_case(tmp_path)


@pytest.mark.parametrize("name", ["empty", "gone"])
def test_a_folder_without_cases(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput) as caught:
        cases_of(tmp_path / name)
    assert caught.value.file == str(tmp_path / name) and len(caught.value.remedy) > 5
