"""Do the marks lie as the declared view would show them? Held against the mean person, seen three ways.

Wrong view, a mirrored image and an image turned on its side all show in the arrangement of the marks alone,
without a look at the picture.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from atlasplane.anatomy.phantom import mean_phantom, posture
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.limits import limits
from atlasplane.pathways.alignment.marked_film import film_frame
from atlasplane.sources.film import Radiograph
from atlasplane.sources.reading import Reading

FEWEST_MARKS = 5
"""A similarity takes up two marks; five leave six numbers that can contradict."""
TYPICAL_ATLAS_DEG = (-12.0, 0.0, 0.0)

_PLANES: Mapping[str, tuple[int, int]] = {"coronal": (2, 1), "sagittal": (0, 1), "axial": (0, 2)}
"""Room axes (anterior, superior, right) of a film frame's first and second axis."""
_OTHER_PLANES = {
    "lateral": "sagittal",
    "lateral-full": "sagittal",
    "photo-lateral": "sagittal",
    "vertex": "axial",
    "base-posterior": "axial",
    "volume": "volume",
}


def film_plane(view: str) -> str:
    """Plane that a view shows: sagittal, axial or coronal."""
    return _OTHER_PLANES.get(view, "coronal")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutFit:
    """The mean person, moved, turned and sized onto the marks.

    Attributes
    ----------
    plane : str
        Seen as sagittal, coronal or axial.
    mirrored : bool
    residual : float
        Root mean square of what is left over, as a share of the marks' spread; 0 fits, 1 does not.
    turn_deg : float
        How far the marks are turned against the film's axes.
    """

    plane: str
    mirrored: bool
    residual: float
    turn_deg: float


def layout_fits(film: Radiograph, reading: Reading) -> tuple[LayoutFit, ...]:
    """Fits of the mean person in each plane, straight and mirrored; empty with too few marks.

    Raises
    ------
    BadLandmarks
        When the film's axes cannot be told.
    """
    ids = sorted(id_ for id_ in reading.points if id_ in _person())
    if len(ids) < FEWEST_MARKS:
        return ()
    marks = _complex(film_frame(film).film(np.array([reading.points[id_].at for id_ in ids])))
    fits = []
    for plane, axes in _PLANES.items():
        body = _complex(np.array([_person()[id_][list(axes)] for id_ in ids]))
        for mirrored in (False, True):
            # A similarity of the plane is a product of complex numbers; conjugation is the mirror.
            model = body.conj() if mirrored else body
            size, spread = float(np.vdot(model, model).real), float(np.vdot(marks, marks).real)
            share = complex(np.vdot(model, marks)) / (size or 1.0)
            left = 1 - abs(share) ** 2 * size / (spread or 1.0)
            fits.append(
                LayoutFit(
                    plane=plane,
                    mirrored=mirrored,
                    residual=math.sqrt(max(left, 0.0)),
                    turn_deg=math.degrees(cmath.phase(share)),
                )
            )
    return tuple(fits)


def layout_findings(film: Radiograph, reading: Reading) -> Iterator[Finding]:
    """What the arrangement of one reading's marks says against the film's view and directions."""
    fits = layout_fits(film, reading)
    if not fits:
        return
    declared = next(f for f in fits if f.plane == film_plane(film.view.value) and not f.mirrored)
    best = min(fits, key=lambda fit: fit.residual)
    margin, poor = limits()["layout.margin"].value, limits()["layout.residual"].value
    if best is not declared and declared.residual > poor and declared.residual > margin * best.residual:
        yield _contradicted(film, declared, best)
    elif abs(declared.turn_deg) > limits()["layout.turned"].value and declared.residual <= poor:
        yield Finding(
            code="layout.turned",
            severity=Severity.STOP,
            file=film.file,
            value=declared.turn_deg,
            limit=limits()["layout.turned"].value,
            text=f"The marks stand turned by {declared.turn_deg:+.0f} deg against the stated directions "
            f"(limit {limits()['layout.turned'].value:g} deg): check patient_right, patient_anterior and "
            "patient_superior",
            source=limits()["layout.turned"].source,
        )


def _contradicted(film: Radiograph, declared: LayoutFit, best: LayoutFit) -> Finding:
    same = best.plane == declared.plane
    what = "mirrored" if same else f"as on a {best.plane} view" + (", mirrored" if best.mirrored else "")
    remedy = "patient_right or patient_anterior" if same else "the view, and which film was marked"
    return Finding(
        code="layout.mirrored" if same else "layout.view",
        severity=Severity.STOP,
        file=film.file,
        value=declared.residual,
        limit=limits()["layout.residual"].value,
        text=f"The marks do not lie as on a {film.view.value} film (misfit {declared.residual:.2f} of their "
        f"spread, limit {limits()['layout.residual'].value:g}) but {what} (misfit {best.residual:.2f}): "
        f"check {remedy}",
        source=limits()["layout.residual"].source,
    )


@cache
def _person() -> Mapping[str, Array]:
    """Points of the mean person in the room, each of shape (3,)."""
    phantom = mean_phantom()
    pose = posture(phantom, head_deg=np.zeros(3), atlas_deg=np.array(TYPICAL_ATLAS_DEG))
    return {id_: pose.room_from(bone).apply(at[None])[0] for id_, (bone, at) in phantom.points_mm.items()}


def _complex(at: Array) -> NDArray[np.complex128]:
    centred = at - at.mean(axis=0)
    return np.asarray(centred[:, 0] + 1j * centred[:, 1])
