"""What the terminal shows: tables, findings, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from atlasplane.core.finding import Finding, Severity

SEVERITY_STYLE = {Severity.STOP: "bold red", Severity.WARN: "yellow", Severity.INFO: "dim"}


def console() -> Console:
    """The console of this run; wide enough for a table when the output is a file."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=150)


def print_json(document: dict[str, Any]) -> None:
    """Print a document at full precision."""
    typer.echo(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False))


def table(title: str, columns: Iterable[tuple[str, str]], rows: Iterable[Iterable[str]]) -> Table:
    """A table with (heading, justification) columns."""
    made = Table(title=title, title_justify="left", header_style="bold", pad_edge=False)
    for heading, justify in columns:
        made.add_column(heading, justify=justify, no_wrap=justify == "right")  # type: ignore[arg-type]
    for row in rows:
        made.add_row(*row)
    return made


def print_findings(out: Console, findings: Iterable[Finding]) -> None:
    """Findings, the gravest first."""
    order = [Severity.STOP, Severity.WARN, Severity.INFO]
    for found in sorted(findings, key=lambda f: order.index(f.severity)):
        where = f"{found.file}: " if found.file else ""
        out.print(f"[{SEVERITY_STYLE[found.severity]}]{found.severity.value}[/] {found.code}  {where}{found.text}", soft_wrap=True)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr; yields the function that ticks it."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
