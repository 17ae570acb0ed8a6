"""The JSON documents: full precision, unknown is null, and exactly what the output models take."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from atlasplane.chain.comparison import compare_visits
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.observation import Category, Count, Grade, Measurement, Observation, Pose, Site
from atlasplane.core.quantity import Quantity, quantity
from atlasplane.io.outputs import CheckOutput, CompareOutput, ErrorOutput, MeasureOutput
from atlasplane.report.document import (
    check_document,
    compare_document,
    error_document,
    finding_json,
    measure_document,
)
from atlasplane.report.document_observation import observation_json
from tests.test_report_case import case_of, measured_of, measured_pair, pre_visit, without_technique

HEAVY = {"PIL", "jinja2", "matplotlib", "typst"}


def entry(kind: str) -> Quantity:
    return quantity("atlas_laterality").model_copy(update={"kind": kind, "id": f"some_{kind}"})


def five_kinds() -> list[Observation]:
    common = {"visit": "v1", "method": "m/1"}
    return [
        Measurement(quantity=entry("measurement"), value=2.0, u=None, site=Site(side="right"), **common),
        Count(quantity=entry("count"), n=3, exposure=6.2, **common),
        Grade(quantity=entry("grade"), level=2, scale="psfs-1", **common),
        Category(quantity=entry("category"), value="S", choices=("S", "I"), **common),
        Pose(
            quantity=entry("pose"), from_frame="c1", to_frame="skull", origin="o", rotation=np.eye(3),
            translation_mm=np.array([0.1, -0.4, 1.2]), cov6=np.eye(6), **common,
        ),
    ]  # fmt: skip


def test_measure_document_is_what_the_output_model_takes() -> None:
    document = measure_document(measured_pair())
    read = MeasureOutput.model_validate_json(json.dumps(document, allow_nan=False))
    assert [visit.id for visit in read.visits] == ["v1", "v2"]
    assert read.visits[0].vector is not None and read.visits[1].vector is None


def test_compare_document_is_what_the_output_model_takes() -> None:
    comparison = compare_visits(measured_pair())
    document = compare_document(comparison, case="c", simulated=True)
    read = CompareOutput.model_validate_json(json.dumps(document, allow_nan=False))
    assert (read.pre, read.post) == ("v1", "v2")
    assert {change.sustained for change in read.changes} == {None}


def test_films_without_technique_are_a_document_too() -> None:
    measured = measured_of(case_of(without_technique(pre_visit())))
    document = measure_document(measured)
    MeasureOutput.model_validate_json(json.dumps(document, allow_nan=False))
    laterality = next(o for o in document["visits"][0]["observations"] if o["quantity"] == "atlas_laterality")
    assert (laterality["u"], laterality["mdc"], laterality["interval"]) == (None, None, None)
    assert laterality["side"] == "undetermined"
    assert document["visits"][0]["vector"] is None
    assert document["visits"][0]["no_vector_because"]


def test_values_keep_their_full_precision() -> None:
    measured = measured_pair().visits[0].joint.measurement("atlas_laterality")
    document = measure_document(measured_pair())
    written = json.loads(json.dumps(document))["visits"][0]["observations"]
    own = next(o for o in written if o["quantity"] == "atlas_laterality")
    assert measured is not None
    assert (own["value"], own["u"], own["unit"], own["side"]) == (measured.value, measured.u, "deg", "right")
    assert own["mdc"]["source"] == "this measurement repeated"


def test_joint_covariance_has_one_row_a_measurement() -> None:
    joint = measure_document(measured_pair())["visits"][0]["joint"]
    assert np.array(joint["cov"]).shape == (len(joint["order"]),) * 2


@pytest.mark.parametrize("observation", five_kinds(), ids=lambda o: type(o).__name__)
def test_each_kind_carries_what_all_five_carry(observation: Observation) -> None:
    document = json.loads(json.dumps(observation_json(observation), allow_nan=False))
    common = {"quantity", "visit", "site", "condition", "method", "measurand", "tag", "source", "observer"}
    assert common | {"kind", "provenance", "quality"} <= set(document)


def test_each_kind_says_its_own() -> None:
    measurement, count, grade, category, pose = map(observation_json, five_kinds())
    assert (measurement["dof"], measurement["site"]["side"]) == (None, "right")
    assert (count["n"], count["exposure"]) == (3, {"value": 6.2, "unit": "h"})
    assert (grade["level"], grade["scale"]) == (2, "psfs-1")
    assert (category["value"], category["set"]) == ("S", ["S", "I"])
    assert pose["pose"]["zxy_deg"] == {"flexext": 0.0, "lateral": 0.0, "axial": 0.0}
    assert pose["pose"]["t_mm"] == [0.1, -0.4, 1.2]


def test_a_finding_without_a_finite_number_has_null() -> None:
    finding = Finding(code="skull_line.refused", severity=Severity.STOP, text="t", value=math.nan, limit=0.8)
    assert (finding_json(finding)["value"], finding_json(finding)["limit"]) == (None, 0.8)
    document = check_document("c", [replace(finding, file="nasium.dcm")])
    CheckOutput.model_validate_json(json.dumps(document, allow_nan=False))


def test_an_error_names_file_fault_and_remedy() -> None:
    document = error_document(BadInput("case.toml", "it has no id", "Give one"))
    ErrorOutput.model_validate_json(json.dumps(document))
    assert document["remedy"] == "Give one"


def test_documents_are_made_without_drawing_libraries() -> None:
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import atlasplane.report.document, json, sys; print(json.dumps(list(sys.modules)))",
        ],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert HEAVY.isdisjoint(json.loads(loaded.stdout))
