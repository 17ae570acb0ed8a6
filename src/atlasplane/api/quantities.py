"""Quantities that are asked for by name."""

from __future__ import annotations

from difflib import get_close_matches

from atlasplane.chain.measured import MeasuredCase
from atlasplane.core.errors import BadInput, NoScale
from atlasplane.core.quantity import quantities
from atlasplane.sources.film import View


def only_quantities(measured: MeasuredCase, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Check that quantities asked by name are known and measured in some visit.

    Raises
    ------
    BadInput
        When an id is unknown, or no visit has it.
    NoScale
        When it is a length and the film that it is read from has no scale.
    """
    for id_ in wanted:
        if id_ not in quantities():
            close = get_close_matches(id_, quantities(), n=1, cutoff=0.75)
            remedy = f"Did you mean '{close[0]}'?" if close else "Measure without --quantity to see them all"
            raise BadInput("--quantity", f"'{id_}' is no quantity", remedy)
        if not any(o.quantity.id == id_ for v in measured.visits for o in v.joint.observations):
            raise _not_measured(measured, id_)
    return wanted


def _not_measured(measured: MeasuredCase, id_: str) -> BadInput:
    """Why a known quantity is in no visit, and what to do."""
    entry = quantities()[id_]
    images = [image for visit in measured.case.visits for image in (*visit.films, *visit.photos)]
    films = [image for image in images if image.view.value in entry.views]
    if not films and entry.view is not None:
        kind, remedy = "film", f"Add one: atlasplane add CASE FILM --view {entry.view}"
        if View(entry.view).is_photo:
            kind, remedy = "photograph", "Name one as [[photo]] in visit.toml"
        what = f"{id_} is read from a {entry.view} {kind} and the case has none"
        return BadInput(str(measured.case.folder), what, remedy)
    bare = next((film.file for film in films if film.calibration.mm_per_px is None), None)
    if bare is not None and quantities()[id_].is_length:
        remedy = "State its calibration in visit.toml (kind, mm_per_px)"
        return NoScale(bare, f"{id_} is a length and the film has no scale", remedy)
    marked = ", ".join(quantities()[id_].landmarks)
    remedy = f"Mark its landmarks: {marked}" if marked else "The findings of 'atlasplane measure' say why"
    return BadInput(str(measured.case.folder), f"{id_} is not measured in any visit", remedy)
