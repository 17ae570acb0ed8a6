"""Films of persons whose poses are known, as a registration is given them: the cases of its bars.

No inverse crime: the truth has finer voxels, other grids and finer rays than the model, and holds what no
model does: the rest of the skull, the bones below, soft tissue, bodies with sharp edges (jaw, airway) and
slow waves. The films have quantum noise, scatter and a hardened beam. The bones have moved since the scan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.anatomy.solids import SOFT
from atlasplane.geometry.bundle_problem import CameraSd
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.exposure import (
    Beam,
    Detector,
    expected_counts,
    field_of,
    presented,
    quantum_counts,
)
from atlasplane.simulate.setup import SETUPS
from atlasplane.sources.film import View
from atlasplane.xray.film_signal import FilmSignal, film_signal
from atlasplane.xray.registration_problem import (
    FilmImage,
    RegistrationProblem,
    Rig,
    Start,
    about_centre,
)
from atlasplane.xray.render import Part, render
from benchmarks.registration_persons import BEHIND, BONES, Person, Scan

Grey = NDArray[np.float32]
PITCH_MM = 0.6
"""Of the films' pixels on the detector, where nothing else is said."""
SID_MM: Mapping[View, float] = {View.LATERAL: 1830.0, View.NASIUM: 1100.0, View.VERTEX: 1100.0}
ROWS: Mapping[View, tuple[int, int]] = {
    View.LATERAL: (0, 400),
    View.NASIUM: (110, 420),
    View.VERTEX: (0, 450),
}
"""First row and number of rows, of 0.6 mm, that the beam is narrowed to: skull base and upper neck."""
TUBE_DEG: Mapping[View, float] = {View.LATERAL: 0.0, View.NASIUM: 25.0, View.VERTEX: 12.0}
TWO = (View.LATERAL, View.NASIUM)
THREE = (View.LATERAL, View.NASIUM, View.VERTEX)
_OPEN_FIELD = 99.5
"""Percentile of the counts that is open air."""
CALIBRATED = CameraSd(sid_mm=0.0, principal_mm=0.0, pitch_rel=0.0)
UNCALIBRATED = CameraSd(sid_mm=20.0, principal_mm=10.0, pitch_rel=0.001)
"""What a tape measure and a film's own scale tell (pathways/alignment/data/film_fit.toml)."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What is drawn for every case.

    Attributes
    ----------
    head_deg, head_mm : 1 sd of yaw, pitch, roll and of every coordinate of the head in a room
    turn_deg : flexion, laterality, rotation of C1 since the scan, uniform within +- these; of C2 on C1 half
    shift_mm : 1 sd of every coordinate of the same
    pitch_mm : of the films' pixels on the detector
    photons : counts that a square of 0.2 mm gets without patient
    scatter : share of the counts
    hardening : see `simulate.exposure.Beam`
    bodies : number of ellipsoids with sharp edges
    waves : 1 sd of the slow waves in the line integral
    viewing : whether the films are greys made for viewing (evened out, sharpened, curved), not counts
    """

    head_deg: tuple[float, float, float] = (2.0, 4.0, 1.5)
    head_mm: float = 6.0
    turn_deg: tuple[float, float, float] = (6.0, 4.0, 5.0)
    shift_mm: float = 1.0
    pitch_mm: float = PITCH_MM
    photons: float = 2e4
    scatter: float = 0.3
    hardening: float = 0.12
    bodies: int = 6
    waves: float = 0.15
    viewing: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Truth:
    """What is to be found.

    Attributes
    ----------
    skull : tuple of RigidTransform
        Volume -> room, one per film.
    bones : mapping bone -> RigidTransform
        Motion in the volume since the scan.
    cameras : tuple of PinholeCamera
        As they were.
    centres_mm : mapping bone -> array, shape (3,)
        In the volume.
    """

    skull: tuple[RigidTransform, ...]
    bones: Mapping[str, RigidTransform]
    cameras: tuple[PinholeCamera, ...]
    centres_mm: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class _Body:
    """An ellipsoid in the volume: |A (x - centre)| = 1, attenuation over what surrounds it."""

    centre_mm: Array
    inverse_axes: Array
    per_mm: float


