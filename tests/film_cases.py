"""Films of the tests: one set placed by hand in pixels, and simulated visits without pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from atlasplane.anatomy.phantom import mean_phantom, random_phantom
from atlasplane.core.calibration import Calibration, CalibrationKind
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis, analyse_film
from atlasplane.simulate.memory import film_in_memory, visit_in_memory
from atlasplane.simulate.observer import Observer, place
from atlasplane.simulate.setup import SETUPS, FilmSetup
from atlasplane.simulate.subject import Angles, PhantomSubject, Subject
from atlasplane.simulate.truth import film_truth, patient_truth
from atlasplane.simulate.visit import (
    EXACT_CLINIC,
    VIEWS,
    Clinic,
    SimulatedFilm,
    SimulatedVisit,
    random_clinic,
    simulate_visit,
)
from atlasplane.sources.case import Case, Moment, Phase, Visit
from atlasplane.sources.film import Detector, ImageDirection, Radiograph, Technique, View
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading

WHEN = datetime(2026, 3, 2, 9, 10, tzinfo=UTC)
LEFT, RIGHT, UP, DOWN = ImageDirection.LEFT, ImageDirection.RIGHT, ImageDirection.UP, ImageDirection.DOWN
Move = Callable[[Array], Array]
Place = tuple[float, float]


# ---- films placed by hand ----


@dataclass(frozen=True)
class HandFilm:
    """Marks in pixels [column, row] on an image of 1201 x 1601 pixels, whose centre is (600, 800)."""

    view: View
    points: Mapping[str, Place]
    contours: Mapping[str, Sequence[Place]] = field(default_factory=dict)
    mm_per_px: Place = (0.2, 0.2)
    right: ImageDirection | None = None
    anterior: ImageDirection | None = None
    superior: ImageDirection | None = None
    shape: tuple[int, int] = (1601, 1201)

    def moved(self, move: Move, **fields: object) -> HandFilm:
        """Every mark moved by a function of arrays (n, 2)."""
        points = {id_: tuple(move(np.array([at]))[0]) for id_, at in self.points.items()}
        contours = {id_: [tuple(p) for p in move(np.array(at))] for id_, at in self.contours.items()}
        return replace(self, points=points, contours=contours, **fields)

    def nudged(self, ids: str, by: Place | Move) -> HandFilm:
        """Some marks moved: ids with spaces between, by (columns, rows) or by a function."""
        move = by if callable(by) else lambda at: at + np.array(by)
        part = self.moved(move)
        names = ids.split()
        return replace(
            self,
            points={id_: (part if id_ in names else self).points[id_] for id_ in self.points},
            contours={id_: (part if id_ in names else self).contours[id_] for id_ in self.contours},
        )

    def without(self, *ids: str) -> HandFilm:
        """The film with some marks left out."""
        return replace(
            self,
            points={id_: at for id_, at in self.points.items() if id_ not in ids},
            contours={id_: at for id_, at in self.contours.items() if id_ not in ids},
        )

    def relabelled(self) -> HandFilm:
        """The film with _R and _L exchanged."""

        def other(id_: str) -> str:
            return id_[:-1] + {"R": "L", "L": "R"}[id_[-1]] if id_[-2:] in ("_R", "_L") else id_

        return replace(
            self,
            points={other(id_): at for id_, at in self.points.items()},
            contours={other(id_): at for id_, at in self.contours.items()},
        )

    def reading(self, id_: str = "r1", observer: str = "KR", *, sd_px: float | None = None) -> Reading:
        """The marks as one reading."""
        cov = None if sd_px is None else sd_px**2 * np.eye(2)
        return Reading(
            id=id_,
            observer=observer,
            time=WHEN,
            tool="hand",
            points={k: MarkedPoint(np.array(at, dtype=float), cov) for k, at in self.points.items()},
            contours={k: MarkedContour(np.array(at, dtype=float), sd_px) for k, at in self.contours.items()},
        )

    def film(self, *readings: Reading, **fields: object) -> Radiograph:
        """The film; without readings it has the marks themselves as the only one."""
        given: dict[str, object] = {
            "file": f"{self.view.value}.png",
            "sha256": "0" * 64,
            "view": self.view,
            "shape": self.shape,
            "load_pixels": lambda: np.zeros(self.shape, dtype=np.uint16),
            "patient_right": self.right,
            "patient_anterior": self.anterior,
            "patient_superior": self.superior,
            "technique": TECHNIQUES[self.view],
            "calibration": Calibration(
                kind=CalibrationKind.USER_FIDUCIAL, mm_per_px=self.mm_per_px, u_rel=0.01
            ),
            "readings": readings or (self.reading(),),
        }
        return Radiograph(**(given | fields))  # type: ignore[arg-type]


TECHNIQUES = {
    View.LATERAL: Technique(sid_mm=1830, sod_mm=1580, detector=Detector.PERPENDICULAR),
    View.NASIUM: Technique(sid_mm=1067, sod_mm=837, tube_deg=11.0, detector=Detector.UPRIGHT),
    View.VERTEX: Technique(sid_mm=1067, sod_mm=837, tube_deg=11.0, detector=Detector.PERPENDICULAR),
    View.BASE_POSTERIOR: Technique(sid_mm=1067, sod_mm=837, detector=Detector.PERPENDICULAR),
    View.APOM: Technique(sid_mm=1067, sod_mm=837, tube_deg=-10.0),
    View.AP_CERVICAL: Technique(sid_mm=1067, sod_mm=837, tube_deg=-15.0),
    View.LATERAL_FULL: Technique(sid_mm=1830, sod_mm=1580),
    View.AP_FULL: Technique(sid_mm=1830, sod_mm=1600),
}

PYTHAGOREAN = ((14.0, 48.0), (30.0, 40.0), (40.0, 30.0), (48.0, 14.0))
"""Whole-numbered points of a circle of radius 50."""


def arc(centre: Place, scale: float, *, side: int, above: bool) -> list[Place]:
    """Points of a circle of radius 50 `scale` px about a pixel; side -1 on the image's left."""
    rows = -scale if above else scale
    return [(centre[0] + side * scale * a, centre[1] + rows * b) for a, b in PYTHAGOREAN]


