"""A simulated case without rendered films, and the command line run on it inside the test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from atlasplane.cli import run
from atlasplane.io.schemas import json_schema
from atlasplane.simulate.case import CaseHead, write_case
from atlasplane.simulate.patient import Scenario, phantom_subject, scenario_visits
from atlasplane.simulate.visit import SimulatedFilm, SimulatedVisit
from tests.bad_input.cases import change as change

SCENARIO = Scenario(
    seed=5, head_deg=(0.4, 0.6, -0.5), atlas_deg=(-12.0, 3.4, 4.0), post_deg=(-12.0, 0.4, 0.6), noise_mm=0.25
)
PRE, POST = "2026-03-02", "2026-03-02-2"


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output, which must be one JSON document that its own schema accepts."""
        document: dict[str, Any] = json.loads(
            self.out, parse_constant=lambda word: pytest.fail(f"JSON holds {word}")
        )
        name = document["schema"].removeprefix("atlasplane.").removesuffix("/1")
        Draft202012Validator(json_schema(name)).validate(document)
        return document


Run = Callable[..., Outcome]


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command in this process."""

    def go(*arguments: object) -> Outcome:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return Outcome(status, shown.out, shown.err)

    return go


def write_whole_case(folder: Path) -> Path:
    """A pre and a post visit of three films each; every film is one grey, and no two are the same file."""
    visits = simulated_visits()
    head = CaseHead(id="cli-case", pseudonym="SIM", seed=SCENARIO.seed, plan={"height": "two-arc"})
    count = iter(range(1, 100))

    def picture(film: SimulatedFilm) -> np.ndarray:
        return np.full(film.setup.shape, next(count), np.uint16)

    write_case(folder, head, visits, picture)
    return folder


@cache
def simulated_visits() -> tuple[SimulatedVisit, ...]:
    """The visits, made once."""
    return scenario_visits(SCENARIO, phantom_subject(SCENARIO))


def copy_of(case: Path, folder: Path) -> Path:
    """A copy that a test may break."""
    shutil.copytree(case, folder)
    return folder


def everything(root: Path) -> Mapping[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def edit_marks(case: Path, film: str, edit: Callable[[dict[str, Any]], None], visit: str = PRE) -> None:
    """Change the first reading of a film's landmark file."""
    path = case / visit / f"{film}.landmarks.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content["readings"][0])
    path.write_text(json.dumps(content), encoding="utf-8")
