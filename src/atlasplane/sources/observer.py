"""How precisely one observer places marks, as the observer's own repeat readings tell."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from atlasplane.geometry.types import Array

EVIDENCE = "observer's own repeats"
"""What the provenance calls these placing errors; the catalogue's are its default."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ObserverPlacing:
    """Placing errors of one observer that replace the catalogue's defaults.

    Attributes
    ----------
    observer : str
    cov_mm2 : mapping landmark id without side -> array, shape (2, 2)
        Covariance of one reading in the film's axes, mm squared on the film, for the right side of a pair;
        a contour's is the same in every direction and stands for each vertex.
    dof : mapping landmark id without side -> float
        Degrees of freedom of that covariance.
    n_cases : int
        Cases that the observer read at least twice.
    file, sha256 : str
        The data file that says so, and the digest of its bytes.
    """

    observer: str
    cov_mm2: Mapping[str, Array]
    dof: Mapping[str, float]
    n_cases: int
    file: str
    sha256: str

    def __post_init__(self) -> None:
        if self.cov_mm2.keys() != self.dof.keys():
            raise ValueError("cov_mm2 and dof must name the same landmarks")
        if any(not dof > 0 for dof in self.dof.values()):
            raise ValueError("degrees of freedom must be above 0")
        if any(
            cov.shape != (2, 2) or not np.all(np.linalg.eigvalsh(cov) > 0) for cov in self.cov_mm2.values()
        ):
            raise ValueError("every covariance must be 2 x 2 and positive definite")

    def covariance(self, id_: str, *, mirrored: bool) -> Array | None:
        """Covariance of a landmark (id without side) in the film's axes, mm squared; None keeps the default.

        Parameters
        ----------
        mirrored : bool
            For the left of a pair, as `anatomy.landmarks.Placing.covariance` has it.
        """
        cov = self.cov_mm2.get(id_)
        if cov is None or not mirrored:
            return cov
        return cov * MIRROR

    @property
    def provenance(self) -> str:
        """One line for reports: the evidence, its file, digest and number of cases."""
        return f"{EVIDENCE}: {self.file}, sha256 {self.sha256[:12]}, {self.n_cases} cases read twice"


MIRROR: Array = np.array([[1.0, -1.0], [-1.0, 1.0]])
"""Signs of a covariance's entries in the mirror image (one axis turned round)."""


@cache
def observer_needs() -> Mapping[str, float]:
    """Numbers of data/observers.toml by name (`cases`, `films`, `eccentricity`)."""
    text = files("atlasplane.sources").joinpath("data/observers.toml").read_text(encoding="utf-8")
    return {key: float(entry["value"]) for key, entry in tomllib.loads(text).items() if key != "schema"}
