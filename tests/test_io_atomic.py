"""Output appears whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from atlasplane.core.errors import BadInput, OutputFailed
from atlasplane.io import atomic
from atlasplane.io.digest import sha256_of, sha256_of_folder


def no_space(*_arguments: object, **_named: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_text_arrives_as_it_is(tmp_path: Path) -> None:
    atomic.write_text(tmp_path / "a.txt", "µ\nline")
    assert (tmp_path / "a.txt").read_bytes() == "µ\nline".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("broken", ["replace", "fsync"])
def test_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    target = tmp_path / "report.html"
    atomic.write_text(target, "old")
    monkeypatch.setattr(*((Path, "replace") if broken == "replace" else (os, "fsync")), no_space)
    with pytest.raises(OutputFailed, match=r"report\.html: could not be written \(No space left") as failed:
        atomic.write_text(target, "new")
    assert "free space" in failed.value.remedy
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match=r"nowhere', which does not exist") as failed:
        atomic.write_bytes(tmp_path / "nowhere" / "a", b"x")
    assert failed.value.remedy == "Make that folder first"


def test_a_folder_in_place_of_a_file_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match="is a folder") as failed:
        atomic.write_bytes(tmp_path, b"x")
    assert failed.value.remedy == "Name a file in it" and not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_write_that_the_device_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def full(self: Path, mode: str = "r", **named: object) -> object:
        return opened(Path("/dev/full"), "wb", **named) if mode == "xb" else opened(self, mode, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OutputFailed, match="No space left"):
        atomic.write_text(tmp_path / "a", "x" * 100_000)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_copy_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed):
        atomic.copy_file(tmp_path / "missing", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_folder_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "case"
    with atomic.whole_folder(target) as aside:
        (aside / "a").write_text("x")
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["a"]
    assert len(list(target.parent.iterdir())) == 1


def test_folder_of_a_failed_block_does_not_appear(tmp_path: Path) -> None:
    def failing() -> None:
        with atomic.whole_folder(tmp_path / "case") as aside:
            (aside / "a").write_text("x")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        failing()
    assert list(tmp_path.iterdir()) == []


def test_folder_fills_an_empty_one_and_refuses_a_full_one(tmp_path: Path) -> None:
    target = tmp_path / "case"
    target.mkdir()
    with atomic.whole_folder(target) as aside:
        (aside / "a").write_text("x")
    with pytest.raises(OutputFailed, match="not empty"), atomic.whole_folder(target):
        pass
    assert (target / "a").exists()


def test_full_disk_while_a_folder_is_filled(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match="No space"), atomic.whole_folder(tmp_path / "case"):
        no_space()
    assert list(tmp_path.iterdir()) == []


def test_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_digest_of_a_folder_sees_names_and_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder, name in ((first, "a"), (second, "b")):
        folder.mkdir()
        (folder / name).write_bytes(b"abc")
    assert sha256_of_folder(first) != sha256_of_folder(second)
    (second / "b").rename(second / "a")
    assert sha256_of_folder(first) == sha256_of_folder(second)


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (FileNotFoundError(errno.ENOENT, "gone"), "does not exist"),
        (IsADirectoryError(errno.EISDIR, "Is a directory"), "not what it should be"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ],
)
def test_unreadable_file_names_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: OSError, what: str
) -> None:
    def refuse(*_a: object, **_n: object) -> None:
        raise fault

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(BadInput, match=what):
        sha256_of(tmp_path / "a")


def test_files_written_together_appear_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "a.html", tmp_path / "b.pdf"
    first.write_bytes(b"old")

    def full(aside: Path, fill: object) -> None:
        if aside.name.startswith(".b.pdf"):
            raise OSError(28, "No space left on device")
        aside.write_bytes(b"new")

    monkeypatch.setattr(atomic, "_fill", full)
    with pytest.raises(OutputFailed) as caught:
        atomic.write_together({first: b"new", second: b"new"})
    assert caught.value.file == str(second)
    assert first.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]
    monkeypatch.undo()
    atomic.write_together({first: b"1", second: b"2"})
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")


def test_a_fault_inside_a_folder_names_the_folder_that_was_asked_for(tmp_path: Path) -> None:
    wanted = tmp_path / "out"
    with pytest.raises(OutputFailed) as caught, atomic.whole_folder(wanted) as aside:
        atomic.write_bytes(aside / "missing" / "film.png", b"x")
    assert caught.value.file == str(wanted / "missing" / "film.png")
    assert not wanted.exists()
