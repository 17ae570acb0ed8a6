"""Why films give no pose in space, in words: each names what is missing and what would help."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from atlasplane.core.finding import Finding, Severity
from atlasplane.pathways.alignment.film_fit_settings import FitLimit, fit_settings
from atlasplane.sources.case import Visit

BONE_NAMES: Mapping[str, str] = {"skull": "the skull", "c1": "C1", "c2": "C2"}
_NOTHING = "nothing in space is given"


class NoFit(Exception):
    """The films of a visit give no pose; carries the finding that says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


def visit_file(visit: Visit) -> str:
    """The file that findings about a visit name."""
    return f"{visit.folder}/visit.toml"


def one_film(visit: Visit, files: Sequence[str]) -> Finding:
    """Too few films."""
    have = f"only {files[0]} can be used" if files else "no film can be used"
    return _said(
        "pose.one_film",
        Severity.INFO,
        visit_file(visit),
        f"{_cap(_NOTHING)}: {have}, and a pose takes two films from two directions, each with three marks "
        "or more on skull, C1 and C2. Mark lateral, nasium and vertex of one visit.",
    )


def no_vertex(visit: Visit) -> Finding:
    """No film along the body, and no shape of the patient's own."""
    return _said(
        "pose.no_vertex_without_ct",
        Severity.INFO,
        visit_file(visit),
        f"{_cap(_NOTHING)}: without a vertex film the rotation of C1 is told by depth alone, which a generic "
        "shape of the bones does not tell. Mark the vertex film, or the bones on a CT or CBCT of the case.",
    )


def collinear(visit: Visit, angle_deg: float, files: Sequence[str]) -> Finding:
    """All beams nearly parallel."""
    return _limited(
        "pose.collinear_views",
        Severity.INFO,
        visit_file(visit),
        fit_settings().limits["views_deg"],
        angle_deg,
        f"{_cap(_NOTHING)}: {_listed(files)} look the same way within {angle_deg:.0f} deg. Add a film from "
        "another direction.",
    )


def film_twice(file: str, other: str) -> Finding:
    """One file given as two films."""
    return _said(
        "pose.film_twice",
        Severity.WARN,
        file,
        f"It is the very same file as {other} and counts once: two copies of one film tell no depth. Give "
        "the film of this view.",
    )


def apart(file: str, why: str) -> Finding:
    """A film that may not be of this person or day."""
    return _said(
        "pose.dates_differ",
        Severity.WARN,
        file,
        f"It is not fitted together with the other films: {why}. Put the film with its own visit, or correct "
        "what the records say.",
    )


def no_geometry(file: str) -> Finding:
    """Neither technique nor camera."""
    return _said(
        "pose.no_geometry",
        Severity.INFO,
        file,
        "It is not fitted together with the other films: how it was taken is not stated. Give technique "
        "(sid_mm, sod_mm, tube_deg, detector) or camera in visit.toml.",
    )


def generic_shape() -> Finding:
    """No shape of the patient's own."""
    return _said(
        "pose.generic_shape",
        Severity.INFO,
        None,
        "Poses in space rest on the generic template of skull, C1 and C2: most of their uncertainty is what "
        "this patient's bones differ in (proposed), and cancels in changes between visits. Landmarks on a CT "
        "or CBCT of the case give the patient's own shape.",
    )


def too_few(visit: Visit, bone: str, count: int, least: int) -> Finding:
    """A bone with too few marks."""
    return _said(
        "pose.unresolved",
        Severity.INFO,
        visit_file(visit),
        f"{BONE_NAMES[bone]} has {count} usable marks on these films and its pose takes {least}: nothing of "
        "it in space is given. Mark its points on the lateral, the nasium and the vertex film.",
    )


def joint_moved(visit: Visit, bones: Mapping[str, float]) -> Finding:
    """Bones whose pose differs from film to film, with the probabilities of that by chance."""
    names = _listed([BONE_NAMES[bone] for bone in bones])
    least = min(bones.values())
    return _limited(
        "pose.joint_moved",
        Severity.WARN,
        visit_file(visit),
        fit_settings().limits["joint_moved"],
        least,
        f"{names} did not keep one pose in the skull from film to film (by chance: p = {least:.2g}): no pose "
        "of it in space is given. The head was held another way between the films, marks of a film belong to "
        "another point, or a film or the CT is of another person: check them, and take the films in one "
        "posture.",
    )


def residual(visit: Visit, p_value: float, file: str, why: str) -> Finding:
    """The clicks do not fit one patient."""
    return _limited(
        "pose.residual",
        Severity.WARN,
        file or visit_file(visit),
        fit_settings().limits["residual"],
        p_value,
        f"{_cap(_NOTHING)}: the marks of these films cannot be brought together (by chance: p = "
        f"{p_value:.2g}); {why}. Likely causes: a film or CT of another person, a film or its sides "
        "flipped, a wrong SID or scale, marks exchanged.",
    )


def set_up(file: str, p_value: float, what: str) -> Finding:
    """A film's camera or head lies far off what is stated."""
    return _limited(
        "pose.residual",
        Severity.WARN,
        file,
        fit_settings().limits["set_up"],
        p_value,
        f"{_cap(_NOTHING)}: the marks of this film ask for {what} than is stated (by chance: p = "
        f"{p_value:.2g}). Likely causes: a wrong SID, SOD or scale, a wrong tube angle, a film or CT "
        "of another person, a film or its sides flipped.",
    )


def not_fitted(visit: Visit, why: str) -> Finding:
    """The fit found no solution."""
    return _said(
        "pose.residual",
        Severity.WARN,
        visit_file(visit),
        f"{_cap(_NOTHING)}: the films were not brought together ({why}). Check the views, technique "
        "and camera, the stored directions and the marks.",
    )


def unresolved(visit: Visit, names: Sequence[str], share: float, lacking: Sequence[str]) -> Finding:
    """Quantities that the prior tells more of than the films."""
    remedy = f"The {_listed(lacking)} film would tell." if lacking else "Mark more points of these bones."
    return _limited(
        "pose.unresolved",
        Severity.INFO,
        visit_file(visit),
        fit_settings().limits["unresolved"],
        share,
        f"Not told by these films: {', '.join(names)} (up to {100 * share:.0f} % of the number would be what "
        f"is assumed beforehand). {remedy}",
    )


def no_lower_angle(visit: Visit) -> Finding:
    """The lower angle has no counterpart in space."""
    return _said(
        "pose.unresolved",
        Severity.INFO,
        visit_file(visit),
        "The lower angle in space is not given from films: C7 shows on the nasium alone, and one film does "
        "not tell how deep a point lies. A CT or CBCT of this visit with C7_C marked tells it.",
    )


def _limited(
    code: str, severity: Severity, file: str | None, limit: FitLimit, value: float, text: str
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        file=file,
        value=value,
        limit=limit.value,
        text=f"{text} (limit {limit.value:g}, {limit.tag})",
        source=limit.source,
    )


def _said(code: str, severity: Severity, file: str | None, text: str) -> Finding:
    return Finding(code=code, severity=severity, file=file, text=text, source="films fitted jointly")


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _cap(text: str) -> str:
    return text[0].upper() + text[1:]
