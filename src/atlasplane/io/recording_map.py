"""What a person says of a recording: muscle and side of each channel, and the layout of a text file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from atlasplane.core.errors import BadInput
from atlasplane.io.faults import nearest, validated
from atlasplane.io.models_recording import CHANNELS_SCHEMA, ChannelsFile, LayoutTable, MappedChannelTable
from atlasplane.io.text_file import checked_schema, read_toml
from atlasplane.sources.muscles import muscles
from atlasplane.sources.recording import BodySide, ChannelKind

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}
_DECIMALS = {"point": ".", "comma": ","}


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter:
    """U = (count / 2^bits - offset) supply / gain of an analogue-digital converter."""

    bits: int
    supply_V: float
    gain: float
    offset: float = 0.5

    @property
    def uV_per_count(self) -> float:
        """Height of one step."""
        return self.supply_V / self.gain / 2.0**self.bits * 1e6

    @property
    def uV_at_zero(self) -> float:
        """What a count of 0 stands for."""
        return -self.offset * self.supply_V / self.gain * 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedChannel:
    """What a person says of one channel; None where they leave it to the file.

    Attributes
    ----------
    label : str
        As the file names the channel.
    muscle : str or None
        Id of the table of muscles.
    side : "left", "right" or None
    kind : ChannelKind or None
    unit : str or None
        Of the file's numbers.
    period_s : Fraction or None
    converter : Converter or None
        Where the file's numbers are counts.
    """

    label: str
    muscle: str | None = None
    side: BodySide | None = None
    kind: ChannelKind | None = None
    unit: str | None = None
    period_s: Fraction | None = None
    converter: Converter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLayout:
    """How a text file is laid out; None where it is found from the file.

    Attributes
    ----------
    delimiter, decimal : str or None
        " " is any white space.
    skip_lines : int
        Before the header or the numbers.
    header : bool or None
        Whether a line of column names follows.
    columns : tuple of str
        Names where there is no header.
    time_column : str or None
        Name of a column of seconds.
    unit : str or None
        Of all columns but time.
    period_s : Fraction or None
    """

    delimiter: str | None = None
    decimal: str | None = None
    skip_lines: int = 0
    header: bool | None = None
    columns: tuple[str, ...] = ()
    time_column: str | None = None
    unit: str | None = None
    period_s: Fraction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMap:
    """What a person says of the channels of a recording, and of the text file they are in.

    Attributes
    ----------
    channels : tuple of MappedChannel
    layout : RecordingLayout or None
    file : str
        Name for messages.
    partial : bool
        Whether a recording may lack some of the channels: one of rest beside the one that the map is of.
    """

    channels: tuple[MappedChannel, ...] = ()
    layout: RecordingLayout | None = None
    file: str = "channel map"
    partial: bool = False


def read_channel_map(path: Path, *, name: str | None = None) -> ChannelMap:
    """A channel map as TOML.

    Raises
    ------
    BadInput
        When it cannot be read, names a channel twice or an unknown muscle.
    """
    name = name or path.name
    content = checked_schema(read_toml(path, name=name), CHANNELS_SCHEMA, name=name)
    table = validated(ChannelsFile, content, name=name)
    layout = None if table.text is None else _layout(table.text)
    return channel_map((_mapped(each) for each in table.channels), layout=layout, file=name)


def channel_map(
    channels: Iterable[MappedChannel], *, layout: RecordingLayout | None = None, file: str = "channel map"
) -> ChannelMap:
    """A checked map.

    Raises
    ------
    BadInput
        When a label stands twice or a muscle is not in the table.
    """
    mapped = tuple(channels)
    labels = [each.label for each in mapped]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise BadInput(file, f"names the channel '{twice}' twice", "Keep one of them")
    for each in mapped:
        if each.muscle is not None and each.muscle not in muscles():
            close = nearest(each.muscle, muscles())
            remedy = f"Did you mean '{close}'?" if close else "Use an id of the table of muscles"
            raise BadInput(file, f"channel '{each.label}': unknown muscle '{each.muscle}'", remedy)
    return ChannelMap(channels=mapped, layout=layout, file=file)


def _mapped(table: MappedChannelTable) -> MappedChannel:
    converter = table.converter
    return MappedChannel(
        label=table.label,
        muscle=table.muscle,
        side=table.side,
        kind=None if table.kind is None else ChannelKind(table.kind),
        unit=table.unit,
        period_s=_period_s(table.rate_hz, table.period_ms),
        converter=None if converter is None else Converter(**converter.model_dump(exclude={"x"})),
    )


def _layout(table: LayoutTable) -> RecordingLayout:
    return RecordingLayout(
        delimiter=None if table.delimiter is None else _DELIMITERS[table.delimiter],
        decimal=None if table.decimal is None else _DECIMALS[table.decimal],
        skip_lines=table.skip_lines,
        header=table.header,
        columns=table.columns,
        time_column=table.time_column,
        unit=table.unit,
        period_s=_period_s(table.rate_hz, table.period_ms),
    )


def _period_s(rate_hz: float | None, period_ms: float | None) -> Fraction | None:
    """Exact as the digits are written: 0.675 is 27/40, not the nearest binary number."""
    if period_ms is not None:
        return Fraction(repr(period_ms)) / 1000
    return None if rate_hz is None else 1 / Fraction(repr(rate_hz))
