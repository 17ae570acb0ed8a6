"""Adding films: proposals of the header, the user's own text kept, nothing half done."""

from __future__ import annotations

import errno
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.errors import BadInput, BadLandmarks, OutputFailed, WrongPatient
from atlasplane.io.case_add import AddedFilm, add_film
from atlasplane.io.case_folder import read_case
from atlasplane.io.case_new import new_case
from atlasplane.io.visit_choice import VisitStamp
from atlasplane.sources.case import Moment, Phase
from atlasplane.sources.film import ImageDirection
from tests.bad_input import dicom_files
from tests.bad_input.cases import image, landmark_text, make_case

WHEN = datetime.fromisoformat("2026-03-02T09:10:00+01:00")
NASIUM = {"view": "nasium", "patient_right": "image_left", "marker": "R"}


def empty_case(tmp_path: Path) -> Path:
    return new_case(tmp_path / "case", {"pseudonym": "P-1"})


def codes(added: AddedFilm) -> list[str]:
    return [finding.code for finding in added.findings]


def everything(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("emg.txt", b"# Simple Text Format\n# Labels:= EMG\n1\n2\n", "is a recording"),
        ("night.edf", b"0       " + bytes(300), "is a recording"),
        ("emg.csv", b"1.5;2\n-3.5;4\n" * 20, "is a table of numbers"),
    ],
)
def test_a_recording_is_no_film_and_has_its_own_place(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    root = empty_case(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=said) as refused:
        add_film(root, tmp_path / name, {"view": "nasium"})
    assert "[[recording]]" in refused.value.remedy and "guide" in refused.value.remedy


def test_a_dicom_film_brings_what_its_header_states(tmp_path: Path) -> None:
    root = empty_case(tmp_path)
    source = dicom_files.film(
        tmp_path / "Planted^Name.dcm",
        PatientOrientation=["L", "F"],
        ImagerPixelSpacing=[1.2, 1.2],
        DistanceSourceToDetector=1200,
        DistanceSourceToPatient=1000,
    )
    added = add_film(root, source, {"view": "nasium", "marker": None})
    assert (added.visit, added.file, added.is_new_visit) == ("v1", "2026-03-02/nasium.dcm", True)
    assert codes(added) == [
        "visit.assumed",
        "film.orientation_from_header",
        "calibration.from_header",
        "film.marker_missing",
    ]
    case = read_case(root)
    (visit,) = case.visits
    assert (visit.phase, visit.moment, visit.time) == (Phase.BASELINE, Moment.SINGLE, WHEN)
    (film,) = visit.films
    assert film.patient_right is ImageDirection.LEFT
    assert film.calibration.kind is CalibrationKind.SID_SOD
    assert film.calibration.mm_per_px == pytest.approx((1.0, 1.0))
    assert film.technique is None  # its tube angle is not known
    text = (root / "2026-03-02" / "visit.toml").read_text(encoding="utf-8")
    assert 'patient_right = "image_left"  # from the DICOM header: check it' in text
    assert not any("PLANTED" in part or "Planted" in part for part in (text, *everything(root)))


def test_distances_of_the_user_make_a_scale(tmp_path: Path) -> None:
    root = empty_case(tmp_path)
    source = dicom_files.film(tmp_path / "a.dcm", ImagerPixelSpacing=[1.2, 1.2])
    add_film(root, source, {**NASIUM, "technique": {"sid_mm": 1200.0, "sod_mm": 1000.0, "tube_deg": 12.0}})
    calibration = read_case(root).visits[0].films[0].calibration
    assert calibration.kind is CalibrationKind.SID_SOD
    assert calibration.mm_per_px == pytest.approx((1.0, 1.0))


def test_a_lateral_film_takes_the_distances_of_the_header(tmp_path: Path) -> None:
    root = empty_case(tmp_path)
    source = dicom_files.film(
        tmp_path / "a.dcm",
        DistanceSourceToDetector=1830,
        DistanceSourceToPatient=1580,
        PatientOrientation=["P", "F"],
    )
    add_film(root, source, {"view": "lateral"})
    (film,) = read_case(root).visits[0].films
    assert film.technique is not None
    assert (film.technique.sid_mm, film.technique.tube_deg) == (1830, 0)
    assert film.patient_anterior is ImageDirection.LEFT


def test_a_picture_needs_a_visit_or_a_time(tmp_path: Path) -> None:
    root = empty_case(tmp_path)
    source = image(tmp_path / "film.png")
    with pytest.raises(BadInput, match="neither a visit nor a time"):
        add_film(root, source, NASIUM)
    with pytest.raises(BadInput, match="no visit 'v7' yet"):
        add_film(root, source, NASIUM, visit=VisitStamp(id="v7"))
    with pytest.raises(BadInput, match="no offset"):
        add_film(root, source, NASIUM, visit=VisitStamp(time=WHEN.replace(tzinfo=None)))
    stamp = VisitStamp(id="v7", time=WHEN, phase="care", moment="pre", observer="KR")
    added = add_film(root, source, NASIUM, visit=stamp)
    assert codes(added) == ["calibration.none"]
    (visit,) = read_case(root).visits
    assert (visit.id, visit.phase, visit.moment, visit.observer) == ("v7", Phase.CARE, Moment.PRE, "KR")


def test_the_text_of_the_user_stays(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case")
    toml = root / "2026-03-02" / "visit.toml"
    before = "# my own words\n" + toml.read_text(encoding="utf-8") + "[x]\nroom = 2 # upstairs\n"
    toml.write_text(before, encoding="utf-8")
    source = image(tmp_path / "film.png", seed=2)
    added = add_film(root, source, NASIUM, visit=VisitStamp(id="v1"))
    assert (added.file, added.is_new_visit) == ("2026-03-02/nasium-2.png", False)
    text = toml.read_text(encoding="utf-8")
    assert text.startswith(before)
    assert [film.file for film in read_case(root).visits[0].films] == ["2026-03-02/nasium.png", added.file]


def test_line_ends_of_the_user_stay(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case")
    toml = root / "2026-03-02" / "visit.toml"
    before = toml.read_bytes().replace(b"\n", b"\r\n")
    toml.write_bytes(before)
    add_film(root, image(tmp_path / "film.png", seed=2), NASIUM, visit=VisitStamp(id="v1"))
    after = toml.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == after.count(b"\r\n")
    assert len(read_case(root).visits[0].films) == 2


def test_landmarks_come_along(tmp_path: Path) -> None:
    root = empty_case(tmp_path)
    source = image(tmp_path / "film.png")
    marks = tmp_path / "marks.json"
    marks.write_text(landmark_text(source))
    add_film(root, source, NASIUM, visit=VisitStamp(time=WHEN), landmarks=marks)
    (film,) = read_case(root).visits[0].films
    assert set(film.readings[0].points) == {"PL_R"}
    assert (root / "2026-03-02" / "nasium.landmarks.json").exists()
    before = everything(root)
    with pytest.raises(BadLandmarks, match="belongs to another image"):
        add_film(root, image(tmp_path / "b.png", seed=2), NASIUM, visit=VisitStamp(id="v1"), landmarks=marks)
    assert everything(root) == before


def test_the_visit_of_the_day_is_found_by_the_header(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case")
    elements = {"PatientOrientation": ["L", "F"]}
    first = dicom_files.film(tmp_path / "a.dcm", AcquisitionTime="091500", **elements)
    assert add_film(root, first, {"view": "nasium"}).visit == "v1"
    post = dicom_files.film(tmp_path / "b.dcm", AcquisitionTime="094000", **elements)
    added = add_film(root, post, {"view": "nasium"}, visit=VisitStamp(moment="post"))
    assert (added.visit, added.file) == ("v2", "2026-03-02-2/nasium.dcm")
    third = dicom_files.film(tmp_path / "c.dcm", AcquisitionTime="095000", **elements)
    with pytest.raises(BadInput, match=r"2 visits fit \(v1, v2\)"):
        add_film(root, third, {"view": "nasium"})
    later = dicom_files.film(tmp_path / "d.dcm", AcquisitionDate="20260401", **elements)
    add_film(root, later, {"view": "nasium"})
    assert [visit.phase for visit in read_case(root).visits] == [Phase.BASELINE, Phase.CARE, Phase.CARE]


def test_the_offset_of_this_computer_is_told(tmp_path: Path) -> None:
    source = dicom_files.film(tmp_path / "a.dcm", TimezoneOffsetFromUTC=None)
    added = add_film(empty_case(tmp_path), source, NASIUM)
    assert "offset" in added.findings[0].text


@pytest.mark.parametrize(
    ("stated", "what"),
    [
        ({}, "no view is stated"),
        ({"view": "nasum"}, "'view' is 'nasum'"),
        ({"view": "../../x"}, "'view' is"),
        ({"view": "nasium"}, "'patient_right' is missing"),
        ({**NASIUM, "patient_rite": "x"}, "unknown key 'patient_rite'"),
        ({**NASIUM, "marker_at": [55, 5]}, "lies in the right half"),
        ({**NASIUM, "technique": {"sid_mm": 800.0, "sod_mm": 1000.0}}, "not smaller"),
    ],
)
def test_a_film_that_cannot_be_used_changes_nothing(
    tmp_path: Path, stated: dict[str, object], what: str
) -> None:
    root = make_case(tmp_path / "case")
    before = everything(root)
    with pytest.raises(BadInput, match=what):
        add_film(root, image(tmp_path / "film.png", seed=2), stated, visit=VisitStamp(id="v1"))
    assert everything(root) == before


def test_the_header_gives_a_hint_of_the_view(tmp_path: Path) -> None:
    source = dicom_files.film(tmp_path / "a.dcm", ViewPosition="LL")
    with pytest.raises(BadInput, match="speaks of 'lateral'"):
        add_film(empty_case(tmp_path), source, {})


def test_a_film_of_another_patient_is_not_copied(tmp_path: Path) -> None:
    root = empty_case(tmp_path)
    add_film(root, dicom_files.film(tmp_path / "a.dcm"), NASIUM)
    before = everything(root)
    other = dicom_files.film(tmp_path / "b.dcm", PatientID="OTHER")
    with pytest.raises(WrongPatient, match=r"b\.dcm: is of another patient") as failed:
        add_film(root, other, NASIUM)
    assert "OTHER" not in str(failed.value)
    assert everything(root) == before


def test_a_film_that_is_there_already_changes_nothing_and_says_so(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case")
    before = everything(root)
    added = add_film(root, image(tmp_path / "film.png"), NASIUM, visit=VisitStamp(id="v1"))
    assert added.is_known and not added.is_new_visit
    assert (added.visit, added.file, codes(added)) == (
        "v1",
        "2026-03-02/nasium.png",
        ["film.in_case_already"],
    )
    assert everything(root) == before


def test_a_film_that_is_there_already_takes_no_other_statement(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case")
    before, source = everything(root), image(tmp_path / "film.png")
    with pytest.raises(BadInput, match=r"in the case already, as .* with view 'nasium'"):
        add_film(root, source, {**NASIUM, "view": "apom"}, visit=VisitStamp(id="v1"))
    marks = tmp_path / "marks.json"
    marks.write_text(landmark_text(source))
    with pytest.raises(BadInput, match="in the case already"):
        add_film(root, source, NASIUM, visit=VisitStamp(id="v1"), landmarks=marks)
    assert everything(root) == before


def test_two_films_with_one_name_lie_side_by_side(tmp_path: Path) -> None:
    root = empty_case(tmp_path)
    for seed in (2, 3):
        (tmp_path / str(seed)).mkdir()
        image(tmp_path / str(seed) / "IM0001.png", seed=seed)
    added = [
        add_film(root, tmp_path / str(seed) / "IM0001.png", NASIUM, visit=VisitStamp(id="v1", time=WHEN))
        for seed in (2, 3)
    ]
    assert [each.file for each in added] == ["2026-03-02/nasium.png", "2026-03-02/nasium-2.png"]
    for each, seed in zip(added, (2, 3), strict=True):
        assert (root / each.file).read_bytes() == (tmp_path / str(seed) / "IM0001.png").read_bytes()
    assert [film.file for film in read_case(root).visits[0].films] == [each.file for each in added]


def test_a_frame_is_named_in_the_table(tmp_path: Path) -> None:
    root = empty_case(tmp_path)
    frames = np.stack([np.full((20, 30), n, np.uint16) for n in (5, 6)])
    source = dicom_files.film(tmp_path / "a.dcm", frames[0], NumberOfFrames=2, PixelData=frames.tobytes())
    with pytest.raises(BadInput, match="holds 2 frames"):
        add_film(root, source, NASIUM)
    add_film(root, source, {**NASIUM, "frame": 2})
    (film,) = read_case(root).visits[0].films
    assert np.all(film.load_pixels() == 6)
    assert "frame = 2" in (root / "2026-03-02" / "visit.toml").read_text(encoding="utf-8")


def test_a_table_that_cannot_be_appended_is_refused(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case", film="film = []\n")
    before = everything(root)
    with pytest.raises(BadInput, match="not valid TOML"):
        add_film(root, image(tmp_path / "film.png", seed=2), NASIUM, visit=VisitStamp(id="v1"))
    assert everything(root) == before


@pytest.mark.parametrize("visit", [VisitStamp(id="v1"), VisitStamp(id="v2", time=WHEN)])
@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_full_disk_leaves_the_case_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visit: VisitStamp, fails_at: int
) -> None:
    root = make_case(tmp_path / "case")
    source = image(tmp_path / "film.png", seed=2)
    before = everything(root)
    replace, calls = Path.replace, []

    def sometimes(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == fails_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", sometimes)
    with pytest.raises(OutputFailed, match="No space left"):
        add_film(root, source, NASIUM, visit=visit)
    assert everything(root) == before
    assert sorted(path.name for path in root.iterdir()) == ["2026-03-02", "case.toml"]


def test_a_real_film_is_added(data_dir: Path, tmp_path: Path) -> None:
    root = empty_case(tmp_path)
    added = add_film(root, data_dir / "dicom" / "dx_image.dcm", {"view": "nasium"})
    assert "film.marker_missing" in codes(added)
    assert "calibration.detector_plane_only" in codes(added)
    with pytest.raises(WrongPatient):
        add_film(root, data_dir / "dicom" / "RG3_J2KR.dcm", {"view": "nasium"})
