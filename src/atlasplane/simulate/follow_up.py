"""A follow-up visit of a case that has a scan: two low-dose films, meant to be registered with it.

Two films of a smaller field, a fifth of the photons each, and the few marks with which a person says where
the bones are; the rest is read from the picture. Nothing of the earlier visits depends on it: its clicks and
its movements are drawn from streams of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from atlasplane.core.errors import BadInput
from atlasplane.simulate.setup import SETUPS, FilmSetup
from atlasplane.simulate.subject import Angles, Subject
from atlasplane.simulate.visit import Clinic, SimulatedVisit, Sitting, simulate_visit
from atlasplane.sources.film import View

PHASE = "follow-up"
AFTER = timedelta(weeks=6)
VIEWS = (View.LATERAL, View.NASIUM)
LOW_DOSE_PHOTONS = 5_000.0
"""Counts of the open beam per pixel: a fifth of a film's of the series."""
MOVED_SD_DEG = 0.5
"""How far the head turns about each axis between two films of the visit; not where they belong to a rig."""
MARKED = frozenset(
    {
        *("BA", "CLIV_SUP", "HP_ANT", "HP_POST", "OP", "ORB_R", "ORB_L", "MASTOID_R", "MASTOID_L"),
        *("C1_AT", "C1_PT", "C1_ARCH_LM", "PL_R", "PL_L", "TP_R", "TP_L"),
        *("DENS_TIP", "C2_AI", "C2_PI", "C2_SP", "OD_BASE", "C2_SPB"),
    }
)
"""What is marked: a few points a bone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A visit some weeks after the others.

    Attributes
    ----------
    atlas_deg : (float, float, float)
        flexion, laterality, rotation of C1 in the skull, signs of the `_3d` quantities.
    head_deg : (float, float, float) or None
        yaw, pitch, roll about which the films' own are drawn; None takes those of the other visits.
    """

    atlas_deg: tuple[float, float, float]
    head_deg: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        for name, angles in (("--follow-up", self.atlas_deg), ("--head", self.head_deg or (0.0, 0.0, 0.0))):
            if not all(np.isfinite(a) and abs(a) <= 45 for a in angles):
                raise BadInput(name, f"{angles} is outside +-45 deg", "Give three angles in degrees.")


def low_dose(setup: FilmSetup) -> FilmSetup:
    """The set-up with a field that ends at the orbits and below C4, and fewer photons."""
    small = _FIELDS.get(setup.view)
    if small is not None:
        (rows, columns), principal = small
        setup = replace(setup, shape=(rows, columns), principal_px=principal)
    return replace(setup, photons=LOW_DOSE_PHOTONS)


_FIELDS = {
    View.LATERAL: ((1000, 1140), (620.0, 600.0)),
    View.NASIUM: ((1160, 960), (479.5, 720.0)),
}
"""Rows and columns, and where the central ray meets them."""


def follow_up_visit(
    subject: Subject,
    angles: Angles,
    sitting: Sitting,
    clinic: Clinic,
    *,
    clicks: np.random.Generator,
    moving: np.random.Generator,
) -> SimulatedVisit:
    """The visit; the head moves a little between its films, unless they belong to one rig.

    Parameters
    ----------
    angles : Angles
        Pose that both films are meant to show.
    sitting : Sitting
        Id, time and observer of the visit; phase and marks become those of a follow-up.
    """
    own = replace(clinic, films={view: low_dose(SETUPS[view]) for view in VIEWS})
    spread = 0.0 if clinic.rig else MOVED_SD_DEG
    poses = {view: replace(angles, head=angles.head + moving.normal(0.0, spread, 3)) for view in VIEWS}
    return simulate_visit(
        subject,
        angles=poses,
        observer=replace(sitting.observer, marked=MARKED),
        rng=clicks,
        id_=sitting.id,
        time=sitting.time,
        phase=PHASE,
        views=VIEWS,
        clinic=own,
    )
