"""Open-mouth film (APOM): dens, lateral masses, joints. Film coordinates (z, y): right, superior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Construction, Marks, sides_exchanged

GAP_AT = (0.125, 0.375, 0.625, 0.875)
"""Where the joint's gap is taken, in shares of the condyle's length: the middles of four equal parts."""
_OUTWARD = {"R": 1.0, "L": -1.0}


@dataclass(frozen=True, eq=False)
class OpenMouthLines:
    """Lines of an open-mouth film, drawn when asked for."""

    marks: Marks

    def outward(self, side: str, inner: str, outer: str, along: str) -> Array:
        """How far one point lies outward of another on a side, along the line through a pair."""
        across = planar.unit(self.marks[f"{along}_R"] - self.marks[f"{along}_L"])
        step = self.marks[f"{outer}_{side}"] - self.marks[f"{inner}_{side}"]
        return _OUTWARD[side] * planar.dot(step, across)

    def interval(self, side: str) -> Array:
        """Lateral atlanto-dental interval of a side (Wolansky et al.), + mass lateral to the dens."""
        return self.outward(side, "DENS_LAT", "C1_LMM", along="C1_LMM")

    def asymmetry(self) -> Array:
        """Lateral atlanto-dental interval of the right minus that of the left."""
        return self.interval("R") - self.interval("L")

    def overhang(self) -> Array:
        """Rule of Spence (Radcliff et al. 2013): what stands out on each side, added; never below 0."""
        return np.maximum(0.0, self.overhang_or_cover())

    def overhang_or_cover(self) -> Array:
        """The same, negative where neither side stands out: then of the side that is nearer to it."""
        right, left = (self.outward(side, "C2_FL", "C1_LML", along="C2_FL") for side in "RL")
        return np.maximum(right, left) + np.maximum(0.0, np.minimum(right, left))

    def gap(self, side: str) -> Array:
        """Condyle-C1 interval: mean gap at four equidistant points of the joint (Smith et al. 2016)."""
        condyle = along_polyline(self.marks.contours[f"C0_FACET_{side}"], GAP_AT)
        facet = self.marks.contours[f"C1_FACET_{side}"]
        mean: Array = distance_to_polyline(condyle, facet).mean(axis=-1)
        return mean


def along_polyline(line: Array, shares: tuple[float, ...]) -> Array:
    """Points at shares of a polyline's length, shape (..., n, 2) -> (..., len(shares), 2)."""
    steps = np.diff(line, axis=-2)
    lengths = np.linalg.norm(steps, axis=-1)
    ends = np.cumsum(lengths, axis=-1)
    reach = np.asarray(shares) * ends[..., -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        gone = (reach[..., None] - (ends - lengths)[..., None, :]) / lengths[..., None, :]
    covered = np.clip(gone, 0.0, 1.0)
    points: Array = line[..., :1, :] + covered @ steps
    return points


def distance_to_polyline(points: Array, line: Array) -> Array:
    """Distance of points (..., k, 2) to the nearest place of a polyline (..., n, 2), shape (..., k)."""
    start, step = line[..., None, :-1, :], np.diff(line, axis=-2)[..., None, :, :]
    ahead = points[..., :, None, :] - start
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip(planar.dot(ahead, step) / planar.dot(step, step), 0.0, 1.0)
    away = np.linalg.norm(ahead - share[..., None] * step, axis=-1)
    nearest: Array = away.min(axis=-1)
    return nearest


_DENS = ("DENS_LAT_R", "DENS_LAT_L")
_MEDIAL = ("C1_LMM_R", "C1_LMM_L")
_EDGES = ("C1_LML_R", "C1_LML_L", "C2_FL_R", "C2_FL_L")

OPEN_MOUTH: tuple[Construction[OpenMouthLines], ...] = (
    Construction("ladi/right", ("DENS_LAT_R", *_MEDIAL), lambda film: film.interval("R")),
    Construction("ladi/left", ("DENS_LAT_L", *_MEDIAL), lambda film: film.interval("L")),
    Construction("ladi_asymmetry", _DENS + _MEDIAL, OpenMouthLines.asymmetry),
    Construction(
        "lateral_mass_overhang", _EDGES, OpenMouthLines.overhang, smooth=OpenMouthLines.overhang_or_cover
    ),
    Construction("condyle_c1_interval/right", ("C0_FACET_R", "C1_FACET_R"), lambda film: film.gap("R")),
    Construction("condyle_c1_interval/left", ("C0_FACET_L", "C1_FACET_L"), lambda film: film.gap("L")),
)


def open_mouth_contradictions(marks: Marks) -> list[str]:
    """Pairs of marks that lie the wrong way round for the stored `patient_right`."""
    pairs = ("DENS_LAT", "C1_LMM", "C1_LML", "C2_FL", "C0_FACET", "C1_FACET")
    return sides_exchanged(marks, pairs, axis=0)
