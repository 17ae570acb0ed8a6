"""Measures of a marked volume: by hand, invariant to how the head lies, with an uncertainty that holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest

from atlasplane.anatomy.landmarks import landmark
from atlasplane.core.errors import BadLandmarks
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Measurement
from atlasplane.core.quantity import quantities
from atlasplane.core.side import Side
from atlasplane.geometry.frames import ISB_FROM_LPS, lps_from_isb
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.lateral import LATERAL
from atlasplane.pathways.alignment.open_mouth import OPEN_MOUTH
from atlasplane.pathways.alignment.volume_measures import (
    analyse_volume,
    default_placing,
    measure_volume,
)
from atlasplane.plan.gates import GateState, gates
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading
from atlasplane.sources.volume import Volume
from tests.lateral_cases import atan
from tests.test_craniocervical import BY_HAND as FILM_BY_HAND
from tests.test_craniocervical import FILM
from tests.test_sagittal import BODIES, SEGMENTS, wall
from tests.test_sagittal import FILM as NECK_FILM

WHEN = datetime(2026, 3, 2, 9, 10, tzinfo=UTC)
EXACT = 1e-8
"""Numbers under 1000 through a singular value decomposition: a few roundings of 1e-12."""
_MM_OF_STEP = 0.1
"""The hand films' steps, made as small as a person."""

Points = dict[str, Array]


def from_film(film, ids) -> Points:
    """Mid-line points of a hand film, in ISB mm."""
    return {
        id_: _MM_OF_STEP * np.array([600.0 - film.points[id_][0], 800.0 - film.points[id_][1], 0.0])
        for id_ in ids
    }


def pair(name: str, x: float, y: float, right: float, left: float | None = None) -> Points:
    """Both sides of a pair at one depth and height."""
    other = right if left is None else left
    return {f"{name}_R": np.array([x, y, right]), f"{name}_L": np.array([x, y, -other])}


POINTS: Points = {
    **from_film(FILM, FILM.points),
    **pair("TF", -5.0, 10.0, 27.0),
    **pair("C2_TF", -3.0, 1.0, 25.0),
    **pair("DENS_LAT", 0.0, 11.0, 5.0),
    **pair("C1_LMM", 1.0, 11.0, 9.0, 8.0),
    **pair("C1_LML", 0.0, 6.0, 24.0, 21.0),
    **pair("C2_FL", 0.0, 5.0, 22.0),
}
CONTOURS: Points = {
    # Condyle and facet in parallel, 1.5 mm apart square to both: along (0, -0.8, 0.6) outward and down.
    "C0_FACET_R": np.array([[2.0, 16.0 - 0.8 * t, 10.0 + 0.6 * t] for t in (0.0, 5.0, 10.0)]),
    "C1_FACET_R": np.array([[2.0, 15.1 - 0.8 * t, 8.8 + 0.6 * t] for t in (-2.0, 6.0, 14.0)]),
}
BY_HAND = {
    **{
        key: value * (_MM_OF_STEP / 0.25 if quantities()[key].is_length else 1.0)
        for key, value in FILM_BY_HAND.items()
    },
    "ladi/right": 4.0,
    "ladi/left": 3.0,
    "ladi_asymmetry": 1.0,
    # 2 mm on the right; the left mass stands 1 mm inside, which takes nothing away.
    "lateral_mass_overhang": 2.0,
    "condyle_c1_interval/right": math.hypot(0.9, 1.2),
    "c1_c2_rotation": 0.0,
    "c0_c1_rotation": 0.0,
}


def reading(
    points: Mapping[str, Array],
    contours: Mapping[str, Array] | None = None,
    sd: float | None = 0.3,
    **fields: str,
) -> Reading:
    """Marks in LPS mm."""
    cov = None if sd is None else sd**2 * np.eye(3)
    return Reading(
        id=fields.get("id", "r1"),
        observer=fields.get("observer", "KR"),
        time=WHEN,
        tool="hand",
        points={id_: MarkedPoint(lps_from_isb(at), cov) for id_, at in points.items()},
        contours={id_: MarkedContour(lps_from_isb(at), sd) for id_, at in (contours or {}).items()},
    )


def volume(*readings: Reading) -> Volume:
    return Volume(
        file="ct/head.nii.gz",
        shape=(2, 2, 2),
        affine_lps=np.eye(4),
        hounsfield=True,
        load_voxels=lambda: np.zeros((2, 2, 2)),
        readings=readings,
    )


def read(points: Mapping[str, Array], contours: Mapping[str, Array] | None = None) -> dict[str, float]:
    """Values by key, without the condition."""
    measured = measure_volume(volume(reading(points, contours)), "v1")
    assert {m.condition for m in measured} <= {"ct"}
    return {m.key.removesuffix("@ct"): m.value for m in measured}


