"""Frames of bones: by hand, whatever way the head lies, mirrored, and refused where marks contradict."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.anatomy.bone_frames import (
    DEFAULT_FRAMES,
    FRAMES,
    SAME_AXES,
    NoFrame,
    atlas_frame,
    bone_frame,
    frame_definition,
    skull_frame,
)
from atlasplane.anatomy.landmarks import landmarks
from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

EXACT = 1e-12
MIRROR = np.diag([1.0, 1.0, -1.0])

Points = dict[str, Array]


def pair(name: str, x: float, y: float, z: float) -> Points:
    return {f"{name}_R": np.array([x, y, z]), f"{name}_L": np.array([x, y, -z])}


def vertebra(name: str) -> Points:
    """A body 16 mm deep and 12 high about (0, -60, 0), tilted by atan(3 / 4)."""
    corners = {"AS": (8, 6), "PS": (-8, 6), "AI": (8, -6), "PI": (-8, -6)}
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    places = {f"{name}_{key}": np.array([*(turn @ at), 0.0]) for key, at in corners.items()}
    sides = pair(f"{name}_PED", -6.0, 3.0, 11.0)
    return {id_: at + np.array([0.0, -60.0, 0.0]) for id_, at in {**places, **sides}.items()}


BONES: dict[str, Points] = {
    "skull": {
        "BA": np.array([0.0, 0.0, 0.0]),
        "OP": np.array([-40.0, -30.0, 0.0]),
        "N": np.array([90.0, 50.0, 0.0]),
        "INC_F": np.array([80.0, -6.0, 0.0]),
        **pair("PO", 4.0, 22.0, 57.0),
        **pair("OR", 80.0, 22.0, 33.0),
    },
    "c1": {
        "C1_AT": np.array([18.0, -20.0, 0.0]),
        "C1_PT": np.array([-27.0, -20.0, 0.0]),
        **pair("TF", -5.0, -20.0, 27.0),
        **pair("C1_SF", 0.0, -14.0, 15.0),
        **pair("C1_IF", -1.0, -27.0, 17.0),
    },
    "c2": {
        "OD_BASE": np.array([2.0, -24.0, 0.0]),
        "DENS_TIP": np.array([2.0, -6.0, 0.0]),
        "C2_AI": np.array([10.0, -47.0, 0.0]),
        "C2_PI": np.array([-6.0, -47.0, 0.0]),
        **pair("C2_TF", -3.0, -38.0, 24.0),
        **{f"AXIS_{side}": np.array([0.0, -27.0, z]) for side, z in (("R", 16.0), ("L", -16.0))},
    },
    **{f"c{k}": vertebra(f"C{k}") for k in range(3, 8)},
}
ORIGINS = {
    "skull-frankfort": (0, 0, 0),
    "skull-foramen-magnum": (-20, -15, 0),
    "c1-foramina": (-5, -20, 0),
    "c1-three-pairs": (-5, -20, 0),
    "c2-dens": (2, -24, 0),
    "c2-facets": (2, -24, 0),
    **{f"c{k}-isb": (0, -60, 0) for k in range(3, 8)},
}
EXTENSION_DEG = {"skull-foramen-magnum": math.degrees(math.atan2(3, 4))} | {
    f"c{k}-isb": -math.degrees(math.atan2(3, 4)) for k in range(3, 8)
}
"""How the axes of the hand-made bones stand: level but for the foramen's slope and the vertebrae's tilt."""


def made(id_: str, points: Points | None = None) -> RigidTransform:
    bone = FRAMES[id_].bone
    return bone_frame(bone, BONES[bone] if points is None else points, id_)


def uneven_by(k: int, at: Array) -> Array:
    """A place moved off its symmetric one, the further the later it is named."""
    return at + np.array([0.3 * k, -0.2 * k, 0.1 * k * k])


def needed(id_: str) -> Points:
    """The landmarks of one frame alone."""
    return {key: BONES[FRAMES[id_].bone][key] for key in FRAMES[id_].needs}


# ---- by hand ----


@pytest.mark.parametrize("id_", FRAMES)
def test_axes_and_origin_by_hand(id_: str) -> None:
    frame = made(id_, needed(id_))
    np.testing.assert_allclose(frame.translation_mm, ORIGINS[id_], atol=EXACT)
    wanted = rotation_from_zxy(EXTENSION_DEG.get(id_, 0.0), 0.0, 0.0)
    np.testing.assert_allclose(frame.rotation, wanted, atol=EXACT)


def test_the_nasion_gives_way_to_nothing_and_the_frankfort_plane_to_the_mid_plane() -> None:
    """A right porion 6 mm higher rolls the Frankfort plane; the mid-plane, kept, does not follow."""
    skull = {**BONES["skull"], "PO_R": BONES["skull"]["PO_R"] + [0.0, 6.0, 0.0]}
    np.testing.assert_allclose(made("skull-frankfort", skull).rotation[:, 2], [0, 0, 1], atol=EXACT)
    # The plane through (4, 28, 57), (4, 22, -57) and (80, 22, 0) slopes by 3 mm of height over 76 mm of
    # depth at the mid-line, front down: the skull is extended to lie level on it.
    alpha = math.degrees(math.atan2(made("skull-frankfort", skull).rotation[1, 0], 1.0))
    assert alpha == pytest.approx(-math.degrees(math.atan(3 / 76)), abs=0.01)


def test_the_foramina_stay_exact_and_the_tubercles_give_way() -> None:
    atlas = {**BONES["c1"], "C1_AT": BONES["c1"]["C1_AT"] + [0.0, 0.0, 4.5]}
    np.testing.assert_allclose(made("c1-foramina", atlas).rotation, np.eye(3), atol=EXACT)
    turned = {**BONES["c1"], "TF_R": BONES["c1"]["TF_R"] + [5.4, 0.0, 0.0]}
    right = made("c1-foramina", turned).rotation[:, 2]
    np.testing.assert_allclose(right, np.array([5.4, 0.0, 54.0]) / math.hypot(5.4, 54.0), atol=EXACT)


def test_three_pairs_share_the_transverse_axis() -> None:
    """Foramina turned left by 6 deg, facets not: a third of it, to second order in the angle."""
    angle = math.radians(6.0)
    atlas = dict(BONES["c1"])
    for side, sign in (("R", 1.0), ("L", -1.0)):
        atlas[f"TF_{side}"] = np.array([-5 + sign * 27 * math.sin(angle), -20, sign * 27 * math.cos(angle)])
    x, _, z = made("c1-three-pairs", atlas).rotation[:, 2]
    wanted = math.atan2(math.sin(angle), 2 + math.cos(angle))
    assert math.atan2(x, z) == pytest.approx(wanted, abs=EXACT)
    assert math.degrees(wanted) == pytest.approx(2.0, abs=0.005)


def test_the_axis_keeps_its_foramina_and_the_vertebrae_their_endplates() -> None:
    leaning = {**BONES["c2"], "DENS_TIP": BONES["c2"]["DENS_TIP"] + [0.0, 0.0, 4.0]}
    np.testing.assert_allclose(made("c2-dens", leaning).rotation, np.eye(3), atol=EXACT)
    rolled = {**BONES["c4"], "C4_PED_R": BONES["c4"]["C4_PED_R"] + [0.0, 5.0, 0.0]}
    np.testing.assert_allclose(
        made("c4-isb", rolled).rotation[:, 1], made("c4-isb").rotation[:, 1], atol=EXACT
    )


def test_the_mean_phantom_stands_on_its_frames() -> None:
    points = {id_: at for id_, (bone, at) in mean_phantom().points_mm.items() if bone == "skull"}
    frame = bone_frame("skull", points)
    np.testing.assert_allclose(frame.rotation, np.eye(3), atol=EXACT)
    np.testing.assert_allclose(frame.translation_mm, 0.0, atol=EXACT)


def test_short_names_make_the_default_frames() -> None:
    for bone, build in (("skull", skull_frame), ("c1", atlas_frame)):
        np.testing.assert_array_equal(build(BONES[bone]).rotation, bone_frame(bone, BONES[bone]).rotation)
    with pytest.raises(KeyError):
        atlas_frame({"TF_R": np.zeros(3)})


# ---- whatever way the head lies ----


@pytest.mark.parametrize("id_", FRAMES)
def test_a_frame_moves_with_its_bone(id_: str) -> None:
    uneven = {key: uneven_by(k, at) for k, (key, at) in enumerate(needed(id_).items())}
    here = made(id_, uneven)
    move = RigidTransform(rotation_from_zxy(70.0, -40.0, 130.0), np.array([12.0, -150.0, 33.0]))
    there = made(id_, {key: move.apply(at) for key, at in uneven.items()})
    np.testing.assert_allclose(there.rotation, (move @ here).rotation, atol=1e-10)
    np.testing.assert_allclose(there.translation_mm, (move @ here).translation_mm, atol=1e-10)
    np.testing.assert_allclose(here.rotation.T @ here.rotation, np.eye(3), atol=EXACT)
    assert np.linalg.det(here.rotation) == pytest.approx(1.0)


@pytest.mark.parametrize("id_", FRAMES)
def test_the_mirrored_bone_has_the_mirrored_frame(id_: str) -> None:
    uneven = {key: uneven_by(k, at) for k, (key, at) in enumerate(needed(id_).items())}

    def twin(key: str) -> str:
        return key[:-1] + {"R": "L", "L": "R"}[key[-1]] if key[-2:] in ("_R", "_L") else key

    here, there = made(id_, uneven), made(id_, {twin(key): MIRROR @ at for key, at in uneven.items()})
    np.testing.assert_allclose(there.rotation, MIRROR @ here.rotation @ MIRROR, atol=EXACT)
    np.testing.assert_allclose(there.translation_mm, MIRROR @ here.translation_mm, atol=EXACT)


@pytest.mark.parametrize("id_", FRAMES)
def test_many_at_once_are_many_one_by_one(id_: str) -> None:
    rng = np.random.default_rng(7)
    points = {key: at + rng.normal(0, 0.5, (4, 2, 3)) for key, at in needed(id_).items()}
    whole = made(id_, points)
    assert whole.rotation.shape == (4, 2, 3, 3) and whole.translation_mm.shape == (4, 2, 3)
    one = made(id_, {key: at[3, 1] for key, at in points.items()})
    np.testing.assert_allclose(whole.rotation[3, 1], one.rotation, atol=EXACT)
    np.testing.assert_allclose(whole.translation_mm[3, 1], one.translation_mm, atol=EXACT)


# ---- what cannot be a frame ----


@pytest.mark.parametrize("id_", FRAMES)
def test_a_missing_landmark_is_named(id_: str) -> None:
    for lacking in FRAMES[id_].needs:
        points = {key: at for key, at in needed(id_).items() if key != lacking}
        with pytest.raises(NoFrame, match=f"{id_}: {lacking} not marked") as caught:
            made(id_, points)
        assert (caught.value.frame, caught.value.missing) == (id_, (lacking,))


@pytest.mark.parametrize("id_", FRAMES)
def test_marks_on_one_spot_or_one_line_are_no_frame(id_: str) -> None:
    spot = {key: np.ones(3) for key in FRAMES[id_].needs}
    line = {key: np.array([1.0, 2.0, 3.0]) * k for k, key in enumerate(FRAMES[id_].needs)}
    for points in (spot, line):
        with pytest.raises(NoFrame, match="coincide, or all lie on one line") as caught:
            made(id_, points)
        assert caught.value.missing == ()


@pytest.mark.parametrize(
    ("id_", "first", "second", "text"),
    [
        ("skull-frankfort", "PO_R", "PO_L", "PO_R does not lie to the right of PO_L"),
        ("skull-frankfort", "N", "INC_F", "N does not lie above INC_F"),
        ("skull-foramen-magnum", "OP", "BA", "does not lie"),
        ("c1-three-pairs", "C1_SF_R", "C1_IF_R", "C1_SF_R does not lie above C1_IF_R"),
        ("c2-dens", "C2_TF_R", "C2_TF_L", "C2_AI does not lie in front of C2_PI"),
        ("c2-facets", "AXIS_R", "AXIS_L", "C2_AI does not lie in front of C2_PI"),
        ("c5-isb", "C5_PED_R", "C5_PED_L", "C5_AI does not lie in front of C5_PI"),
        ("c5-isb", "C5_AI", "C5_PI", "C5_AI does not lie in front of C5_PI"),
    ],
)
def test_marks_exchanged_are_seen(id_: str, first: str, second: str, text: str) -> None:
    points = dict(BONES[FRAMES[id_].bone])
    points[first], points[second] = points[second], points[first]
    with pytest.raises(NoFrame, match=text):
        made(id_, points)


def test_exchanged_foramina_of_the_atlas_need_another_mark_to_be_seen() -> None:
    """Tubercles and foramina lie in one plane: alone they are their own mirror image."""
    points = needed("c1-foramina")
    points["TF_R"], points["TF_L"] = points["TF_L"], points["TF_R"]
    assert made("c1-foramina", points).rotation[1, 1] == pytest.approx(-1.0)
    with pytest.raises(NoFrame, match="PLU_R does not lie above PL_R"):
        made("c1-foramina", {**points, **pair("PL", -8.0, -26.0, 20.0), **pair("PLU", -8.0, -15.0, 21.0)})


def test_one_wrong_draw_of_many_is_seen() -> None:
    points = {key: np.stack([at, at]) for key, at in BONES["c2"].items()}
    points["C2_AI"][1], points["C2_PI"][1] = points["C2_PI"][1].copy(), points["C2_AI"][1].copy()
    with pytest.raises(NoFrame, match="C2_AI"):
        bone_frame("c2", points)


# ---- the table ----


def test_the_table_speaks_of_marks_that_exist() -> None:
    for definition in FRAMES.values():
        named = {
            *definition.needs,
            *(id_ for first, second, _ in definition.order for id_ in (first, second)),
        }
        assert named <= set(landmarks())
        assert definition.origin and definition.kept
        bones = {landmarks()[id_].bone for id_ in definition.needs}
        assert bones == ({definition.bone} if definition.bone in ("skull", "c1", "c2") else {"trunk"})


def test_every_bone_has_a_default_and_stand_ins_of_its_own() -> None:
    assert set(DEFAULT_FRAMES) == {"skull", *(f"c{k}" for k in range(1, 8))}
    for bone, id_ in DEFAULT_FRAMES.items():
        assert frame_definition(bone) is FRAMES[id_]
    for bone, ids in SAME_AXES.items():
        assert ids[0] == DEFAULT_FRAMES[bone]
        assert {FRAMES[id_].bone for id_ in ids} == {bone}


def test_a_frame_of_another_bone_is_refused() -> None:
    with pytest.raises(KeyError, match="c1-foramina is a frame of c1, not of c2"):
        bone_frame("c2", BONES["c1"], "c1-foramina")
    with pytest.raises(KeyError):
        bone_frame("t1", {})
