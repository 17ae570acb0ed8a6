"""Simulated patients: what the command line's options become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from atlasplane.anatomy.phantom import Phantom, mean_phantom, random_phantom
from atlasplane.core.errors import BadInput
from atlasplane.core.units import MM_PER_INCH
from atlasplane.simulate.case import CaseHead, write_case
from atlasplane.simulate.case_volume import (
    CaseVolume,
    ScanVisit,
    check_scan,
    copied_volume,
    simulated_volume,
)
from atlasplane.simulate.demo_night import Night, SpasmLaw, night_plan
from atlasplane.simulate.follow_up import AFTER, FollowUp, follow_up_visit
from atlasplane.simulate.follow_up import VIEWS as FOLLOW_UP_VIEWS
from atlasplane.simulate.observer import Observer
from atlasplane.simulate.setup import DRAWN, setups_of
from atlasplane.simulate.subject import Angles, PhantomSubject, Subject
from atlasplane.simulate.visit import (
    EXACT_CLINIC,
    VIEWS,
    Clinic,
    SimulatedFilm,
    SimulatedVisit,
    Sitting,
    random_clinic,
    simulate_visit,
)
from atlasplane.sources.film import View

if TYPE_CHECKING:
    from atlasplane.anatomy.solids_field import Solid

FIRST_FILM = datetime(2026, 3, 2, 9, 10, tzinfo=UTC)
"""Simulated visits need a date; it is fixed so that a seed gives the same case on every day."""
DEFAULT_ATLAS_DEG = (-12.0, 2.6, 2.8)
"""Flexion as in the mean phantom's films; sizes of laterality and rotation before care: Grostic and DeBoer
1982, JMPT 5:63."""
AXIS_SD_DEG = (3.0, 1.0, 2.5)
TRUNK_SD_DEG = (4.0, 1.0, 1.5)
LEG_SD_MM = 4.5
"""Of one examiner's leg check: what the agreement of Woodfield et al. 2011 (JMPT 34:239) amounts to."""
EVENING_HOUR = 22
"""Recorded nights begin at half past."""
ZERO = (0.0, 0.0, 0.0)
RIG = "stand"
"""Name of the rig whose films are calibrated to each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is to be simulated.

    Attributes
    ----------
    seed : int
    head_deg : (float, float, float)
        yaw, pitch, roll on every film.
    atlas_deg : (float, float, float)
        flexion, laterality, rotation of C1 in the skull, signs of the `_3d` quantities.
    post_deg : (float, float, float) or None
        The same after the correction; None makes a single visit.
    views : tuple of View
    noise_mm : float or None
        SD of the clicks on the film; None takes the landmark catalogue's covariances. 0 makes the clinic's
        geometry exact too.
    mean_shape : bool
        The mean phantom instead of a person drawn with the seed.
    leg_mm : (float, float) or None
        True leg length difference before and after the correction, + right leg short, where legs are checked.
    scan_unmarked : frozenset of str
        Landmarks that nobody marks on the scan.
    scan : "none" or "cbct"
        Whether a CBCT of the phantom is taken at the first visit. A CT that is filmed is always in the case.
    follow_up : FollowUp or None
        A visit six weeks later with two low-dose films.
    nights : mapping visit -> SpasmLaw
        Visits to which a recorded night belongs, and how spasms come in it.
    rig : bool
        Films calibrated to each other: their cameras are stated, exactly, in place of the technique.
    pseudonym : str
    """

    seed: int
    head_deg: tuple[float, float, float] = ZERO
    atlas_deg: tuple[float, float, float] = DEFAULT_ATLAS_DEG
    post_deg: tuple[float, float, float] | None = None
    views: tuple[View, ...] = VIEWS
    noise_mm: float | None = None
    mean_shape: bool = False
    leg_mm: tuple[float, float] | None = None
    scan: str = "none"
    scan_unmarked: frozenset[str] = frozenset()
    follow_up: FollowUp | None = None
    nights: Mapping[str, SpasmLaw] = field(default_factory=dict)
    rig: bool = False
    pseudonym: str = "SIM"

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise BadInput("--seed", f"{self.seed} is negative", "Give a whole number from 0.")
        if self.noise_mm is not None and not 0 <= self.noise_mm < 20:
            raise BadInput(
                "--noise-mm", f"{self.noise_mm} is no click error", "Give millimetres on the film, 0 to 20."
            )
        for name, angles in (
            ("--head", self.head_deg),
            ("--atlas", self.atlas_deg),
            ("--post", self.post_deg or ZERO),
        ):
            if not all(np.isfinite(a) and abs(a) <= 45 for a in angles):
                raise BadInput(name, f"{angles} is outside +-45 deg", "Give three angles in degrees.")

    @property
    def pictures(self) -> int:
        """How many films and photographs are taken in all."""
        later = 0 if self.follow_up is None else len(FOLLOW_UP_VIEWS)
        return len(self.moments) * sum(len(setups_of(view)) for view in self.views) + later

    @property
    def moments(self) -> tuple[tuple[str, tuple[float, float, float]], ...]:
        """Moment and pose of C1 of each visit before the follow-up."""
        if self.post_deg is None:
            return (("single", self.atlas_deg),)
        return (("pre", self.atlas_deg), ("post", self.post_deg))


