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
from benchmarks.registration_setup import (
    PITCH_MM,
    TURN_DEG,
    Ellipsoid,
    finer,
    head_pose,
    means,
    motions,
    random_body,
    shadows,
    stated_camera,
    true_camera,
)

Grey = NDArray[np.float32]
ROWS: Mapping[View, tuple[int, int]] = {
    View.LATERAL: (0, 400),
    View.NASIUM: (110, 420),
    View.VERTEX: (0, 450),
}
"""First row and number of rows, of 0.6 mm, that the beam is narrowed to: skull base and upper neck."""
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
    turn_deg : flexion, laterality, rotation of C1 since the scan, uniform within +- these; of C2 on C1 half
    pitch_mm : of the films' pixels on the detector
    photons : counts that a square of 0.2 mm gets without patient
    scatter : share of the counts
    hardening : see `simulate.exposure.Beam`
    bodies : number of ellipsoids with sharp edges
    waves : 1 sd of the slow waves in the line integral
    viewing : whether the films are greys made for viewing (evened out, sharpened, curved), not counts
    """

    turn_deg: tuple[float, float, float] = TURN_DEG
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
    moved = motions(rng, centres, spread.turn_deg)
    upright = scan.placed["skull"].rotation.T
    one = head_pose(rng, upright, centres["c1"])
    skull = tuple(one if rig == "fixed" else head_pose(rng, upright, centres["c1"]) for _ in views)
    sd = CALIBRATED if rig == "fixed" else UNCALIBRATED
    stated = tuple(stated_camera(view, ROWS[view], spread.pitch_mm)[0] for view in views)
    truth = Truth(
        skull=skull,
        bones=moved,
        cameras=tuple(true_camera(rng, camera, sd) for camera in stated),
        centres_mm=centres,
    )
    bodies = [random_body(rng, centres["c1"]) for _ in range(spread.bodies)]
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


def _line_integrals(
    rng: np.random.Generator,
    person: Person,
    scan: Scan,
    truth: Truth,
    film: int,
    bodies: Sequence[Ellipsoid],
    view: View,
    spread: Spread,
) -> Grey:
    camera = truth.cameras[film]
    shape = stated_camera(view, ROWS[view], spread.pitch_mm)[1]
    to_room = {
        name: truth.skull[film] @ truth.bones.get(name, RigidTransform.identity()) @ scan.placed[name]
        for name in person.solids
    }
    # The bones below follow C2.
    to_room["trunk"] = truth.skull[film] @ truth.bones["c2"] @ scan.placed["trunk"]
    coarse = [Part(solid=person.solids[name], pose=to_room[name]) for name in ("skull", *BEHIND)]
    small = [Part(solid=person.solids[name], pose=to_room[name]) for name in ("c1", "c2")]
    total: Grey = render(coarse, camera, shape) + means(
        render(small, finer(camera), (2 * shape[0], 2 * shape[1]))
    )
    total += shadows(bodies, truth.skull[film], camera, shape)
    total += np.float32(spread.waves) * _waves(rng, shape, spread.pitch_mm)
    return np.maximum(total, 0)


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


__all__ = ["SOFT", "Spread", "Truth", "drawn_start", "exchanged", "film_set"]
