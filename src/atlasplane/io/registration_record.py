"""registration.json of a visit: written whole and read back; poses and cameras as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from atlasplane.core.errors import BadInput
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.frames import ISB_FROM_LPS, isb_from_lps, lps_from_isb
from atlasplane.geometry.rotation import is_rotation, zxy_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.io.atomic import write_bytes
from atlasplane.io.faults import validated
from atlasplane.io.models_registration import (
    REGISTER_SCHEMA,
    DetectorJson,
    RegisterOutput,
)
from atlasplane.io.outputs_observations import PoseBodyJson
from atlasplane.io.text_file import checked_schema, read_json
from atlasplane.sources.case import Visit

RECORD_FILE = "registration.json"
OVERLAY_FOLDER = "registration"
_AGAIN = "Register the visit again: atlasplane register CASE"
_ROUNDING = 1e-9


def record_path(root: Path, visit: Visit) -> Path:
    """Where the registration of a visit is kept."""
    return root / visit.folder / RECORD_FILE


def record_name(visit: Visit) -> str:
    """The same as messages call it."""
    return f"{visit.folder}/{RECORD_FILE}"


def write_registration(root: Path, visit: Visit, record: RegisterOutput) -> Path:
    """Write the registration of a visit, whole or not at all; raises OutputFailed."""
    path = record_path(root, visit)
    write_bytes(path, record_bytes(record))
    return path


def record_bytes(record: RegisterOutput) -> bytes:
    """The record as its file holds it."""
    text = json.dumps(record_document(record), indent=1, allow_nan=False, ensure_ascii=False)
    return (text + "\n").encode()


def record_document(record: RegisterOutput) -> dict[str, object]:
    """The record as a JSON document, numbers in full precision; what is unknown is null."""
    return record.model_dump(mode="json", by_alias=True, exclude={"x"}, exclude_unset=True)


def read_registration(path: Path, *, name: str) -> RegisterOutput:
    """A registration file.

    Raises
    ------
    BadInput
        When it is missing, damaged, or no registration.
    """
    content = checked_schema(read_json(path, name=name), REGISTER_SCHEMA, name=name)
    record = validated(RegisterOutput, content, name=name)
    bodies = [*record.bones.values(), *record.motion.values(), *(film.skull for film in record.cameras)]
    if not all(is_rotation(np.array(body.R)) for body in bodies):
        raise BadInput(name, "holds a turn that is none", _AGAIN)
    if record.uncertainty is not None and not _is_covariance(np.array(record.uncertainty.cov)):
        raise BadInput(name, "holds a covariance that is none", _AGAIN)
    return record


def _is_covariance(matrix: Array) -> bool:
    """Whether a matrix is symmetric and without negative variance, to rounding of its own units."""
    sd = np.sqrt(np.abs(np.diag(matrix))).clip(min=np.finfo(float).tiny)
    scaled = matrix / np.outer(sd, sd)
    symmetric = np.allclose(scaled, scaled.T, atol=_ROUNDING)
    return bool(symmetric and np.all(np.diag(matrix) >= 0) and np.linalg.eigvalsh(scaled)[0] > -_ROUNDING)


def pose_body(
    pose: RigidTransform, *, start: str, end: str, cov: Array | None = None, origin: str | None = None
) -> PoseBodyJson:
    """A pose as JSON: x_to = R x_from + t, ISB axes; `cov` (6, 6), left perturbation, rad then mm."""
    flexext, lateral, axial = (float(angle) for angle in zxy_from_rotation(pose.rotation))
    return PoseBodyJson.model_validate(
        {
            "from": start,
            "to": end,
            "R": pose.rotation.tolist(),
            "t_mm": pose.translation_mm.tolist(),
            "origin": origin,
            "zxy_deg": {"flexext": flexext, "lateral": lateral, "axial": axial},
            "cov6": None if cov is None else np.asarray(cov).tolist(),
        }
    )


def pose_of(body: PoseBodyJson) -> RigidTransform:
    """The pose that was written."""
    return RigidTransform(np.array(body.R), np.array(body.t_mm))


def camera_matrix_lps(camera: PinholeCamera) -> Array:
    """Camera matrix from LPS mm of the film's room to its pixels, shape (3, 4), as visit.toml takes it."""
    isb = np.eye(4)
    isb[:3, :3] = ISB_FROM_LPS
    matrix: Array = camera.matrix() @ isb
    return matrix


def detector_json(camera: PinholeCamera) -> DetectorJson:
    """A camera as source and detector."""
    return DetectorJson.model_validate(
        {
            **{name: lps_from_isb(getattr(camera, name)).tolist() for name in _IN_SPACE},
            "pitch_mm": np.asarray(camera.pitch_mm, dtype=float).tolist(),
            "principal_px": np.asarray(camera.principal_px, dtype=float).tolist(),
        }
    )


def camera_of(detector: DetectorJson) -> PinholeCamera:
    """The camera that was written."""
    in_space: Mapping[str, Array] = {n: isb_from_lps(np.array(getattr(detector, n))) for n in _IN_SPACE}
    return PinholeCamera(
        **in_space, pitch_mm=np.array(detector.pitch_mm), principal_px=np.array(detector.principal_px)
    )


_IN_SPACE = ("source_mm", "centre_mm", "column_axis", "row_axis")
"""Places and directions of a camera."""
