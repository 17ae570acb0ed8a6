"""`register` on the command line: what it prints, what it writes, and its exit status."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlasplane import api
from atlasplane.chain import registered, registered_overlays
from atlasplane.chain.registered_record import Prepared
from atlasplane.core.errors import Cancelled
from tests.cli_cases import Outcome, runner
from tests.registered_cases import POST, ready, stand_in, whole_case


@pytest.fixture
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_case(tmp_path_factory.getbasetemp())


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "case"))


class Verb:
    """The command on a case, with a registration that stands in."""

    def __init__(
        self, root: Path, whole: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.root, self._run, self._patch = root, runner(capture), patch
        self.asked: dict[str, Any] = {}

        def prepared(case: Any, **asked: Any) -> Prepared:
            self.asked = asked
            return replace(ready(whole, "v2"), case=case)

        patch.setattr(registered, "prepare", prepared)
        patch.setattr(registered_overlays, "with_pictures", lambda done: done)

    def __call__(self, *arguments: str, **result: Any) -> Outcome:
        self._patch.setattr(registered, "register", lambda problem, **_: stand_in(problem, **result))
        return self._run("register", self.root, *arguments)


@pytest.fixture
def verb(
    root: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Verb:
    return Verb(root, whole, monkeypatch, capsys)


def test_the_document_keeps_to_its_schema_and_is_what_the_folder_keeps(verb: Verb) -> None:
    done = verb("--json")
    assert done.status == 0
    assert done.document["status"] == "ok" and done.document["reason"] is None
    kept = json.loads((verb.root / POST / "registration.json").read_text("utf-8"))
    assert kept == done.document
    assert verb.asked["visit"] is None and verb.asked["start"] == "landmarks"


def test_a_person_reads_poses_state_and_time(verb: Verb) -> None:
    done = verb("--visit", "v2", "--rig", "free")
    assert done.status == 0 and verb.asked["rig"] == "free"
    for words in ("SIMULATED", "C1 in the skull", "C2 in C1", "extension", "ok: films and bones agree"):
        assert words in done.out
    assert "0.5" in next(line for line in done.out.splitlines() if line.startswith("seconds"))
    assert f"{POST}/registration.json" in done.out


@pytest.mark.parametrize("status", ["doubtful", "refused"])
def test_what_a_person_must_look_at_ends_with_1_and_says_why(verb: Verb, status: str) -> None:
    done = verb(status=status, reasons=("weak_signal",))
    assert done.status == 1
    shown = " ".join(done.out.split())
    assert status in shown and "shows too little" in shown and "Remedy" in shown
    assert ("C1 in the skull" in shown) == (status == "doubtful")
    document = verb("--json", status=status, reasons=("weak_signal",))
    assert document.status == 1 and document.document["reasons"] == ["weak_signal"]
    assert document.document["relative"] == {} or status == "doubtful"


def test_what_is_no_option_and_no_case_end_with_2(verb: Verb, tmp_path: Path) -> None:
    wrong = verb("--rig", "loose", "--json")
    assert wrong.status == 2 and wrong.document["remedy"].startswith("Give fixed or free")
    verb.root = tmp_path / "none"
    assert verb("--json").status == 2


@pytest.mark.parametrize("stop", [KeyboardInterrupt, lambda: Cancelled("registration")])
def test_a_stopped_run_leaves_nothing(verb: Verb, monkeypatch: pytest.MonkeyPatch, stop: Any) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise stop()

    before = sorted(path.name for path in (verb.root / POST).iterdir())
    monkeypatch.setattr(registered, "record_of", stopped)
    assert verb().status in (2, 130)
    assert sorted(path.name for path in (verb.root / POST).iterdir()) == before


def test_the_verb_of_a_script_hands_progress_on(verb: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registered, "register", lambda problem, *, progress, **_: _told(problem, progress))
    shares: list[float] = []
    done = api.register(verb.root, progress=lambda share, text: shares.append(share))
    assert shares == sorted(shares) and shares[-1] == 1.0 and 0.6 in [round(s, 9) for s in shares]
    assert not done.needs_a_person


def _told(problem: Any, progress: Any) -> Any:
    progress(0.5, "Level 2")
    return stand_in(problem)