def walls(centre_column: float, lean: float, *, half_width: float = 350.0) -> dict[str, list[Place]]:
    """Straight parallel walls: middle at `centre_column` in row 800, `lean` columns left for a row up."""
    rows = np.arange(650.0, 249.0, -25.0)
    middle = centre_column - lean * (800.0 - rows)
    return {
        "SKULL_R": list(zip(middle - half_width, rows, strict=True)),
        "SKULL_L": list(zip(middle + half_width, rows, strict=True)),
    }


LATERAL = HandFilm(
    view=View.LATERAL,
    anterior=LEFT,
    mm_per_px=(0.25, 0.25),
    points={
        "C1_ARCH_LM": (500, 800),
        "C1_ARCH_13": (600, 820),
        "C1_AT": (450, 780),
        "C1_PT": (700, 840),
        "HP_ANT": (200, 700),
        "HP_POST": (300, 710),
    },
)

NASIUM = HandFilm(
    view=View.NASIUM,
    right=LEFT,
    points={
        "PL_R": (500, 790),
        "PL_L": (700, 810),
        "PLU_R": (495, 740),
        "PLU_L": (705, 761),
        "OD_BASE": (590, 860),
        "C2_SPB": (570, 1000),
        "C7_C": (620, 1400),
        "TP_R": (400, 800),
        "TP_L": (800, 810),
        "SQ_R": (250, 600),
        "SQ_L": (950, 600),
        "TURN_R": (250, 300),
        "TURN_L": (950, 300),
        "ORB_R": (330, 560),
        "ORB_L": (830, 560),
        "RAM_R": (380, 1050),
        "RAM_L": (830, 1050),
    },
    contours={
        **walls(590.0, 0.05),
        "COND_R": arc((580, 640), 4.0, side=-1, above=False),
        "COND_L": arc((580, 640), 4.0, side=1, above=False),
        "AXIS_R": arc((610, 1300), 8.0, side=-1, above=True),
        "AXIS_L": arc((610, 1300), 8.0, side=1, above=True),
    },
)

