"""Hostile and mistaken images given to the command line: refused by name, in bounded memory and time."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.bad_input import dicom_files, picture_files
from tests.cli_cases import Run, everything, runner

NASIUM = ("--view", "nasium", "--patient-right", "image_left", "--time", "2026-03-02T09:10:00+01:00")
GREY = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30)
JPEG, JPEG_2000, RLE = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture
def case(go: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    assert go("new", folder, "--pseudonym", "P-1").status == 0
    return folder


def refused(go: Run, case: Path, film: Path, what: str) -> None:
    before = everything(case)
    outcome = go("add", case, film, *NASIUM, "--json")
    assert outcome.status == 2, outcome.err
    error = outcome.document
    assert film.name in error["file"]
    assert what in error["what"], error
    assert len(error["remedy"]) > 5
    assert everything(case) == before


def encoded(grey: np.ndarray, kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, kind)
    return stream.getvalue()


def polyglot(path: Path) -> Path:
    content = dicom_files.film(path).read_bytes()
    path.write_bytes(b"MZ" + content[2:])
    return path


def archive(path: Path) -> Path:
    inner = dicom_files.film(path.with_name("inner.dcm"))
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.write(inner, "film.dcm")
    return path


def cut_off(path: Path) -> Path:
    path.write_bytes(dicom_files.film(path).read_bytes()[:-500])
    return path


def as_implicit(path: Path) -> Path:
    return dicom_files.relabelled(dicom_files.film(path), "1.2.840.10008.1.2")


def as_jpeg(path: Path) -> Path:
    return dicom_files.relabelled(dicom_files.film(path), JPEG)


def as_native(path: Path) -> Path:
    packed = dicom_files.packed(path, encoded(GREY, "JPEG"), JPEG, GREY)
    return dicom_files.relabelled(packed, dicom_files.EXPLICIT)


def jpeg_as_jpeg_2000(path: Path) -> Path:
    return dicom_files.packed(path, encoded(GREY, "JPEG"), JPEG_2000, GREY)


def larger_inside(path: Path) -> Path:
    """The header says 30 x 20 pixels; the image inside says 6000 x 6000."""
    return dicom_files.packed(path, encoded(np.zeros((6000, 6000), np.uint8), "JPEG2000"), JPEG_2000, GREY)


def broken_jpeg(path: Path) -> Path:
    content = bytearray(encoded(GREY, "JPEG"))
    content[300:] = b"\xff\xda" * ((len(content) - 300) // 2)
    return dicom_files.packed(path, bytes(content), JPEG, GREY)


def run_lengths_of_nothing(path: Path) -> Path:
    return dicom_files.packed(path, b"\1" + b"\0" * 3 + b"\x40" + b"\0" * 59 + b"\x81\0", RLE, GREY)


def many_frames(path: Path) -> Path:
    return dicom_files.film(path, NumberOfFrames=1_000_000)


def many_elements(path: Path) -> Path:
    return dicom_files.with_elements(dicom_files.film(path), 250_000)


def huge_tiff(path: Path) -> Path:
    return picture_files.tiff(path, 65_000, 60_000, compression=5, strip=b"\x80\x00" * 20)


DICOM: dict[str, tuple[Callable[[Path], Path], str]] = {
    "300 kB that inflate to 256 MB": (lambda path: dicom_files.deflate_bomb(path, 256), "inflates from"),
    "400 sequences in each other": (lambda path: dicom_files.nested(path, 400), "more than 16 deep"),
    "65535 x 20000 pixels": (dicom_files.huge, "65535 x 20000 pixels"),
    "65535 x 20000 pixels, packed": (lambda path: dicom_files.huge(path, RLE), ""),
    "explicit, called implicit": (as_implicit, "its header says"),
    "uncompressed, called JPEG": (as_jpeg, "its header says"),
    "JPEG, called uncompressed": (as_native, "its header says"),
    "JPEG, called JPEG 2000": (jpeg_as_jpeg_2000, "its header says"),
    "a larger image inside": (larger_inside, "its compressed image"),
    "cut off": (cut_off, "cut off"),
    "a program in front": (polyglot, "program or document"),
    "a million frames": (many_frames, "1000000 frames"),
    "a quarter of a million elements": (many_elements, "more than 200000 elements"),
    "a CT slice": (lambda path: dicom_files.ct_slice(path, 0.0), "is a CT image, not a film"),
}


@pytest.mark.parametrize("kind", sorted(DICOM))
def test_a_hostile_or_mistaken_dicom_file(go: Run, case: Path, tmp_path: Path, kind: str) -> None:
    make, what = DICOM[kind]
    refused(go, case, make(tmp_path / "film.dcm"), what)


@pytest.mark.parametrize("make", [broken_jpeg, run_lengths_of_nothing])
def test_pixels_that_cannot_be_decoded_are_found_when_the_film_is_added(
    go: Run, case: Path, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    film = make(tmp_path / "film.dcm")
    refused(go, case, film, "cannot be decoded")


PICTURES: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "a ZIP of a film": ("film.zip", archive, "is a ZIP archive"),
    "a ZIP under another name": ("film.dcm", archive, "is a ZIP archive"),
    "4 GB of TIFF in 40 bytes": ("film.tif", huge_tiff, "pixels"),
    "a PNG of 3.9 gigapixels": (
        "film.png",
        lambda path: picture_files.png(path, 65_000, 60_000, zlib.compress(b"\0")),
        "pixels",
    ),
    "a PNG of one row of 100 million": (
        "film.png",
        lambda path: picture_files.png(path, 100_000_000, 1, zlib.compress(b"\0")),
        "pixels",
    ),
}


@pytest.mark.parametrize("kind", sorted(PICTURES))
def test_a_hostile_or_mistaken_picture(go: Run, case: Path, tmp_path: Path, kind: str) -> None:
    file, make, what = PICTURES[kind]
    refused(go, case, make(tmp_path / file), what)


HIGH_WATER = """
import sys
from pathlib import Path
from atlasplane.cli import run
status = run(sys.argv[1:])
lines = Path("/proc/self/status").read_text().splitlines()
print(*[line for line in lines if "VmHWM" in line], file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system does not tell a process's memory"
)
@pytest.mark.parametrize(
    ("file", "make", "status"),
    [
        ("film.dcm", lambda path: dicom_files.deflate_bomb(path, 300), 2),
        ("film.dcm", lambda path: dicom_files.nested(path, 400), 2),
        ("film.dcm", dicom_files.huge, 2),
        ("film.png", picture_files.inflating_png, 0),
        ("film.png", picture_files.talking_png, 2),
    ],
)
def test_memory_stays_bounded(
    case: Path, tmp_path: Path, file: str, make: Callable[[Path], Path], status: int
) -> None:
    """At its highest the whole program stays below the smallest bomb; the decoding process has its own limit.

    The program uses about 110 MB without any film; under its cap a deflated file of 300 kB adds twice 60.
    A picture whose data go on behind its last row is a picture: what is beyond is never inflated.
    """
    film = make(tmp_path / file)
    assert film.stat().st_size < 400_000
    ended = subprocess.run(
        [sys.executable, "-c", HIGH_WATER, "add", str(case), str(film), *NASIUM, "--json"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ended.returncode == status, ended.stderr
    kilobytes = int(ended.stderr.rsplit("VmHWM:", 1)[1].split()[0])
    assert kilobytes < 256 * 1024
