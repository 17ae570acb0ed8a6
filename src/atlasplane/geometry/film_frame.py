"""From pixels of the stored image to the patient's axes on the film.

coronal films   p = (z, y): to the patient's right, superior
lateral films   p = (x, y): anterior, superior
vertex films    p = (x, z): anterior, to the patient's right

The second axis is stored with the film too, so an image that is mirrored or turned is handled by sign and
never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, eq=False)
class FilmFrame:
    """Affine map from [column, row] to film coordinates.

    Attributes
    ----------
    matrix : array, shape (2, 2)
        Film units per pixel; film vector = matrix @ pixel vector.
    origin_px : array, shape (2,)
    """

    matrix: Array
    origin_px: Array

    @classmethod
    def of(cls, first_px: Array, second_px: Array, pixel_size: Array, origin_px: Array) -> FilmFrame:
        """Frame from the pixel directions of its two axes.

        Parameters
        ----------
        first_px, second_px : array, shape (2,)
            Unit pixel vectors, perpendicular.
        pixel_size : array, shape (2,)
            Size of a pixel along columns and rows.
        """
        return cls(
            np.stack([first_px, second_px]) * np.asarray(pixel_size, dtype=float),
            np.asarray(origin_px, float),
        )

    def film(self, pixels: Array) -> Array:
        """Film coordinates of pixels, shape (..., 2)."""
        coordinates: Array = (pixels - self.origin_px) @ self.matrix.T
        return coordinates

    def pixels(self, film: Array) -> Array:
        """Pixels of film coordinates, shape (..., 2)."""
        back: Array = film @ np.linalg.inv(self.matrix).T
        return back + self.origin_px

    def covariance(self, cov_px: Array) -> Array:
        """Film covariance of a pixel covariance, shape (2, 2)."""
        turned: Array = self.matrix @ cov_px @ self.matrix.T
        return turned