STRAIGHT_NASIUM = HandFilm(
    view=View.NASIUM,
    right=LEFT,
    points={
        "PL_R": (500, 800),
        "PL_L": (700, 800),
        "OD_BASE": (600, 860),
        "C2_SPB": (600, 1000),
        "C7_C": (600, 1400),
        "TP_R": (400, 800),
        "TP_L": (800, 800),
        "SQ_R": (250, 600),
        "SQ_L": (950, 600),
        "TURN_R": (250, 300),
        "TURN_L": (950, 300),
    },
    contours={
        **walls(600.0, 0.0),
        "COND_R": arc((600, 640), 4.0, side=-1, above=False),
        "COND_L": arc((600, 640), 4.0, side=1, above=False),
        "AXIS_R": arc((600, 1300), 8.0, side=-1, above=True),
        "AXIS_L": arc((600, 1300), 8.0, side=1, above=True),
    },
)
"""A person without any deviation: every lateral quantity is 0."""

VERTEX = HandFilm(
    view=View.VERTEX,
    anterior=UP,
    right=LEFT,
    points={"TF_R": (500, 790), "TF_L": (700, 810), "CRIB": (610, 500), "FM_C": (600, 900)},
)
STRAIGHT_VERTEX = replace(
    VERTEX, points={"TF_R": (500, 800), "TF_L": (700, 800), "CRIB": (600, 500), "FM_C": (600, 900)}
)


def analysed(film: HandFilm | Radiograph) -> FilmAnalysis:
    """The analysis of one film that has marks."""
    analysis = analyse_film(film.film() if isinstance(film, HandFilm) else film)
    assert analysis is not None
    return analysis


def values(film: HandFilm | Radiograph) -> dict[str, float]:
    """What is read from a film, quantities only."""
    analysis = analysed(film)
    pairs = zip(analysis.keys, analysis.values, strict=True)
    return {key: float(value) for key, value in pairs if not key.startswith("check.")}


def visit_of_films(*films: HandFilm | Radiograph, **fields: object) -> Visit:
    """A visit that holds films."""
    given: dict[str, object] = {
        "id": "v1",
        "time": WHEN,
        "phase": Phase.BASELINE,
        "moment": Moment.SINGLE,
        "folder": "2026-03-02",
        "films": tuple(f.film() if isinstance(f, HandFilm) else f for f in films),
    }
    return Visit(**(given | fields))  # type: ignore[arg-type]


def case_of(*visits: Visit, **fields: object) -> Case:
    """A case that holds visits."""
    given: dict[str, object] = {
        "id": "case-1",
        "pseudonym": "P-1",
        "folder": Path("case-1"),
        "simulated": True,
        "visits": visits,
    }
    return Case(**(given | fields))  # type: ignore[arg-type]


# ---- simulated films without pictures ----

Three = tuple[float, float, float]
ZERO: Three = (0.0, 0.0, 0.0)
EXACT = Observer(noise_mm=0.0)
"""Clicks without error; the landmark files then state none, and the catalogue's defaults are assumed."""


def person(rng: np.random.Generator | None = None) -> PhantomSubject:
    """A random person, or the mean one."""
    return PhantomSubject(mean_phantom() if rng is None else random_phantom(rng), dict)


def pose(
    head: Sequence[float] = ZERO,
    atlas: Sequence[float] = (-12.0, 0.0, 0.0),
    axis: Sequence[float] = ZERO,
    trunk: Sequence[float] = ZERO,
) -> Angles:
    """A pose from plain numbers: head (yaw, pitch, roll), bones (flexion, laterality, rotation)."""
    return Angles(
        head=np.array(head, dtype=float),
        atlas=np.array(atlas, dtype=float),
        axis=np.array(axis, dtype=float),
        trunk=np.array(trunk, dtype=float),
    )


