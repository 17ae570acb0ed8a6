"""Files of the report appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from atlasplane.chain.comparison import compare_visits
from atlasplane.core.errors import OutputFailed
from atlasplane.report.write import write_report
from tests.test_report_case import case_of, measured_of, measured_pair


def test_both_files_are_written_and_named(tmp_path: Path) -> None:
    written = write_report(measured_pair(), compare_visits(measured_pair()), tmp_path)
    assert [path.name for path in written] == ["report.html", "report.pdf"]
    assert written[0].read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert written[1].read_bytes().startswith(b"%PDF-")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.pdf"]


def test_without_pdf_there_is_one_file(tmp_path: Path) -> None:
    assert [p.name for p in write_report(measured_pair(), None, tmp_path, pdf=False)] == ["report.html"]


def test_a_second_run_writes_the_same_bytes(tmp_path: Path) -> None:
    comparison = compare_visits(measured_pair())
    first = [path.read_bytes() for path in write_report(measured_pair(), comparison, tmp_path)]
    assert [path.read_bytes() for path in write_report(measured_pair(), comparison, tmp_path)] == first


def test_a_full_disk_is_said_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.html").write_text("earlier", encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputFailed, match=r"report\.html: could not be written"):
        write_report(measured_pair(), None, tmp_path, pdf=False)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "earlier"


def test_a_case_without_visits_has_a_report_too(tmp_path: Path) -> None:
    written = write_report(measured_of(case_of()), None, tmp_path)
    assert all(path.stat().st_size > 5000 for path in written)
