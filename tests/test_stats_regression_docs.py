"""The examples of the pages on regression and the local level print what stands there."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

PAGES = Path(__file__).resolve().parents[1] / "docs" / "statistics"


@pytest.mark.parametrize("name", ["piecewise_and_between_case.md", "local_level.md"])
def test_every_example_of_the_page_prints_what_it_shows(name: str) -> None:
    text = (PAGES / name).read_text(encoding="utf-8").replace("\n```\n", "\n\n")
    examples = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    assert len(examples.examples) > 10
    told: list[str] = []
    doctest.DocTestRunner(verbose=False).run(examples, out=told.append)
    assert "".join(told) == ""