def film_set(
    rng: np.random.Generator,
    person: Person,
    scan: Scan,
    *,
    rig: Rig = "fixed",
    views: Sequence[View] = TWO,
    start_deg: float = 2.0,
    start_mm: float = 2.0,
    exact: bool = False,
    spread: Spread | None = None,
) -> tuple[RegistrationProblem, Truth]:
    """Films of one visit and where a landmark fit would expect the bones.

    Parameters
    ----------
    rig : "fixed" or "free"
        Free: another pose of the head on every film, and cameras that are not what is stated.
    start_deg, start_mm : float
        Root mean square length of the turn and of the shift by which each start is off, three axes together.
    exact : bool
        Every pose is off by exactly as much, the direction by chance.
    """
    spread = spread or Spread()
    centres = {bone: scan.centre_mm(bone) for bone in BONES}
    motions = _motions(rng, spread, centres)
    one = _head(rng, spread, scan)
    skull = tuple(one if rig == "fixed" else _head(rng, spread, scan) for _ in views)
    sd = CALIBRATED if rig == "fixed" else UNCALIBRATED
    stated = tuple(_camera(view, spread.pitch_mm) for view in views)
    truth = Truth(
        skull=skull,
        bones=motions,
        cameras=tuple(_true_camera(rng, camera, sd) for camera in stated),
        centres_mm=centres,
    )
    bodies = [_body(rng, centres["c1"]) for _ in range(spread.bodies)]
    images = []
    for k, view in enumerate(views):
        counts = _exposed(rng, _line_integrals(rng, person, scan, truth, k, bodies, view, spread), spread)
        images.append(
            FilmImage(
                file=f"{view.value}.dcm", signal=_signal(counts, spread), camera=stated[k], camera_sd=sd
            )
        )
    start = drawn_start(rng, truth, rig, start_deg=start_deg, start_mm=start_mm, exact=exact)
    return RegistrationProblem(bones=scan.bones, films=tuple(images), rig=rig, start=start), truth


def exchanged(
    problem: RegistrationProblem, truth: Truth, scan: Scan, other: Scan
) -> tuple[RegistrationProblem, Truth]:
    """The same films with the scan of another person, whose bones begin where they belong.

    Frame of bone on frame of bone: nothing is wrong but the shape.
    """
    own = {bone: scan.placed[bone] @ other.placed[bone].inverse() for bone in BONES}
    motions = {bone: own["skull"].inverse() @ motion @ own[bone] for bone, motion in truth.bones.items()}
    skull = tuple(pose @ own["skull"] for pose in truth.skull)
    start = replace(problem.start, skull=skull, bones=motions)
    centres = {bone: other.centre_mm(bone) for bone in BONES}
    return (
        replace(problem, bones=other.bones, start=start),
        replace(truth, skull=skull, bones=motions, centres_mm=centres),
    )


def drawn_start(
    rng: np.random.Generator, truth: Truth, rig: Rig, *, start_deg: float, start_mm: float, exact: bool
) -> Start:
    """Poses that are off the truth, and the covariance that they are drawn from."""
    count = (1 if rig == "fixed" else len(truth.skull)) + len(truth.bones)
    sd = np.array([np.radians(start_deg), start_mm]) / np.sqrt(3)
    changes = rng.normal(size=(count, 2, 3))
    if exact:
        changes *= np.sqrt(3) / np.linalg.norm(changes, axis=-1, keepdims=True)
    changes = (changes * sd[:, None]).reshape(count, 6)
    skulls = changes[: -len(truth.bones)]
    centre = truth.centres_mm["skull"]
    first = about_centre(truth.skull[0], skulls[0], centre)
    return Start(
        skull=tuple(
            first if rig == "fixed" else about_centre(pose, skulls[k], centre)
            for k, pose in enumerate(truth.skull)
        ),
        bones={
            bone: about_centre(motion, change, truth.centres_mm[bone])
            for (bone, motion), change in zip(truth.bones.items(), changes[-len(truth.bones) :], strict=True)
        },
        cov=np.diag(np.tile(np.repeat(sd**2, 3), count)),
    )


