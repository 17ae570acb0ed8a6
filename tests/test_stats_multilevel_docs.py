"""The examples of the pages on multilevel models and mediation print what stands there."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

PAGES = Path(__file__).resolve().parents[1] / "docs" / "statistics"


@pytest.mark.parametrize(("page", "least"), [("multilevel.md", 15), ("mediation.md", 20)])
def test_every_example_of_the_page_prints_what_it_shows(page: str, least: int) -> None:
    text = (PAGES / page).read_text(encoding="utf-8").replace("\n```\n", "\n\n")
    examples = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    assert len(examples.examples) >= least
    told: list[str] = []
    doctest.DocTestRunner(verbose=False).run(examples, out=told.append)
    assert "".join(told) == ""
