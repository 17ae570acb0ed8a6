"""The four published cases of uncertainty propagation, number by number, to the tolerance in each file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlasplane.core.observation import coverage_factor
from atlasplane.geometry.types import Array
from atlasplane.uncertainty.first_order import covariance, effective_dof, jacobian, second_order_u
from atlasplane.uncertainty.monte_carlo import (
    Arcsine,
    CurvilinearTrapezoid,
    Distribution,
    MonteCarloResult,
    Normal,
    Rectangular,
    StudentT,
    monte_carlo,
)

DRAWS = 400_000
"""Standard error of the tightest Monte Carlo figure, a 2.5 % quantile known to 0.02: 0.008."""

ONE, BOTH = (None,), ("low", "high")
EXPECTED: Mapping[str, Mapping[str, tuple[str | None, ...]]] = {
    "gum_h1_end_gauge": {
        "estimate minus nominal": ONE,
        "u_c first order": ONE,
        "u_c with second-order terms": ONE,
        "effective dof (Welch-Satterthwaite, truncated)": ONE,
        "U99 = t99(16)*u_c": ONE,
        "Monte Carlo mean": ONE,
        "Monte Carlo u": ONE,
        "Monte Carlo 99 % coverage interval": BOTH,
    },
    "gum_h2_impedance": dict.fromkeys(
        [
            *("mean V", "u(V)", "mean I", "u(I)", "mean phi", "u(phi)", "r(V,I)", "r(V,phi)", "r(I,phi)"),
            *("R", "u(R)", "X", "u(X)", "Z", "u(Z)", "r(R,X)", "r(R,Z)", "r(X,Z)"),
        ],
        ONE,
    ),
    "jcgm101_additive": {
        "a: u(y)": ONE,
        "a: 95 % interval": BOTH,
        "b: u(y)": ONE,
        "b: 95 % MCM interval": BOTH,
        "b: 95 % GUM interval": BOTH,
        "c: u(y)": ONE,
        "c: 95 % MCM interval": BOTH,
        "c: 95 % GUM interval": BOTH,
    },
    "jcgm101_comparison_loss_uncorrelated": {
        **{
            f"x1={x1}: {what}": ends
            for x1 in ("0", "0.010", "0.050")
            for what, ends in (("mean*1e6", ONE), ("u*1e6", ONE), ("shortest 95 % *1e6", BOTH))
        },
        "first-order GUM u at x1=0": ONE,
    },
}
"""Every expected number of the four files, with the ends of the intervals."""

ASSERTIONS = [
    (case, name, end) for case, names in EXPECTED.items() for name, ends in names.items() for end in ends
]


def read_case(folder: Path, case: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / f"{case}.json").read_text(encoding="utf-8"))
    return loaded


def independent(inputs: list[Distribution]):
    def sampler(count: int, rng: np.random.Generator) -> Array:
        return np.stack([one.draw(count, rng) for one in inputs], axis=-1)

    return sampler


def end_gauge(data: Mapping[str, Any]) -> dict[str, Any]:
    inputs = data["inputs"]
    mean = np.array([entry["value"] for entry in inputs], dtype=float)
    u = np.array([entry["u"] for entry in inputs], dtype=float)
    dofs = [entry.get("dof", math.inf) for entry in inputs]

    def length(x: Array) -> Array:
        l_s, d0, d1, d2, alpha_s, theta0, cycle, d_alpha, d_theta = np.moveaxis(x, -1, 0)
        out = l_s + d0 + d1 + d2 - l_s * (d_alpha * (theta0 + cycle) + alpha_s * d_theta)
        return out[..., None]

    sensitivity = jacobian(length, mean, 0.1 * u)
    u_c = math.sqrt(covariance(sensitivity, np.diag(u**2))[0, 0])
    dof = math.floor(effective_dof(u_c, np.abs(sensitivity[0]) * u, dofs))
    repeats: list[Distribution] = [
        StudentT(m, s, nu) for m, s, nu in zip(mean[:4], u[:4], dofs[:4], strict=True)
    ]
    # The limits of JCGM 101, 9.5.2: half-widths 1e-6 known to 10 %, 0.05 known to 50 %.
    others: list[Distribution] = [
        Rectangular(9.5e-6, 13.5e-6),
        Normal(mean[5], u[5]),
        Arcsine(-0.5, 0.5),
        CurvilinearTrapezoid(-1e-6, 1e-6, 0.1e-6),
        CurvilinearTrapezoid(-0.05, 0.05, 0.025),
    ]
    run = monte_carlo(
        length, independent(repeats + others), draws=DRAWS, rng=np.random.default_rng(95), level=0.99
    )
    nominal = 50_000_000
    return {
        "estimate minus nominal": length(mean)[0] - nominal,
        "u_c first order": u_c,
        "u_c with second-order terms": second_order_u(length, mean, u),
        "effective dof (Welch-Satterthwaite, truncated)": dof,
        "U99 = t99(16)*u_c": coverage_factor(0.99, dof) * u_c,
        "Monte Carlo mean": run.mean[0] - nominal,
        "Monte Carlo u": run.u[0],
        "Monte Carlo 99 % coverage interval": (run.low[0] - nominal, run.high[0] - nominal),
    }


def impedance(data: Mapping[str, Any]) -> dict[str, Any]:
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


def additive(data: Mapping[str, Any]) -> dict[str, Any]:
    def total(x: Array) -> Array:
        return x.sum(axis=-1, keepdims=True)

    found: dict[str, Any] = {}
    for seed, configuration in enumerate(data["configurations"]):
        id_, u = configuration["id"], np.array(configuration["u"], dtype=float)
        rectangular = configuration["pdf"] == "rectangular"
        inputs: list[Distribution] = [
            Rectangular(-s * math.sqrt(3), s * math.sqrt(3)) if rectangular else Normal(0.0, s) for s in u
        ]
        run = monte_carlo(total, independent(inputs), draws=DRAWS, rng=np.random.default_rng(seed))
        u_c = math.sqrt(covariance(jacobian(total, np.zeros(4), 0.1 * u), np.diag(u**2))[0, 0])
        half = coverage_factor(0.95, math.inf) * u_c
        found[f"{id_}: u(y)"] = run.u[0]
        found[f"{id_}: 95 % {'MCM ' if rectangular else ''}interval"] = (run.low[0], run.high[0])
        found[f"{id_}: 95 % GUM interval"] = (-half, half)
    return found


def comparison_loss(data: Mapping[str, Any]) -> dict[str, Any]:
    def loss(x: Array) -> Array:
        return np.sum(x**2, axis=-1, keepdims=True)

    found: dict[str, Any] = {}
    for x1, label in zip(data["x1"], ("0", "0.010", "0.050"), strict=True):
        inputs: list[Distribution] = [Normal(x1, data["u"]), Normal(data["x2"], data["u"])]
        run: MonteCarloResult = monte_carlo(
            loss, independent(inputs), draws=DRAWS, rng=np.random.default_rng(94), interval="shortest"
        )
        found[f"x1={label}: mean*1e6"] = run.mean[0] * 1e6
        found[f"x1={label}: u*1e6"] = run.u[0] * 1e6
        found[f"x1={label}: shortest 95 % *1e6"] = (run.low[0] * 1e6, run.high[0] * 1e6)
    u = np.full(2, data["u"])
    at_zero = covariance(jacobian(loss, np.zeros(2), 0.1 * u), np.diag(u**2))
    return {**found, "first-order GUM u at x1=0": math.sqrt(at_zero[0, 0])}


PROCEDURES = {
    "gum_h1_end_gauge": end_gauge,
    "gum_h2_impedance": impedance,
    "jcgm101_additive": additive,
    "jcgm101_comparison_loss_uncorrelated": comparison_loss,
}


@pytest.fixture(scope="module")
def cases(reference_dir: Path) -> dict[str, dict[str, Any]]:
    return {case: read_case(reference_dir, case) for case in EXPECTED}


@pytest.fixture(scope="module")
def found(cases: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {case: PROCEDURES[case](read["data"]) for case, read in cases.items()}


@pytest.mark.parametrize(("case", "name", "end"), ASSERTIONS)
def test_published_number(cases, found, case: str, name: str, end: str | None) -> None:
    entry = next(e for e in cases[case]["expected"] if e["name"] == name)
    wanted, got = entry["value"], found[case][name]
    if end is not None:
        wanted, got = wanted[BOTH.index(end)], got[BOTH.index(end)]
    assert abs(got - wanted) <= entry["tol_abs"]


@pytest.mark.parametrize("case", EXPECTED)
def test_every_number_of_the_file_is_asserted(cases, case: str) -> None:
    listed = {e["name"]: BOTH if isinstance(e["value"], list) else ONE for e in cases[case]["expected"]}
    assert dict(EXPECTED[case]) == listed


def test_every_uncertainty_case_of_the_folder_is_asserted(reference_dir: Path) -> None:
    present = {p.stem for p in reference_dir.glob("*.json") if p.stem.startswith(("gum_", "jcgm"))}
    assert present == set(EXPECTED)
