"""Every schema is valid, takes the examples of the interface, and refuses what the readers refuse."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from atlasplane.core.errors import BadInput
from atlasplane.io.schemas import json_schema, schema_names

POSE = {
    "from": "c1",
    "to": "skull",
    "R": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "t_mm": [0.1, -0.4, 1.2],
    "origin": "C1 transverse foramina midpoint",
    "zxy_deg": {"flexext": 3.1, "lateral": -2.0, "axial": 2.9},
    "cov6": [[float(i == j) for j in range(6)] for i in range(6)],
}

OBSERVATIONS = [
    {
        "kind": "measurement",
        "quantity": "atlas_laterality",
        "value": 2.36,
        "unit": "deg",
        "u": 0.66,
        "u_film": 0.44,
        "dof": 41.0,
        "interval": {"level": 0.95, "low": 1.03, "high": 3.69},
        "side": "right",
        "mdc": {"value": 1.83, "level": 0.95, "source": "this measurement repeated"},
        "measurand": "patient",
        "method": "csl-apl/1",
        "tag": "published",
        "quality": ["ok"],
        "budget": {"landmarks": 0.44, "scale": 0.0, "head": 0.49},
        "source": ["nasium.dcm"],
        "observer": ["KR"],
        "calibration": "sid_sod",
        "site": None,
        "condition": None,
    },
    {
        "kind": "count",
        "quantity": "spasm_rate",
        "n": 3,
        "exposure": {"value": 6.2, "unit": "h"},
        "unit": "1/h",
        "interval": {"level": 0.95, "low": 0.1, "high": 1.41},
    },
    {"kind": "grade", "quantity": "penn_frequency", "level": 2, "scale": "psfs-1"},
    {"kind": "category", "quantity": "leg_check", "value": "unknown", "set": ["right", "left", "even"]},
    {"kind": "pose", "quantity": "c1_in_skull", "pose": POSE},
]

FINDING = {
    "code": "film.yaw",
    "severity": "warn",
    "file": "nasium.dcm",
    "value": 1.9,
    "limit": 1.0,
    "text": "The head is turned by 1.9 deg (limit 1.0).",
}

OBSERVER = {
    "name": "KR",
    "cases": 10,
    "films": 30,
    "readings": 60,
    "not_blind": 0,
    "used": True,
    "landmark": {"PL": {"cov_mm2": [[0.09, 0.01], [0.01, 0.04]], "dof": 20.0, "films": 10, "used": True}},
    "quantity": {"atlas_laterality": {"unit": "deg", "sd": 0.45, "dof": 10.0, "films": 10, "mdc95": 1.4}},
}
OBSERVER_BIAS = {
    "first": "KR",
    "second": "LS",
    "kind": "landmark",
    "id": "PL",
    "axis": 1,
    "unit": "mm",
    "mean": 0.1,
    "interval": [-0.1, 0.3],
    "limits": [-0.8, 1.0],
    "films": 10,
}

SPASM_CHANNEL = {
    "label": "TRAP L",
    "muscle": "trapezius_upper",
    "side": "left",
    "rate_hz": 1000.0,
    "analysed_s": 14100.0,
    "threshold_uV": 3.1,
    "noise_uV": 2.2,
    "quiet": {"source": "segment", "start_s": 30.0, "stop_s": 330.0},
    "burden_percent": {
        "value": 4.7,
        "unit": "%",
        "u": 0.8,
        "interval": {"level": 0.95, "low": 3.1, "high": 6.9},
    },
    "rate": {
        "kind": "count",
        "quantity": "spasm_rate",
        "n": 1,
        "exposure": {"value": 3.9, "unit": "h"},
        "unit": "1/h",
        "rate": 0.26,
        "dispersion": 1.0,
        "interval": {"level": 0.95, "low": 0.006, "high": 1.4},
    },
    "mean_duration_s": {"value": 11.5, "unit": "s", "u": None, "interval": None},
    "clonus_hz": None,
    "intensity_uV": {"value": 31.8, "unit": "uV", "u": None, "interval": None},
    "intensity_percent": None,
    "burden_by_hour": [4.1, None],
    "events": [
        {
            "start_s": 600.0,
            "stop_s": 611.5,
            "class": "tonic",
            "rms_uV": 31.8,
            "frequency_hz": None,
            "confidence": 1.0,
        }
    ],
    "excluded": [{"start_s": 700.0, "stop_s": 701.0, "why": "spasm.missing"}],
}
SPASM_AGREEMENT = {
    "channel": "TRAP L",
    "compared_s": 14100.0,
    "n_labelled": 1,
    "n_found": 1,
    "n_both": 1,
    "sensitivity": {"value": 1.0, "unit": "1", "u": None, "interval": None},
    "precision": {"value": 1.0, "unit": "1", "u": None, "interval": None},
    "f1": 1.0,
    "sample_sensitivity": 0.99,
    "sample_precision": 0.98,
    "sample_f1": 0.985,
    "kappa": 0.98,
    "false_alarms_per_day": {"value": 0.0, "unit": "1/d", "u": None, "interval": None},
    "latency_s": {"value": 0.03, "unit": "s", "u": None, "interval": None},
    "duration_error_s": {"value": -0.05, "unit": "s", "u": None, "interval": None},
    "n_classed": 1,
    "same_class": {"value": 1.0, "unit": "1", "u": None, "interval": None},
    "class_kappa": None,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "case": {
        "schema": "atlasplane.case/1",
        "id": "3f0c",
        "pseudonym": "P-014",
        "birth_year": 1980,
        "sex": "female",
        "simulated": True,
        "consents": {"research": True},
        "volume": [
            {
                "file": "ct/head.nii.gz",
                "landmarks": "ct/l.json",
                "masks": {"c1": "ct/c1.nii.gz", "c2": {"file": "ct/labels.nii.gz", "label": 2}},
                "meshes": {"c1": "ct/c1.stl"},
                "segmentation": "ct/head-bones/segmentation.json",
            }
        ],
    },
    "segmentation": {
        "schema": "atlasplane.segmentation/1",
        "volume": {"file": "ct/head.nii.gz", "sha256": "0" * 64},
        "status": "accepted",
        "tool": {"name": "TotalSegmentator", "version": "2.18.0"},
        "time": "2026-03-02T10:00:00+01:00",
        "accepted_by": "KR",
        "accepted_at": "2026-03-02T10:05:00+01:00",
        "seeds": {"c1": [[0.5, -12.0, 40.0]]},
        "bones": {
            "c1": {
                "mask": "c1.nii.gz",
                "mask_sha256": "0" * 64,
                "mesh": "c1.stl",
                "mesh_sha256": "0" * 64,
                "voxels": 41000,
            }
        },
        "findings": [],
        "replaces": "ct/old-bones/segmentation.json",
    },
    "seeds": {"schema": "atlasplane.seeds/1", "seeds": {"skull": [[0, 1, 2]], "c1": []}},
    "segment": {
        "schema": "atlasplane.segment/1",
        "volume": "ct/head.nii.gz",
        "record": "ct/head-bones/segmentation.json",
        "status": "proposed",
        "tool": {"name": "atlasplane", "version": "0.1.0"},
        "masks": {"c1": "ct/head-bones/c1.nii.gz"},
        "meshes": {"c1": "ct/head-bones/c1.stl"},
        "findings": [FINDING],
        "seconds": 12.5,
    },
    "register": {
        "schema": "atlasplane.register/1",
        "software": "0.1.0",
        "case": "3f0c",
        "simulated": True,
        "visit": "v2",
        "time": "2026-03-02T10:00:00+01:00",
        "status": "ok",
        "reason": None,
        "rig": "free",
        "start": {"kind": "landmarks", "file": None, "seed": 4711},
        "bones": {"skull": POSE, "c1": POSE, "c2": POSE},
        "relative": {"c1_in_skull": POSE, "c2_in_c1": POSE},
        "motion": {"c1": POSE, "c2": POSE},
        "uncertainty": {
            "order": ["skull/v2/lateral.png", "skull/v2/nasium.png", "c1", "c2"],
            "centre_mm": {"skull": [40.0, 25.0, 0.0], "c1": [0.0, 0.0, 0.0], "c2": [0.0, -17.0, 0.0]},
            "cov": [[float(i == j) for j in range(24)] for i in range(24)],
        },
        "cameras": [
            {
                "file": "v2/lateral.png",
                "view": "lateral",
                "P": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1000]],
                "u": [19.8, 9.9, 9.9, 0.005],
                "detector": {
                    "source_mm": [0, 0, -1000],
                    "centre_mm": [0, 0, 0],
                    "column_axis": [1, 0, 0],
                    "row_axis": [0, 1, 0],
                    "pitch_mm": [0.2, 0.2],
                    "principal_px": [600.5, 800.5],
                },
                "skull": POSE,
                "gain": 0.9,
                "share": 0.85,
                "weight": 0.7,
                "pixels": 41000,
                "note": "3.1 % under the shutter",
            }
        ],
        "residual": {"value": 0.6, "limit": 1.0},
        "agreement": {"deg": 0.01, "mm": 0.01},
        "iterations": 40,
        "seconds": 1.4,
        "inputs": {
            "method": "ct-to-film/1",
            "films": [
                {"file": "v2/lateral.png", "sha256": "0" * 64, "stated": "0" * 64},
                {"file": "v2/nasium.png", "sha256": "1" * 64, "stated": "0" * 64},
            ],
            "volume": {"file": "ct/head.nii.gz", "sha256": "0" * 64, "stated": "0" * 64},
            "masks": {"c1": {"file": "ct/c1.nii.gz", "sha256": "0" * 64, "label": None}},
        },
        "overlays": ["registration/lateral-contours.png"],
        "pictures": [
            {
                "file": "registration/lateral-contours.png",
                "film": "v2/lateral.png",
                "kind": "contours",
                "box_px": [100.0, 80.0, 1100.0, 980.0],
                "image_px": [0, 0, 800, 720],
            }
        ],
        "findings": [FINDING],
    },
    "visit": {
        "schema": "atlasplane.visit/1",
        "id": "v1",
        "time": "2026-03-02T09:10:00+01:00",
        "phase": "baseline",
        "moment": "pre",
        "observer": "KR",
        "film": [
            {
                "file": "nasium.dcm",
                "view": "nasium",
                "landmarks": "nasium.landmarks.json",
                "patient_right": "image_left",
                "marker": "R",
                "technique": {
                    "sid_mm": 1067,
                    "sod_mm": 837,
                    "tube_deg": 12.0,
                    "detector": "upright",
                    "principal_px": [1023.5, 1279.5],
                },
                "calibration": {"kind": "sid_sod", "mm_per_px": [0.143, 0.143], "u_rel": 0.02},
            }
        ],
        "recording": [
            {
                "file": "trapezius.edf",
                "kind": "semg",
                "channels": [{"label": "EMG1", "muscle": "trapezius_upper", "side": "right"}],
                "quiet": {"start_s": 0, "stop_s": 60},
                "reference": {"kind": "RVC", "file": "rvc.edf", "start_s": 2, "stop_s": 5},
            }
        ],
        "responses": [{"file": "ndi.json"}],
        "labs": [{"file": "labs.json"}],
        "exam": {"file": "exam.toml"},
    },
    "landmarks": {
        "schema": "atlasplane.landmarks/1",
        "image": {"file": "nasium.dcm", "sha256": "0" * 64},
        "space": "pixel",
        "readings": [
            {
                "id": "r1",
                "observer": "KR",
                "time": "2026-03-02T10:00:00+01:00",
                "tool": "mark/1.0",
                "blinded": False,
                "points": {
                    "PL_R": {"at": [1210.4, 903.2], "cov": [[2.1, 0], [0, 2.1]]},
                    "C7_C": {"visible": False},
                },
                "contours": {"SKULL_R": [[1500.1, 210.0], [1502.0, 240.5]]},
            }
        ],
    },
    "exam": {"schema": "atlasplane.exam/1", "neuro": {"hoffmann": False}},
    "responses": {
        "schema": "atlasplane.responses/1",
        "instrument": "ndi",
        "version": "1",
        "time": "2026-03-02T10:00:00+01:00",
        "answers": {"1": 2, "2": None},
    },
    "labs": {
        "schema": "atlasplane.labs/1",
        "results": [
            {
                "test": "Mg",
                "loinc": "19123-9",
                "value": 0.8,
                "unit": "mmol/L",
                "low": 0.7,
                "high": 1.0,
                "time": None,
            }
        ],
    },
    "measure": {
        "schema": "atlasplane.measure/1",
        "software": "0.1.0",
        "case": "3f0c",
        "simulated": True,
        "visits": [
            {
                "id": "v1",
                "time": "2026-03-02T09:10:00+01:00",
                "moment": "pre",
                "observations": OBSERVATIONS,
                "joint": {
                    "order": ["atlas_laterality", "atlas_plane_tilt"],
                    "cov": [[0.44, 0.31], [0.31, 0.29]],
                },
                "listing": {"text": "R 2 1/4 A 3", "canonical": "AL R 2.36 | ROT A 3.02", "undetermined": []},
                "vector": None,
                "gates": [{"id": "laterality_below_mdc", "state": "pass", "reason": "2.36 is above 1.83"}],
            }
        ],
        "findings": [FINDING],
    },
    "check": {"schema": "atlasplane.check/1", "case": "3f0c", "findings": [FINDING]},
    "compare": {
        "schema": "atlasplane.compare/1",
        "pre": "v1",
        "post": "v2",
        "changes": [
            {
                "quantity": "atlas_laterality",
                "kind": "measurement",
                "site": None,
                "pre": 2.36,
                "post": 0.5,
                "change": -1.86,
                "u": 0.6,
                "correlation": 0.3,
                "mdc": {"value": 1.2, "level": 0.95, "source": "this pair of measurements"},
                "distinguishable": True,
                "meaningful": None,
                "sustained": None,
                "percent_reduction": None,
            }
        ],
    },
    "report": {"schema": "atlasplane.report/1", "files": ["report.html"]},
    "add": {"schema": "atlasplane.add/1", "visit": "v1", "file": "2026-03-02/a.dcm", "findings": [FINDING]},
    "add-folder": {
        "schema": "atlasplane.add-folder/1",
        "listed_only": False,
        "entries": [
            {
                "kind": "film",
                "source": "A/IM0001",
                "count": 1,
                "what": "film, its header names no view",
                "file": None,
                "reason": "film, its header names no view",
                "remedy": "Add it by itself, with --view and the sides",
                "findings": [FINDING],
            }
        ],
    },
    "rectified": {
        "schema": "atlasplane.rectified/1",
        "software": "0.1.0",
        "original": {"ends_in": ".original.jpg", "sha256": "ab" * 32},
        "film": {"sha256": "cd" * 32},
        "exif_orientation": 6,
        "corners_px": [[1.0, 2.0], [9.0, 2.0], [9.0, 8.0], [1.0, 8.0]],
        "size_mm": [240.0, 300.0],
        "photo_px_from_film_px": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        "mm_per_px": [0.1, 0.1],
        "u_rel": 0.007,
        "u_rel_terms": {"corners": 0.005, "film_size": 0.002, "lens": 0.005},
    },
    "export": {"schema": "atlasplane.export/1", "folder": "out", "files": ["2026-03-02_nasium.r1.mrk.json"]},
    "import": {
        "schema": "atlasplane.import/1",
        "file": "2026-03-02/nasium.landmarks.json",
        "reading": "r2",
        "is_known": False,
    },
    "new": {"schema": "atlasplane.new/1", "folder": "cases/P-014"},
    "demo": {"schema": "atlasplane.demo/1", "cases": ["demo/patient"], "files": ["demo/patient/report.html"]},
    "register-batch": {
        "schema": "atlasplane.register-batch/1",
        "cases": [
            {
                "case": "cases/P-014",
                "status": "failed",
                "kept": False,
                "seconds": 0.2,
                "result": None,
                "error": {"file": "ct/c1.nii.gz", "what": "is empty", "remedy": "Segment the scan"},
            }
        ],
        "seconds": 0.4,
        "workers": 1,
        "cases_per_s": 2.5,
    },
    "simulate": {"schema": "atlasplane.simulate/1", "folder": "out", "seed": 7},
    "schemas": {"schema": "atlasplane.schemas/1", "names": ["case", "visit"]},
    "error": {
        "schema": "atlasplane.error/1",
        "file": "case.toml",
        "what": "has no key 'id'",
        "remedy": "Add it",
    },
    "observers": {
        "schema": "atlasplane.observers/1",
        "software": "0.1.0",
        "observer": [OBSERVER],
        "bias": [OBSERVER_BIAS],
        "source": [{"case": "3f0c", "film": "v1/nasium.png", "sha256": "0" * 64, "readings": {"KR": 2}}],
    },
    "observer-study": {
        "schema": "atlasplane.observer-study/1",
        "software": "0.1.0",
        "cases": 10,
        "observer": [OBSERVER],
        "bias": [OBSERVER_BIAS],
        "source": [],
        "findings": [FINDING],
        "file": "observers.toml",
    },
    "doctor": {
        "schema": "atlasplane.doctor/1",
        "software": "0.1.0",
        "trials": [{"group": "disk", "name": "space", "state": "note", "text": "1 GB", "remedy": None}],
    },
    "channels": {
        "schema": "atlasplane.channels/1",
        "channels": [
            {"label": "EMG1", "muscle": "trapezius_upper", "side": "right", "kind": "emg", "unit": "mV"},
            {"label": "ACC1", "kind": "acceleration", "unit": "g", "period_ms": 6.75},
        ],
        "text": {"delimiter": "tab", "decimal": "comma", "skip_lines": 3, "rate_hz": 1000},
    },
    "spasm": {
        "schema": "atlasplane.spasm/1",
        "software": "0.1.0",
        "file": "night.edf",
        "simulated": False,
        "started": "2026-03-01T22:30:00+01:00",
        "duration_s": 14400.0,
        "analysed_s": 14100.0,
        "merge_gap_s": 1.0,
        "channels": [SPASM_CHANNEL],
        "agreement": [SPASM_AGREEMENT],
        "findings": [FINDING],
    },
    "truth": {
        "schema": "atlasplane.truth/1",
        "seed": 1,
        "visits": {
            "v1": {
                "poses": {"c1_in_skull": POSE},
                "quantities": {"atlas_laterality": {"film": 2.41, "patient": 2.33}},
                "landmarks_lps_mm": {"PL_R": [1.0, 2.0, 3.0]},
            }
        },
    },
}


def errors(name: str, content: object) -> list[str]:
    checker = jsonschema.Draft202012Validator(json_schema(name))
    return [error.message for error in checker.iter_errors(content)]


def test_every_schema_has_an_example_here() -> None:
    assert set(schema_names()) == set(EXAMPLES)


@pytest.mark.parametrize("name", schema_names())
def test_schema_is_valid_and_takes_the_example(name: str) -> None:
    schema = json_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert errors(name, EXAMPLES[name]) == []


@pytest.mark.parametrize("name", schema_names())
def test_an_unknown_key_is_refused_and_a_free_one_taken(name: str) -> None:
    assert errors(name, {**EXAMPLES[name], "colour": 1})
    assert errors(name, {**EXAMPLES[name], "x": {"colour": 1}}) == []


@pytest.mark.parametrize("name", schema_names())
def test_another_schema_number_is_refused(name: str) -> None:
    assert errors(name, {**EXAMPLES[name], "schema": f"atlasplane.{name}/9"})


@pytest.mark.parametrize("observation", OBSERVATIONS, ids=lambda o: str(o["kind"]))
def test_each_kind_of_observation_keeps_to_its_own_keys(observation: dict[str, object]) -> None:
    measured = EXAMPLES["measure"]
    for wrong in ({**observation, "kind": "score"}, {**observation, "score": 1}):
        visit = {**measured["visits"][0], "observations": [wrong]}
        assert errors("measure", {**measured, "visits": [visit]})


def test_no_measurement_without_u_or_an_explicit_null() -> None:
    measured = EXAMPLES["measure"]
    for change, fits in (({"u": None}, True), ({"u": 0}, False), ({"u": -1}, False)):
        visit = {**measured["visits"][0], "observations": [{**OBSERVATIONS[0], **change}]}
        assert (errors("measure", {**measured, "visits": [visit]}) == []) is fits
    without = {key: value for key, value in OBSERVATIONS[0].items() if key != "u"}
    visit = {**measured["visits"][0], "observations": [without]}
    assert errors("measure", {**measured, "visits": [visit]})


def test_an_unknown_schema_is_named() -> None:
    with pytest.raises(BadInput, match="Did you mean 'measure'"):
        json_schema("meassure")
    with pytest.raises(BadInput, match="There are case"):
        json_schema("zzz")
