"""Case folders: a whole one is read, and each contradiction is named with file, fault and remedy."""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.errors import BadFile, BadInput, BadLandmarks, WrongPatient
from atlasplane.core.finding import Severity
from atlasplane.io.case_folder import read_case
from atlasplane.io.case_new import new_case, write_case_file, write_visit_file
from atlasplane.io.digest import sha256_of
from atlasplane.io.landmark_file import write_landmarks
from atlasplane.sources.case import Case, Moment, Phase
from atlasplane.sources.film import Detector, ImageDirection, View
from atlasplane.sources.reading import MarkedPoint, Reading
from tests.bad_input import dicom_files
from tests.bad_input.cases import CASE, FILM, VISIT, change, image, make_case


def codes(case: Case) -> list[str]:
    return [finding.code for finding in case.findings]


def test_a_whole_case_is_read(tmp_path: Path) -> None:
    case = read_case(make_case(tmp_path / "P-014"))
    assert (case.id, case.pseudonym, case.simulated, case.findings) == ("3f0c", "P-014", True, ())
    (visit,) = case.visits
    assert (visit.id, visit.phase, visit.moment) == ("v1", Phase.BASELINE, Moment.PRE)
    assert (visit.observer, visit.folder) == ("KR", "2026-03-02")
    assert visit.time == datetime.fromisoformat("2026-03-02T09:10:00+01:00")
    (film,) = visit.films
    assert (film.file, film.view, film.shape, film.marker) == (
        "2026-03-02/nasium.png",
        View.NASIUM,
        (40, 60),
        "R",
    )
    assert (film.patient_right, film.patient_superior) == (ImageDirection.LEFT, ImageDirection.UP)
    assert film.technique is not None
    assert (film.technique.tube_deg, film.technique.detector) == (12.0, Detector.UPRIGHT)
    assert film.calibration.kind is CalibrationKind.SID_SOD
    assert (film.calibration.mm_per_px, film.calibration.u_rel) == ((0.943, 0.943), 0.02)
    assert film.readings[0].points["PL_R"].at.tolist() == [12.5, 20.25]
    assert film.sha256 == sha256_of(case.folder / film.file)
    assert film.load_pixels().shape == film.shape


def test_reading_a_case_decodes_nothing_and_is_quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = ""
    for n in range(6):
        tables += FILM.replace("nasium.png", f"film{n}.png").replace(
            'landmarks = "nasium.landmarks.json"\n', ""
        )
    root = make_case(tmp_path / "case", film=tables)
    for n in range(6):
        image(root / "2026-03-02" / f"film{n}.png", seed=n)

    def never(*_a: object, **_n: object) -> None:
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        read_case(root)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.15


