"""Masks as files: the grid of their volume, labels, and axes as other programs store them."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.geometry.types import Array
from atlasplane.io.case_folder import read_case
from atlasplane.io.mask_file import EmptyMask, check_mask, mask_bytes, read_mask, write_mask
from atlasplane.io.volume_grid import Grid
from tests.bone_cases import SHAPE, affine_lps, ball, bone_case, save_nifti

GRID = Grid(file="ct/head.nii.gz", shape=SHAPE, affine_lps=affine_lps())


def test_a_mask_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_mask(tmp_path / "c1.nii.gz", ball("c1"), affine_lps())
    assert np.array_equal(read_mask(tmp_path / "c1.nii.gz", name="c1", grid=GRID), ball("c1"))
    stored = nibabel.load(tmp_path / "c1.nii.gz")
    assert stored.get_data_dtype() == np.uint8
    assert stored.affine[:3, 3].tolist() == [30.0, 32.0, -54.0]  # RAS in the file


def test_the_same_mask_gives_the_same_bytes() -> None:
    assert mask_bytes(ball("c1"), affine_lps()) == mask_bytes(ball("c1"), affine_lps())


def turned(mask: Array, affine: Array, axes: tuple[int, ...], signs: tuple[int, ...]) -> tuple[Array, Array]:
    """The same mask and its affine with axes stored in another order and direction."""
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for new, old in enumerate(axes):
        turn[old, new] = signs[new]
        turn[old, 3] = SHAPE[old] - 1 if signs[new] < 0 else 0
    values = np.transpose(mask, axes)
    for new, sign in enumerate(signs):
        values = np.flip(values, new) if sign < 0 else values
    return values, affine @ turn


@pytest.mark.parametrize("axes", list(permutations(range(3))))
def test_axes_in_any_order_and_direction_are_understood(tmp_path: Path, axes: tuple[int, ...]) -> None:
    mask = ball("c2")
    mask[0, 0, :3] = True  # nothing about it is symmetric
    for signs in product((1, -1), repeat=3):
        values, affine = turned(mask.astype(np.uint8), affine_lps(), axes, signs)
        save_nifti(tmp_path / "c2.nii.gz", values, affine)
        assert np.array_equal(read_mask(tmp_path / "c2.nii.gz", name="c2", grid=GRID), mask)


def shifted(by: float) -> Array:
    affine = affine_lps()
    affine[0, 3] += by
    return affine


def skewed() -> Array:
    affine = affine_lps()
    c, s = np.cos(0.1), np.sin(0.1)
    affine[:2, :2] = np.array([[c, -s], [s, c]]) @ affine[:2, :2]
    return affine


@pytest.mark.parametrize(
    ("affine", "shape", "what"),
    [
        (shifted(0.06), SHAPE, "lies 0.06 voxels beside ct/head.nii.gz"),
        (skewed(), SHAPE, "lies .* voxels beside"),
        (affine_lps() @ np.diag([2.0, 2.0, 2.0, 1.0]), (30, 32, 36), "has other voxels than ct/head.nii.gz"),
        (affine_lps(), (60, 64, 71), "has 60 x 64 x 71 voxels, ct/head.nii.gz has 60 x 64 x 72"),
    ],
)
def test_another_grid_is_refused(tmp_path: Path, affine: Array, shape: tuple[int, ...], what: str) -> None:
    save_nifti(tmp_path / "c1.nii.gz", np.ones(shape, np.uint8), affine)
    with pytest.raises(BadInput, match=what) as refused:
        check_mask(tmp_path / "c1.nii.gz", name="ct/c1.nii.gz", grid=GRID)
    assert refused.value.file == "ct/c1.nii.gz" and "without resampling" in refused.value.remedy


def test_a_grid_that_single_precision_has_rounded_is_the_same(tmp_path: Path) -> None:
    save_nifti(tmp_path / "c1.nii.gz", ball("c1").astype(np.uint8), shifted(0.04))
    assert read_mask(tmp_path / "c1.nii.gz", name="c1", grid=GRID).any()


def test_one_label_of_several(tmp_path: Path) -> None:
    labels = 50 * ball("c1") + 49 * ball("c2")
    save_nifti(tmp_path / "labels.nii.gz", labels.astype(np.int16), affine_lps())
    path = tmp_path / "labels.nii.gz"
    assert np.array_equal(read_mask(path, name="l", grid=GRID, label=50), ball("c1"))
    assert np.array_equal(read_mask(path, name="l", grid=GRID, label=49), ball("c2"))
    with pytest.raises(BadInput, match="several labels"):
        read_mask(path, name="l", grid=GRID)
    with pytest.raises(EmptyMask, match="no voxel of label 3"):
        read_mask(path, name="l", grid=GRID, label=3)


def test_what_is_no_mask_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c1.nii.gz"
    save_nifti(path, np.zeros(SHAPE, np.uint8), affine_lps())
    with pytest.raises(EmptyMask, match="no voxel that belongs to the bone"):
        read_mask(path, name="c1", grid=GRID)
    save_nifti(path, (0.5 * ball("c1")).astype(np.float32), affine_lps())
    with pytest.raises(BadFile, match="fractions"):
        read_mask(path, name="c1", grid=GRID)
    with pytest.raises(BadInput, match="no NIfTI file"):
        check_mask(tmp_path / "c1.png", name="c1.png", grid=GRID)


def named(root: Path, keys: str) -> Path:
    """The case with keys of its volume stated by hand."""
    with (root / "case.toml").open("a", encoding="utf-8") as stream:
        stream.write(keys)
    return root


def test_masks_and_meshes_of_a_case_are_read_when_they_are_wanted(tmp_path: Path) -> None:
    root = bone_case(tmp_path / "case")
    labels = 50 * ball("c1") + 49 * ball("c2")
    save_nifti(root / "ct" / "labels.nii.gz", labels.astype(np.int16), affine_lps())
    named(root, 'masks = { c1 = { file = "ct/labels.nii.gz", label = 50 } }\n')
    (volume,) = read_case(root).volumes
    assert volume.masks == {"c1": "ct/labels.nii.gz"}
    assert np.array_equal(volume.load_mask("c1"), ball("c1"))
    with pytest.raises(BadInput, match="has no mask of c2"):
        volume.load_mask("c2")
    with pytest.raises(BadInput, match="has no mesh of c1"):
        volume.load_mesh("c1")
    with pytest.raises(BadInput, match="'jaw' is no bone"):
        volume.load_mask("jaw")


@pytest.mark.parametrize("keys", ['masks = { jaw = "ct/j.nii.gz" }\n', 'meshes = { atlas = "ct/a.stl" }\n'])
def test_an_unknown_bone_is_an_error(tmp_path: Path, keys: str) -> None:
    with pytest.raises(BadInput, match=r"case.toml: 'volume.0..(masks|meshes).* Use one of 'skull', 'c1'"):
        read_case(named(bone_case(tmp_path / "case"), keys))


def test_a_mask_on_another_grid_is_named_when_the_case_is_read(tmp_path: Path) -> None:
    root = named(bone_case(tmp_path / "case"), 'masks = { c1 = "ct/c1.nii.gz" }\n')
    save_nifti(root / "ct" / "c1.nii.gz", np.ones((5, 5, 5), np.uint8), affine_lps())
    with pytest.raises(BadInput, match=r"ct/c1\.nii\.gz: has 5 x 5 x 5 voxels"):
        read_case(root)
