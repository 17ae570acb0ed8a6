"""The pages on statistics: their examples run and print what stands there; each says when not to use it."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import atlasplane
from docs._ext.plain_formulas import escaped

PAGES = Path(__file__).resolve().parents[1] / "docs" / "statistics"
TOPICS = (
    "reliability",
    "single_case_overlap",
    "single_case_design",
    "piecewise_and_between_case",
    "local_level",
    "counts_and_change_points",
    "multilevel",
    "mediation",
    "meta_analysis",
)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_FOR = re.compile(r"\bwhen not\b|\bnot to be used\b|\*not\* for\b", re.IGNORECASE)
DOI = re.compile(r"(?:doi\.org/|doi:\s?)10\.\d{4,9}/\S+", re.IGNORECASE)


def blocks(text: str) -> Iterator[tuple[int, str]]:
    """Line in the page, from 0, and source of each block of Python."""
    for hit in BLOCK.finditer(text):
        yield text.count("\n", 0, hit.start(1)), hit[1]


def told(text: str, name: str) -> list[str]:
    """Wrong examples of a page: those that print something else, and those that nobody runs."""
    parser, wrong, names = doctest.DocTestParser(), [], {"__name__": "__main__"}
    runner = doctest.DocTestRunner(verbose=False, optionflags=FLAGS)
    for line, source in blocks(text):
        if not source.startswith(">>> "):
            wrong.append(f"{name}, line {line + 1}: starts without '>>> ', so nobody runs it")
            continue
        example = parser.get_doctest(source, names, name, name, line)
        runner.run(example, out=wrong.append, clear_globs=False)
        names = example.globs  # a doctest runs in a copy; the page is one session
    return wrong


def test_every_topic_has_its_page_and_the_index_shows_them_all() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == {*TOPICS, "index"}
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    listed = re.search(r"```\{toctree\}\n(?::.*\n)*\n(.*?)```", index, re.DOTALL)
    assert listed is not None
    assert listed[1].split() == ["walkthrough", *TOPICS]


@pytest.mark.parametrize("topic", ("index", *TOPICS))
def test_the_examples_of_a_page_run_as_printed(topic: str) -> None:
    text = (PAGES / f"{topic}.md").read_text(encoding="utf-8")
    assert list(blocks(text)), "a page without an example"
    assert "".join(told(text, f"{topic}.md")) == ""


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_names_its_sources_and_when_not_to_use_it(topic: str) -> None:
    text = (PAGES / f"{topic}.md").read_text(encoding="utf-8")
    assert NOT_FOR.search(text)
    assert DOI.search(text)


def test_the_reference_shows_every_module() -> None:
    package = Path(atlasplane.__file__).parent
    rooms = (package / "stats", package / "report" / "statistics_plots")
    modules = {
        "atlasplane." + ".".join(path.relative_to(package).with_suffix("").parts)
        for room in rooms
        for path in room.rglob("*.py")
        if path.stem not in {"__init__", "checks", "sheet"}
    }
    text = (PAGES.parent / "reference" / "statistics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\.\. automodule:: (\S+)$", text, re.MULTILINE)) == modules


def test_formulas_of_docstrings_are_no_markup() -> None:
    lines = [
        "a - |b|, c_ and `d_`, ``|e|``",
        "- f",
        "",
        "- one, |x|",
        "  + two",
        "- three",
        "",
        "+ where more",
    ]
    assert escaped(lines) == [
        r"a - \|b\|, c\_ and `d_`, ``|e|``",
        r"\- f",
        "",
        r"- one, \|x\|",
        r"  \+ two",
        "- three",
        "",
        r"\+ where more",
    ]


def test_a_wrong_example_and_one_that_nobody_runs_are_found() -> None:
    page = "# T\n\n```python\n>>> a = 2\n>>> a\n2\n```\n\n```python\n>>> a + 1\n4\n```\n"
    (found,) = (message for message in told(page, "t.md") if "Expected" in message)
    assert 'File "t.md", line 10' in found
    assert told("```python\nimport x\n```\n", "t.md") == [
        "t.md, line 2: starts without '>>> ', so nobody runs it"
    ]
