"""The one place where DICOM patient coordinates become anatomical axes.

DICOM stores points as LPS (x to the patient's left, y posterior, z superior). Everything that has a sign is
defined on ISB axes: X anterior, Y superior, Z to the patient's right (Wu et al. 2002,
doi:10.1016/S0021-9290(01)00222-6).
"""

from __future__ import annotations

import numpy as np

from atlasplane.geometry.types import Array

ISB_FROM_LPS: Array = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])
"""Proper rotation (det = +1), shape (3, 3): X = -y, Y = z, Z = -x."""

LPS_FROM_RAS: Array = np.diag([-1.0, -1.0, 1.0])
"""NIfTI affines are RAS; x and y change sign, shape (3, 3)."""


def isb_from_lps(points: Array) -> Array:
    """ISB coordinates of LPS points, shape (..., 3), same unit."""
    return np.asarray(points, dtype=float) @ ISB_FROM_LPS.T


def lps_from_isb(points: Array) -> Array:
    """LPS coordinates of ISB points, shape (..., 3), same unit."""
    return np.asarray(points, dtype=float) @ ISB_FROM_LPS
