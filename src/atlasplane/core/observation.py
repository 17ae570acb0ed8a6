"""The five kinds of observation, each frozen and valid once constructed.

`u` is always the standard uncertainty (k = 1) of the patient's own quantity. ``u is None`` means "no
published error": such a value is shown, is never compared, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaincinv, ndtri, stdtrit

from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import Quantity
from atlasplane.core.side import Side, side_of
from atlasplane.geometry.rotation import is_rotation, zxy_from_rotation
from atlasplane.geometry.se3 import zxy_jacobian
from atlasplane.geometry.types import Array

_WHOLE = 100.0
"""Per cent."""
_LARGEST = 700.0
"""Exponent that a float still holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A coverage interval; an end is None where the data set no bound."""

    level: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mdc:
    """Minimal detectable change at a stated level, in the quantity's unit."""

    value: float
    level: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where on the patient: structure, spinal level, side; each may be left open."""

    structure: str | None = None
    level: str | None = None
    side: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What all five kinds carry.

    Attributes
    ----------
    quantity : Quantity
    visit : str
        Id of the visit.
    site : Site or None
    condition : str or None
        None on the quantity's home view; else the other view, or e.g. "standing", "flexion".
    method : str
        Name and version of the procedure.
    measurand : str
        "patient" or "film".
    tag : str
        Evidence tag of the construction.
    source, observer, quality : tuple of str
    provenance : mapping
        Digests, landmark readings, calibration and settings that the number came from.
    """

    quantity: Quantity
    visit: str
    method: str
    site: Site | None = None
    condition: str | None = None
    measurand: str = "patient"
    tag: str = "proposed"
    source: tuple[str, ...] = ()
    observer: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    quality: tuple[str, ...] = ("ok",)

    @property
    def key(self) -> str:
        """Quantity id, level or structure, side and condition, as far as known: ``condylar_radius/right``."""
        site = self.site or Site()
        return str(
            ObservationKey(
                quantity=self.quantity.id,
                level=site.level or site.structure,
                side=site.side,
                condition=self.condition,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Observation):
    """A value on an interval or ratio scale.

    Attributes
    ----------
    value : float
        In the quantity's unit; the quantity says what + means.
    u : float or None
        Standard uncertainty of the patient's quantity.
    u_film : float or None
        Placing and scale only: against the same film read perfectly. Film quantities only.
    dof : float
        Effective degrees of freedom of u; infinite where u is not estimated from few repeats.
    budget : mapping
        Contribution of each input to u, same unit; their squares add up to u squared.
    calibration : str or None
        Kind of the film's scale.
    """

    value: float
    u: float | None
    u_film: float | None = None
    dof: float = math.inf
    budget: Mapping[str, float] = field(default_factory=dict)
    calibration: str | None = None

    def __post_init__(self) -> None:
        name, unit = self.quantity.id, self.quantity.unit
        if not math.isfinite(self.value):
            raise ValueError(f"{name}: value must be finite, got {self.value} {unit}")
        for label, u in (("u", self.u), ("u_film", self.u_film)):
            if u is not None and not (math.isfinite(u) and u > 0):
                raise ValueError(f"{name}: {label} must be > 0 {unit} or None, got {u}")
        if not self.dof > 0:
            raise ValueError(f"{name}: dof must be > 0, got {self.dof}")

    @property
    def side(self) -> Side | None:
        """Side of a lateral quantity (UNDETERMINED within 1.96 u of zero); None for the others."""
        return side_of(self.value, self.u) if self.quantity.lateral else None

    def interval(self, level: float = 0.95) -> Interval | None:
        """Coverage interval of the patient's quantity; None without u."""
        return self._interval(self.u, level)

    def interval_film(self, level: float = 0.95) -> Interval | None:
        """Coverage interval of the film quantity; None without u_film."""
        return self._interval(self.u_film, level)

    def mdc(self, level: float = 0.95) -> Mdc | None:
        """Change that a repeat must exceed: t sqrt(2) u (Beckerman et al. 2001); None without u."""
        if self.u is None:
            return None
        half = coverage_factor(level, self.dof) * math.sqrt(2.0) * self.u
        return Mdc(value=half, level=level, source="this measurement repeated")

    def _interval(self, u: float | None, level: float) -> Interval | None:
        if u is None:
            return None
        half = coverage_factor(level, self.dof) * u
        if self.quantity.interval == "reciprocal":
            # The reciprocal (a curvature) is what the film determines linearly: its interval is symmetric,
            # not the radius'.
            relative = half / self.value
            high = self.value / (1 - relative) if relative < 1 else None
            return Interval(level=level, low=self.value / (1 + relative), high=high)
        if self.quantity.interval == "log" and self.value > 0:
            factor = math.exp(min(half / self.value, _LARGEST))
            return Interval(level=level, low=self.value / factor, high=self.value * factor)
        if self.quantity.interval == "log_odds" and 0 < self.value < _WHOLE:
            low, high = _shares(self.value / _WHOLE, half / _WHOLE)
            return Interval(level=level, low=_WHOLE * low, high=_WHOLE * high)
        return Interval(level=level, low=self.value - half, high=self.value + half)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Observation):
    """Events over an exposure.

    Attributes
    ----------
    n : int
    exposure : float
        In `exposure_unit`.
    dispersion : float
        Variance over mean; 1 gives the exact Poisson interval (Garwood 1936), more widens it.
    """

    n: int
    exposure: float
    exposure_unit: str = "h"
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        if self.n < 0 or not self.exposure > 0 or not self.dispersion >= 1:
            raise ValueError(
                f"{self.quantity.id}: n >= 0, exposure > 0 and dispersion >= 1 expected, "
                f"got {self.n}, {self.exposure}, {self.dispersion}"
            )

    @property
    def rate(self) -> float:
        """Events per unit of exposure."""
        return self.n / self.exposure

    def interval(self, level: float = 0.95) -> Interval:
        """Interval of the rate: exact for dispersion 1, else the same on the count n / dispersion."""
        _check_level(level)
        tail, effective = (1 - level) / 2, self.n / self.dispersion
        scale = self.dispersion / self.exposure
        low = 0.0 if self.n == 0 else _gamma_quantile(tail, effective) * scale
        high = _gamma_quantile(1 - tail, effective + 1) * scale
        return Interval(level=level, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade(Observation):
    """A level of a named ordinal scale; `agreement` is the published agreement of raters, or None."""

    level: int
    scale: str
    agreement: str | None = None

    def interval(self, level: float = 0.95) -> None:
        """An ordinal level has no interval."""
        del level


@dataclass(frozen=True, slots=True, kw_only=True)
class Category(Observation):
    """One of a named set, `unknown` included."""

    value: str
    choices: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.value not in (*self.choices, "unknown"):
            raise ValueError(
                f"{self.quantity.id}: '{self.value}' is none of {', '.join(self.choices)}, unknown"
            )

    def interval(self, level: float = 0.95) -> None:
        """A category has no interval."""
        del level


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pose(Observation):
    """One bone relative to another: x_to = R x_from + t, ISB axes.

    Attributes
    ----------
    rotation : array, shape (3, 3)
    translation_mm : array, shape (3,)
    cov6 : array, shape (6, 6), or None
        Covariance in the tangent space, left perturbation, rotation (rad) then translation (mm).
    """

    from_frame: str
    to_frame: str
    origin: str
    rotation: Array
    translation_mm: Array
    cov6: Array | None = None

    def __post_init__(self) -> None:
        if not is_rotation(self.rotation):
            raise ValueError(f"{self.quantity.id}: rotation is not a proper 3 x 3 rotation")
        if np.shape(self.translation_mm) != (3,) or not np.all(np.isfinite(self.translation_mm)):
            raise ValueError(f"{self.quantity.id}: translation_mm must be three finite numbers")
        if self.cov6 is not None and np.shape(self.cov6) != (6, 6):
            raise ValueError(f"{self.quantity.id}: cov6 must be 6 x 6")
        if self.cov6 is not None and not _is_covariance(self.cov6):
            raise ValueError(
                f"{self.quantity.id}: cov6 must be finite, symmetric and without negative variance"
            )

    # Equality of the header alone, as inherited, would make any two poses of a visit equal.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def zxy_deg(self) -> tuple[float, float, float]:
        """Extension, right side bending, left axial rotation in degrees (Z-X'-Y'')."""
        alpha, beta, gamma = zxy_from_rotation(self.rotation)
        return float(alpha), float(beta), float(gamma)

    @property
    def zxy_u_deg(self) -> tuple[float, float, float] | None:
        """Standard uncertainties of those three angles in degrees, first order; None without covariance."""
        if self.cov6 is None:
            return None
        by_turn = zxy_jacobian(self.rotation)
        alpha, beta, gamma = np.sqrt(np.diag(by_turn @ self.cov6[:3, :3] @ by_turn.T))
        return float(alpha), float(beta), float(gamma)

    def interval(self, level: float = 0.95) -> tuple[Interval, ...] | None:
        """Marginal half-widths of the six tangent coordinates about 0 (rad, mm); None without covariance."""
        if self.cov6 is None:
            return None
        half = coverage_factor(level, math.inf) * np.sqrt(np.diag(self.cov6))
        return tuple(Interval(level=level, low=-float(h), high=float(h)) for h in half)


def _is_covariance(matrix: Array) -> bool:
    """Whether a matrix is finite, symmetric and positive semidefinite, to rounding of its own units."""
    sd = np.sqrt(np.abs(np.diag(matrix)))
    if not np.all(np.isfinite(matrix)) or np.any(np.diag(matrix) < 0):
        return False
    scaled = matrix / np.outer(sd, sd).clip(min=np.finfo(float).tiny)
    return bool(np.allclose(scaled, scaled.T, atol=1e-9) and np.linalg.eigvalsh(scaled)[0] > -1e-9)


def _shares(share: float, half: float) -> tuple[float, float]:
    """Ends of an interval that is symmetric in the logarithm of the odds."""
    odds, reach = math.log(share / (1 - share)), half / (share * (1 - share))
    low, high = (1 / (1 + math.exp(min(-(odds + sign * reach), _LARGEST))) for sign in (-1, 1))
    return low, high


def coverage_factor(level: float, dof: float) -> float:
    """Two-sided coverage factor: normal for infinite dof, else Student's t (JCGM 100 G.3)."""
    _check_level(level)
    p = (1 + level) / 2
    return float(ndtri(p) if math.isinf(dof) else stdtrit(dof, p))


def _gamma_quantile(p: float, shape: float) -> float:
    """Quantile of the gamma distribution of unit rate: half of chi-squared's with 2 x shape degrees."""
    return float(gammaincinv(shape, p))


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
