"""What a simulated recording of muscle activity holds: channels, events, disturbances; no samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from fractions import Fraction
from typing import Literal

from atlasplane.sources.recording import BodySide

TruthClass = Literal["unit", "tonic", "clonus", "myoclonus", "mixed", "cramp", "voluntary"]
"""Classes of events as a detector names them; `unattributed` is never a truth."""

USUAL_PERIOD_S = Fraction(1, 2000)
TRIGNO_IMU_PERIOD_S = Fraction(27, 4000)
"""6.75 ms, 148.148 Hz: the accelerometer of a Delsys Trigno sensor, whose periods are exact."""


class Generator(Enum):
    """How the activity of a muscle is made: shaped Gaussian noise, or the potentials of its motor units."""

    NOISE = "noise"
    UNITS = "units"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Edges of the power spectrum of an electromyogram (Shwedyk 1977; `semg_spectrum.shwedyk_density`)."""

    low_hz: float = 60.0
    high_hz: float = 120.0

    def __post_init__(self) -> None:
        if not 0 < self.low_hz <= self.high_hz:
            raise ValueError(f"0 < low_hz <= high_hz expected, got {self.low_hz}, {self.high_hz}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPool:
    """Motor units under an electrode (after Fuglevand 1993).

    Attributes
    ----------
    n_units : int
    size_ratio : float
        Of the largest to the smallest potential; sizes between them are exponential, small ones first.
    full_uV : float
        Root mean square with all units at their highest rate.
    lowest_hz, highest_hz : float
        Firing rate at recruitment and at full drive; the one unit that is just being recruited fires slower.
    interval_cv : (float, float)
        Standard deviation over mean of the intervals between firings, range over the units.
    duration_s : (float, float)
        Of a potential, range over the units; between its first and last twentieth of the peak.
    triphasic : float
        Share of the units whose potential has three phases; two for the others.
    """

    n_units: int = 100
    size_ratio: float = 60.0
    full_uV: float = 400.0
    lowest_hz: float = 6.0
    highest_hz: float = 25.0
    interval_cv: tuple[float, float] = (0.10, 0.25)
    duration_s: tuple[float, float] = (0.005, 0.012)
    triphasic: float = 0.5

    def __post_init__(self) -> None:
        if self.n_units < 1 or not self.size_ratio > 1 or not 0 < self.lowest_hz <= self.highest_hz:
            raise ValueError(
                f"n_units >= 1, size_ratio > 1 and 0 < lowest_hz <= highest_hz expected, got {self}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderNoise:
    """Noise of amplifier and electrode: white, rising as 1/f below a corner.

    Attributes
    ----------
    rms_uV : float
        Between 20 and 450 Hz (or up to half the sampling rate), where muscles are heard.
    corner_hz : float
        Where the 1/f part equals the white part.
    drift : float
        Standard deviation, over the hours, of the relative level: sweat and drying of the contact.
    """

    rms_uV: float = 2.0
    corner_hz: float = 10.0
    drift: float = 0.0

    def __post_init__(self) -> None:
        if not self.rms_uV > 0 or self.corner_hz < 0 or not 0 <= self.drift < 0.5:
            raise ValueError(f"rms_uV > 0, corner_hz >= 0 and 0 <= drift < 0.5 expected, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DropOut:
    """A stretch without signal: the file holds NaN or zero there, or the end of the recorder's range."""

    start_s: float
    stop_s: float
    shows: Literal["nan", "zero", "rail"] = "nan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pop:
    """A jump of the electrode's potential that decays exponentially."""

    at_s: float
    step_uV: float
    decay_s: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChannel:
    """One electromyogram.

    Attributes
    ----------
    label : str
    muscle : str or None
        Id of the table of muscles.
    side : "left", "right" or None
        Of the patient.
    generator, spectrum, pool
        How its activity sounds; the spectrum is used by `NOISE`, the pool by `UNITS`.
    noise : RecorderNoise
    heart_uV, mains_uV : float
        Peak of the R wave (negative: lead the other way round) and amplitude of the mains' fundamental here;
        0 for none.
    movement_gain : float
        Share of the artefact of a movement that reaches this electrode.
    offset_uV : float
    range_uV : float
        The recorder holds -range to +range in 65534 steps; what is beyond is clipped.
    drop_outs : tuple of DropOut
    pops : tuple of Pop
    """

    label: str
    muscle: str | None = None
    side: BodySide | None = None
    generator: Generator = Generator.NOISE
    spectrum: Spectrum = Spectrum()
    pool: UnitPool = UnitPool()
    noise: RecorderNoise = RecorderNoise()
    heart_uV: float = 0.0
    mains_uV: float = 0.0
    movement_gain: float = 1.0
    offset_uV: float = 0.0
    range_uV: float = 5500.0
    drop_outs: tuple[DropOut, ...] = ()
    pops: tuple[Pop, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEvent:
    """One stretch of activity of one channel.

    Attributes
    ----------
    channel : int
    start_s, stop_s : float
        Where the envelope rises to and falls below half its height; may lie outside the recording. Of a
        clonus: a whole number of contractions after the start, so that the frequency is exact.
    class_ : TruthClass
    rms_uV : float
        From start to stop, without noise; in a clonus the pauses count.
    rise_s, fall_s : float
        Whole length of the ramps, which lie half within the event.
    fluctuation : float
        Standard deviation of the slow relative change of the amplitude (0.05 to 1.2 Hz).
    frequency_hz : float or None
        Of the contractions, of `clonus` and `mixed`.
    burst : float
        Share of the period of a clonus that a contraction lasts.
    ramp : "cosine" or "linear"
        Shape of rise and fall.
    """

    channel: int
    start_s: float
    stop_s: float
    class_: TruthClass
    rms_uV: float
    rise_s: float = 0.2
    fall_s: float = 0.3
    fluctuation: float = 0.15
    frequency_hz: float | None = None
    burst: float = 0.55
    ramp: Literal["cosine", "linear"] = "cosine"

    def __post_init__(self) -> None:
        if not self.stop_s > self.start_s or not self.rms_uV > 0:
            raise ValueError(f"stop_s > start_s and rms_uV > 0 expected, got {self}")
        rhythmic = self.class_ in ("clonus", "mixed")
        if rhythmic != (self.frequency_hz is not None):
            raise ValueError(
                f"clonus and mixed have a frequency, others none; got {self.class_}, {self.frequency_hz}"
            )
        if max(self.rise_s, self.fall_s) > self.stop_s - self.start_s:
            raise ValueError(f"a ramp is longer than the event: {self}")

    @property
    def duration_s(self) -> float:
        """Length."""
        return self.stop_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """The body moves or is moved: what the motion sensor and the cables see of it. Muscle work is an event.

    Attributes
    ----------
    start_s, stop_s : float
    acceleration_g : float
        Root mean square at the motion sensor; 0 for one that it does not see.
    turn_deg : float
        How far the sensor lies turned afterwards: a change of posture.
    artefact_uV : float
        Peak of the slow artefact at an electrode of gain 1.
    step_uV : float
        Height of the jumps of a tugged cable.
    annotated : bool
        Whether the recording carries a note `movement`.
    """

    start_s: float
    stop_s: float
    acceleration_g: float = 0.1
    turn_deg: float = 0.0
    artefact_uV: float = 0.0
    step_uV: float = 0.0
    annotated: bool = False

    def __post_init__(self) -> None:
        if not self.stop_s > self.start_s:
            raise ValueError(f"stop_s > start_s expected, got {self.start_s}, {self.stop_s}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartShape:
    """Waves of a heart beat as Gaussians (after McSharry 2003): P, Q, R, S, T.

    Attributes
    ----------
    at_s : tuple of 5 float
        Centre after the R wave.
    height : tuple of 5 float
        Relative to the R wave.
    width_s : tuple of 5 float
        Standard deviation.
    """

    at_s: tuple[float, float, float, float, float] = (-0.170, -0.026, 0.0, 0.027, 0.270)
    height: tuple[float, float, float, float, float] = (0.12, -0.12, 1.0, -0.25, 0.28)
    width_s: tuple[float, float, float, float, float] = (0.022, 0.008, 0.009, 0.009, 0.050)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heart:
    """The heart's beats, common to all channels.

    Attributes
    ----------
    rate_per_min : float
        Mean over the recording.
    variability : float
        Standard deviation of the intervals over their mean: breathing, slow change and chance.
    shape : HeartShape
    reference_uV : float
        R wave on an electrocardiogram channel of its own; 0 for no such channel.
    """

    rate_per_min: float = 68.0
    variability: float = 0.05
    shape: HeartShape = HeartShape()
    reference_uV: float = 0.0

    def __post_init__(self) -> None:
        if not 20 <= self.rate_per_min <= 220 or not 0 <= self.variability <= 0.2:
            raise ValueError(f"20 to 220 beats a minute and a variability of 0 to 0.2 expected, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mains:
    """Hum of the power line.

    Attributes
    ----------
    frequency_hz : float
        50 or 60.
    wander_hz : float
        Largest deviation of the line's frequency.
    drift : float
        Standard deviation of the slow relative change of the amplitude.
    harmonics : tuple of float
        Amplitudes relative to the fundamental, the fundamental first.
    """

    frequency_hz: float = 50.0
    wander_hz: float = 0.02
    drift: float = 0.2
    harmonics: tuple[float, ...] = (1.0, 0.08, 0.30, 0.04, 0.12)


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionSensor:
    """A 3-axis accelerometer with a clock of its own.

    Attributes
    ----------
    period_s : Fraction
    start_s : float
        First sample after the start of the recording.
    clock_ppm : float
        How much faster than stated its clock runs.
    noise_g : float
        Root mean square of an axis.
    """

    period_s: Fraction = TRIGNO_IMU_PERIOD_S
    start_s: float = 0.0
    clock_ppm: float = 0.0
    noise_g: float = 0.004


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPlan:
    """A whole recording; two equal plans give equal samples.

    Attributes
    ----------
    seed : int
        Of everything that the plan leaves to chance.
    duration_s : float
    channels : tuple of PlannedChannel
    period_s : Fraction
        From sample to sample of the electromyograms, exact.
    events : tuple of PlannedEvent
    movements : tuple of Movement
    heart, mains, motion : or None
    quiet : tuple of (start_s, stop_s)
        Stretches that the recording notes as `quiet`.
    started : datetime or None
    file : str
        Name for messages.
    """

    seed: int
    duration_s: float
    channels: tuple[PlannedChannel, ...]
    period_s: Fraction = USUAL_PERIOD_S
    events: tuple[PlannedEvent, ...] = ()
    movements: tuple[Movement, ...] = ()
    heart: Heart | None = None
    mains: Mains | None = None
    motion: MotionSensor | None = None
    quiet: tuple[tuple[float, float], ...] = ()
    started: datetime | None = None
    file: str = field(default="simulated-recording.edf")

    def __post_init__(self) -> None:
        if not self.duration_s > 0 or not self.period_s > 0 or self.seed < 0:
            raise ValueError("duration_s > 0, period_s > 0 and seed >= 0 expected")
        if not 1 <= len(self.channels) <= MOST_CHANNELS:
            raise ValueError(f"1 to {MOST_CHANNELS} channels expected, got {len(self.channels)}")
        strays = [event for event in self.events if not 0 <= event.channel < len(self.channels)]
        if strays:
            raise ValueError(f"an event names channel {strays[0].channel} of {len(self.channels)}")

    @property
    def rate_hz(self) -> float:
        """Samples a second of the electromyograms."""
        return float(1 / self.period_s)

    @property
    def n_samples(self) -> int:
        """Of each electromyogram."""
        return int(Fraction(self.duration_s) / self.period_s)


MOST_CHANNELS = 16
