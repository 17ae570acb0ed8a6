"""What `doctor` looks at, one function a group; each yields what it found and, where needed, the remedy."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from atlasplane.cli.browsers import browsers, default_browser_opens
from atlasplane.cli.requirements import PACKAGE, Requirement, requirements

State = Literal["ok", "note", "problem"]
ENOUGH_BYTES = 2 * 1024**3
"""Room for some hundred films and their reports."""
_OWN_EXTRAS = ("dev", "docs", "all", "gpu")
"""Parts that nobody misses in a clinic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One thing that was looked at."""

    group: str
    name: str
    state: State
    text: str
    remedy: str = ""


def trials(folder: Path) -> Iterator[Trial]:
    """Look at everything; `folder` is where cases are to lie."""
    for group, look in GROUPS:
        for name, state, text, remedy in look(folder):
            yield Trial(group=group, name=name, state=state, text=text, remedy=remedy)


Found = tuple[str, State, str, str]


def _versions(_folder: Path) -> Iterator[Found]:
    import atlasplane

    yield "atlasplane", "ok", atlasplane.__version__, ""
    yield "Python", "ok", f"{platform.python_version()} ({platform.python_implementation()})", ""
    yield "system", "ok", f"{platform.system()} {platform.release()}, {platform.machine()}", ""
    base = [each for each in requirements() if not each.extra]
    if not base:
        yield (
            "packages",
            "note",
            "the package was never installed, so its bounds are unknown",
            ("Install it: pip install atlasplane"),
        )
    for each in base:
        yield each.name, *_version_state(each)


def _version_state(each: Requirement) -> tuple[State, str, str]:
    if each.is_met:
        return "ok", f"{each.installed} ({each.bounds})", ""
    text = "not installed" if each.installed is None else f"{each.installed}, but {each.bounds} is needed"
    return "problem", text, f"pip install '{each.asked}'"


def _extras(_folder: Path) -> Iterator[Found]:
    parts: dict[str, list[Requirement]] = {}
    for each in requirements():
        if each.extra and each.extra not in _OWN_EXTRAS:
            parts.setdefault(each.extra, []).append(each)
    for name, needed in sorted(parts.items()):
        missing = [each.asked for each in needed if not each.is_met]
        if missing:
            remedy = f"Where it is needed: pip install '{PACKAGE}[{name}]'"
            yield f"[{name}]", "note", f"not installed: {', '.join(missing)}", remedy
        else:
            yield f"[{name}]", "ok", ", ".join(f"{each.name} {each.installed}" for each in needed), ""


def _codecs(_folder: Path) -> Iterator[Found]:
    from atlasplane.io.codec_trial import codec_trials

    for each in codec_trials():
        remedy = "Install atlasplane again: pip install --force-reinstall atlasplane" if each.fault else ""
        yield each.name, "problem" if each.fault else "ok", each.fault or "decodes a sample", remedy


def _fonts(_folder: Path) -> Iterator[Found]:
    spec = find_spec("font_source_sans_pro")
    found = [] if spec is None or spec.origin is None else list(Path(spec.origin).parent.rglob("*.[ot]tf"))
    if found:
        yield "Source Sans", "ok", f"{len(found)} files, for report.pdf", ""
    else:
        yield (
            "Source Sans",
            "problem",
            "not found: report.pdf cannot be set",
            "pip install font-source-sans-pro",
        )


def _catalogues(_folder: Path) -> Iterator[Found]:
    from atlasplane.anatomy.landmarks import landmarks
    from atlasplane.core.quantity import quantities
    from atlasplane.pathways.alignment.bone_size import bone_distances
    from atlasplane.pathways.alignment.limits import limits

    counted: dict[str, Callable[[], int]] = {
        "landmarks": lambda: len({entry.id for entry in landmarks().values()}),
        "quantities": lambda: len(quantities()),
        "limits of the film checks": lambda: len(limits()),
        "bone distances": lambda: len(bone_distances()),
    }
    for name, count in counted.items():
        try:
            yield name, "ok", f"{count()} entries, valid", ""
        except (ValueError, OSError) as fault:  # a catalogue was changed by hand
            yield name, "problem", f"not valid ({type(fault).__name__})", "Install atlasplane again"
    yield "digest", "ok", f"sha256 {_data_digest()[:16]} over all data files of the package", ""


def _data_digest() -> str:
    root = Path(str(files(PACKAGE)))
    total = hashlib.sha256()
    for path in sorted(root.rglob("data/**/*.toml")):
        total.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return total.hexdigest()


def _data(_folder: Path) -> Iterator[Found]:
    named = os.environ.get("ATLASPLANE_DATA")
    if named is None:
        yield "ATLASPLANE_DATA", "ok", "not set; only tests on real data need it", ""
    elif Path(named).is_dir():
        yield "ATLASPLANE_DATA", "ok", f"{named}", ""
    else:
        yield "ATLASPLANE_DATA", "problem", f"names {named}, which is no folder", "Correct it, or unset it"


def _browser(_folder: Path) -> Iterator[Found]:
    found = browsers()
    if not found and not default_browser_opens():
        yield (
            "browser",
            "note",
            "none found",
            ("For atlasplane mark install Chromium, Chrome, Edge or Firefox"),
        )
        return
    yield "browser", "ok", ", ".join(found) or "the system's own", ""
    if not default_browser_opens():
        remedy = "atlasplane mark prints the address: open it in the browser yourself"
        yield "opening a page", "note", "no default browser is set", remedy
    else:
        yield "opening a page", "ok", "the system has a default browser", ""


def _port(_folder: Path) -> Iterator[Found]:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
            server.bind(("127.0.0.1", 0))
            server.listen(1)
            with socket.create_connection(server.getsockname(), timeout=2):
                yield "127.0.0.1", "ok", f"a page can be served (port {server.getsockname()[1]} was free)", ""
    except OSError as fault:
        remedy = "Let the firewall allow connections of this computer to itself"
        yield "127.0.0.1", "problem", f"no port can be opened ({fault.strerror})", remedy


def _disk(folder: Path) -> Iterator[Found]:
    try:
        free = shutil.disk_usage(folder).free
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(b"atlasplane")
    except OSError as fault:
        reason = fault.strerror or type(fault).__name__
        remedy = "Name a folder that you may write to: atlasplane doctor FOLDER"
        yield "writing", "problem", f"{folder}: {reason}", remedy
        return
    yield "writing", "ok", str(folder), ""
    few = free < ENOUGH_BYTES
    remedy = "Make room: a case with its reports takes up to some hundred MB" if few else ""
    yield "space", "note" if few else "ok", f"{free / 1024**3:.1f} GB free", remedy


def _words(_folder: Path) -> Iterator[Found]:
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding == "utf8" and sys.getfilesystemencoding().lower() == "utf-8":
        yield "text", "ok", "UTF-8, for files and the terminal", ""
    else:
        text = f"terminal {sys.stdout.encoding}, file names {sys.getfilesystemencoding()}"
        yield "text", "note", text, "Set PYTHONUTF8=1, so that every sign can be shown"
    now = datetime.now().astimezone()
    yield "time zone", "ok", f"{now.tzname()} (UTC{now.strftime('%z')[:3]}:{now.strftime('%z')[3:]})", ""


GROUPS: tuple[tuple[str, Callable[[Path], Iterator[Found]]], ...] = (
    ("versions", _versions),
    ("optional parts", _extras),
    ("film formats", _codecs),
    ("fonts", _fonts),
    ("catalogues", _catalogues),
    ("data", _data),
    ("page", _browser),
    ("page", _port),
    ("disk", _disk),
    ("words and time", _words),
)