def test_visits_come_in_time_order(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case", film="")
    for folder, id_, moment, when in (
        ("2026-02-28", "v0", "single", "2026-02-28T09:00:00+01:00"),
        ("2026-03-02-2", "v2", "post", "2026-03-02T08:10:00Z"),
        ("2026-03-02-3", "v3", "post", "2026-03-02T10:10:00+01:00"),
    ):
        (root / folder).mkdir()
        write_visit_file(
            root / folder,
            {"id": id_, "time": datetime.fromisoformat(when), "phase": "care", "moment": moment},
        )
    # v1 (pre) and v2 (post) are of the very same moment, written in two zones.
    assert [visit.id for visit in read_case(root).visits] == ["v0", "v1", "v2", "v3"]


def test_a_folder_named_for_another_day_is_a_finding(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case")
    (root / "2026-03-02").rename(root / "2026-03-03")
    assert codes(read_case(root)) == ["visit.folder_date"]


@pytest.mark.parametrize(
    ("old", "new", "error", "what"),
    [
        (
            'patient_right = "image_left"\n',
            "",
            BadInput,
            r"film\[0\] \(nasium.png\): 'patient_right' is missing",
        ),
        ('"image_left"', '"image_up"', BadInput, "along one line"),
        ('view = "nasium"', 'view = "lateral"', BadInput, "'patient_anterior' is missing"),
        ('view = "nasium"', 'view = "vertex"', BadInput, "'patient_anterior' is missing"),
        (
            'view = "nasium"',
            'view = "vertex"\npatient_anterior = "image_right"',
            BadInput,
            "patient_right = 'image_left' and patient_anterior = 'image_right' lie along one line",
        ),
        (
            'marker = "R"',
            'marker = "R"\nmarker_at = [50, 5]',
            BadInput,
            "marker 'R' lies in the right half.*image_left",
        ),
        ('marker = "R"', 'marker = "L"\nmarker_at = [5, 5]', BadInput, "marker 'L' lies in the left half"),
        ('marker = "R"', 'marker = "R"\nmarker_at = [99, 5]', BadInput, "outside the image"),
        ("sod_mm = 837", "sod_mm = 1200", BadInput, "sod_mm = 1200 is not smaller than sid_mm = 1067"),
        ("sod_mm = 837", "sod_mm = -1", BadInput, "greater than 0"),
        ("sid_mm = 1067", "sid_mm = nan", BadInput, r"film\[0\]\.technique\.sid_mm"),
        ("[0.943, 0.943]", "[0.0, 0.943]", BadInput, "greater than 0"),
        ("[0.943, 0.943]", "[inf, 0.943]", BadInput, "mm_per_px"),
        ("[0.943, 0.943]", "[143, 143]", BadInput, "cannot be the millimetres"),
        ("mm_per_px = [0.943, 0.943], ", "", BadInput, "has no mm_per_px"),
        ('"sid_sod"', '"none"', BadInput, "kind 'none' has an mm_per_px"),
        ("u_rel = 0.02", "u_rel = 1.5", BadInput, "u_rel"),
        ("nasium.png", "gone.png", BadInput, "names 'gone.png', which does not exist"),
        ("nasium.landmarks.json", "gone.json", BadInput, "names 'gone.json', which does not exist"),
        ("nasium.png", "../nasium.png", BadInput, "inside the folder"),
        ("patient_right", "patient_rite", BadInput, r"unknown key 'film\[0\]\.patient_rite'"),
        (FILM, FILM + FILM, BadInput, "which another film names too"),
        ('phase = "baseline"', 'phase = "before"', BadInput, "'phase' is 'before'"),
        ("T09:10:00+01:00", "T09:10:00", BadInput, "offset"),
        ("visit/1", "visit/9", BadInput, r"expected 'atlasplane\.visit/1'"),
        ('id = "v1"', 'id = "v1', BadFile, "not valid TOML"),
        (
            'marker = "R"',
            'marker = "R"\ncamera = { P = [[1, 0, 0, 0], [2, 0, 0, 0], [0, 0, 1, 0]] }',
            BadInput,
            "singular",
        ),
    ],
)
def test_a_contradiction_in_a_visit_is_named(
    tmp_path: Path, old: str, new: str, error: type[BadInput], what: str
) -> None:
    root = make_case(tmp_path / "case")
    change(root / "2026-03-02" / "visit.toml", old, new)
    with pytest.raises(error, match=what) as failed:
        read_case(root)
    assert failed.value.file == "2026-03-02/visit.toml"
    assert failed.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "code", "severity"),
    [
        ('marker = "R"\n', "", "film.marker_missing", Severity.WARN),
        ('marker = "R"', 'marker = "none"', "film.marker_missing", Severity.WARN),
        ("calibration = { kind", "# calibration = { kind", "calibration.none", Severity.WARN),
        ('"sid_sod"', '"detector_plane_only"', "calibration.detector_plane_only", Severity.WARN),
        (", u_rel = 0.02", "", "calibration.u_assumed", Severity.INFO),
        ("[0.943, 0.943]", "[0.01, 0.01]", "calibration.implausible", Severity.WARN),
    ],
)
def test_what_a_person_should_know_is_a_finding(
    tmp_path: Path, old: str, new: str, code: str, severity: Severity
) -> None:
    root = make_case(tmp_path / "case")
    change(root / "2026-03-02" / "visit.toml", old, new)
    (finding,) = read_case(root).findings
    assert (finding.code, finding.severity, finding.file) == (code, severity, "2026-03-02/nasium.png")


