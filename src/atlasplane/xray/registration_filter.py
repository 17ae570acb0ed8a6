"""What a film and a projection are compared by: each less its own surroundings.

The surroundings of a pixel are its mean under a tent of given width over the pixels that can be used. The
same linear map is applied to film, projection and derivatives, so borders and masked pixels bias nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import MissingExtra

try:
    import numba

    from atlasplane.xray.threads import shared_out
except ImportError as missing:
    raise MissingExtra("ct", "registration") from missing

Film32 = NDArray[np.float32]
_fast: dict[str, Any] = {"fastmath": True, "nogil": True, "cache": True}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HighPass:
    """The map of one film.

    Attributes
    ----------
    usable : array of float32, shape (rows, columns)
        1 where a pixel is compared, else 0.
    radius : int
        Half width of each of the two boxes that make the tent, px.
    inverse : array of float32, same shape
        One over the tent's sum of `usable`; 0 where a pixel is not usable.
    """

    usable: Film32
    radius: int
    inverse: Film32

    @classmethod
    def of(cls, usable: NDArray[np.bool_], sd_px: float) -> HighPass:
        """The map whose surroundings have a standard deviation of `sd_px` along each axis."""
        radius = max(1, round(0.5 * (np.sqrt(1 + 6 * sd_px**2) - 1)))
        mask = np.ascontiguousarray(usable, dtype=np.float32)
        sums = mask.copy()
        _tent(sums, radius)
        inverse = np.where(usable, 1 / np.maximum(sums, np.float32(1)), np.float32(0))
        return cls(usable=mask, radius=radius, inverse=inverse.astype(np.float32))

    @property
    def reach(self) -> int:
        """Pixels over which a value spreads."""
        return 2 * self.radius

    def apply(self, stack: Film32, first: tuple[int, int] = (0, 0)) -> Film32:
        """Filtered images.

        Parameters
        ----------
        stack : array of float32, shape (n, rows, columns)
            A part of the film beyond which all is 0.
        first : (row, column)
            Where on the film the part begins.
        """
        _, rows, columns = stack.shape
        at = slice(first[0], first[0] + rows), slice(first[1], first[1] + columns)
        usable, inverse = np.ascontiguousarray(self.usable[at]), np.ascontiguousarray(self.inverse[at])
        out = np.empty_like(stack)
        shared_out(
            lambda k, n: _high_passed(stack, usable, inverse, self.radius, out, (k, n)), work=stack.size
        )
        return out


@numba.njit(**_fast)
def _boxes_along_rows(image: Film32, radius: int) -> None:
    """Sums over 2 radius + 1 neighbours in a row, in place; nothing beyond the border."""
    rows, columns = image.shape
    line = np.zeros(columns + 2 * radius + 1, dtype=np.float32)
    inner = line[radius + 1 : radius + 1 + columns]
    for r in range(rows):
        inner[:] = image[r]
        total = line[radius + 1 : 2 * radius + 1].sum()
        for c in range(columns):
            total += line[c + 2 * radius + 1] - line[c]
            image[r, c] = total


@numba.njit(**_fast)
def _boxes_along_columns(image: Film32, radius: int) -> None:
    """The same along columns, row by row, so that memory is read in its order."""
    rows, columns = image.shape
    padded = np.zeros((rows + 2 * radius + 1, columns), dtype=np.float32)
    padded[radius + 1 : radius + 1 + rows] = image
    total = np.zeros(columns, dtype=np.float32)
    for r in range(radius + 1, 2 * radius + 1):
        for c in range(columns):
            total[c] += padded[r, c]
    for r in range(rows):
        enter, leave = padded[r + 2 * radius + 1], padded[r]
        for c in range(columns):
            total[c] += enter[c] - leave[c]
            image[r, c] = total[c]


@numba.njit(**_fast)
def _tent(image: Film32, radius: int) -> None:
    """Sum under a tent, in place: two boxes along each axis."""
    for _ in range(2):
        _boxes_along_rows(image, radius)
        _boxes_along_columns(image, radius)


@numba.njit(**_fast)
def _high_passed(stack, usable, inverse, radius, out, share):  # type: ignore[no-untyped-def]
    """Every n-th image of the stack, from the k-th on, less its surroundings; `share` is (k, n)."""
    rows, columns = usable.shape
    for k in range(share[0], stack.shape[0], share[1]):
        for r in range(rows):
            for c in range(columns):
                out[k, r, c] = stack[k, r, c] * usable[r, c]
        _tent(out[k], radius)
        for r in range(rows):
            for c in range(columns):
                out[k, r, c] = stack[k, r, c] * usable[r, c] - out[k, r, c] * inverse[r, c]
