"""What a registration ends in: poses, their covariance, how the films agree with them, and a state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.registration_problem import PER_POSE

Film32 = NDArray[np.float32]
Status = Literal["ok", "doubtful", "refused"]
REASONS = (
    "residual",
    "starts_disagree",
    "start_disagrees",
    "weak_signal",
    "cameras",
    "one_direction",
    "not_converged",
    "shape",
    "off_film",
    "unresolved",
)
"""Codes of what speaks against a result."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FilmResidual:
    """What is left of one film at the finest level.

    Attributes
    ----------
    file : str
    gain : float
        Film signal per unit of the projected bones.
    first_px : (column, row)
        Film pixel of the first sample.
    step_px : int
        Film pixels from one sample to the next.
    residual : array of float32, shape (rows, columns)
        Film minus model after the high-pass; 0 where nothing was compared.
    weights : array of float32, same shape
        Robust weight in [0, 1]; 0 where nothing was compared.
    share : float
        Part of the film's filtered signal (weighted sum of squares) that the model explains, 0 to 1.
    """

    file: str
    gain: float
    first_px: tuple[int, int]
    step_px: int
    residual: Film32
    weights: Film32
    share: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Registration:
    """Poses of the bones that agree best with the films.

    Attributes
    ----------
    status : "ok", "doubtful" or "refused"
        Of a refused one no number may be shown as a result.
    reasons : tuple of str
        Codes of `REASONS`.
    skull : tuple of RigidTransform
        Volume -> room, one per film.
    bones : mapping bone -> RigidTransform
        Motion of the bone in the volume since the scan.
    cov : array, shape (p, p)
        As `Start.cov`.
    cameras : tuple of PinholeCamera
        Of the films, after the fit.
    camera_u : tuple of array, shape (4,)
        Standard uncertainties of distance (mm), source along columns and rows (mm) and pitch (relative).
    residual, limit : float
        What is left of the films, and above which value that is too much.
    agreement_deg, agreement_mm : float
        Largest difference of a bone's pose between the kept starts after they converged.
    films : tuple of FilmResidual
    iterations : int
        Of all starts and levels.
    seconds : float
    """

    status: Status
    reasons: tuple[str, ...]
    skull: tuple[RigidTransform, ...]
    bones: Mapping[str, RigidTransform]
    cov: Array
    cameras: tuple[PinholeCamera, ...]
    camera_u: tuple[Array, ...]
    residual: float
    limit: float
    agreement_deg: float
    agreement_mm: float
    films: tuple[FilmResidual, ...]
    iterations: int
    seconds: float

    def __post_init__(self) -> None:
        if unknown := set(self.reasons) - set(REASONS):
            raise ValueError(f"unknown reasons: {', '.join(sorted(unknown))}")
        if (self.status == "ok") == bool(self.reasons):
            raise ValueError(f"{self.status} with the reasons {self.reasons}")

    def cov_of(self, pose: int) -> Array:
        """Covariance of one pose, shape (6, 6), by its place: distinct skull poses first, then the bones."""
        at = slice(PER_POSE * pose, PER_POSE * (pose + 1))
        return self.cov[at, at]
