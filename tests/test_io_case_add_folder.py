"""A folder as an archive exports it: sorted by series, added as far as its headers allow, the rest named."""

from __future__ import annotations

import errno
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlasplane.core.errors import BadFile, BadInput, OutputFailed, WrongPatient
from atlasplane.io.case_add_folder import SortedEntry, add_folder, list_folder
from atlasplane.io.case_add_volume import add_volume
from atlasplane.io.case_folder import read_case
from atlasplane.io.case_new import new_case
from atlasplane.io.visit_choice import VisitStamp
from atlasplane.io.volume_file import open_volume
from tests.bad_input import dicom_files
from tests.cli_cases import Run, everything, runner

FRONTAL = {"PatientOrientation": ["L", "F"]}
SR = "1.2.840.10008.5.1.4.1.1.88.33"
WHEN = datetime.fromisoformat("2026-03-02T09:10:00+01:00")


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return new_case(tmp_path / "case", {"pseudonym": "P-1"})


def export(folder: Path) -> Path:
    """Two CT series with a scout, three films of which two can be placed, a report, an index and a note."""
    (folder / "A" / "B").mkdir(parents=True)
    slices = {"SliceThickness": 1}
    for n in range(3):
        dicom_files.ct_slice(
            folder / "A" / f"Doe^John {n}", 2.0 * (2 - n), SeriesInstanceUID="1.2.1", **slices
        )
        dicom_files.ct_slice(folder / "A" / "B" / f"I{n}", 1.5 * n, SeriesInstanceUID="1.2.2")
    dicom_files.ct_slice(
        folder / "A" / "scout", 0.0, SeriesInstanceUID="1.2.1", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]
    )
    grey = np.full((20, 30), 3, np.uint16)
    dicom_files.film(folder / "F1", grey, SeriesDescription="NASIUM", **FRONTAL)
    dicom_files.film(folder / "F2", grey + 1, ViewPosition="LL", PatientOrientation=["P", "F"])
    dicom_files.film(folder / "F3", grey + 2)
    dicom_files.film(folder / "F4", grey + 3, SeriesDescription="vertex")
    dicom_files.film(folder / "report.dcm", SOPClassUID=SR, Modality="SR", PixelData=None)
    (folder / "readme.txt").write_text("from the archive", encoding="utf-8")
    return folder


def by_source(entries: tuple[SortedEntry, ...]) -> dict[str, SortedEntry]:
    return {each.source: each for each in entries}


def test_a_mixed_folder_is_sorted(tmp_path: Path) -> None:
    entries = list_folder(export(tmp_path / "export"))
    assert [(each.kind.value, each.source, each.count) for each in entries] == [
        ("film", "F1", 1),
        ("film", "F2", 1),
        ("film", "F3", 1),
        ("film", "F4", 1),
        ("volume", "A/B/I0", 3),
        ("volume", "A/Doe^John 0", 3),
        ("other", "A/scout", 1),
        ("other", "report.dcm", 1),
        ("other", "readme.txt", 1),
    ]
    said = by_source(entries)
    assert "view 'nasium'" in said["F1"].what and "view 'lateral'" in said["F2"].what
    assert said["F3"].reason and "--view" in str(said["F3"].remedy)
    assert said["A/scout"].what == "scout image of a CT"
    assert "SR" in said["report.dcm"].what
    assert "not a DICOM file" in said["readme.txt"].what
    assert all(each.file is None for each in entries)


def test_a_mixed_folder_is_added_as_far_as_it_can_be(tmp_path: Path, case: Path) -> None:
    said = by_source(add_folder(case, export(tmp_path / "export")))
    assert said["F1"].file == "2026-03-02/nasium.dcm"
    assert said["F2"].file == "2026-03-02/lateral.dcm"
    assert (said["F3"].file, said["F4"].file) == (None, None)
    assert "patient_right" in str(said["F4"].reason)  # a vertex film whose header tells no side
    assert {said["A/B/I0"].file, said["A/Doe^John 0"].file} == {"ct/volume", "ct/volume-2"}
    assert "film.view_from_header" in [finding.code for finding in said["F1"].findings]
    read = read_case(case)
    assert [film.view.value for film in read.visits[0].films] == ["nasium", "lateral"]
    assert sorted(volume.shape for volume in read.volumes) == [(6, 4, 3), (6, 4, 3)]
    assert not any("Doe" in name for name in everything(case))
    text = (case / "2026-03-02" / "visit.toml").read_text(encoding="utf-8")
    assert 'view = "nasium"  # from the DICOM header: check it' in text


