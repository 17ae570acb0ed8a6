"""One bone, two films: this program against DiffDRR with Adam, on the same crop, voxels and start.

C1 of a phantom stands alone behind water with slow waves; the films have noise, scatter and hardening, the
model is its CBCT with blur and noise. DiffDRR gets the same log image around C1, reduced to the same pixel
sizes, and the same voxels. Both times are of the search alone, in processes that are warm, two threads each;
seconds of processor time are printed beside them, for a machine that is not quiet. The program's own levels
are searched with the skull known, which is a speck here and shows on no film.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from atlasplane.anatomy.solids import WATER_PER_MM, Solid
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.exposure import Beam, Detector, expected_counts, field_of, quantum_counts
from atlasplane.sources.film import View
from atlasplane.xray.film_signal import film_signal
from atlasplane.xray.projection import window_of
from atlasplane.xray.registration_fit import LevelFit
from atlasplane.xray.registration_levels import LevelSpec, levels, sections
from atlasplane.xray.registration_poses import Poses
from atlasplane.xray.registration_problem import (
    BoneModel,
    FilmImage,
    RegistrationProblem,
    Start,
    about_centre,
    change_about_centre,
)
from atlasplane.xray.registration_settings import setting
from atlasplane.xray.render import Part, render
from benchmarks.bar import Bar, at_least, at_most
from benchmarks.registration_cases import CALIBRATED
from benchmarks.registration_head_films import PHOTONS, ROWS, SCATTER
from benchmarks.registration_peers import (
    PeerMissing,
    missing_bar,
    numba_threads,
    run_peer,
)
from benchmarks.registration_peers import View as PeerView
from benchmarks.registration_persons import random_person, scan_of
from benchmarks.registration_setup import PITCH_MM, stated_camera

SEED = 31
CASES, PEER_CASES = 5, 2
START_DEG, START_MM = 3.0, 3.0
LEAST_RATIO = 200.0
STEPS = (4, 2, 1)
"""Film pixels of 0.6 mm that DiffDRR's pixels span, coarse to fine."""
MARGIN_PX = 16
VIEWS = (View.LATERAL, View.NASIUM)
WATER_MM, WAVES_MM = 120.0, 7.0
"""Water before and behind C1, and 1 sd of its slow waves."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OneBone:
    """A bone alone on two films.

    Attributes
    ----------
    problem : RegistrationProblem
        The bone is C1; the skull is a speck that stands where it is known to be.
    truth : RigidTransform
        Volume -> room.
    """

    problem: RegistrationProblem
    truth: RigidTransform

    @property
    def model(self) -> BoneModel:
        """The bone."""
        return self.problem.bones[1]

    @property
    def start(self) -> RigidTransform:
        """Volume -> room for C1, as it is expected."""
        return self.problem.start.skull[0] @ self.problem.start.bones["c1"]

    def off(self, pose: RigidTransform) -> tuple[float, float]:
        """Error of a pose: turn in deg, and shift of the bone's centre in mm."""
        change = change_about_centre(self.truth, pose, self.model.centre_mm)
        return float(np.degrees(np.linalg.norm(change[:3]))), float(np.linalg.norm(change[3:]))


def bars(cases: int = CASES, peer_cases: int = PEER_CASES) -> Iterator[Bar]:
    """Seconds and errors of both, and their ratio on the cases that both have solved."""
    made = [one_bone(np.random.default_rng([SEED, k])) for k in range(max(cases, peer_cases))]
    with numba_threads():
        ours_found(made[0])  # compiles
        ours = [ours_found(case) for case in made[:cases]]
    yield from _rows("ours", ours)
    try:
        theirs = [diffdrr_found(case) for case in made[:peer_cases]]
    except PeerMissing as why:
        yield missing_bar("registration.one_bone", str(why))
        return
    yield from _rows("diffdrr", theirs)
    yield from _compared(ours, theirs)


def _compared(ours: list[Array], theirs: list[Array]) -> Iterator[Bar]:
    n = min(len(ours), len(theirs))
    wall, cpu = (
        float(np.median([one[k] for one in theirs]) / np.median([one[k] for one in ours])) for k in (2, 3)
    )
    bar = at_least("registration.one_bone", wall, LEAST_RATIO, "x", n=n, seed=SEED)
    yield replace(bar, peer="DiffDRR with Adam", ratio=wall)
    yield Bar(id="registration.one_bone.cpu-ratio", value=cpu, unit="x", n=n, seed=SEED)
    for k, unit in ((0, "deg"), (1, "mm")):
        least = statistics.median(float(one[k]) for one in theirs)
        value = statistics.median(float(one[k]) for one in ours[:n])
        yield at_most(f"registration.one_bone.error.{unit}", value, least, unit, n=n, seed=SEED)


def _rows(who: str, found: list[Array]) -> Iterator[Bar]:
    for k, unit in enumerate(("deg", "mm", "s", "cpu-s", "steps")[: len(found[0])]):
        value = statistics.median(float(one[k]) for one in found)
        yield Bar(id=f"registration.one_bone.{who}.{unit}", value=value, unit=unit, n=len(found), seed=SEED)


def ours_found(case: OneBone) -> Array:
    """What the program finds from the one start: turn in deg and shift in mm off, seconds, cpu seconds."""
    problem = case.problem
    start, busy = time.perf_counter(), time.process_time()
    poses = Poses.start(problem)
    for level in levels(problem, _specs()):
        parts = sections(problem, level, poses, setting("fit", "margin"))
        fit = LevelFit(problem, level, parts, held=(0,))
        poses = fit.search(fit.at(poses), _unwatched).poses
    seconds = time.perf_counter() - start, time.process_time() - busy
    return np.array([*case.off(poses.skull[0] @ poses.bones[0]), *seconds])


