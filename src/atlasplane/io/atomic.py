"""Output that appears whole or not at all: it is written aside, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from atlasplane.core.errors import OutputFailed

PIECE_BYTES = 1 << 20


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    OutputFailed
        When the disk is full, or the folder missing or closed; what was there before is untouched.
    """

    def fill(stream: BinaryIO) -> None:
        stream.write(content)

    _write_aside(path, fill)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with its line ends as they are, whole or not at all; raises OutputFailed."""
    write_bytes(path, text.encode("utf-8"))


def copy_file(source: Path, path: Path) -> None:
    """Copy a file's bytes, whole or not at all; raises OutputFailed."""

    def fill(stream: BinaryIO) -> None:
        with source.open("rb") as reader:
            shutil.copyfileobj(reader, stream, PIECE_BYTES)

    _write_aside(path, fill)


def write_filled(path: Path, fill: Callable[[BinaryIO], None]) -> None:
    """Write a file piece by piece, whole or not at all.

    Parameters
    ----------
    fill : callable
        Writes the content into the open file it is given; what it raises passes through, and nothing is left.

    Raises
    ------
    OutputFailed
        When the disk is full, or the folder missing or closed; what was there before is untouched.
    """
    _write_aside(path, fill)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it takes its name only when the block ends without an error.

    Parameters
    ----------
    path : Path
        Must not exist, or be an empty folder; missing parents are made.

    Raises
    ------
    OutputFailed
        When the folder holds something already, or cannot be written.
    """
    aside = path.with_name(_aside_name(path))
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise OutputFailed(
                str(path), "already exists and is not empty", "Name a new folder, or move this one away"
            )
        aside.mkdir(parents=True)
        yield aside
        if path.is_dir():
            path.rmdir()
        aside.replace(path)
    except OSError as fault:
        raise _failed(path, fault) from fault
    except OutputFailed as fault:
        # A file inside is named as the user would find it, not by the folder's temporary name.
        named = fault.file.replace(str(aside), str(path))
        raise OutputFailed(named, fault.what, fault.remedy) from fault
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write several files of which none takes its name before all are on the disk.

    Raises
    ------
    OutputFailed
        When one cannot be written; what was there before is untouched.
    """
    asides: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            asides[path] = path.with_name(_aside_name(path))
            try:
                _fill(asides[path], partial(_put, content))
            except OSError as fault:
                raise _failed(path, fault) from fault
        for path, aside in asides.items():
            try:
                aside.replace(path)
            except OSError as fault:
                raise _failed(path, fault) from fault
    finally:
        for aside in asides.values():
            aside.unlink(missing_ok=True)


def _write_aside(path: Path, fill: Callable[[BinaryIO], None]) -> None:
    aside = path.with_name(_aside_name(path))
    try:
        try:
            _fill(aside, fill)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as fault:
        check_place(path)
        raise _failed(path, fault) from fault


def check_place(path: Path) -> None:
    """Refuse a path where no file can lie; raises OutputFailed.

    What takes long is not begun before.
    """
    if path.is_dir():
        raise OutputFailed(str(path), "is a folder", "Name a file in it")
    if not path.parent.exists():
        raise OutputFailed(
            str(path), f"lies in '{path.parent}', which does not exist", "Make that folder first"
        )


def _put(content: bytes, stream: BinaryIO) -> None:
    stream.write(content)


def _fill(aside: Path, fill: Callable[[BinaryIO], object]) -> None:
    with aside.open("xb") as stream:
        fill(stream)
        stream.flush()
        os.fsync(stream.fileno())


def _aside_name(path: Path) -> str:
    return f".{path.name[:100]}.{secrets.token_hex(4)}.part"


def _failed(path: Path, fault: OSError) -> OutputFailed:
    reason = fault.strerror or type(fault).__name__
    remedy = "Check free space and the right to write there, then try again; nothing was changed"
    return OutputFailed(str(path), f"could not be written ({reason})", remedy)
