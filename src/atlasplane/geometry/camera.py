"""Pinhole camera of an X-ray film, with the detector upright or perpendicular to the beam.

The central ray leaves the source and meets the detector at `centre_mm`; `principal_px` is the pixel of that
meeting point (for an upright detector under an angled tube this is not the foot of the perpendicular from the
source). Projection: t = (P0 - S).n / (P - S).n, Q = S + t (P - S) (Hartley and Zisserman 2004, ch. 6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.types import Array

_FREE_SID_MM = 1000.0
"""Where the detector of a bare matrix is placed; its scale is not in the matrix."""
_MOST_SKEW = 1e-3
"""A detector's columns and rows are perpendicular; this allows for a matrix fitted to measured points."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PinholeCamera:
    """Source, detector plane and pixel grid, all in one right-handed frame (mm).

    Attributes
    ----------
    source_mm : array, shape (3,)
        Focal spot.
    centre_mm : array, shape (3,)
        A point of the detector; the central ray meets it here.
    column_axis, row_axis : array, shape (3,)
        Unit vectors of growing column and growing row in the detector plane.
    pitch_mm : array, shape (2,)
        Size of a detector pixel along column and row axis.
    principal_px : array, shape (2,)
        [column, row] of `centre_mm`; (0, 0) is the centre of the top-left pixel.
    """

    source_mm: Array
    centre_mm: Array
    column_axis: Array
    row_axis: Array
    pitch_mm: Array
    principal_px: Array

    @property
    def normal(self) -> Array:
        """Unit normal of the detector, away from the source, shape (3,)."""
        u, v = self.column_axis, self.row_axis
        # Their cross product written out: the general one takes ten times as long.
        normal = np.array([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])
        return normal * np.sign(normal @ (self.centre_mm - self.source_mm))

    @property
    def sid_mm(self) -> float:
        """Distance from the source to the detector along the central ray."""
        return float(np.linalg.norm(self.centre_mm - self.source_mm))

    def project_mm(self, points_mm: Array) -> Array:
        """Detector coordinates (along column axis, along row axis) in mm from `centre_mm`, shape (..., 2)."""
        matrix = self.matrix(pixels=False)
        homogeneous = np.asarray(points_mm, dtype=float) @ matrix[:, :3].T + matrix[:, 3]
        return homogeneous[..., :2] / homogeneous[..., 2:]

    def project(self, points_mm: Array) -> Array:
        """Pixels [column, row] of points, shape (..., 3) -> (..., 2)."""
        return self.project_mm(points_mm) / self.pitch_mm + self.principal_px

    def magnification(self, points_mm: Array) -> Array:
        """Detector size over object size for a small object parallel to the detector, shape (...)."""
        from_source = np.asarray(points_mm, dtype=float) - self.source_mm
        ratio: Array = ((self.centre_mm - self.source_mm) @ self.normal) / (from_source @ self.normal)
        return ratio

    def detector_points_mm(self, pixels: Array) -> Array:
        """Positions of pixels in space, shape (..., 2) -> (..., 3)."""
        offset = (np.asarray(pixels, dtype=float) - self.principal_px) * self.pitch_mm
        return self.centre_mm + offset[..., :1] * self.column_axis + offset[..., 1:] * self.row_axis

    def matrix(self, *, pixels: bool = True) -> Array:
        """Projection matrix, shape (3, 4), to pixels or detector mm; third row positive before the source."""
        normal = self.normal
        reach = (self.centre_mm - self.source_mm) @ normal
        to_centre = self.source_mm - self.centre_mm
        rows = []
        for k, axis in enumerate((self.column_axis, self.row_axis)):
            scale, shift = (self.pitch_mm[k], self.principal_px[k]) if pixels else (1.0, 0.0)
            linear = (reach * axis + (to_centre @ axis) * normal) / scale + shift * normal
            rows.append([*linear, -linear @ self.source_mm])
        rows.append([*normal, -normal @ self.source_mm])
        return np.array(rows)

    @classmethod
    def from_matrix(
        cls, matrix: Array, *, principal_px: Array | None = None, facing_mm: Array | None = None
    ) -> PinholeCamera:
        """Camera of a 3x4 matrix (mm to pixel), which knows neither its own sign nor the detector's distance.

        Parameters
        ----------
        matrix : array, shape (3, 4)
        principal_px : array, shape (2,), optional
            Pixel that `centre_mm` stands for; default the foot of the perpendicular from the source.
        facing_mm : array, shape (3,), optional
            A point that the source looks at. Without one the pixel axes are taken as right-handed with the
            beam, which an image displayed from behind is not.

        Raises
        ------
        ValueError
            When the matrix is singular, not finite, or its two image axes are not perpendicular.
        """
        matrix = np.asarray(matrix, dtype=float)
        if matrix.shape != (3, 4) or not np.all(np.isfinite(matrix)):
            raise ValueError(f"a camera matrix is 3x4 and finite, got shape {matrix.shape}")
        left = matrix[:, :3]
        if np.linalg.matrix_rank(left) < 3:
            raise ValueError("the camera matrix is singular: its source is at infinity")
        source: Array = -np.linalg.solve(left, matrix[:, 3]).astype(np.float64)
        # RQ decomposition by QR of the reversed matrix; K is upper triangular with a positive diagonal.
        q, r = np.linalg.qr(np.flipud(left).T)
        intrinsic, rotation = np.flipud(np.fliplr(r.T)), np.flipud(q.T)
        signs = np.diag(np.sign(np.diag(intrinsic)))
        intrinsic, rotation = intrinsic @ signs, signs @ rotation
        depth = np.linalg.det(left) if facing_mm is None else rotation[2] @ (facing_mm - source)
        if depth < 0:
            rotation = -rotation
        intrinsic = intrinsic / intrinsic[2, 2]
        if abs(intrinsic[0, 1]) > _MOST_SKEW * intrinsic[0, 0]:
            raise ValueError(
                "the camera matrix has image axes that are not perpendicular: "
                f"skew {intrinsic[0, 1] / intrinsic[0, 0]:.4f}, at most {_MOST_SKEW} is read as a detector"
            )
        reach_mm = _FREE_SID_MM
        principal = intrinsic[:2, 2] if principal_px is None else np.asarray(principal_px, dtype=float)
        column_axis, row_axis, normal = rotation
        pitch = reach_mm / np.array([intrinsic[0, 0], intrinsic[1, 1]])
        foot = source + reach_mm * normal
        offset = (principal - intrinsic[:2, 2]) * pitch
        return cls(
            source_mm=source,
            centre_mm=foot + offset[0] * column_axis + offset[1] * row_axis,
            column_axis=column_axis,
            row_axis=row_axis,
            pitch_mm=pitch,
            principal_px=principal,
        )
