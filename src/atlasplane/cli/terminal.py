"""What the terminal shows: tables, findings, progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from atlasplane.cli.documents import printable
from atlasplane.core.finding import Finding, Severity
from atlasplane.report.wording import prose

SEVERITY_STYLE = {Severity.STOP: "bold red", Severity.WARN: "yellow", Severity.INFO: "dim"}
FILE_WIDTH = 120
"""Columns of a table that goes to a file or a pipe."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers stand to the right and are never broken, words from `least` to `most`."""

    heading: str
    justify: Literal["left", "right"] = "left"
    least: int | None = None
    most: int | None = None


def console() -> Console:
    """The console of this run; wide enough for a table when the output is a file."""
    found = Console(highlight=False)
    told = found.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    return found if told else Console(highlight=False, width=FILE_WIDTH)


def table(title: str, columns: Iterable[Column]) -> Table:
    """An empty table."""
    made = Table(
        title=escape(title),
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        whole = column.justify == "right"
        made.add_column(
            column.heading,
            justify=column.justify,
            no_wrap=whole,
            min_width=column.least,
            max_width=column.most,
        )
    return made


def cells(texts: Iterable[str]) -> list[str]:
    """Texts as cells of a table: brackets are brackets."""
    return [escape(printable(text)) for text in texts]


def print_labelled(out: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Lines of a label and a text; a long text goes on below itself. Labels may carry markup."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for label, text in rows:
        grid.add_row(label, escape(printable(text)))
    if grid.row_count:
        out.print(grid)


def print_findings(out: Console, findings: Iterable[Finding]) -> None:
    """Findings, the gravest first."""
    order = list(SEVERITY_STYLE)
    rows = []
    for found in sorted(findings, key=lambda f: order.index(f.severity)):
        where = f"{found.file}: " if found.file else ""
        label = f"[{SEVERITY_STYLE[found.severity]}]{found.severity.value}[/]"
        rows.append((label, f"{where}{prose(found.text)} ({found.code})"))
    print_labelled(out, rows)


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr; yields the function that ticks it.

    Parameters
    ----------
    total : int, optional
        Without it the bar only shows that work goes on.
    """
    count = () if total is None else (MofNCompleteColumn(),)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *count,
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not Console(stderr=True).is_terminal,
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def steps(what: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr that is told the share that is done and what is being done, from any thread."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not Console(stderr=True).is_terminal,
    ) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share, text: bar.update(task, completed=share, description=escape(printable(text)))
