"""The channel map (`atlasplane.channels/1`): muscles and sides of channels, and the layout of text files."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from atlasplane.io.strict import Flag, Number, Positive, Strict, Text, Whole

CHANNELS_SCHEMA = "atlasplane.channels/1"

Kind = Literal["emg", "ecg", "acceleration", "rotation", "angle", "other"]


class ConverterTable(Strict):
    """Counts of an analogue-digital converter: U = (count / 2^bits - offset) supply_V / gain."""

    bits: Whole = Field(ge=1, le=32)
    supply_V: Positive
    gain: Positive
    offset: Number = 0.5


class MappedChannelTable(Strict):
    """One channel: whose muscle it is, and what the file does not say of it."""

    label: Text
    muscle: Text | None = None
    side: Literal["left", "right"] | None = None
    kind: Kind | None = None
    unit: Text | None = None
    rate_hz: Positive | None = None
    period_ms: Positive | None = None
    converter: ConverterTable | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> MappedChannelTable:
        if self.rate_hz is not None and self.period_ms is not None:
            raise ValueError("state rate_hz or period_ms, not both")
        if self.unit is not None and self.converter is not None:
            raise ValueError("state unit or converter, not both")
        return self


class LayoutTable(Strict):
    """How a text file is laid out; what is not stated is found from the file."""

    delimiter: Literal["comma", "semicolon", "tab", "space"] | None = None
    decimal: Literal["point", "comma"] | None = None
    skip_lines: Whole = Field(default=0, ge=0)
    header: Flag | None = None
    columns: tuple[Text, ...] = ()
    time_column: Text | None = None
    unit: Text | None = None
    rate_hz: Positive | None = None
    period_ms: Positive | None = None

    @model_validator(mode="after")
    def _one_clock(self) -> LayoutTable:
        if self.rate_hz is not None and self.period_ms is not None:
            raise ValueError("state rate_hz or period_ms, not both")
        return self


class ChannelsFile(Strict):
    """A channel map."""

    schema_: Literal["atlasplane.channels/1"] = Field(alias="schema")
    channels: tuple[MappedChannelTable, ...] = ()
    text: LayoutTable | None = None
