"""Simulated visits for the joint fit: films of one person, the person's own bones on a CT, and the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from atlasplane.anatomy.bone_frames import bone_frame
from atlasplane.core.finding import Finding
from atlasplane.core.observation import Measurement, Pose
from atlasplane.geometry.frames import lps_from_isb
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import analyse_film
from atlasplane.pathways.alignment.film_fit import fit_films
from atlasplane.pathways.alignment.film_fit_shape import fitted_ids
from atlasplane.pathways.alignment.pose_observations import pose_part
from atlasplane.pathways.alignment.visit_analysis import AlignmentAnalysis, analyse_visit
from atlasplane.simulate.memory import visit_in_memory
from atlasplane.simulate.observer import Observer
from atlasplane.simulate.subject import Angles, PhantomSubject
from atlasplane.simulate.visit import VIEWS, SimulatedVisit, simulate_visit
from atlasplane.sources.case import Visit
from atlasplane.sources.film import Radiograph, View
from atlasplane.sources.reading import MarkedPoint, Reading
from atlasplane.sources.volume import Volume
from tests.film_cases import EXACT_CLINIC, WHEN, pose

VOXEL_MM = 0.4
NOISE_MM = 0.5
"""SD of the clicks on the films."""
EXACT_MM = 0.01
"""Click error and voxel that leave nothing to tell from the truth."""


def filmed(
    subject: PhantomSubject,
    angles: Angles | Mapping[View, Angles],
    *,
    seed: int = 1,
    noise_mm: float = NOISE_MM,
    views: Sequence[View] = VIEWS,
) -> SimulatedVisit:
    """A visit of a clinic whose geometry is exact, clicked with an error."""
    return simulate_visit(
        subject,
        angles={View.LATERAL: angles} if isinstance(angles, Angles) else angles,
        observer=Observer(noise_mm=noise_mm),
        rng=np.random.default_rng(seed),
        id_="v1",
        time=WHEN,
        views=views,
        clinic=EXACT_CLINIC,
    )


def scanned(
    subject: PhantomSubject,
    *,
    seed: int = 2,
    noise_mm: float = 0.3,
    without: Sequence[str] = (),
    file: str = "ct/head.nii.gz",
    readings: int = 1,
    voxel_mm: float = VOXEL_MM,
) -> Volume:
    """The subject's bones on a CT, another posture than on the films, marked with an error."""
    rng = np.random.default_rng(seed)
    lying = subject.posed(pose(head=(3.0, -8.0, 2.0), atlas=(-8.0, -1.0, 2.0), axis=(2.0, 1.0, -3.0)))
    cov = max(noise_mm, EXACT_MM) ** 2 * np.eye(3)
    ids = sorted(fitted_ids() & lying.points_mm.keys() - set(without))

    def reading(number: int) -> Reading:
        points = {
            id_: MarkedPoint(lps_from_isb(lying.points_mm[id_]) + rng.normal(0.0, noise_mm, 3), cov)
            for id_ in ids
        }
        return Reading(id=f"ct-{number}", observer="CT", time=WHEN, tool="hand", points=points)

    return Volume(
        file=file,
        shape=(8, 8, 8),
        affine_lps=np.diag([voxel_mm, voxel_mm, voxel_mm, 1.0]),
        hounsfield=True,
        load_voxels=lambda: np.zeros((8, 8, 8), dtype=np.int16),
        readings=tuple(reading(k) for k in range(readings)),
    )


def fitted(visit: SimulatedVisit | Visit, *volumes: Volume, **options: object) -> AlignmentAnalysis:
    """The analysis of a visit with the volumes of its case."""
    held = visit_in_memory(visit) if isinstance(visit, SimulatedVisit) else visit
    return analyse_visit(held, volumes=volumes, **options)  # type: ignore[arg-type]


def jointly(visit: SimulatedVisit | Visit, *volumes: Volume) -> dict[str, Measurement]:
    """Angles of the joint fit alone, without the films' own quantities; empty where it refuses."""
    held = visit_in_memory(visit) if isinstance(visit, SimulatedVisit) else visit
    analyses = [analysis for film in held.films if (analysis := analyse_film(film)) is not None]
    whole, _ = fit_films(held, analyses, volumes=volumes)
    if whole is None:
        return {}
    found, _ = pose_part(held, whole)
    return {o.key: o for o in found.part.measurements}


def with_film(visit: Visit, view: View, **fields: object) -> Visit:
    """The visit with some fields of one film changed."""
    return replace(
        visit, films=tuple(replace(film, **fields) if film.view is view else film for film in visit.films)
    )


def film(visit: Visit, view: View) -> Radiograph:
    """The film of a view."""
    return next(film for film in visit.films if film.view is view)


def remarked(reading: Reading, change: Mapping[str, Array]) -> Reading:
    """A reading with some points at other places."""
    points = {id_: MarkedPoint(change.get(id_, mark.at), mark.cov) for id_, mark in reading.points.items()}
    return replace(reading, points=points)


def true_pose(visit: SimulatedVisit, moving: str, reference: str) -> RigidTransform:
    """Frame of one bone in that of another, from the true places of the landmarks."""
    points = visit.films[0].posed.points_mm
    frames = [bone_frame(bone, points) for bone in (reference, moving)]
    return frames[0].inverse() @ frames[1]


def codes(findings: Sequence[Finding]) -> set[str]:
    """Codes of the joint fit among some findings."""
    return {found.code for found in findings if found.code.startswith("pose.")}


def said(analysis: AlignmentAnalysis, code: str) -> Finding:
    """The one finding of a code."""
    (found,) = (each for each in analysis.findings if each.code == code)
    return found


def space_values(analysis: AlignmentAnalysis) -> dict[str, Measurement]:
    """Measurements that came from the films jointly."""
    return {
        o.key: o
        for o in analysis.joint.observations
        if isinstance(o, Measurement) and o.method == "films-jointly/1"
    }


def poses(analysis: AlignmentAnalysis) -> dict[str, Pose]:
    """Poses that came from the films jointly."""
    return {o.key: o for o in analysis.joint.observations if isinstance(o, Pose)}


def exactly_filmed(subject: PhantomSubject, angles: Angles | Mapping[View, Angles]) -> SimulatedVisit:
    """A visit clicked without error worth naming."""
    return filmed(subject, angles, noise_mm=EXACT_MM)


def exactly_scanned(subject: PhantomSubject) -> Volume:
    """A scan marked without error worth naming, on a grid as fine."""
    return scanned(subject, noise_mm=EXACT_MM, voxel_mm=EXACT_MM)
