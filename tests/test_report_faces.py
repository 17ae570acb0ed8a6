"""Both faces show the same digits, say what is doubtful, and hide nothing that the design wants shown."""

from __future__ import annotations

import itertools
import re
from dataclasses import asdict, replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest

from atlasplane.chain.comparison import Comparison, compare_visits
from atlasplane.chain.measured import MeasuredCase
from atlasplane.core.observation import Measurement
from atlasplane.report.assemble import report_view
from atlasplane.report.document import measure_document
from atlasplane.report.html import html_report
from atlasplane.report.numbers import decimals_of, fixed, shown_measurement, with_unit
from atlasplane.report.pdf import pdf_report
from atlasplane.report.view import ReportView
from atlasplane.report.wording import DISCLAIMER
from tests.test_report_case import (
    PRE_POSE,
    PRE_TIME,
    case_of,
    measured_of,
    measured_pair,
    post_visit,
    pre_visit,
    reading_of,
    without_scale,
    without_technique,
)
from tests.test_report_pdf import pair_pdf, pdf_text


class _Text(HTMLParser):
    """Text of a page; style and script left out, table headers and tags kept apart."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.skipping = 0
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.skipping += tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self.skipping -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.pieces.append(data)


def parsed(page: str) -> _Text:
    reader = _Text()
    reader.feed(page)
    return reader


def bare(text: str) -> str:
    return re.sub(r"\s", "", text)


def faces(measured: MeasuredCase, comparison: Comparison | None = None) -> tuple[str, str]:
    """Texts of HTML and PDF, without white space."""
    view = report_view(measured, comparison)
    page = bare("".join(parsed(html_report(view)).pieces))
    return page, pdf_text(pdf_report(view, dated=PRE_TIME))


@cache
def pair_view() -> ReportView:
    return report_view(measured_pair(), compare_visits(measured_pair()))


@cache
def pair_page() -> str:
    return html_report(pair_view())


@cache
def pair_faces() -> tuple[str, str]:
    return bare("".join(parsed(pair_page()).pieces)), pdf_text(pair_pdf())


def measurements(measured: MeasuredCase) -> list[Measurement]:
    return [o for v in measured.visits for o in v.joint.observations if isinstance(o, Measurement)]


def test_every_number_stands_in_both_faces_and_comes_from_the_document() -> None:
    document = measure_document(measured_pair())
    written = [o for v in document["visits"] for o in v["observations"] if o["kind"] == "measurement"]
    for measured, own in zip(measurements(measured_pair()), written, strict=True):
        digits = decimals_of(measured)
        shown = shown_measurement(measured)
        assert shown.value == with_unit(fixed(own["value"], digits), own["unit"])
        assert shown.u == with_unit(fixed(own["u"], digits), own["unit"])
        assert shown.mdc == with_unit(fixed(own["mdc"]["value"], digits), own["unit"])
        for face in pair_faces():
            half = f"±{shown.expanded}" if shown.expanded else shown.interval
            line = bare(f"{shown.value}{half}{shown.u}")
            assert line in face


def test_both_faces_have_the_same_table_of_changes() -> None:
    assert pair_view().changes is not None
    for row in pair_view().changes.rows:
        line = bare(
            row.pre + row.post + row.change + row.mdc + row.distinguishable + row.meaningful + row.sustained
        )
        for face in pair_faces():
            assert line in face


def test_proposed_and_unverified_quantities_say_so_in_both_faces() -> None:
    doubtful = [r for v in pair_view().visits for g in v.groups for r in g.rows if r.doubtful]
    assert {row.tag for row in doubtful} == {"proposed", "unverified"}
    for row in doubtful:
        for face in pair_faces():
            assert bare(row.method) in face
            # The tag ends the line, after the MDC and, on the page, the method.
            assert re.search(re.escape(bare(row.mdc or "–")) + r"\S{0,60}?" + row.tag, face)


def test_an_undetermined_side_is_shown() -> None:
    for face in pair_faces():
        assert "Sideundetermined:Atlaslaterality" in face
        assert "0.70°" in face


def test_a_withheld_vector_names_its_gate() -> None:
    for face in pair_faces():
        assert "Nocorrectionvector:gate“LateralityagainstitsMDC95”" in face
        assert "toosmalltobetoldfromreadingagain" in face


def test_a_vector_stands_beside_the_unanswered_stop_table_and_is_no_recommendation() -> None:
    vector = pair_view().visits[0].vector
    assert vector is not None
    assert "Stop table not evaluated" in vector.unanswered
    for face in pair_faces():
        assert bare(vector.headline) in face
        assert "Stoptablenotevaluated" in face
        assert "notatreatmentrecommendation" in face


def test_disclaimer_and_simulation_are_said_first() -> None:
    for face in pair_faces():
        assert bare(DISCLAIMER) in face
        assert face.index("SIMULATEDDATA") < face.index("Findingsandgates")
        assert face.index(bare(DISCLAIMER)) < face.index("Findingsandgates")


def test_a_real_case_is_not_called_simulated() -> None:
    for face in faces(measured_of(case_of(pre_visit(), simulated=False))):
        assert "SIMULATED" not in face
        assert "practicedata" not in face


def test_findings_come_before_the_listing_and_provenance_last() -> None:
    order = [
        "Findingsandgates",
        "Listingandcorrectionvector",
        "Wheretheuncertaintycomesfrom",
        "Yourmeasurementsinplainwords",
        "sha256",
    ]
    for face in pair_faces():
        places = [face.rindex(words) for words in order]
        assert places == sorted(places)


@pytest.mark.parametrize("what", ["pair", "one visit", "no films", "no technique", "no scale"])
def test_no_placeholder_of_a_program_reaches_a_reader(what: str) -> None:
    cases = {
        "pair": lambda: pair_faces(),
        "one visit": lambda: faces(measured_of(case_of(pre_visit()))),
        "no films": lambda: faces(measured_of(case_of(replace(pre_visit(), films=())))),
        "no technique": lambda: faces(measured_of(case_of(without_technique(pre_visit())))),
        "no scale": lambda: faces(measured_of(case_of(without_scale(pre_visit())))),
    }
    for face in cases[what]():
        assert not re.search(r"(?<![A-Za-z])(nan|NaN|None|inf|null|True|False|-0\.0)(?![A-Za-z])", face)
        assert bare(DISCLAIMER) in face


def test_one_visit_has_no_changes_and_says_so() -> None:
    for face in faces(measured_of(case_of(pre_visit()))):
        assert "Onevisit:thereisnothingtocompareitwith." in face


def test_a_visit_without_films_says_so() -> None:
    for face in faces(measured_of(case_of(replace(pre_visit(), films=())))):
        assert "Thisvisithasnofilms:nothingismeasured." in face
        assert "Nolisting" in face


def test_a_film_without_technique_has_no_published_error_and_is_not_compared() -> None:
    measured = measured_of(case_of(without_technique(pre_visit()), without_technique(post_visit())))
    view = report_view(measured, compare_visits(measured))
    rows = [row for group in view.visits[0].groups for row in group.rows]
    assert {row.u for row in rows} == {"no published error"}
    assert {row.expanded for row in rows} == {""}
    assert {row.side for row in rows} == {"", "undetermined"}
    assert all(
        "the film's own value, not compared; u on this film" in r.note
        for r in rows
        if r.name != "S-line class"
    )
    assert view.changes is not None
    assert {row.distinguishable for row in view.changes.rows} == {"not compared"}
    assert view.changes.plot_svg == ""
    missing = [found for found in view.findings if found.code == "technique.missing"]
    assert len(missing) == 1  # one finding for all six films, with all their names
    assert missing[0].file.count(".dcm") == 6


def test_an_uncalibrated_film_has_angles_only() -> None:
    view = report_view(measured_of(case_of(without_scale(pre_visit()))))
    values = [row.value for group in view.visits[0].groups for row in group.rows]
    assert values and not any(value.endswith("mm") for value in values)
    stated = {dict(source.facts).get("Calibration", "") for source in view.provenance.films}
    assert stated - {""} == {"none: angles only"}


def test_what_a_user_typed_is_shown_and_never_run() -> None:
    page = html_report(report_view(measured_of(case_of(pre_visit(), pseudonym="<script>alert(1)</script>"))))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_an_observer_s_name_is_escaped_in_the_drawing() -> None:
    visit = pre_visit()
    film = visit.films[1]
    reading = reading_of("nasium", PRE_POSE, np.random.default_rng(1), observer="<b>&", id_='"x"')
    named = replace(visit, id="v<1>&", films=(replace(film, readings=(reading,)),))
    view = report_view(measured_of(case_of(named)))
    page = html_report(view)
    assert "<b>&<" not in page and "v<1>" not in page
    pdf_report(view, dated=PRE_TIME)


def test_the_page_fetches_nothing_and_runs_its_own_script_alone() -> None:
    page = pair_page().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|url\(|@import|<link|<iframe", page)
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|\bimport\b|\beval\(|new Function", page)
    scripts = [attrs for tag, attrs in parsed(page).tags if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "bones-data"}, {}]


def test_the_page_can_be_read_without_eyes() -> None:
    tags = parsed(pair_page()).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert all("scope" in attrs for tag, attrs in tags if tag == "th")
    figures = [attrs for tag, attrs in tags if attrs.get("role") == "img" and "aria-label" in attrs]
    # Six plates of two visits, the plot of changes, the bones of two visits and the plot of their angles.
    assert len(figures) == 16
    assert all(len(attrs["aria-label"] or "") > 40 for attrs in figures)
    assert dict(tags)["html"]["lang"] == "en"
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_html_is_the_same_on_a_second_run() -> None:
    again = report_view(measured_pair(), compare_visits(measured_pair()))
    assert html_report(again) == pair_page()


def test_every_gate_is_shown_with_its_state() -> None:
    for visit in pair_view().visits:
        for gate in visit.gates:
            for face in pair_faces():
                assert bare(gate.name + gate.reason) in face
    assert {g.name for v in pair_view().visits for g in v.gates} == {
        "Red-flag quantity", "Film quality", "Laterality against its MDC95", "Stop table",
    }  # fmt: skip


def test_nothing_is_called_safe_validated_or_compliant() -> None:
    for face in pair_faces():
        assert not re.search(r"(?i)\bsafe\b|validated|compliant", face)


def syllables(word: str) -> int:
    return max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e$", "", word.lower()))))


def test_the_patient_s_page_is_in_plain_words() -> None:
    texts = [t for part in pair_view().plain for t in (*part.paragraphs, *part.bullets, part.closing) if t]
    prose = " ".join(texts)
    sentences = [s for s in re.split(r"[.:!?]\s", prose) if s]
    words = re.findall(r"[A-Za-z']+", prose)
    # Flesch-Kincaid grade (Kincaid et al. 1975).
    grade = 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    assert grade < 8
    assert not re.search(r"(?i)danger|serious|cure|heal|guarantee|should (have|get) ", prose)


def test_the_patient_s_page_tells_side_size_error_and_change() -> None:
    texts = " ".join(t for part in pair_view().plain for t in part.bullets)
    assert "Tilt: too small to tell which side. It is likely less than" in texts
    turn = next(r.value for g in pair_view().visits[-1].groups for r in g.rows if r.name == "Atlas rotation")
    assert f"Turn: its right side is forward, about {turn.removesuffix('°')} degrees (likely between" in texts
    assert re.search(r"Tilt: changed by \d\.\d+ degrees\. That is more than the measuring error of \d", texts)


def test_the_view_is_nothing_but_text_and_drawing_sizes() -> None:
    def leaves(data: object) -> set[type]:
        if isinstance(data, dict):
            return set().union(*(leaves(v) for v in data.values()))
        if isinstance(data, list | tuple):
            return set().union(*(leaves(v) for v in data)) if data else set()
        return {type(data)}

    assert leaves(asdict(pair_view())) <= {str, int, float, bool, type(None)}


def test_many_changes_come_with_the_number_that_chance_gives() -> None:
    """5 % of the changes that are judged at the 95 % level, rounded."""
    comparison = compare_visits(measured_pair())
    judged = [c.distinguishable for c in comparison.changes if c.distinguishable is not None]
    changes = pair_view().changes
    assert changes is not None
    note = changes.note
    assert f"{len(judged)} changes are judged one by one" in note
    assert f"about {round(0.05 * len(judged))} of them" in note
    assert f"Here {sum(judged)} do." in note
