"""What PyMARE makes of the data sets: `python oracle.py IN.npz OUT.npz`, in the peers' environment.

It knows nothing of the project but the names in the file: `NAME.effects`, `NAME.variances`, and where there
are any `NAME.moderator` and `NAME.clusters`.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
from pymare import Dataset
from pymare.estimators import DerSimonianLaird, Hedges, VarianceBasedLikelihoodEstimator
from pymare.stats import cluster_robust_cov, q_profile, satterthwaite_dof


def estimator(method: str, correction: str):
    """By our name of the estimator of tau2."""
    if method in ("ML", "REML"):
        return VarianceBasedLikelihoodEstimator(method=method, small_sample_correction=correction)
    kinds = {"DL": DerSimonianLaird, "HE": Hedges}
    return kinds[method](small_sample_correction=correction)


def fitted(data: Dataset, method: str, correction: str) -> np.ndarray:
    """tau2, then estimate, SE, p and both ends of each coefficient."""
    found = estimator(method, correction).fit_dataset(data).summary()
    stats = found.get_fe_stats()
    rows = [np.ravel(stats[key]) for key in ("est", "se", "p", "ci_l", "ci_u")]
    return np.concatenate([np.ravel(found.tau2), np.column_stack(rows).ravel()])


def clustered(y: np.ndarray, v: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """CR2 variance and degrees of freedom of a fixed-effect mean."""
    x, w = np.ones((len(y), 1)), 1 / v[:, None]
    beta = np.array([[np.sum(w[:, 0] * y) / w.sum()]])
    covariance = cluster_robust_cov(y[:, None], v[:, None], x, beta, clusters)
    return np.array([np.ravel(covariance)[0], np.ravel(satterthwaite_dof(x, w, clusters))[0]])


def main(asked: str, answered: str) -> None:
    """Everything for every data set."""
    warnings.simplefilter("ignore")
    given = dict(np.load(asked))
    told = {}
    for name in sorted({key.partition(".")[0] for key in given}):
        y, v = given[f"{name}.effects"], given[f"{name}.variances"]
        x = given.get(f"{name}.moderator")
        data = Dataset(y, v) if x is None else Dataset(y, v, X=x[:, None], X_names=["x"])
        for method in ("DL", "HE", "ML", "REML"):
            for correction in ("wald", "knapp-hartung"):
                told[f"{name}.{method}.{correction}"] = fitted(data, method, correction)
        ends = q_profile(y[:, None], v[:, None], np.asarray(data.X))
        told[f"{name}.q-profile"] = np.ravel([ends["ci_l"], ends["ci_u"]])
        if f"{name}.clusters" in given:
            told[f"{name}.cr2"] = clustered(y, v, given[f"{name}.clusters"])
    np.savez(answered, **told)


if __name__ == "__main__":
    main(*sys.argv[1:])
