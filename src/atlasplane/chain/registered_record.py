"""The record of a registration: what `register --json` prints and the visit's folder keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

import atlasplane
from atlasplane.chain.registered_films import VisitFilms
from atlasplane.chain.registered_words import reason_text
from atlasplane.core.finding import Finding
from atlasplane.core.quantity import quantities
from atlasplane.geometry.transform import RigidTransform
from atlasplane.io.models_registration import REGISTER_SCHEMA, RegisterInputs, RegisterOutput
from atlasplane.io.registration_inputs import seed_of
from atlasplane.io.registration_record import camera_matrix_lps, detector_json, pose_body, pose_of
from atlasplane.pathways.alignment.registered_poses import (
    RegisteredBones,
    pose_origin,
    relative_poses,
)
from atlasplane.pathways.alignment.volume_frames import VolumeFrames
from atlasplane.sources.case import Case, Visit
from atlasplane.sources.volume import Volume
from atlasplane.xray.registration_problem import RegistrationProblem
from atlasplane.xray.registration_result import Registration

Json = dict[str, Any]
VOLUME, ROOM = "volume", "room"
"""Frames that the poses of whole bones lead from and to."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Prepared:
    """Scan, films and start of a visit, ready to be registered.

    Attributes
    ----------
    case, visit, volume
    frames : VolumeFrames
        Of the scan's landmarks.
    films : VisitFilms
    problem : RegistrationProblem
    inputs : RegisterInputs
        Digests of all that the result will rest on.
    start : str
        "landmarks", or the file of an earlier registration.
    findings : tuple of Finding
    """

    case: Case
    visit: Visit
    volume: Volume
    frames: VolumeFrames
    films: VisitFilms
    problem: RegistrationProblem
    inputs: RegisterInputs
    start: str
    findings: tuple[Finding, ...]


def record_of(ready: Prepared, found: Registration, findings: Sequence[Finding]) -> RegisterOutput:
    """The record of a finished registration; of a refused one without poses."""
    from_file = None if ready.start == "landmarks" else ready.start
    content: Json = {
        "schema": REGISTER_SCHEMA,
        "software": atlasplane.__version__,
        "case": ready.case.id,
        "simulated": ready.case.simulated,
        "visit": ready.visit.id,
        "time": datetime.now(UTC).astimezone().replace(microsecond=0),
        "status": found.status,
        "reason": reason_text(found.status, found.reasons),
        "reasons": found.reasons,
        "rig": ready.problem.rig,
        "start": {
            "kind": "landmarks" if from_file is None else "file",
            "file": from_file,
            "seed": seed_of(ready.inputs),
        },
        **(_NO_POSES if found.status == "refused" else _poses(ready, found)),
        "cameras": [_film(ready, found, k) for k in range(len(found.films))],
        "residual": {"value": found.residual, "limit": found.limit},
        "agreement": {"deg": found.agreement_deg, "mm": found.agreement_mm},
        "iterations": found.iterations,
        "seconds": found.seconds,
        "inputs": ready.inputs,
        "overlays": (),
        "findings": [_finding(each) for each in findings],
    }
    return RegisterOutput.model_validate(content)


def registered_bones(record: RegisterOutput) -> RegisteredBones:
    """What a record tells of the bones; ValueError of a refused one."""
    if record.uncertainty is None:
        raise ValueError("a refused registration tells nothing of the bones")
    moving = list(record.motion)
    known = record.uncertainty
    rows = np.concatenate(
        [np.arange(6 * at, 6 * at + 6) for at in (known.order.index(bone) for bone in moving)]
    )
    films = [film.file for film in record.inputs.films]
    said = {
        "registration": f"{record.status}, residual {record.residual.value:.3g} (limit "
        f"{record.residual.limit:.3g}), starts agree within {record.agreement.deg:.2g} deg and "
        f"{record.agreement.mm:.2g} mm; rig {record.rig}, start {record.start.kind}",
        "sha256": ", ".join(film.sha256 for film in record.inputs.films),
        "masks": ", ".join(mask.file for mask in record.inputs.masks.values()),
    }
    return RegisteredBones(
        motions={bone: pose_of(body) for bone, body in record.motion.items()},
        centres_mm={bone: np.array(known.centre_mm[bone]) for bone in moving},
        cov=np.array(known.cov)[np.ix_(rows, rows)],
        source=(*films, record.inputs.volume.file),
        provenance=said,
    )


_NO_POSES: Json = {"bones": {}, "relative": {}, "motion": {}, "uncertainty": None}


def _poses(ready: Prepared, found: Registration) -> Json:
    problem = ready.problem
    skull = found.skull[0]
    moving = problem.names[1:]
    skulls = ["skull"] if problem.rig == "fixed" else [f"skull/{film.file}" for film in problem.films]
    centres = {model.bone: model.centre_mm for model in problem.bones}
    at = 6 * problem.skulls
    bones = RegisteredBones(
        motions={bone: found.bones[bone] for bone in moving},
        centres_mm={bone: centres[bone] for bone in moving},
        cov=found.cov[at:, at:],
    )
    relative = [pose for pose in relative_poses(bones, ready.frames) if pose.quantity in quantities()]
    whole = {"skull": RigidTransform.identity(), **found.bones}
    return {
        "bones": {
            bone: pose_body(skull @ whole[bone], start=VOLUME, end=ROOM) for bone in ("skull", *moving)
        },
        "relative": {
            each.quantity: pose_body(
                each.pose,
                start=each.moving,
                end=each.reference,
                cov=each.cov,
                origin=pose_origin(each.moving, each.reference),
            )
            for each in relative
        },
        "motion": {bone: pose_body(found.bones[bone], start=VOLUME, end=VOLUME) for bone in moving},
        "uncertainty": {
            "order": [*skulls, *moving],
            "centre_mm": {bone: centre.tolist() for bone, centre in centres.items()},
            "cov": np.asarray(found.cov).tolist(),
        },
    }


def _film(ready: Prepared, found: Registration, k: int) -> Json:
    film, told = ready.films.films[k], found.films[k]
    camera, signal = found.cameras[k], ready.problem.films[k].signal
    compared = told.weights > 0
    return {
        "file": film.file,
        "view": film.view.value,
        "P": camera_matrix_lps(camera).tolist(),
        "u": [float(u) for u in found.camera_u[k]],
        "detector": detector_json(camera),
        "skull": pose_body(found.skull[k], start=VOLUME, end=ROOM),
        "gain": float(told.gain),
        "share": float(np.clip(told.share, 0.0, 1.0)),
        "weight": float(told.weights[compared].mean()) if compared.any() else 0.0,
        "pixels": int(np.count_nonzero(compared)),
        "note": signal.note,
    }


def _finding(found: Finding) -> Json:
    return {
        "code": found.code,
        "severity": found.severity.value,
        "text": found.text,
        "file": found.file,
        "value": found.value,
        "limit": found.limit,
        "source": found.source,
    }