def simulated_phantom(scenario: Scenario) -> Phantom:
    """The person of a scenario."""
    return mean_phantom() if scenario.mean_shape else random_phantom(_stream(scenario, "shape"))


def simulate_case(
    folder: Path,
    scenario: Scenario,
    *,
    subject: Subject | None = None,
    on_film: Callable[[], None] = lambda: None,
) -> None:
    """Write the case of a scenario with its films and truth.

    Parameters
    ----------
    folder : Path
        New or empty.
    subject : Subject, optional
        Who is filmed; default the scenario's phantom.

    Raises
    ------
    BadInput
        When a CT is to be seen as a whole person, or a scan is asked for that cannot be made.
    """
    filmed = subject or phantom_subject(scenario)
    check_scan(scenario.scan, filmed)
    drawn = sorted(view.value for view in DRAWN.intersection(scenario.views))
    if drawn and not filmed.simulated_bones:
        raise BadInput(
            "--views",
            f"{', '.join(drawn)} cannot be taken of a CT: it holds no whole person",
            "Leave them out, or use the phantom.",
        )
    visits = scenario_visits(scenario, filmed)
    volume = scenario_volume(scenario, filmed)
    if volume is not None:
        scanned = visits[0].films[0].posed.room_from if filmed.simulated_bones else {}
        later = (replace(visit, scanned=scanned) for visit in visits[1:])
        visits = (replace(visits[0], scan=volume.truth), *later)
    head = CaseHead(
        id=f"simulated-{scenario.seed:08x}",
        pseudonym=scenario.pseudonym,
        seed=scenario.seed,
        plan={"height": "two-arc"},
    )
    noise = _stream(scenario, "noise")
    write_case(folder, head, visits, lambda film: film_picture(film, noise), on_film=on_film, volume=volume)


def phantom_subject(scenario: Scenario) -> PhantomSubject:
    """The scenario's phantom with solids for the ray-caster."""
    phantom = simulated_phantom(scenario)

    @cache
    def solid() -> Mapping[str, Solid]:
        from atlasplane.anatomy.solids import solids

        return solids(phantom, rng=_stream(scenario, "texture"))

    return PhantomSubject(phantom, solid)


def scenario_visits(scenario: Scenario, subject: Subject) -> tuple[SimulatedVisit, ...]:
    """The scenario's visits without their pictures."""
    clicks, legs = _stream(scenario, "clicks"), _stream(scenario, "legs")
    clinic = _clinic(scenario)
    visits = []
    for k, (moment, atlas_deg) in enumerate(scenario.moments):
        visit = simulate_visit(
            subject,
            angles={View.LATERAL: _angles(scenario, subject, atlas_deg)},
            observer=Observer(noise_mm=scenario.noise_mm),
            rng=clicks,
            id_=_visit_id(k),
            time=FIRST_FILM + timedelta(minutes=30 * k),
            moment=moment,
            views=scenario.views,
            clinic=clinic,
        )
        visits.append(visit if scenario.leg_mm is None else _legs_checked(visit, scenario.leg_mm[k], legs))
    if scenario.follow_up is not None:
        visits.append(_followed_up(scenario, scenario.follow_up, subject, clinic))
    return tuple(_recorded(scenario, visit) for visit in visits)


