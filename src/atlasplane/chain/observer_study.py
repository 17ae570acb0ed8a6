"""What a folder of cases says of its observers: scatter of each mark and quantity, and bias between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from atlasplane.anatomy.landmarks import landmark, landmarks
from atlasplane.chain.repeatability import Bias, Scatter, bias, edge_scatter, scatter
from atlasplane.core.errors import AtlasplaneError, BadInput, BadLandmarks
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.quantity import quantity
from atlasplane.geometry.types import Array
from atlasplane.io.case_folder import CASE_FILE, read_case
from atlasplane.pathways.alignment.film_analysis import VIEWS, read_film
from atlasplane.pathways.alignment.film_layout import film_plane
from atlasplane.pathways.alignment.marked_film import MarkedFilm, marked_film
from atlasplane.sources.case import Case
from atlasplane.sources.film import Radiograph
from atlasplane.sources.observer import observer_needs
from atlasplane.sources.reading import Reading


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReadFilmRecord:
    """All readings of one film in its axes, mm on the film, the left mirrored onto the right.

    Attributes
    ----------
    case, file, sha256 : str
    readings : mapping observer -> tuple of Reading
    points : mapping (observer, landmark id) -> array, shape (readings, 2)
    contours : mapping (observer, contour id) -> tuple of array, each of shape (n, 2)
    values : mapping (observer, quantity key) -> array, shape (readings,)
    """

    case: str
    file: str
    sha256: str
    readings: Mapping[str, tuple[Reading, ...]]
    points: Mapping[tuple[str, str], Array]
    contours: Mapping[tuple[str, str], tuple[Array, ...]]
    values: Mapping[tuple[str, str], Array]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LandmarkScatter:
    """Scatter of one landmark (id without side), mm squared on the film.

    Attributes
    ----------
    id : str
    scatter : Scatter
        cov of shape (2, 2).
    films : int
    why_default : str
        Why the catalogue's default stays; empty where the repeats replace it.
    """

    id: str
    scatter: Scatter
    films: int
    why_default: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ObserverRepeats:
    """One observer's repeats; `cases` and `films` are those read at least twice."""

    name: str
    cases: int
    films: int
    readings: int
    not_blind: int
    landmarks: tuple[LandmarkScatter, ...]
    quantities: Mapping[str, Scatter]

    @property
    def used(self) -> bool:
        """Whether the next run takes these placing errors."""
        return self.cases >= observer_needs()["cases"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BiasRow:
    """Bias of the second observer against the first in one landmark's axis or one quantity."""

    first: str
    second: str
    kind: str
    id: str
    axis: int | None
    bias: Bias


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ObserverStudy:
    """Everything that the repeat readings of a set of cases say."""

    cases: int
    observers: tuple[ObserverRepeats, ...]
    bias: tuple[BiasRow, ...]
    films: tuple[ReadFilmRecord, ...]
    findings: tuple[Finding, ...]


def case_folders(folder: Path) -> tuple[Path, ...]:
    """The cases in a folder, by name; the folder itself where it is one.

    Raises
    ------
    BadInput
        When there is none.
    """
    if (folder / CASE_FILE).is_file():
        return (folder,)
    try:
        found = tuple(sorted(path.parent for path in folder.glob(f"*/{CASE_FILE}")))
    except OSError:
        found = ()
    if not found:
        raise BadInput(
            str(folder),
            f"holds no case (a folder with {CASE_FILE})",
            "Name the folder that your cases lie in",
        )
    return found


def observer_study(folders: Sequence[Path], *, tick: Callable[[], None] = lambda: None) -> ObserverStudy:
    """Read the cases and pool their repeats.

    A case that cannot be read is left out, with a finding.

    Parameters
    ----------
    tick : callable
        Called after each case.
    """
    films: dict[str, ReadFilmRecord] = {}
    findings: list[Finding] = []
    cases: set[str] = set()
    for folder in folders:
        try:
            case = read_case(folder)
            cases.add(case.id)
            for record in _records(case, findings):
                films.setdefault(record.sha256, record)
        except AtlasplaneError as fault:
            findings.append(_left_out(folder.name, fault))
        tick()
    ordered = tuple(sorted(films.values(), key=lambda film: (film.case, film.file)))
    names = sorted({name for film in ordered for name in film.readings})
    observers = tuple(_repeats(name, ordered) for name in names)
    return ObserverStudy(
        cases=len(cases),
        observers=observers,
        bias=tuple(row for pair in combinations(names, 2) for row in _bias_rows(*pair, ordered)),
        films=ordered,
        findings=(*findings, *(found for each in observers for found in _observer_findings(each))),
    )


def _records(case: Case, findings: list[Finding]) -> Iterator[ReadFilmRecord]:
    for visit in case.visits:
        for film in visit.films:
            if film.readings:
                try:
                    yield _record(case, film, findings)
                except BadLandmarks as fault:
                    findings.append(_left_out(f"{case.folder.name}/{film.file}", fault))


def _record(case: Case, film: Radiograph, findings: list[Finding]) -> ReadFilmRecord:
    readings: dict[str, list[Reading]] = {}
    points: dict[tuple[str, str], list[Array]] = {}
    contours: dict[tuple[str, str], list[Array]] = {}
    values: dict[tuple[str, str], list[float]] = {}
    scale: float | None = None
    for reading in film.readings:
        readings.setdefault(reading.observer, []).append(reading)
        marked = marked_film(film, reading, landmarks().keys())
        # Without a scale every reading has a rough one of its own: the first stands for all.
        scale = marked.film_mm_per_unit if scale is None else scale
        for id_, at in _placed(marked, scale):
            kind = contours if id_ in reading.contours else points
            kind.setdefault((reading.observer, id_), []).append(at)
        for key, value in _values(case, film, reading, findings):
            values.setdefault((reading.observer, key), []).append(value)
    return ReadFilmRecord(
        case=case.id,
        file=film.file,
        sha256=film.sha256,
        readings={name: tuple(each) for name, each in readings.items()},
        points={key: np.concatenate(at) for key, at in points.items()},
        contours={key: tuple(at) for key, at in contours.items()},
        values=_on_even_scale(values),
    )


def _placed(marked: MarkedFilm, scale: float) -> Iterator[tuple[str, Array]]:
    """Every mark that shows on its home axes, (n, 2), mm on the film, left mirrored onto right."""
    for id_, (start, count) in marked.slots.items():
        entry = landmark(id_)
        if film_plane(marked.film.view.value) != film_plane(entry.views[0]):
            continue
        at = scale * marked.values[start : start + 2 * count].reshape(count, 2)
        flip = np.array([-1.0, 1.0]) if entry.bilateral and id_.endswith("_L") else np.ones(2)
        yield id_, at * flip


def _values(
    case: Case, film: Radiograph, reading: Reading, findings: list[Finding]
) -> Iterator[tuple[str, float]]:
    if film.view not in VIEWS:
        return
    try:
        read = read_film(film, reading)
    except BadLandmarks as fault:
        findings.append(_left_out(f"{case.folder.name}/{film.file}, reading {reading.id}", fault))
        return
    for key, value in zip(read.keys, read.values, strict=True):
        if not key.startswith("check."):
            yield key, float(value)


def _on_even_scale(values: Mapping[tuple[str, str], Sequence[float]]) -> dict[tuple[str, str], Array]:
    """Values on a scale where their error is even.

    Where that is the reciprocal one (radii), each is carried over to its tangent at the film's mean, h (2 -
    h / v). One side's arc alone is left out: its scatter has no size that a person could use.
    """
    even: dict[tuple[str, str], Array] = {}
    for (name, key), each in values.items():
        id_, _, side = key.partition("/")
        if quantity(id_.split("@")[0]).interval != "reciprocal":
            even[name, key] = np.array(each)
        elif not side:
            turned = 1 / np.concatenate([other for (_, k), other in values.items() if k == key])
            mean = 1 / float(turned.mean())
            even[name, key] = mean * (2 - mean / np.array(each))
    return even


def _repeats(name: str, films: Sequence[ReadFilmRecord]) -> ObserverRepeats:
    own = [film for film in films if len(film.readings.get(name, ())) > 1]
    later = [reading for film in own for reading in sorted(film.readings[name], key=lambda r: r.time)[1:]]
    ids = sorted({id_ for film in own for who, id_ in (*film.points, *film.contours) if who == name})
    by_base: dict[str, list[str]] = {}
    for id_ in ids:
        by_base.setdefault(landmark(id_).id, []).append(id_)
    found = (_landmark_scatter(name, base, sides, own) for base, sides in by_base.items())
    keys = sorted({key for film in own for who, key in film.values if who == name})
    pooled = {
        key: scatter([f.values[name, key][:, None] for f in own if (name, key) in f.values]) for key in keys
    }
    return ObserverRepeats(
        name=name,
        cases=len({film.case for film in own}),
        films=len(own),
        readings=sum(len(film.readings[name]) for film in own),
        not_blind=sum(not reading.blinded for reading in later),
        landmarks=tuple(each for each in found if each is not None),
        quantities={key: each for key, each in pooled.items() if each is not None},
    )


def _landmark_scatter(
    name: str, base: str, sides: Sequence[str], films: Sequence[ReadFilmRecord]
) -> LandmarkScatter | None:
    if landmark(sides[0]).kind == "contour":
        traced = [film.contours[name, id_] for film in films for id_ in sides if (name, id_) in film.contours]
        edge = edge_scatter(traced)
        found = None if edge is None else Scatter(edge.cov[0, 0] * np.eye(2), edge.dof, edge.groups)
        count = sum(any(len(f.contours.get((name, id_), ())) > 1 for id_ in sides) for f in films)
    else:
        found = scatter([f.points[name, id_] for f in films for id_ in sides if (name, id_) in f.points])
        count = sum(any(len(f.points.get((name, id_), ())) > 1 for id_ in sides) for f in films)
    if found is None:
        return None
    return LandmarkScatter(id=base, scatter=found, films=count, why_default=_why_default(found.cov, count))


def _why_default(cov: Array, films: int) -> str:
    needs = observer_needs()
    if films < needs["films"]:
        return f"{films} films of {needs['films']:g}"
    small, large = np.sqrt(np.maximum(np.linalg.eigvalsh(cov), 0.0))
    if not large > 0 or small < needs["eccentricity"] * large:
        return "repeats agree beyond belief (copied?)"
    return ""


def _bias_rows(first: str, second: str, films: Sequence[ReadFilmRecord]) -> Iterator[BiasRow]:
    keys = sorted({key for film in films for who, key in film.values if who in (first, second)})
    for key in keys:
        both = [film.values for film in films if (first, key) in film.values and (second, key) in film.values]
        found = bias([v[first, key] for v in both], [v[second, key] for v in both])
        if found is not None:
            yield BiasRow(first=first, second=second, kind="quantity", id=key, axis=None, bias=found)
    ids = sorted({landmark(id_).id for film in films for _, id_ in film.points})
    for id_ in ids:
        sides = landmark_sides(id_)
        shared = [_sides_of(film, first, second, sides) for film in films]
        pairs = [pair for pair in shared if pair is not None]
        for axis in (0, 1):
            found = bias([a[:, axis] for a, _ in pairs], [b[:, axis] for _, b in pairs])
            if found is not None:
                yield BiasRow(first=first, second=second, kind="landmark", id=id_, axis=axis + 1, bias=found)


def landmark_sides(base: str) -> tuple[str, ...]:
    """Ids in files of a landmark named without its side."""
    return next(entry.ids for entry in landmarks().values() if entry.id == base)


def _sides_of(
    film: ReadFilmRecord, first: str, second: str, sides: Sequence[str]
) -> tuple[Array, Array] | None:
    """Both observers' places on one film, (readings, 2) each; the two sides of a pair are averaged."""
    both = [id_ for id_ in sides if (first, id_) in film.points and (second, id_) in film.points]
    if not both:
        return None

    def averaged(name: str) -> Array:
        counts = min(len(film.points[name, id_]) for id_ in both)
        return np.asarray(np.mean([film.points[name, id_][:counts] for id_ in both], axis=0))

    return averaged(first), averaged(second)


def _left_out(what: str, fault: AtlasplaneError) -> Finding:
    return Finding(
        code="observer.left_out",
        severity=Severity.WARN,
        file=what,
        text=f"Left out of the study: {fault.file}: {fault.what}. {fault.remedy}",
    )


def _observer_findings(observer: ObserverRepeats) -> Iterator[Finding]:
    needed = observer_needs()["cases"]
    if not observer.used:
        yield Finding(
            code="observer.few_cases",
            severity=Severity.INFO,
            value=float(observer.cases),
            limit=needed,
            text=f"Observer {observer.name} read {observer.cases} cases twice, {needed:g} are needed "
            "(proposed): kept as evidence, the catalogue's placing errors stand.",
            source="sources/data/observers.toml",
        )
    if observer.not_blind:
        yield Finding(
            code="observer.not_blind",
            severity=Severity.WARN,
            value=float(observer.not_blind),
            limit=0.0,
            text=f"{observer.not_blind} repeat readings of observer {observer.name} were not blind to the "
            "first: their scatter may come out too small.",
        )
