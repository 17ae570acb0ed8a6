"""DICOM films: grey, scale, orientation and person from header and pixels, real files and hostile ones."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.errors import BadFile
from atlasplane.io import dicom_guard
from atlasplane.io.dicom_header import HeaderStatement
from atlasplane.io.film_file import open_film
from atlasplane.io.limits import limit
from atlasplane.sources.film import ImageDirection
from tests.bad_input import dicom_files

RAMP = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)


def lut(first: int, entries: int) -> Dataset:
    """A lookup table that turns its input round, so that applying it would show."""
    table = Dataset()
    table.LUTDescriptor = [entries, first, 16]
    table.LUTData = list(range(entries))[::-1]
    table["LUTDescriptor"].VR = "US"
    table["LUTData"].VR = "US"
    return table


def stated(path: Path, **elements: object) -> HeaderStatement:
    header = open_film(dicom_files.film(path / "film.dcm", **elements)).stated
    assert header is not None
    return header


def test_high_is_white_is_read_as_stored(tmp_path: Path) -> None:
    film = open_film(dicom_files.film(tmp_path / "film.dcm", RAMP))
    assert (film.shape, film.suffix) == ((20, 30), ".dcm")
    assert np.array_equal(film.load_pixels(), RAMP)


@pytest.mark.parametrize(
    ("grey", "elements", "expected"),
    [
        (RAMP, {"BitsStored": 10, "HighBit": 9}, 1023 - RAMP.astype(int)),
        (RAMP.astype(np.uint8), {}, 255 - RAMP.astype(np.uint8).astype(int)),
        (RAMP.astype(np.int16) - 300, {}, -1 - (RAMP.astype(int) - 300)),
        (RAMP, {"RescaleSlope": 2, "RescaleIntercept": -100}, 2 * (65535 - RAMP.astype(int)) - 100),
    ],
)
def test_low_is_white_is_turned_round(
    tmp_path: Path, grey: np.ndarray, elements: dict[str, object], expected: np.ndarray
) -> None:
    path = dicom_files.film(tmp_path / "film.dcm", grey, PhotometricInterpretation="MONOCHROME1", **elements)
    assert np.array_equal(open_film(path).load_pixels(), expected)


def test_rescale_is_applied_and_an_idle_one_keeps_the_numbers(tmp_path: Path) -> None:
    path = dicom_files.film(tmp_path / "a.dcm", RAMP, RescaleSlope=0.5, RescaleIntercept=10)
    assert np.allclose(open_film(path).load_pixels(), RAMP / 2 + 10)
    path = dicom_files.film(tmp_path / "b.dcm", RAMP, RescaleSlope=1, RescaleIntercept=0)
    assert open_film(path).load_pixels().dtype == np.uint16


@pytest.mark.parametrize(
    ("elements", "window"),
    [
        ({"WindowCenter": 300, "WindowWidth": 101}, (249.5, 349.5)),
        ({"WindowCenter": [300, 40], "WindowWidth": [101, 7]}, (249.5, 349.5)),
        ({"WindowCenter": 300, "WindowWidth": 100, "VOILUTFunction": "LINEAR_EXACT"}, (250.0, 350.0)),
        ({"WindowCenter": 300, "WindowWidth": 1}, None),
        ({"WindowCenter": "", "WindowWidth": ""}, None),
        ({}, None),
        # MONOCHROME1: v becomes 65535 - v, and so do the window's ends, exchanged
        (
            {"WindowCenter": 300, "WindowWidth": 101, "PhotometricInterpretation": "MONOCHROME1"},
            (65535 - 349.5, 65535 - 249.5),
        ),
        ({"VOILUTSequence": [lut(200, 100)]}, (200.0, 299.0)),
        # the table counts before the window
        ({"VOILUTSequence": [lut(200, 100)], "WindowCenter": 300, "WindowWidth": 101}, (200.0, 299.0)),
    ],
)
def test_the_display_window_is_a_proposal_and_never_in_the_pixels(
    tmp_path: Path, elements: dict[str, object], window: tuple[float, float] | None
) -> None:
    film = open_film(dicom_files.film(tmp_path / "film.dcm", RAMP, **elements))
    assert film.stated is not None
    assert film.stated.shown_window == window
    low_is_white = elements.get("PhotometricInterpretation") == "MONOCHROME1"
    assert np.array_equal(film.load_pixels(), 65535 - RAMP if low_is_white else RAMP)


def test_colour_capture_becomes_grey(tmp_path: Path) -> None:
    colour = np.full((20, 30, 3), 90, np.uint8)
    path = dicom_files.film(
        tmp_path / "film.dcm", colour, SOPClassUID="1.2.840.10008.5.1.4.1.1.7", Modality="OT"
    )
    assert np.all(open_film(path).load_pixels() == 90)


IMAGER = {"ImagerPixelSpacing": [0.2, 0.1]}


@pytest.mark.parametrize(
    ("elements", "kind", "mm_per_px"),
    [
        ({}, "none", None),
        ({"PixelSpacing": [0.2, 0.1]}, "detector_plane_only", (0.1, 0.2)),
        ({"NominalScannedPixelSpacing": [0.2, 0.1]}, "detector_plane_only", (0.1, 0.2)),
        (IMAGER, "detector_plane_only", (0.1, 0.2)),
        ({**IMAGER, "PixelSpacing": [0.2, 0.1]}, "detector_plane_only", (0.1, 0.2)),
        ({**IMAGER, "PixelSpacing": [0.16, 0.08]}, "modality_corrected", (0.08, 0.16)),
        (
            {"PixelSpacing": [0.16, 0.08], "PixelSpacingCalibrationType": "FIDUCIAL"},
            "dicom_fiducial",
            (0.08, 0.16),
        ),
        (
            {**IMAGER, "PixelSpacing": [0.16, 0.08], "PixelSpacingCalibrationType": "GEOMETRY"},
            "dicom_geometry",
            (0.08, 0.16),
        ),
        ({**IMAGER, "EstimatedRadiographicMagnificationFactor": 1.25}, "ermf", (0.08, 0.16)),
        ({**IMAGER, "EstimatedRadiographicMagnificationFactor": 0.8}, "detector_plane_only", (0.1, 0.2)),
        (
            {**IMAGER, "DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 800},
            "sid_sod",
            (0.08, 0.16),
        ),
        (
            {**IMAGER, "DistanceSourceToDetector": 800, "DistanceSourceToPatient": 1000},
            "detector_plane_only",
            (0.1, 0.2),
        ),
        (
            {**IMAGER, "DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 0},
            "detector_plane_only",
            (0.1, 0.2),
        ),
        (
            {
                **IMAGER,
                "EstimatedRadiographicMagnificationFactor": 1.25,
                "DistanceSourceToDetector": 1000,
                "DistanceSourceToPatient": 500,
            },
            "ermf",
            (0.08, 0.16),
        ),
    ],
)
def test_scale_of_the_header_in_order_of_trust(
    tmp_path: Path, elements: dict[str, object], kind: str, mm_per_px: tuple[float, float] | None
) -> None:
    calibration = stated(tmp_path, **elements).calibration
    assert calibration.kind is CalibrationKind(kind)
    assert calibration.mm_per_px == (None if mm_per_px is None else pytest.approx(mm_per_px))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["L", "F"], ("image_left", None, "image_up")),
        (["R", "H"], ("image_right", None, "image_down")),
        (["P", "F"], (None, "image_left", "image_up")),
        (["AR", "FL"], (None, "image_right", "image_up")),
        (["L", "P"], ("image_left", "image_up", None)),
        (["LE", "PR"], ("image_left", "image_up", None)),
        (["X", "Y"], (None, None, None)),
        ("L", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_orientation_of_the_header(tmp_path: Path, value: object, expected: tuple[str | None, ...]) -> None:
    header = stated(tmp_path, **({} if value is None else {"PatientOrientation": value}))
    found = header.patient_right, header.patient_anterior, header.patient_superior
    assert found == tuple(None if text is None else ImageDirection(text) for text in expected)


def test_time_and_technique_of_the_header(tmp_path: Path) -> None:
    header = stated(tmp_path, DistanceSourceToDetector=1067, DistanceSourceToPatient=837, ViewPosition="LL")
    assert header.time == datetime.fromisoformat("2026-03-02T09:10:00+01:00")
    assert not header.offset_assumed
    assert header.view_hint == "lateral"
    assert header.technique is not None
    assert (header.technique.sid_mm, header.technique.sod_mm) == (1067, 837)


def test_time_without_offset_takes_that_of_the_computer_and_says_so(tmp_path: Path) -> None:
    header = stated(tmp_path, TimezoneOffsetFromUTC=None)
    assert header.offset_assumed
    assert header.time is not None and header.time.tzinfo is not None
    assert stated(tmp_path, AcquisitionDate="", AcquisitionTime="").time is None


def test_people_are_compared_and_never_named(tmp_path: Path) -> None:
    one = stated(tmp_path).person
    assert not one.differs_from(stated(tmp_path).person)
    assert one.differs_from(stated(tmp_path, PatientID="OTHER").person)
    assert not one.differs_from(stated(tmp_path, PatientID="Anonymous").person)
    assert not one.differs_from(stated(tmp_path, PatientID="").person)
    other_clinic = {"PatientID": "OTHER", "IssuerOfPatientID": "CLINIC B"}
    here = stated(tmp_path, IssuerOfPatientID="CLINIC A", PatientBirthDate="19800301").person
    assert not here.differs_from(stated(tmp_path, **other_clinic, PatientBirthDate="19800301").person)
    assert here.differs_from(stated(tmp_path, **other_clinic, PatientBirthDate="19800302").person)
    shown = repr(stated(tmp_path, PatientBirthDate="19800301"))
    assert not any(secret in shown for secret in ("PLANTED", "Planted", "1980", "token"))


@pytest.mark.parametrize(
    "elements",
    [
        {"ImagerPixelSpacing": [0, 0.1]},
        {"DistanceSourceToDetector": "1e400"},
        {"PixelSpacing": [0.1, 0.1, 0.1]},
    ],
)
def test_a_garbled_number_of_the_header_is_named(tmp_path: Path, elements: dict[str, object]) -> None:
    with pytest.raises(BadFile, match=next(iter(elements))):
        stated(tmp_path, **elements)


@pytest.mark.parametrize(
    ("elements", "what"),
    [
        ({"SOPClassUID": dicom_files.CT, "Modality": "CT"}, "is a CT image, not a film"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}, "is an MR image, not a film"),
        ({"SOPClassUID": None, "Modality": None}, "not a film"),
        ({"NumberOfFrames": 3}, "holds 3 frames"),
        ({"Rows": 0}, "impossible image"),
        ({"Rows": 21}, "cut off: 1200 of 1260 bytes"),
        ({"Rows": 65535, "Columns": 65535}, "pixels, the limit"),
        ({"BitsAllocated": 12}, "impossible image"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "colour table"),
        ({"PixelData": None}, "holds no image"),
    ],
)
def test_what_is_no_film_is_refused(tmp_path: Path, elements: dict[str, object], what: str) -> None:
    with pytest.raises(BadFile, match=what) as failed:
        open_film(dicom_files.film(tmp_path / "film.dcm", **elements))
    assert failed.value.remedy


def test_the_name_does_not_make_a_dicom_file(tmp_path: Path) -> None:
    (tmp_path / "film.dcm").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 200)
    with pytest.raises(BadFile, match="not a DICOM file"):
        open_film(tmp_path / "film.dcm")
    dicom_files.film(tmp_path / "other.dcm").rename(tmp_path / "film.png")
    assert open_film(tmp_path / "film.png").suffix == ".dcm"


def test_every_cut_of_a_film_is_refused(tmp_path: Path) -> None:
    whole = dicom_files.film(tmp_path / "whole.dcm").read_bytes()
    cut = tmp_path / "cut.dcm"
    for length in range(132, len(whole), 37):
        cut.write_bytes(whole[:length])
        with pytest.raises(BadFile):
            open_film(cut)


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="more than 16 deep"):
        open_film(dicom_files.nested(tmp_path / "film.dcm", 400))
    assert open_film(dicom_files.nested(tmp_path / "film.dcm", 10)).shape == (20, 30)


def test_a_deflate_bomb_is_refused_at_its_cap(tmp_path: Path) -> None:
    path = dicom_files.deflate_bomb(tmp_path / "film.dcm", 256)
    stored = path.stat().st_size
    assert stored < 300_000
    tracemalloc.start()
    try:
        with pytest.raises(BadFile, match="deflated, and inflates"):
            open_film(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # the cap on the ratio, the last piece beyond it, and the pieces' own list
    assert peak < limit("deflate_ratio") * stored + 8 * 2**20


def test_a_deflated_film_is_read(tmp_path: Path) -> None:
    path = dicom_files.deflated_film(tmp_path / "film.dcm", RAMP)
    film = open_film(path)
    assert np.array_equal(film.load_pixels(), RAMP)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadFile, match="cut off"):
        open_film(path)
    content = bytearray(dicom_files.deflated_film(path, RAMP).read_bytes())
    content[content.index(dicom_files.DEFLATED.encode()) + len(dicom_files.DEFLATED) + 1] = 0x07
    path.write_bytes(content)  # a block of a type that does not exist
    with pytest.raises(BadFile, match="deflated and damaged"):
        open_film(path)


@pytest.mark.parametrize("mark", [b"MZ", b"\x7fELF", b"PK\x03\x04", b"%PDF"])
def test_a_program_with_a_film_inside_is_refused(tmp_path: Path, mark: bytes) -> None:
    path = dicom_files.film(tmp_path / "film.dcm")
    path.write_bytes(mark + path.read_bytes()[len(mark) :])
    with pytest.raises(BadFile, match="program or document"):
        open_film(path)


UNDEFINED = 0xFFFFFFFF


def element(tag: tuple[int, int], vr: bytes, length: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH2sHI", *tag, vr, 0, length) + body


def item(tag: int, length: int, body: bytes = b"") -> bytes:
    return struct.pack("<HHI", 0xFFFE, tag, length) + body


@pytest.mark.parametrize(
    ("body", "syntax", "what"),
    [
        (b"", "1.2.3.4", "transfer syntax 1.2.3.4"),
        (b"", dicom_files.EXPLICIT, "not a film"),
        (element((8, 0x1140), b"SQ", 4, b"\0" * 4), dicom_files.EXPLICIT, "broken sequence|cut off|longer"),
        (element((8, 0x1140), b"SQ", UNDEFINED, item(0xABCD, 0)), dicom_files.EXPLICIT, "broken sequence"),
        (element((8, 0x1140), b"SQ", 8, item(0xE0DD, 0)), dicom_files.EXPLICIT, "second time"),
        (element((8, 0x1140), b"SQ", 8, item(0xE000, 0)), dicom_files.EXPLICIT, "not a film"),
        (
            element((8, 0x1140), b"SQ", 12, item(0xE000, 20) + element((8, 0x2111), b"UT", 8, b"x" * 8)),
            dicom_files.EXPLICIT,
            "longer than its sequence",
        ),
        (element((8, 0x2111), b"UT", 1000), dicom_files.EXPLICIT, "cut off"),
        (element((0x7FE0, 0x10), b"OB", UNDEFINED, item(0xE000, 99)), "1.2.840.10008.1.2.4.90", "cut off"),
        (
            element((0x7FE0, 0x10), b"OB", UNDEFINED, item(0xE001, 0)),
            "1.2.840.10008.1.2.4.90",
            "compressed pixel",
        ),
        (
            element((0x88, 0x200), b"SQ", UNDEFINED, item(0xE000, UNDEFINED))
            + element((0x7FE0, 0x10), b"OB", UNDEFINED, item(0xE000, 2, b"xx") + item(0xE0DD, 0))
            + item(0xE00D, 0)
            + item(0xE0DD, 0),
            dicom_files.EXPLICIT,
            "not a film",
        ),
    ],
)
def test_a_broken_skeleton_is_refused(tmp_path: Path, body: bytes, syntax: str, what: str) -> None:
    with pytest.raises(BadFile, match=what):
        open_film(dicom_files.raw(tmp_path / "film.dcm", body, syntax))


def test_big_endian_and_implicit_films_are_read(tmp_path: Path) -> None:
    path = dicom_files.film(tmp_path / "film.dcm", RAMP)
    for syntax, swapped in ((ImplicitVRLittleEndian, RAMP), (ExplicitVRBigEndian, RAMP.byteswap())):
        header = dcmread(path)
        header.PixelData = swapped.tobytes()
        header.file_meta.TransferSyntaxUID = syntax
        little = syntax is ImplicitVRLittleEndian
        dcmwrite(
            tmp_path / "other.dcm", header, implicit_vr=little, little_endian=little, force_encoding=True
        )
        assert np.array_equal(open_film(tmp_path / "other.dcm").load_pixels(), RAMP)


def test_the_walk_has_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dicom_files.film(tmp_path / "film.dcm")
    monkeypatch.setattr(dicom_guard, "MAX_ELEMENTS", 5)
    with pytest.raises(BadFile, match="more than 5 elements"):
        open_film(path)
    monkeypatch.setattr(dicom_guard, "MAX_BYTES", 100)
    with pytest.raises(BadFile, match="larger"):
        open_film(path)


def test_noise_behind_the_mark_never_crashes(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    whole = dicom_files.film(tmp_path / "whole.dcm").read_bytes()
    for _ in range(300):
        content = bytearray(whole)
        for place in rng.integers(132, 500, 8):
            content[place] = rng.integers(256)
        (tmp_path / "film.dcm").write_bytes(content)
        try:
            open_film(tmp_path / "film.dcm").load_pixels()
        except BadFile as refused:
            assert refused.remedy


@pytest.mark.parametrize(
    ("file", "shape", "kind", "top"),
    [
        ("dx_image.dcm", (169, 211), "detector_plane_only", 255),
        ("RG3_J2KR.dcm", (1760, 1760), "none", 1023),
        ("RG3_J2KI.dcm", (1760, 1760), "none", 1023),
    ],
)
def test_real_films_are_read(data_dir: Path, file: str, shape: tuple[int, int], kind: str, top: int) -> None:
    film = open_film(data_dir / "dicom" / file)
    assert film.stated is not None
    assert (film.shape, film.stated.calibration.kind.value) == (shape, kind)
    pixels = film.load_pixels()
    assert pixels.shape == shape
    assert np.issubdtype(pixels.dtype, np.integer)
    assert pixels.max() <= top


@pytest.mark.parametrize(
    ("file", "bone", "air"),
    [("RG3_J2KR.dcm", (1056, 862), (1056, 480)), ("dx_image.dcm", (80, 19), (3, 150))],
)
def test_bone_is_brighter_than_air(
    data_dir: Path, file: str, bone: tuple[int, int], air: tuple[int, int]
) -> None:
    pixels = open_film(data_dir / "dicom" / file).load_pixels()
    assert pixels[bone] > pixels[air]


@pytest.mark.parametrize(
    ("file", "what"), [("ct_image.dcm", "CT image"), ("seg.dcm", "SEG"), ("sr.dcm", "SR")]
)
def test_real_objects_of_other_kinds_are_refused(data_dir: Path, file: str, what: str) -> None:
    with pytest.raises(BadFile, match=what):
        open_film(data_dir / "dicom" / file)


def test_header_of_a_film_costs_little(data_dir: Path) -> None:
    path = data_dir / "dicom" / "RG3_J2KR.dcm"
    open_film(path)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        open_film(path)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.05, f"{os.cpu_count()} cores"
