"""Everything that can be known of a case before its numbers are trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from atlasplane.chain.case_records import Headers, record_findings
from atlasplane.chain.measured import measure_case
from atlasplane.core.errors import BadInput, BadLandmarks
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.film_facts import film_header
from atlasplane.pathways.alignment.bone_size import BoneSize, bone_sizes, difference_findings, size_findings
from atlasplane.pathways.alignment.film_analysis import analyse_film
from atlasplane.pathways.alignment.film_field import field_findings
from atlasplane.pathways.alignment.film_image import image_findings
from atlasplane.pathways.alignment.film_layout import layout_findings
from atlasplane.pathways.alignment.technique_range import technique_findings
from atlasplane.sources.case import Case, Visit
from atlasplane.sources.film import PlanarImage, Radiograph

ImageT = TypeVar("ImageT", bound=PlanarImage)

_WEIGHT = {Severity.STOP: 0, Severity.WARN: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCase:
    """A case and what was found, the gravest first."""

    case: Case
    findings: tuple[Finding, ...]

    @property
    def needs_a_person(self) -> bool:
        """Whether a `stop` finding asks somebody to look."""
        return any(found.severity is Severity.STOP for found in self.findings)


def check_case(case: Case, *, now: datetime) -> CheckedCase:
    """Every finding about a case: records, headers, layout, picture, and those of the measurement.

    Parameters
    ----------
    now : datetime with offset
        What visits are not to lie ahead of.

    Raises
    ------
    BadInput
        When a film cannot be read.
    """
    headers = film_headers(case)
    findings = [*record_findings(case, headers, now)]
    usable, refused = _usable(case)
    findings.extend(refused)
    for film in (film for visit in case.visits for film in visit.films):
        findings.extend(_film_findings(film))
    findings.extend(_bone_findings(usable))
    findings.extend(measure_case(usable).findings)
    ordered = sorted(_once(findings), key=lambda found: _WEIGHT[found.severity])
    return CheckedCase(case=case, findings=tuple(ordered))


def film_headers(case: Case) -> Headers:
    """Headers of the case's DICOM films, by path; raises BadFile."""
    found = {}
    for film in (film for visit in case.visits for film in visit.films):
        header = film_header(case.folder / film.file, name=film.file)
        if header is not None:
            found[film.file] = header
    return found


def _usable(case: Case) -> tuple[Case, list[Finding]]:
    """The case without the marks that no measurement takes, and a finding for each film that lost them."""
    findings: list[Finding] = []

    def kept(film: ImageT) -> ImageT:
        try:
            analyse_film(film)
        except BadLandmarks as fault:
            findings.append(
                Finding(
                    code="landmarks.unusable",
                    severity=Severity.STOP,
                    file=film.file,
                    text=f"{fault.what}. {fault.remedy}",
                    source="geometry of the marks",
                )
            )
            return replace(film, readings=())
        return film

    def cleaned(visit: Visit) -> Visit:
        return replace(
            visit,
            films=tuple(kept(film) for film in visit.films),
            photos=tuple(kept(photo) for photo in visit.photos),
        )

    return replace(case, visits=tuple(cleaned(visit) for visit in case.visits)), findings


def _film_findings(film: Radiograph) -> Iterator[Finding]:
    yield from technique_findings(film)
    try:
        for reading in film.readings[:1]:
            yield from layout_findings(film, reading)
            yield from field_findings(film, reading)
            yield from image_findings(film, reading)
    except BadLandmarks as fault:
        yield Finding(
            code="landmarks.unusable",
            severity=Severity.STOP,
            file=film.file,
            text=f"{fault.what}. {fault.remedy}",
            source="geometry of the marks",
        )


def _bone_findings(case: Case) -> Iterator[Finding]:
    """Sizes of bones within each film, and of each view's later films against its first."""
    first: dict[str, Sequence[BoneSize]] = {}
    for film in (film for visit in case.visits for film in visit.films if film.readings):
        try:
            sizes = bone_sizes(film, film.readings[0])
        except BadInput:
            continue
        yield from size_findings(sizes)
        if film.view.value in first:
            yield from difference_findings(first[film.view.value], sizes)
        elif sizes:
            first[film.view.value] = sizes


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """The same finding said by two checks stands once."""
    return list(dict.fromkeys(findings))
