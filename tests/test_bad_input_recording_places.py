"""Files and archives that hold no recording, or hold it badly: a named error, and no step outside of them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import ezc3d
import h5py
import numpy as np
import pytest

from atlasplane.core.errors import BadFile, MissingExtra
from atlasplane.io.recording_file import read_recording
from tests.recording_files import (
    otb_description,
    otb_file,
    plux_file,
    write_tar,
)
from tests.recording_reading import codes, refused


def test_an_empty_file_a_folder_and_nothing_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    refused(path, "does not exist")
    path.write_bytes(b"")
    refused(path, "is empty")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "is a folder")


@pytest.mark.parametrize("mark", [b"PK\x03\x04", b"\x1f\x8b\x08"])
def test_packed_files_are_not_unpacked(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(mark + bytes(600))
    refused(path, "is packed")


def test_hdf5_without_channels_and_damaged_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as stored:
        stored["acc"] = np.zeros((5, 3))
        stored.create_group("more")
    refused(path, "without channels of a PLUX device")
    good = plux_file(tmp_path / "b.h5", np.arange(50), np.arange(50)).read_bytes()
    path.write_bytes(good[: len(good) // 2])
    refused(path, "damaged")


def test_an_archive_that_is_no_otb(tmp_path: Path) -> None:
    refused(write_tar(tmp_path / "a.tar", {"notes.txt": b"x"}), "archive without samples")
    refused(write_tar(tmp_path / "a.tar", {"a.sig": b"xx"}), "no description of 'a.sig'")
    refused(write_tar(tmp_path / "a.tar", {"a.sig": b"x", "b.sig": b"x"}), "2 acquisitions")


@pytest.mark.parametrize("name", ["../../etc/x.sig", "/etc/x.sig", "C:\\x.sig", "a\\..\\x.sig"])
def test_an_archive_that_names_places_outside_itself(tmp_path: Path, name: str) -> None:
    members = {name: b"xx", "x.xml": otb_description().encode()}
    refused(write_tar(tmp_path / "a.tar", members), "no file inside it")


def test_an_archive_with_a_link(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("rec.sig")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link, io.BytesIO())
    refused(path, "no file inside it")


@pytest.mark.parametrize(
    ("described", "said"),
    [
        (b"<Device", "no XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><Device/>', "declares entities"),
        (b"<Device/>", "does not describe"),
        (otb_description(bits=12).encode(), "12 bits"),
        (otb_description(n=0).encode(), "0 channels"),
        (otb_description(n=99_999).encode(), "99999 channels"),
    ],
)
def test_an_archive_whose_description_cannot_be_used(tmp_path: Path, described: bytes, said: str) -> None:
    refused(write_tar(tmp_path / "a.tar", {"rec.sig": bytes(600), "rec.xml": described}), said)


def test_an_archive_that_ends_within_a_frame_or_is_cut(tmp_path: Path) -> None:
    counts = np.arange(300).reshape(-1, 3)
    path = write_tar(tmp_path / "a.tar", {"rec.sig": bytes(603), "rec.xml": otb_description().encode()})
    recording = read_recording(path)
    assert codes(recording) == ["recording.shorter"] and recording.channels[0].n_samples == 100
    whole = otb_file(tmp_path, counts)
    kept = read_recording(whole)
    whole.write_bytes(whole.read_bytes()[:700])
    with pytest.raises(BadFile, match="cut off"):
        kept.samples.read(0, 0, 100)


def test_c3d_without_analog_channels_and_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.c3d"
    made = ezc3d.c3d()
    made["parameters"]["POINT"]["RATE"]["value"] = [100]
    made["parameters"]["POINT"]["LABELS"]["value"] = ["p"]
    made["data"]["points"] = np.ones((4, 1, 10))
    made.write(str(path))
    refused(path, "no analog channels")
    path.write_bytes(b"\x02\x50" + bytes(1024))
    refused(path, "damaged|no analog|no samples")


def test_libraries_that_are_not_installed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hdf = plux_file(tmp_path / "b.h5", np.arange(50), np.arange(50))
    c3d = tmp_path / "a.c3d"
    c3d.write_bytes(b"\x02\x50" + bytes(1024))
    for library, path in (("h5py", hdf), ("ezc3d", c3d)):
        monkeypatch.setitem(__import__("sys").modules, library, None)
        with pytest.raises(MissingExtra, match="signals"):
            read_recording(path)
