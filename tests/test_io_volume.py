"""Volumes from NIfTI files and DICOM series: LPS grid, order of the slices, and what is refused."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.io import dicom_series, nifti
from atlasplane.io.volume_file import open_volume
from tests.bad_input import dicom_files

AFFINE_RAS = np.array([[-2.0, 0, 0, 10], [0, -3.0, 0, 20], [0, 0, 4.0, 30], [0, 0, 0, 1]])
GREYS = (np.arange(60, dtype=np.int16).reshape(3, 4, 5) - 1000).astype(np.int16)


def save(
    path: Path, greys: np.ndarray = GREYS, affine: np.ndarray = AFFINE_RAS, code: int = 1, unit: str = "mm"
) -> Path:
    image = nibabel.Nifti1Image(greys, affine)
    image.header.set_xyzt_units(unit)
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_is_read_in_lps(tmp_path: Path, suffix: str) -> None:
    volume = open_volume(save(tmp_path / f"head{suffix}"))
    assert volume.shape == (3, 4, 5)
    assert np.allclose(volume.affine_lps, [[2, 0, 0, -10], [0, 3, 0, -20], [0, 0, 4, 30], [0, 0, 0, 1]])
    assert volume.hounsfield
    assert np.array_equal(volume.load_voxels(), GREYS)


def test_bytes_and_brightness_without_air_are_not_hounsfield(tmp_path: Path) -> None:
    assert not open_volume(save(tmp_path / "a.nii", GREYS.astype(np.uint8))).hounsfield
    assert not open_volume(save(tmp_path / "b.nii", GREYS + np.int16(1000))).hounsfield
    assert open_volume(save(tmp_path / "b.nii", GREYS + np.int16(1000)), hounsfield=True).hounsfield


def test_a_fourth_axis_of_one_is_dropped(tmp_path: Path) -> None:
    volume = open_volume(save(tmp_path / "a.nii", GREYS[..., None]))
    assert volume.shape == volume.load_voxels().shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"greys": GREYS[..., :1]}, "is no volume"),
        ({"greys": np.stack([GREYS, GREYS], axis=3)}, "is no volume"),
        ({"greys": GREYS.astype(np.complex64)}, "not greys"),
        ({"code": 0}, "where the patient's right is"),
        ({"unit": "meter"}, "is in meter"),
        ({"affine": np.diag([100.0, 1, 1, 1])}, "has voxels of 100 x 1 x 1 mm"),
    ],
)
def test_an_impossible_nifti_is_refused(tmp_path: Path, change: dict[str, object], what: str) -> None:
    with pytest.raises(BadFile, match=what):
        open_volume(save(tmp_path / "a.nii", **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [[[np.nan, 0, 0, 0]], [[2.0, 2.0, 0, 0], [3.0, 3.0, 0, 0]]])
def test_a_broken_grid_is_refused(tmp_path: Path, rows: list[list[float]]) -> None:
    path = save(tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[252:254] = b"\0\0"  # qform_code: the sform counts
    content[280 : 280 + 16 * len(rows)] = np.array(rows, "<f4").tobytes()
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"no number|without depth"):
        open_volume(path)


@pytest.mark.parametrize("content", [b"", b"hello" * 100, gzip.compress(b"hello" * 100, mtime=0)])
def test_what_is_no_nifti_is_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("a.nii", "a.nii.gz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadFile, match=r"not a NIfTI volume|cannot be read"):
            open_volume(tmp_path / name)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_cut_off_nifti_is_refused(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1).integers(-1000, 1000, (20, 20, 20)).astype(np.int16)
    path = save(tmp_path / f"a{suffix}", noise)
    path.write_bytes(path.read_bytes()[:6000])
    volume = open_volume(path, hounsfield=True)
    with pytest.raises(BadFile, match="cut off"):
        volume.load_voxels()


def test_greys_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    greys = GREYS.astype(np.float32)
    greys[2, 2, 2] = np.inf
    volume = open_volume(save(tmp_path / "a.nii", greys))
    with pytest.raises(BadFile, match="no numbers"):
        volume.load_voxels()


def test_a_huge_nifti_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nifti, "MAX_BYTES", 100)
    with pytest.raises(BadFile, match="larger"):
        open_volume(save(tmp_path / "a.nii"))


def test_other_formats_and_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.mha").write_bytes(b"x")
    with pytest.raises(BadInput, match="neither a NIfTI file nor a folder"):
        open_volume(tmp_path / "a.mha")
    with pytest.raises(BadInput, match="does not exist"):
        open_volume(tmp_path / "b.nii")


def series(folder: Path, places: list[float], **elements: object) -> Path:
    folder.mkdir(exist_ok=True)
    for n, z in enumerate(places):
        # File names run against the positions: only the positions count.
        dicom_files.ct_slice(folder / f"{len(places) - n:03d}.dcm", z, **elements)
    return folder


def test_a_series_is_sorted_by_position(tmp_path: Path) -> None:
    folder = series(tmp_path / "ct", [0.0, 2.0, 4.0])
    dicom_files.ct_slice(folder / "000.dcm", 6.0, RescaleIntercept=-24)
    (folder / "readme.txt").write_text("from the archive")
    volume = open_volume(folder)
    assert volume.shape == (6, 4, 4)
    assert np.allclose(volume.affine_lps, [[0.5, 0, 0, -10], [0, 0.8, 0, -20], [0, 0, 2, 0], [0, 0, 0, 1]])
    assert volume.hounsfield
    voxels = volume.load_voxels()
    assert voxels.shape == (6, 4, 4)
    assert voxels.dtype == np.int16
    assert voxels[0, 0].tolist() == [-1000, -1000, -1000, 0]
    assert voxels[1, 0].tolist() == [-24, -24, -24, 976]


@pytest.mark.parametrize(
    ("places", "what"),
    [
        ([0.0], "holds 1 DICOM images"),
        ([], "holds 0 DICOM images"),
        ([0.0, 1.0, 2.0, 5.0, 6.0], r"1 uneven steps between 5 slices \(about 2 slices missing\)"),
        ([0.0, 1.0, 1.0, 2.0], "1 slices at the place of another"),
        ([1.0, 1.0, 1.0], "2 slices at the place of another"),
    ],
)
def test_gaps_and_doubles_are_counted(tmp_path: Path, places: list[float], what: str) -> None:
    with pytest.raises(BadFile, match=what):
        open_volume(series(tmp_path / "ct", places))


@pytest.mark.parametrize(
    ("elements", "what"),
    [
        ({"SeriesInstanceUID": "9.9"}, r"holds 2 series \((1|3), (1|3) images\)"),
        ({"PixelSpacing": [0.8, 0.6]}, "images of 2 sizes or spacings"),
        (
            {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]},
            "1 of 4 images in another orientation|3 of 4 images",
        ),
        ({"PatientID": "OTHER"}, "of another patient"),
        ({"SOPClassUID": dicom_files.CR, "Modality": "CR"}, "not a single CT slice"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "impossible position or orientation"),
        ({"ImagePositionPatient": None}, "header that cannot be used"),
    ],
)
def test_mixed_series_are_refused(tmp_path: Path, elements: dict[str, object], what: str) -> None:
    folder = series(tmp_path / "ct", [0.0, 1.0, 2.0])
    dicom_files.ct_slice(folder / "odd.dcm", 3.0, **elements)
    with pytest.raises(BadFile, match=what):
        open_volume(folder)


def test_a_broken_slice_is_refused_when_it_is_read(tmp_path: Path) -> None:
    folder = series(tmp_path / "ct", [0.0, 1.0, 2.0])
    volume = open_volume(folder)
    dicom_files.ct_slice(folder / "001.dcm", 2.0, Rows=400)
    with pytest.raises(BadFile, match="cannot be decoded"):
        volume.load_voxels()


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(dicom_series, "_is_marked", refuse)
    with pytest.raises(BadInput, match="Permission denied"):
        open_volume(series(tmp_path / "ct", [0.0, 1.0]))


@pytest.mark.parametrize(
    ("file", "shape", "hounsfield"),
    [
        ("visible_human_male_head.nii.gz", (128, 256, 256), False),
        ("headsq_quarter.nii.gz", (64, 64, 93), True),
        ("openkbp_pt160.nii.gz", (128, 128, 128), True),
    ],
)
def test_real_volumes_are_read(
    data_dir: Path, file: str, shape: tuple[int, int, int], hounsfield: bool
) -> None:
    volume = open_volume(data_dir / "ct" / file)
    assert (volume.shape, volume.hounsfield) == (shape, hounsfield)
    # All of them run L, P, S along their axes.
    assert np.all(np.diag(volume.affine_lps) > 0)
    assert volume.load_voxels().shape == shape


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_much_before_the_greys_is_refused_unread(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"head{suffix}")
    packed = suffix.endswith(".gz")
    content = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    content[108:112] = np.float32(2.0**31).tobytes()  # vox_offset
    path.write_bytes(gzip.compress(bytes(content)) if packed else bytes(content))
    with pytest.raises(BadFile, match="holds 2048 MB before its greys"):
        open_volume(path)


def test_a_slice_in_colour_or_of_impossible_size_is_refused(tmp_path: Path) -> None:
    wrong = ({"SamplesPerPixel": 3}, {"Rows": 60000, "Columns": 60000}, {"Rows": 0})
    for n, elements in enumerate(wrong):
        folder = tmp_path / str(n)
        folder.mkdir()
        for z in range(3):
            dicom_files.ct_slice(folder / f"{z}.dcm", float(z), **elements)
        with pytest.raises(BadFile) as failed:
            open_volume(folder)
        assert failed.value.remedy


def test_compressed_slices_are_the_same_volume(tmp_path: Path) -> None:
    """Run lengths by hand: a segment of high bytes and one of low bytes, each a run for a row of one grey."""
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    for folder in (plain, packed):
        folder.mkdir()
    for z in range(3):
        grey = np.full((4, 6), 500 + z, np.uint16)
        runs = bytes([257 - 24])
        high, low = runs + bytes([(500 + z) >> 8]), runs + bytes([(500 + z) & 255])
        head = struct.pack("<16L", 2, 64, 66, *[0] * 13)
        elements = {**dicom_files.slice_elements(float(z))}
        dicom_files.film(plain / f"{z}.dcm", grey, **elements)
        dicom_files.packed(packed / f"{z}.dcm", head + high + low, "1.2.840.10008.1.2.5", grey, **elements)
    first, second = open_volume(plain), open_volume(packed)
    assert np.array_equal(first.load_voxels(), second.load_voxels())
    assert second.load_voxels()[0, 0].tolist() == [500 - 1024, 501 - 1024, 502 - 1024]
