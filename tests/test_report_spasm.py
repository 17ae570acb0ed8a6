"""Spasm in the report: numbers are the analysis', pictures have every event, both faces show the same."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from atlasplane.chain.measured import MeasuredCase
from atlasplane.chain.spasms import AnalysedRecording, analyse_recording
from atlasplane.chain.spasms_details import Spectrum
from atlasplane.core.observation import Interval
from atlasplane.pathways.spasm.result import Estimate, EventClass
from atlasplane.report import assemble
from atlasplane.report.html import html_report
from atlasplane.report.pdf import pdf_report
from atlasplane.report.spasm_numbers import (
    by_muscle,
    channel_name,
    estimate_text,
    hours_text,
    recordings_table,
)
from atlasplane.report.spasm_page import spasm_page
from atlasplane.report.spasm_section import LIMITS, spasm_section, spasm_view
from atlasplane.report.spasm_spectrogram import SpectrumRow, spectrogram
from atlasplane.report.spasm_strip import HourBar, StripRow, lanes_of, strip
from atlasplane.report.spasm_svg import CLASS_NAMES, COLOURS, LANES, TimeAxis, united
from atlasplane.simulate.recording_plan import DropOut
from tests.bones_cases import flat_pair
from tests.recorded_cases import DURATION_S, STARTED, emg, pair
from tests.test_report_case import PRE_TIME
from tests.test_report_pdf import pdf_text

SVG = "{http://www.w3.org/2000/svg}"


@cache
def analysed() -> AnalysedRecording:
    lost = emg("TRAP L", drop_outs=(DropOut(start_s=110.0, stop_s=120.0),))
    return analyse_recording(pair(channels=(lost, emg("TRAP R", "right"))))


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.fixture(scope="module")
def recorded() -> MeasuredCase:
    measured = flat_pair()
    visits = tuple(replace(visit, recordings=(analysed(),)) for visit in measured.visits)
    return replace(measured, visits=visits)


# ---- the section ----


def test_every_recording_has_a_sheet_with_its_numbers(recorded: MeasuredCase) -> None:
    view = spasm_view(recorded)
    assert view is not None and view.limits == LIMITS
    assert [sheet.title for sheet in view.sheets] == [
        "Visit v1, before (pre): night.edf",
        "Visit v2, after (post): night.edf",
    ]
    sheet, left = view.sheets[0], analysed().analysis.channels[0]
    assert sheet.table.columns == ("Left upper trapezius", "Right upper trapezius")
    burden = estimate_text(left.burden_percent, "%")
    assert sheet.headline[0][:2] == ("Left upper trapezius", f"{burden} of the time in spasm")
    cells = {row.name: row.cells[0] for row in sheet.table.rows}
    assert cells["Burden"].value == burden
    assert cells["Spasms"].value.startswith(f"{left.rate.n} in ")
    assert "10.0" in cells["Analysed"].sub  # the drop-out
    assert "22:30:00 to 22:30:20" in cells["Baseline"].value
    assert len(sheet.event_rows) == sum(len(c.events) for c in analysed().analysis.channels)
    assert view.series is not None and len(view.series.rows) == 4


def test_a_case_without_recordings_has_no_section() -> None:
    assert spasm_view(flat_pair()) is None


def test_what_is_compared_between_sides_is_never_microvolts(recorded: MeasuredCase) -> None:
    """Strips carry no unit of voltage; the table's microvolts say whose they are."""
    view = spasm_view(recorded)
    assert view is not None
    for picture in view.sheets[0].strips:
        assert not any("µV" in text for text in texts(picture.svg))
    assert any("never compared between left and right" in note for note in view.sheets[0].table.notes)


def test_channels_of_one_muscle_stand_together_left_first() -> None:
    left, right = analysed().analysis.channels
    other = replace(left, label="X", muscle=None, side=None)
    assert by_muscle([right, other, left]) == [(left, right), (other,)]
    assert (channel_name(other), channel_name(right)) == ("X", "Right upper trapezius")


