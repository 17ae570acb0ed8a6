"""Spasm in the report: numbers are the analysis', pictures have every event, both faces show the same."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase
from atlasplane.chain.spasms import AnalysedRecording, analyse_recording
from atlasplane.chain.spasms_details import EventDetail, Spectrum, spectrum
from atlasplane.chain.spasms_visit import observations_of
from atlasplane.core.change import compare
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.observation import Interval
from atlasplane.io.outputs_spasm import SpasmOutput
from atlasplane.pathways.spasm.result import (
    Baseline,
    Estimate,
    EventClass,
    ExcludedStretch,
    SpasmCount,
    SpasmEvent,
    UnmeasuredChannel,
)
from atlasplane.report import assemble
from atlasplane.report.html import html_report
from atlasplane.report.numbers import length_text
from atlasplane.report.pdf import pdf_report
from atlasplane.report.spasm_document import spasm_document
from atlasplane.report.spasm_event import event_plot
from atlasplane.report.spasm_numbers import (
    EXCLUDED_WORDS,
    baseline_text,
    by_muscle,
    channel_name,
    class_counts,
    estimate_text,
    excluded_text,
    findings_once,
    level_text,
    rate_interval,
    strength_text,
)
from atlasplane.report.spasm_page import spasm_page
from atlasplane.report.spasm_section import LIMITS, UNMEASURED, spasm_section, spasm_view
from atlasplane.report.spasm_series import recordings_table, series_plot
from atlasplane.report.spasm_spectrogram import SpectrumRow, spectrogram
from atlasplane.report.spasm_strip import HourBar, StripRow, lanes_of, strip
from atlasplane.report.spasm_svg import CLASS_NAMES, COLOURS, LANES, TimeAxis, united
from atlasplane.simulate.recording_plan import DropOut
from atlasplane.sources.recording import Recording
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
    assert cells["Strength"].value.endswith("µV") and " to " in cells["Strength"].sub
    assert view.series is not None and len(view.series.rows) == 4
    assert view.series_picture is not None and "Simulated" in view.series_picture.svg


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


def fewer() -> AnalysedRecording:
    """The same recording with one spasm left, and a tenth of the burden and of its error."""
    own = analysed()
    left, right = own.analysis.channels
    burden = left.burden_percent
    assert burden.u is not None
    less = Estimate(value=burden.value / 10, u=burden.u / 10, interval=burden.interval)
    changed = replace(left, burden_percent=less, rate=replace(left.rate, n=1))
    return replace(own, analysis=replace(own.analysis, channels=(changed, right)))


def test_changes_stand_beside_their_detectable_change(recorded: MeasuredCase) -> None:
    """Of the left channel the burden falls; of the right one nothing changes, and nothing is found."""
    pre, post = recorded.visits
    before, after = analysed(), fewer()
    pairs = zip(observations_of(before, pre.visit), observations_of(after, post.visit), strict=True)
    comparison = Comparison(pre=pre, post=post, changes=tuple(compare(*p) for p in pairs), level=0.95)
    table = recordings_table([(before.analysis, "v1"), (after.analysis, "v2")], comparison)
    assert table is not None and table.columns == ("v1", "v2", "Change, v1 to v2")
    rows = {(row.name, row.sub): row.cells[-1] for row in table.rows}
    change = comparison.change("spasm_burden/trapezius_upper/left")
    assert change is not None and change.mdc is not None and change.value is not None
    burden = rows["Left upper trapezius", "burden"]
    assert change.value == pytest.approx(-0.9 * before.analysis.channels[0].burden_percent.value)
    assert burden.value.startswith("−") and burden.sub.startswith("MDC95 ")
    assert (burden.kind == "beyond") is change.distinguishable
    same = rows["Right upper trapezius", "burden"]
    assert same.sub.endswith("; not distinguishable") and same.kind == ""
    assert rows["Right upper trapezius", "spasms"].sub == "not distinguishable"


def test_the_burdens_of_recordings_stand_beside_each_other() -> None:
    """Discs at their burdens on one scale from 0, the ends of an interval at its ends."""
    shown = series_plot([(analysed().analysis, "v1"), (fewer().analysis, "v2")], "t", stamp="Simulated")
    discs = [float(node.get("cx", "")) for node in ElementTree.fromstring(shown).iter(f"{SVG}circle")]
    values = [c.burden_percent.value for a in (analysed(), fewer()) for c in a.analysis.channels]
    left, right, left_after, right_after = values
    zero = next(
        float(n.get("x", "")) for n in ElementTree.fromstring(shown).iter(f"{SVG}text") if n.text == "0\xa0%"
    )
    assert len(discs) == 4 and discs[2] == discs[3]
    assert (discs[1] - zero) / (discs[0] - zero) == pytest.approx(left_after / left, abs=0.01)
    assert (discs[2] - zero) / (discs[0] - zero) == pytest.approx(right / left, abs=0.01)
    assert right == right_after and "Simulated" in texts(shown)


def test_a_channel_that_is_not_measured_is_said_beside_the_others() -> None:
    own = analysed()
    lost = UnmeasuredChannel(label="SCM L", muscle=None, side=None, why="recording.zero")
    sheet = spasm_section([(replace(own, analysis=replace(own.analysis, unmeasured=(lost,))), "t")]).sheets[0]
    assert sheet.headline[-1] == ("SCM L", "not measured", UNMEASURED)
    assert len(sheet.table.columns) == 2


def test_what_channels_have_in_common_is_said_once() -> None:
    own = analysed().analysis

    def finding(text: str, severity: Severity = Severity.INFO) -> Finding:
        return Finding(code="spasm.movement_unknown", severity=severity, file="f", text=text)

    said = (finding("TRAP L: no sensor"), finding("of all: no sensor"), finding("TRAP R: no sensor"))
    found = findings_once(replace(own, findings=(*said, finding("TRAP R: no sensor", Severity.WARN))))
    assert [each.text for each in found] == [
        "TRAP L, TRAP R: no sensor",
        "of all: no sensor",
        "TRAP R: no sensor",
    ]


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
        own, key = (
            [d for d in own if (float(re.findall(r"[\d.]+", d)[0]) >= AXIS.left) is there]
            for there in (True, False)
        )
        assert (len(own), len(key)) == (1, 1)  # the event, and the square beside the name
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
    bars = (HourBar(hour=0, percent=4.0, low=2.0, high=9.0), HourBar(hour=1, percent=1.0))
    shown = strip([row(quiet=(0.0, 300.0), excluded=((600.0, 900.0),), hours=bars)], AXIS, "t")
    assert "quiet" in texts(shown) and "10 %" in texts(shown)
    assert 'stroke="#9AA5AD"' in shown
    assert "10 %" not in texts(strip([row(hours=bars)], AXIS, "t", most_percent=40.0))


def test_strong_activity_is_not_cut_flat() -> None:
    """A peak of 200 times the threshold stands above one of 100; what is excluded sets no scale."""
    peak = np.full(100, 100.0, dtype=np.float32)
    peak[50] = 200.0
    curve = next(d for d in curves(strip([row(peak=peak)], AXIS, "t")))
    heights = sorted({float(y) for y in re.findall(r"V([\d.]+)H", curve)})
    assert len(heights) == 2 and heights[1] - heights[0] > 5
    assert "64 ×" in texts(strip([row(peak=peak)], AXIS, "t"))
    peak[50] = 1e6
    shown = texts(strip([row(peak=peak, excluded=((1800.0, 1836.0),))], AXIS, "t"))
    assert "64 ×" in shown
    assert {"4 ×", "16 ×"} <= set(texts(strip([row()], AXIS, "t")))


def curves(svg: str) -> list[str]:
    """Ways of the pale curve, the strongest quarter of a second."""
    paths = ElementTree.fromstring(svg).iter(f"{SVG}path")
    return [node.get("d", "") for node in paths if node.get("fill") == "#CBD5DB"]


def test_a_single_event_is_drawn_no_larger_than_two() -> None:
    css = files("atlasplane.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    assert re.search(r"\.columns\.near \{[^}]*auto-fill", css)


def test_the_burden_of_a_single_hour_is_not_drawn_again() -> None:
    one = strip([row(hours=(HourBar(hour=0, percent=4.0, low=2.0, high=9.0),))], AXIS, "t")
    assert "Burden" not in texts(one)


def test_a_drawing_that_is_copied_out_still_says_that_it_is_simulated() -> None:
    sheet = spasm_section([(analysed(), "t")]).sheets[0]
    for picture in (*sheet.strips, *sheet.spectra, *sheet.events):
        assert "Simulated recording" in texts(picture.svg)
    assert "Simulated recording" not in texts(strip([row()], AXIS, "t"))


def test_a_label_that_is_long_leaves_the_drawing_free() -> None:
    own = analysed()
    left, right = (replace(c, muscle=None, side=None) for c in own.analysis.channels)
    long = replace(left, muscle="trapezius_upper")
    alone = spasm_section([(replace(own, analysis=replace(own.analysis, channels=(left, right))), "t")])
    for picture in alone.sheets[0].strips:
        assert picture.title in ("TRAP L", "TRAP R") and picture.title not in texts(picture.svg)
    name = "Trapezius, upper part, left"
    named = replace(
        own,
        analysis=replace(own.analysis, channels=(replace(long, label=name), replace(long, label="TRAP R"))),
        courses={name: own.courses["TRAP L"], "TRAP R": own.courses["TRAP R"]},
        signals={name: own.signals["TRAP L"], "TRAP R": own.signals["TRAP R"]},
        recording=replace(
            own.recording,
            channels=(replace(own.recording.channels[0], label=name), *own.recording.channels[1:]),
        ),
    )
    shown = texts(spasm_section([(named, "t")]).sheets[0].strips[0].svg)
    assert "Trapezius, …" in shown and name not in shown


# ---- an event near by ----


def event_of(rms_uV: float, threshold_uV: float) -> EventDetail:
    """Ten seconds at 100 Hz, of which the event takes the middle four."""
    envelope = np.full(1000, threshold_uV / 2, dtype=np.float32)
    envelope[300:700] = rms_uV
    return EventDetail(
        event=SpasmEvent(start_s=53.0, stop_s=57.0, class_=EventClass.TONIC, rms_uV=rms_uV),
        start_s=50.0,
        rate_hz=100.0,
        signal_uV=np.where(np.arange(1000) % 2, envelope, -envelope).astype(np.float32),
        envelope_uV=envelope,
        threshold_uV=threshold_uV,
        whole=True,
    )


@pytest.mark.parametrize("rms_uV", [4.0, 30.0, 400.0])
def test_an_event_stands_over_its_threshold_and_counts_from_its_begin(rms_uV: float) -> None:
    shown = event_plot(event_of(rms_uV, 3.0), "t")
    nodes = list(ElementTree.fromstring(shown).iter())
    dashed = next(n for n in nodes if n.get("stroke-dasharray") and "H474" in n.get("d", ""))
    threshold_y = float(dashed.get("d", "").split("H")[0].split()[1])
    course = next(n.get("d", "") for n in nodes if n.get("stroke") == "#B4490A" and "L" in n.get("d", ""))
    points = np.array([p.split() for p in course[1:].split("L")], dtype=float)
    ticks = {n.text: float(n.get("x", "")) for n in nodes if n.text and n.text.endswith("s") and n.get("x")}
    begin, end = ticks["0 s"], ticks["4 s"]
    over = points[:, 1] < threshold_y - 0.1
    inside = (points[:, 0] > begin + 1) & (points[:, 0] < end - 1)
    outside = (points[:, 0] < begin - 1) | (points[:, 0] > end + 1)
    assert np.all(over[inside]) and not np.any(over[outside])
    assert any((n.text or "").startswith("threshold 3.00") for n in nodes)
    assert any(n.text == "from its start" for n in nodes)


def test_what_is_not_counted_says_so_beside_its_picture() -> None:
    pictures = spasm_section([(analysed(), "t")]).sheets[0].events
    assert [p.title for p in pictures if "voluntary" in p.title] == [
        "Left upper trapezius: voluntary, not counted",
        "Right upper trapezius: voluntary, not counted",
    ]
    assert all("not counted" not in p.title for p in pictures if "voluntary" not in p.title)


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


def test_the_spectrum_of_a_channel_that_starts_late_lies_where_it_was_recorded() -> None:
    axis = TimeAxis(start_s=0.0, stop_s=60.0)
    late = Spectrum(
        start_s=30.0, step_s=5.0, low_hz=10.0, high_hz=500.0, level_dB=np.zeros((2, 4), dtype=np.float32)
    )
    shown = spectrogram([SpectrumRow(name="Left", spectrum=late)], axis, "t")
    place = re.search(r'<image x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', shown)
    assert place is not None
    left, width = float(place[1]), float(place[2])
    assert left == pytest.approx(axis.x(30.0), abs=0.06)
    assert left + width == pytest.approx(axis.x(50.0), abs=0.11)


class Burst:
    """Noise of 1 uV at 1000 Hz for ten minutes, and 50 uV from 33.95 to 34.25 s."""

    def __init__(self) -> None:
        self.noise = np.random.default_rng(2).normal(0.0, 1.0, 600_000).astype(np.float32)
        self.noise[33_950:34_250] *= 50.0

    def read(self, channel: int, first: int, stop: int) -> np.ndarray:
        del channel
        return self.noise[first:stop]


def test_a_column_that_holds_an_event_shows_it() -> None:
    """Columns are 2.73 s wide, and the two seconds that are else read of this one miss the burst."""
    about = replace(pair().channels[0], n_samples=600_000)
    recording = Recording(file="burst", channels=(about,), samples=Burst())
    event = SpasmEvent(start_s=33.95, stop_s=34.25, class_=EventClass.MYOCLONUS, rms_uV=50.0)
    plain, told = (spectrum(recording, 0, noise_uV=1.0, events=events) for events in ((), (event,)))
    column = int(34.1 / told.step_s)
    none, held = (float(np.mean(10 ** (s.level_dB[:, column].astype(float) / 10))) for s in (plain, told))
    # The noise fills 500 Hz and 0 dB is that noise over 430 Hz; of the second that is read three tenths have
    # 2500 times its power, and Hann's window weighs its middle more than its ends. Of the 980
    # lines of two seconds about half are independent under that window: a standard error of a twenty-second.
    assert none == pytest.approx(0.86, abs=0.86 * 4 / 22)
    assert held > 0.86 * 0.3 * 2500
    others = np.arange(told.level_dB.shape[1]) != column
    assert np.array_equal(plain.level_dB[:, others], told.level_dB[:, others])


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
    assert length_text(seconds).replace("\N{NO-BREAK SPACE}", " ") == shown


@pytest.mark.parametrize(
    ("stop_s", "started", "time_s", "digits", "shown"),
    [
        (160.0, STARTED, 12.26, 1, "22:30:12.3"),
        (160.0, STARTED, 59.96, 1, "22:31:00.0"),
        (160.0, STARTED.replace(microsecond=690_000), 3.0, 1, "22:30:03.7"),
        (160.0, STARTED.replace(microsecond=690_000), 3.4, 0, "22:30:04"),
        (160.0, None, 2.5, 1, "2.5 s"),
        (14_400.0, None, 3725.4, 0, "1:02:05"),
        (14_400.0, STARTED, 3725.6, 0, "23:32:06"),
    ],
)
def test_times_are_as_fine_as_the_recording_is_short(
    stop_s: float, started: datetime | None, time_s: float, digits: int, shown: str
) -> None:
    axis = TimeAxis(start_s=0.0, stop_s=stop_s, started=started)
    assert axis.text(time_s, digits).replace("\N{NO-BREAK SPACE}", " ") == shown
    assert axis.is_short is (stop_s < 600)


@pytest.mark.parametrize(
    ("baseline", "shown"),
    [
        (Baseline(source="segment", noise_uV=1, threshold_uV=2, start_s=2.5, stop_s=10.5), "2.5 to 10.5 s"),
        (Baseline(source="file", noise_uV=1, threshold_uV=2, start_s=0.0, stop_s=60.0), "0 to 60 s"),
        (Baseline(source="noise", noise_uV=1, threshold_uV=2), "stated noise"),
    ],
)
def test_a_baseline_says_where_it_lies(baseline: Baseline, shown: str) -> None:
    own = replace(analysed().analysis.channels[0], baseline=baseline)
    text = baseline_text(own, TimeAxis(start_s=0.0, stop_s=100.0)).replace("\N{NO-BREAK SPACE}", " ")
    assert text.endswith(shown) and text.count(" s") <= 2


def test_a_stretch_is_told_by_the_clock_to_the_fraction_of_its_start() -> None:
    axis = TimeAxis(start_s=0.0, stop_s=100.0, started=STARTED.replace(microsecond=690_000))
    quiet = Baseline(source="segment", noise_uV=1, threshold_uV=2, start_s=3.0, stop_s=5.0)
    own = replace(analysed().analysis.channels[0], baseline=quiet)
    assert baseline_text(own, axis).endswith("22:30:03.7 to 22:30:05.7")
    whole = TimeAxis(start_s=0.0, stop_s=3600.0, started=STARTED.replace(second=30, microsecond=500_000))
    first, text = whole.ticks()[0]
    # 22:40:00 is 569.5 s after 22:30:30.5.
    assert (first, text) == (569.5, "22:40")


def test_the_document_has_the_start_that_a_file_states_without_an_offset() -> None:
    local = datetime(2026, 3, 1, 22, 30, 0, 69_000)
    own = replace(analysed(), recording=replace(analysed().recording, started=local))
    document = spasm_document(own)
    assert document["started"] == "2026-03-01T22:30:00.069000"
    assert SpasmOutput.model_validate(document).started == local


def test_what_is_excluded_says_why_the_longest_first() -> None:
    parts = (("spasm.jump", 0.0, 2.0), ("spasm.missing", 10.0, 20.0), ("spasm.jump", 30.0, 31.0))
    told = tuple(ExcludedStretch(start_s=a, stop_s=b, why=why) for why, a, b in parts)
    own = analysed().analysis.channels[0]
    said = excluded_text(replace(own, excluded=told)).replace("\N{NO-BREAK SPACE}", " ")
    assert said == "13.0 s excluded: 10.0 s not recorded, 3.0 s in which the electrode's potential jumped"
    assert excluded_text(replace(own, excluded=())) == "nothing excluded"
    assert excluded_text(replace(own, excluded=told[:1])).endswith(
        "excluded: " + EXCLUDED_WORDS["spasm.jump"]
    )


def test_every_reason_of_an_excluded_stretch_has_words() -> None:
    """The codes of the guide's table that say "why a stretch is excluded"."""
    guide = Path(__file__).parents[1] / "docs" / "guide" / "spasm.md"
    lines = [line for line in guide.read_text(encoding="utf-8").splitlines() if "why a stretch" in line]
    codes = {code for line in lines for code in re.findall(r"`(spasm\.\w+)`", line)}
    assert codes == set(EXCLUDED_WORDS) != set()


