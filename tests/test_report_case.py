"""The case that the report's tests show: a phantom filmed before and after, marked with a little noise."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import numpy as np

from atlasplane.anatomy.landmarks import landmarks
from atlasplane.anatomy.phantom import Posture, mean_phantom, posture
from atlasplane.anatomy.views import film_camera
from atlasplane.chain.measured import MeasuredCase, PlanSettings, measure_case
from atlasplane.core.calibration import Calibration, CalibrationKind
from atlasplane.core.side import Side
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.quadric import outline
from atlasplane.plan.height import TwoArcHeight
from atlasplane.sources.case import Case, Moment, Phase, Visit
from atlasplane.sources.film import Detector, ImageDirection, PixelArray, Radiograph, Technique, View
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading

PITCH_MM = 0.2
CLICK_SD_PX = 1.0
CET = timezone(timedelta(hours=1))
PRE_TIME = datetime(2026, 3, 2, 9, 10, tzinfo=CET)


@dataclass(frozen=True)
class Setup:
    """How one view of the tests is taken."""

    sid_mm: float
    sod_mm: float
    tube_deg: float
    detector: Detector
    shape: tuple[int, int]
    principal_px: tuple[float, float]
    first: ImageDirection
    second: ImageDirection


SETUPS: Mapping[str, Setup] = {
    "lateral": Setup(
        1830,
        1580,
        0.0,
        Detector.PERPENDICULAR,
        (1400, 1240),
        (660.0, 640.0),
        ImageDirection.LEFT,
        ImageDirection.UP,
    ),
    "nasium": Setup(
        1067,
        837,
        12.0,
        Detector.UPRIGHT,
        (1640, 1120),
        (559.5, 840.0),
        ImageDirection.LEFT,
        ImageDirection.UP,
    ),
    "vertex": Setup(
        1067,
        837,
        12.0,
        Detector.PERPENDICULAR,
        (1560, 1200),
        (599.5, 860.0),
        ImageDirection.UP,
        ImageDirection.LEFT,
    ),
}


def camera_of(view: str) -> PinholeCamera:
    """Camera of a view of the tests."""
    setup = SETUPS[view]
    return film_camera(
        view,
        sid_mm=setup.sid_mm,
        sod_mm=setup.sod_mm,
        tube_deg=setup.tube_deg,
        upright=setup.detector is Detector.UPRIGHT,
        target_mm=np.zeros(3),
        first_px=setup.first.vector,
        second_px=setup.second.vector,
        pitch_mm=np.full(2, PITCH_MM),
        principal_px=np.array(setup.principal_px),
    )


def gradient(shape: tuple[int, int]) -> PixelArray:
    """Stands in for a film: a soft 12-bit gradient."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (1000 + rows + columns).astype(np.uint16)


def posed(*, head: tuple[float, float, float], atlas: tuple[float, float, float]) -> Posture:
    """The mean person, head (yaw, pitch, roll) and atlas (flexion, laterality, rotation) in degrees."""
    return posture(
        mean_phantom(), head_deg=np.array(head), atlas_deg=np.array(atlas), axis_deg=np.array([0.0, 1.0, 4.0])
    )


def skull_px(stance: Posture, camera: PinholeCamera, principal: tuple[float, float]) -> dict[str, np.ndarray]:
    """Outline of the skull on the nasium film, marks included."""
    ellipse = outline(mean_phantom().vault.moved(stance.room_from("skull")), camera.matrix(pixels=False))
    shapes = {}
    for name, sign in (("R", -1), ("L", 1)):
        for what, low, high, count in (
            ("SKULL", 12.0, 62.0, 13),
            ("SQ", 14.0, 14.0, 1),
            ("TURN", 54.0, 54.0, 1),
        ):
            heights = ellipse.centre_mm[1] - 1.27 * np.linspace(low, high, count)
            shapes[f"{what}_{name}"] = ellipse.points(heights, sign) / PITCH_MM + np.array(principal)
    return shapes


def reading_of(
    view: str, stance: Posture, rng: np.random.Generator, *, observer: str = "KR", id_: str = "r1"
) -> Reading:
    """One observer's marks on one view."""
    camera, person = camera_of(view), mean_phantom()
    points = {
        name: MarkedPoint(noisy(camera.project(stance.room_from(bone).apply(at)), rng))
        for name, (bone, at) in person.points_mm.items()
        if name in landmarks() and view in landmarks()[name].views
    }
    contours = {}
    if view == "nasium":
        contours = {
            name: MarkedContour(noisy(camera.project(stance.room_from(bone).apply(at)), rng))
            for name, (bone, at) in person.arcs_mm.items()
        }
        for name, at in skull_px(stance, camera, SETUPS[view].principal_px).items():
            if name.startswith("SKULL"):
                contours[name] = MarkedContour(noisy(at, rng))
            else:
                points[name] = MarkedPoint(noisy(at[0], rng))
    return Reading(
        id=id_, observer=observer, time=PRE_TIME, tool="mark/1.0", points=points, contours=contours
    )


