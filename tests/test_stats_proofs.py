"""The table of proofs: for every public function of `stats` a published case, an invariance, a coverage or
type I run, a boundary case and a refusal, or the reason why there can be none.

`tests/proofs/<topic>.toml` holds the table; what it names must exist.
"""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import atlasplane
from benchmarks.stats import IDS as BENCHMARKS

REPOSITORY = Path(__file__).resolve().parents[1]
STATS = Path(atlasplane.__file__).parent / "stats"
KINDS = ("published", "invariance", "coverage", "boundary", "refusal")
SHARED = {"checks", "refusal"}
"""Modules without a procedure: the input checks, proved by the refusals of those who use them."""
LEAST_REASON = 12
TABLES = sorted((REPOSITORY / "tests" / "proofs").glob("*.toml"))


def public_functions(folder: Path) -> set[str]:
    """Dotted names of the functions that the modules of the folder offer."""
    found = set()
    for path in folder.rglob("*.py"):
        inner = path.relative_to(folder).with_suffix("").parts
        if inner[0] in SHARED:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                found.add(".".join(("atlasplane.stats", *inner, node.name)))
    return found


def proofs() -> list[tuple[str, str, Any]]:
    """Rows of all tables: function, kind, what proves it."""
    return [
        (function, kind, proof)
        for path in TABLES
        for function, row in tomllib.loads(path.read_text(encoding="utf-8")).items()
        for kind, proof in row.items()
    ]


@cache
def names_in(name: str) -> frozenset[str]:
    """Names of the tests of a file; none where there is no such file."""
    path = REPOSITORY / name
    if not path.is_file():
        return frozenset()
    body = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return frozenset(
        node.name for node in body if isinstance(node, ast.FunctionDef) and node.name[:5] == "test_"
    )


def names_nothing(kind: str, proof: Any) -> list[str]:
    """Those parts of a proof that are no proof: a test or a bar that there is not, a reason without words."""
    if isinstance(proof, dict):
        reason = proof.get("none", "")
        return [] if set(proof) == {"none"} and len(reason) >= LEAST_REASON else [repr(proof)]
    named = [proof] if isinstance(proof, str) else proof
    if kind == "coverage":
        return [id_ for id_ in named if id_ not in BENCHMARKS] if named else ["nothing"]
    missing = []
    for node in named:
        file, _, test = node.partition("::")
        if test.partition("[")[0] not in names_in(file):
            missing.append(node)
    return missing if named else ["nothing"]


def claimed() -> set[str]:
    """Rows of the benchmark that prove some function."""
    return {
        id_
        for _, kind, proof in proofs()
        if kind == "coverage" and not isinstance(proof, dict)
        for id_ in ([proof] if isinstance(proof, str) else proof)
    }


def test_every_public_function_is_in_one_table() -> None:
    listed = [function for path in TABLES for function in tomllib.loads(path.read_text(encoding="utf-8"))]
    assert len(listed) == len(set(listed))
    offered = public_functions(STATS)
    assert (offered - set(listed), set(listed) - offered) == (set(), set())


def test_every_row_says_all_five() -> None:
    rows: dict[str, set[str]] = {}
    for function, kind, _ in proofs():
        rows.setdefault(function, set()).add(kind)
    assert {function: kinds for function, kinds in rows.items() if kinds != set(KINDS)} == {}


def test_what_the_tables_name_is_there() -> None:
    missing = {
        (function, kind): wrong for function, kind, proof in proofs() if (wrong := names_nothing(kind, proof))
    }
    assert missing == {}


def test_no_function_is_excused_from_everything() -> None:
    proved = {function for function, _, proof in proofs() if not isinstance(proof, dict)}
    assert {function for function, _, _ in proofs()} - proved == set()


@pytest.mark.parametrize(
    ("kind", "proof", "wrong"),
    [
        ("published", "tests/test_stats_proofs.py::test_every_row_says_all_five", []),
        ("published", "tests/test_stats_proofs.py::test_every_row_says_all_five[a-b]", []),
        ("boundary", "tests/test_stats_proofs.py::test_x", ["tests/test_stats_proofs.py::test_x"]),
        ("refusal", ["tests/none.py::test_x"], ["tests/none.py::test_x"]),
        ("coverage", "stats.coverage.none", ["stats.coverage.none"]),
        ("coverage", [], ["nothing"]),
        ("refusal", [], ["nothing"]),
        ("coverage", {"none": "a point estimate without an interval"}, []),
        ("coverage", {"none": "so"}, ["{'none': 'so'}"]),
    ],
)
def test_what_proves_nothing_is_told(kind: str, proof: Any, wrong: list[str]) -> None:
    assert names_nothing(kind, proof) == wrong
