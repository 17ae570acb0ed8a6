"""Distances, magnification and tube angle that no clinic uses: most likely a slip of the pen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from atlasplane.core.finding import Finding, Severity
from atlasplane.pathways.alignment.limits import limits
from atlasplane.sources.film import Radiograph, Technique


@dataclass(frozen=True, slots=True)
class _Range:
    """A number of the technique and the side of the limit that is implausible (+1 above, -1 below)."""

    code: str
    says: str
    value: Callable[[Technique], float]
    beyond: int


_RANGES = (
    _Range("technique.sid_short", "The tube stands very near the detector", lambda t: t.sid_mm, -1),
    _Range("technique.sid_long", "The tube stands very far from the detector", lambda t: t.sid_mm, 1),
    _Range("technique.magnification_low", "SID over SOD is hardly above 1", lambda t: t.magnification, -1),
    _Range("technique.magnification_high", "SID over SOD is very large", lambda t: t.magnification, 1),
    _Range("technique.tube", "The tube angle is very steep", lambda t: abs(t.tube_deg), 1),
)


def technique_findings(film: Radiograph) -> Iterator[Finding]:
    """What is implausible in how a film is said to have been taken."""
    if film.technique is None:
        return
    for each in _RANGES:
        limit, value = limits()[each.code], each.value(film.technique)
        if each.beyond * (value - limit.value) > 0:
            yield Finding(
                code=each.code,
                severity=Severity.WARN,
                file=film.file,
                value=value,
                limit=limit.value,
                text=f"{each.says}: {value:.4g} {limit.unit}, limit {limit.value:g} {limit.unit} "
                f"({limit.tag}); check technique in visit.toml",
                source=limit.source,
            )
