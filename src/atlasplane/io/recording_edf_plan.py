"""How an EDF+ recording is laid out before it is written: length of its data records, signals and ranges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

from atlasplane.core.errors import BadInput
from atlasplane.io.recording_edf_fields import exact_text, number_text
from atlasplane.io.recording_edf_header import EdfSignal
from atlasplane.io.recording_settings import recording_limit
from atlasplane.sources.recording import Channel, ChannelKind

HIGH = 32767
"""Digital end of the range; -32767 is the other one, so that 0 is written as 0."""

_SENSORS = {
    ChannelKind.EMG: "EMG electrode",
    ChannelKind.ECG: "ECG electrode",
    ChannelKind.ACCELERATION: "accelerometer",
    ChannelKind.ROTATION: "gyroscope",
    ChannelKind.ANGLE: "goniometer",
    ChannelKind.OTHER: "other",
}
_RANGES = {
    ChannelKind.EMG: "range_emg_uV",
    ChannelKind.ECG: "range_ecg_uV",
    ChannelKind.ACCELERATION: "range_acceleration_g",
    ChannelKind.ROTATION: "range_rotation_deg_s",
    ChannelKind.ANGLE: "range_angle_deg",
    ChannelKind.OTHER: "range_other",
}
_DIMENSIONS = {"[g]": "g", "1": ""}


def record_length_s(periods_s: Iterable[Fraction], *, file: str) -> Fraction:
    """Length of data records that holds a whole number of every period, as near to 1 s as that allows.

    Raises
    ------
    BadInput
        When none can be written exactly in 8 characters.
    """
    base = Fraction(0)
    for period in periods_s:
        base = period if not base else _common_multiple(base, period)
    # Only a multiple of a millionth of a second can be written in 8 characters.
    step = base * (base.denominator // math.gcd(base.denominator, 10**6))
    wanted = max(1, round(recording_limit("edf_record_s") / float(step)))
    for times in sorted(range(1, 2 * wanted + 1), key=lambda n: abs(n - wanted)):
        if exact_text(times * step) is not None and times * step < 10**5:
            return times * step
    what = "has clocks without a common data record whose length EDF can state"
    raise BadInput(file, what, "Write channels of different devices into files of their own")


def _common_multiple(first: Fraction, second: Fraction) -> Fraction:
    return Fraction(
        math.lcm(first.numerator, second.numerator), math.gcd(first.denominator, second.denominator)
    )


def check_labels(channels: Sequence[Channel], file: str) -> None:
    """Raise BadInput when a label or a unit does not fit its field."""
    for channel in channels:
        for what, text, most in (("label", channel.label, 16), ("unit", channel.unit, 8)):
            if len(text) > most or not text.isascii() or not text.isprintable():
                raise BadInput(
                    file,
                    f"cannot be written with the {what} '{text}': EDF takes {most} characters of ASCII",
                    f"Give the channel a shorter {what}",
                )


def signals_of(channels: Sequence[Channel], record_s: Fraction) -> list[EdfSignal]:
    """The signals of the header, in the order of the channels."""
    made: list[EdfSignal] = []
    for channel in channels:
        samples = record_s / channel.period_s
        made.append(
            EdfSignal(
                label=channel.label,
                transducer=", ".join(
                    part for part in (_SENSORS[channel.kind], channel.muscle, channel.side) if part
                ),
                dimension=_DIMENSIONS.get(channel.unit, channel.unit),
                physical=_range(channel),
                digital=(-float(HIGH), float(HIGH)),
                samples=int(samples),
                place=sum(signal.samples for signal in made),
            )
        )
    return made


def notes_signal(signals: Sequence[EdfSignal], room: int) -> EdfSignal:
    """The signal of annotations behind the others, of `room` bytes a record."""
    return EdfSignal(
        label="EDF Annotations",
        transducer="",
        dimension="",
        physical=(-1.0, 1.0),
        digital=(-32768.0, 32767.0),
        samples=-(-room // 2),
        place=sum(signal.samples for signal in signals),
    )


def _range(channel: Channel) -> tuple[float, float]:
    """Ends of the range as the header will state them, never narrower than they are."""
    if channel.low is None or channel.high is None:
        half = recording_limit(_RANGES[channel.kind])
        return (-half, half)
    if not channel.low < channel.high:
        raise ValueError(f"{channel.label}: low < high expected, got {channel.low}, {channel.high}")
    return (-_at_least(-channel.low), _at_least(channel.high))


def _at_least(value: float) -> float:
    """The number nearest above that 8 characters hold (as the negative one, which takes one more)."""
    for wider in (0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3):
        stated = -float(number_text(-(value + abs(value) * wider)))
        if stated >= value:
            return stated
    return stated