@pytest.mark.parametrize(
    ("view", "stated", "at"),
    [
        ("nasium", 'patient_right = "image_left"', (5, 5)),
        ("nasium", 'patient_right = "image_right"', (55, 5)),
        ("nasium", 'patient_right = "image_left"', (31, 5)),
        ("vertex", 'patient_right = "image_up"\npatient_anterior = "image_left"', (30, 2)),
        ("lateral", 'patient_anterior = "image_left"', (55, 5)),
        ("nasium", 'patient_right = "image_down"\npatient_superior = "image_left"', (30, 35)),
    ],
)
def test_a_marker_on_its_own_side_is_accepted(
    tmp_path: Path, view: str, stated: str, at: tuple[int, int]
) -> None:
    film = FILM.replace('view = "nasium"', f'view = "{view}"').replace('patient_right = "image_left"', stated)
    film = film.replace('marker = "R"', f'marker = "R"\nmarker_at = [{at[0]}, {at[1]}]')
    assert codes(read_case(make_case(tmp_path / "case", film=film))) == []


@pytest.mark.parametrize(("at", "half"), [((30, 35), "lower"), ((30, 4), "upper")])
def test_a_marker_on_the_other_side_of_a_turned_film(tmp_path: Path, at: tuple[int, int], half: str) -> None:
    right = "image_up" if half == "lower" else "image_down"
    film = FILM.replace('"image_left"', f'"{right}"\npatient_superior = "image_left"')
    film = film.replace('marker = "R"', f'marker = "R"\nmarker_at = [{at[0]}, {at[1]}]')
    with pytest.raises(BadInput, match=f"lies in the {half} half"):
        read_case(make_case(tmp_path / "case", film=film))


def test_a_full_camera_and_a_rig_are_kept(tmp_path: Path) -> None:
    film = FILM + 'camera = { P = [[4, 0, 30, 1], [0, 4, 20, 1], [0, 0, 1, 1000]] }\nrig = "a"\n'
    (read,) = read_case(make_case(tmp_path / "case", film=film)).visits[0].films
    assert read.camera_lps is not None
    assert read.camera_lps.shape == (3, 4)
    assert read.rig == "a"


