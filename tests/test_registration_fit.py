"""One level of the registration: derivatives, filter, gain, blocks of voxels, cameras."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.types import Array
from atlasplane.xray.registration_blocks import block_means
from atlasplane.xray.registration_filter import HighPass
from atlasplane.xray.registration_fit import Fit, LevelFit
from atlasplane.xray.registration_levels import LevelSpec, levels, sections
from atlasplane.xray.registration_poses import Poses, change, changed, moved_camera, size
from atlasplane.xray.registration_sums import explained, log_cost, robust_weights, weighted_sums
from tests.small_film_cases import camera, made_problem

CAMERAS = np.array([[2.0, 0.5, -0.8, 0.0], [-1.5, 1.0, 0.5, 0.0], [1.0, -0.5, 0.5, 0.0]])


@pytest.fixture(scope="module")
def fitted() -> tuple[LevelFit, Fit]:
    problem, true = made_problem(
        rig="free", names=("lateral.png", "nasium.png", "oblique.png"), cameras=CAMERAS
    )
    (level,) = levels(problem, LevelSpec.of("joint")[:1])
    compared = LevelFit(problem, level, sections(problem, level, true, 0.0))
    return compared, compared.at(changed(problem, true, np.full(size(problem), 1e-4)))


def test_every_column_is_the_derivative_of_the_model(fitted: tuple[LevelFit, Fit]) -> None:
    compared, fit = fitted
    problem = compared.problem
    steps = np.concatenate(
        [np.tile([2e-4] * 3 + [0.02] * 3, problem.poses), np.tile([0.5, 0.1, 0.1, 1e-4], 3)]
    )
    # The pitch is known exactly here and has no column.
    for k, step in ((k, step) for k, step in enumerate(steps) if step != 1e-4):
        change_of_k = np.zeros(len(steps))
        change_of_k[k] = step
        ends = [compared.at(changed(problem, fit.poses, sign * change_of_k)).films for sign in (-1, 1)]
        for film, own in enumerate(compared.films):
            columns, lines, linked = own.columns(fit.films[film], fit.poses)
            stated = np.tensordot(linked[:, k].astype(np.float32), columns, axes=1)
            for column, (first, behind) in zip(columns, lines, strict=True):
                assert not column[:first].any() and not column[behind:].any()
            seen = (ends[1][film].model - ends[0][film].model) / (2 * step)
            # The image bends where a ray meets a face between two of the ring's unlike voxels: within a step
            # of 0.04 mm some 4 % of the rays do, a fifth (its root) of the norm at most. A column mixed up is
            # off by its own size.
            assert np.linalg.norm(seen - stated) <= 0.2 * np.linalg.norm(stated) + 1e-6, (film, k)


def test_an_image_after_a_slight_change_is_the_projected_one(fitted: tuple[LevelFit, Fit]) -> None:
    compared, fit = fitted
    step = np.zeros(size(compared.problem))
    step[-12:] = np.tile([0.2, 0.05, 0.05, 0.0], 3)
    moved = changed(compared.problem, fit.poses, step)
    reused, anew = compared.at(moved, fit), compared.at(moved)
    for old, own, new in zip(fit.films, reused.films, anew.films, strict=True):
        assert own.shadows == old.shadows
        # The kinks of the image as above.
        assert np.linalg.norm(own.model - new.model) < 0.1 * np.linalg.norm(new.model - old.model)


def test_a_gain_and_an_offset_of_a_film_change_no_step() -> None:
    problem, _ = made_problem()
    film = problem.films[0]
    louder = replace(film, signal=replace(film.signal, log_image=3 * film.signal.log_image + 2))
    steps = []
    for first in (film, louder):
        case = replace(problem, films=(first, problem.films[1]))
        (level,) = levels(case, LevelSpec.of("joint")[:1])
        start = Poses.start(case)
        compared = LevelFit(case, level, sections(case, level, start, 0.0))
        matrix, downhill = compared.equations(compared.at(start))
        steps.append(np.linalg.solve(matrix[:12, :12], downhill[:12]))
    # float32: sums of some 1e4 pixels are known to 1e-6, the offset of 2 costs another digit.
    assert steps[1] == pytest.approx(steps[0], rel=1e-3, abs=1e-5)


def test_the_high_pass_is_zero_for_a_constant_and_linear() -> None:
    rng = np.random.default_rng(1)
    usable = np.ones((40, 50), dtype=bool)
    usable[:7, :9] = False
    high_pass = HighPass.of(usable, 3.0)
    stack = rng.normal(size=(2, 40, 50)).astype(np.float32)
    constant = high_pass.apply(np.full((1, 40, 50), 5.0, dtype=np.float32))
    assert np.abs(constant).max() < 1e-5
    both = high_pass.apply(stack.sum(axis=0, keepdims=True))[0]
    assert both == pytest.approx(high_pass.apply(stack).sum(axis=0), abs=1e-5)
    assert not np.any(both[:7, :9])


def test_the_high_pass_of_a_part_is_that_of_the_whole() -> None:
    high_pass = HighPass.of(np.ones((60, 60), dtype=bool), 2.0)
    image = np.zeros((1, 60, 60), dtype=np.float32)
    image[0, 28:33, 25:34] = np.random.default_rng(2).normal(size=(5, 9))
    whole = high_pass.apply(image)[0]
    low, high = 20 - high_pass.reach, 40 + high_pass.reach
    part = high_pass.apply(np.ascontiguousarray(image[:, low:high, low:high]), (low, low))[0]
    assert part == pytest.approx(whole[low:high, low:high], abs=1e-6)


def test_the_surroundings_are_a_tent_by_hand() -> None:
    # Boxes of three pixels twice: 1 2 3 2 1 over 9 along each axis; sd^2 = 4/3, so sd = 1.155 px.
    high_pass = HighPass.of(np.ones((11, 11), dtype=bool), np.sqrt(4 / 3))
    assert high_pass.radius == 1
    image = np.zeros((1, 11, 11), dtype=np.float32)
    image[0, 5, 5] = 81.0
    tent = np.array([1, 2, 3, 2, 1])
    expected = image[0].copy()
    expected[3:8, 3:8] -= np.outer(tent, tent)
    assert high_pass.apply(image)[0] == pytest.approx(expected, abs=1e-4)


def test_sums_over_pixels_are_those_of_plain_arrays() -> None:
    rng = np.random.default_rng(8)
    # More pixels than are summed at once, and a last part that is not full.
    shape = 31, 37
    columns = rng.normal(size=(6, *shape)).astype(np.float32)
    lines = np.tile([0, 31], (6, 1))
    columns[1:3, :20], lines[1:3] = 0, (20, 31)
    gain, target, model, left = rng.normal(size=(4, *shape)).astype(np.float32)
    basis = rng.normal(size=(3, *shape)).astype(np.float32)
    usable = (rng.uniform(size=shape) > 0.2).astype(np.float32)
    sums = weighted_sums(columns, lines, gain, target, (model, basis), (usable, left, 0.7))
    weight = usable / (1 + (0.7 * left.astype(float)) ** 2)
    rows = np.concatenate([columns * gain, basis * model, target[None]]).reshape(10, -1).astype(float)
    # Single precision, 1147 products: 6e-8 times the root of their number, of a sum of squares of that order.
    assert sums == pytest.approx((rows * weight.ravel()) @ rows.T, abs=1147 * 1e-6)
    assert robust_weights(usable, left, 0.7) == pytest.approx(weight, abs=1e-6)
    assert log_cost(left, 0.7) == pytest.approx(np.log1p((0.7 * left.astype(float)) ** 2).sum(), rel=1e-6)
    gains = np.array([0.5, -1.0, 2.0])
    own, residual = explained(target, model, basis, gains)
    assert own == pytest.approx(np.tensordot(gains, basis, axes=1), abs=1e-5)
    assert residual == pytest.approx(target - own * model, abs=1e-5)


def test_block_means_keep_mass_and_place() -> None:
    # Alike within every block, so that the centroid stays too.
    blocks = np.random.default_rng(4).uniform(size=(4, 4, 5)).astype(np.float32)
    values = blocks.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)
    solid = Solid(attenuation_per_mm=values, origin_mm=np.array([1.0, 2.0, 3.0]), spacing_mm=np.full(3, 0.5))
    coarse = block_means(solid, 2)
    assert coarse.spacing_mm == pytest.approx([1.0] * 3)
    assert _mass(coarse) == pytest.approx(_mass(solid), rel=1e-5)
    assert _centroid_mm(coarse) == pytest.approx(_centroid_mm(solid), abs=1e-4)


def test_a_camera_moves_as_stated() -> None:
    stated = camera("lateral.png")
    moved = moved_camera(stated, np.array([10.0, 1.0, 2.0, 0.01]))
    # The source of the lateral film lies 800 mm to the left, columns run forwards and rows down.
    assert moved.source_mm == pytest.approx([1.0, -2.0, -810.0])
    assert moved.pitch_mm == pytest.approx(1.01 * stated.pitch_mm)
    assert moved.centre_mm == pytest.approx(stated.centre_mm)


def test_a_step_and_its_inverse() -> None:
    problem, true = made_problem(rig="free")
    step = np.random.default_rng(6).normal(0, 0.05, size(problem))
    assert change(problem, true, changed(problem, true, step)) == pytest.approx(step, abs=1e-12)


def _mass(solid: Solid) -> float:
    return float(solid.attenuation_per_mm.sum(dtype=float) * np.prod(solid.spacing_mm))


def _centroid_mm(solid: Solid) -> Array:
    index = np.stack(np.indices(solid.attenuation_per_mm.shape), axis=-1)
    weight = solid.attenuation_per_mm.astype(float)[..., None]
    middle = (index * weight).sum(axis=(0, 1, 2)) / weight.sum()
    return np.asarray(solid.origin_mm + middle * solid.spacing_mm)
