"""Geometry in DICOM headers: every scale with its own u, proposals of beam and view, contradictions."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlasplane.core.calibration import CalibrationKind, usual_uncertainties
from atlasplane.core.finding import Finding
from atlasplane.io.case_add import add_film
from atlasplane.io.case_folder import read_case
from atlasplane.io.case_new import new_case
from atlasplane.io.dicom_header import HeaderStatement
from atlasplane.io.film_file import open_film
from tests.bad_input import dicom_files

IMAGER = {"ImagerPixelSpacing": [0.2, 0.1]}
DISTANCES = {"DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 800}


def stated(tmp_path: Path, **elements: object) -> HeaderStatement:
    header = open_film(dicom_files.film(tmp_path / "film.dcm", **elements)).stated
    assert header is not None
    return header


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


# ---- scale ----


@pytest.mark.parametrize(
    ("elements", "kind"),
    [
        ({"PixelSpacing": [0.16, 0.08], "PixelSpacingCalibrationType": "FIDUCIAL"}, "dicom_fiducial"),
        ({"PixelSpacing": [0.16, 0.08], "PixelSpacingCalibrationType": "GEOMETRY"}, "dicom_geometry"),
        ({**IMAGER, "PixelSpacing": [0.16, 0.08]}, "modality_corrected"),
        ({**IMAGER, "EstimatedRadiographicMagnificationFactor": 1.25}, "ermf"),
        ({**IMAGER, **DISTANCES}, "sid_sod"),
        (IMAGER, "detector_plane_only"),
        ({"NominalScannedPixelSpacing": [0.2, 0.1]}, "detector_plane_only"),
    ],
)
def test_every_kind_of_scale_has_its_own_uncertainty(
    tmp_path: Path, elements: dict[str, object], kind: str
) -> None:
    calibration = stated(tmp_path, **elements).calibration
    assert calibration.kind is CalibrationKind(kind)
    assert calibration.u_rel == usual_uncertainties()[CalibrationKind(kind)].u_rel > 0


def test_uncertainties_are_what_their_sources_work_out() -> None:
    """By hand: a depth error d at SOD 840 mm is d/840; the table rounds to two digits after the point."""
    usual = usual_uncertainties()
    by_hand = {
        CalibrationKind.USER_FIDUCIAL: ((15 / 840) ** 2 + (0.5 * 2**0.5 / 100) ** 2) ** 0.5,
        CalibrationKind.DICOM_FIDUCIAL: 25 / 840,
        CalibrationKind.DICOM_GEOMETRY: 25 / 840,
        CalibrationKind.MODALITY_CORRECTED: 40 / 840,
        CalibrationKind.ERMF: 40 / 840,
        CalibrationKind.SID_SOD: ((17 / 840) ** 2 + (5 / 1067) ** 2) ** 0.5,
    }
    for kind, u_rel in by_hand.items():
        assert usual[kind].u_rel == pytest.approx(u_rel, abs=0.005)
    assert all(each.unit == "1" and each.tag and each.what for each in usual.values())
    with pytest.raises(KeyError):
        _ = CalibrationKind.NONE.usual


@pytest.mark.parametrize(
    ("elements", "code", "value"),
    [
        ({"PixelSpacingCalibrationType": "GEOMETRY"}, "header.calibration_without_spacing", None),
        (
            {**IMAGER, "PixelSpacing": [0.2, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL"},
            "header.not_corrected",
            None,
        ),
        ({**IMAGER, "PixelSpacing": [0.25, 0.125]}, "header.demagnified", 1.25),
        ({**IMAGER, "NominalScannedPixelSpacing": [0.3, 0.3]}, "header.two_origins", None),
        ({**IMAGER, "EstimatedRadiographicMagnificationFactor": 0.9}, "header.magnification_impossible", 0.9),
        (
            {**IMAGER, "DistanceSourceToDetector": 800, "DistanceSourceToPatient": 1000},
            "header.distances",
            1000,
        ),
        # 1.25 by the distances, 1.5 by the factor: a sixth of the latter apart
        (
            {**IMAGER, **DISTANCES, "EstimatedRadiographicMagnificationFactor": 1.5},
            "header.magnification",
            1.25 / 1.5 - 1,
        ),
        ({**IMAGER, **DISTANCES, "PixelSpacing": [0.1, 0.05]}, "header.magnification", 2 / 1.25 - 1),
        ({"ImageLaterality": "R", "Laterality": "L"}, "header.laterality", None),
        ({"ViewPosition": "AP", "PatientOrientation": ["P", "F"]}, "header.view_against_orientation", None),
        ({"ViewPosition": "LL", "PatientOrientation": ["L", "F"]}, "header.view_against_orientation", None),
        ({"ViewPosition": "AP", "PositionerPrimaryAngle": 88}, "header.view_against_beam", 88),
        ({"ViewPosition": "LL", "PositionerPrimaryAngle": -10}, "header.view_against_beam", 80),
        ({"ViewPosition": "AP", "BodyPartExamined": "HAND"}, "header.body_part", None),
        ({"FieldOfViewOrigin": [0, 40]}, "header.cropped", None),
        ({"DetectorActiveOrigin": [4, 4]}, "header.cropped", None),
        ({"FieldOfViewHorizontalFlip": "YES"}, "header.flipped", None),
        ({"FieldOfViewRotation": 90}, "header.flipped", None),
    ],
)
def test_what_a_header_says_against_itself_is_a_finding(
    tmp_path: Path, elements: dict[str, object], code: str, value: float | None
) -> None:
    (remark,) = stated(tmp_path, **elements).remarks
    assert remark.code == code
    assert remark.value == (None if value is None else pytest.approx(value))
    assert remark.text.endswith((".", "?"))


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {
            **IMAGER,
            **DISTANCES,
            "EstimatedRadiographicMagnificationFactor": 1.25,
            "PixelSpacing": [0.16, 0.08],
        },
        {"ImageLaterality": "U", "Laterality": ""},
        {"ViewPosition": "AP", "PatientOrientation": ["L", "F"], "PositionerPrimaryAngle": 180},
        {"ViewPosition": "RL", "PatientOrientation": ["A", "F"], "PositionerPrimaryAngle": -90},
        {"ViewPosition": "AP", "BodyPartExamined": "CSPINE"},
        {"FieldOfViewOrigin": [0, 0], "FieldOfViewHorizontalFlip": "NO", "FieldOfViewRotation": 0},
    ],
)
def test_what_agrees_is_no_finding(tmp_path: Path, elements: dict[str, object]) -> None:
    assert stated(tmp_path, **elements).remarks == ()


def test_a_scale_that_contradicts_itself_is_not_believed(tmp_path: Path) -> None:
    larger = stated(tmp_path, **IMAGER, PixelSpacing=[0.25, 0.125], PixelSpacingCalibrationType="GEOMETRY")
    assert larger.calibration.kind is CalibrationKind.DETECTOR_PLANE_ONLY
    assert larger.calibration.mm_per_px == (0.1, 0.2)
    equal = stated(tmp_path, **IMAGER, PixelSpacing=[0.2, 0.1], PixelSpacingCalibrationType="FIDUCIAL")
    assert equal.calibration.kind is CalibrationKind.DETECTOR_PLANE_ONLY


# ---- beam ----


def test_the_angle_of_a_c_arm_has_a_sign(tmp_path: Path) -> None:
    """Cranial angulation: the detector is nearer to the head, the beam runs up, our caudad + is negative."""
    header = stated(tmp_path, PositionerType="CARM", PositionerSecondaryAngle=12, **DISTANCES)
    assert (header.tube_deg, header.tilt_deg) == (-12, 12)
    assert header.technique is not None and header.technique.tube_deg == -12


def test_the_angle_of_a_tube_stand_has_none(tmp_path: Path) -> None:
    header = stated(tmp_path, PositionerType="COLUMN", ColumnAngulation=-12, **DISTANCES)
    assert (header.tube_deg, header.tilt_deg) == (None, 12)


def test_the_centre_of_the_collimator_is_proposed(tmp_path: Path) -> None:
    edges = {
        "CollimatorShape": "RECTANGULAR",
        "CollimatorLeftVerticalEdge": 3,
        "CollimatorRightVerticalEdge": 21,
        "CollimatorUpperHorizontalEdge": 1,
        "CollimatorLowerHorizontalEdge": 20,
    }
    assert stated(tmp_path, **edges).principal_px == (11.0, 9.5)
    assert stated(tmp_path, **{**edges, "CollimatorRightVerticalEdge": 2}).principal_px is None
    assert stated(tmp_path, **{**edges, "CollimatorShape": "CIRCULAR"}).principal_px is None


@pytest.mark.parametrize(
    ("elements", "tube_deg", "found"),
    [
        ({"PositionerType": "CARM", "PositionerSecondaryAngle": -12}, 12.5, False),
        ({"PositionerType": "CARM", "PositionerSecondaryAngle": -12}, -12.0, True),
        ({"PositionerType": "COLUMN", "ColumnAngulation": 12}, -12.5, False),
        ({"PositionerType": "COLUMN", "ColumnAngulation": 12}, 15.0, True),
        ({}, 15.0, False),
    ],
)
def test_a_stated_tube_angle_is_held_against_the_header(
    tmp_path: Path, elements: dict[str, object], tube_deg: float, found: bool
) -> None:
    root = new_case(tmp_path / "case", {"pseudonym": "P-1"})
    source = dicom_files.film(tmp_path / "a.dcm", **elements)
    technique = {"sid_mm": 1000.0, "sod_mm": 800.0, "tube_deg": tube_deg}
    said = {"view": "nasium", "patient_right": "image_left", "technique": technique}
    assert ("technique.tube_disagrees" in codes(add_film(root, source, said).findings)) is found


def test_a_c_arm_brings_its_technique_to_a_frontal_film(tmp_path: Path) -> None:
    root = new_case(tmp_path / "case", {"pseudonym": "P-1"})
    source = dicom_files.film(
        tmp_path / "a.dcm", PositionerType="CARM", PositionerSecondaryAngle=-12, **DISTANCES, **IMAGER
    )
    added = add_film(root, source, {"view": "nasium", "patient_right": "image_left"})
    assert "technique.from_header" in codes(added.findings)
    (film,) = read_case(root).visits[0].films
    assert film.technique is not None
    assert (film.technique.sid_mm, film.technique.sod_mm, film.technique.tube_deg) == (1000, 800, 12)


def test_findings_name_the_file_and_the_source_of_u(tmp_path: Path) -> None:
    root = new_case(tmp_path / "case", {"pseudonym": "P-1"})
    source = dicom_files.film(
        tmp_path / "a.dcm", ImageLaterality="R", Laterality="L", **IMAGER, PixelSpacing=[0.16, 0.08]
    )
    added = add_film(root, source, {"view": "nasium", "patient_right": "image_left"})
    by_code = {finding.code: finding for finding in added.findings}
    assert by_code["header.laterality"].file == added.file
    scale = by_code["calibration.from_header"]
    assert scale.source == CalibrationKind.MODALITY_CORRECTED.usual.source
    assert "0.05" in scale.text
    assert codes(read_case(root).findings).count("header.laterality") == 1


# ---- view ----


@pytest.mark.parametrize(
    ("elements", "view"),
    [
        ({"SeriesDescription": "NASIUM 12 deg"}, "nasium"),
        ({"SeriesDescription": "Nasiums"}, None),
        ({"ProtocolName": "vertex"}, "vertex"),
        ({"SeriesDescription": "AP Open Mouth", "ViewPosition": "AP"}, "apom"),
        ({"SeriesDescription": "right protracto", "ViewPosition": "AP"}, "blair-right"),
        ({"ViewPosition": "LL", "BodyPartExamined": "C SPINE"}, "lateral"),
        ({"ViewPosition": "PA", "BodyPartExamined": "CSPINE"}, "ap-cervical"),
        ({"ViewPosition": "AP", "BodyPartExamined": "WHOLE SPINE"}, "ap-full"),
        ({"ViewPosition": "LATERAL", "BodyPartExamined": "WHOLESPINE"}, "lateral-full"),
        ({"ViewPosition": "AP"}, "ap-cervical"),
        ({"ViewPosition": "AP", "BodyPartExamined": "HAND"}, None),
        ({"ViewPosition": "OBLIQUE"}, None),
        ({}, None),
    ],
)
def test_the_view_that_a_header_speaks_of(
    tmp_path: Path, elements: dict[str, object], view: str | None
) -> None:
    assert stated(tmp_path, **elements).view_hint == view
