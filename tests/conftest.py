"""Fixtures of the whole test run: where the real data are, and what happens when they are not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples on every machine, and no limit on the time of one: a busy machine is not a failure.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).resolve().parents[1]


def _data_root() -> Path:
    named = os.environ.get("ATLASPLANE_DATA")
    return Path(named).resolve() if named else REPOSITORY.parent / "shared" / "data"


def _present(folder: Path) -> Path:
    """Return the folder, or skip; where ATLASPLANE_REQUIRE_DATA=1 its absence is a failure."""
    if folder.is_dir():
        return folder
    reason = f"no folder '{folder.name}' for tests on real data: set ATLASPLANE_DATA to the data folder"
    if os.environ.get("ATLASPLANE_REQUIRE_DATA") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real scans, meshes, recordings and DICOM files made by others."""
    return _present(_data_root())


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """Folder of published cases, beside the data folder."""
    return _present(_data_root().parent / "reference_cases")