def moved(points: Mapping[str, Array], rotation: Array, names: str = "") -> Points:
    """Some points (all without names) turned about the origin."""
    chosen = names.split() or list(points)
    return {id_: at @ rotation.T if id_ in chosen else at for id_, at in points.items()}


# ---- values ----


def test_every_measure_of_the_junction_by_hand() -> None:
    found = read(POINTS, CONTOURS)
    assert found == {key: pytest.approx(value, abs=EXACT) for key, value in BY_HAND.items()}


def test_nothing_of_the_catalogue_that_a_volume_could_tell_is_left_out() -> None:
    every = measure_volume(
        volume(reading({**from_film(NECK_FILM, NECK_FILM.points), **POINTS}, CONTOURS)), "v1"
    )
    ids = {m.quantity.id for m in every}
    sides = {c.key.partition("/")[0] for c in (*LATERAL, *OPEN_MOUTH)}
    junction = {id_ for id_ in sides if not quantities()[id_].posture}
    atlas = {"s_line_angle", "s_palate_angle", "s_offset", "atlas_plane_sagittal", "nasium_tube_angle"}
    assert ids == (junction - atlas) | {"c1_c2_rotation", "c0_c1_rotation"}


def test_levels_of_the_neck_by_hand() -> None:
    skull = from_film(FILM, ("BA", "OP", "HP_POST", "CLIV_SUP"))
    found = read({**from_film(NECK_FILM, NECK_FILM.points), **skull})
    for upper, lower in SEGMENTS:
        assert found[f"rra/{upper}-{lower}"] == pytest.approx(wall(upper) - wall(lower), abs=EXACT)
        wedge = atan(BODIES[upper][2], 96) - atan(BODIES[lower][3], 98)
        assert found[f"disc_angle/{upper}-{lower}"] == pytest.approx(wedge, abs=EXACT)


@pytest.mark.parametrize(
    "angles", [(20.0, 0.0, 0.0), (0.0, 12.0, 0.0), (0.0, 0.0, -15.0), (-25.0, 8.0, 10.0)]
)
def test_how_the_head_lies_in_the_scanner_changes_nothing(angles: tuple[float, float, float]) -> None:
    turned = rotation_from_zxy(*angles)
    found = read(moved(POINTS, turned), moved(CONTOURS, turned))
    assert found == {key: pytest.approx(value, abs=EXACT) for key, value in BY_HAND.items()}


def test_what_lies_off_the_mid_plane_is_drawn_on_it() -> None:
    aside = {**POINTS, "DENS_TIP": POINTS["DENS_TIP"] + [0.0, 0.0, 2.0]}
    assert read(aside)["bdi"] == pytest.approx(BY_HAND["bdi"], abs=EXACT)


# ---- rotations ----


def axes_of_c2() -> Array:
    """Columns: forward, upward, right."""
    up = POINTS["DENS_TIP"] - (POINTS["C2_AI"] + POINTS["C2_PI"]) / 2
    right = np.array([0.0, 0.0, 1.0])
    forward = np.cross(up, right) / np.linalg.norm(np.cross(up, right))
    return np.column_stack([forward, np.cross(right, forward), right])


def about(axis: int, deg: float) -> Array:
    """Right-handed rotation about X, Y or Z."""
    return rotation_from_zxy(*(deg if axis == k else 0.0 for k in (2, 0, 1)))


@pytest.mark.parametrize("gamma", [-40.0, -3.0, 0.0, 3.0, 40.0])
def test_rotation_of_c1_on_c2_is_told_whatever_its_pitch_and_side_bending(gamma: float) -> None:
    frame = axes_of_c2()
    turn = frame @ about(1, gamma) @ about(0, 5.0) @ about(2, 20.0) @ frame.T
    found = read(moved(POINTS, turn, "TF_R TF_L"))
    assert found["c1_c2_rotation"] == pytest.approx(gamma, abs=EXACT)


def test_left_rotation_brings_the_right_side_forward() -> None:
    forward = {**POINTS, "TF_R": POINTS["TF_R"] + [5.0, 0.0, 0.0]}
    assert read(forward)["c1_c2_rotation"] > 0
    left = {**POINTS, "C1_AT": POINTS["C1_AT"] + [0.0, 0.0, -2.0]}
    assert read(left)["c0_c1_rotation"] > 0


