"""PyMARE's REML: `python pymare_reml.py IN.npz OUT.npz`.

Runs in the peers' environment. Given `effects` and `variances` of shape (sets, studies), each data set is
fitted alone, in a loop, and then all of them at once as PyMARE's parallel columns; the time of the fits alone
counts, without import, summary or intervals.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
from pymare import Dataset
from pymare.estimators import VarianceBasedLikelihoodEstimator


def estimator() -> VarianceBasedLikelihoodEstimator:
    """REML with plain standard errors."""
    return VarianceBasedLikelihoodEstimator(method="REML", small_sample_correction="wald")


def main(asked: str, answered: str) -> None:
    """Fit, time and write."""
    warnings.simplefilter("ignore")
    given = dict(np.load(asked))
    y, v = given["effects"], given["variances"]
    estimator().fit_dataset(Dataset(y[0], v[0]))  # what is only slow the first time is not counted
    start = time.perf_counter()
    loop = [estimator().fit_dataset(Dataset(a, b)).params_["tau2"] for a, b in zip(y, v, strict=True)]
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    columns = estimator().fit_dataset(Dataset(y.T, v.T)).params_["tau2"]
    seconds_columns = time.perf_counter() - start
    np.savez(
        answered,
        tau2=np.array([float(np.ravel(tau2)[0]) for tau2 in loop]),
        tau2_columns=np.ravel(columns),
        seconds=np.array(seconds),
        seconds_columns=np.array(seconds_columns),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
