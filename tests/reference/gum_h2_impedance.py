"""Resistance, reactance and impedance measured simultaneously, GUM H.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.uncertainty.first_order import covariance, jacobian


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every number of the case."""
    data = case["data"]
    rows = np.array(data["rows"])
    mean, cov = rows.mean(axis=0), np.cov(rows, rowvar=False) / len(rows)

    def model(x: Array) -> Array:
        volt, ampere, phi = np.moveaxis(x, -1, 0)
        z = volt / ampere
        return np.stack([z * np.cos(phi), z * np.sin(phi), z], axis=-1)

    found: dict[str, Any] = {}
    cov_out = covariance(jacobian(model, mean, 0.1 * np.sqrt(np.diag(cov))), cov)
    groups = [(("V", "I", "phi"), "mean {}", mean, cov), (("R", "X", "Z"), "{}", model(mean), cov_out)]
    for names, form, values, covs in groups:
        u = np.sqrt(np.diag(covs))
        for i, name in enumerate(names):
            found[form.format(name)] = values[i]
            found[f"u({name})"] = u[i]
            for j in range(i + 1, 3):
                found[f"r({name},{names[j]})"] = covs[i, j] / (u[i] * u[j])
    return found
