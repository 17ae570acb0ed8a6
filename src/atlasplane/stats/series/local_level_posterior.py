"""The change of a drifting level with noise and drift integrated out under priors (see `local_level`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from atlasplane.stats.checks import Array, share
from atlasplane.stats.refusal import NotConverged, OutOfRange
from atlasplane.stats.series.level_filter import check_usable, level_filter, quantile
from atlasplane.stats.single_case.series import PhasedSeries

_NODES, _RADII, _REACH = 64, 41, 8.0
"""Nodes of the angle, nodes of the radius, and standard deviations of log r to either side of its mode."""
_TOLERANCE = 1e-3
"""Standard deviations by which the posterior mean may depend on the number of nodes."""
_MOST_OF_NODE = 0.5
"""Share of the posterior on one node of the angle beyond which its shape is not seen."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LocalLevelPosterior:
    """Lambda with noise and drift integrated out: a mixture of normal distributions.

    Attributes
    ----------
    means, sds, weights : array, shape (m,)
        Of the mixture; weights sum to 1.
    effect, u : float
        Mean and standard deviation of lambda.
    low, high, level : float
        Ends of equal probability in both tails.
    noise, drift : float
        Posterior means of the standard deviations.
    noise_scale, drift_scale : float
        Of the half-normal priors.
    quadrature_error : float
        Change of `effect` with half as many nodes, in units of `u`.
    """

    means: Array
    sds: Array
    weights: Array
    effect: float
    u: float
    low: float
    high: float
    level: float
    noise: float
    drift: float
    noise_scale: float
    drift_scale: float
    quadrature_error: float

    def probability_below(self, limit: float) -> float:
        """Probability that lambda lies below `limit`, e.g. below minus the minimal detectable change."""
        return float(self.weights @ ndtr((limit - self.means) / self.sds))


def local_level_posterior(
    series: PhasedSeries, *, noise_scale: float, drift_scale: float, level: float
) -> LocalLevelPosterior:
    """Lambda under half-normal priors of noise and drift and flat priors of lambda and the first level.

    With noise = noise_scale r cos a and drift = drift_scale r sin a the priors are exp(-r^2/2) r dr da, and
    given (r, a) lambda is normal: Gauss-Legendre over a, and over log r the trapezoidal rule about the mode.

    Parameters
    ----------
    noise_scale, drift_scale : float
        Of the half-normal priors (their median is 0.67 of it), in the unit of the values: what a session
        is known to scatter, and what a level may plausibly move from session to session.
    level : float

    Raises
    ------
    TooFew, NoVariance
    OutOfRange
        A scale that is not above 0.
    NotConverged
        The priors are so far from the data that the quadrature does not resolve the posterior.
    """
    share(level, "level")
    check_usable(series)
    for name, scale in (("noise_scale", noise_scale), ("drift_scale", drift_scale)):
        if not 0 < scale < math.inf:
            raise OutOfRange(f"{name} is {scale:g}; give a standard deviation above 0")
    coarse, _ = _mixture(series, noise_scale, drift_scale, _NODES // 2)
    parts, (noise, drift, share_of_node) = _mixture(series, noise_scale, drift_scale, _NODES)
    means, sds, weights = parts
    effect = float(weights @ means)
    u = math.sqrt(float(weights @ (sds**2 + (means - effect) ** 2)))
    error = abs(effect - float(coarse[2] @ coarse[0])) / u
    if share_of_node > _MOST_OF_NODE or not error < _TOLERANCE:
        raise NotConverged(
            "noise_scale and drift_scale do not fit the data: nearly all of the posterior lies between "
            "two nodes; choose scales of the order of the differences between sessions"
        )
    ends = [
        quantile(lambda x: float(weights @ ndtr((x - means) / sds)), p, effect, u)
        for p in ((1 - level) / 2, (1 + level) / 2)
    ]
    return LocalLevelPosterior(
        means=means,
        sds=sds,
        weights=weights,
        effect=effect,
        u=u,
        low=ends[0],
        high=ends[1],
        level=level,
        noise=noise,
        drift=drift,
        noise_scale=noise_scale,
        drift_scale=drift_scale,
        quadrature_error=error,
    )


def _mixture(
    series: PhasedSeries, noise_scale: float, drift_scale: float, n_nodes: int
) -> tuple[tuple[Array, Array, Array], tuple[float, float, float]]:
    """Means, standard deviations and weights; the means of noise and drift and the most of one angle."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    angles = (nodes + 1) * math.pi / 4
    run = level_filter(series, (noise_scale * np.cos(angles)) ** 2, (drift_scale * np.sin(angles)) ** 2)
    # Of log r: (4 - n) log r - squares / (2 r^2) - r^2 / 2. Its mode solves r^4 + (n - 4) r^2 = squares.
    power = run.n_sessions - 4
    mode = 2 * run.squares / (power + np.sqrt(power**2 + 4 * run.squares))
    width = 1 / np.sqrt(2 * (run.squares / mode + mode))
    log_r = np.log(mode)[:, None] / 2 + np.linspace(-_REACH, _REACH, _RADII) * width[:, None]
    squares = np.exp(2 * log_r)
    height = -power * log_r - run.squares[:, None] / (2 * squares) - squares / 2
    height += (np.log(weights * width) - run.log_scale - np.log(run.information) / 2)[:, None]
    mass = np.exp(height - height.max())
    mass /= mass.sum()
    radii = np.exp(log_r)
    noise = noise_scale * float(np.sum(mass * radii * np.cos(angles)[:, None]))
    drift = drift_scale * float(np.sum(mass * radii * np.sin(angles)[:, None]))
    kept = mass > mass.max() * 1e-14
    means = np.broadcast_to(run.effect[:, None], mass.shape)[kept]
    sds = (radii / np.sqrt(run.information)[:, None])[kept]
    share_of_node = float(mass.sum(axis=1).max())
    return (means, sds, mass[kept] / mass[kept].sum()), (noise, drift, share_of_node)
