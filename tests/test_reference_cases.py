"""The published cases, number by number: what our functions give, to the tolerance that each file states.

`tests/reference/<case>.py` computes all numbers of a case; `tests/reference/names.toml` lists them. Where an
expected number is wrong, the module says so with the proof (`DISPUTED`); such a number has to differ.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent / "reference"
NAMES: dict[str, list[str]] = tomllib.loads((HERE / "names.toml").read_text(encoding="utf-8"))
NUMBERS = [(case, name) for case, names in NAMES.items() for name in names]
N_CASES, N_NUMBERS = 23, 245


@cache
def read_case(folder: Path, case: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / f"{case}.json").read_text(encoding="utf-8"))
    return loaded


@cache
def computed(folder: Path, case: str) -> dict[str, Any]:
    """Everything that our functions say of a case."""
    found: dict[str, Any] = import_module(f"tests.reference.{case}").computed(read_case(folder, case))
    return found


def flat(value: Any) -> Iterator[Any]:
    """Single values of a number, a word, or rows of them; an array counts as its rows."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list | tuple):
        for part in value:
            yield from flat(part)
    else:
        yield value


def is_off(wanted: Any, got: Any, tolerance: float | None) -> bool:
    """Whether a single value is not what was printed; without a tolerance it must be the same."""
    if tolerance is None:
        return type(wanted) is not type(got) or bool(wanted != got)
    return not math.isfinite(got) or abs(got - wanted) > tolerance


def differences(wanted: Any, got: Any, tolerance: float | None) -> list[tuple[Any, Any]]:
    """Pairs of printed and computed that differ by more than the tolerance; all where one is longer."""
    ours, theirs = list(flat(got)), list(flat(wanted))
    if len(ours) != len(theirs):
        return [(theirs, ours)]
    return [pair for pair in zip(theirs, ours, strict=True) if is_off(*pair, tolerance)]


@pytest.mark.parametrize(("case", "name"), NUMBERS, ids=["-".join(number) for number in NUMBERS])
def test_published_number(reference_dir: Path, case: str, name: str) -> None:
    entry = next(e for e in read_case(reference_dir, case)["expected"] if e["name"] == name)
    off = differences(entry["value"], computed(reference_dir, case)[name], entry.get("tol_abs"))
    disputed = getattr(import_module(f"tests.reference.{case}"), "DISPUTED", {}).get(name)
    if disputed:
        assert off, "the file agrees by now: it is disputed no longer"
        pytest.xfail(disputed)
    assert off == []


def test_disputed_numbers_are_few_and_known() -> None:
    disputed = {
        (case, name)
        for case in NAMES
        for name in getattr(import_module(f"tests.reference.{case}"), "DISPUTED", {})
    }
    assert disputed == {("tarlow_2017_tau_traps", "long corrected tau-b, p")}


def test_every_file_has_its_computation_and_every_number_its_name(reference_dir: Path) -> None:
    listed = {
        path.stem: [entry["name"] for entry in read_case(reference_dir, path.stem)["expected"]]
        for path in reference_dir.glob("*.json")
    }
    assert listed == NAMES


def test_every_case_is_computed_in_a_module_of_its_own() -> None:
    assert {path.stem for path in HERE.glob("*.py")} == set(NAMES)
    assert (len(NAMES), len(NUMBERS)) == (N_CASES, N_NUMBERS)
    assert len(set(NUMBERS)) == N_NUMBERS


def test_a_case_computes_its_own_numbers_and_no_others(reference_dir: Path) -> None:
    assert {case: sorted(computed(reference_dir, case)) for case in NAMES} == {
        case: sorted(names) for case, names in NAMES.items()
    }


def test_a_number_that_is_off_missing_or_not_finite_is_told() -> None:
    assert differences([1.0, 2.0], (1.0, 2.05), 0.1) == []
    assert differences([1.0, 2.0], (1.0, 2.2), 0.1) == [(2.0, 2.2)]
    assert differences([1.0, 2.0], 1.0, 0.1) == [([1.0, 2.0], [1.0])]
    assert differences(1.0, math.nan, 0.1)
    assert differences(0, 0.0, 0) == []
    assert differences(True, True, None) == []
    assert differences(True, 1.0, None)
    assert differences(["DL", "HE"], ["DL", "SJ"], None) == [("HE", "SJ")]
