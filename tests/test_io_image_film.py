"""Films as PNG, TIFF and JPEG: grey as stored, and refused where damaged, huge or something else."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.io import image_film
from atlasplane.io.film_file import open_film

GREY8 = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
GREY16 = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000


def png_claiming(path: Path, columns: int, rows: int) -> Path:
    """A PNG of a few bytes that says it is large."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


@pytest.mark.parametrize("grey", [GREY8, GREY16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_grey_is_read_as_stored(tmp_path: Path, grey: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"film{suffix}"
    Image.fromarray(grey).save(path)
    film = open_film(path)
    assert (film.shape, film.suffix, film.stated) == ((3, 4), suffix, None)
    pixels = film.load_pixels()
    assert pixels.dtype == grey.dtype
    assert np.array_equal(pixels, grey)


def test_jpeg_is_read(tmp_path: Path) -> None:
    Image.fromarray(np.full((16, 24), 100, np.uint8)).save(tmp_path / "film.jpg")
    film = open_film(tmp_path / "film.jpg")
    assert (film.shape, film.suffix) == ((16, 24), ".jpg")
    assert np.allclose(film.load_pixels(), 100, atol=2)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "CMYK"])
def test_every_kind_of_colour_becomes_grey(tmp_path: Path, mode: str) -> None:
    suffix = ".tif" if mode == "CMYK" else ".png"
    Image.new("RGB", (4, 3), (255, 255, 255)).convert(mode).save(tmp_path / f"film{suffix}")
    pixels = open_film(tmp_path / f"film{suffix}").load_pixels()
    assert pixels.shape == (3, 4)
    assert np.all(pixels == 255)


def test_luminance_weighs_green_most(tmp_path: Path) -> None:
    colours = np.zeros((1, 3, 3), np.uint8)
    colours[0, 0, 0] = colours[0, 1, 1] = colours[0, 2, 2] = 200
    Image.fromarray(colours).save(tmp_path / "film.png")
    assert open_film(tmp_path / "film.png").load_pixels().tolist() == [[60, 117, 23]]


@pytest.mark.parametrize("grey", [GREY8, GREY16])
def test_tiff_whose_zero_is_white_is_turned_round(tmp_path: Path, grey: np.ndarray) -> None:
    path = tmp_path / "film.tif"
    Image.fromarray(grey).save(path)
    content = bytearray(path.read_bytes())
    entry = content.index(struct.pack("<HHIH", 262, 3, 1, 1))
    content[entry + 8] = 0
    path.write_bytes(content)
    assert np.array_equal(open_film(path).load_pixels(), np.iinfo(grey.dtype).max - grey)


def test_a_stated_resolution_is_no_scale(tmp_path: Path) -> None:
    Image.fromarray(GREY8).save(tmp_path / "film.png", dpi=(300, 300))
    assert open_film(tmp_path / "film.png").stated is None


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_display_orientation_is_not_applied_but_told(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY8).save(tmp_path / f"film{suffix}", exif=exif)
    film = open_film(tmp_path / f"film{suffix}")
    assert film.load_pixels().shape == (3, 4)
    (remark,) = film.remarks
    assert (remark.code, remark.value) == ("film.exif_orientation", 6)


def test_a_damaged_display_orientation_counts_as_none(tmp_path: Path) -> None:
    for n, exif in enumerate((b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff")):
        Image.fromarray(GREY8).save(tmp_path / f"{n}.jpg", exif=exif)
        film = open_film(tmp_path / f"{n}.jpg")
        assert film.remarks == () and film.load_pixels().shape == (3, 4)
    tags = Image.Exif()
    tags[0x0112] = 99
    Image.fromarray(GREY8).save(tmp_path / "x.png", exif=tags)
    assert open_film(tmp_path / "x.png").remarks == ()


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04", "ZIP archive"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"7z\xbc\xaf", "7z archive"),
        (b"Rar!", "RAR"),
        (b"%PDF-1.7", "PDF document"),
    ],
)
def test_an_archive_or_document_is_called_by_its_name(tmp_path: Path, head: bytes, what: str) -> None:
    (tmp_path / "film.png").write_bytes(head + b"\0" * 300)
    with pytest.raises(BadFile, match=what) as failed:
        open_film(tmp_path / "film.png")
    assert failed.value.remedy


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_cut_off_image_is_refused_before_it_is_decoded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film{suffix}"
    noise = np.random.default_rng(1).integers(0, 255, (64, 64)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(BadFile) as failed:
        open_film(path)
    assert "cut off" in failed.value.what or "is not a" in failed.value.what
    assert failed.value.remedy


def test_damaged_pixels_are_refused_when_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64)).astype(np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    content[60:200] = b"\0" * 140
    path.write_bytes(content)
    film = open_film(path)
    with pytest.raises(BadFile, match="cannot be decoded"):
        film.load_pixels()


@pytest.mark.parametrize(("columns", "rows"), [(20_000, 10_000), (100_000, 100_000)])
def test_too_many_pixels_are_refused_before_they_are_made(tmp_path: Path, columns: int, rows: int) -> None:
    with pytest.raises(BadFile, match="pixels"):
        open_film(png_claiming(tmp_path / "film.png", columns, rows))


def test_an_image_between_the_limits_of_library_and_house_is_opened(tmp_path: Path) -> None:
    assert open_film(png_claiming(tmp_path / "film.png", 10_000, 10_000)).shape == (10_000, 10_000)


def test_too_many_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_film, "MAX_BYTES", 10)
    Image.fromarray(GREY8).save(tmp_path / "film.png")
    with pytest.raises(BadFile, match="larger"):
        open_film(tmp_path / "film.png")


def test_several_pages_are_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY8), Image.fromarray(GREY8)]
    pages[0].save(tmp_path / "film.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(BadFile, match="2 pages"):
        open_film(tmp_path / "film.tif")


def test_greys_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    grey = np.ones((3, 4), np.float32)
    grey[1, 1] = np.nan
    Image.fromarray(grey).save(tmp_path / "film.tif")
    with pytest.raises(BadFile, match="no numbers"):
        open_film(tmp_path / "film.tif").load_pixels()


@pytest.mark.parametrize("content", [b"", b"hello", b"<svg/>", b"GIF89a" + b"\0" * 50, b"\x89PNG\r\n\x1a\n"])
def test_another_format_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "film.png").write_bytes(content)
    with pytest.raises(BadFile, match="not a PNG, TIFF or JPEG"):
        open_film(tmp_path / "film.png")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        open_film(tmp_path / "film.png")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(GREY8).save(tmp_path / "film.png")

    def refuse(*_a: object, **_n: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("PIL.Image.open", refuse)
    with pytest.raises(BadInput, match="Permission denied"):
        open_film(tmp_path / "film.png")
