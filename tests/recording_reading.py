"""What tests of the readers of recordings ask again and again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from atlasplane.core.errors import BadInput
from atlasplane.io.recording_file import read_recording
from atlasplane.io.recording_map import RecordingLayout
from atlasplane.sources.recording import Recording, Samples

SINGLE = 2.0**-23
"""A number in single precision, of itself: scaling takes two roundings."""
KILOHERTZ = RecordingLayout(period_s=Fraction(1, 1000))


def whole(recording: Recording, channel: int = 0) -> Samples:
    """All samples of a channel."""
    return recording.samples.read(channel, 0, recording.channels[channel].n_samples)


def codes(recording: Recording) -> list[str]:
    """Codes of its findings, in their order."""
    return [finding.code for finding in recording.findings]


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def refused(path: Path, said: str, *, layout: RecordingLayout | None = None) -> None:
    """Reading it is an error that names the file, without its folder, and a remedy."""
    with pytest.raises(BadInput, match=said) as caught:
        read_recording(path, layout=layout)
    assert caught.value.file == path.name
    assert caught.value.remedy and str(path.parent) not in str(caught.value)
