"""Answers out of FHIR QuestionnaireResponses, up to the grades of a visit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atlasplane import api
from atlasplane.core.errors import BadInput
from atlasplane.core.observation import Grade
from atlasplane.io.fhir_responses import fhir_answers
from tests.test_visit_recordings import DAYS, case_of, told_case

ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"


def response(*items: dict[str, Any], questionnaire: str | None = None, **fields: Any) -> dict[str, Any]:
    made = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": list(items), **fields}
    return made if questionnaire is None else {**made, "questionnaire": questionnaire}


def item(link: str, *answers: dict[str, Any], within: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"linkId": link}
    if answers:
        made["answer"] = list(answers)
    return made if within is None else {**made, "item": within}


def coded(code: str, level: float | None = None) -> dict[str, Any]:
    coding: dict[str, Any] = {"system": "http://example.org", "code": code}
    if level is not None:
        coding["extension"] = [{"url": ORDINAL, "valueDecimal": level}]
    return {"valueCoding": coding}


def measured(value: float, unit: str) -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "unit": unit}}


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ({"valueInteger": 2}, 2),
        ({"valueDecimal": 2.0}, 2),
        ({"valueDecimal": 2.5}, 2.5),
        ({"valueQuantity": {"value": 7, "unit": "{score}"}}, 7),
        ({"valueQuantity": {"unit": "{score}"}}, None),
        ({"valueBoolean": False}, False),
        ({"valueString": "at night"}, "at night"),
        ({"valueDate": "2026-03-02"}, "2026-03-02"),
        (coded("3"), 3),
        (coded("LA25855-0"), "LA25855-0"),
        (coded("LA25855-0", 2.0), 2),
        ({"valueCoding": {"display": "often"}}, "often"),
        ({"valueAttachment": {"url": "x"}}, None),
    ],
)
def test_every_kind_of_answer(answer: dict[str, Any], value: object) -> None:
    (found,) = fhir_answers(response(item("1", answer)), file="a.json")
    assert found.answers == {"1": value} and type(found.answers["1"]) is type(value)


def test_items_of_groups_and_beneath_answers_are_found_in_their_order() -> None:
    beneath = {"valueBoolean": True, "item": [item("c", {"valueInteger": 3})]}
    resource = response(item("group", within=[item("a", {"valueInteger": 1}), item("b", beneath)]), item("d"))
    (found,) = fhir_answers(resource, file="a.json")
    assert list(found.answers.items()) == [("a", 1), ("b", True), ("c", 3), ("d", None)]


def test_two_answers_to_one_item_are_no_level() -> None:
    resource = response(item("a", {"valueInteger": 1}, {"valueInteger": 2}), item("b", coded("1")), item("b"))
    (found,) = fhir_answers(resource, file="a.json")
    assert found.answers == {"a": "1; 2", "b": 1}


@pytest.mark.parametrize(
    ("canonical", "name"),
    [
        ("http://example.org/fhir/Questionnaire/psfs-penn|2.0", "psfs-penn"),
        ("#penn", "penn"),
        ("penn", "penn"),
        (None, ""),
    ],
)
def test_the_instrument_is_the_end_of_the_questionnaires_address(canonical: str | None, name: str) -> None:
    (found,) = fhir_answers(response(questionnaire=canonical), file="a.json")
    assert (found.instrument, found.file, found.answers) == (name, "a.json", {})


def test_every_response_of_a_bundle() -> None:
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"resource": response(item("1", {"valueInteger": 1}), questionnaire="a/penn")},
            {"resource": {"resourceType": "Patient"}},
            {"fullUrl": "urn:nothing"},
            {"resource": response(questionnaire="a/ndi")},
        ],
    }
    assert [each.instrument for each in fhir_answers(bundle, file="b.json")] == ["penn", "ndi"]
    assert fhir_answers({"resourceType": "Bundle"}, file="b.json") == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"item": {"linkId": "1"}},
        {"item": ["1"]},
        {"item": [{"answer": []}]},
        {"item": [{"linkId": "1", "answer": [{"valueInteger": "two"}]}]},
        {"item": [{"linkId": "1", "answer": [{"valueInteger": True}]}]},
        {"item": [{"linkId": "1", "answer": [{"valueDecimal": float("nan")}]}]},
        {"item": [{"linkId": "1", "answer": [{"valueString": ["a"]}]}]},
        {"item": [{"linkId": "1", "answer": [{"valueCoding": {"code": 7}}]}]},
        {"questionnaire": 5},
    ],
)
def test_what_is_not_built_as_fhir_says_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="no QuestionnaireResponse as FHIR R4 builds it") as refused:
        fhir_answers({"resourceType": "QuestionnaireResponse", **wrong}, file="a.json")
    assert refused.value.file == "a.json"


def test_items_within_items_without_end_do_not_exhaust_the_stack() -> None:
    deep = item("0", {"valueInteger": 0})
    for n in range(5000):
        deep = item(str(n), within=[deep])
    (found,) = fhir_answers(response(deep), file="a.json")
    assert found.answers == {"0": 0}


def test_a_response_entered_in_error_is_refused() -> None:
    with pytest.raises(BadInput, match="entered in error"):
        fhir_answers(response(status="entered-in-error"), file="a.json")


def test_the_published_example_is_read(data_dir: Path) -> None:
    path = data_dir / "fhir/r4/questionnaireresponse-example-bluebook.json"
    (found,) = fhir_answers(json.loads(path.read_text(encoding="utf-8")), file=path.name)
    assert found.answers["sex"] == "f"
    assert (found.answers["birthWeight"], found.answers["birthLength"]) == (3.25, 44.3)
    assert (found.answers["vitaminKgiven"], found.answers["vitaminKDose2"]) == ("INJECTION", "1972-12-11")
    assert found.instrument == ""


# ---- in a visit ----


@pytest.mark.parametrize(
    ("resource", "grades"),
    [
        (
            response(
                item("1", coded("LA1", 2)),
                item("2", {"valueInteger": 1}),
                questionnaire="http://example.org/Questionnaire/psfs-penn|1",
            ),
            {"penn_frequency": 2, "penn_severity": 1},
        ),
        (
            response(
                item("/scats/1", {"valueInteger": 3}),
                item("scats.2", {"valueDecimal": 0.0}),
                item("scats-3", coded("1")),
                questionnaire="http://example.org/Questionnaire/SCATS",
            ),
            {"scats_clonus": 3, "scats_flexor": 0, "scats_extensor": 1},
        ),
        (
            response(item("spasm-nrs", {"valueInteger": 7}), item("spasm_frequency_score", coded("2"))),
            {"spasm_nrs": 7, "spasm_frequency_score": 2},
        ),
        (
            response(
                item("1", measured(2, "s")),
                item("2", measured(31, "degrees")),
                item("3", measured(2, "{score}")),
                questionnaire="http://example.org/Questionnaire/scats",
            ),
            {"scats_clonus": 1, "scats_flexor": 3, "scats_extensor": 2},
        ),
        (
            response(item("1.1", {"valueInteger": 1}), questionnaire="http://example.org/Questionnaire/penn"),
            {},
        ),
        (response(item("1", {"valueInteger": 1}), questionnaire="http://example.org/Questionnaire/ndi"), {}),
    ],
)
def test_scales_of_spasm_are_graded(tmp_path: Path, resource: dict[str, Any], grades: dict[str, int]) -> None:
    joint = api.load(told_case(tmp_path / "case", json.dumps(resource))).measure().visits[0].joint
    found = {o.quantity.id: o.level for o in joint.observations if isinstance(o, Grade)}
    assert found == grades


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (item("2", {"valueInteger": 2}), "stands beside penn_frequency = 0"),
        (item("2", {"valueInteger": 1}, {"valueInteger": 2}), "'1; 2' is no level"),
        (item("2", coded("LA25855-0")), "'LA25855-0' is no level"),
        (item("2", {"valueQuantity": {"value": 1, "unit": "h"}}), "penn_severity = 1 h: .* no such unit"),
        (item("penn_frequency", {"valueInteger": 0}), "answers penn_frequency twice"),
    ],
)
def test_answers_that_the_scale_does_not_have_are_refused(
    tmp_path: Path, second: dict[str, Any], said: str
) -> None:
    resource = response(item("1", {"valueInteger": 0}), second, questionnaire="x/penn")
    root = told_case(tmp_path / "case", json.dumps(resource))
    with pytest.raises(BadInput, match=said) as refused:
        api.load(root).measure()
    assert refused.value.file == f"{DAYS[0]}/a.json"


@pytest.mark.parametrize(("link", "unit"), [("1", "min"), ("1", "deg"), ("2", "s"), ("3", "ms")])
def test_a_reflex_in_another_unit_is_refused(tmp_path: Path, link: str, unit: str) -> None:
    """Two seconds of clonus are level 1, 2 ms and 2 min are not, and 2 is a level only without a unit."""
    root = told_case(
        tmp_path / "case", json.dumps(response(item(link, measured(2, unit)), questionnaire="x/scats"))
    )
    with pytest.raises(BadInput, match=f"= 2 {unit}: the scale has no such unit"):
        api.load(root).measure()


def test_a_unit_stays_beside_its_number() -> None:
    code = {"valueQuantity": {"value": 2, "unit": "seconds", "code": "s"}}
    resource = response(item("1", code), item("2", measured(3, "deg")), item("3", {"valueInteger": 1}))
    (found,) = fhir_answers(resource, file="a.json")
    assert found.answers == {"1": 2, "2": 3, "3": 1} and found.units == {"1": "s", "2": "deg"}
    with pytest.raises(BadInput, match="no QuestionnaireResponse"):
        fhir_answers(response(item("1", {"valueQuantity": {"value": 2, "unit": 5}})), file="a.json")


def test_answers_that_no_scale_has_are_a_finding(tmp_path: Path) -> None:
    resource = response(
        item("1", {"valueInteger": 3}), item("9", {"valueInteger": 1}), item("note"), questionnaire="x/penn"
    )
    measured_ = api.load(told_case(tmp_path / "case", json.dumps(resource))).measure()
    (finding,) = measured_.findings
    assert (finding.code, finding.file, finding.value) == ("spasm.answer_unused", f"{DAYS[0]}/a.json", 1.0)
    assert finding.text.endswith("not used: 9")


def test_two_files_that_answer_one_scale_are_refused(tmp_path: Path) -> None:
    root = case_of(tmp_path / "case", {"responses": [{"file": "a.json"}, {"file": "b.json"}]})
    for name, level in (("a.json", 1), ("b.json", 3)):
        text = json.dumps(response(item("1", {"valueInteger": level}), questionnaire="x/penn"))
        (root / DAYS[0] / name).write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=f"penn_frequency, which {DAYS[0]}/a.json") as refused:
        api.load(root).measure()
    assert refused.value.file == f"{DAYS[0]}/b.json"
