"""A small whole case, to be spoiled in one place by a test."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image

SHAPE = (40, 60)
"""Rows and columns of every film made here."""

CASE = """schema = "atlasplane.case/1"
id = "3f0c"
pseudonym = "P-014"
simulated = true
"""

VISIT = """schema = "atlasplane.visit/1"
id = "v1"
time = 2026-03-02T09:10:00+01:00
phase = "baseline"
moment = "pre"
observer = "KR"
"""

FILM = """[[film]]
file = "nasium.png"
view = "nasium"
landmarks = "nasium.landmarks.json"
patient_right = "image_left"
marker = "R"
technique = { sid_mm = 1067, sod_mm = 837, tube_deg = 12.0, detector = "upright" }
calibration = { kind = "sid_sod", mm_per_px = [0.943, 0.943], u_rel = 0.02 }
"""


def image(path: Path, seed: int = 1) -> Path:
    """Write a film of noise as PNG."""
    grey = np.random.default_rng(seed).integers(0, 65535, SHAPE).astype(np.uint16)
    Image.fromarray(grey).save(path)
    return path


def landmark_text(picture: Path, points: str = '{"PL_R": {"at": [12.5, 20.25]}}', **changes: object) -> str:
    """A landmark file of one reading; `points` is JSON, so that it can be wrong in any way."""
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    table = {
        "schema": "atlasplane.landmarks/1",
        "image": {"file": picture.name, "sha256": digest},
        "space": "pixel",
        "readings": [
            {
                "id": "r1",
                "observer": "KR",
                "time": "2026-03-02T10:00:00+01:00",
                "tool": "mark/1.0",
                "points": "POINTS",
            }
        ],
        **changes,
    }
    return json.dumps(table).replace('"POINTS"', points)


def make_case(folder: Path, *, visit: str = VISIT, film: str = FILM, case: str = CASE) -> Path:
    """Write a case of one visit with one film and its landmarks; returns its folder."""
    day = folder / "2026-03-02"
    day.mkdir(parents=True)
    (folder / "case.toml").write_text(case, encoding="utf-8")
    (day / "visit.toml").write_text(visit + film, encoding="utf-8")
    picture = image(day / "nasium.png")
    (day / "nasium.landmarks.json").write_text(landmark_text(picture), encoding="utf-8")
    return folder


def change(path: Path, old: str, new: str) -> None:
    """Replace a text that must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
