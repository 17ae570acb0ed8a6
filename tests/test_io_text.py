"""TOML and JSON: what is written is read back, and what is wrong is named with its place and a remedy."""

from __future__ import annotations

import math
import tomllib
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlasplane.core.errors import BadFile, BadInput, BadLandmarks
from atlasplane.io.faults import key_path, nearest, validated
from atlasplane.io.models import CaseFile, VisitFile
from atlasplane.io.records_file import read_exam, read_labs, read_responses, read_rows
from atlasplane.io.text_file import checked_schema, read_json, read_toml
from atlasplane.io.toml_text import table_lines, toml_text, toml_value

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
SCALARS = st.one_of(
    WORDS,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(timezones=OFFSETS),
    st.dates(min_value=date(1, 1, 1)),
)
VALUES = st.recursive(
    SCALARS, lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(WORDS, v, max_size=3))
)


@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_toml_is_read_back_as_it_was_given(content: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(content)) == content


def test_toml_tables_stand_after_plain_values() -> None:
    text = toml_text(
        {"film": ({"file": "a", "technique": {"sid_mm": 1067.0}},), "id": "v1", "none": None, "exam": {}}
    )
    assert text == 'id = "v1"\n\n[[film]]\nfile = "a"\ntechnique = { sid_mm = 1067.0 }\n\n[exam]\n'


def test_a_note_becomes_a_comment() -> None:
    assert table_lines({"a": 1, "b": None}, {"a": "check it"}) == ["a = 1  # check it"]


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), {1, 2}])
def test_what_toml_does_not_know_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"not a number|has no"):
        toml_value(value)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"a = \nb = 1", "not valid TOML.*line 1"),
        (b"a = 1\na = 2", "not valid TOML"),
        (b"a = '\xff'", "not UTF-8"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_bad_toml_names_the_place(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(BadFile, match=what):
        read_toml(tmp_path / "f", name="visit.toml")


@pytest.mark.parametrize(
    ("content", "error", "what"),
    [
        (b'{"a": }', BadFile, r"line 1, column 7"),
        (b'{"a": NaN}', BadFile, "NaN"),
        (b'{"a": -Infinity}', BadFile, "Infinity"),
        (b'{"a": 1, "a": 2}', BadLandmarks, "'a' is given twice"),
        (b"[" * 100_000, BadFile, "nested too deeply"),
    ],
)
def test_bad_json_names_the_place(tmp_path: Path, content: bytes, error: type[BadInput], what: str) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(error, match=what):
        read_json(tmp_path / "f", name="f.json")


def test_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes("﻿a = 'µ'".encode())
    assert read_toml(tmp_path / "f", name="f") == {"a": "µ"}


def test_a_huge_text_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlasplane.io.text_file.MAX_TEXT_BYTES", 3)
    (tmp_path / "f").write_text("a = 1")
    with pytest.raises(BadFile, match="larger"):
        read_toml(tmp_path / "f", name="f")


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        ([], "not a table", "example"),
        ({}, "no key 'schema'", 'schema = "atlasplane.case/1"'),
        (
            {"schema": "atlasplane.visit/1"},
            r"'atlasplane\.visit/1', expected 'atlasplane\.case/1'",
            "right file",
        ),
        ({"schema": "atlasplane.case/2"}, "expected", "version of the program"),
    ],
)
def test_wrong_schema_says_which_is_expected(content: object, what: str, remedy: str) -> None:
    with pytest.raises(BadInput, match=what) as failed:
        checked_schema(content, "atlasplane.case/1", name="case.toml")
    assert remedy in failed.value.remedy


VISIT = {
    "schema": "atlasplane.visit/1",
    "id": "v1",
    "time": datetime(2026, 3, 2, 9, 10, tzinfo=timezone(timedelta(hours=1))),
    "phase": "baseline",
}


