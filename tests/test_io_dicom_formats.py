"""Every grey test file of the DICOM library, dressed as a film: read as another decoder reads it, or refused.

The oracles: the stored bytes for uncompressed files, the uncompressed original of the same image for lossless
ones, Pillow's codec for JPEG 2000, and a byte decoder of this file for RLE.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.errors import InvalidDicomError

from atlasplane.core.errors import AtlasplaneError, BadFile, BadInput
from atlasplane.io.film_file import open_film
from atlasplane.sources.film import PixelArray
from tests.bad_input import dicom_files


def wheel_file(name: str) -> Path:
    found = get_testdata_file(name, download=False)
    assert isinstance(found, str), f"{name} is not in the DICOM library's wheel"
    return Path(found)


def header_of(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dcmread(path)


def dressed(name: str, folder: Path) -> Path:
    """The file under the SOP class of a film, with its scaling taken off; everything else as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = dcmread(wheel_file(name))
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = dicom_files.CR
        for keyword in ("RescaleSlope", "RescaleIntercept", "PixelPaddingValue"):
            header.pop(keyword, None)
        header.save_as(folder / "film.dcm")
    return folder / "film.dcm"


def pixels_of(path: Path, frame: int | None = None) -> PixelArray:
    return open_film(path, frame=frame).load_pixels()


# ---- oracles ----


def stored_bytes(name: str) -> np.ndarray:
    """Values of an uncompressed file, straight from its bytes."""
    header = header_of(wheel_file(name))
    order = ">" if str(header.file_meta.TransferSyntaxUID) == "1.2.840.10008.1.2.2" else "<"
    kind = "i" if header.PixelRepresentation else "u"
    dtype = f"{order}{kind}{header.BitsAllocated // 8}"
    count = header.Rows * header.Columns
    return np.frombuffer(header.PixelData, dtype, count).reshape(header.Rows, header.Columns)


def by_pillow(name: str) -> np.ndarray:
    header = header_of(wheel_file(name))
    frame = next(generate_frames(header.PixelData, number_of_frames=1))
    decoded = np.asarray(Image.open(io.BytesIO(frame))).astype(np.int64)
    # Pillow fills 16 bits from the top, by the codestream's precision, and moves signed values above zero.
    precision = (frame[frame.index(b"\xff\x4f\xff\x51") + 42] & 0x7F) + 1
    return (decoded >> (16 - precision)) - (1 << (precision - 1))


def by_run_lengths(name: str) -> np.ndarray:
    """RLE: one segment a byte of the value, most significant first, each in runs (PS3.5 G)."""
    header = header_of(wheel_file(name))
    frame = next(generate_frames(header.PixelData, number_of_frames=1))
    n, *starts = struct.unpack_from("<16L", frame)
    ends = [*starts[1:n], len(frame)]
    planes = [run_lengths(frame[start:end]) for start, end in zip(starts[:n], ends, strict=True)]
    count = header.Rows * header.Columns
    value = np.zeros(count, np.int64)
    for plane in planes:
        value = value * 256 + np.frombuffer(plane, np.uint8, count)
    if header.PixelRepresentation == 1:
        half = 1 << (8 * n - 1)
        value = np.where(value >= half, value - 2 * half, value)
    return value.reshape(header.Rows, header.Columns)


def run_lengths(packed: bytes) -> bytes:
    out, at = bytearray(), 0
    while at < len(packed):
        n = packed[at]
        at += 1
        if n < 128:
            out += packed[at : at + n + 1]
            at += n + 1
        elif n > 128:
            out += packed[at : at + 1] * (257 - n)
            at += 1
    return bytes(out)


def original(name: str) -> Callable[[str], np.ndarray]:
    """The uncompressed file of the same image."""
    return lambda _name: stored_bytes(name)


READ: dict[str, Callable[[str], np.ndarray]] = {
    **dict.fromkeys(
        [
            "CT_small.dcm",
            "MR_small.dcm",
            "MR_small_bigendian.dcm",
            "MR_small_expb.dcm",
            "MR_small_implicit.dcm",
            "MR_small_padded.dcm",
            "rtdose_1frame.dcm",
            "rtdose_expb_1frame.dcm",
        ],
        stored_bytes,
    ),
    **dict.fromkeys(
        [
            "MR_small_bigendian.dcm",
            "MR_small_expb.dcm",
            "MR_small_implicit.dcm",
            "MR_small_jp2klossless.dcm",
            "MR_small_jpeg_ls_lossless.dcm",
            "MR_small_padded.dcm",
            "MR_small_RLE.dcm",
        ],
        original("MR_small.dcm"),
    ),
    "rtdose_rle_1frame.dcm": by_run_lengths,
    "693_J2KI.dcm": by_pillow,
    "JPEG2000.dcm": by_pillow,
}


