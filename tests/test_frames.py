"""DICOM coordinates to anatomical axes: the one conversion of the house."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from atlasplane.geometry.frames import ISB_FROM_LPS, LPS_FROM_RAS, isb_from_lps, lps_from_isb
from atlasplane.geometry.rotation import is_rotation
from tests.strategies import points_3d


def test_lps_to_isb_has_the_stated_columns_and_is_proper() -> None:
    np.testing.assert_array_equal(ISB_FROM_LPS.T, [[0, 0, -1], [-1, 0, 0], [0, 1, 0]])
    assert np.linalg.det(ISB_FROM_LPS) == 1
    assert is_rotation(ISB_FROM_LPS, tolerance=1e-15)


def test_where_the_patients_directions_go() -> None:
    left, posterior, superior = np.eye(3)
    np.testing.assert_array_equal(isb_from_lps(left), [0, 0, -1])
    np.testing.assert_array_equal(isb_from_lps(posterior), [-1, 0, 0])
    np.testing.assert_array_equal(isb_from_lps(superior), [0, 1, 0])


@given(points_3d)
def test_there_and_back_is_exact(point) -> None:
    np.testing.assert_array_equal(lps_from_isb(isb_from_lps(point)), point)


def test_many_points_keep_their_shape() -> None:
    points = np.arange(24.0).reshape(2, 4, 3)
    assert isb_from_lps(points).shape == (2, 4, 3)
    np.testing.assert_array_equal(isb_from_lps(points)[1, 2], isb_from_lps(points[1, 2]))
    assert isb_from_lps([1, 2, 3]).dtype == np.float64


def test_ras_differs_from_lps_in_two_signs() -> None:
    np.testing.assert_array_equal(LPS_FROM_RAS @ [1, 2, 3], [-1, -2, 3])
    assert np.linalg.det(LPS_FROM_RAS) == 1
