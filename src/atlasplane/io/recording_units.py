"""What a channel records and in which unit, from the words of its label, its sensor and its unit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from atlasplane.sources.recording import ChannelKind

STANDARD_GRAVITY = 9.80665
"""m/s2; exact by definition."""

KNOWN_UNITS = ("nV", "uV", "mV", "V", "g", "mg", "m/s2", "deg/s", "rad/s", "deg", "rad", "counts")
"""As a person states them; files write more."""

_UNITS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "nv": ("uV", 1e-3),
        "uv": ("uV", 1.0),
        "mv": ("uV", 1e3),
        "v": ("uV", 1e6),
        "g": ("[g]", 1.0),
        "[g]": ("[g]", 1.0),
        "mg": ("[g]", 1e-3),
        "m/s2": ("[g]", 1 / STANDARD_GRAVITY),
        "m/s^2": ("[g]", 1 / STANDARD_GRAVITY),
        "deg/s": ("deg/s", 1.0),
        "dps": ("deg/s", 1.0),
        "rad/s": ("deg/s", math.degrees(1.0)),
        "deg": ("deg", 1.0),
        "rad": ("deg", math.degrees(1.0)),
        "1": ("1", 1.0),
        "": ("1", 1.0),
        "adc": ("1", 1.0),
        "counts": ("1", 1.0),
        "raw": ("1", 1.0),
        "n/a": ("1", 1.0),
    }
)

# In this order: an electroencephalogram is no electromyogram, an electrocardiogram none either. What is also
# part of a muscle's name or of "forearms" and "cramp" stands for itself only as a whole word.
_WORDS: tuple[tuple[ChannelKind, re.Pattern[str]], ...] = (
    (ChannelKind.ECG, re.compile(r"ecg|ekg|electrocardio|elektrokardio")),
    (ChannelKind.EMG, re.compile(r"emg|electromyo|elektromyo")),
    (ChannelKind.ACCELERATION, re.compile(r"(?<![a-z])acc|accelero")),
    (ChannelKind.ROTATION, re.compile(r"(?<![a-z])gyr|rotation")),
    (ChannelKind.ANGLE, re.compile(r"(?<![a-z])gon|(?<![a-z])(?:flex|flexo|flexion|angle)(?![a-z])")),
    (
        ChannelKind.OTHER,
        re.compile(
            r"eeg|eog|ppg|bvp|spo2|sao2|gsr|trig|force|quaternion|buffer|aux|sync|marker|status|mag(?![a-z])|"
            r"(?<![a-z])(?:resp|load|other|temperatur)|(?<![a-z])(?:eda|temp|ramp|rms)(?![a-z])"
        ),
    ),
)
# Short for a muscle as well: flexor, temporalis. No angle or temperature is given in volts.
_OR_MUSCLE = re.compile(r"(?<![a-z])(?:flex|flexo|flexion|temp)(?![a-z])")
_BY_UNIT: Mapping[str, ChannelKind] = MappingProxyType(
    {
        "uV": ChannelKind.EMG,
        "[g]": ChannelKind.ACCELERATION,
        "deg/s": ChannelKind.ROTATION,
        "deg": ChannelKind.ANGLE,
    }
)
UNIT_OF: Mapping[ChannelKind, str] = MappingProxyType(
    {
        ChannelKind.EMG: "uV",
        ChannelKind.ECG: "uV",
        ChannelKind.ACCELERATION: "[g]",
        ChannelKind.ROTATION: "deg/s",
        ChannelKind.ANGLE: "deg",
        ChannelKind.OTHER: "1",
    }
)
"""Unit that a kind is measured in."""


def unit_and_factor(written: str) -> tuple[str, float]:
    """UCUM unit of a unit as files write it, and what their numbers are multiplied with to get there.

    A unit that is not known stays as it is written.
    """
    plain = _plain(written)
    known = _UNITS.get(plain.lower())
    return known if known is not None else (plain, 1.0)


def is_unit(written: str) -> bool:
    """Whether a text is a unit that is known."""
    return _plain(written).lower() in _UNITS


def _plain(written: str) -> str:
    return written.strip().replace("µ", "u").replace("μ", "u").replace("²", "2").replace("°", "deg")


def kind_of(label: str, unit: str, *, sensor: str = "") -> ChannelKind:
    """Kind of a channel.

    Parameters
    ----------
    label : str
    unit : str
        As `unit_and_factor` gives it.
    sensor : str
        What the file says of the sensor; it outweighs the label, and the label the unit.
    """
    named = label.lower()
    if unit == UNIT_OF[ChannelKind.EMG]:
        named = _OR_MUSCLE.sub("", named)
    for words in (sensor.lower(), named):
        for kind, pattern in _WORDS:
            if pattern.search(words):
                return kind
    return _BY_UNIT.get(unit, ChannelKind.OTHER)