def _recorded(scenario: Scenario, visit: SimulatedVisit) -> SimulatedVisit:
    """The visit with its night: before a visit that is no "after", else after it."""
    law = scenario.nights.get(visit.id)
    if law is None:
        return visit
    evening = visit.time.replace(hour=EVENING_HOUR, minute=30, second=0)
    started = evening if visit.moment == "post" else evening - timedelta(days=1)
    plan = night_plan(_stream(scenario, f"night {visit.id}"), law, started)
    return replace(visit, night=Night(plan=plan, law=law))


def _clinic(scenario: Scenario) -> Clinic:
    """The clinic with its errors; a rig is calibrated, so that its cameras and scales are known."""
    if scenario.rig:
        return replace(EXACT_CLINIC, rig=RIG)
    return EXACT_CLINIC if scenario.noise_mm == 0 else random_clinic(_stream(scenario, "clinic"))


def _followed_up(scenario: Scenario, wanted: FollowUp, subject: Subject, clinic: Clinic) -> SimulatedVisit:
    angles = _angles(scenario, subject, wanted.atlas_deg)
    return follow_up_visit(
        subject,
        replace(angles, head=np.array(wanted.head_deg or scenario.head_deg)),
        Sitting(
            id=_visit_id(len(scenario.moments)),
            time=FIRST_FILM + AFTER,
            observer=Observer(noise_mm=scenario.noise_mm),
        ),
        clinic,
        clicks=_stream(scenario, "follow-up clicks"),
        moving=_stream(scenario, "follow-up movement"),
    )


def scenario_volume(scenario: Scenario, subject: Subject) -> CaseVolume | None:
    """The scan of the first visit: asked for, or the CT that is filmed."""
    if not subject.simulated_bones:
        from atlasplane.simulate.ct_subject import CtSubject

        return copied_volume(subject, _visit_id(0)) if isinstance(subject, CtSubject) else None
    if scenario.scan == "none" or not isinstance(subject, PhantomSubject):
        return None
    _, atlas_deg = scenario.moments[0]
    return simulated_volume(
        subject,
        ScanVisit(visit=_visit_id(0), time=FIRST_FILM, angles=_angles(scenario, subject, atlas_deg)),
        _scan_observer(scenario),
        noise=_stream(scenario, "scan"),
        placing=_stream(scenario, "scan clicks"),
    )


def _scan_observer(scenario: Scenario) -> Observer:
    observer = Observer(noise_mm=scenario.noise_mm)
    return replace(observer, absent=observer.absent | scenario.scan_unmarked)


def _visit_id(k: int) -> str:
    return f"v{k + 1}"


def _angles(scenario: Scenario, subject: Subject, atlas_deg: tuple[float, float, float]) -> Angles:
    """The pose of one visit; the neighbours of C1 stand alike on all."""
    poses = _stream(scenario, "neighbours")
    axis_deg, trunk_deg = poses.normal(0.0, AXIS_SD_DEG), poses.normal(0.0, TRUNK_SD_DEG)
    return Angles(
        head=np.array(scenario.head_deg),
        atlas=subject.atlas_deg(np.array(atlas_deg)),
        axis=axis_deg,
        trunk=trunk_deg,
    )


def _legs_checked(visit: SimulatedVisit, leg_mm: float, rng: np.random.Generator) -> SimulatedVisit:
    """The visit with one leg check, read to the eighth of an inch."""
    step = MM_PER_INCH / 8
    read = step * round(rng.normal(leg_mm, LEG_SD_MM) / step)
    return replace(visit, leg_mm=leg_mm, leg_readings_mm=(round(read, 3),))


def film_picture(film: SimulatedFilm, rng: np.random.Generator) -> NDArray[np.uint16]:
    """The radiograph of a simulated film; full-length films and photographs are drawn."""
    from atlasplane.simulate.drawing import drawing
    from atlasplane.simulate.exposure import Beam, marker_place_px, radiograph
    from atlasplane.xray.render import render

    camera, photons = film.camera, film.setup.photons
    if film.setup.view in DRAWN:
        return drawing(film.setup, film.posed, camera, rng)
    line_integral = render(film.posed.parts(), camera, film.setup.shape)
    place = marker_place_px(camera, film.setup.shape, "R")
    beam = None if photons is None else Beam(photons=photons)
    return radiograph(line_integral, rng=rng, beam=beam, marker="R", marker_at_px=place)


def _stream(scenario: Scenario, purpose: str) -> np.random.Generator:
    """Independent streams, so that more clicks never change the shape."""
    return np.random.default_rng([scenario.seed, *purpose.encode()])
