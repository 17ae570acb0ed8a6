"""`register` on a folder of cases: a line a case, throughput, what is kept, exit status."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from atlasplane import api
from atlasplane.chain.batch import BatchRow, Fault, Outcome, _Task
from atlasplane.cli import batch_table
from atlasplane.cli.register_job import RegisterJob
from atlasplane.core.errors import BadInput
from tests.batch_cases import CountingJob, write_cases
from tests.cli_cases import Run, runner

WISHES = ("ok", "refuse", "doubtful", "ok")


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The batch done in this process, with a verb that takes no time; returns how it was called."""
    calls: list[dict[str, Any]] = []

    def rows(cases: list[Path], job: object, **options: Any) -> Any:
        calls.append({"job": job, **options})
        task = _Task(job=CountingJob(), again=options["again"])
        return iter([task(case, f"process {k % 2 + 1}") for k, case in enumerate(cases)])

    monkeypatch.setattr(batch_table, "run_batch", rows)
    return calls


def test_every_case_has_a_line_and_the_last_says_how_fast(
    go: Run, tmp_path: Path, here: list[dict[str, Any]]
) -> None:
    write_cases(tmp_path, *WISHES)
    done = go("register", tmp_path, "--workers", "2", "--rig", "free", "--visit", "v3")
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["case", "P-000", "P-001", "P-002", "P-003"]
    assert [line.split()[1] for line in lines[:-1]] == ["status", "ok", "failed", "doubtful", "ok"]
    assert "cannot be used. Mend it" in lines[2]
    assert lines[-1].startswith("4 cases in ") and "with 2 workers:" in lines[-1] and "cases/s" in lines[-1]
    assert done.status == 1
    assert here[0]["workers"] == 2 and not here[0]["again"]
    assert here[0]["job"] == RegisterJob(visit="v3", rig="free")


def test_what_was_done_is_kept_and_said(go: Run, tmp_path: Path, here: list[dict[str, Any]]) -> None:
    write_cases(tmp_path, "ok", "ok")
    assert go("register", tmp_path).status == 0
    second = go("register", tmp_path, "--workers", "tcp://host:1")
    assert second.out.count("(kept)") == 2 and second.out.splitlines()[-1].startswith("0 cases in ")
    assert "2 kept" in second.out
    assert "(kept)" not in go("register", tmp_path, "--again").out
    assert here[0]["workers"] >= 1 and here[1]["workers"] == "tcp://host:1" and here[2]["again"]


def test_json_is_one_document(go: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault(file="ct/c1.nii.gz", what="is empty", remedy="Segment the scan")
    row = BatchRow(case=tmp_path / "P-000", fault=fault, seconds=0.5, worker="process 1")
    monkeypatch.setattr(batch_table, "run_batch", lambda *_, **__: iter([row]))
    write_cases(tmp_path, "ok")
    done = go("register", tmp_path, "--json")
    (case,) = done.document["cases"]
    assert case["error"] == {"file": "ct/c1.nii.gz", "what": "is empty", "remedy": "Segment the scan"}
    assert (case["status"], case["result"], done.document["workers"], done.status) == ("failed", None, 1, 1)


@pytest.mark.parametrize("options", [(), ("--workers", "0"), ("--workers", "nowhere"), ("--rig", "loose")])
def test_what_cannot_be_done_is_refused(go: Run, tmp_path: Path, options: tuple[str, ...]) -> None:
    if options:
        write_cases(tmp_path, "ok")
    done = go("register", tmp_path, *options, "--json")
    assert done.status == 2 and len(done.document["remedy"]) > 5


# ---- the job itself ----


def registered(status: str, calls: list[dict[str, Any]]) -> Any:
    """A verb that has registered whatever it is given."""
    record = SimpleNamespace(
        status=status,
        visit="v3",
        rig="free",
        reasons=() if status == "ok" else ("unresolved",),
        residual=SimpleNamespace(value=0.31, limit=0.6),
        model_dump=lambda **_: {"schema": "atlasplane.register/1"},
    )

    def verb(case: Path, **options: Any) -> Any:
        calls.append({"case": case, **options})
        return SimpleNamespace(record=record)

    return verb


@pytest.mark.parametrize("status", ["ok", "doubtful"])
def test_the_job_calls_the_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(api, "register", registered(status, calls))
    outcome = RegisterJob(visit="v3", rig="free", start="earlier.json").run(tmp_path)
    assert calls == [{"case": tmp_path, "visit": "v3", "rig": "free", "start": "earlier.json"}]
    assert (outcome.status, outcome.needs_a_person) == (status, status != "ok")
    reason = "" if status == "ok" else "unresolved"
    assert outcome.values == {"visit": "v3", "rig": "free", "residual/limit": "0.31/0.6", "reason": reason}


def test_a_case_that_cannot_be_read_is_no_kept_one(tmp_path: Path) -> None:
    (case,) = write_cases(tmp_path, "ok")
    with pytest.raises(BadInput):
        RegisterJob().saved(case)
    assert isinstance(Outcome(status="ok").values, dict)
