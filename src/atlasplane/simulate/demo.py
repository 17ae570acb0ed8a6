"""The demo's patients: one who changes and comes again, and a twin who does neither."""

from __future__ import annotations

from dataclasses import dataclass, replace

from atlasplane.simulate.demo_night import SpasmLaw
from atlasplane.simulate.follow_up import FollowUp
from atlasplane.simulate.patient import Scenario, phantom_subject
from atlasplane.simulate.subject import Subject
from atlasplane.simulate.visit import VIEWS
from atlasplane.sources.film import View

DEMO_SEED = 20
_PRE = (-12.0, 3.4, 4.0)
_POST = (-12.0, 0.5, 0.8)
_HEAD = (0.4, 0.8, -0.5)
_FOLLOW_UP = FollowUp(atlas_deg=(-12.5, 1.4, 2.0), head_deg=(1.0, -0.6, 0.4))
"""Two degrees back towards straight since the scan, which was taken before the correction."""
_LEGS = (8.0, 1.0)
_BEFORE = SpasmLaw(tonic_per_hour=(11.0, 6.0), clonus_per_hour=(5.0, 3.0))
_AFTER = SpasmLaw(tonic_per_hour=(3.0, 2.0), clonus_per_hour=(1.0, 0.8))
"""Nights of the patient; the twin's are both drawn as the first, so that they differ by chance alone."""
_PICTURES = (*VIEWS, View.PHOTO_LATERAL)
_JOINTS = frozenset({"C0_FACET_R", "C0_FACET_L", "C1_FACET_R", "C1_FACET_L", "C1_AA"})
"""Joint surfaces that nobody marks on the demo's scan: C1 of the phantom turns about its own centre, so its
joints gape on one side as no patient's do, and a CT's limits of their width would stop the vector."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DemoPatient:
    """One case of the demo."""

    name: str
    title: str
    scenario: Scenario
    subject: Subject


def demo_patients(seed: int) -> tuple[DemoPatient, DemoPatient]:
    """Patient and twin; the twin has the same bones and listing, and nothing changes between his films.

    Both have a recorded night before the correction and one after it. The patient has a CBCT, so that his
    films are fitted with his own bones and two low-dose films of a later visit can be registered with it; the
    twin has none.
    """
    scenario = Scenario(
        seed=seed,
        head_deg=_HEAD,
        atlas_deg=_PRE,
        post_deg=_POST,
        views=_PICTURES,
        leg_mm=_LEGS,
        scan="cbct",
        scan_unmarked=_JOINTS,
        follow_up=_FOLLOW_UP,
        nights={"v1": _BEFORE, "v2": _AFTER},
        pseudonym="DEMO-PATIENT",
    )
    subject = phantom_subject(scenario)
    twin = replace(
        scenario,
        seed=seed + 1,
        post_deg=_PRE,
        leg_mm=(_LEGS[0], _LEGS[0]),
        scan="none",
        follow_up=None,
        nights={"v1": _BEFORE, "v2": _BEFORE},
        pseudonym="DEMO-TWIN",
    )
    return (
        DemoPatient(name="patient", title="Simulated patient, corrected", scenario=scenario, subject=subject),
        DemoPatient(name="twin", title="Twin without effect", scenario=twin, subject=subject),
    )