@pytest.mark.parametrize(
    ("change", "what", "remedy"),
    [
        ({"fase": "x"}, "unknown key 'fase'", "'phase'"),
        (
            {"film": [{"file": "a", "view": "nasium", "patient_rigth": "x"}]},
            r"film\[0\]\.patient_rigth",
            "patient_right",
        ),
        ({"film": [{"file": "a", "view": "nasum"}]}, r"film\[0\]\.view' is 'nasum'", "'nasium'"),
        ({"film": [{"view": "nasium"}]}, r"film\[0\]\.file' is missing", "Add it"),
        ({"film": [{"file": "../a", "view": "nasium"}]}, r"film\[0\]\.file'.*inside", "Correct"),
        ({"film": [{"file": "/a", "view": "nasium"}]}, "inside", "Correct"),
        ({"film": [{"file": "C:/a", "view": "nasium"}]}, "inside", "Correct"),
        ({"film": [{"file": "a\\b", "view": "nasium"}]}, "forward slashes", "Correct"),
        ({"time": datetime(2026, 3, 2)}, "'time' is a time without its offset", "+01:00"),
        ({"time": 5}, "a time such as", "Correct"),
        ({"observer": ""}, "'observer': string should have at least 1", "Correct"),
        ({"a": 1, "b": 2}, "unknown key 'a' .and 1 more", "'x'"),
        (
            {"film": [{"file": "a", "view": "nasium", "technique": {"sid_mm": math.nan, "sod_mm": 1}}]},
            r"film\[0\]\.technique\.sid_mm",
            "",
        ),
        (
            {"film": [{"file": "a", "view": "nasium", "technique": {"sid_mm": "1067", "sod_mm": 1}}]},
            "valid number",
            "",
        ),
        ({"film": [{"file": "a", "view": "nasium", "technique": {"sid": 1}}]}, r"technique", ""),
        ({"recording": [{"file": "a", "kind": "semg", "noise_uV": {"E": 0}}]}, r"noise_uV\.E", ""),
    ],
)
def test_a_wrong_key_is_named_with_its_path(change: dict[str, object], what: str, remedy: str) -> None:
    with pytest.raises(BadInput, match=what) as failed:
        validated(VisitFile, {**VISIT, **change}, name="visit.toml")
    assert failed.value.file == "visit.toml"
    assert remedy in failed.value.remedy


def test_the_free_table_takes_anything() -> None:
    free = {"colour": [1, {"a": "b"}]}
    table = validated(
        VisitFile, {**VISIT, "x": free, "film": [{"file": "a", "view": "nasium", "x": free}]}, name="f"
    )
    assert table.x == free
    assert table.film[0].x == free


def test_the_example_of_a_case_is_read() -> None:
    example = {
        "schema": "atlasplane.case/1",
        "id": "3f0c…",
        "pseudonym": "P-014",
        "birth_year": 1980,
        "sex": "female",
        "simulated": True,
        "consents": {"research": True},
        "volume": [
            {
                "file": "ct/head.nii.gz",
                "landmarks": "ct/head.landmarks.json",
                "masks": {"skull": "ct/skull.nii.gz", "c1": "ct/c1.nii.gz"},
            }
        ],
    }
    assert validated(CaseFile, example, name="case.toml").volume[0].masks["c1"] == "ct/c1.nii.gz"


def test_nearest_word_ignores_case_and_may_be_none() -> None:
    assert nearest("pl_r", ["PL_R", "TP_L"]) == "PL_R"
    assert nearest("zzz", ["PL_R"]) is None
    assert key_path(("film", 1, "patient_right")) == "film[1].patient_right"


RESPONSES = """{"schema": "atlasplane.responses/1", "instrument": "ndi", "time": "2026-03-02T09:10:00Z",
"answers": {"1": 2, "2": null}}"""
LABS = """{"schema": "atlasplane.labs/1",
"results": [{"test": "Mg", "loinc": "19123-9", "value": 0.8, "unit": "mmol/L"}]}"""


def test_records_are_read(tmp_path: Path) -> None:
    (tmp_path / "r").write_text(RESPONSES)
    (tmp_path / "l").write_text(LABS)
    (tmp_path / "e").write_text('schema = "atlasplane.exam/1"\n[neuro]\nhoffmann = false\n[weight]\n')
    (tmp_path / "f").write_text('{"resourceType": "QuestionnaireResponse", "status": "completed"}')
    responses, labs = read_responses(tmp_path / "r", name="r"), read_labs(tmp_path / "l", name="l")
    assert not isinstance(responses, dict) and responses.answers == {"1": 2, "2": None}  # type: ignore[union-attr]
    assert not isinstance(labs, dict) and labs.results[0].unit == "mmol/L"  # type: ignore[union-attr]
    assert read_exam(tmp_path / "e", name="e") == {"neuro": {"hoffmann": False}}
    assert read_responses(tmp_path / "f", name="f") == {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
    }


def test_another_fhir_resource_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_text('{"resourceType": "Patient"}')
    with pytest.raises(BadInput, match="FHIR Patient, expected Observation"):
        read_labs(tmp_path / "f", name="f")


def test_rows_of_a_diary(tmp_path: Path) -> None:
    (tmp_path / "d").write_text('date,spasms,note\n2026-03-02,4,"warm, rest"\n')
    assert read_rows(tmp_path / "d", ("date", "spasms", "note"), name="d")[0]["note"] == "warm, rest"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("spasms\n1\n", "no column 'date'"),
        ("date,spams\n", "unknown column 'spams'"),
        ("date,zzz\n", "unknown column 'zzz'"),
        ("date,date\n", "twice"),
        ("date,spasms\n2026-03-02,4,5\n", "row 2 has more cells"),
        ('date,spasms\n2026-03-02,"4\n', "not valid CSV"),
        ("", "no column"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "d").write_text(text)
    with pytest.raises(BadInput, match=what):
        read_rows(tmp_path / "d", ("date", "spasms", "note"), name="diary.csv")
