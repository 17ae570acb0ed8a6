"""Files that `spasm` is run on, good but for one fault, and the command with all that it can write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bad_input.edf_files import edf_bytes
from tests.cli_cases import Outcome, Run, everything

RATE_HZ = 1000
LABEL, OTHER = "EMG trap right", "EMG trap left"
SECONDS, QUIET = 60, (0.0, 12.0)
SPASM = (30.0, 42.0)
NOISE_UV, SPASM_UV = 3.0, 60.0


def muscle(rate_hz: int = RATE_HZ, *, seconds: int = SECONDS, seed: int = 7) -> np.ndarray:
    """Noise of an amplifier with one spasm, uV."""
    rng = np.random.default_rng(seed)
    at = np.arange(seconds * rate_hz) / rate_hz
    active = (at >= SPASM[0]) & (at < SPASM[1])
    return np.asarray(rng.normal(0, NOISE_UV, len(at)) + active * rng.normal(0, SPASM_UV, len(at)))


def whole(**changes: Any) -> bytes:
    """A good file, but for the changes."""
    return edf_bytes({LABEL: muscle()}, rate_hz=RATE_HZ, notes=[(*QUIET, "quiet")], **changes)


@dataclass(frozen=True)
class Bench:
    """A folder to run in, and what it held before."""

    folder: Path
    go: Run

    def put(self, content: bytes | str, name: str = "night.edf") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, path: Path, *options: object) -> Outcome:
        """The command with every file that it can write; a refusal leaves none of them behind."""
        out = self.folder / "out"
        out.mkdir(exist_ok=True)
        before = everything(self.folder)
        more: tuple[object, ...] = ("--report", out / "page.html")
        if path.suffix == ".edf":
            more += ("--annotations", out / "noted.edf")
        done = self.go("spasm", path, *options, *more, "--json")
        after = everything(self.folder)
        written = {name for name in after if after[name] != before.get(name)}
        if done.status == 2:
            assert not written
        else:
            assert written == {Path("out", Path(str(name)).name).as_posix() for name in more[1::2]}
        return done

    def refused(self, path: Path, *options: object, what: str, remedy: str = "", file: str = "") -> None:
        """Status 2, one line that names file, fault and remedy, and the error's document."""
        done = self.run(path, *options)
        assert done.status == 2, done.out
        assert done.err.count("\n") == 1 and "Traceback" not in done.err
        error = done.document
        assert error["schema"] == "atlasplane.error/1"
        assert error["file"] == (file or path.name)
        assert what in error["what"]
        assert remedy in error["remedy"] and len(error["remedy"]) > 5

    def measured(self, path: Path, *options: object) -> dict[str, Any]:
        """Status 0 or 1, and a document that its schema accepts."""
        done = self.run(path, *options)
        assert done.status in (0, 1), done.err
        return done.document


def codes(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Findings by code."""
    return {finding["code"]: finding for finding in document["findings"]}


MAP = """schema = "atlasplane.channels/1"
[text]
unit = "uV"
rate_hz = 1000
[[channels]]
label = "{label}"
kind = "emg"
side = "{side}"
"""


def text_of(samples: np.ndarray) -> str:
    return "emg\n" + "".join(f"{value:.1f}\n" for value in samples)


def trigno(periods_ms: Mapping[str, float], *, seconds: float = 14.0) -> str:
    """A CSV as Delsys' own export writes it, volts, of noise."""
    rng = np.random.default_rng(2)
    counts = {label: int(seconds * 1000 / period) for label, period in periods_ms.items()}
    lines = [
        f"Label: {label} Sampling frequency: {1000 / period:.6e} Number of points: {counts[label]} "
        "start: 0.000000e+000 Unit: V Domain Unit: s"
        for label, period in periods_ms.items()
    ]
    lines += ["Start Trigger Method: None", "Stop Trigger Method: None", ""]
    lines.append(",".join(f'X[s],"{label}"' for label in periods_ms))
    for k in range(max(counts.values())):
        cells = [
            f"{k * period / 1000:.7g},{rng.normal(0, 3e-6):.6e}" if k < counts[label] else ","
            for label, period in periods_ms.items()
        ]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"
