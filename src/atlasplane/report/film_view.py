"""An analysed film as a picture: its lines mapped back to pixels, its values written beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from atlasplane.chain.measured import MeasuredVisit
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Measurement, Observation
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis, ReadFilm
from atlasplane.report.drawing import Dot, Drawing, Label
from atlasplane.report.drawing_coronal import draw_base, draw_front
from atlasplane.report.drawing_craniocervical import draw_junction, draw_open_mouth
from atlasplane.report.drawing_nasium import draw_atlas, draw_nasium
from atlasplane.report.drawing_posture import draw_facing, draw_profile
from atlasplane.report.drawing_profile import draw_lateral, draw_vertex
from atlasplane.report.drawing_sagittal import draw_neck, draw_spine
from atlasplane.report.film_picture import Cut, cut_around, film_jpeg
from atlasplane.report.film_svg import SHEET_WIDTH, Sheet, sheet_svg
from atlasplane.report.numbers import shown_measurement
from atlasplane.report.palette import WHITE
from atlasplane.report.quantity_rows import value_text
from atlasplane.report.view import FilmGroup, FilmView, LegendRow
from atlasplane.report.visit_view import visit_name
from atlasplane.report.wording import VIEW_NAMES
from atlasplane.sources.case import Moment
from atlasplane.sources.film import ImageDirection, PlanarImage, View


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """The observations that are written beside the lines of one film."""

    joint: JointObservations
    analysis: FilmAnalysis

    def get(self, key: str) -> Observation | None:
        """Observation of a key without condition, as this film has it; None for no key."""
        return self.joint.get(str(self.analysis.observed(key))) if key else None


@dataclass(frozen=True, slots=True)
class Plate:
    """One picture of a film: what is drawn on it, and its width over height.

    Attributes
    ----------
    name : str
        Behind the view's name, where a film has several plates.
    close : bool
        Whether it is cut to what is drawn; else to every mark of the film.
    needs : tuple of str
        Marks without which the plate does not apply.
    whole : bool
        Whether it is not cut at all.
    optional : bool
        Whether it is left out where none of the films has anything to draw on it.
    """

    view: View
    name: str
    draw: Callable[[ReadFilm], Drawing]
    aspect: float
    close: bool = False
    needs: tuple[str, ...] = ()
    whole: bool = False
    optional: bool = False


PLATES = (
    Plate(View.NASIUM, "", draw_nasium, 0.78),
    Plate(View.NASIUM, ", atlas and axis", draw_atlas, 1.5, close=True),
    Plate(View.LATERAL, "", draw_lateral, 1.2, close=True),
    Plate(View.VERTEX, "", draw_vertex, 0.84),
    Plate(View.LATERAL, ", skull base, atlas and axis", draw_junction, 1.25, close=True, optional=True),
    Plate(View.APOM, "", draw_open_mouth, 1.5),
    Plate(View.BASE_POSTERIOR, "", draw_base, 0.9),
    Plate(View.LATERAL, ", neck", draw_neck, 0.85, close=True, optional=True),
    Plate(View.LATERAL_FULL, "", draw_spine, 0.5),
    Plate(View.AP_CERVICAL, "", draw_front, 0.9),
    Plate(View.AP_FULL, "", draw_front, 0.5),
    Plate(View.PHOTO_LATERAL, ", right", draw_profile, 0.9, needs=("TRAGUS_R",), whole=True),
    Plate(View.PHOTO_LATERAL, ", left", draw_profile, 0.9, needs=("TRAGUS_L",), whole=True),
    Plate(View.PHOTO_FRONT, "", draw_facing, 0.9, whole=True),
    Plate(View.PHOTO_BACK, "", draw_facing, 0.9, whole=True),
)
"""The listing's film first."""
_SIDE_BY_SIDE = 2
_LONG_ID = 14
"""Longer visit ids are cut in a film's badge; the title above it holds the whole."""
_OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}
_BORDER = {"left": "left", "right": "right", "up": "top", "down": "bottom"}