@pytest.mark.parametrize("name", sorted(READ))
def test_a_grey_file_is_read_as_an_independent_decoding_reads_it(tmp_path: Path, name: str) -> None:
    expected = READ[name](name)
    found = pixels_of(dressed(name, tmp_path))
    assert found.dtype.isnative
    assert np.array_equal(found.astype(np.int64), expected.astype(np.int64))


def test_overlay_bits_beside_the_stored_ones_are_no_grey(tmp_path: Path) -> None:
    """12 bits stored in 16: what stands in the other four is not the image's."""
    found = pixels_of(dressed("examples_overlay.dcm", tmp_path))
    assert np.array_equal(found, stored_bytes("examples_overlay.dcm") & 0x0FFF)


def test_run_lengths_of_the_oracle_agree_with_the_original() -> None:
    assert np.array_equal(by_run_lengths("MR_small_RLE.dcm"), stored_bytes("MR_small.dcm"))


@pytest.mark.parametrize("name", ["JPGExtended.dcm", "JPEG-lossy.dcm"])
def test_jpeg_of_twelve_bits_is_read(tmp_path: Path, name: str) -> None:
    """Two lossy copies of one image, as JPEG and as JPEG 2000: alike but for the loss.

    The value 244 at row 420, column 140 was read off in a viewer by the file's makers.
    """
    found = pixels_of(dressed(name, tmp_path))
    other = pixels_of(dressed("JPEG2000.dcm", tmp_path))
    assert found[420, 140] == 244
    assert np.corrcoef(found.ravel(), other.ravel())[0, 1] > 0.95
    assert abs(float(found.mean()) - float(other.mean())) < 1.0


@pytest.mark.parametrize(
    ("name", "bits"), [("JPEGLSNearLossless_08.dcm", 8), ("JPEGLSNearLossless_16.dcm", 16)]
)
def test_near_lossless_jpeg_ls_spans_its_ramp(tmp_path: Path, name: str, bits: int) -> None:
    """The file's makers stored ten equal columns: every row is one grey, from nothing to all bits."""
    found = pixels_of(dressed(name, tmp_path)).astype(int)
    assert np.all(found == found[:, :1])
    assert (found.min(), found.max()) == (0, (1 << bits) - 1)


REFUSED = {
    "MR_truncated.dcm": "cut off: 8130 of 8192",
    "JPEG2000-embedded-sequence-delimiter.dcm": "its compressed image",
    "rtdose.dcm": "holds 15 frames",
    "rtdose_rle.dcm": "holds 15 frames",
    "badVR.dcm": "header that cannot be read",
    "examples_palette.dcm": "colour table",
    "liver_1frame.dcm": "impossible image",
    "liver_expb_1frame.dcm": "impossible image",
    "test-SR.dcm": "holds no image",
    "rtplan.dcm": "holds no image",
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_a_film_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadFile, match=REFUSED[name]) as failed:
        pixels_of(dressed(name, tmp_path))
    assert failed.value.file.endswith("film.dcm") and failed.value.remedy


def all_files() -> list[str]:
    root = wheel_file("CT_small.dcm").parent
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_every_file_of_the_wheel_is_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    root, read = wheel_file("CT_small.dcm").parent, 0
    for file in all_files():
        if "TINY_ALPHA" in file and not file.endswith("IM000000"):
            continue  # fifty alike
        path = root / file
        with suppress(
            InvalidDicomError, AttributeError, TypeError, ValueError, KeyError, NotImplementedError
        ):
            path = dressed_path(path, tmp_path)  # what the library cannot write again is given as it is
        try:
            grey = pixels_of(path)
        except AtlasplaneError as refused:
            assert refused.file and refused.what and refused.remedy
        else:
            read += 1
            assert grey.ndim == 2 and grey.dtype.isnative
    assert read > 60


