"""Units are UCUM codes; this is how a reader sees them."""

from __future__ import annotations

PRINTED = {
    "deg": "°",
    "mm": "mm",
    "[in_i]": "in",
    "1": "",
    "%": "%",
    "uV": "µV",
    "1/h": "per h",
    "1/d": "per d",
    "min/d": "min per d",
    "s": "s",
    "Hz": "Hz",
    "{score}": "",
}


def printed_unit(code: str) -> str:
    """The unit as printed; an unknown code is printed as it is."""
    return PRINTED.get(code, code)


MM_PER_INCH = 25.4