def _motions(
    rng: np.random.Generator, spread: Spread, centres: Mapping[str, Array]
) -> dict[str, RigidTransform]:
    """How C1 moved in the skull since the scan, and C2 with it and on it."""
    own = {bone: _motion(rng, spread, centres[bone], part) for bone, part in (("c1", 1.0), ("c2", 0.5))}
    return {"c1": own["c1"], "c2": own["c1"] @ own["c2"]}


def _motion(rng: np.random.Generator, spread: Spread, centre_mm: Array, part: float) -> RigidTransform:
    flexion, laterality, rotation = part * np.array(spread.turn_deg) * rng.uniform(-1, 1, 3)
    turn = RigidTransform.about(rotation_from_zxy(-flexion, -laterality, rotation), centre_mm)
    return RigidTransform(turn.rotation, turn.translation_mm + part * rng.normal(0, spread.shift_mm, 3))


def _head(rng: np.random.Generator, spread: Spread, scan: Scan) -> RigidTransform:
    """Volume -> room: the skull straight but for the set-up's error, C1 near the room's origin."""
    pitch, roll, yaw = rng.normal(0.0, np.array(spread.head_deg)[[1, 2, 0]])
    turn = rotation_from_zxy(pitch, roll, yaw) @ scan.placed["skull"].rotation.T
    middle = scan.centre_mm("c1")
    return RigidTransform(turn, -turn @ middle + rng.normal(0.0, spread.head_mm, 3))


def _camera(view: View, pitch_mm: float) -> PinholeCamera:
    """As stated, with the clinic's film on coarser pixels."""
    setup = SETUPS[view]
    share = setup.pitch_mm / pitch_mm
    sid = SID_MM[view]
    coarse = replace(
        setup,
        sid_mm=sid,
        sod_mm=setup.sod_mm * sid / setup.sid_mm,
        pitch_mm=pitch_mm,
        shape=_shape(view, pitch_mm),
        principal_px=(
            (setup.principal_px[0] + 0.5) * share - 0.5,
            (setup.principal_px[1] + 0.5) * share - 0.5 - ROWS[view][0] * PITCH_MM / pitch_mm,
        ),
    )
    return coarse.camera(TUBE_DEG[view], np.zeros(3))


def _shape(view: View, pitch_mm: float) -> tuple[int, int]:
    width = SETUPS[view].shape[1] * SETUPS[view].pitch_mm
    return round(ROWS[view][1] * PITCH_MM / pitch_mm), round(width / pitch_mm)


def _true_camera(rng: np.random.Generator, stated: PinholeCamera, sd: CameraSd) -> PinholeCamera:
    away = (stated.source_mm - stated.centre_mm) / stated.sid_mm
    along, across = rng.normal(0.0, sd.sid_mm), rng.normal(0.0, sd.principal_mm, 2)
    moved = along * away + across[0] * stated.column_axis + across[1] * stated.row_axis
    pitch = stated.pitch_mm * (1 + rng.normal(0.0, sd.pitch_rel))
    return replace(stated, source_mm=stated.source_mm + moved, pitch_mm=pitch)


def _line_integrals(
    rng: np.random.Generator,
    person: Person,
    scan: Scan,
    truth: Truth,
    film: int,
    bodies: Sequence[_Body],
    view: View,
    spread: Spread,
) -> Grey:
    camera, shape = truth.cameras[film], _shape(view, spread.pitch_mm)
    to_room = {
        name: truth.skull[film] @ truth.bones.get(name, RigidTransform.identity()) @ scan.placed[name]
        for name in person.solids
    }
    # The bones below follow C2.
    to_room["trunk"] = truth.skull[film] @ truth.bones["c2"] @ scan.placed["trunk"]
    coarse = [Part(solid=person.solids[name], pose=to_room[name]) for name in ("skull", *BEHIND)]
    small = [Part(solid=person.solids[name], pose=to_room[name]) for name in ("c1", "c2")]
    total: Grey = render(coarse, camera, shape) + _means(
        render(small, _finer(camera), (2 * shape[0], 2 * shape[1]))
    )
    total += _shadows(bodies, truth.skull[film], camera, shape)
    total += np.float32(spread.waves) * _waves(rng, shape, spread.pitch_mm)
    return np.maximum(total, 0)


