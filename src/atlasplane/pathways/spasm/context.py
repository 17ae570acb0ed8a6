"""What is known of a channel beside its own signal: movement, notes, the hand's finding, a reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.pathways.spasm.result import Estimate, ExcludedStretch
from atlasplane.sources.recording import Annotation

Signal = Callable[[float, float], tuple[NDArray[np.float32], float]]
"""Cleaned samples, uV, from one second of the recording to another, and their rate in Hz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """From one second of the recording to another."""

    start_s: float
    stop_s: float

    def __post_init__(self) -> None:
        if not self.stop_s > self.start_s:
            raise ValueError(f"a stretch must end after it starts, got {self.start_s} to {self.stop_s} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known of a channel beside its own signal.

    Attributes
    ----------
    file : str
        Name for findings.
    label : str
        Of the channel: notes of other channels say nothing of it.
    movement : tuple of Stretch, or None
        When a motion sensor or an annotation says that the part of the body moved; None where nothing would
        tell, so that voluntary work cannot be told from spasm.
    apart : tuple of Stretch
        Of the recording, not analysed and not at fault: quiet and reference segments.
    excluded : tuple of ExcludedStretch
        What the reader or a person excludes.
    annotations : tuple of Annotation
        Of the recording; `cramp` is understood.
    tight : bool or None
        Whether the hand finds the muscle tight; None where nobody felt it.
    reference : Estimate or None
        Root mean square of the reference contraction, uV, the noise's power taken off; clear of zero.
    signal : callable or None
        Reads the cleaned signal of a short stretch.
    """

    file: str = "recording"
    label: str = ""
    movement: tuple[Stretch, ...] | None = None
    apart: tuple[Stretch, ...] = ()
    excluded: tuple[ExcludedStretch, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    tight: bool | None = None
    reference: Estimate | None = None
    signal: Signal | None = None