def test_the_copied_series_is_the_same_volume(tmp_path: Path, case: Path) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    for n in range(3):
        dicom_files.ct_slice(folder / f"{n}", 2.0 * (2 - n))
    added = add_volume(case, folder)
    original, copy = open_volume(folder), open_volume(case / added.file)
    assert np.array_equal(original.affine_lps, copy.affine_lps)
    assert np.array_equal(original.load_voxels(), copy.load_voxels())


def test_adding_the_same_folder_again_changes_nothing(tmp_path: Path, case: Path) -> None:
    folder = export(tmp_path / "export")
    first = add_folder(case, folder)
    before = everything(case)
    again = add_folder(case, folder)
    assert everything(case) == before
    assert [each.file for each in again] == [each.file for each in first]
    codes = {finding.code for each in again for finding in each.findings}
    assert codes == {"film.in_case_already", "volume.in_case_already"}


def test_a_folder_of_two_people_adds_nothing(tmp_path: Path, case: Path) -> None:
    folder = export(tmp_path / "export")
    dicom_files.film(
        folder / "F9", np.full((20, 30), 9, np.uint16), PatientID="OTHER", ViewPosition="AP", **FRONTAL
    )
    before = everything(case)
    with pytest.raises(WrongPatient, match="F9: is of another patient than F1"):
        add_folder(case, folder)
    assert everything(case) == before


