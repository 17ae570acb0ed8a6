"""Changes in the terminal: every word whole in a window of 80 columns, every verdict that of the change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlasplane.chain.comparison import Comparison
from atlasplane.cli.tables import print_comparison
from atlasplane.core.change import compare
from atlasplane.core.observation import Category, Count, Measurement, Site
from atlasplane.core.quantity import quantity
from tests.test_report_case import measured_pair
from tests.test_report_document import five_kinds

KINDS = {type(o).__name__: o for o in five_kinds()}
SITE = Site(structure="trapezius_upper", side="right")


def spasms() -> Comparison:
    """A burden that falls little, a rate that falls much, and the state of the muscle."""
    burden, rate, state = KINDS["Measurement"], KINDS["Count"], KINDS["Category"]
    assert isinstance(burden, Measurement) and isinstance(rate, Count) and isinstance(state, Category)
    burden = replace(burden, quantity=quantity("spasm_burden"), site=SITE, value=4.66, u=0.83, budget={})
    rate = replace(rate, quantity=quantity("spasm_rate"), site=SITE, n=570, exposure=3.9)
    state = replace(
        state, quantity=quantity("muscle_state"), site=SITE, value="active_spasm", choices=("active_spasm",)
    )
    changes = (
        compare(burden, replace(burden, value=4.2)),
        compare(rate, replace(rate, n=60)),
        compare(state, state),
    )
    pre, post = measured_pair().visits
    return Comparison(pre=pre, post=post, changes=changes, level=0.95)


@pytest.mark.parametrize("columns", [80, 120])
def test_words_are_whole_and_lines_fit(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    print_comparison(spasms(), (), simulated=False)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= columns
    words = set(shown.replace("\N{NO-BREAK SPACE}", " ").split())
    assert {"distinguishable", "trapezius,", "right", "burden,", "active", "spasm"} <= words
    assert "active_spasm" not in words


def test_a_count_is_judged_by_its_intervals_in_a_narrow_window(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_comparison(spasms(), (), simulated=False)
    lines = capsys.readouterr().out.splitlines()
    rate = next(line for line in lines if line.startswith("Spasm rate"))
    assert rate.rstrip().endswith("distinguishable") and "not" not in rate.split()
    burden = next(line for line in lines if "4.66" in line)
    assert burden.rstrip().endswith("not")  # goes on in the next line
