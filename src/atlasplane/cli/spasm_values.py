"""Values of `spasm` as they are typed: stretches of time, and noise by channel."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from atlasplane.core.errors import BadInput

if TYPE_CHECKING:
    from atlasplane.sources.visit_recording import StatedStretch

_REMEDY = "Give two times in seconds, as in 0:60"


def stretch_of(text: str | None, file: Path | None, *, option: str = "--quiet") -> StatedStretch | None:
    """A stretch from START:STOP, of this recording or of a file of its own; None where neither is given.

    Raises
    ------
    BadInput
        When it is not two numbers, the first below the second.
    """
    from atlasplane.sources.visit_recording import StatedStretch

    if text is None:
        return None if file is None else StatedStretch(path=file)
    parts = text.split(":")
    try:
        start_s, stop_s = (float(part) for part in parts)
    except ValueError as fault:
        raise BadInput(option, f"'{text}' is no stretch of time", _REMEDY) from fault
    if start_s < 0 or stop_s < 0:
        raise BadInput(option, f"'{text}' is negative: times count from the start of the recording", _REMEDY)
    if not (math.isfinite(start_s) and math.isfinite(stop_s) and start_s < stop_s):
        raise BadInput(option, f"'{text}' does not end after it starts", _REMEDY)
    return StatedStretch(start_s=start_s, stop_s=stop_s, path=file)


def noise_of(texts: Iterable[str]) -> dict[str, float]:
    """Noise by channel from CHANNEL=MICROVOLTS.

    Raises
    ------
    BadInput
        When one is not of this form, not positive, or names a channel again.
    """
    found: dict[str, float] = {}
    for text in texts:
        label, equals, value = text.rpartition("=")
        try:
            noise_uV = float(value)
        except ValueError:
            noise_uV = math.nan
        if not (equals and label and math.isfinite(noise_uV) and noise_uV > 0):
            what = f"'{text}' is not a channel with its noise"
            raise BadInput("--noise-uV", what, "Give the channel and microvolts, as in EMG1=2.1")
        if label in found:
            raise BadInput("--noise-uV", f"channel '{label}' is given twice", "Keep one of them")
        found[label] = noise_uV
    return found