def _finer(camera: PinholeCamera) -> PinholeCamera:
    """Two by two pixels for every one."""
    return replace(camera, pitch_mm=camera.pitch_mm / 2, principal_px=2 * camera.principal_px + 0.5)


def _means(image: Grey) -> Grey:
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    means: Grey = image.reshape(rows, 2, columns, 2).mean(axis=(1, 3), dtype=np.float32)
    return means


def _exposed(rng: np.random.Generator, absorbed: Grey, spread: Spread) -> Grey:
    """Counts of every pixel."""
    share = (spread.pitch_mm / 0.2) ** 2
    beam = Beam(photons=spread.photons * share, hardening=spread.hardening, collimated=0.0)
    detector = Detector(scatter_fraction=spread.scatter)
    expected = expected_counts(absorbed, beam, detector, field_of(beam, absorbed.shape))
    return quantum_counts(ndimage.gaussian_filter(expected, 0.3), rng)


def _signal(counts: Grey, spread: Spread) -> FilmSignal:
    """What the film's reader makes of it."""
    if not spread.viewing:
        return film_signal(counts, kind="counts", bright_bone=False)
    beam = Beam(photons=float(np.percentile(counts, _OPEN_FIELD)))
    greys = presented(counts, np.ones(counts.shape, dtype=bool), beam, Detector())
    return film_signal(greys, kind="presentation", bright_bone=True)


def _waves(rng: np.random.Generator, shape: tuple[int, int], pitch_mm: float) -> Grey:
    """Slow waves of 25 to 80 mm on the detector, mean 0 and sd about 1."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    total = np.zeros(shape, dtype=np.float32)
    for _ in range(6):
        length, angle, phase = (
            rng.uniform(25, 80) / pitch_mm,
            rng.uniform(0, np.pi),
            rng.uniform(0, 2 * np.pi),
        )
        along = (np.cos(angle) * columns + np.sin(angle) * rows) * (2 * np.pi / length)
        total += np.sin(along + phase).astype(np.float32)
    return total / np.float32(np.sqrt(3.0))


def _body(rng: np.random.Generator, near_mm: Array) -> _Body:
    """Bone or air of 10 to 40 mm within some 6 cm of C1."""
    semi = rng.uniform(5.0, 20.0, 3)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return _Body(
        centre_mm=near_mm + rng.uniform(-60, 60, 3),
        inverse_axes=(turn / semi).T,
        per_mm=float(rng.choice([-1.0, 1.0]) * rng.uniform(0.004, 0.012)),
    )


def _shadows(
    bodies: Sequence[_Body], to_room: RigidTransform, camera: PinholeCamera, shape: tuple[int, int]
) -> Grey:
    """Line integrals of ellipsoids, exact."""
    total = np.zeros(shape, dtype=np.float32)
    if not bodies:
        return total
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    back = to_room.inverse()
    source = back.apply(camera.source_mm)
    rays = back.apply(camera.detector_points_mm(np.stack([columns, rows], axis=-1).astype(float))) - source
    lengths = np.linalg.norm(rays, axis=-1)
    for body in bodies:
        start, along = body.inverse_axes @ (source - body.centre_mm), rays @ body.inverse_axes.T
        square, half = np.sum(along**2, axis=-1), along @ start
        inside = np.maximum(half**2 - square * (start @ start - 1), 0)
        total += (body.per_mm * 2 * np.sqrt(inside) / square * lengths).astype(np.float32)
    return total


__all__ = ["SOFT", "Spread", "Truth", "drawn_start", "exchanged", "film_set"]
