"""Digests that tie landmarks to the very file they were placed on."""

from __future__ import annotations

import hashlib
from pathlib import Path

from atlasplane.core.errors import BadFile, BadInput


def sha256_of(path: Path, *, name: str | None = None) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; read piece by piece.

    Raises
    ------
    BadInput
        When the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as fault:
        raise unreadable(name or path.as_posix(), fault) from fault


def sha256_of_folder(folder: Path, *, name: str | None = None) -> str:
    """SHA-256 over the sorted names and digests of a folder's files: what stands for a DICOM series."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as fault:
        raise unreadable(name or folder.as_posix(), fault) from fault
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}\0{sha256_of(path)}\n".encode())
    return total.hexdigest()


def unreadable(name: str, fault: OSError) -> BadInput:
    """The error for a file or folder that the system does not let us read."""
    if isinstance(fault, FileNotFoundError):
        return BadInput(name, "does not exist", "Check the name, or put the file there")
    reason = fault.strerror or type(fault).__name__
    if isinstance(fault, PermissionError):
        return BadInput(name, f"cannot be read ({reason})", "Give your account the right to read it")
    if isinstance(fault, IsADirectoryError | NotADirectoryError):
        return BadInput(
            name, f"is not what it should be ({reason})", "Check whether a file or a folder is meant"
        )
    return BadFile(name, f"cannot be read ({reason})", "Check the disk or the connection, then try again")
