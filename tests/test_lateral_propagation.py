"""First-order propagation holds for every measure from the side, at the catalogue's own placing errors."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.anatomy.landmarks import landmark
from atlasplane.anatomy.phantom import mean_phantom, posture
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.lateral import LATERAL, LATERAL_FULL, LateralLines
from atlasplane.pathways.alignment.marks import Construction, Marks
from atlasplane.uncertainty.first_order import jacobian

TABLE = {c.key: c for c in (*LATERAL, *LATERAL_FULL)}
DRAWS = 20_000
ENLARGED = 1.18
"""The placing errors are of the film, the phantom is of life size."""


@pytest.fixture(scope="module")
def person() -> dict[str, Array]:
    """Where a mean person's landmarks show from the side, atlas in its ordinary flexion."""
    phantom = mean_phantom()
    posed = posture(phantom, head_deg=np.zeros(3), atlas_deg=np.array([-12.0, 0.0, 0.0]))
    return {id_: posed.room_from(bone).apply(at)[:2] for id_, (bone, at) in phantom.points_mm.items()}


def covariance_of(ids: tuple[str, ...]) -> Array:
    cov = np.zeros((2 * len(ids), 2 * len(ids)))
    for k, id_ in enumerate(ids):
        block = landmark(id_).placing.covariance(mirrored=id_.endswith("_L"))
        cov[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = block / ENLARGED**2
    return cov


@pytest.mark.parametrize("key", TABLE)
def test_95_percent_intervals_hold_95_percent_of_the_readings(key: str, person: dict[str, Array]) -> None:
    construction: Construction[LateralLines] = TABLE[key]
    mean = np.concatenate([person[id_] for id_ in construction.needs])
    cov = covariance_of(construction.needs)

    def value(inputs: Array) -> Array:
        points = {id_: inputs[..., 2 * k : 2 * k + 2] for k, id_ in enumerate(construction.needs)}
        return construction.value(LateralLines(Marks(points, {})))

    slope = jacobian(lambda inputs: value(inputs)[..., None], mean, 0.25 * np.sqrt(np.diag(cov)))
    u = np.sqrt((slope @ cov @ slope.T).item())
    read = value(np.random.default_rng(3).multivariate_normal(mean, cov, DRAWS))
    held = np.mean(np.abs(read - value(mean)) < 1.96 * u)
    # Binomial: 0.15 % of 20 000 draws, four of them; and half a per cent for what is not linear.
    assert held == pytest.approx(0.95, abs=0.011)