@pytest.mark.parametrize("pitch", [-20.0, 0.0, 15.0])
def test_rotation_of_c1_in_the_skull_by_hand(pitch: float) -> None:
    # The tubercles are (24, 2) apart; the front one 3 mm to the left of the rear one.
    aside = {**POINTS, "C1_AT": POINTS["C1_AT"] + [0.0, 0.0, -3.0]}
    turned = moved(aside, about(2, pitch), "C1_AT C1_PT")
    wanted = math.degrees(math.asin(3.0 / math.sqrt(24.0**2 + 2.0**2 + 3.0**2)))
    assert read(turned)["c0_c1_rotation"] == pytest.approx(wanted, abs=EXACT)


def test_the_mirrored_person_changes_sides() -> None:
    frame = axes_of_c2()
    twisted = moved(POINTS, frame @ about(1, 7.0) @ frame.T, "TF_R TF_L")
    twisted["C1_AT"] = twisted["C1_AT"] + [0.0, 0.0, -2.0]

    def other(id_: str) -> str:
        return id_[:-1] + {"R": "L", "L": "R"}[id_[-1]] if id_[-2:] in ("_R", "_L") else id_

    mirror = {other(id_): at * [1.0, 1.0, -1.0] for id_, at in twisted.items()}
    here, there = read(twisted), read(mirror)
    for key, value in here.items():
        id_, _, side = key.partition("/")
        twin = f"{id_}/{'left' if side == 'right' else 'right'}" if side else key
        sign = -1.0 if quantities()[id_].lateral else 1.0
        assert there[twin] == pytest.approx(sign * value, abs=EXACT)
    assert here["c1_c2_rotation"] == pytest.approx(7.0, abs=EXACT)


# ---- uncertainty ----


def test_u_is_the_spread_of_marks_placed_again() -> None:
    analysis = analyse_volume(volume(reading(POINTS, sd=0.3)), "v1")
    rng = np.random.default_rng(20)
    keys = [m.key.removesuffix("@ct") for m in analysis.measurements]
    draws = []
    for _ in range(400):
        again = read({id_: at + rng.normal(0.0, 0.3, 3) for id_, at in POINTS.items()})
        draws.append([again[key] for key in keys])
    spread = np.std(draws, axis=0)
    for k, measured in enumerate(analysis.measurements):
        assert measured.u is not None
        if measured.quantity.id == "lateral_mass_overhang":
            continue  # its kink: the u beyond it is wider than the spread by intention
        # 400 draws tell a standard deviation to 3.5 %; four of those, and 3 % for what is not linear.
        assert measured.u == pytest.approx(spread[k], rel=0.17), measured.key
    np.testing.assert_allclose(np.sqrt(np.diag(analysis.cov)), [m.u for m in analysis.measurements])


def test_a_stated_covariance_turns_with_the_axes() -> None:
    """An error along the LPS y axis alone is one along anterior: it moves the rotation, not the height."""
    along_y = np.diag([0.01**2, 1.0, 0.01**2])
    given = reading(POINTS)
    given.points["TF_R"].cov[:] = along_y
    by_key = {m.key: m for m in measure_volume(volume(given), "v1")}
    baseline = {m.key: m for m in measure_volume(volume(reading(POINTS)), "v1")}
    assert by_key["c1_c2_rotation@ct"].u > 2 * baseline["c1_c2_rotation@ct"].u
    np.testing.assert_allclose(ISB_FROM_LPS @ along_y @ ISB_FROM_LPS.T, np.diag([1.0, 1e-4, 1e-4]))


def test_default_placing_is_that_of_the_film_with_the_larger_error_in_depth() -> None:
    entry = landmark("C1_AA")  # 1.0 along the vertical edge, 0.3 across it
    np.testing.assert_allclose(default_placing(entry, mirrored=False), np.diag([0.09, 1.0, 1.0]), atol=1e-12)
    side = landmark("DENS_LAT_R")  # seen from the front: across is to the side
    np.testing.assert_allclose(
        default_placing(side, mirrored=True),
        np.diag([side.placing.along_mm**2, side.placing.along_mm**2, side.placing.across_mm**2]),
        atol=1e-12,
    )
    only = landmark("C2_TF_R")
    np.testing.assert_allclose(default_placing(only, mirrored=False), only.placing.along_mm**2 * np.eye(3))


def test_without_stated_errors_the_catalogue_stands_in_and_is_named() -> None:
    assumed = measure_volume(volume(reading(POINTS, sd=None)), "v1")
    assert {m.provenance["placing"] for m in assumed} == {"catalogue default"}
    stated = measure_volume(volume(reading(POINTS)), "v1")
    assert {m.provenance["placing"] for m in stated} == {"covariances of the reading"}