def random_pose(rng: np.random.Generator, head: Sequence[float]) -> Angles:
    """Bones spread uniformly over what the clinic sees, the head as given."""
    atlas = [rng.uniform(-20, -4), rng.uniform(-5, 5), rng.uniform(-6, 6)]
    return pose(head, atlas, rng.uniform(-1, 1, 3) * (8, 3, 5), rng.uniform(-1, 1, 3) * (10, 3, 5))


def simulated_film(
    setup: FilmSetup,
    subject: Subject,
    angles: Angles,
    tube_deg: float,
    *,
    target_mm: Array | None = None,
    observer: Observer = EXACT,
    seed: int = 0,
) -> SimulatedFilm:
    """One film with a geometry of one's own; the beam is aimed at the atlas unless told otherwise."""
    posed = subject.posed(angles)
    target = posed.room_from["c1"].translation_mm if target_mm is None else target_mm
    rng = np.random.default_rng(seed)
    return SimulatedFilm(
        setup=setup,
        posed=posed,
        angles=angles,
        tube_deg=tube_deg,
        stated_tube_deg=tube_deg,
        stated_mm_per_px=setup.mm_per_px,
        target_mm=target,
        reading=place(setup, posed, tube_deg, target, observer, rng=rng, reading_id="r1", time=WHEN),
        film_truth=film_truth(setup, posed, tube_deg, target),
        patient_truth=patient_truth(setup.view, subject, angles),
    )


def simulated_radiograph(
    view: View, subject: Subject, angles: Angles, tube_deg: float, **options: object
) -> Radiograph:
    """One simulated film as a reader would give it, in the simulated clinic's geometry."""
    return film_in_memory(simulated_film(SETUPS[view], subject, angles, tube_deg, **options))  # type: ignore[arg-type]


def exact_visit(
    subject: Subject, angles: Angles | Mapping[View, Angles], **options: object
) -> SimulatedVisit:
    """A visit without any error of observer and clinic."""
    return simulate_visit(
        subject,
        angles=dict.fromkeys(VIEWS, angles) if isinstance(angles, Angles) else angles,
        observer=EXACT,
        rng=np.random.default_rng(0),
        id_="v1",
        time=WHEN,
        clinic=EXACT_CLINIC,
        **options,  # type: ignore[arg-type]
    )


HEAD_SD_DEG = (0.8, 2.0, 1.0)
"""Of the default prior: yaw, pitch, roll."""


def default_visit(
    rng: np.random.Generator, *, off_deg: float | None = None, views: Sequence[View] = VIEWS
) -> SimulatedVisit:
    """A visit as the defaults assume it, or with the head off by one amount about every axis, signs drawn."""
    subject = person(rng)
    bones = random_pose(rng, ZERO)

    def head() -> Array:
        return rng.normal(0.0, HEAD_SD_DEG) if off_deg is None else off_deg * rng.choice([-1.0, 1.0], 3)

    clinic: Clinic = random_clinic(rng)
    return simulate_visit(
        subject,
        angles={view: replace(bones, head=head()) for view in VIEWS},
        observer=Observer(),
        rng=rng,
        id_="v1",
        time=WHEN,
        views=views,
        clinic=clinic,
    )


def two_visits(
    pre: SimulatedVisit,
    post: SimulatedVisit,
    *,
    minutes: int = 30,
    moments: tuple[Moment, Moment] = (Moment.PRE, Moment.POST),
) -> Case:
    """A case of two simulated visits, the second some minutes after the first."""
    first = replace(visit_in_memory(pre), id="v1", moment=moments[0], time=WHEN)
    second = replace(
        visit_in_memory(post), id="v2", moment=moments[1], time=WHEN + timedelta(minutes=minutes)
    )
    return case_of(first, second)