def film_groups(visits: Sequence[MeasuredVisit], *, simulated: bool) -> tuple[FilmGroup, ...]:
    """Every analysed film of these visits, two visits side by side, plate by plate."""
    pairs = [visits[k : k + _SIDE_BY_SIDE] for k in range(0, len(visits), _SIDE_BY_SIDE)]
    groups = (_group(plate, pair, simulated=simulated) for pair in pairs for plate in PLATES)
    return tuple(group for group in groups if group is not None)


def _group(plate: Plate, visits: Sequence[MeasuredVisit], *, simulated: bool) -> FilmGroup | None:
    found = [(visit, a) for visit in visits if (a := _image(visit, plate)) is not None]
    drawings = [plate.draw(analysis.first) for _, analysis in found]
    if not found or (plate.optional and not any(drawing.legends for drawing in drawings)):
        return None
    values = [_Values(visit.joint, analysis) for visit, analysis in found]
    return FilmGroup(
        name=f"{VIEW_NAMES[plate.view.value]}{plate.name}",
        films=tuple(
            _film_view(value, visit, plate, drawing, simulated=simulated)
            for value, (visit, _), drawing in zip(values, found, drawings, strict=True)
        ),
        columns=tuple(_short_name(visit) for visit, _ in found),
        legend=tuple(_legend(drawings, values)),
    )


def _image(visit: MeasuredVisit, plate: Plate) -> FilmAnalysis | None:
    """The visit's film or photograph that the plate is of."""
    of_view = (a for a in visit.alignment.images if a.film.view is plate.view)
    return next((a for a in of_view if a.first.lines.marks.has(plate.needs)), None)


def _film_view(
    values: _Values, visit: MeasuredVisit, plate: Plate, drawing: Drawing, *, simulated: bool
) -> FilmView:
    analysis = values.analysis
    cut = _cut(drawing, analysis.first, plate)
    name = visit_name(visit)
    title = f"{VIEW_NAMES[plate.view.value]}{plate.name}: {name[0].lower()}{name[1:]}"
    sheet = _sheet(drawing, values, cut, _banner(plate, visit), simulated=simulated)
    return FilmView(
        title=title,
        svg=sheet_svg(sheet, title),
        width=SHEET_WIDTH,
        height=sheet.height,
        alt=f"{title}. Drawn on the film: " + "; ".join(_alt(drawing, values)) + ".",
        caption=_caption(analysis, cut),
    )


def _cut(drawing: Drawing, read: ReadFilm, plate: Plate) -> Cut:
    """The part of the film that holds every end of a line and, on a wide plate, every mark."""
    if plate.whole:
        return cut_around(np.zeros((0, 2)), read.marked.film.shape, plate.aspect)
    marks = read.lines.marks
    points = [*(label.at for label in drawing.labels), *(p for s in drawing.strokes for p in s.at)]
    if not (plate.close and points):
        points += [*marks.points.values(), *(p for c in marks.contours.values() for p in c)]
    pixels = read.marked.frame.pixels(np.array(points)) if points else np.zeros((0, 2))
    rows, columns = read.marked.film.shape
    return cut_around(np.clip(pixels, 0, [columns, rows]), (rows, columns), plate.aspect)


