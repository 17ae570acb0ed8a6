"""Events as notes of a recording."""

from __future__ import annotations

from atlasplane.pathways.spasm.result import SpasmAnalysis
from atlasplane.sources.recording import Annotation

PREFIX = "spasm "
"""Before the class, so that no note of ours is read as one of a person's."""


def event_annotations(analysis: SpasmAnalysis) -> tuple[Annotation, ...]:
    """Every event with its class, and its channel's label, in time order."""
    notes = [
        Annotation(
            start_s=event.start_s,
            duration_s=event.duration_s,
            text=f"{PREFIX}{event.class_.value}",
            channel=channel.label,
        )
        for channel in analysis.channels
        for event in channel.events
    ]
    return tuple(sorted(notes, key=lambda note: (note.start_s, note.channel or "")))
