"""One simulated visit: a pose for each film, the tube set from the lateral, truth and marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from atlasplane.geometry.rotation import zxy_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.observer import Observer, place
from atlasplane.simulate.setup import SETUPS, FilmSetup
from atlasplane.simulate.subject import Angles, Posed, Subject
from atlasplane.simulate.truth import film_truth, patient_truth
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
    """

    scale: Mapping[View, float]
    tube_deg: Mapping[View, float]


EXACT_CLINIC = Clinic(scale=dict.fromkeys(SETUPS, 1.0), tube_deg=dict.fromkeys(SETUPS, 0.0))
SCALE_U_REL = 0.005
"""Relative standard uncertainty of the simulated scales (SOD known to about 4 mm), stated in visit.toml."""
TUBE_SD_DEG = 0.5


def random_clinic(rng: np.random.Generator) -> Clinic:
    """A clinic whose scales and tube angles are off by their stated uncertainties."""
    return Clinic(
        scale={view: 1 + float(rng.normal(0.0, SCALE_U_REL)) for view in SETUPS},
        tube_deg={
            view: float(rng.normal(0.0, TUBE_SD_DEG)) if s.follows_s_line else 0.0
            for view, s in SETUPS.items()
        },
    )


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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SimulatedVisit:
    """A visit's films and what truly was."""

    id: str
    time: datetime
    phase: str
    moment: str
    films: tuple[SimulatedFilm, ...]

    def truth(self) -> dict[str, object]:
        """The visit's entry of truth.json (INTERFACES.md 6), room axes as LPS."""
        quantities: dict[str, dict[str, float | None]] = {}
        for film in self.films:
            for key, value in film.film_truth.items():
                quantities[key] = {"film": value, "patient": film.patient_truth[key]}
        flexion, laterality, rotation = (float(a) for a in self.films[0].angles.atlas)
        for name, value in (("flexion", flexion), ("laterality", laterality), ("rotation", rotation)):
            quantities[f"atlas_{name}_3d"] = {"film": None, "patient": value}
        first = self.films[0].posed
        return {
            "poses": {
                **_poses(first),
                **{
                    f"skull_in_room/{f.setup.view.value}": _pose(f.posed.room_from["skull"], "skull", "room")
                    for f in self.films
                },
            },
            "tube_deg": {f.setup.view.value: f.tube_deg for f in self.films},
            "head_deg": {f.setup.view.value: [float(a) for a in f.angles.head] for f in self.films},
            "quantities": quantities,
            "landmarks_lps_mm": {
                id_: [float(-at[2]), float(-at[0]), float(at[1])]
                for id_, at in sorted(first.points_mm.items())
            },
        }


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
        The subject's pose on each film.
    views : sequence of View
        Films to take; the lateral is always looked at for the tube angle.
    """
    lateral = subject.posed(angles[View.LATERAL])
    s_line = film_truth(SETUPS[View.LATERAL], lateral, 0.0, lateral.room_from["c1"].translation_mm)[
        "s_line_angle"
    ]
    films = []
    for view in views:
        setup, pose = SETUPS[view], angles[view]
        posed = subject.posed(pose)
        # The tube is aimed at the atlas, as the technique asks; the detector follows the tube.
        target = posed.room_from["c1"].translation_mm
        stated = float(round(s_line)) if setup.follows_s_line else 0.0
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
                patient_truth=patient_truth(view, subject, pose),
            )
        )
    return SimulatedVisit(id=id_, time=time, phase=phase, moment=moment, films=tuple(films))


def _poses(posed: Posed) -> dict[str, dict[str, object]]:
    skull = posed.room_from["skull"].inverse()
    relative = {
        f"{bone}_in_skull": skull @ posed.room_from[bone] for bone in ("c1", "c2") if bone in posed.room_from
    }
    poses = {name: _pose(pose, name.split("_")[0], "skull") for name, pose in relative.items()}
    if "c2" in posed.room_from:
        poses["c2_in_c1"] = _pose(posed.room_from["c1"].inverse() @ posed.room_from["c2"], "c2", "c1")
    return poses


_ORIGINS = {
    "skull": "basion",
    "c1": "C1 transverse foramina midpoint",
    "c2": "centre of the dens at its base",
    "trunk": "basion, neutral pose",
}


def _pose(pose: RigidTransform, bone: str, to: str) -> dict[str, object]:
    alpha, beta, gamma = zxy_from_rotation(pose.rotation)
    return {
        "from": bone,
        "to": to,
        "R": [[float(x) for x in row] for row in pose.rotation],
        "t_mm": [float(x) for x in pose.translation_mm],
        "origin": _ORIGINS.get(bone, bone),
        "zxy_deg": {"flexext": float(alpha), "lateral": float(beta), "axial": float(gamma)},
        "cov6": None,
    }
