"""Speed, memory and size of the main job."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from benchmarks.bar import Bar, at_most

SEED = 20
REPEATS = 5
DRAWS = 100_000
_RUN = "from atlasplane.cli import main; main()"
_JOINT = """
import resource, sys, time
import numpy as np
from atlasplane.api import load
from atlasplane.core.catalogue import entries
from atlasplane.pathways.alignment.sampling import sampled
from atlasplane.pathways.alignment.visit_analysis import analyse_visit
visit = load(sys.argv[1]).case.visits[0]
order = analyse_visit(visit).joint.order
atlas = {id_ for id_, _ in entries("atlasplane.core", "quantities", ["atlas"], "atlasplane.quantities/1")}
keys = [key for key in order if key.split("/")[0] in atlas] if sys.argv[4] == "atlas" else None
seconds = []
for seed in range(int(sys.argv[3])):
    start = time.perf_counter()
    sampled(analyse_visit(visit), draws=int(sys.argv[2]), rng=np.random.default_rng(seed), keys=keys)
    seconds.append(time.perf_counter() - start)
print(sorted(seconds)[len(seconds) // 2], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def bars() -> Iterator[Bar]:
    """All bars of the group, on a simulated patient made for it."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        _python(_RUN, "demo", f"{folder}/demo")
        yield at_most("main-job.demo", time.perf_counter() - start, 90, "s", seed=SEED)
        case = f"{folder}/demo/patient"
        yield at_most("main-job.measure-cold", _median(_RUN, "measure", case, "--json"), 2.0, "s", n=REPEATS)
        yield at_most("main-job.report", _median(_RUN, "report", case, "--pdf"), 5.0, "s", n=REPEATS)
        seconds, _ = _joint(case, "atlas")
        yield at_most("main-job.joint-monte-carlo", seconds, 1.0, "s", n=DRAWS, seed=0)
        seconds, mebibytes = _joint(case, "all")
        yield Bar(id="main-job.joint-monte-carlo-all", value=seconds, unit="s", n=DRAWS, seed=0)
        yield at_most("main-job.joint-memory", mebibytes, 1024, "MiB", n=DRAWS, seed=0)
    empty = _median("pass")
    yield at_most("main-job.import", _median("import atlasplane") - empty, 0.3, "s", n=REPEATS)
    yield at_most("main-job.base-install", _installed_bytes() / 1e6, 400, "MB")


def _joint(case: str, which: str) -> tuple[float, float]:
    """Median seconds and peak MiB of the joint result: of the atlas' quantities, or of all of a visit."""
    seconds, mebibytes = _python(_JOINT, case, str(DRAWS), str(REPEATS), which).split()
    return float(seconds), float(mebibytes)


def _python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return done.stdout


def _median(code: str, *arguments: str) -> float:
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        _python(code, *arguments)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _installed_bytes() -> int:
    """Size of the files of atlasplane's base requirements and of all that they require."""
    from packaging.requirements import Requirement

    wanted, seen, total = ["atlasplane"], set(), 0
    while wanted:
        name = wanted.pop()
        if name.lower() in seen:
            continue
        seen.add(name.lower())
        found = _distribution(name)
        if found is None:
            continue
        total += sum(_size(found, path) for path in found.files or ())
        for text in found.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(requirement.name)
    return total


def _distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _size(found: Distribution, path: object) -> int:
    located = Path(str(found.locate_file(str(path))))
    compiled = located.suffix == ".pyc"
    return located.stat().st_size if located.is_file() and not compiled else 0
