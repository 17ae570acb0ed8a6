"""Where every number comes from: films, readings, scale, methods, catalogues, software."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files

import atlasplane
from atlasplane.chain.measured import MeasuredVisit
from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.observation import Observation
from atlasplane.report.numbers import NO_BREAK, NOTHING, fixed, percent, time_text
from atlasplane.report.view import FilmSource, ProvenanceView
from atlasplane.report.visit_view import visit_name
from atlasplane.report.wording import VIEW_NAMES, VOLUMES, prose
from atlasplane.sources.film import Radiograph

CATALOGUES = (
    ("atlasplane.core", "quantities", "quantities, units, reference ranges"),
    ("atlasplane.anatomy", "landmarks", "landmarks and their default placing errors"),
    ("atlasplane.anatomy", "placing.toml", "default placing error"),
    ("atlasplane.anatomy", "phantom.toml", "template persons of the projection term"),
    ("atlasplane.pathways.alignment", "head_position.toml", "prior of head position and tube angle"),
    ("atlasplane.pathways.alignment", "film_quality.toml", "limits of the film checks"),
    ("atlasplane.pathways.alignment", "film_fit.toml", "priors and limits of films fitted together"),
    ("atlasplane.signals", "conditioning.toml", "how recordings are cleaned"),
    ("atlasplane.pathways.spasm", "spasm.toml", "how spasm is found in recordings"),
    ("atlasplane.anatomy", "template_bones.npz", "template shape of the bones that are drawn"),
)
"""Package, file (or folder of files) and content of the tables that the numbers depend on."""
FILMS_TOGETHER = "Films fitted together"
SPACE_FACTS = {
    "readings": "Readings",
    "tools": "Marked with",
    "placing": "Placing errors",
    "head": "Head position",
    "shape": "Shape of the bones",
    "frames": "Frames of the bones",
    "surfaces": "Frames against surfaces",
    "fit": "Fit of all marks",
    "damped": "Damped marks",
}
"""What observations in space say of themselves, and its title."""
_LISTS = ("readings", "tools", "frames")
_BETWEEN = {key: ", " if key in _LISTS else "; " for key in SPACE_FACTS}
"""What stands between the parts of one."""
_HELICAL = "helical axis"
_DIGEST_LETTERS = 12


def provenance_view(visits: Iterable[MeasuredVisit]) -> ProvenanceView:
    """Provenance of everything that these visits show."""
    shown = tuple(visits)
    return ProvenanceView(
        films=tuple(
            source for visit in shown for source in (*_films(visit), *_in_space(visit), *_recordings(visit))
        ),
        methods=tuple(sorted(_methods(shown))),
        catalogues=tuple(
            (f"{package}: {name}", f"{what}, sha256 {_digest(package, name)}")
            for package, name, what in CATALOGUES
        ),
        software=f"Atlasplane {atlasplane.__version__}",
    )


def _methods(visits: Iterable[MeasuredVisit]) -> set[tuple[str, str, str]]:
    """Method id, what it measures, what its construction rests on."""
    return {
        (
            o.method,
            o.quantity.name,
            f"{o.quantity.source}" + (f". {o.quantity.tag_note}" if o.quantity.tag_note else ""),
        )
        for visit in visits
        for o in visit.joint.observations
    }


@cache
def _digest(package: str, name: str) -> str:
    place = files(package).joinpath(f"data/{name}")
    parts = sorted(place.iterdir(), key=lambda part: part.name) if place.is_dir() else [place]
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:_DIGEST_LETTERS]


def _films(visit: MeasuredVisit) -> Iterator[FilmSource]:
    return (_film(film, visit) for film in visit.visit.films)


def _in_space(visit: MeasuredVisit) -> Iterator[FilmSource]:
    """The films of a visit fitted together, and its volumes: what their observations say of themselves."""
    observed = visit.joint.observations
    together = [o for o in observed if "fit" in o.provenance]
    if together:
        yield _space(FILMS_TOGETHER, visit, together)
    volumes = dict.fromkeys(o.source for o in observed if o.condition in VOLUMES and o.source)
    for source in volumes:
        yield _space(", ".join(source), visit, [o for o in observed if o.source == source])


def _recordings(visit: MeasuredVisit) -> Iterator[FilmSource]:
    """The recordings of a visit: which channels, and where each threshold comes from."""
    for analysed in visit.recordings:
        analysis, started = analysed.analysis, analysed.recording.started
        facts = [("Visit", visit_name(visit))]
        facts += [] if started is None else [("Started", time_text(started))]
        facts.append(("Merge gap", f"{fixed(analysis.merge_gap_s, 1)}{NO_BREAK}s"))
        facts += [
            (f"Channel {c.label}", f"{fixed(c.rate_hz, 1)}{NO_BREAK}Hz, baseline: {c.baseline.source}")
            for c in analysis.channels
        ]
        yield FilmSource(file=analysis.file, facts=tuple(facts))


def _space(name: str, visit: MeasuredVisit, observed: Sequence[Observation]) -> FilmSource:
    facts = [("Visit", visit_name(visit)), ("Made of", ", ".join(observed[0].source))]
    facts += [("Observers", ", ".join(sorted({name for o in observed for name in o.observer})) or NOTHING)]
    for key, title in SPACE_FACTS.items():
        said = (o.provenance.get(key, "").split(_BETWEEN[key]) for o in observed)
        parts = dict.fromkeys(part for texts in said for part in texts if part)
        if parts:
            facts.append((title, prose(_BETWEEN[key].join(parts))))
    facts += [
        (f"Helical axis, {o.quantity.name}", prose(o.provenance[_HELICAL]))
        for o in observed
        if o.provenance.get(_HELICAL)
    ]
    return FilmSource(file=name, facts=tuple(fact for fact in facts if fact != ("Made of", name)))


def _film(film: Radiograph, visit: MeasuredVisit) -> FilmSource:
    observers = sorted({r.observer for r in film.readings})
    tools = sorted({r.tool for r in film.readings})
    facts = [
        ("Visit", visit_name(visit)),
        ("View", VIEW_NAMES[film.view.value]),
        ("Digest, sha256", film.sha256[:_DIGEST_LETTERS] or "not recorded"),
        (
            "Readings",
            ", ".join(
                f"{r.id} ({time_text(r.time)}{', blinded' if r.blinded else ''})" for r in film.readings
            )
            or "none",
        ),
        ("Observers", ", ".join(observers) or NOTHING),
        ("Marked with", ", ".join(tools) or NOTHING),
        ("Calibration", _calibration(film)),
        ("Geometry", _geometry(film)),
        *_derived(film, visit),
    ]
    return FilmSource(file=film.file, facts=tuple(facts))


def _derived(film: Radiograph, visit: MeasuredVisit) -> list[tuple[str, str]]:
    """What an observation of this film says of its placing errors and priors."""
    own = next((o.provenance for o in visit.joint.observations if film.file in o.source), {})
    names = {"placing": "Placing errors", "head": "Head position"}
    return [(title, own[key]) for key, title in names.items() if own.get(key)]


def _calibration(film: Radiograph) -> str:
    calibration = film.calibration
    if calibration.kind is CalibrationKind.NONE or calibration.mm_per_px is None:
        return "none: angles only"
    column, row = (fixed(s, 4) for s in calibration.mm_per_px)
    size = f"{column}{NO_BREAK}mm a pixel" if column == row else f"{column} by {row}{NO_BREAK}mm a pixel"
    where = "at the object" if calibration.kind.has_object_scale else "at the detector"
    return f"{calibration.kind.value}, {size} {where}, u {percent(calibration.u_rel, 1)} of every length"


def _geometry(film: Radiograph) -> str:
    technique = film.technique
    if technique is None:
        return (
            "full camera matrix"
            if film.camera_lps is not None
            else "not stated: the patient's own u is unknown"
        )
    sid, sod = (f"{fixed(v, 0)}{NO_BREAK}mm" for v in (technique.sid_mm, technique.sod_mm))
    return f"SID {sid}, SOD {sod}, tube {fixed(technique.tube_deg, 1)}°, detector {technique.detector.value}"
