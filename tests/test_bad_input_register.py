"""Bad input of the command `register`: an error that names the file, the fault and a remedy; nothing is kept.

The films are one grey and the bones are blobs about their landmarks: what is refused here is refused before
anything is compared. Bones and pictures that do not belong together: test_bad_input_registration.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from atlasplane.geometry.frames import lps_from_isb
from atlasplane.io.mask_file import write_mask
from atlasplane.io.nifti import write_volume
from atlasplane.io.registration_record import RECORD_FILE
from atlasplane.simulate.case import CaseHead, write_case
from atlasplane.simulate.case_volume import CaseVolume
from atlasplane.simulate.ct_files import write_scan
from atlasplane.simulate.ct_observer import marked_truth, repeated_clicks
from atlasplane.simulate.ct_scan import MODALITY, CtScan, Field
from atlasplane.simulate.follow_up import FollowUp
from atlasplane.simulate.observer import Observer
from atlasplane.simulate.patient import Scenario, phantom_subject, scenario_visits
from atlasplane.simulate.truth_tables import ScanTruth
from atlasplane.simulate.visit import SimulatedFilm
from atlasplane.sources.film import View
from tests.cli_cases import Run, change, copy_of, runner

VOXEL_MM = 4.0
REACH_MM = {"skull": 9.0, "c1": 7.0, "c2": 7.0}
"""Bone lies this near to a landmark of it."""
VISIT = "2026-04-13"
MASKS = {bone: f"ct/{bone}.nii.gz" for bone in REACH_MM}


def write_case_with_blobs(folder: Path, seed: int) -> Path:
    """A scanned person and two films of a follow-up."""
    scenario = Scenario(
        seed=seed, atlas_deg=(-12, 3, 4), views=(View.NASIUM,), follow_up=FollowUp(atlas_deg=(-12, 1, 2))
    )
    subject = phantom_subject(scenario)
    visits = scenario_visits(scenario, subject)
    posed = visits[0].films[0].posed
    field = Field.of(posed.points_mm, voxel_mm=VOXEL_MM)
    masks = _blobs(
        field, {id_: bone for id_, (bone, _) in subject.phantom.points_mm.items()}, posed.points_mm
    )
    readings = repeated_clicks(posed, field, Observer(), rng=np.random.default_rng(seed), time=visits[0].time)
    hounsfield = np.int16(900) * np.sum(list(masks.values()), axis=0, dtype=np.int16)
    made = CtScan(hounsfield=hounsfield, masks=masks, affine_lps=field.affine_lps, readings=readings)
    points, contours = marked_truth(posed, readings[0])
    grey = iter(range(100, 200))

    def picture(film: SimulatedFilm) -> np.ndarray:
        return np.full(film.setup.shape, next(grey), np.uint16)

    write_case(
        folder,
        CaseHead(id=f"case-{seed}", pseudonym="SIM", seed=seed, plan={}),
        visits,
        picture,
        volume=CaseVolume(
            truth=ScanTruth(condition=MODALITY, points_mm=points, contours_mm=contours),
            write=lambda root: write_scan(root, made, visits[0].id),
        ),
    )
    return folder


def _blobs(
    field: Field, bone_of: Mapping[str, str], points_mm: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Voxels near a bone's landmarks; one that is near to two bones belongs to the first."""
    index = np.stack(np.indices(field.shape), axis=-1)
    at = index @ field.affine_lps[:3, :3].T + field.affine_lps[:3, 3]
    free, masks = np.ones(field.shape, dtype=bool), {}
    for bone, reach in REACH_MM.items():
        near = np.zeros(field.shape, dtype=bool)
        for id_ in (id_ for id_, own in bone_of.items() if own == bone):
            near |= np.linalg.norm(at - lps_from_isb(points_mm[id_]), axis=-1) < reach
        masks[bone] = (near & free).astype(np.uint8)
        free &= ~near
    return masks


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_case_with_blobs(tmp_path_factory.mktemp("whole") / "case", 1)


@pytest.fixture
def case(whole: Path, tmp_path: Path) -> Path:
    return copy_of(whole, tmp_path / "case")


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def refused(go: Run, case: Path, *, file: str, what: str) -> None:
    """Status 2, an error's document, and no record."""
    done = go("register", case, "--json")
    assert done.status == 2, done.out
    error = done.document
    assert error["schema"] == "atlasplane.error/1"
    assert error["file"].endswith(file), error
    assert what in error["what"], error
    assert len(error["remedy"]) > 5
    assert not list(case.rglob(RECORD_FILE))


# ---- scan and masks ----


