"""Anatomy that a film cuts off: marks and contours at its border, and needed marks that nobody could see."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from atlasplane.anatomy.landmarks import landmarks
from atlasplane.anatomy.protocol import protocol
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.limits import limits
from atlasplane.pathways.alignment.marked_film import marked_film
from atlasplane.sources.film import Radiograph
from atlasplane.sources.reading import Reading


def field_findings(film: Radiograph, reading: Reading) -> Iterator[Finding]:
    """What one reading says of the film's borders.

    Raises
    ------
    BadLandmarks
        When the film's axes cannot be told.
    """
    steps = protocol(film.view.value)
    hidden = [step.id for step in steps if not step.optional and step.id in reading.not_visible]
    if hidden:
        yield _finding(
            film, "film.not_visible", float(len(hidden)), f"Marked as not visible: {', '.join(hidden)}"
        )
    marked = marked_film(film, reading, landmarks().keys())
    pixel = math.sqrt(abs(float(np.linalg.det(marked.frame.matrix))))
    mm_per_px = marked.film_mm_per_unit * pixel
    limit = limits()["film.cut_off"].value
    near = {id_: mm for id_, mm in _distances_mm(film, reading, mm_per_px) if mm < limit}
    if near:
        names = ", ".join(f"{id_} {mm:.1f}" for id_, mm in sorted(near.items()))
        yield _finding(
            film,
            "film.cut_off",
            min(near.values()),
            f"Marked near the film's border, in mm on the film: {names}",
        )


def _distances_mm(film: Radiograph, reading: Reading, mm_per_px: float) -> Iterator[tuple[str, float]]:
    """Distance of every mark from the border; of a contour, its nearest vertex."""
    last = np.array(film.shape[::-1]) - 0.5
    marks: dict[str, Array] = {id_: point.at[None] for id_, point in reading.points.items()}
    marks |= {id_: contour.at for id_, contour in reading.contours.items()}
    for id_, at in marks.items():
        yield id_, float(np.minimum(at + 0.5, last - at).min()) * mm_per_px


def _finding(film: Radiograph, code: str, value: float, text: str) -> Finding:
    limit = limits()[code]
    return Finding(
        code=code,
        severity=Severity.WARN,
        file=film.file,
        value=value,
        limit=limit.value,
        text=f"{text} (limit {limit.value:g} {limit.unit}, {limit.tag})",
        source=limit.source,
    )