def test_one_recording_has_no_table_over_recordings() -> None:
    assert recordings_table([(analysed().analysis, "v1")]) is None


def test_both_faces_show_the_section(recorded: MeasuredCase) -> None:
    view = assemble.report_view(recorded)
    page = html_report(view)
    section = page[page.index('<section id="spasm"') :]
    assert section.count("<svg") >= 2 * (1 + 1 + 3)
    assert 'href="#spasm"' in page and LIMITS in page and "simulated" in section
    printed = pdf_text(pdf_report(view, dated=PRE_TIME))
    for words in ("Spasm in recordings of muscle activity", "The whole recording", "Left upper trapezius"):
        assert words.replace(" ", "") in printed.replace(" ", "")


def test_the_section_adds_less_than_two_megabytes(recorded: MeasuredCase) -> None:
    with_, without = (len(html_report(assemble.report_view(m))) for m in (recorded, flat_pair()))
    assert with_ - without < 2_000_000


def test_a_page_of_its_own_needs_nothing_from_outside() -> None:
    page = spasm_page(analysed())
    assert page.count("<h1>") == 1 and "Spasm in night.edf" in page and "SIMULATED DATA" in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "<script" not in page


def test_what_a_file_is_called_cannot_write_into_the_page() -> None:
    own = analysed()
    named = replace(own, analysis=replace(own.analysis, file="<b>night</b>.edf"))
    assert "<b>night</b>" not in spasm_page(named)


# ---- the strip ----


def row(**fields: object) -> StripRow:
    flat = np.ones(100, dtype=np.float32)
    known: dict[str, object] = {
        "name": "Left",
        "said": ("5 %", "in spasm;", "3 in 1 h"),
        "step_s": 36.0,
        "mean": 0.7 * flat,
        "peak": flat,
        "events": (),
        "excluded": (),
        "quiet": None,
        "hours": (),
    }
    return StripRow(**(known | fields))


AXIS = TimeAxis(start_s=0.0, stop_s=3600.0)


def test_every_class_has_a_lane_of_its_own_and_its_name() -> None:
    """So that a print in grey, or an eye that sees no colours, tells them apart."""
    events = tuple((kind, 100.0 * k, 100.0 * k + 20) for k, kind in enumerate(EventClass, start=1))
    shown = strip([row(events=events)], AXIS, "all")
    assert lanes_of([row(events=events)]) == LANES and set(LANES) == set(EventClass)
    assert set(CLASS_NAMES.values()) <= set(texts(shown))
    paths = list(ElementTree.fromstring(shown).iter(f"{SVG}path"))
    tops = set()
    for kind in EventClass:
        own = [p.get("d", "") for p in paths if p.get("fill") == COLOURS[kind]]
        assert len(own) == 1
        tops.add(re.match(r"M[\d.]+ ([\d.]+)H", own[0])[1])  # type: ignore[index]
    assert len(tops) == len(EventClass)


def test_events_stand_at_their_time_and_short_ones_can_be_seen() -> None:
    shown = strip(
        [row(events=((EventClass.TONIC, 900.0, 1800.0), (EventClass.TONIC, 2700.0, 2700.2)))], AXIS, "t"
    )
    way = next(
        node.get("d", "")
        for node in ElementTree.fromstring(shown).iter(f"{SVG}path")
        if node.get("fill") == COLOURS[EventClass.TONIC]
    )
    spans = [(float(a), float(b)) for a, b in re.findall(r"M([\d.]+) [\d.]+H([\d.]+)", way)]
    quarter = (AXIS.right - AXIS.left) / 4
    assert spans[0] == pytest.approx((AXIS.left + quarter, AXIS.left + 2 * quarter), abs=0.1)
    assert spans[1][1] - spans[1][0] >= 1.5
    assert sum(spans[1]) / 2 == pytest.approx(AXIS.left + 3 * quarter, abs=0.1)