def _sheet(drawing: Drawing, values: _Values, cut: Cut, banner: str, *, simulated: bool) -> Sheet:
    read = values.analysis.first
    film = read.marked.film
    scale = SHEET_WIDTH / cut.width

    def paper(at: Array) -> Array:
        # A mark's (0, 0) is the centre of the top-left pixel, half a pixel inside the picture's corner.
        on_paper: Array = (read.marked.frame.pixels(at) + 0.5 - np.array([cut.left, cut.top])) * scale
        return on_paper

    def way(vector: Array, at: Array) -> Array:
        turned = paper(at + vector) - paper(at)
        length = float(np.linalg.norm(turned))
        return turned / length if length > 0 else np.array([1.0, 0.0])

    height = round(cut.height * scale)
    placed = [paper(at) for at in read.lines.marks.points.values()]
    marks = [Dot(at=at, colour=WHITE) for at in placed if 0 < at[0] < SHEET_WIDTH and 0 < at[1] < height]
    return Sheet(
        height=height,
        jpeg=film_jpeg(film.load_pixels(), cut),
        strokes=[replace(s, at=paper(s.at)) for s in drawing.strokes],
        dots=[*marks, *(replace(d, at=paper(d.at)) for d in drawing.dots)],
        labels=[
            Label(
                text=_with_value(label, values),
                at=paper(label.at),
                toward=way(label.toward, label.at),
                colour=label.colour,
            )
            for label in drawing.labels
        ],
        corners=_sides(film),
        banner=banner,
        stamp="SIMULATED" if simulated else "",
    )


def _short_name(visit: MeasuredVisit) -> str:
    id_, moment = visit.visit.id, visit.visit.moment
    return (id_ if len(id_) <= _LONG_ID else f"{id_[:_LONG_ID]}…") + (
        "" if moment is Moment.SINGLE else f" {moment.value}"
    )


def _banner(plate: Plate, visit: MeasuredVisit) -> str:
    return f"{VIEW_NAMES[plate.view.value].removesuffix(' film')} · {_short_name(visit)}"


def _with_value(label: Label, values: _Values) -> str:
    measured = values.get(label.key)
    return (
        label.text
        if not isinstance(measured, Measurement)
        else f"{label.text} {shown_measurement(measured).in_words}"
    )


def _sides(film: PlanarImage) -> list[tuple[str, str]]:
    """Letters at the borders, from the stored directions and never from the picture."""
    corners = []
    for stored, near, far in (
        (film.patient_right if film.view.needs_right else None, "R", "L"),
        (film.patient_anterior if film.view.needs_anterior else None, "anterior", "posterior"),
    ):
        if stored is not None:
            side = _side(stored)
            corners += [(_BORDER[side], near), (_BORDER[_OPPOSITE[side]], far)]
    return corners


def _side(direction: ImageDirection) -> str:
    return direction.value.removeprefix("image_")


def _legend(drawings: Sequence[Drawing], values: Sequence[_Values]) -> Iterator[LegendRow]:
    """What is drawn on any of the films, with each film's values; a second quantity goes on a line below."""
    entries = {(e.label, e.text): e for drawing in drawings for e in drawing.legends}
    for entry in entries.values():
        for k, key in enumerate(entry.keys or ("",)):
            first = k == 0
            found = [value.get(key) for value in values]
            named = next((o.quantity.name for o in found if o is not None), "")
            yield LegendRow(
                colour=entry.colour if first else "",
                dashed=entry.dashed,
                label=entry.label if first else "",
                text=entry.text[0].upper() + entry.text[1:] if first else "",
                quantity=named,
                values=tuple("" if o is None else _value(o) for o in found),
            )


def _value(observation: Observation) -> str:
    if isinstance(observation, Measurement):
        return shown_measurement(observation).in_words
    return value_text(observation)


def _alt(drawing: Drawing, values: _Values) -> Iterator[str]:
    for entry in drawing.legends:
        shown = [f"{o.quantity.name} {_value(o)}" for key in entry.keys if (o := values.get(key)) is not None]
        yield f"{entry.text} ({', '.join(shown)})" if shown else entry.text


def _caption(analysis: FilmAnalysis, cut: Cut) -> str:
    rows, columns = analysis.film.shape
    noun = "photograph" if analysis.film.view.is_photo else "film"
    part = f"whole {noun}" if (cut.width, cut.height) == (columns, rows) else "cut to its marked part"
    reading = analysis.first.marked.reading
    mean = f", values are the mean of {len(analysis.readings)} readings" if len(analysis.readings) > 1 else ""
    return f"{analysis.film.file} · {part} · lines of reading {reading.id}, {reading.observer}{mean}"
