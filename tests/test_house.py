"""The house keeps its own rules: imports, a light start, and files that name no machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import atlasplane

REPOSITORY = Path(__file__).resolve().parents[1]

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"

HEAVY = {"SimpleITK", "jinja2", "matplotlib", "numba", "pydicom", "scipy", "typst"}

# Written so that no pattern matches its own line.
FORBIDDEN = {
    "address of a package index": re.compile(r"py[p]i\.org|pythonh[o]sted|--(extra-)?inde[x]-url"),
    "path of one machine": re.compile(r"(?<![\w.])/(wor[k]|roo[t]|hom[e]/\w+|op[t]|User[s]/\w+)/|file:/[/]"),
}


def tracked_files() -> list[Path]:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout: there is no list of tracked files")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True, encoding="utf-8"
    )
    paths = [REPOSITORY / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def text_of(path: Path) -> str:
    """Text of a file, empty for one that is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_rooms_import_downwards_only() -> None:
    contracts = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-logo", "--no-cache"],
        cwd=REPOSITORY,
        capture_output=True,
        encoding="utf-8",
    )
    assert contracts.returncode == 0, contracts.stdout + contracts.stderr


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import atlasplane, json, sys; print(json.dumps(sorted(sys.modules)))"],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert HEAVY.isdisjoint(json.loads(loaded.stdout))


def test_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = atlasplane.lode


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("address of a package index", "https://py" + "pi.org/simple"),
        ("address of a package index", "--index" + "-url=x"),
        ("path of one machine", "see /wor" + "k/main"),
        ("path of one machine", "/hom" + "e/someone/x"),
        ("path of one machine", "file:/" + "/x"),
    ],
)
def test_forbidden_texts_are_recognised(what: str, line: str) -> None:
    assert FORBIDDEN[what].search(line)


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_names_a(what: str) -> None:
    named = [
        f"{path.relative_to(REPOSITORY)}: {hit.group()}"
        for path in tracked_files()
        for hit in FORBIDDEN[what].finditer(text_of(path))
    ]
    assert named == []


def locked(name: str) -> list[str]:
    """Requirements of a lock, each on one line with its hashes."""
    text = (REPOSITORY / "requirements" / name).read_text(encoding="utf-8")
    return [line for line in text.replace("\\\n", "").splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt"])
def test_every_locked_requirement_is_one_version_with_hashes(lock: str) -> None:
    pinned = re.compile(r"[\w.-]+==[\w.+-]+( ; [^;]+?)?( +--hash=sha256:[0-9a-f]{64})+")
    assert len(locked(lock)) > 20
    assert [line[:60] for line in locked(lock) if not pinned.fullmatch(line)] == []


def test_the_small_lock_is_part_of_the_large_one() -> None:
    assert set(locked("run.txt")) < set(locked("dev.txt"))


def test_the_lock_holds_everything_that_the_project_names() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = project["build-system"]["requires"] + project["project"]["dependencies"] + extras["ct"]
    present = {line.split("==")[0].lower() for line in locked("run.txt")}
    assert {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in wanted} <= present


def test_version_is_the_same_everywhere() -> None:
    citation = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f'version: "{atlasplane.__version__}"' in citation
    assert f"## [{atlasplane.__version__}]" in changelog
