"""What a visit is measured from beside the three films: other views, photographs, volumes, observers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlasplane.anatomy import views
from atlasplane.anatomy.landmarks import landmark
from atlasplane.chain.measured import measure_case
from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.errors import BadFile, BadInput, BadLandmarks, WrongPatient
from atlasplane.core.finding import Severity
from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantities
from atlasplane.io.case_folder import read_case
from atlasplane.pathways.alignment import head_position, template
from atlasplane.pathways.alignment.film_views import VIEWS
from atlasplane.pathways.alignment.visit_analysis import analyse_visit
from atlasplane.sources.case import Case
from atlasplane.sources.film import View
from atlasplane.sources.observer import ObserverPlacing
from atlasplane.sources.reading import MarkedPoint, Reading
from atlasplane.sources.volume import Volume
from tests.bad_input import dicom_files
from tests.bad_input.cases import CASE, FILM, change, landmark_text, make_case
from tests.film_cases import NASIUM, VERTEX, visit_of_films
from tests.front_cases import analysed, image_of, visit_of
from tests.test_coronal import FULL
from tests.test_open_mouth import FILM as OPEN_MOUTH
from tests.test_posture import FRONT


@pytest.fixture(autouse=True)
def few_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_position, "TEMPLATE_PERSONS", 256)


# ---- the table of views ----


def test_every_construction_names_a_quantity_that_is_read_from_its_view() -> None:
    for view, analysis in VIEWS.items():
        for construction in analysis.constructions:
            entry = quantities()[ObservationKey.parse(construction.key).quantity]
            assert view.value in entry.views, construction.key
            assert set(construction.needs) <= set(entry.landmarks), construction.key
            hidden = [id_ for id_ in construction.needs if view.value not in landmark(id_).views]
            assert hidden == [], construction.key


def test_every_quantity_of_a_view_is_constructed_there() -> None:
    for id_, entry in quantities().items():
        for name in entry.views:
            view = VIEWS[View(name)]
            own = {ObservationKey.parse(c.key).quantity for c in view.constructions}
            assert id_ in own | {c.quantity for c in view.classes}, (id_, name)


def test_blairs_oblique_views_can_be_marked_and_are_not_measured() -> None:
    oblique = replace(image_of(NASIUM), file="oblique.png", view=View.BLAIR_LEFT)
    (said,) = analyse_visit(visit_of(oblique)).findings
    assert (said.code, said.severity, said.file) == ("film.not_measured", Severity.INFO, "oblique.png")
    assert "the sources give no measure for a blair-left film" in said.text


def test_films_come_in_the_order_of_the_views() -> None:
    analysis = analyse_visit(visit_of(FULL, OPEN_MOUTH, VERTEX, NASIUM))
    assert [film.film.view for film in analysis.films] == [
        View.NASIUM,
        View.VERTEX,
        View.APOM,
        View.AP_FULL,
    ]


def test_new_films_do_not_change_the_old_ones() -> None:
    alone = analyse_visit(visit_of_films(NASIUM, VERTEX)).joint
    together = analyse_visit(visit_of(NASIUM, VERTEX, FULL, FRONT)).joint
    n = len(alone.order)
    assert together.order[:n] == alone.order
    np.testing.assert_array_equal(together.own_cov[:n, :n], alone.own_cov)


# ---- where the projection is not known ----


def test_without_a_known_projection_the_value_is_the_films_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(views.BEAM_VIEWS, "ap-full")
    found = analyse_visit(visit_of(FULL)).joint.measurement("pelvic_obliquity")
    assert found is not None
    assert (found.u, found.measurand) == (None, "film")
    assert found.u_film is not None
    assert "projection_unknown" in found.quality
    assert found.provenance["head"] == "not known: the value is this film's own"


def test_marks_that_the_template_lacks_cost_only_their_quantities(monkeypatch: pytest.MonkeyPatch) -> None:
    people = template.population(256)
    points = {id_: at for id_, at in people.phantom.points_mm.items() if id_ != "CREST_R"}
    poorer = replace(people, phantom=replace(people.phantom, points_mm=points))
    whole = analyse_visit(visit_of(FULL)).joint
    monkeypatch.setattr(head_position, "population", lambda n: poorer if n == 256 else template.population(n))
    joint = analyse_visit(visit_of(FULL)).joint
    for key in joint.order:
        found, before = joint.measurement(key), whole.measurement(key)
        assert found is not None and before is not None
        assert (found.u is None) == (key == "pelvic_obliquity")
        assert found.u_film == before.u_film
        if found.u is not None:
            assert found.u == pytest.approx(before.u, rel=1e-12)


# ---- photographs in a folder ----

PHOTO = """[[photo]]
file = "side.jpg"
view = "photo-lateral"
landmarks = "side.landmarks.json"
patient_anterior = "image_left"
calibration = { kind = "user_fiducial", mm_per_px = [2.0, 2.0], u_rel = 0.01 }
"""
MARKS = '{"C7_SP": {"at": [140.0, 120.0]}, "TRAGUS_R": {"at": [100.0, 70.0]}}'


def with_photo(tmp_path: Path, table: str = PHOTO) -> Path:
    root = make_case(tmp_path / "case", film=table)
    picture = root / "2026-03-02" / "side.jpg"
    Image.new("RGB", (200, 260), (90, 120, 150)).save(picture)
    text = landmark_text(picture, MARKS)
    (root / "2026-03-02" / "side.landmarks.json").write_text(text)
    return root


def test_a_marked_photograph_is_measured(tmp_path: Path) -> None:
    case = read_case(with_photo(tmp_path))
    (photo,) = case.visits[0].photos
    assert (photo.file, photo.view, photo.shape) == ("2026-03-02/side.jpg", View.PHOTO_LATERAL, (260, 200))
    assert photo.load_pixels().shape == (260, 200)
    assert photo.calibration.kind is CalibrationKind.USER_FIDUCIAL
    (visit,) = measure_case(case).visits
    found = visit.joint.measurement("craniovertebral_angle/right")
    assert found is not None
    assert found.value == pytest.approx(np.degrees(np.arctan2(50, 40)), abs=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ('patient_anterior = "image_left"\n', "", BadInput, "'patient_anterior' is missing"),
        ('"user_fiducial"', '"sid_sod"', BadInput, "no calibration of kind 'sid_sod'"),
        ('"side.jpg"', '"none.jpg"', BadInput, "names 'none.jpg', which does not exist"),
    ],
)
def test_a_photograph_that_cannot_be_is_refused(
    tmp_path: Path, old: str, new: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        read_case(with_photo(tmp_path, PHOTO.replace(old, new)))


def test_a_photograph_replaced_after_marking_is_refused(tmp_path: Path) -> None:
    root = with_photo(tmp_path)
    Image.new("RGB", (200, 260), (91, 120, 150)).save(root / "2026-03-02" / "side.jpg")
    with pytest.raises(BadLandmarks, match="belongs to another image"):
        read_case(root)


def test_a_damaged_photograph_is_refused(tmp_path: Path) -> None:
    root = with_photo(tmp_path)
    (root / "2026-03-02" / "side.jpg").write_bytes(b"x")
    with pytest.raises(BadFile, match="is not a PNG, TIFF or JPEG image"):
        read_case(root)


def test_one_file_is_one_image(tmp_path: Path) -> None:
    root = with_photo(tmp_path, PHOTO + PHOTO.replace("photo-lateral", "photo-front"))
    with pytest.raises(BadInput, match=r"photo\[1\] names 'side.jpg', which another photo names too"):
        read_case(root)


def test_a_photograph_of_somebody_else_is_refused(tmp_path: Path) -> None:
    dicom = FILM.replace("nasium.png", "nasium.dcm").partition("landmarks")[0]
    dicom += 'patient_right = "image_left"\nmarker = "R"\n'
    photo = '[[photo]]\nfile = "p.dcm"\nview = "photo-lateral"\npatient_anterior = "image_left"\n'
    root = make_case(tmp_path / "case", film=dicom + photo)
    dicom_files.film(root / "2026-03-02" / "nasium.dcm")
    dicom_files.film(root / "2026-03-02" / "p.dcm", PatientID="OTHER")
    with pytest.raises(WrongPatient):
        read_case(root)


# ---- volumes ----


def volume(visit: str | None = "v1", modality: str = "ct", file: str = "ct/head.nii.gz") -> Volume:
    """C1 whose right transverse foramen lies 4 mm before the left one over 40; C2 square. LPS mm."""
    at = {
        "TF_R": (-20.0, -2.0, 0.0),
        "TF_L": (20.0, 2.0, 0.0),
        "C2_TF_R": (-20.0, 0.0, -20.0),
        "C2_TF_L": (20.0, 0.0, -20.0),
        "BA": (0.0, -5.0, 20.0),
        "OP": (0.0, 30.0, 20.0),
        "N": (0.0, -95.0, 70.0),
        "C1_AT": (0.0, -20.0, 0.0),
        "C1_PT": (0.0, 25.0, 0.0),
        "DENS_TIP": (0.0, -6.0, 12.0),
    }
    reading = Reading(
        id="r1",
        observer="KR",
        time=datetime(2026, 3, 2, 9, 10, tzinfo=UTC),
        tool="hand",
        points={id_: MarkedPoint(np.array(place)) for id_, place in at.items()},
    )
    return Volume(
        file=file,
        shape=(10, 10, 10),
        affine_lps=np.eye(4),
        hounsfield=True,
        load_voxels=lambda: np.zeros((10, 10, 10)),
        readings=(reading,),
        modality=modality,
        visit=visit,
    )


def test_a_volume_joins_its_visit() -> None:
    joint = analyse_visit(visit_of(OPEN_MOUTH), volumes=[volume(), volume(visit="v2")]).joint
    found = joint.measurement("bdi@ct")
    assert found is not None
    # Basion and the tip of the dens: 1 mm in depth, 8 mm in height.
    assert found.value == pytest.approx(np.hypot(1.0, 8.0))
    assert (found.condition, found.visit, found.source) == ("ct", "v1", ("ct/head.nii.gz",))
    assert found.u is not None
    assert joint.measurement("ladi/right") is not None
    k = joint.order.index("bdi@ct")
    assert joint.cov[k, k] == pytest.approx(found.u**2)


def test_modalities_stand_side_by_side_and_a_second_volume_is_said() -> None:
    several = [volume(), volume(modality="cbct", file="b"), volume(file="c")]
    analysis = analyse_visit(visit_of(), volumes=several)
    assert analysis.joint.get("bdi@ct") is not None and analysis.joint.get("bdi@cbct") is not None
    said = [(f.code, f.file) for f in analysis.findings]
    assert [one for one in said if one[0].startswith("volume")] == [("volume.second", "c")]
    # Both that are used lack the frames' landmarks; the one that is not used is not spoken of twice.
    assert [one for one in said if one[0] == "pose.no_frame"] == [
        ("pose.no_frame", "ct/head.nii.gz"),
        ("pose.no_frame", "b"),
    ]


def test_measuring_a_case_gives_each_visit_its_volumes() -> None:
    case = Case(id="c", pseudonym="P", folder=Path("case"), visits=(visit_of(),), volumes=(volume(),))
    (measured,) = measure_case(case).visits
    assert measured.joint.get("bdi@ct") is not None


def with_volume(tmp_path: Path, table: str) -> Path:
    nibabel = pytest.importorskip("nibabel")
    root = make_case(tmp_path / "case", film=FILM)
    (root / "ct").mkdir()
    grid = nibabel.Nifti1Image(np.zeros((20, 20, 20), dtype=np.int16), np.diag([10.0, 10.0, 10.0, 1.0]))
    nibabel.save(grid, root / "ct" / "head.nii.gz")
    text = json.loads(landmark_text(root / "ct" / "head.nii.gz", '{"BA": {"at": [-50.0, -50.0, 50.0]}}'))
    (root / "ct" / "l.json").write_text(json.dumps({**text, "space": "lps_mm"}))
    (root / "case.toml").write_text(
        CASE + '[[volume]]\nfile = "ct/head.nii.gz"\nlandmarks = "ct/l.json"\n' + table
    )
    return root


def test_a_marked_volume_of_no_visit_is_said(tmp_path: Path) -> None:
    root = with_volume(tmp_path, "")
    (said,) = [f for f in read_case(root).findings if f.code == "volume.no_visit"]
    assert (said.severity, said.file) == (Severity.INFO, "ct/head.nii.gz")
    change(root / "case.toml", "landmarks =", 'visit = "v1"\nmodality = "cbct"\nlandmarks =')
    case = read_case(root)
    assert (case.volumes[0].visit, case.volumes[0].modality) == ("v1", "cbct")
    assert "volume.no_visit" not in [f.code for f in case.findings]


def test_a_volume_of_an_unknown_visit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is of visit 'v9', which does not exist"):
        read_case(with_volume(tmp_path, 'visit = "v9"\n'))


# ---- observers ----

OWN = ObserverPlacing(
    observer="KR",
    cov_mm2={"CREST": np.diag([4.0, 0.25]), "FHT": np.array([[1.0, 0.3], [0.3, 0.5]])},
    dof={"CREST": 12.0, "FHT": 9.0},
    n_cases=12,
    file="observers.toml",
    sha256="ab" * 32,
)


def test_an_observers_own_placing_takes_the_place_of_the_default() -> None:
    """Crests 500 px of 0.2 mm apart and 10 px off level; 0.5 mm up and 2 mm along on the film, of each."""
    default, own = analysed(FULL), analyse_visit(visit_of(FULL), observers={"KR": OWN})
    (film,) = own.films
    assert film.u_placing("t1_tilt") == default.u_placing("t1_tilt")
    scale = 1600 / 1830
    up, along = np.cos(np.arctan(10 / 500)), np.sin(np.arctan(10 / 500))
    expected = np.degrees(np.sqrt(2) * scale * np.hypot(0.5 * up, 2.0 * along) / (0.2 * np.hypot(500, 10)))
    # A difference quotient: bent by a share of u squared in radians, 1e-5.
    assert film.u_placing("pelvic_obliquity") == pytest.approx(expected, rel=1e-4)
    dof = dict(zip(film.keys, film.dof, strict=True))
    # Both crests have one estimate, with 12 degrees of freedom; the default is taken as known.
    assert dof["pelvic_obliquity"] == pytest.approx(12.0)
    assert dof["femoral_head_difference"] == pytest.approx(9.0)
    assert dof["t1_tilt"] == np.inf


def test_the_left_of_a_pair_is_the_mirror_image() -> None:
    marked = analyse_visit(visit_of(FULL), observers={"KR": OWN}).films[0].first.marked
    blocks = {
        id_: marked.cov[marked.slots[id_][0] : marked.slots[id_][0] + 2][
            :, marked.slots[id_][0] : marked.slots[id_][0] + 2
        ]
        for id_ in ("FHT_R", "FHT_L")
    }
    np.testing.assert_allclose(blocks["FHT_L"], blocks["FHT_R"] * [[1, -1], [-1, 1]], rtol=1e-15)


def test_the_provenance_names_file_digest_and_cases() -> None:
    found = analyse_visit(visit_of(FULL), observers={"KR": OWN}).joint.measurement("pelvic_obliquity")
    assert found is not None
    said = found.provenance["placing"]
    assert "observers.toml, sha256 abababababab, 12 cases read twice" in said
    assert "catalogue default" in said  # of the other marks


def test_another_observer_keeps_the_default() -> None:
    joint = analyse_visit(visit_of(FULL), observers={"XX": OWN}).joint
    found = joint.measurement("pelvic_obliquity")
    assert found is not None
    assert found.provenance["placing"] == "catalogue default"


def test_a_readings_own_error_comes_first() -> None:
    film = FULL.film(FULL.reading(sd_px=2.0))
    (read,) = analyse_visit(visit_of(film), observers={"KR": OWN}).films
    assert read.first.marked.placed_by == frozenset({"covariances of the reading"})
    assert not read.first.marked.has_defaults


def test_a_case_passes_its_observers_on() -> None:
    case = Case(id="c", pseudonym="P", folder=Path("case"), visits=(visit_of(FULL),), observers={"KR": OWN})
    (measured,) = measure_case(case).visits
    found = measured.joint.measurement("femoral_head_difference")
    assert found is not None and "observers.toml" in found.provenance["placing"]
