"""The lines that a report draws on a film, in pixels, for the page."""

from __future__ import annotations

from typing import Any

import numpy as np

from atlasplane.core.joint import JointObservations
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis, ReadFilm
from atlasplane.report.drawing import Drawing, Label
from atlasplane.report.film_view import PLATES
from atlasplane.report.numbers import shown_measurement

Json = dict[str, Any]


def nothing_drawn() -> Json:
    """A film without lines."""
    return {"strokes": [], "dots": [], "labels": [], "legends": []}


def drawing_json(analysis: FilmAnalysis, reading: str, joint: JointObservations) -> Json:
    """Lines of one reading of a film, with the values of the visit beside them.

    Parameters
    ----------
    analysis : FilmAnalysis
    reading : str
        Id of the reading whose lines are drawn; the first one's where it is not among them.
    joint : JointObservations
        Where the values come from.
    """
    read = next((r for r in analysis.readings if r.marked.reading.id == reading), analysis.first)
    drawings = [plate.draw(read) for plate in PLATES if plate.view is read.marked.film.view]
    merged = nothing_drawn()
    for drawing in drawings:
        _add(merged, drawing, read, analysis, joint)
    merged["legends"] = list({(each["label"], each["text"]): each for each in merged["legends"]}.values())
    return merged


def _add(
    merged: Json, drawing: Drawing, read: ReadFilm, analysis: FilmAnalysis, joint: JointObservations
) -> None:
    def pixels(at: Array) -> Array:
        found: Array = np.asarray(read.marked.frame.pixels(at), dtype=float)
        return found

    merged["strokes"] += [
        {"at": pixels(s.at).tolist(), "colour": s.colour, "width": s.width, "dashed": s.dashed}
        for s in drawing.strokes
        if np.all(np.isfinite(s.at))
    ]
    merged["dots"] += [
        {"at": pixels(d.at).tolist(), "colour": d.colour, "shape": d.shape}
        for d in drawing.dots
        if np.all(np.isfinite(d.at))
    ]
    for label in drawing.labels:
        if np.all(np.isfinite(label.at)):
            at = pixels(label.at)
            way = pixels(label.at + label.toward) - at
            length = float(np.linalg.norm(way))
            toward = way / length if length > 0 else np.array([1.0, 0.0])
            merged["labels"].append(
                {
                    "text": _text(label, analysis, joint),
                    "at": at.tolist(),
                    "toward": toward.tolist(),
                    "colour": label.colour,
                }
            )
    merged["legends"] += [
        {"colour": e.colour, "label": e.label, "text": e.text, "dashed": e.dashed} for e in drawing.legends
    ]


def _text(label: Label, analysis: FilmAnalysis, joint: JointObservations) -> str:
    """The label with its value, as the report prints it."""
    measured = joint.measurement(label.key) if label.key else None
    return label.text if measured is None else f"{label.text} {shown_measurement(measured).in_words}"
