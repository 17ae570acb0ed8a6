"""A verb that takes no time, for tests of the batch: what a case is told to do stands in its folder."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from atlasplane.chain.batch import Outcome
from atlasplane.core.errors import BadInput

RESULT = "result"


@dataclass(frozen=True)
class CountingJob:
    """Stores how often a case was done; a case may ask to fail, to break or to take its worker along."""

    def run(self, case: Path) -> Outcome:
        wish = (case / "wish").read_text(encoding="utf-8")
        if wish == "refuse":
            raise BadInput(str(case), "cannot be used", "Mend it")
        if wish == "break":
            raise ZeroDivisionError
        if wish == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if wish == "slow":
            time.sleep(60)
        times = _count(case) + 1
        (case / RESULT).write_text(str(times), encoding="utf-8")
        threads = ",".join(os.environ.get(f"{name}_NUM_THREADS", "") for name in ("NUMBA", "OMP"))
        return Outcome(status=wish, values={"times": str(times), "threads": threads, "pid": str(os.getpid())})

    def saved(self, case: Path) -> Outcome | None:
        return Outcome(status="ok", values={"times": str(_count(case))}) if _count(case) else None


def _count(case: Path) -> int:
    path = case / RESULT
    return int(path.read_text(encoding="utf-8")) if path.exists() else 0


def write_cases(folder: Path, *wishes: str) -> list[Path]:
    """One case a wish, named so that their order is known."""
    cases = []
    for number, wish in enumerate(wishes):
        case = folder / f"P-{number:03d}"
        case.mkdir(parents=True)
        (case / "case.toml").write_text("", encoding="utf-8")
        (case / "wish").write_text(wish, encoding="utf-8")
        cases.append(case)
    return cases