def test_landmarks_of_an_exchanged_film_are_refused(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case")
    image(root / "2026-03-02" / "nasium.png", seed=2)
    with pytest.raises(BadLandmarks, match="belongs to another image") as failed:
        read_case(root)
    assert failed.value.file == "2026-03-02/nasium.landmarks.json"


def test_two_visits_of_one_id_are_refused(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case")
    shutil.copytree(root / "2026-03-02", root / "2026-03-02-2")
    with pytest.raises(BadInput, match="visit id 'v1' is also that of 2026-03-02"):
        read_case(root)
    change(root / "2026-03-02-2" / "visit.toml", 'id = "v1"', 'id = "v2"')
    assert codes(read_case(root)) == ["film.same_file"]


@pytest.mark.parametrize(
    ("folder", "what"),
    [
        ("2026-02-30", "date that does not exist"),
        ("first", "not named for a date"),
        ("2026-3-2", "not named for a date"),
    ],
)
def test_a_visit_in_an_odd_folder_is_refused(tmp_path: Path, folder: str, what: str) -> None:
    root = make_case(tmp_path / "case")
    (root / "2026-03-02").rename(root / folder)
    with pytest.raises(BadInput, match=what):
        read_case(root)


def test_a_date_without_a_visit_is_refused_and_other_folders_are_not_looked_at(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case")
    (root / "notes").mkdir()
    assert len(read_case(root).visits) == 1
    (root / "2026-04-01").mkdir()
    with pytest.raises(BadInput, match=r"holds no visit\.toml"):
        read_case(root)


def test_what_is_no_case_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        read_case(tmp_path / "nowhere")
    with pytest.raises(BadInput, match=r"holds no case\.toml"):
        read_case(tmp_path)
    root = make_case(tmp_path / "case")
    with pytest.raises(BadInput, match="not what it should be"):
        read_case(root / "case.toml")

    def refuse(_self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(BadInput, match="Permission denied") as failed:
        read_case(root)
    assert "right to read" in failed.value.remedy


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (CASE.replace("pseudonym", "pseudonim"), "unknown key 'pseudonim'|'pseudonym' is missing"),
        (CASE + 'sex = "f"\n', "'sex' is 'f'"),
        (
            CASE + '[[volume]]\nfile = "ct/gone.nii.gz"\n',
            r"volume\[0\] names 'ct/gone\.nii\.gz', which does not exist",
        ),
        (CASE + '[consents]\nresearch = "yes"\n', r"consents\.research"),
    ],
)
def test_a_bad_case_file_is_named(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(BadInput, match=what) as failed:
        read_case(make_case(tmp_path / "case", case=text))
    assert failed.value.file == "case.toml"


def test_a_link_out_of_the_case_is_refused(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case")
    film = root / "2026-03-02" / "nasium.png"
    film.rename(tmp_path / "outside.png")
    try:
        film.symlink_to(tmp_path / "outside.png")
    except OSError:
        pytest.skip("this system lets no link be made")
    with pytest.raises(BadInput, match="a link out of the folder"):
        read_case(root)


DICOM_FILM = """[[film]]
file = "nasium.dcm"
view = "nasium"
patient_right = "image_left"
marker = "R"
"""


def dicom_case(tmp_path: Path, film: str = DICOM_FILM, **elements: object) -> Path:
    root = make_case(tmp_path / "case", film=film)
    dicom_files.film(root / "2026-03-02" / "nasium.dcm", **elements)
    return root


def test_scale_of_the_header_is_used_and_told(tmp_path: Path) -> None:
    elements = {"ImagerPixelSpacing": [1.2, 1.2], "EstimatedRadiographicMagnificationFactor": 1.2}
    case = read_case(dicom_case(tmp_path, **elements))
    calibration = case.visits[0].films[0].calibration
    assert calibration.kind is CalibrationKind.ERMF
    assert calibration.mm_per_px == pytest.approx((1.0, 1.0))
    assert codes(case) == ["calibration.from_header"]


def test_an_orientation_of_the_header_that_contradicts_is_refused(tmp_path: Path) -> None:
    root = dicom_case(tmp_path, PatientOrientation=["R", "F"])
    with pytest.raises(
        BadInput, match=r"patient_right = 'image_left', but the DICOM header.*'image_right'"
    ) as failed:
        read_case(root)
    assert "ignore_header_orientation" in failed.value.remedy
    change(
        root / "2026-03-02" / "visit.toml", 'marker = "R"', 'marker = "R"\nignore_header_orientation = true'
    )
    assert codes(read_case(root)) == ["calibration.none", "film.header_orientation"][::-1]


def test_distances_that_disagree_with_the_header_are_a_finding(tmp_path: Path) -> None:
    film = DICOM_FILM + "technique = { sid_mm = 1067, sod_mm = 837 }\n"
    film += 'calibration = { kind = "sid_sod", mm_per_px = [1.2, 1.2], u_rel = 0.02 }\n'
    root = dicom_case(tmp_path, film, ImagerPixelSpacing=[1.2, 1.2], DistanceSourceToDetector=1830)
    case = read_case(root)
    assert codes(case) == ["technique.disagrees", "calibration.disagrees"]
    # The detector's pixel was entered as the patient's: 1067 / 837 too large.
    assert case.findings[1].value == pytest.approx(100 * (1067 / 837 - 1))


def test_films_of_two_people_are_refused_without_a_name(tmp_path: Path) -> None:
    second = DICOM_FILM.replace("nasium.dcm", "second.dcm")
    root = dicom_case(tmp_path, DICOM_FILM + second)
    dicom_files.film(root / "2026-03-02" / "second.dcm", PatientID="OTHER")
    with pytest.raises(WrongPatient, match=r"of another patient than 2026-03-02/nasium\.dcm") as failed:
        read_case(root)
    assert not any(secret in str(failed.value) for secret in ("PLANTED", "Planted", "OTHER"))


def test_another_birth_year_is_a_finding(tmp_path: Path) -> None:
    root = dicom_case(tmp_path, PatientBirthDate="19800101")
    change(root / "case.toml", "simulated", "birth_year = 1981\nsimulated")
    assert "film.birth_year" in codes(read_case(root))
    change(root / "case.toml", "1981", "1980")
    assert "film.birth_year" not in codes(read_case(root))


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: path.write_bytes(dicom_files.film(path).read_bytes()[:-100]), "cut off"),
        (lambda path: path.write_text("not DICOM"), "not a DICOM file"),
        (lambda path: dicom_files.nested(path, 400), "deep"),
        (lambda path: dicom_files.deflate_bomb(path, 4), "deflated"),
        (lambda path: dicom_files.ct_slice(path, 0.0), "is a CT image, not a film"),
    ],
)
def test_a_hostile_film_is_refused_by_name(tmp_path: Path, make: object, what: str) -> None:
    root = make_case(tmp_path / "case", film=DICOM_FILM)
    make(root / "2026-03-02" / "nasium.dcm")  # type: ignore[operator]
    with pytest.raises(BadFile, match=what) as failed:
        read_case(root)
    assert failed.value.file == "2026-03-02/nasium.dcm"


def test_a_real_film_without_marker_is_read_with_a_finding(data_dir: Path, tmp_path: Path) -> None:
    root = make_case(tmp_path / "case", film=DICOM_FILM.replace('marker = "R"\n', ""))
    shutil.copy(data_dir / "dicom" / "dx_image.dcm", root / "2026-03-02" / "nasium.dcm")
    case = read_case(root)
    assert set(codes(case)) == {
        "film.marker_missing",
        "calibration.from_header",
        "calibration.detector_plane_only",
    }


RECORDS = """
[[photo]]
file = "side.jpg"
view = "photo-lateral"
patient_anterior = "image_left"
[[recording]]
file = "trapezius.edf"
kind = "semg"
channels = [{ label = "EMG1", muscle = "trapezius_upper", side = "right" }]
quiet = { start_s = 0, stop_s = 60 }
reference = { kind = "RVC", file = "rvc.edf", start_s = 2, stop_s = 5 }
[[responses]]
file = "ndi.json"
[[labs]]
file = "labs.json"
[exam]
file = "exam.toml"
"""


def with_records(tmp_path: Path) -> Path:
    root = make_case(tmp_path / "case", film=FILM + RECORDS)
    day = root / "2026-03-02"
    Image.new("L", (60, 80)).save(day / "side.jpg")
    (day / "trapezius.edf").write_bytes(b"x")
    (day / "rvc.edf").write_bytes(b"x")
    (day / "ndi.json").write_text(
        '{"schema": "atlasplane.responses/1", "instrument": "ndi", "time": "2026-03-02T09:10:00Z", '
        '"answers": {"1": 2}}'
    )
    (day / "labs.json").write_text('{"schema": "atlasplane.labs/1", "results": []}')
    (day / "exam.toml").write_text('schema = "atlasplane.exam/1"\n[neuro]\nhoffmann = false\n')
    (root / "care.csv").write_text("time,visit,technique,kind\n2026-03-02T09:30:00+01:00,v1,ortho,real\n")
    (root / "diary.csv").write_text("date,spasms\n2026-03-02,4\n")
    return root


def test_everything_a_visit_names_is_checked(tmp_path: Path) -> None:
    root = with_records(tmp_path)
    assert read_case(root).visits[0].exam == {"neuro": {"hoffmann": False}}


@pytest.mark.parametrize("file", ["side.jpg", "trapezius.edf", "ndi.json", "labs.json", "exam.toml"])
def test_a_missing_record_is_named(tmp_path: Path, file: str) -> None:
    root = with_records(tmp_path)
    (root / "2026-03-02" / file).unlink()
    with pytest.raises(BadInput, match=f"names '{file}', which does not exist"):
        read_case(root)


@pytest.mark.parametrize("file", ["care.csv", "diary.csv"])
def test_an_unknown_column_is_named(tmp_path: Path, file: str) -> None:
    root = with_records(tmp_path)
    (root / file).write_text((root / file).read_text().replace("\n", ",colour\n", 1))
    with pytest.raises(BadInput, match="unknown column 'colour'"):
        read_case(root)


def with_volume(tmp_path: Path, at: tuple[float, float, float] = (0.0, 0.0, 5.0)) -> Path:
    text = (
        CASE
        + '[[volume]]\nfile = "ct/head.nii.gz"\nlandmarks = "ct/l.json"\nmasks = { c1 = "ct/c1.nii.gz" }\n'
    )
    root = make_case(tmp_path / "case", case=text)
    (root / "ct").mkdir()
    grey = np.zeros((10, 10, 10), np.int16)
    affine = np.diag([-2.0, -2.0, 1.0, 1.0])
    affine[:3, 3] = (9, 9, 0)
    for name in ("head.nii.gz", "c1.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(grey, affine), root / "ct" / name)
    when = datetime.fromisoformat("2026-03-02T09:10:00+01:00")
    reading = Reading(id="r", observer="KR", time=when, tool="t", points={"TP_R": MarkedPoint(np.array(at))})
    digest = sha256_of(root / "ct" / "head.nii.gz")
    write_landmarks(
        root / "ct" / "l.json", [reading], image_file="head.nii.gz", sha256=digest, space="lps_mm"
    )
    return root


def test_a_volume_with_landmarks_and_masks_is_read(tmp_path: Path) -> None:
    (volume,) = read_case(with_volume(tmp_path)).volumes
    assert (volume.file, volume.shape, volume.hounsfield) == ("ct/head.nii.gz", (10, 10, 10), False)
    assert volume.affine_lps[0].tolist() == [2, 0, 0, -9]
    assert volume.masks == {"c1": "ct/c1.nii.gz"}
    assert volume.readings[0].points["TP_R"].at.tolist() == [0, 0, 5]


def test_a_volume_landmark_outside_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadLandmarks, match="outside the image"):
        read_case(with_volume(tmp_path, (0.0, 0.0, 15.0)))


def test_a_missing_mask_is_named(tmp_path: Path) -> None:
    root = with_volume(tmp_path)
    (root / "ct" / "c1.nii.gz").unlink()
    with pytest.raises(BadInput, match=r"volume\[0\]\.masks names"):
        read_case(root)


def test_a_dicom_volume_of_another_person_is_refused(tmp_path: Path) -> None:
    root = dicom_case(tmp_path)
    change(root / "case.toml", "simulated = true", 'simulated = true\n[[volume]]\nfile = "ct"')
    (root / "ct").mkdir()
    for n in range(3):
        dicom_files.ct_slice(root / "ct" / f"{n}.dcm", float(n))
    assert read_case(root).volumes[0].hounsfield
    for n in range(3):
        dicom_files.ct_slice(root / "ct" / f"{n}.dcm", float(n), PatientID="OTHER")
    with pytest.raises(WrongPatient):
        read_case(root)


def test_a_new_case_is_read_back(tmp_path: Path) -> None:
    root = new_case(
        tmp_path / "deep" / "P-1", {"pseudonym": "P-1", "birth_year": 1980, "consents": {"research": True}}
    )
    case = read_case(root)
    assert (case.pseudonym, case.birth_year, case.simulated, case.visits) == ("P-1", 1980, False, ())
    assert case.consents == {"research": True}
    assert len(case.id) == 32
    assert (root / "case.toml").read_text(encoding="utf-8").startswith("# One person under a pseudonym")


def test_a_new_case_takes_no_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(BadInput, match="not empty"):
        new_case(tmp_path, {"pseudonym": "P"})
    with pytest.raises(BadInput, match="unknown key 'pseudonim'"):
        new_case(tmp_path / "new", {"pseudonim": "P"})
    assert not (tmp_path / "new").exists()


def test_written_tables_are_read_back(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case")
    before = read_case(root)
    write_case_file(root, {"id": "3f0c", "pseudonym": "P-014", "simulated": True})
    film = {
        "file": "nasium.png",
        "view": "nasium",
        "landmarks": "nasium.landmarks.json",
        "patient_right": "image_left",
        "marker": "R",
        "technique": {"sid_mm": 1067.0, "sod_mm": 837.0, "tube_deg": 12.0, "detector": "upright"},
        "calibration": {"kind": "sid_sod", "mm_per_px": (0.943, 0.943), "u_rel": 0.02},
    }
    when = datetime.fromisoformat("2026-03-02T09:10:00+01:00")
    visit = {"id": "v1", "time": when, "phase": "baseline", "moment": "pre", "observer": "KR", "film": [film]}
    write_visit_file(root / "2026-03-02", visit)
    after = read_case(root)
    assert after.visits[0].films[0].technique == before.visits[0].films[0].technique
    assert after.visits[0].films[0].calibration == before.visits[0].films[0].calibration
    assert VISIT.splitlines()[:5] == (root / "2026-03-02" / "visit.toml").read_text().splitlines()[:5]
