"""Why a registration is doubtful or refused, in words that name what a person can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from atlasplane.core.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Reason:
    """What speaks against a result, and what would help."""

    what: str
    remedy: str


REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        "residual": Reason(
            "the films show more than these bones in these places",
            "look at the overlays: a film or the scan may be of another person, flipped, or of another size",
        ),
        "starts_disagree": Reason(
            "searches that began elsewhere ended elsewhere",
            "mark more points on the films, or more precisely, and register again",
        ),
        "start_disagrees": Reason(
            "the films and the marks on them put the bones in different places",
            "look at the overlays and at the marks: sides, names, and the marks on the scan",
        ),
        "weak_signal": Reason(
            "a bone shows too little on the films, behind metal, in poor contrast or outside the picture",
            "take a film that shows it, or look whether the right file was named",
        ),
        "cameras": Reason(
            "the films say that tube or detector stood elsewhere than is stated",
            "check the stated distances and the calibration, or state the cameras as not calibrated",
        ),
        "one_direction": Reason(
            "the films look nearly the same way and do not tell depth", "add a film from another direction"
        ),
        "not_converged": Reason(
            "the search came to no end", "mark more points on the films, and look at their technique"
        ),
        "shape": Reason(
            "the bones on the films have another shape than those of the scan",
            "look whether scan and films are of one person, and at the masks",
        ),
        "off_film": Reason("a bone lies outside the film", "take a film that shows skull base, C1 and C2"),
        "unresolved": Reason(
            "a turn or shift of a bone is hardly told by these films",
            "add a film from another direction, or one that shows the bone better",
        ),
    }
)


def reason_text(status: str, codes: Sequence[str]) -> str | None:
    """The reasons in one sentence each, with what to do; None of a result that is in order."""
    if not codes:
        return None
    told = "; ".join(f"{REASONS[code].what} ({REASONS[code].remedy})" for code in codes)
    return f"{status}: {told}"


def state_finding(status: str, codes: Sequence[str], *, file: str, value: float, limit: float) -> Finding:
    """The finding of a registration that gives no number."""
    doubtful = status == "doubtful"
    held = "its poses are not measured from" if doubtful else "it gives no pose"
    told = "; ".join(REASONS[code].what for code in codes)
    remedies = "; ".join(dict.fromkeys(REASONS[code].remedy for code in codes))
    return Finding(
        code="registration.doubtful" if doubtful else "registration.refused",
        severity=Severity.WARN,
        file=file,
        value=value,
        limit=limit,
        text=f"The registration is {status}, and {held}: {told}. Remedy: {remedies}.",
        source="registration of the scan to the films",
    )


def stale_finding(file: str, changed: Sequence[str]) -> Finding:
    """The finding of a registration that was made from something else than the case holds now."""
    return Finding(
        code="registration.stale",
        severity=Severity.WARN,
        file=file,
        text=f"The registration is not used: since it was made there has changed {', '.join(changed)}. "
        "Register again: atlasplane register CASE.",
        source="digests in the record",
    )


def unreadable_finding(file: str, what: str) -> Finding:
    """The finding of a record that is damaged, or of another version."""
    return Finding(
        code="registration.unreadable",
        severity=Severity.WARN,
        file=file,
        text=f"The registration is not used: the record {what}. Register again: atlasplane register CASE.",
    )