def test_quiet_excluded_and_burden_are_marked() -> None:
    bars = (HourBar(hour=0, percent=4.0, low=2.0, high=9.0),)
    shown = strip([row(quiet=(0.0, 300.0), excluded=((600.0, 900.0),), hours=bars)], AXIS, "t")
    assert "quiet" in texts(shown) and "10 %" in texts(shown)
    assert 'stroke="#9AA5AD"' in shown
    assert "10 %" not in texts(strip([row(hours=bars)], AXIS, "t", most_percent=40.0))


def test_spans_that_touch_are_one() -> None:
    assert united([(5.0, 6.0), (0.0, 1.0), (0.9, 2.0)], 0.5) == [(0.0, 2.0), (5.0, 6.0)]


@pytest.mark.parametrize(
    ("stop_s", "started", "first", "last"),
    [
        (4 * 3600.0, STARTED, "22:30", "02:30"),
        (86_400.0, None, "0:00 h", "24:00 h"),
        (160.0, STARTED, "0 s", "160 s"),
        (2.0, None, "0.0 s", "2.0 s"),
        (86_400.0, datetime(2026, 3, 1, 7, 20, tzinfo=UTC), "09:00", "06:00"),
    ],
)
def test_times_are_round_and_within(stop_s: float, started: datetime | None, first: str, last: str) -> None:
    ticks = TimeAxis(start_s=0.0, stop_s=stop_s, started=started).ticks()
    assert 3 <= len(ticks) <= 10
    assert all(0 <= time_s <= stop_s for time_s, _ in ticks)
    assert (ticks[0][1], ticks[-1][1]) == (first, last)


# ---- spectrum and numbers ----


def test_darker_is_more_and_what_was_not_recorded_is_grey() -> None:
    level = np.array([[0.0, 30.0], [np.nan, 15.0]], dtype=np.float32)
    shown = spectrogram(
        [SpectrumRow(name="Left", spectrum=Spectrum(step_s=1.0, low_hz=10.0, high_hz=500.0, level_dB=level))],
        TimeAxis(start_s=0.0, stop_s=2.0),
        "t",
    )
    png = re.search(r"base64,([^\"]+)", shown)
    assert png is not None
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png[1]))).convert("RGB")).astype(int)
    assert pixels.shape == (2, 2, 3)
    (missing, middle), (none, most) = pixels.sum(axis=2)  # high frequencies on top
    assert none == 765 > middle > most
    assert missing == 3 * 228


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (Estimate(value=8.662, interval=None, u=2.58), "8.7\N{NO-BREAK SPACE}%"),
        (Estimate(value=0.1234, interval=None, u=0.021), "0.12\N{NO-BREAK SPACE}%"),
        (
            Estimate(value=100.0, interval=Interval(level=0.95, low=63.0, high=100.0)),
            "100.0\N{NO-BREAK SPACE}%",
        ),
        (Estimate(value=5.0, interval=None), "5.0\N{NO-BREAK SPACE}%"),
        (None, "–"),
    ],
)
def test_a_value_has_the_digits_that_its_error_lets_stand(found: Estimate | None, shown: str) -> None:
    assert estimate_text(found, "%") == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(14_100, "3.9 h"), (130, "2.2 min"), (11.52, "11.5 s"), (0.25, "0.25 s")]
)
def test_lengths_of_time_have_the_unit_that_suits(seconds: float, shown: str) -> None:
    assert hours_text(seconds).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_a_long_list_of_events_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlasplane.report.spasm_section.MOST_EVENTS", 2)
    sheet = spasm_section([(analysed(), "t")]).sheets[0]
    assert len(sheet.event_rows) == 2 and sheet.event_note.startswith("The first 2 of ")


def test_the_recording_is_as_long_as_the_tests_say() -> None:
    assert analysed().analysis.duration_s == DURATION_S