def _specs() -> list[LevelSpec]:
    """The program's own levels for bones other than the skull, coarse to fine."""
    return [replace(spec, looks_at="others") for kind in ("bone", "joint") for spec in LevelSpec.of(kind)]


def _unwatched() -> None:
    """Nobody waits to end the search."""


def one_bone(rng: np.random.Generator) -> OneBone:
    """C1 of a phantom and its films."""
    person = random_person(rng)
    scan = scan_of(rng, person)
    cut = next(model for model in scan.bones if model.bone == "c1")
    model = BoneModel(bone="c1", solid=cut.solid, to_volume=cut.to_volume)
    skull = BoneModel(bone="skull", solid=_speck(model.centre_mm), to_volume=RigidTransform.identity())
    turn = RigidTransform(scan.placed["skull"].rotation.T, np.zeros(3))
    truth = RigidTransform(turn.rotation, -turn.apply(model.centre_mm) + rng.normal(0.0, 5.0, 3))
    films = []
    for view in VIEWS:
        camera, shape = stated_camera(view, ROWS[view])
        part = Part(solid=person.solids["c1"], pose=truth @ scan.placed["c1"])
        signal = film_signal(_counts(rng, render([part], camera, shape)), kind="counts", bright_bone=False)
        films.append(FilmImage(file=f"{view.value}.dcm", signal=signal, camera=camera, camera_sd=CALIBRATED))
    change = rng.normal(size=(2, 3))
    change *= np.array([[np.radians(START_DEG)], [START_MM]]) / np.linalg.norm(change, axis=1)[:, None]
    motion = truth.inverse() @ about_centre(truth, change.ravel(), model.centre_mm)
    sd = np.tile(np.repeat([np.radians(START_DEG), START_MM], 3) / np.sqrt(3), 2)
    start = Start(skull=(truth, truth), bones={"c1": motion}, cov=np.diag(sd**2))
    problem = RegistrationProblem(bones=(skull, model), films=tuple(films), rig="fixed", start=start)
    return OneBone(problem=problem, truth=truth)


def _speck(at_mm: Array) -> Solid:
    """Next to nothing."""
    return Solid(
        attenuation_per_mm=np.full((2, 2, 2), 1e-9, dtype=np.float32), origin_mm=at_mm, spacing_mm=np.ones(3)
    )


def _counts(rng: np.random.Generator, absorbed: Array) -> Array:
    waves = ndimage.gaussian_filter(rng.standard_normal(absorbed.shape), 20.0 / PITCH_MM)
    veil = WATER_PER_MM * (WATER_MM + WAVES_MM * waves / waves.std())
    beam = Beam(photons=PHOTONS * (PITCH_MM / 0.2) ** 2, collimated=0.0)
    detector = Detector(scatter_fraction=SCATTER)
    seen = (absorbed + veil).astype(np.float32)
    return quantum_counts(expected_counts(seen, beam, detector, field_of(beam, seen.shape)), rng)


def diffdrr_found(case: OneBone) -> Array:
    """What DiffDRR finds from the same start, in the same order, and its number of steps.

    Raises
    ------
    PeerMissing
        When it is not installed.
    """
    model, start = case.model, case.start
    centre = model.to_volume.inverse().apply(model.centre_mm)
    solid = Solid(
        attenuation_per_mm=model.solid.attenuation_per_mm,
        origin_mm=model.solid.origin_mm - centre,
        spacing_mm=model.solid.spacing_mm,
    )
    placed = start @ model.to_volume @ RigidTransform(np.eye(3), centre)
    given: dict[str, Array] = {
        "volume": solid.attenuation_per_mm,
        "origin": solid.origin_mm,
        "spacing": solid.spacing_mm,
        "views": np.array(len(VIEWS)),
        "levels": np.array(len(STEPS)),
    }
    for k, film in enumerate(case.problem.films):
        for level, step in enumerate(STEPS):
            shown = _cropped(film, solid, placed, step)
            given |= {f"v{k}l{level}_{name}": value for name, value in shown.items()}
    told = run_peer("diffdrr_adam.py", given)
    moved = RigidTransform(told["motion"][:3, :3], told["motion"][:3, 3]).inverse()
    back = RigidTransform(np.eye(3), -centre) @ model.to_volume.inverse()
    return np.array([*case.off(placed @ moved @ back), *told["seconds"], float(told["steps"])])


def _cropped(film: FilmImage, solid: Solid, placed: RigidTransform, step: int) -> dict[str, Array]:
    """The film round the bone in pixels `step` times as large, and its view."""
    shape = film.signal.log_image.shape
    window = window_of(solid, placed, film.camera, shape, stride=1, margin_px=MARGIN_PX)
    if window is None:
        raise ValueError("the bone is beside the film")
    (column, row), largest = window.first, max(STEPS)
    columns, rows = min(window.count[0], shape[1] - column), min(window.count[1], shape[0] - row)
    columns, rows = columns - columns % largest, rows - rows % largest
    picture = film.signal.log_image[row : row + rows, column : column + columns]
    size = (picture.shape[0] // step, picture.shape[1] // step)
    reduced = picture.reshape(size[0], step, size[1], step).mean(axis=(1, 3))
    first = np.array([column, row])
    camera: PinholeCamera = replace(
        film.camera,
        pitch_mm=film.camera.pitch_mm * step,
        principal_px=(film.camera.principal_px - first + 0.5) / step - 0.5,
    )
    view = PeerView(solid=solid, pose=placed, camera=camera, shape_px=size)
    return {"image": view.as_shown(reduced), "shape_px": np.array(size), **view.in_solid()}


if __name__ == "__main__":
    for bar in bars():
        print(json.dumps(bar.line()), flush=True)