def test_channels_of_unlike_length_have_no_one_time_analysed() -> None:
    own = analysed()
    left, right = own.analysis.channels
    short = replace(left, analysed_s=30.0), replace(right, analysed_s=40.7)
    sheet = spasm_section([(replace(own, analysis=replace(own.analysis, channels=short)), "t")]).sheets[0]
    assert dict(sheet.facts)["Analysed"].replace("\N{NO-BREAK SPACE}", " ") == "30.0 s to 40.7 s, by channel"


@pytest.mark.parametrize(
    ("n", "said"), [(1, "1 stretch of single units"), (2, "2 stretches of single units")]
)
def test_classes_are_counted_in_words_that_fit_the_number(n: int, said: str) -> None:
    events = tuple(
        SpasmEvent(start_s=10.0 * k, stop_s=10.0 * k + 1, class_=EventClass.UNIT, rms_uV=3.0)
        for k in range(n)
    )
    assert class_counts(replace(analysed().analysis.channels[0], events=events)) == said


@pytest.mark.parametrize(
    ("value", "shown"), [(7900.66, "7901 µV"), (110.84, "111 µV"), (11.08, "11.1 µV"), (3.149, "3.15 µV")]
)
def test_a_threshold_has_three_digits(value: float, shown: str) -> None:
    assert level_text(value, 2, raw=False).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_a_rate_has_no_decimals_that_its_interval_does_not_bear() -> None:
    rate = SpasmCount(
        n=5, exposure_h=0.0133, dispersion=1.0, interval=Interval(level=0.95, low=122.0, high=877.0)
    )
    assert rate_interval(rate) == "376 per hour (122 to 877)"


def test_a_strength_is_in_per_cent_of_a_reference_where_there_is_one() -> None:
    own = analysed().analysis.channels[0]
    part = Estimate(value=12.0, u=1.0, interval=Interval(level=0.95, low=10.0, high=14.0))
    shown = strength_text(replace(own, intensity_percent=part), raw=False).replace("\N{NO-BREAK SPACE}", " ")
    assert shown == "12.0 % of the reference contraction (10.0 to 14.0 %)"
    assert strength_text(own, raw=True).endswith("file units")
    assert strength_text(replace(own, intensity_uV=None), raw=False) == "–"


def test_a_long_list_of_events_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlasplane.report.spasm_section.MOST_EVENTS", 2)
    sheet = spasm_section([(analysed(), "t")]).sheets[0]
    assert len(sheet.event_rows) == 2 and sheet.event_note.startswith("The first 2 of ")


def test_the_recording_is_as_long_as_the_tests_say() -> None:
    assert analysed().analysis.duration_s == DURATION_S
