"""Registration of a real person's head to films that another program drew: errors of C1 in the skull.

`registration_head_films` says how the films are made and what they share with the model. Every case has its
own poses, motions of C1 and C2 since the scan, foreign bodies and start; the head is one, so n counts films
of one person. Two films from one rig with known cameras, or three between which the patient moved, with
cameras known as a tape measure tells them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from atlasplane.sources.film import View
from atlasplane.xray.film_signal import film_signal
from atlasplane.xray.registration import register
from atlasplane.xray.registration_problem import (
    FilmImage,
    RegistrationProblem,
    Rig,
    change_about_centre,
)
from atlasplane.xray.registration_result import Registration
from benchmarks.bar import Bar, at_least, at_most
from benchmarks.registration_cases import CALIBRATED, UNCALIBRATED, Truth, drawn_start
from benchmarks.registration_head_films import (
    ROWS,
    Head,
    HeadMissing,
    exposed,
    foreign_bodies,
    line_integrals,
    real_head,
)
from benchmarks.registration_peers import PeerMissing, missing_bar
from benchmarks.registration_setup import head_pose, motions, stated_camera, true_camera

SEED = 21
CASES = 10
START_DEG, START_MM = 2.5, 2.5
"""Lengths of turn and shift by which every pose of the start is off."""
MOST_DEG, MOST_MM = 0.3, 0.3
STATES = "ok", "doubtful", "refused"
LEAST_OK = 0.8
"""Share of good films whose result has to stand."""
VIEWS: dict[Rig, tuple[View, ...]] = {
    "fixed": (View.LATERAL, View.NASIUM),
    "free": (View.LATERAL, View.NASIUM, View.VERTEX),
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Found:
    """One case.

    Attributes
    ----------
    off_deg, off_mm : float
        Error of C1 in the skull, about its centre.
    axis_off_deg, axis_off_mm : float
        The same of C2 in the skull.
    result : Registration
    """

    off_deg: float
    off_mm: float
    axis_off_deg: float
    axis_off_mm: float
    result: Registration


def bars(cases: int = CASES) -> Iterator[Bar]:
    """Errors, states and seconds for two calibrated and three free films; no value where something lacks."""
    try:
        head = real_head(np.random.default_rng(SEED))
        for rig in VIEWS:
            yield from rows(rig, [solved(head, rig, number) for number in range(cases)])
    except (HeadMissing, PeerMissing) as why:
        yield missing_bar("registration.head", str(why))


def rows(rig: Rig, found: list[Found]) -> Iterator[Bar]:
    """The lines of one rig."""
    name, n = f"registration.head.{rig}", len(found)
    shown = [one for one in found if one.result.status != "refused"]
    for what, unit, limit in (("off_deg", "deg", MOST_DEG), ("off_mm", "mm", MOST_MM)):
        errors = np.array([getattr(one, what) for one in found])
        bar = at_most(f"{name}.c1.{unit}", float(np.median(errors)), limit, unit, n=n, seed=SEED)
        yield replace(bar, peer="films by plastimatch")
        yield _line(f"{name}.c1.p95.{unit}", float(np.quantile(errors, 0.95)), unit, n)
        axis = [getattr(one, f"axis_{what}") for one in found]
        yield _line(f"{name}.c2.{unit}", float(np.median(axis)), unit, n)
    shares = {status: float(np.mean([one.result.status == status for one in found])) for status in STATES}
    yield at_least(f"{name}.ok", shares["ok"], LEAST_OK, "1", n=n, seed=SEED)
    for status in STATES[1:]:
        yield _line(f"{name}.{status}", shares[status], "1", n)
    yield _line(f"{name}.seconds", float(np.median([one.result.seconds for one in found])), "s", n)
    if shown:
        worst = max(one.off_deg for one in shown)
        yield _line(f"{name}.c1.worst-shown.deg", worst, "deg", len(shown))


def _line(id_: str, value: float, unit: str, n: int) -> Bar:
    return Bar(id=id_, value=value, unit=unit, n=n, seed=SEED)


def solved(head: Head, rig: Rig, number: int) -> Found:
    """One case, registered."""
    problem, truth = head_case(np.random.default_rng([SEED, number]), head, rig)
    result = register(problem, rng=np.random.default_rng([SEED, number, 1]))
    off, axis = (_off(truth, result, bone) for bone in ("c1", "c2"))
    return Found(off_deg=off[0], off_mm=off[1], axis_off_deg=axis[0], axis_off_mm=axis[1], result=result)


def _off(truth: Truth, result: Registration, bone: str) -> tuple[float, float]:
    change = change_about_centre(truth.bones[bone], result.bones[bone], truth.centres_mm[bone])
    return float(np.degrees(np.linalg.norm(change[:3]))), float(np.linalg.norm(change[3:]))


def head_case(rng: np.random.Generator, head: Head, rig: Rig) -> tuple[RegistrationProblem, Truth]:
    """Films of the head and where a landmark fit would expect the bones.

    Raises
    ------
    PeerMissing
        When plastimatch is not installed.
    """
    views = VIEWS[rig]
    sd = CALIBRATED if rig == "fixed" else UNCALIBRATED
    centres = {model.bone: model.centre_mm for model in head.models}
    one = head_pose(rng, head.upright, centres["c1"])
    stated = [stated_camera(view, ROWS[view]) for view in views]
    truth = Truth(
        skull=tuple(one if rig == "fixed" else head_pose(rng, head.upright, centres["c1"]) for _ in views),
        bones=motions(rng, centres),
        cameras=tuple(true_camera(rng, camera, sd) for camera, _ in stated),
        centres_mm=centres,
    )
    bodies = foreign_bodies(rng, head)
    films = []
    for k, view in enumerate(views):
        camera, shape = stated[k]
        absorbed = line_integrals(head, truth.skull[k], truth.bones, bodies, truth.cameras[k], shape)
        signal = film_signal(exposed(rng, absorbed), kind="counts", bright_bone=False)
        films.append(FilmImage(file=f"{view.value}.dcm", signal=signal, camera=camera, camera_sd=sd))
    start = drawn_start(rng, truth, rig, start_deg=START_DEG, start_mm=START_MM, exact=True)
    problem = RegistrationProblem(bones=head.models, films=tuple(films), rig=rig, start=start)
    return problem, truth


if __name__ == "__main__":
    for bar in bars():
        print(json.dumps(bar.line()), flush=True)
