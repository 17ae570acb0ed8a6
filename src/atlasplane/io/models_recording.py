"""The channel map (`atlasplane.channels/1`): muscles and sides of channels, and the layout of text files."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from atlasplane.io.recording_units import KNOWN_UNITS, is_unit
from atlasplane.io.strict import Flag, Number, Positive, Strict, Text, Whole
from atlasplane.sources.muscles import muscles

CHANNELS_SCHEMA = "atlasplane.channels/1"

Kind = Literal["emg", "ecg", "acceleration", "rotation", "angle", "other"]


def _muscle_words(schema: dict[str, Any]) -> None:
    """Put the ids of the table into the schema; the reader, which says what is near, refuses others."""
    schema["examples"] = list(muscles())


def _known_unit(written: str) -> str:
    if not is_unit(written):
        raise ValueError(f"'{written}' is no unit that is known; use one of {', '.join(KNOWN_UNITS)}")
    return written


Unit = Annotated[
    Text,
    AfterValidator(_known_unit),
    Field(description=f"What the file's numbers are in: one of {', '.join(KNOWN_UNITS)}."),
]
MuscleId = Annotated[
    Text,
    Field(description="Whose activity it is.", json_schema_extra=_muscle_words),
]
Side = Annotated[Literal["left", "right"], Field(description="The patient's side.")]
RateHz = Annotated[Positive, Field(description="Samples a second, where the file does not say it.")]
PeriodMs = Annotated[Positive, Field(description="The same as milliseconds from sample to sample.")]


class ConverterTable(Strict):
    """Counts of an analogue-digital converter: U = (count / 2^bits - offset) supply_V / gain."""

    bits: Whole = Field(ge=1, le=32)
    supply_V: Positive
    gain: Positive
    offset: Number = 0.5


class MappedChannelTable(Strict):
    """One channel: whose muscle it is, and what the file does not say of it."""

    label: Text = Field(description="The channel as the file names it.")
    muscle: MuscleId | None = None
    side: Side | None = None
    kind: Kind | None = Field(default=None, description="What it records; without it the label tells.")
    unit: Unit | None = None
    rate_hz: RateHz | None = None
    period_ms: PeriodMs | None = None
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

    delimiter: Literal["comma", "semicolon", "tab", "space"] | None = Field(
        default=None, description="What parts the columns."
    )
    decimal: Literal["point", "comma"] | None = Field(default=None, description="Before the decimals.")
    skip_lines: Whole = Field(default=0, ge=0, description="Lines before the header or the numbers.")
    header: Flag | None = Field(default=None, description="Whether a line of column names follows.")
    columns: tuple[Text, ...] = Field(default=(), description="Names of the columns without a header.")
    time_column: Text | None = Field(default=None, description="Name of a column of seconds.")
    unit: Unit | None = None
    rate_hz: RateHz | None = None
    period_ms: PeriodMs | None = None

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
