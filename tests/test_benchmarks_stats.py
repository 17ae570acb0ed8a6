"""The table of the statistics' benchmark: every named row comes, once, and parts of it can be asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from benchmarks import stats
from benchmarks.__main__ import main
from benchmarks.bar import Bar
from tests.test_stats_proofs import claimed

FEW = 4


@pytest.mark.parametrize("topic", stats.TOPICS)
def test_a_topic_yields_the_rows_that_it_names(topic: str) -> None:
    ids, bars = stats.TOPICS[topic]
    found = list(bars(FEW))
    assert sorted(bar.id for bar in found) == sorted(ids)
    assert all(bar.why for bar in found if bar.value is None)
    judged = {bar.id for bar in found if bar.bar and bar.id.startswith("stats.coverage.")}
    assert judged - claimed() == set()


def test_a_row_stands_once_and_is_named_after_what_it_measures() -> None:
    assert len(stats.IDS) == len(set(stats.IDS))
    kinds = {id_.split(".")[1] for id_ in stats.IDS}
    assert {"coverage", "type-i", "speed", "mediation"} <= kinds
    assert all(id_.startswith("stats.") for id_ in stats.IDS)


def test_every_judged_test_is_printed_under_autocorrelation_too() -> None:
    alike = [id_ for id_ in stats.IDS if id_.endswith((".ar1-0.3", ".ar1-0.6"))]
    assert len(alike) > 20
    assert {id_.replace("0.3", "0.6") for id_ in alike} == {id_ for id_ in alike if id_.endswith("0.6")}


def fake(monkeypatch: pytest.MonkeyPatch, *yielded: str, named: tuple[str, ...] = ()) -> list[str]:
    """Two topics; the list tells which rows were worked on."""
    worked: list[str] = []

    def bars(cases: int) -> Iterator[Bar]:
        for id_ in yielded:
            worked.append(id_)
            yield Bar(id=id_, value=1.0, unit="1", n=cases)

    other = ("stats.speed.other",)
    monkeypatch.setattr(
        stats,
        "TOPICS",
        {
            "one": (named or yielded, bars),
            "other": (other, lambda cases: iter([Bar(id=other[0], value=0.0, unit="s")])),
        },
    )
    return worked


ROWS = ("stats.coverage.a", "stats.coverage.a.few", "stats.type-i.a", "stats.coverage.ab")


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (None, [*ROWS, "stats.speed.other"]),
        ("stats", [*ROWS, "stats.speed.other"]),
        ("stats.one", [*ROWS]),
        ("stats.other", ["stats.speed.other"]),
        ("stats.coverage", [ROWS[0], ROWS[1], ROWS[3]]),
        ("stats.coverage.a", [ROWS[0], ROWS[1]]),
        ("stats.type-i.a", [ROWS[2]]),
    ],
)
def test_parts_may_be_asked_for(monkeypatch: pytest.MonkeyPatch, wanted: str | None, ids: list[str]) -> None:
    fake(monkeypatch, *ROWS)
    assert [bar.id for bar in stats.bars(wanted, 7)] == ids


def test_a_topic_stops_after_the_last_row_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worked = fake(monkeypatch, *ROWS)
    (bar,) = stats.bars("stats.coverage.a.few", 7)
    assert (bar.id, bar.n) == ("stats.coverage.a.few", 7)
    assert worked == list(ROWS[:2])
    assert "stats, one: 1 of 1 rows to come" in capsys.readouterr().err


def test_a_row_that_is_named_and_does_not_come_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, "stats.coverage.a", named=("stats.coverage.a", "stats.coverage.b"))
    with pytest.raises(RuntimeError, match=r"one end without stats\.coverage\.b"):
        list(stats.bars("stats.one", 7))


def test_the_command_prints_a_topic_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(monkeypatch, *ROWS)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "stats.one", "--json", "--cases", "7"])
    main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["id"], line["n"]) for line in lines] == [(id_, 7) for id_ in ROWS]


def test_a_name_that_no_row_has_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(monkeypatch, *ROWS)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "stats.nothing"])
    with pytest.raises(SystemExit):
        main()
    assert "no row of statistics is named 'stats.nothing'; topics: one, other" in capsys.readouterr().err
