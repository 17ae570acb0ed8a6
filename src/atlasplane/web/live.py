"""Numbers, listing and lines of the marks as they are at this moment; nothing is written.

What is shown when the hand is still (`full`) is what `measure` would give once the marks are saved: the
reading is put into the tables of its landmark file, and the whole visit is measured. While a mark is being
dragged, only its film is measured; the other films' part of the visit, and how the projection separates this
film from the patient, are those of the last look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from atlasplane.chain.measured import MeasuredVisit, measure_case
from atlasplane.core.errors import AtlasplaneError
from atlasplane.core.finding import Finding
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Observation
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis, analyse_film
from atlasplane.pathways.alignment.head_position import ProjectionTerm
from atlasplane.pathways.alignment.head_prior import head_prior
from atlasplane.pathways.alignment.quality import film_findings
from atlasplane.pathways.alignment.visit_analysis import atlas_estimate, film_observations, film_term
from atlasplane.plan.listing import Listing, listing
from atlasplane.report.document import finding_json
from atlasplane.report.document_observation import observation_json
from atlasplane.report.quantity_rows import quantity_row
from atlasplane.sources.case import Case, Visit
from atlasplane.sources.film import PlanarImage, Radiograph, View
from atlasplane.sources.photograph import Photograph
from atlasplane.web.case_read import CaseReader
from atlasplane.web.desk import NotFound
from atlasplane.web.documents import problem_json
from atlasplane.web.drawn import drawing_json, nothing_drawn
from atlasplane.web.memory import Memory
from atlasplane.web.opened import OpenImage

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Around:
    """The visit of the film that is being marked, as stored, and its case without visits."""

    case: Case
    visit: Visit


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Rest:
    """What the other films of a visit say; nothing where they cannot be measured."""

    films: tuple[FilmAnalysis, ...] = ()
    observations: tuple[Observation, ...] = ()


@dataclass(slots=True, eq=False)
class LiveNumbers:
    """What the page shows beside the film.

    Attributes
    ----------
    reader : CaseReader
    """

    reader: CaseReader
    _around: Memory[_Around] = field(default_factory=lambda: Memory(16))
    _rests: dict[str, tuple[_Around, _Rest]] = field(default_factory=dict)
    _terms: dict[str, tuple[_Around, tuple[str, ...], ProjectionTerm]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def document(self, opened: OpenImage, film: PlanarImage, reading: str, *, full: bool) -> Json:
        """Observations, rows, listing, drawing and findings.

        Parameters
        ----------
        film : PlanarImage
            With its readings as they are in the page.
        reading : str
            Whose lines are drawn.
        full : bool
            The whole visit, to the last digit; else this film alone, at once.
        """
        place = opened.place
        with self._lock:
            try:
                made_from = self.reader.signature(without=place.landmarks)
                around = self._around.get(place.id, made_from, lambda: self._look_around(place.name))
                return (self._whole if full else self._alone)(around, film, reading)
            except AtlasplaneError as fault:
                return without_numbers(fault)

    def _look_around(self, name: str) -> _Around:
        case = self.reader.case()
        visit = next((v for v in case.visits if name in {i.file for i in _images(v)}), None)
        if visit is None:
            raise self.reader.problem() or NotFound(name, "is in no visit", "Load the page again")
        return _Around(case=replace(case, visits=()), visit=visit)

    def _whole(self, around: _Around, film: PlanarImage, reading: str) -> Json:
        images = [film if image.file == film.file else image for image in _images(around.visit)]
        problem: AtlasplaneError | None = None
        try:
            measured = _measured(around.case, _with_images(around.visit, images))
        except AtlasplaneError as fault:
            if fault.file == film.file:
                raise
            # Another film of the visit is at fault: this one is measured without it, and the page says so.
            problem, measured = fault, _measured(around.case, _with_images(around.visit, [film]))
        self._remember(around, film, measured)
        analysis = next((a for a in measured.alignment.images if a.film.file == film.file), None)
        return _document(
            measured.joint.observations,
            measured.listing,
            measured.alignment.findings,
            drawing=nothing_drawn() if analysis is None else drawing_json(analysis, reading, measured.joint),
            problem=problem,
        )

    def _remember(self, around: _Around, film: PlanarImage, measured: MeasuredVisit) -> None:
        """Keep what a drag takes over from this look."""
        alignment = measured.alignment
        rest = _Rest(
            films=tuple(a for a in alignment.films if a.film.file != film.file),
            observations=tuple(o for o in alignment.joint.observations if film.file not in o.source),
        )
        self._rests[film.file] = (around, rest)
        analysis = next((a for a in alignment.images if a.film.file == film.file), None)
        if analysis is not None and film.file in alignment.terms:
            self._terms[film.file] = (around, analysis.keys, alignment.terms[film.file])

    def _alone(self, around: _Around, film: PlanarImage, reading: str) -> Json:
        rest = self._rest(around, film)
        analysis = analyse_film(film, around.case.observers)
        joint, drawing = JointObservations(observations=()), nothing_drawn()
        findings: tuple[Finding, ...] = ()
        if analysis is not None:
            term = self._term(around, analysis, rest.films)
            joint = film_observations(around.visit, analysis, term)
            findings, drawing = _film_findings(analysis, term, rest), drawing_json(analysis, reading, joint)
        return _document(
            joint.observations,
            listing(JointObservations(observations=(*joint.observations, *rest.observations))),
            findings,
            drawing=drawing,
            problem=None,
        )

    def _rest(self, around: _Around, film: PlanarImage) -> _Rest:
        """The other films at the last look, or as they are stored where there was none."""
        known = self._rests.get(film.file)
        if known is not None and known[0] is around:
            return known[1]
        images = [image for image in _images(around.visit) if image.file != film.file]
        try:
            alignment = _measured(around.case, _with_images(around.visit, images)).alignment
            rest = _Rest(films=alignment.films, observations=alignment.joint.observations)
        except AtlasplaneError:  # the next look at the whole visit says so
            rest = _Rest()
        self._rests[film.file] = (around, rest)
        return rest

    def _term(
        self, around: _Around, analysis: FilmAnalysis, others: Sequence[FilmAnalysis]
    ) -> ProjectionTerm | None:
        """The projection term of the last look while the same is read, else a new one."""
        known = self._terms.get(analysis.film.file)
        if known is not None and known[0] is around and known[1] == analysis.keys:
            return known[2]
        order = list(View)
        films = sorted((analysis, *others), key=lambda a: order.index(a.film.view))
        prior = head_prior()
        term = film_term(analysis, atlas_estimate(films, prior), prior)
        if term is not None:
            self._terms[analysis.film.file] = (around, analysis.keys, term)
        return term


def without_numbers(problem: AtlasplaneError | None) -> Json:
    """The answer where nothing can be measured yet: that is a state of a film half marked, and no error."""
    return {
        "observations": [],
        "rows": [],
        "listing": None,
        "drawing": nothing_drawn(),
        "findings": [],
        "problem": problem_json(problem),
    }


def _document(
    observations: Iterable[Observation],
    found: Listing | None,
    findings: Iterable[Finding],
    *,
    drawing: Json,
    problem: AtlasplaneError | None,
) -> Json:
    shown = tuple(observations)
    return {
        "observations": [observation_json(observation) for observation in shown],
        "rows": [_row(observation) for observation in shown],
        "listing": None
        if found is None
        else {
            "text": found.text,
            "canonical": found.canonical,
            "words": list(found.words),
            "undetermined": list(found.undetermined),
        },
        "drawing": drawing,
        "findings": [finding_json(finding) for finding in findings],
        "problem": problem_json(problem),
    }


def _row(observation: Observation) -> Json:
    """One line of the report's table."""
    row = quantity_row(observation)
    return {
        "key": observation.key,
        "quantity": observation.quantity.id,
        "name": row.name,
        "site": row.site,
        "value": row.value,
        "expanded": row.expanded,
        "u": row.u,
        "side": row.side,
        "unit": observation.quantity.unit,
        "tag": row.tag,
        "doubtful": row.doubtful,
        "quality": list(observation.quality),
        "note": row.note,
        "source": list(observation.source),
    }


def _film_findings(analysis: FilmAnalysis, term: ProjectionTerm | None, rest: _Rest) -> tuple[Finding, ...]:
    if not isinstance(analysis.film, Radiograph):
        return ()
    lateral = next((a for a in (analysis, *rest.films) if a.film.view is View.LATERAL), None)
    s_line = None if lateral is None else lateral.value("s_line_angle")
    return tuple(film_findings(analysis, term, s_line_deg=s_line))


def _measured(case: Case, visit: Visit) -> MeasuredVisit:
    # What is recorded or told of the visit does not change with its marks, and takes seconds to measure.
    marked = replace(visit, recordings=(), responses=())
    return measure_case(replace(case, visits=(marked,), diary=())).visits[0]


def _images(visit: Visit) -> tuple[PlanarImage, ...]:
    return (*visit.films, *visit.photos)


def _with_images(visit: Visit, images: Sequence[PlanarImage]) -> Visit:
    films = tuple(image for image in images if isinstance(image, Radiograph))
    photos = tuple(image for image in images if isinstance(image, Photograph))
    return replace(visit, films=films, photos=photos)