def noisy(at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where the observer clicked."""
    return np.asarray(at + rng.normal(0, CLICK_SD_PX, np.shape(at)))


def film_of(
    view: str, folder: str, readings: tuple[Reading, ...], load: Callable[[], PixelArray] | None = None
) -> Radiograph:
    """A film with geometry and scale."""
    setup = SETUPS[view]
    scale = PITCH_MM * setup.sod_mm / setup.sid_mm
    return Radiograph(
        file=f"{folder}/{view}.dcm",
        sha256=hashlib.sha256(f"{folder}{view}".encode()).hexdigest(),
        view=View(view),
        shape=setup.shape,
        load_pixels=load or (lambda: gradient(setup.shape)),
        patient_right=None if view == "lateral" else ImageDirection.LEFT,
        patient_anterior={"lateral": ImageDirection.LEFT, "vertex": ImageDirection.UP}.get(view),
        marker="R",
        technique=Technique(
            sid_mm=setup.sid_mm,
            sod_mm=setup.sod_mm,
            tube_deg=setup.tube_deg,
            detector=setup.detector,
            principal_px=setup.principal_px,
        ),
        calibration=Calibration(kind=CalibrationKind.SID_SOD, mm_per_px=(scale, scale), u_rel=0.02),
        readings=readings,
    )


def visit_of(
    id_: str,
    moment: Moment,
    stance: Posture,
    *,
    seed: int,
    minutes: float = 0,
    views: tuple[str, ...] = ("lateral", "nasium", "vertex"),
    load: Mapping[str, Callable[[], PixelArray]] | None = None,
) -> Visit:
    """A visit with marked films of one posture."""
    rng = np.random.default_rng(seed)
    folder = f"2026-03-02-{id_}"
    films = tuple(film_of(v, folder, (reading_of(v, stance, rng),), (load or {}).get(v)) for v in views)
    return Visit(
        id=id_,
        time=PRE_TIME + timedelta(minutes=minutes),
        phase=Phase.BASELINE,
        moment=moment,
        folder=folder,
        observer="KR",
        films=films,
    )


PRE_POSE = posed(head=(0.6, 0.0, 0.8), atlas=(-11.0, 3.4, 4.6))
POST_POSE = posed(head=(0.2, 0.0, 0.3), atlas=(-11.5, 0.5, 1.9))


def case_of(*visits: Visit, simulated: bool = True, pseudonym: str = "P-014") -> Case:
    """A case with these visits."""
    return Case(
        id="3f0c2a71-1d7e-4c1f-9b1c-1f3f8b1f7a55",
        pseudonym=pseudonym,
        folder=Path("P-014"),
        simulated=simulated,
        birth_year=1980,
        sex="female",
        visits=visits,
    )


@cache
def pre_visit() -> Visit:
    """Films before."""
    return visit_of("v1", Moment.PRE, PRE_POSE, seed=3)


@cache
def post_visit() -> Visit:
    """Films after."""
    return visit_of("v2", Moment.POST, POST_POSE, seed=4, minutes=55)


@cache
def measured_pair() -> MeasuredCase:
    """The case with both visits measured."""
    return measured_of(case_of(pre_visit(), post_visit()))


def measured_of(case: Case) -> MeasuredCase:
    """A measured case with the two-arc height model."""
    return measure_case(case, PlanSettings(height=TwoArcHeight()))


def without_technique(visit: Visit) -> Visit:
    """The same films with no geometry stated."""
    return replace(visit, films=tuple(replace(film, technique=None) for film in visit.films))


def without_scale(visit: Visit) -> Visit:
    """The same films with no scale."""
    return replace(
        visit,
        films=tuple(replace(f, calibration=Calibration(kind=CalibrationKind.NONE)) for f in visit.films),
    )


def test_the_case_has_a_right_laterality_before_and_none_to_tell_after() -> None:
    before, after = (v.joint.measurement("atlas_laterality") for v in measured_pair().visits)
    assert before is not None and after is not None
    assert (before.side, after.side) == (Side.RIGHT, Side.UNDETERMINED)
