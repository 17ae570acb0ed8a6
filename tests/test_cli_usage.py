"""What the command line does around its commands: help, wrong usage, our own faults, a light start."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from atlasplane import cli
from atlasplane.cli.documents import printable
from atlasplane.cli.terminal import progress
from tests.cli_cases import Run, runner, write_whole_case

COMMANDS = (
    *("demo", "new", "add", "measure", "compare"),
    *("report", "simulate", "schema", "check", "observers", "doctor"),
)


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def test_help_lists_the_commands_and_the_statuses(go: Run) -> None:
    outcome = go("--help")
    assert outcome.status == 0
    assert all(re.search(rf"^│ {command} ", outcome.out, re.MULTILINE) for command in COMMANDS)
    assert "Exit status" in outcome.out and "medical device" in outcome.out


@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_json(
    go: Run, command: str, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    outcome = go(command, "--help")
    assert outcome.status == 0
    assert f"Example: atlasplane {command}" in outcome.out
    assert "--json" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= int(columns)
    assert "…" not in outcome.out.replace("VIEW,…", "")


@pytest.mark.parametrize(
    ("arguments", "file", "what"),
    [
        (("foo",), "atlasplane", "no such command 'foo'"),
        (("cohort", "case"), "atlasplane", "no such command 'cohort'"),
        (("measure",), "atlasplane measure", "missing argument 'CASE'"),
        (("measure", "case", "--bogus"), "atlasplane measure", "--bogus"),
        (("measure", "case", "more"), "atlasplane measure", "more"),
        (("new", "folder"), "atlasplane new", "--pseudonym"),
        (("compare", "case", "--level", "high"), "atlasplane compare", "--level"),
    ],
)
def test_wrong_usage_is_bad_input(go: Run, arguments: tuple[str, ...], file: str, what: str) -> None:
    plain, machine = go(*arguments), go(*arguments, "--json")
    assert (plain.status, plain.out) == (2, "")
    assert plain.err.startswith(f"{file}: ") and what in plain.err and "--help" in plain.err
    assert machine.status == 2
    assert machine.document["file"] == file and what in machine.document["what"]


def test_without_a_command_the_help_is_shown(go: Run) -> None:
    outcome = go()
    assert outcome.status == 2
    assert "Usage: atlasplane" in outcome.out and outcome.err == ""


def test_version(go: Run) -> None:
    outcome = go("--version")
    assert outcome.status == 0
    assert re.match(r"atlasplane \d+\.\d+", outcome.out) and "medical device" in outcome.out


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_folder: Path) -> None:
        raise ZeroDivisionError("Planted^Name")

    monkeypatch.setattr("atlasplane.api.load", fail)


def test_our_fault_is_status_3_without_a_traceback(
    go: Run, broken: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(cli.DEBUG, raising=False)
    outcome = go("measure", "case", "--json")
    assert outcome.status == 3
    assert outcome.document["what"] == "our fault (ZeroDivisionError)"
    assert outcome.err.startswith("atlasplane: our fault (ZeroDivisionError). Set ATLASPLANE_DEBUG=1")
    assert "Planted" not in outcome.err + outcome.out and "Traceback" not in outcome.err


def test_our_fault_is_shown_when_asked(go: Run, broken: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cli.DEBUG, "1")
    outcome = go("measure", "case")
    assert outcome.status == 3 and "Traceback" in outcome.err


def test_an_interrupt_is_no_traceback(go: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("atlasplane.api.load", stop)
    outcome = go("measure", "case")
    assert outcome.status == cli.STOPPED and outcome.err.startswith("atlasplane: stopped")


def run_python(code: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False, **more
    )


def loaded_by(*arguments: str) -> set[str]:
    code = (
        "import json, sys\nfrom atlasplane.cli import run\n"
        f"status = run({list(arguments)!r})\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\nsys.exit(status)"
    )
    ended = run_python(code)
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stderr))


def test_help_loads_nothing_heavy() -> None:
    assert {"numpy", "scipy", "pydantic", "PIL", "pydicom", "matplotlib"}.isdisjoint(loaded_by("--help"))


def test_measuring_loads_only_what_it_needs(tmp_path: Path) -> None:
    case = write_whole_case(tmp_path / "case")
    unneeded = {
        "scipy.stats",
        "scipy.optimize",
        "matplotlib",
        "jinja2",
        "typst",
        "pydicom",
        "nibabel",
        "pandas",
        "numba",
        "scipy.spatial",
        "skimage",
        "trimesh",
    }
    assert unneeded.isdisjoint(loaded_by("measure", str(case)))


def test_a_pipe_is_utf_8_whatever_the_machine_speaks(tmp_path: Path) -> None:
    case = write_whole_case(tmp_path / "case")
    arguments = ["atlasplane", "measure", str(case)]
    code = f"import sys; sys.argv = {arguments!r}; from atlasplane.cli import main; main()"
    ended = run_python(code, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert ended.returncode == 0, ended.stderr
    assert "±" in ended.stdout and "°" in ended.stdout


def test_a_reader_that_leaves_is_no_fault_of_ours() -> None:
    code = (
        "import sys; sys.argv = ['atlasplane', 'schema', 'measure']; from atlasplane.cli import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
        process.wait()
    assert "fault" not in said and "Traceback" not in said
    assert process.returncode in (cli.READER_LEFT, 0)


def test_control_characters_are_written_out() -> None:
    assert printable("a\x1b[31mb\u202ec°\N{NO-BREAK SPACE}d") == "a\\x1b[31mb\\u202ec°\N{NO-BREAK SPACE}d"


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Taking films", 2) as step:
        step()
        step()
    with progress("Writing"):
        pass
    assert capsys.readouterr() == ("", "")