def test_a_folder_without_dicom_is_refused(tmp_path: Path, case: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("x", encoding="utf-8")
    with pytest.raises(BadInput, match="holds no DICOM file"):
        add_folder(case, tmp_path / "notes")


def test_a_series_with_a_gap_is_left_out_and_said(tmp_path: Path, case: Path) -> None:
    folder = tmp_path / "gap"
    folder.mkdir()
    for n in (0, 1, 2, 5):
        dicom_files.ct_slice(folder / f"{n}", float(n))
    (entry,) = add_folder(case, folder)
    assert entry.file is None
    assert "slices missing" in str(entry.reason) and entry.remedy
    assert read_case(case).volumes == ()


def test_a_damaged_file_does_not_stop_the_others(tmp_path: Path, case: Path) -> None:
    folder = export(tmp_path / "export")
    dicom_files.nested(folder / "hostile", 400)
    (folder / "cut").write_bytes(dicom_files.film(tmp_path / "x").read_bytes()[:-100])
    said = by_source(add_folder(case, folder))
    assert "more than 16 deep" in said["hostile"].what
    assert "cut off" in said["cut"].what
    assert said["F1"].file is not None


def test_a_nifti_volume_is_added(data_dir: Path, case: Path) -> None:
    source = data_dir / "ct" / "headsq_quarter.nii.gz"
    added = add_volume(case, source)
    assert added.file == "ct/volume.nii.gz"
    assert (case / added.file).read_bytes() == source.read_bytes()
    assert read_case(case).volumes[0].shape == (64, 64, 93)
    assert [finding.code for finding in add_volume(case, source).findings] == ["volume.in_case_already"]


def test_the_text_of_case_toml_stays(tmp_path: Path, case: Path) -> None:
    toml = case / "case.toml"
    before = toml.read_text(encoding="utf-8") + "# my own words\n[x]\nroom = 2\n"
    toml.write_text(before, encoding="utf-8")
    folder = tmp_path / "series"
    folder.mkdir()
    for n in range(3):
        dicom_files.ct_slice(folder / f"{n}", float(n))
    add_volume(case, folder)
    assert toml.read_text(encoding="utf-8").startswith(before)
    assert len(read_case(case).volumes) == 1


@pytest.mark.parametrize("fails_at", [1, 4, 5])
def test_a_full_disk_leaves_the_case_as_it_was(
    tmp_path: Path, case: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    for n in range(3):
        dicom_files.ct_slice(folder / f"{n}", float(n))
    before, replace, calls = everything(case), Path.replace, []

    def sometimes(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == fails_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", sometimes)
    with pytest.raises(OutputFailed, match="No space left"):
        add_volume(case, folder)
    assert everything(case) == before
    assert sorted(path.name for path in case.iterdir()) == ["case.toml"]


def test_a_film_given_as_a_volume_is_refused(tmp_path: Path) -> None:
    film = dicom_files.film(tmp_path / "film.dcm")
    with pytest.raises(BadFile, match="is one DICOM image, not a volume") as failed:
        open_volume(film)
    assert "belongs to a visit" in failed.value.remedy
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "film.png")
    with pytest.raises(BadFile, match="is a picture, not a volume"):
        open_volume(tmp_path / "film.png")
    with pytest.raises(BadFile, match="is not a single CT slice"):
        folder = tmp_path / "films"
        folder.mkdir()
        for n in range(3):
            dicom_files.film(folder / f"{n}.dcm")
        open_volume(folder)


# ---- on the command line ----


def test_the_command_line_lists_adds_and_prints_json(go: Run, tmp_path: Path, case: Path) -> None:
    folder = export(tmp_path / "export")
    before = everything(case)
    listed = go("add", case, folder, "--list", "--json")
    assert listed.status == 0 and listed.document["listed_only"]
    assert everything(case) == before
    plain = go("add", case, folder, "--list")
    assert "scout image of a CT" in plain.out
    added = go("add", case, folder, "--json")
    assert added.status == 0
    files = [entry["file"] for entry in added.document["entries"]]
    assert files == [
        "2026-03-02/nasium.dcm",
        "2026-03-02/lateral.dcm",
        None,
        None,
        "ct/volume",
        "ct/volume-2",
        None,
        None,
        None,
    ]
    again = go("add", case, folder)
    assert again.status == 0 and "nothing was changed" in again.out + again.err


def test_options_of_one_film_have_no_meaning_for_a_folder(go: Run, tmp_path: Path, case: Path) -> None:
    folder = export(tmp_path / "export")
    for option in (
        ("--view", "nasium"),
        ("--marker", "R"),
        ("--scale-ends", "1,1 2,2", "--scale-mm", "10", "--scale-plane", "film"),
    ):
        outcome = go("add", case, folder, *option)
        assert outcome.status == 2 and "speaks of one film" in outcome.err


def test_a_film_without_a_view_is_refused(go: Run, tmp_path: Path, case: Path) -> None:
    outcome = go("add", case, dicom_files.film(tmp_path / "a.dcm", SeriesDescription="NASIUM"))
    assert outcome.status == 2
    assert "speaks of 'nasium'" in outcome.err


def test_a_ct_slice_given_as_a_film_is_sent_to_its_folder(go: Run, tmp_path: Path, case: Path) -> None:
    outcome = go("add", case, dicom_files.ct_slice(tmp_path / "a.dcm", 0.0), "--view", "lateral", "--json")
    assert outcome.status == 2
    assert "is a CT image, not a film" in outcome.document["what"]
    assert "folder" in outcome.document["remedy"]


def test_the_visit_of_a_folder_can_be_named(go: Run, tmp_path: Path, case: Path) -> None:
    folder = export(tmp_path / "export")
    assert (
        go("add", case, folder, "--visit", "first", "--time", WHEN.isoformat(), "--moment", "pre").status == 0
    )
    assert [visit.id for visit in read_case(case).visits] == ["first"]
    assert VisitStamp(id="first").id == "first"


def test_real_files_in_one_folder(data_dir: Path, case: Path) -> None:
    """The shared files are of several people: nothing may be added, and the list still says what each is."""
    said = by_source(list_folder(data_dir / "dicom"))
    assert said["dx_image.dcm"].kind.value == "film"
    assert said["ct_image.dcm"].what == "a single CT slice"
    assert said["seg.dcm"].what.startswith("SEG")
    assert any(entry.what.startswith("SR") and entry.count >= 2 for entry in said.values())
    before = everything(case)
    with pytest.raises(WrongPatient):
        add_folder(case, data_dir / "dicom")
    assert everything(case) == before
