"""The demo's recorded nights: spasms come by their law, and the twin's nights differ by chance alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from atlasplane.simulate.demo import DEMO_SEED, demo_patients
from atlasplane.simulate.demo_night import DURATION_S, QUIET_S, Night, SpasmLaw, night_plan
from tests.recorded_cases import STARTED

LAW = SpasmLaw(tonic_per_hour=(8.0, 4.0), clonus_per_hour=(3.0, 0.0))


def night(seed: int, law: SpasmLaw = LAW) -> Night:
    return Night(plan=night_plan(np.random.default_rng(seed), law, STARTED), law=law)


def test_a_seed_gives_the_same_night_and_another_one_another() -> None:
    assert night(1).plan == night(1).plan
    assert night(1).plan.events != night(2).plan.events


def test_events_of_a_side_keep_apart_and_out_of_the_quiet_stretch() -> None:
    plan = night(3).plan
    for side in (0, 1):
        own = [event for event in plan.events if event.channel == side]
        assert own[0].start_s > QUIET_S[1] and own[-1].stop_s < DURATION_S
        assert all(after.start_s - before.stop_s >= 4.0 for before, after in pairwise(own))
        work = [(e.start_s, e.stop_s) for e in own if e.class_ == "voluntary"]
        assert work == [(m.start_s, m.stop_s) for m in plan.movements]


def test_spasms_come_as_often_as_the_law_says() -> None:
    """Less those that meet a movement or another spasm: at 11 events an hour of 20 s with their pauses, and
    five movements of 13 s, about one in twelve. Poisson: the mean of 60 nights lies within 3 sd."""
    left = [[e.class_ for e in night(seed).plan.events if e.channel == 0] for seed in range(60)]
    for kind, per_hour in (("tonic", 8.0), ("clonus", 3.0)):
        expected = per_hour * DURATION_S / 3600
        mean, spread = np.mean([night_.count(kind) for night_ in left]), np.sqrt(expected / 60)
        assert 0.8 * expected - 3 * spread < mean < expected + 3 * spread
    assert not any(e.channel == 1 and e.class_ == "clonus" for e in night(5).plan.events)


def test_the_truth_is_the_nights_own_burden_and_the_laws() -> None:
    found = night(7)
    truth = found.truth()["spasm_burden/trapezius_upper/left"]
    own = sum(e.duration_s for e in found.plan.events if e.channel == 0 and e.class_ != "voluntary")
    assert truth["film"] == pytest.approx(100 * own / (DURATION_S - QUIET_S[1] + QUIET_S[0]))
    others = [night(seed).truth()["spasm_burden/trapezius_upper/left"] for seed in range(100, 140)]
    nights = np.array([other["film"] for other in others], dtype=float)
    assert {other["patient"] for other in others} == {truth["patient"]}
    assert abs(nights.mean() - float(truth["patient"] or 0)) < 4 * nights.std(ddof=1) / np.sqrt(len(nights))


def test_the_patients_nights_change_and_the_twins_do_not() -> None:
    one, twin = demo_patients(DEMO_SEED)
    before, after = (one.scenario.nights[visit] for visit in ("v1", "v2"))
    assert sum(after.tonic_per_hour) < sum(before.tonic_per_hour) / 2
    assert twin.scenario.nights["v1"] == twin.scenario.nights["v2"] == before
