"""The PDF: an archive file, tagged, the same bytes each time; its text is read back for the other tests."""

from __future__ import annotations

import io
import re
from functools import cache

import pikepdf
import pytest

from atlasplane.chain.comparison import compare_visits
from atlasplane.report.assemble import report_view
from atlasplane.report.pdf import pdf_report
from tests.test_report_case import PRE_TIME, case_of, measured_of, measured_pair, pre_visit

_TEXT_OPERATORS = {"Tj", "TJ", "'", '"'}


def pdf_text(content: bytes) -> str:
    """Text of the pages without white space, in the order it was set."""
    pieces = []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for page in pdf.pages:
            shapes: dict[int, str] = {}
            for operands, operator in pikepdf.parse_content_stream(page):
                if str(operator) == "Tf":
                    shapes = _letters(page, operands[0])
                elif str(operator) in _TEXT_OPERATORS:
                    pieces.append(_decoded(operands[-1], shapes))
    return re.sub(r"\s", "", "".join(pieces))


def _letters(page: pikepdf.Page, name: pikepdf.Object) -> dict[int, str]:
    """What each two-byte code of a font stands for, from its ToUnicode table."""
    table = page.resources.Font[str(name)].ToUnicode.read_bytes().decode("latin-1")
    letters = {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for code, text in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            letters[int(code, 16)] = bytes.fromhex(text).decode("utf-16-be")
    for block in re.findall(r"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, text in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            start = int(text, 16)
            letters.update(
                {c: chr(start + c - int(first, 16)) for c in range(int(first, 16), int(last, 16) + 1)}
            )
    return letters


def _decoded(operand: pikepdf.Object, letters: dict[int, str]) -> str:
    parts = operand if isinstance(operand, pikepdf.Array) else [operand]
    raw = b"".join(bytes(part) for part in parts if isinstance(part, pikepdf.String))
    return "".join(letters.get(int.from_bytes(raw[k : k + 2]), "?") for k in range(0, len(raw), 2))


@cache
def pair_pdf() -> bytes:
    """The report of the pair as PDF."""
    return pdf_report(report_view(measured_pair(), compare_visits(measured_pair())), dated=PRE_TIME)


def test_it_says_that_it_is_an_accessible_archive_file() -> None:
    with pikepdf.open(io.BytesIO(pair_pdf())) as pdf:
        metadata = pdf.open_metadata()
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "A")
        assert metadata["pdfuaid:part"] == "1"
        assert bool(pdf.Root.MarkInfo.Marked)
        assert "/StructTreeRoot" in pdf.Root
        assert str(pdf.Root.Lang).startswith("en")
        assert metadata["dc:title"] == "Atlas alignment report, P-014"


def _elements(node: pikepdf.Object) -> list[pikepdf.Object]:
    if not isinstance(node, pikepdf.Dictionary):
        return []
    children = node.get("/K", pikepdf.Array())
    below = list(children) if isinstance(children, pikepdf.Array) else [children]
    return [node, *(found for child in below for found in _elements(child))]


def test_its_structure_has_headings_tables_and_described_figures() -> None:
    with pikepdf.open(io.BytesIO(pair_pdf())) as pdf:
        elements = [e for e in _elements(pdf.Root.StructTreeRoot) if "/S" in e]
        kinds = {str(element.S) for element in elements}
        figures = [str(e.get("/Alt", "")) for e in elements if str(e.S) == "/Figure"]
    assert {"/H1", "/H2", "/H3", "/Table", "/TH", "/TD", "/Figure"} <= kinds
    # Six plates of two visits, the plot of changes, the bones of two visits and the plot of their angles.
    assert len(figures) == 16
    assert all(len(text) > 40 for text in figures)


def test_its_fonts_are_inside_and_nothing_is_fetched() -> None:
    with pikepdf.open(io.BytesIO(pair_pdf())) as pdf:
        fonts = [
            o
            for o in pdf.objects
            if isinstance(o, pikepdf.Dictionary) and o.get("/Type") == "/FontDescriptor"
        ]
        assert fonts
        assert all("/FontFile2" in font or "/FontFile3" in font for font in fonts)
        assert {"SourceSans" in str(font.FontName) for font in fonts} == {True}
    assert b"/URI" not in pair_pdf()


def test_a_second_run_gives_the_same_bytes() -> None:
    again = pdf_report(report_view(measured_pair(), compare_visits(measured_pair())), dated=PRE_TIME)
    assert again == pair_pdf()


def test_it_is_dated_by_the_visit() -> None:
    with pikepdf.open(io.BytesIO(pair_pdf())) as pdf:
        assert str(pdf.open_metadata()["xmp:CreateDate"]).startswith("2026-03-02T08:10:00")


@pytest.mark.parametrize(
    "pseudonym", ["<script>#eval(1)</script>", "患者 十四 \x00\x07", "Ærø-Ωμέγα", "$x$ *b* _i_ @a"]
)
def test_any_pseudonym_can_be_printed(pseudonym: str) -> None:
    measured = measured_of(case_of(pre_visit(), pseudonym=pseudonym))
    text = pdf_text(pdf_report(report_view(measured), dated=PRE_TIME))
    wanted = re.sub(r"[^\x20-\x7eÆøΩμέγα]", "", pseudonym).replace(" ", "")
    assert wanted in text
