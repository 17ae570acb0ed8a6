"""Records of registrations written by hand, with pictures beside them: nothing is registered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from atlasplane.geometry.transform import RigidTransform
from atlasplane.io.registration_record import camera_matrix_lps, detector_json, pose_body
from tests.test_report_case import camera_of

KINDS = ("contours", "difference", "checkerboard")
TIME = "2026-03-02T11:00:00+01:00"
BOX = {"c1": [[40.0, 60.0], [90.0, 60.0], [90.0, 90.0], [40.0, 60.0]]}
"""A closed line on every film."""
_DIGEST = "0" * 64
_REFUSED: dict[str, Any] = {"bones": {}, "relative": {}, "motion": {}, "uncertainty": None}


def record_json(
    visit: str, files: Sequence[str], *, codes: Sequence[str] = (), status: str = "ok"
) -> dict[str, Any]:
    """A record as its file holds it."""
    still = pose_body(RigidTransform.identity(), start="volume", end="room").model_dump(
        mode="json", by_alias=True
    )
    camera = camera_of("lateral")
    film = {
        "view": "lateral",
        "P": camera_matrix_lps(camera).tolist(),
        "u": [1.0, 0.5, 0.5, 0.001],
        "detector": detector_json(camera).model_dump(mode="json"),
        "skull": still,
        "gain": 1.1,
        "share": 0.8,
        "weight": 0.9,
        "pixels": 5000,
    }
    names = [Path(file).stem for file in files]
    pictures = [
        {
            "file": f"registration/{name}-{kind}.png",
            "film": file,
            "kind": kind,
            "box_px": [-0.5, -0.5, 199.5, 199.5],
            "image_px": [0, 8, 64, 64],
        }
        for file, name in zip(files, names, strict=True)
        for kind in KINDS
    ]
    return {
        "schema": "atlasplane.register/1",
        "software": "1.0",
        "case": "case",
        "simulated": True,
        "visit": visit,
        "time": TIME,
        "status": status,
        "reason": "said" if codes else None,
        "reasons": list(codes),
        "rig": "free",
        "start": {"kind": "landmarks", "seed": 1},
        "bones": dict.fromkeys(("skull", "c1", "c2"), still),
        "relative": {"c1_in_skull": still},
        "motion": dict.fromkeys(("c1", "c2"), still),
        "uncertainty": {
            "order": ["skull", "c1", "c2"],
            "centre_mm": {bone: [0.0, 0.0, 0.0] for bone in ("skull", "c1", "c2")},
            "cov": (0.01 * np.eye(18)).tolist(),
        },
        "cameras": [film | {"file": file} for file in files],
        "residual": {"value": 0.4, "limit": 1.0},
        "agreement": {"deg": 0.02, "mm": 0.01},
        "iterations": 12,
        "seconds": 0.5,
        "inputs": {
            "method": "ct-to-film/1",
            "films": [{"file": file, "sha256": _DIGEST, "stated": _DIGEST} for file in files],
            "volume": {"file": "ct/head.nii.gz", "sha256": _DIGEST, "stated": _DIGEST},
            "masks": {},
        },
        "overlays": [picture["file"] for picture in pictures],
        "pictures": pictures,
        "contours": {file: {"c1": [BOX["c1"]]} for file in files},
        **(_REFUSED if status == "refused" else {}),
    }


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """The record and its pictures in a visit's folder: each picture one colour that tells which it is."""
    (folder / "registration").mkdir(parents=True, exist_ok=True)
    (folder / "registration.json").write_text(json.dumps(record), "utf-8")
    for k, picture in enumerate(record["pictures"]):
        Image.new("RGB", (64, 80), colour_of(k)).save(folder / picture["file"])


def colour_of(k: int) -> tuple[int, int, int]:
    """Colour of the k-th picture."""
    return (30 * k + 20, 200 - 30 * k, 90)