def test_no_scan(go: Run, case: Path) -> None:
    text = (case / "case.toml").read_text(encoding="utf-8")
    head, _, _ = text.partition("[[volume]]")
    (case / "case.toml").write_text(head, encoding="utf-8")
    refused(go, case, file="case", what="has no CT or CBCT")


def test_no_mask(go: Run, case: Path) -> None:
    text = (case / "case.toml").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith(("masks", "meshes"))]
    (case / "case.toml").write_text("\n".join(kept) + "\n", encoding="utf-8")
    refused(go, case, file="ct/cbct.nii.gz", what="no accepted mask")


def test_a_mask_is_gone(go: Run, case: Path) -> None:
    (case / MASKS["c1"]).unlink()
    refused(go, case, file="case.toml", what="does not exist")


def test_an_empty_mask(go: Run, case: Path) -> None:
    _rewrite(case / MASKS["c1"], np.zeros_like)
    refused(go, case, file=MASKS["c1"], what="")


def test_a_mask_of_another_volume(go: Run, case: Path) -> None:
    _rewrite(case / MASKS["c1"], lambda mask: mask[:-3])
    refused(go, case, file=MASKS["c1"], what="voxels")


@pytest.mark.parametrize(("one", "two"), [("c1", "c2"), ("skull", "c1")])
def test_exchanged_masks(go: Run, case: Path, one: str, two: str) -> None:
    first, second = (case / MASKS[bone] for bone in (one, two))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    refused(go, case, file=MASKS[one], what="lies below")


def test_one_mask_for_two_bones(go: Run, case: Path) -> None:
    take_mask = (case / MASKS["c2"]).read_bytes()
    (case / MASKS["c1"]).write_bytes(take_mask)
    refused(go, case, file=".nii.gz", what="mask")


def test_a_scan_without_landmarks(go: Run, case: Path) -> None:
    change(case / "case.toml", 'landmarks = "ct/cbct.landmarks.json"\n', "")
    refused(go, case, file="ct/cbct.nii.gz", what="no landmarks")


def _rewrite(path: Path, edit: Callable[[np.ndarray], np.ndarray]) -> None:
    import nibabel

    image = nibabel.load(path)
    mask = edit(np.asarray(image.dataobj))
    if mask.any():
        lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
        write_mask(path, mask.astype(bool), lps)
    else:
        write_volume(path, mask.astype(np.int16), np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)


# ---- films ----


def test_one_film(go: Run, case: Path) -> None:
    path = case / VISIT / "visit.toml"
    head, first, _ = path.read_text(encoding="utf-8").split("[[film]]")
    path.write_text(f"{head}[[film]]{first}", encoding="utf-8")
    refused(go, case, file="case", what="two films")


def test_films_without_marks(go: Run, case: Path) -> None:
    path = case / VISIT / "visit.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith("landmarks")), encoding="utf-8")
    refused(go, case, file="case", what="two films")


def test_two_films_of_one_view(go: Run, case: Path) -> None:
    for ending in (".png", ".landmarks.json"):
        content = (case / VISIT / f"lateral{ending}").read_bytes()
        (case / VISIT / f"nasium{ending}").write_bytes(content.replace(b"lateral.png", b"nasium.png"))
    path = case / VISIT / "visit.toml"
    head, lateral, _ = path.read_text(encoding="utf-8").split("[[film]]")
    again = lateral.replace("lateral.", "nasium.")
    path.write_text(f"{head}[[film]]{lateral}[[film]]{again}", encoding="utf-8")
    refused(go, case, file="case", what="two films")


def test_a_flipped_film_with_its_marks(go: Run, case: Path) -> None:
    path = case / VISIT / "nasium.landmarks.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for mark in content["readings"][0]["points"].values():
        mark["at"][0] = 959 - mark["at"][0]
    path.write_text(json.dumps(content), encoding="utf-8")
    refused(go, case, file="nasium.png", what="disagree")


def test_a_film_that_was_damaged(go: Run, case: Path) -> None:
    path = case / VISIT / "nasium.png"
    path.write_bytes(path.read_bytes()[:2000])
    refused(go, case, file="nasium.png", what="")


def test_a_fixed_rig_of_films_without_cameras(go: Run, case: Path) -> None:
    done = go("register", case, "--rig", "fixed", "--json")
    assert done.status == 2 and "no full camera" in done.document["what"]


def test_films_that_show_nothing(go: Run, case: Path) -> None:
    """As the case is. What was kept before is no number either."""
    refused(go, case, file="lateral.png", what="one grey all over")
    (case / VISIT / RECORD_FILE).write_text("{}", encoding="utf-8")
    document = go("measure", case, "--json").document
    assert "registration.unreadable" in {each["code"] for each in document["findings"]}
    observed = document["visits"][1]["observations"]
    assert observed and not [each for each in observed if each["condition"] == "registered"]
