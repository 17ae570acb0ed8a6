"""Small nouns: errors that say what to do, calibration kinds, units, the catalogue of quantities."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from atlasplane.core import catalogue, errors, quantity
from atlasplane.core.calibration import UNCALIBRATED, Calibration, CalibrationKind
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.units import PRINTED, printed_unit


def subclasses(base: type) -> Iterator[type]:
    for one in base.__subclasses__():
        yield one
        yield from subclasses(one)


@pytest.mark.parametrize(
    "kind",
    [
        e
        for e in subclasses(errors.AtlasplaneError)
        if e.__module__ == errors.__name__ and e not in (errors.MissingExtra, errors.Cancelled)
    ],
)
def test_errors_name_file_fault_and_remedy(kind: type[errors.AtlasplaneError]) -> None:
    error = kind("nasium.dcm", "no pixel spacing", "State a calibration.")
    assert str(error) == "nasium.dcm: no pixel spacing. State a calibration."
    assert (error.file, error.what, error.remedy) == (
        "nasium.dcm",
        "no pixel spacing",
        "State a calibration.",
    )


def test_a_missing_extra_names_its_command_and_how_to_install_it() -> None:
    error = errors.MissingExtra("ct", "simulate --ct")
    assert (
        str(error) == "simulate --ct: needs the optional part [ct]. Install it: pip install 'atlasplane[ct]'"
    )
    assert (error.extra, error.file) == ("ct", "simulate --ct")


def test_a_cancelled_run_names_itself_and_how_to_go_on() -> None:
    error = errors.Cancelled("registration")
    assert str(error) == "registration: cancelled before it had a result. Start it again when you want one"
    assert error.file == "registration"


def test_the_tree_of_errors_is_the_drawn_one() -> None:
    """Rooms above may have finer kinds of their own; they stand under these."""
    drawn = errors.__doc__ or ""
    of_core = [k for k in subclasses(errors.AtlasplaneError) if k.__module__ == errors.__name__]
    assert len(of_core) == len(re.findall(r"\+-- \w+", drawn)) == 9
    for kind in of_core:
        assert f"+-- {kind.__name__} " in drawn
    assert {k.__name__ for k in of_core if k.__base__ is errors.BadInput} == {
        "BadFile",
        "BadLandmarks",
        "NoScale",
        "WrongPatient",
    }


@pytest.mark.parametrize("kind", list(CalibrationKind))
def test_only_two_kinds_know_no_object_size(kind: CalibrationKind) -> None:
    assert kind.has_object_scale is (kind.value not in ("detector_plane_only", "none"))


def test_pixel_shape_is_all_that_an_angle_needs() -> None:
    assert UNCALIBRATED.pixel_shape == (1.0, 1.0)
    sid = Calibration(kind=CalibrationKind.SID_SOD, mm_per_px=(0.1, 0.2), u_rel=0.02)
    assert sid.pixel_shape == (0.1, 0.2)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": CalibrationKind.SID_SOD}, "'sid_sod' and mm_per_px None do not go together"),
        ({"kind": CalibrationKind.NONE, "mm_per_px": (0.1, 0.1)}, "do not go together"),
        ({"kind": CalibrationKind.ERMF, "mm_per_px": (0.1, 0.0)}, "two positive numbers"),
        ({"kind": CalibrationKind.ERMF, "mm_per_px": (math.nan, 0.1)}, "two positive numbers"),
        (
            {"kind": CalibrationKind.ERMF, "mm_per_px": (0.1, 0.1), "u_rel": 1.0},
            r"u_rel must lie in \[0, 1\)",
        ),
        (
            {"kind": CalibrationKind.ERMF, "mm_per_px": (0.1, 0.1), "u_rel": -0.1},
            r"u_rel must lie in \[0, 1\)",
        ),
        (
            {"kind": CalibrationKind.ERMF, "mm_per_px": (0.1, 0.1), "u_rel": math.nan},
            r"u_rel must lie in \[0, 1\)",
        ),
    ],
)
def test_impossible_calibrations_are_refused(fields, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Calibration(**fields)


def test_units_as_printed() -> None:
    assert [printed_unit(code) for code in ("deg", "[in_i]", "1")] == ["°", "in", ""]
    assert printed_unit("mm2") == "mm2"


def test_findings_carry_their_numbers() -> None:
    finding = Finding(code="film.yaw", severity=Severity.WARN, text="t", value=1.9, limit=1.0)
    assert (finding.file, finding.source, finding.severity.value) == (None, None, "warn")


def test_catalogue_is_read_once_and_whole() -> None:
    table = quantity.quantities()
    assert table is quantity.quantities()
    assert all(entry.id == id_ for id_, entry in table.items())
    assert {entry.unit for entry in table.values()} <= set(PRINTED)
    assert all(entry.positive and entry.definition and entry.source for entry in table.values())
    with pytest.raises(TypeError):
        table["x"] = table["atlas_laterality"]


def test_lengths_need_a_scale_and_angles_do_not() -> None:
    needs = {
        id_: quantity.quantity(id_).is_length
        for id_ in ("axial_radius", "correction_height", "atlas_laterality", "circle_ratio")
    }
    assert needs == {
        "axial_radius": True,
        "correction_height": True,
        "atlas_laterality": False,
        "circle_ratio": False,
    }


def test_published_reading_error_of_the_laterality() -> None:
    assert [e.sd for e in quantity.quantity("atlas_laterality").errors] == [0.45, 0.41]


def test_unknown_quantities_and_keys_are_errors() -> None:
    with pytest.raises(KeyError, match="atlas_lateralty"):
        quantity.quantity("atlas_lateralty")
    entry = quantity.quantity("atlas_laterality").model_dump()
    with pytest.raises(ValidationError, match="sem"):
        quantity.Quantity(**{**entry, "sem": 0.45})
    with pytest.raises(ValidationError, match="frozen"):
        quantity.quantity("atlas_laterality").unit = "rad"


def test_a_catalogue_of_another_schema_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "things").mkdir(parents=True)
    (tmp_path / "data" / "things" / "one.toml").write_text('schema = "things/2"\n', encoding="utf-8")
    monkeypatch.setattr(catalogue, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match="unknown schema"):
        list(catalogue.entries("package", "things", ["one"], "things/1"))


def test_an_id_stands_once_in_a_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "things").mkdir(parents=True)
    for topic in ("one", "two"):
        (tmp_path / "data" / "things" / f"{topic}.toml").write_text(
            'schema = "things/1"\n[a]\n', encoding="utf-8"
        )
    monkeypatch.setattr(catalogue, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match="a is in the catalogue already"):
        list(catalogue.entries("package", "things", ["one", "two"], "things/1"))
