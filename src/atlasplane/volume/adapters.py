"""Segmentation programs of others, run where a person has installed them: command, labels, limits.

They are never imported and no dependency. What they find is a proposal like any other, and goes through the
same shape check: neighbouring vertebrae are known to be taken for each other in their output.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryFile
from types import MappingProxyType
from typing import IO, Any

from atlasplane.core.errors import BadInput

SEGMENTERS_SCHEMA = "atlasplane.segmenters/1"
_TAIL_BYTES = 4096
_TOLD = 160
"""Characters of a failing program's last line that a message quotes."""
_ALONE = "Try it by itself on this volume"
_VERSION_S = 120.0
"""Programs of that kind load a large library before they print their version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoneOutput:
    """Where a program leaves one bone: a pattern of files, and its number there; None where it is a mask."""

    file: str
    label: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmenter:
    """One program.

    Attributes
    ----------
    name : as its authors write it
    executable : what is looked for on the PATH
    arguments : with {input} and {output}
    version_arguments : print its version; empty where it has no such option
    input : name of the file that it is given, in a folder of its own
    time_limit_s : it is ended after that time
    bones : mapping bone -> BoneOutput
    tag, source : where command and labels are taken from
    note : what a person should know before running it
    """

    name: str
    executable: str
    arguments: tuple[str, ...]
    version_arguments: tuple[str, ...]
    input: str
    time_limit_s: float
    bones: Mapping[str, BoneOutput]
    tag: str
    source: str
    note: str = ""


@cache
def segmenters() -> Mapping[str, Segmenter]:
    """Every program that we know how to run, by its id.

    Raises
    ------
    ValueError
        When the shipped table is not as it should be.
    """
    read = tomllib.loads(files("atlasplane.volume").joinpath("data/segmenters.toml").read_text("utf-8"))
    if read.pop("schema") != SEGMENTERS_SCHEMA:
        raise ValueError("segmenters.toml: unknown schema")
    return MappingProxyType({id_: _segmenter(table) for id_, table in read.items()})


def installed(segmenter: Segmenter) -> Path | None:
    """The program on the PATH, or None."""
    found = shutil.which(segmenter.executable)
    return None if found is None else Path(found)


def run_segmenter(segmenter: Segmenter, folder: Path, *, time_limit_s: float | None = None) -> str | None:
    """Run a program on the volume that lies in a folder; what it says its version is, where it says so.

    Parameters
    ----------
    folder : Path
        Holds the volume under the name that the program is given; the output goes into `output_folder`.
    time_limit_s : float, optional
        Default the segmenter's own.

    Raises
    ------
    BadInput
        When it is not installed, fails, or takes longer than its limit; no process of it is left.
    """
    program = installed(segmenter)
    if program is None:
        what = f"is not installed: there is no program '{segmenter.executable}' on the PATH"
        raise BadInput(segmenter.name, what, "Install it by its own instructions, or leave out --with")
    output = output_folder(segmenter, folder)
    output.mkdir(exist_ok=True)
    places = {"input": str(folder / segmenter.input), "output": str(output)}
    arguments = [part.format(**places) for part in segmenter.arguments]
    version = _version(segmenter, program, folder)
    limit_s = segmenter.time_limit_s if time_limit_s is None else time_limit_s
    status, said = _ended([str(program), *arguments], folder, segmenter.name, limit_s)
    if status != 0:
        told = f": {said[:_TOLD]}" if said else ""
        raise BadInput(segmenter.name, f"failed (exit status {status}){told}", _ALONE)
    return version


def output_folder(segmenter: Segmenter, folder: Path) -> Path:
    """Where its output goes: a folder named for it, or that of the input where its command names no other."""
    is_named = any("{output}" in part for part in segmenter.arguments)
    return folder / "output" if is_named else folder


def mask_files(segmenter: Segmenter, folder: Path) -> dict[str, tuple[Path, int | None]]:
    """Mask file and label of each bone that it left; a bone without a file is missing."""
    found = {}
    for bone, wanted in segmenter.bones.items():
        files_ = sorted(output_folder(segmenter, folder).glob(wanted.file))
        if files_:
            found[bone] = files_[0], wanted.label
    return found


def _segmenter(table: dict[str, Any]) -> Segmenter:
    made: dict[str, Any] = {key: tuple(table[key]) for key in ("arguments", "version_arguments")}
    made["bones"] = MappingProxyType({bone: BoneOutput(**each) for bone, each in table["bones"].items()})
    return Segmenter(**{**table, **made})


def _version(segmenter: Segmenter, program: Path, folder: Path) -> str | None:
    if not segmenter.version_arguments:
        return None
    command = [str(program), *segmenter.version_arguments]
    status, said = _ended(command, folder, segmenter.name, _VERSION_S)
    return said.split()[-1][:40] if status == 0 and said else None


def _ended(command: list[str], folder: Path, name: str, limit_s: float) -> tuple[int, str]:
    """Exit status and last printed line; the program and all that it started are ended after the limit."""
    with TemporaryFile() as printed:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as fault:
            reason = fault.strerror or type(fault).__name__
            raise BadInput(name, f"cannot be started ({reason})", _ALONE) from fault
        try:
            status = process.wait(limit_s)
        except subprocess.TimeoutExpired as late:
            what = f"took longer than {limit_s / 60:.3g} minutes and was ended"
            raise BadInput(name, what, _ALONE) from late
        finally:
            _end(process)
        return status, _last_line(printed)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of it, also where we are the ones who are stopped."""
    if process.poll() is None:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def _last_line(printed: IO[bytes]) -> str:
    printed.seek(0, os.SEEK_END)
    printed.seek(max(0, printed.tell() - _TAIL_BYTES))
    lines = printed.read().decode("utf-8", "replace").split("\n")
    whole = ["".join(c for c in line if c.isprintable()).strip() for line in lines]
    return next((line for line in reversed(whole) if line), "")
