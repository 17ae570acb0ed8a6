"""The demo's patients: one who changes, and a twin who does not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from atlasplane.simulate.patient import Scenario, phantom_subject
from atlasplane.simulate.subject import Subject

DEMO_SEED = 20
_PRE = (-12.0, 3.4, 4.0)
_POST = (-12.0, 0.5, 0.8)
_HEAD = (0.4, 0.8, -0.5)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DemoPatient:
    """One case of the demo."""

    name: str
    title: str
    scenario: Scenario
    subject: Subject


def demo_patients(seed: int) -> tuple[DemoPatient, DemoPatient]:
    """Patient and twin; the twin has the same bones and listing, and nothing changes between his films."""
    scenario = Scenario(seed=seed, head_deg=_HEAD, atlas_deg=_PRE, post_deg=_POST, pseudonym="DEMO-PATIENT")
    subject = phantom_subject(scenario)
    twin = replace(scenario, seed=seed + 1, post_deg=_PRE, pseudonym="DEMO-TWIN")
    return (
        DemoPatient(name="patient", title="Simulated patient, corrected", scenario=scenario, subject=subject),
        DemoPatient(name="twin", title="Twin without effect", scenario=twin, subject=subject),
    )
