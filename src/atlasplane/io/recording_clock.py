"""Sampling periods behind rounded rates, and samples lost between the ones that arrived."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from atlasplane.io.recording_settings import devices

_MOST_DENOMINATOR = 1000


def exact_period_s(rate_hz: float, half_hz: float, *, trigno: bool = False) -> Fraction:
    """The sampling period that a rounded rate stands for.

    Parameters
    ----------
    rate_hz, half_hz : float
        As stated, and half its last digit: the true rate lies that near.
    trigno : bool
        Whether the device is a Delsys Trigno: then 1481 Hz are 27 ms over 40 and not 1/1481 s
        (Delsys MAN-039-1-1, 2019).

    Returns
    -------
    Fraction
        s. A whole rate where one lies within, else one of Trigno's, else the simplest; where none is simple,
        the rate's own digits.
    """
    frame_s = Fraction(str(devices()["trigno"]["frame_ms"])) / 1000
    of_trigno = max(1, round(rate_hz * float(frame_s))) / frame_s
    whole = Fraction(max(1, round(rate_hz)))
    candidates = [of_trigno, whole] if trigno else [whole, of_trigno]
    candidates.append(Fraction(rate_hz).limit_denominator(_MOST_DENOMINATOR))
    for rate in candidates:
        if rate > 0 and abs(float(rate) - rate_hz) <= half_hz:
            return 1 / rate
    return 1 / Fraction(repr(rate_hz))


def half_last_digit(text: str) -> float:
    """Half the last digit of a number as it is written: 5e-4 for 1.259259e+003."""
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 0.5 * float(f"1e{int(exponent or 0) - decimals}")


def lost_before(counter: NDArray[np.int64], before: int | None, modulus: int | None) -> NDArray[np.int64]:
    """Samples lost before each one, by a counter that the device adds one to at every sample.

    Parameters
    ----------
    counter : array, shape (n,)
    before : int or None
        The counter before the first; None at the start.
    modulus : int or None
        Where it starts again at 0; None where the file does not say: then a counter that falls tells nothing.

    Returns
    -------
    array, shape (n,)
        A counter that stands still has reached its end and tells nothing either.
    """
    steps = np.diff(counter, prepend=counter[0] - 1 if before is None else before)
    lost = steps - 1 if modulus is None else (steps - 1) % modulus
    lost[steps == 0] = 0
    return np.asarray(np.maximum(lost, 0), dtype=np.int64)
