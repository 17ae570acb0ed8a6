"""Numbers as a reader sees them: the one place that turns a float into digits.

A value is printed to the last digit of its standard uncertainty, which has two significant digits; without
an uncertainty it has the decimals of the quantity catalogue. Both faces of the report print these strings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from atlasplane.core.change import Change
from atlasplane.core.observation import Count, Interval, Mdc, Measurement, coverage_factor
from atlasplane.core.quantity import Quantity
from atlasplane.core.units import printed_unit

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
NO_ERROR = "no published error"
NOTHING = "\N{EN DASH}"
"""Stands in an empty cell of a table."""
LEVEL = 0.95
_MINUTE_S, _HOUR_S = 60.0, 3600.0
_U_DIGITS = 2
_MORE_DIGITS = 3
"""A change nearer to its MDC than this many further digits is printed as it is."""
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMeasurement:
    """A measurement in digits, each with its unit.

    Attributes
    ----------
    value : str
    expanded : str
        Half-width of the 95 % interval; empty without u, or where the interval is not symmetric.
    interval : str
        The 95 % interval; empty without u.
    u : str
        Standard uncertainty or "no published error".
    mdc : str
        Minimal detectable change at 95 %; empty without u.
    """

    value: str
    expanded: str
    interval: str
    u: str
    mdc: str

    @property
    def in_words(self) -> str:
        """Value with what is known of its error, on one line."""
        if self.expanded:
            return f"{self.value} ± {self.expanded}"
        return f"{self.value} ({self.interval or self.u})"


def shown_measurement(measured: Measurement) -> ShownMeasurement:
    """Digits of a measurement."""
    unit, digits = measured.quantity.unit, decimals_of(measured)
    if measured.u is None:
        value = with_unit(fixed(measured.value, digits), unit)
        return ShownMeasurement(value=value, expanded="", interval="", u=NO_ERROR, mdc="")
    symmetric = measured.quantity.interval == "identity"
    half = coverage_factor(LEVEL, measured.dof) * measured.u
    mdc = measured.mdc(LEVEL)
    return ShownMeasurement(
        value=with_unit(fixed(measured.value, digits), unit),
        expanded=with_unit(fixed(half, digits), unit) if symmetric else "",
        interval=interval_text(measured.interval(LEVEL), digits, unit),
        u=with_unit(fixed(measured.u, digits), unit),
        mdc=mdc_text(mdc, digits, unit),
    )


def decimals_of(measured: Measurement) -> int:
    """Decimals that a measurement is printed with."""
    return decimals_of_u(measured.u, measured.quantity)


def decimals_of_u(u: float | None, quantity: Quantity) -> int:
    """Decimals that leave u two significant digits; the catalogue's where u is unknown."""
    if u is None or not u > 0:
        return quantity.decimals
    exponent = int(f"{u:.{_U_DIGITS - 1}e}".partition("e")[2])
    return _U_DIGITS - 1 - exponent


def count_decimals(count: Count) -> int:
    """Decimals of a rate: two significant digits of a quarter of its 95 % interval, or the catalogue's."""
    span = count.interval(LEVEL)
    low, high = span.low or 0.0, span.high or 0.0
    return min(decimals_of_u((high - low) / 4, count.quantity), count.quantity.decimals)


def change_decimals(change: Change) -> int:
    """Decimals of a change: two significant digits of its u, more where change and MDC would print alike.

    A change of counts has those of the less certain one.
    """
    if isinstance(change.pre, Count) and isinstance(change.post, Count):
        return min(count_decimals(change.pre), count_decimals(change.post))
    digits, mdc = decimals_of_u(change.u, change.pre.quantity), change.mdc
    if mdc is None or change.value is None:
        return digits
    apart = (
        d for d in range(digits, digits + _MORE_DIGITS) if fixed(abs(change.value), d) != fixed(mdc.value, d)
    )
    return next(apart, digits + _MORE_DIGITS)


def fixed(value: float, decimals: int, *, plus: bool = False) -> str:
    """A number with fixed decimals, a real minus sign, and no minus before zero.

    Parameters
    ----------
    decimals : int
        Below 0 the number is rounded to tens, hundreds and so on.
    plus : bool
        Whether a positive number carries its sign.
    """
    rounded = round(value, decimals)
    if not math.isfinite(rounded):
        return "not determined"
    text = f"{abs(rounded):.{max(decimals, 0)}f}"
    if rounded == 0:
        return text
    return f"{MINUS}{text}" if rounded < 0 else f"{'+' if plus else ''}{text}"


def with_unit(text: str, code: str) -> str:
    """A number with the unit of a UCUM code: 2.4°, 12.3 mm, 0.81."""
    unit = printed_unit(code)
    if unit in ("", "°"):
        return f"{text}{unit}"
    return f"{text}{NO_BREAK}{unit}"


def interval_text(interval: Interval | None, decimals: int, code: str) -> str:
    """An interval, "1.03 to 3.69°"; an open end says so."""
    if interval is None:
        return ""
    low, high = interval.low, interval.high
    if low is not None and high is not None:
        return f"{fixed(low, decimals)} to {with_unit(fixed(high, decimals), code)}"
    if low is not None:
        return f"{with_unit(fixed(low, decimals), code)} or more"
    return "not bounded" if high is None else f"{with_unit(fixed(high, decimals), code)} or less"


def mdc_text(mdc: Mdc | None, decimals: int, code: str) -> str:
    """A minimal detectable change; empty where it is unknown."""
    return "" if mdc is None else with_unit(fixed(mdc.value, decimals), code)


def length_text(seconds: float) -> str:
    """A length of time in the unit that suits it: 3.9 h, 2.2 min, 11.5 s, 0.25 s."""
    if seconds >= _HOUR_S:
        return f"{fixed(seconds / _HOUR_S, 1)}{NO_BREAK}h"
    if seconds >= 2 * _MINUTE_S:
        return f"{fixed(seconds / _MINUTE_S, 1)}{NO_BREAK}min"
    return f"{fixed(seconds, 1 if seconds >= 1 or not seconds else 2)}{NO_BREAK}s"


def percent(share: float, decimals: int = 0) -> str:
    """A share of 1 in per cent."""
    return f"{fixed(100 * share, decimals)}{NO_BREAK}%"


def day_text(time: datetime) -> str:
    """2 March 2026."""
    return f"{time.day} {_MONTHS[time.month - 1]} {time.year}"


def time_text(time: datetime) -> str:
    """2 March 2026, 09:10 (UTC+01:00)."""
    offset = time.strftime("%z")
    zone = f" (UTC{offset[:3]}:{offset[3:5]})".replace("-", MINUS) if offset else ""
    return f"{day_text(time)}, {time:%H:%M}{zone}"
