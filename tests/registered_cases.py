"""A case with a scan and films of two visits, and a registration that says the truth: nothing is searched."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import atlasplane
from atlasplane.anatomy.phantom import Phantom, random_phantom
from atlasplane.anatomy.solids import Solid, solids
from atlasplane.chain import registered
from atlasplane.chain.registered_record import Prepared
from atlasplane.geometry.se3 import perturbed
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.case import CaseHead, write_case
from atlasplane.simulate.case_volume import CaseVolume
from atlasplane.simulate.ct_files import VolumeTable, write_scan
from atlasplane.simulate.ct_observer import marked_truth, repeated_clicks
from atlasplane.simulate.ct_scan import MODALITY, CtScan, Field, scan
from atlasplane.simulate.observer import Observer
from atlasplane.simulate.patient import Scenario, scenario_visits
from atlasplane.simulate.subject import PhantomSubject
from atlasplane.simulate.truth_tables import ScanTruth
from atlasplane.simulate.visit import SimulatedFilm, SimulatedVisit
from atlasplane.sources.case import Case
from atlasplane.sources.film import View
from atlasplane.xray.registration_problem import PER_POSE, RegistrationProblem
from atlasplane.xray.registration_result import FilmResidual, Registration
from tests.film_cases import WHEN

SCENARIO = Scenario(
    seed=11,
    head_deg=(0.4, 0.6, -0.5),
    atlas_deg=(-12.0, 3.4, 4.0),
    post_deg=(-11.0, 1.0, 1.5),
    views=(View.LATERAL, View.NASIUM),
    noise_mm=0.25,
)
PRE, POST = "2026-03-02", "2026-03-02-2"
VOXEL_MM = 2.0
COARSE = {"skull_voxel_mm": 3.0, "spine_voxel_mm": 1.0, "soft_voxel_mm": 6.0}
SD_DEG, SD_MM = 0.2, 0.15
"""Of every pose in a stand-in."""


@cache
def phantom() -> Phantom:
    return random_phantom(np.random.default_rng(2))


@cache
def parts() -> Mapping[str, Solid]:
    return solids(phantom(), rng=np.random.default_rng(0), **COARSE)


@cache
def visits() -> tuple[SimulatedVisit, ...]:
    return scenario_visits(SCENARIO, PhantomSubject(phantom(), parts))


def write_registered_case(folder: Path) -> Path:
    """Two visits of two films, which are grey ramps, and the scan of the first."""
    count = iter(range(1, 100))

    def picture(film: SimulatedFilm) -> NDArray[np.uint16]:
        rows, columns = film.setup.shape
        ramp = np.arange(rows)[:, None] // 8 + 2 * (np.arange(columns) // 8)
        return (ramp + next(count)).astype(np.uint16)

    head = CaseHead(id="registered-case", pseudonym="SIM", seed=SCENARIO.seed, plan={})
    write_case(folder, head, visits(), picture, volume=_volume())
    return folder


@cache
def whole_case(base: Path) -> Path:
    """The case below a folder of this test run, written once; not to be changed."""
    return write_registered_case(base / "registered-case")


@cache
def loaded(root: Path) -> Case:
    """The case as read, once."""
    return atlasplane.load(root).case


@cache
def ready(root: Path, visit: str) -> Prepared:
    """A visit of it ready to be registered, once."""
    return _prepare(loaded(root), visit=visit)


_prepare = registered.prepare
"""As it is before a test puts another in its place."""


def _volume() -> CaseVolume:
    posed = visits()[0].films[0].posed
    field = Field.of(posed.points_mm, VOXEL_MM)
    observer = Observer(noise_mm=SCENARIO.noise_mm)
    readings = repeated_clicks(posed, field, observer, rng=np.random.default_rng(3), time=WHEN)

    def write(root: Path) -> VolumeTable:
        greys, masks = scan(posed, parts(), field, rng=np.random.default_rng(4), noise_hu=0.0)
        made = CtScan(hounsfield=greys, masks=masks, affine_lps=field.affine_lps, readings=readings)
        table = write_scan(root, made, "v1")
        return {key: value for key, value in table.items() if key != "meshes"}

    points, contours = marked_truth(posed, readings[0])
    return CaseVolume(
        truth=ScanTruth(condition=MODALITY, points_mm=points, contours_mm=contours), write=write
    )


def stand_in(
    problem: RegistrationProblem,
    *,
    status: str = "ok",
    reasons: tuple[str, ...] = (),
    motions: Mapping[str, RigidTransform] | None = None,
) -> Registration:
    """A registration that ends where it began, or at motions that are given, equally sure of every pose."""
    sd = np.tile(np.repeat([np.radians(SD_DEG), SD_MM], 3), problem.poses)
    blank = np.zeros((4, 5), dtype=np.float32)
    return Registration(
        status=status,  # type: ignore[arg-type]
        reasons=reasons,
        skull=problem.start.skull,
        bones=dict(motions or problem.start.bones),
        cov=np.diag(sd**2),
        cameras=tuple(film.camera for film in problem.films),
        camera_u=tuple(np.array([1.0, 0.5, 0.5, 0.001]) for _ in problem.films),
        residual=0.4,
        limit=1.0,
        agreement_deg=0.02,
        agreement_mm=0.01,
        films=tuple(
            FilmResidual(
                file=film.file,
                gain=1.1,
                first_px=(10, 20),
                step_px=4,
                residual=blank,
                weights=np.full_like(blank, 0.5),
                share=0.8,
            )
            for film in problem.films
        ),
        iterations=12,
        seconds=0.5,
    )


def moved(pose: RigidTransform, *change: float) -> RigidTransform:
    """A pose after turns (deg) and shifts (mm)."""
    off: Array = np.array(change, dtype=float)
    off[:3] = np.radians(off[:3])
    assert len(off) == PER_POSE
    return perturbed(pose, off)