def dressed_path(path: Path, folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = dcmread(path)
        header.SOPClassUID = dicom_files.CR
        header.file_meta.MediaStorageSOPClassUID = dicom_files.CR
        header.save_as(folder / "film.dcm")
    return folder / "film.dcm"


# ---- frames ----


@cache
def three_frames() -> np.ndarray:
    return np.stack([np.full((20, 30), 7 * n, np.uint16) for n in (1, 2, 3)])


def frames_file(path: Path) -> Path:
    frames = three_frames()
    return dicom_files.film(
        path,
        frames[0],
        SOPClassUID="1.2.840.10008.5.1.4.1.1.12.2",
        Modality="RF",
        NumberOfFrames=3,
        PixelData=frames.tobytes(),
    )


def test_the_frame_of_a_fluoroscopy_is_chosen_by_a_person(tmp_path: Path) -> None:
    path = frames_file(tmp_path / "film.dcm")
    for frame in (1, 2, 3):
        film = open_film(path, frame=frame)
        assert film.frames == 3
        assert np.all(film.load_pixels() == 7 * frame)
    with pytest.raises(BadFile, match="holds 3 frames") as failed:
        open_film(path)
    assert "--frame" in failed.value.remedy
    with pytest.raises(BadInput, match="has no frame 4"):
        open_film(path, frame=4)


def test_one_frame_of_a_compressed_file(tmp_path: Path) -> None:
    path = dressed("rtdose_rle.dcm", tmp_path)
    whole = header_of(wheel_file("rtdose.dcm"))
    expected = np.frombuffer(whole.PixelData, "<u4").reshape(15, 10, 10)
    for frame in (1, 9, 15):
        assert np.array_equal(pixels_of(path, frame), expected[frame - 1])


def test_a_picture_has_one_frame(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(tmp_path / "film.png")
    assert open_film(tmp_path / "film.png", frame=1).frames == 1
    with pytest.raises(BadInput, match="has no frame 2"):
        open_film(tmp_path / "film.png", frame=2)


# ---- padding, bits, planes ----

RAMP = np.arange(600, dtype=np.uint16).reshape(20, 30)


@pytest.mark.parametrize(
    ("elements", "padded"),
    [
        ({"PixelPaddingValue": 0}, RAMP == 0),
        ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 9}, RAMP <= 9),
        ({"PixelPaddingValue": 599, "PixelPaddingRangeLimit": 590}, RAMP >= 590),
        ({"PixelPaddingValue": 4000}, RAMP < 0),
    ],
)
@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_as_dark_as_the_darkest_film(
    tmp_path: Path, elements: dict[str, object], padded: np.ndarray, polarity: str
) -> None:
    path = dicom_files.film(tmp_path / "film.dcm", RAMP, PhotometricInterpretation=polarity, **elements)
    expected = 65535 - RAMP if polarity == "MONOCHROME1" else RAMP.copy()
    expected[padded] = expected[~padded].min()
    found = pixels_of(path)
    assert found.dtype == np.uint16
    assert np.array_equal(found, expected)


def test_nothing_but_padding_is_no_film(tmp_path: Path) -> None:
    path = dicom_files.film(tmp_path / "film.dcm", np.zeros((20, 30), np.uint16), PixelPaddingValue=0)
    with pytest.raises(BadFile, match="nothing but padding"):
        pixels_of(path)


def test_padding_of_a_signed_film_written_without_its_sign(tmp_path: Path) -> None:
    grey = RAMP.astype(np.int16) - 300
    grey[0] = -2000
    path = dicom_files.film(tmp_path / "film.dcm", grey, PixelPaddingValue=-2000)
    content = path.read_bytes()
    head, other = (struct.pack("<HH2s", 0x0028, 0x0120, vr) for vr in (b"SS", b"US"))
    assert content.count(head) == 1
    path.write_bytes(content.replace(head, other))  # the same bits, read as 63536
    found = pixels_of(path)
    assert np.all(found[0] == grey[1:].min())
    assert np.array_equal(found[1:], grey[1:])


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_stored_bits_of_any_number(tmp_path: Path, bits: int, signed: bool) -> None:
    low = -(1 << (bits - 1)) if signed else 0
    grey = (
        np.linspace(low, low + (1 << bits) - 1, 600).reshape(20, 30).astype(np.int16 if signed else np.uint16)
    )
    elements = {"BitsStored": bits, "HighBit": bits - 1}
    plain = dicom_files.film(tmp_path / "a.dcm", grey, **elements)
    assert np.array_equal(pixels_of(plain), grey)
    turned = dicom_files.film(tmp_path / "b.dcm", grey, PhotometricInterpretation="MONOCHROME1", **elements)
    # the lowest value becomes the highest that the bits can hold
    assert np.array_equal(pixels_of(turned).astype(int), 2 * low + (1 << bits) - 1 - grey.astype(int))


def test_planes_and_pixels_of_colour_are_one_film(tmp_path: Path) -> None:
    colour = np.random.default_rng(3).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    secondary = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "Modality": "OT"}
    by_pixel = open_film(dicom_files.film(tmp_path / "a.dcm", colour, **secondary))
    planes = np.moveaxis(colour, 2, 0).tobytes()
    by_plane = open_film(
        dicom_files.film(tmp_path / "b.dcm", colour, PlanarConfiguration=1, PixelData=planes, **secondary)
    )
    weights = np.array([0.299, 0.587, 0.114])
    assert np.array_equal(by_pixel.load_pixels(), np.rint(colour @ weights))
    assert np.array_equal(by_plane.load_pixels(), by_pixel.load_pixels())
    assert by_pixel.stated is not None
    assert [remark.code for remark in by_pixel.stated.remarks] == ["film.colour"]


def test_a_modality_table_is_applied(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [600, 0, 16], [2 * n + 5 for n in range(600)]
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    table.ModalityLUTType = "US"
    path = dicom_files.film(tmp_path / "film.dcm", RAMP, ModalityLUTSequence=[table])
    assert np.array_equal(pixels_of(path), 2 * RAMP.astype(int) + 5)
