"""Voxels averaged over blocks, as the pixels of reduced films are: neither aliases."""

from __future__ import annotations

import numpy as np

from atlasplane.anatomy.solids import Solid
from atlasplane.core.errors import MissingExtra

try:
    import numba

    from atlasplane.xray.threads import shared_out
except ImportError as missing:
    raise MissingExtra("ct", "registration") from missing


def block_means(solid: Solid, factor: int) -> Solid:
    """The solid on voxels `factor` times as large, each the mean of a block; what is left over is air."""
    if factor == 1:
        return solid
    values = np.ascontiguousarray(solid.attenuation_per_mm, dtype=np.float32)
    # A border of nothing: the voxels at the edge are met in full.
    means = np.zeros([-(-n // factor) + 2 for n in values.shape], dtype=np.float32)
    inner = means[1:-1, 1:-1, 1:-1]
    shared_out(lambda k, n: _fill(values, factor, inner, (k, n)), work=values.size)
    return Solid(
        attenuation_per_mm=means,
        origin_mm=solid.origin_mm + (0.5 * (factor - 1) - factor) * solid.spacing_mm,
        spacing_mm=solid.spacing_mm * factor,
    )


@numba.njit(nogil=True, fastmath=True, cache=True)
def _fill(values, factor, means, share):  # type: ignore[no-untyped-def]
    """Every n-th layer of `means`, from the k-th on; `share` is (k, n)."""
    nx, ny, nz = values.shape
    part = np.float32(1 / factor**3)
    line = np.empty(nz, dtype=np.float32)
    for i in range(share[0], means.shape[0], share[1]):
        for j in range(means.shape[1]):
            line[:] = 0
            for x in range(i * factor, min((i + 1) * factor, nx)):
                for y in range(j * factor, min((j + 1) * factor, ny)):
                    row = values[x, y]
                    for z in range(nz):
                        line[z] += row[z]
            for k in range(means.shape[2]):
                total = np.float32(0)
                for z in range(k * factor, min((k + 1) * factor, nz)):
                    total += line[z]
                means[i, j, k] = part * total
