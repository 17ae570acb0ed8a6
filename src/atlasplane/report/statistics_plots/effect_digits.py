"""Effects in digits: as many as their errors allow, and a power of ten where they would be too many."""

from __future__ import annotations

import math
from dataclasses import dataclass

from atlasplane.report.numbers import MINUS, fixed
from atlasplane.stats.meta.weighted import Array

_MOST_DIGITS = 6
"""Digits before the point, or after it, beyond which a number has a power of ten."""
_RATIO_DECIMALS = 4
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectDigits:
    """How the effects of one plot are printed.

    Attributes
    ----------
    decimals : int
        Of the number before the power of ten.
    power : int
        One for all; 0 for plain numbers.
    single_powers : bool
        Whether a number too large or small for these decimals has a power of its own, as ratios do.
    """

    decimals: int
    power: int
    single_powers: bool

    def interval(self, low: float, high: float, mean: float | None = None) -> str:
        """The interval in brackets, behind the mean where there is one."""
        ends = f"[{self._number(low)}, {self._number(high)}]"
        return (ends if mean is None else f"{self._number(mean)} {ends}") + power_words(self.power)

    def _number(self, value: float) -> str:
        least, most = 0.5 * 10.0**-_RATIO_DECIMALS, 10.0**_MOST_DIGITS
        if self.single_powers and value > 0 and not least <= value < most:
            return two_digits(value)
        return fixed(value * 10.0**-self.power, self.decimals)


def effect_digits(values: Array, errors: Array, *, decimals: int | None, ratio: bool) -> EffectDigits:
    """Decimals that leave the smallest standard error two significant digits, or those given.

    Parameters
    ----------
    values, errors : array
        All numbers that are printed, and their standard errors, both as they are shown.
    decimals : int or None
    ratio : bool
        Ratios have 4 decimals at most, and powers of ten each for itself.
    """
    if decimals is not None:
        return EffectDigits(decimals=decimals, power=0, single_powers=ratio)
    wanted = 1 - _exponent(float(errors.min()), 2)
    if ratio:
        return EffectDigits(decimals=min(max(wanted, 0), _RATIO_DECIMALS), power=0, single_powers=True)
    largest = float(abs(values).max())
    plain = wanted <= _MOST_DIGITS and largest < 10.0**_MOST_DIGITS
    power = 0 if plain else _exponent(largest, 2)
    return EffectDigits(decimals=min(max(wanted + power, 0), _MOST_DIGITS), power=power, single_powers=False)


def two_digits(value: float) -> str:
    """A number from 0 up with two significant digits: 0, 0.0031, 12, 4.1 × 10⁹."""
    if not 0 < value < math.inf:
        return "∞" if value else "0"
    power = _exponent(value, 2)
    if -_RATIO_DECIMALS <= power < _MOST_DIGITS:
        return fixed(value, max(1 - power, 0))
    return f"{fixed(value / 10.0**power, 1)}{power_words(power)}"


def power_words(power: int) -> str:
    """What follows a number that is to be multiplied by 10^power; empty for 0."""
    if power < 0:  # the report's type has no raised minus sign
        return f" × 1e{MINUS}{-power}"
    return f" × 10{str(power).translate(_RAISED)}" if power else ""


def _exponent(value: float, digits: int) -> int:
    """Power of ten of the number when it is rounded to so many significant digits."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])
