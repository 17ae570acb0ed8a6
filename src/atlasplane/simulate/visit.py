"""One simulated visit: a pose for each film, the tube set from the lateral, truth and marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from atlasplane.anatomy.phantom_groups import later_stream
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.frames import ISB_FROM_LPS
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.demo_night import Night
from atlasplane.simulate.observer import Observer, place
from atlasplane.simulate.setup import SETUPS, FilmSetup, setups_of
from atlasplane.simulate.subject import Angles, Posed, Subject
from atlasplane.simulate.truth import film_truth, patient_truth
from atlasplane.simulate.truth_space import bone_poses, relative_poses, space_values
from atlasplane.simulate.truth_tables import (
    ScanTruth,
    Table,
    camera_table,
    landmark_table,
    pose_table,
    pose_tables,
    since_scan,
)
from atlasplane.sources.film import View
from atlasplane.sources.reading import Reading

VIEWS = (View.LATERAL, View.NASIUM, View.VERTEX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """Errors of one clinic's set-up, the same on every visit.

    Attributes
    ----------
    scale : mapping View -> float
        Stated over true scale.
    tube_deg : mapping View -> float
        True minus stated tube angle.
    cameras : mapping View -> Camera
        How photographs are taken; level and 3 m away where nothing is said.
    films : mapping View -> FilmSetup
        Films that are taken otherwise than `setup` says.
    rig : str
        Name of the stand whose films are calibrated to each other, so that visit.toml states their cameras;
        empty where there is none.
    """

    scale: Mapping[View, float]
    tube_deg: Mapping[View, float]
    cameras: Mapping[View, Camera] = field(default_factory=dict)
    films: Mapping[View, FilmSetup] = field(default_factory=dict)
    rig: str = ""

    def setups(self, view: View) -> list[FilmSetup]:
        """Geometry of what this clinic takes when a view is asked for."""
        if view in self.films:
            return [self.films[view]]
        camera = self.cameras.get(view)
        return [setup if camera is None else camera.of(setup) for setup in setups_of(view)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """How a photograph was taken: distance (mm), and what is wrong with the camera's level (deg)."""

    distance_mm: float
    raised_deg: float
    rolled_deg: float

    def of(self, setup: FilmSetup) -> FilmSetup:
        """The set-up of this camera, with its picture plane as far behind the person as before."""
        return replace(
            setup,
            sid_mm=self.distance_mm + setup.sid_mm - setup.sod_mm,
            sod_mm=self.distance_mm,
            raised_deg=self.raised_deg,
            rolled_deg=self.rolled_deg,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """Which visit, when, and who marks its films."""

    id: str
    time: datetime
    observer: Observer


EXACT_CLINIC = Clinic(scale=dict.fromkeys(SETUPS, 1.0), tube_deg=dict.fromkeys(SETUPS, 0.0))
SCALE_U_REL = 0.005
"""Relative standard uncertainty of the simulated scales (SOD known to about 4 mm), stated in visit.toml."""
TUBE_SD_DEG = 0.5
CAMERA_MM, LEAST_CAMERA_MM, CAMERA_SD_MM = 2500.0, 1200.0, 500.0
RAISED_SD_DEG, ROLLED_SD_DEG = 2.0, 0.5
"""How photographs differ: distance of the camera, how far it looks up or down, how far it is turned."""
_BLAIR = {View.BLAIR_RIGHT: ("R", -1.0), View.BLAIR_LEFT: ("L", 1.0)}
"""Condyle that the beam follows, and the sign of the head's yaw for it: + turns the right side forward."""
_USUAL_CONVERGENCE_DEG = 30.0
"""Of a subject whose condyles are not marked."""


def random_clinic(rng: np.random.Generator) -> Clinic:
    """A clinic whose scales and tube angles are off by their stated uncertainties.

    A tube that stays level has no error. Views beyond the series are drawn from a stream of their own, so
    that one view more never changes the others.
    """
    later = later_stream(rng)
    scale: dict[View, float] = {}
    tube_deg: dict[View, float] = {}
    for views, stream in ((VIEWS, rng), ([view for view in SETUPS if view not in VIEWS], later)):
        scale |= {view: 1 + float(stream.normal(0.0, SCALE_U_REL)) for view in views}
        tube_deg |= {
            view: float(stream.normal(0.0, TUBE_SD_DEG)) if SETUPS[view].tube_is_set else 0.0
            for view in views
        }
    cameras = {
        view: Camera(
            distance_mm=max(LEAST_CAMERA_MM, float(later.normal(CAMERA_MM, CAMERA_SD_MM))),
            raised_deg=float(later.normal(0.0, RAISED_SD_DEG)),
            rolled_deg=float(later.normal(0.0, ROLLED_SD_DEG)),
        )
        for view in SETUPS
        if view.is_photo
    }
    return Clinic(scale=scale, tube_deg=tube_deg, cameras=cameras)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SimulatedFilm:
    """One film without its picture.

    Attributes
    ----------
    setup : FilmSetup
    posed : Posed
    angles : Angles
    tube_deg, stated_tube_deg : float
        As it was, and as visit.toml says.
    stated_mm_per_px : float
        Scale at the atlas as visit.toml says.
    target_mm : array, shape (3,)
        Room point on the central ray.
    reading : Reading
    film_truth, patient_truth : mapping key -> value
    rig : str
        Of the clinic, for a film of one; else empty.
    """

    setup: FilmSetup
    posed: Posed
    angles: Angles
    tube_deg: float
    stated_tube_deg: float
    stated_mm_per_px: float
    target_mm: Array
    reading: Reading
    film_truth: Mapping[str, float]
    patient_truth: Mapping[str, float]
    rig: str = ""

    @property
    def camera(self) -> PinholeCamera:
        """The true camera, room (ISB mm) to pixels."""
        return self.setup.camera(self.tube_deg, self.target_mm)

    @property
    def camera_lps(self) -> Array:
        """The same as a matrix of LPS mm, shape (3, 4)."""
        matrix = self.camera.matrix()
        return np.column_stack([matrix[:, :3] @ ISB_FROM_LPS, matrix[:, 3]])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SimulatedVisit:
    """A visit's films and photographs and what truly was.

    Attributes
    ----------
    leg_mm : float or None
        True leg length difference, + right leg short; None where it was not looked at.
    leg_readings_mm : tuple of float
        What the examiner read.
    night : Night or None
        A recorded night that belongs to the visit.
    scan : ScanTruth or None
        Where a CT or CBCT was taken at this visit.
    scanned : mapping bone -> RigidTransform
        Bone to room when the phantom was scanned at an earlier visit; empty where it was not.
    """

    id: str
    time: datetime
    phase: str
    moment: str
    films: tuple[SimulatedFilm, ...]
    leg_mm: float | None = None
    leg_readings_mm: tuple[float, ...] = ()
    night: Night | None = None
    scan: ScanTruth | None = None
    scanned: Mapping[str, RigidTransform] = field(default_factory=dict)

    @property
    def exam(self) -> dict[str, object]:
        """Tables of exam.toml."""
        if not self.leg_readings_mm:
            return {}
        return {"leg_check": {"leg_length_difference": list(self.leg_readings_mm)}}

    def truth(self) -> dict[str, object]:
        """The visit's entry of truth.json (INTERFACES.md 6), room axes as LPS."""
        first = self.films[0].posed
        poses = {
            **pose_tables(relative_poses(bone_poses(first.points_mm, first.contours_mm))),
            **{
                f"skull_in_room/{f.setup.name}": pose_table(f.posed.room_from["skull"], "skull", "room")
                for f in self.films
            },
            **({} if self.scan is None else self.scan.poses()),
            **self._since_scan(),
        }
        return {
            "poses": poses,
            "tube_deg": {f.setup.name: f.tube_deg for f in self.films if not f.setup.view.is_photo},
            "head_deg": {f.setup.name: [float(a) for a in f.angles.head] for f in self.films},
            "cameras": {f.setup.name: camera_table(f.camera) for f in self.films},
            "quantities": self._quantities(),
            "landmarks_lps_mm": landmark_table(first.points_mm),
        }

    def _since_scan(self) -> dict[str, Table]:
        films = {f.setup.name: f.posed.room_from for f in self.films if not f.setup.view.is_photo}
        return since_scan(self.scanned, films) if self.scanned and films else {}

    def _quantities(self) -> dict[str, dict[str, float | None]]:
        quantities: dict[str, dict[str, float | None]] = {}
        for film in self.films:
            for key, value in film.film_truth.items():
                quantities[key] = {"film": value, "patient": film.patient_truth[key]}
        first = self.films[0]
        own = space_values(first.posed.points_mm, first.posed.contours_mm)
        asked = (float(a) for a in first.angles.atlas)
        # The pose of C1 is what was asked for, to the last digit.
        own |= zip(("atlas_flexion_3d", "atlas_laterality_3d", "atlas_rotation_3d"), asked, strict=True)
        if self.leg_mm is not None:
            own["leg_length_difference"] = self.leg_mm
        if self.scan is not None:
            own |= self.scan.values()
        if self.night is not None:
            quantities |= self.night.truth()
        return quantities | {key: {"film": None, "patient": value} for key, value in own.items()}


def simulate_visit(  # noqa: PLR0913 - what a clinic decides, all by keyword
    subject: Subject,
    *,
    angles: Mapping[View, Angles],
    observer: Observer,
    rng: np.random.Generator,
    id_: str,
    time: datetime,
    phase: str = "baseline",
    moment: str = "single",
    views: Sequence[View] = VIEWS,
    clinic: Clinic = EXACT_CLINIC,
) -> SimulatedVisit:
    """Film a subject; the tube of nasium and vertex takes the lateral's S-line to the nearest degree.

    Parameters
    ----------
    angles : mapping View -> Angles
        The subject's pose on each film; a view that is not named takes the lateral's.
    views : sequence of View
        Films to take; the lateral is always looked at for the tube angle.
    """
    lateral = subject.posed(angles[View.LATERAL])
    s_line = film_truth(SETUPS[View.LATERAL], lateral, 0.0, lateral.room_from["c1"].translation_mm)[
        "s_line_angle"
    ]
    films = []
    for setup in (setup for view in views for setup in clinic.setups(view)):
        view = setup.view
        pose = _turned(view, angles.get(view, angles[View.LATERAL]), lateral)
        posed = subject.posed(pose)
        # The tube is aimed at the atlas, as the technique asks; the detector follows the tube.
        target = setup.target_mm(posed.points_mm, posed.room_from["c1"].translation_mm)
        stated = float(round(s_line)) if setup.follows_s_line else setup.tube_deg
        tube = stated + clinic.tube_deg[view]
        reading = place(setup, posed, tube, target, observer, rng=rng, reading_id="r1", time=time)
        films.append(
            SimulatedFilm(
                setup=setup,
                posed=posed,
                angles=pose,
                tube_deg=tube,
                stated_tube_deg=stated,
                stated_mm_per_px=setup.mm_per_px * clinic.scale[view],
                target_mm=target,
                reading=reading,
                film_truth=film_truth(setup, posed, tube, target),
                patient_truth=patient_truth(view, subject, pose, from_left=setup.from_left),
                rig="" if view.is_photo else clinic.rig,
            )
        )
    return SimulatedVisit(id=id_, time=time, phase=phase, moment=moment, films=tuple(films))


def _turned(view: View, pose: Angles, posed: Posed) -> Angles:
    """The pose for a view; on Blair's oblique views the beam runs along the long axis of one condyle."""
    if view not in _BLAIR:
        return pose
    side, sign = _BLAIR[view]
    turn = _USUAL_CONVERGENCE_DEG
    if f"CONV_A_{side}" in posed.points_mm:
        in_skull = posed.room_from["skull"].inverse()
        ahead = in_skull.apply(posed.points_mm[f"CONV_A_{side}"]) - in_skull.apply(
            posed.points_mm[f"CONV_P_{side}"]
        )
        turn = float(np.degrees(np.arctan2(abs(ahead[2]), ahead[0])))
    return replace(pose, head=pose.head + np.array([sign * turn, 0.0, 0.0]))