def test_several_readings_are_combined_and_their_spread_is_told() -> None:
    once = {m.key: m for m in measure_volume(volume(reading(POINTS)), "v1")}
    again = {m.key: m for m in measure_volume(volume(reading(POINTS), reading(POINTS, id="r2")), "v1")}
    assert again["bdi@ct"].u == pytest.approx(once["bdi@ct"].u / math.sqrt(2))
    apart = {**POINTS, "BA": POINTS["BA"] + [0.0, 4.0, 0.0]}
    two = {
        m.key: m
        for m in measure_volume(volume(reading(POINTS), reading(apart, id="r2", observer="AB")), "v1")
    }
    assert two["bdi@ct"].observer == ("AB", "KR")
    assert two["bdi@ct"].budget["observers"] > 1.0
    assert two["bdi@ct"].u > once["bdi@ct"].u
    assert "observers" not in once["bdi@ct"].budget


def test_what_a_measurement_of_a_volume_says_of_itself() -> None:
    measured: Measurement = next(
        m for m in measure_volume(volume(reading(POINTS, CONTOURS)), "v7") if m.key == "ladi/right@ct"
    )
    assert (measured.visit, measured.measurand, measured.method) == ("v7", "patient", "ladi-volume/1")
    assert (measured.source, measured.u_film, measured.calibration) == (("ct/head.nii.gz",), None, None)
    assert measured.budget == {"landmarks": pytest.approx(measured.u)}
    assert measured.side is None and measured.site is not None and measured.site.side == "right"
    asymmetry = next(m for m in measure_volume(volume(reading(POINTS)), "v7") if m.key == "ladi_asymmetry@ct")
    assert asymmetry.side in (Side.RIGHT, Side.UNDETERMINED)


# ---- what cannot be read ----


def test_an_unmarked_volume_and_one_with_too_little_give_nothing() -> None:
    assert measure_volume(volume(), "v1") == ()
    assert measure_volume(volume(reading({"BA": POINTS["BA"]})), "v1") == ()
    assert analyse_volume(volume(), "v1").cov.shape == (0, 0)


def test_without_a_mid_plane_only_what_needs_none_is_read() -> None:
    names = ("TF_R", "TF_L", "C2_TF_R", "C2_TF_L", "DENS_TIP", "C2_AI", "C2_PI", "BA", "OP", "C1_AT", "C1_PT")
    assert set(read({id_: POINTS[id_] for id_ in names})) == {"c1_c2_rotation"}


def test_mid_line_points_on_one_line_carry_no_plane() -> None:
    names = ("BA", "OP", "DENS_TIP")
    straight = {id_: POINTS[id_] for id_ in names} | {"HP_POST": 2 * POINTS["BA"] - POINTS["OP"]}
    assert read(straight) == {}
    bent = {**straight, "HP_POST": POINTS["HP_POST"]}
    assert "bdi" in read(bent)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"TF_R": POINTS["TF_L"], "TF_L": POINTS["TF_R"]}, "TF_R lies to the patient's left of TF_L"),
        ({"C1_AT": POINTS["C1_PT"], "C1_PT": POINTS["C1_AT"]}, "C1_AT lies behind C1_PT"),
        ({"N": POINTS["BA"] - [5.0, 0.0, 0.0]}, "N lies behind BA"),
    ],
)
def test_marks_against_the_axes_of_the_volume_are_refused(change: Points, text: str) -> None:
    with pytest.raises(BadLandmarks, match=text) as caught:
        read({**POINTS, **change})
    assert caught.value.file == "ct/head.nii.gz"


def test_marks_that_coincide_are_named() -> None:
    with pytest.raises(BadLandmarks, match=r"impossible geometry in reading 'r1': grabb_oakes"):
        read({**POINTS, "BA": POINTS["C2_PI"]})


# ---- gates ----


def gate_of(measured: tuple[Measurement, ...]) -> tuple[GateState, str]:
    states = gates(JointObservations(observations=measured), ())
    return next((g.state, g.reason) for g in states if g.id == "red_flag_quantity")


def test_a_ct_is_held_to_the_limits_of_a_ct() -> None:
    # The hand film's anatomy is no person's: only the interval of the atlas and dens is looked at.
    names = ("BA", "OP", "HP_POST", "CLIV_SUP", "C1_AA", "DENS_ANT", "DENS_POST_SUP", "DENS_POST_INF")

    def interval(forward: float) -> tuple[Measurement, ...]:
        points = {id_: POINTS[id_] for id_ in names}
        points["C1_AA"] = points["DENS_ANT"] + [forward, 0.0, 0.0]
        every = measure_volume(volume(reading(points, sd=0.1)), "v1")
        return tuple(m for m in every if m.quantity.id == "adi")

    assert gate_of(interval(1.0))[0] is GateState.PASS
    assert gate_of(interval(1.9))[0] is GateState.UNKNOWN
    state, reason = gate_of(interval(2.5))
    assert state is GateState.STOP
    assert "not over 2, ct" in reason
