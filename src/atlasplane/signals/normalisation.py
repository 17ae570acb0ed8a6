"""What an amplitude is stated in parts of: the normalisations of the CEDE project.

Besomi M et al. 2020, Consensus for experimental design in electromyography (CEDE) project: Amplitude
normalization matrix, J Electromyogr Kinesiol 53:102438, doi:10.1016/j.jelekin.2020.102438.
"""

from __future__ import annotations

import math
from enum import Enum


class Normalisation(Enum):
    """What the reference amplitude was taken from; the names are those of the matrix.

    `TASK_MAXIMUM`: maximal contraction in the same task. `STANDARD_MAXIMUM`: maximal voluntary isometric
    contraction in a standard posture (MVIC, MVE). `SUBMAXIMAL`: standard contraction below the maximum (RVC,
    RVE). `TASK_PEAK` and `TASK_MEAN`: highest and mean amplitude of the very task, which tell nothing of how
    strong it was. `M_WAVE`: greatest answer to a stimulus of the nerve. `NONE`: microvolts, which no two
    muscles, sides or days may be compared by.
    """

    TASK_MAXIMUM = "task_maximum"
    STANDARD_MAXIMUM = "standard_maximum"
    SUBMAXIMAL = "submaximal"
    TASK_PEAK = "task_peak"
    TASK_MEAN = "task_mean"
    M_WAVE = "m_wave"
    NONE = "none"

    @property
    def unit(self) -> str:
        """Unit of a normalised amplitude, as it is written."""
        return _UNITS[self]

    @property
    def tells_intensity(self) -> bool:
        """Whether amplitudes of other muscles, sides and days may be set beside it."""
        return self in (
            Normalisation.TASK_MAXIMUM,
            Normalisation.STANDARD_MAXIMUM,
            Normalisation.SUBMAXIMAL,
            Normalisation.M_WAVE,
        )


_UNITS = {
    Normalisation.TASK_MAXIMUM: "%MVC (task)",
    Normalisation.STANDARD_MAXIMUM: "%MVIC",
    Normalisation.SUBMAXIMAL: "%RVC",
    Normalisation.TASK_PEAK: "% of the task's peak",
    Normalisation.TASK_MEAN: "% of the task's mean",
    Normalisation.M_WAVE: "% of the M wave",
    Normalisation.NONE: "uV",
}


def is_clear(reference_uV: float, u_reference_uV: float) -> bool:
    """Whether a reference is clearly above zero, so that amplitudes may be divided by it: three of its u."""
    return reference_uV > 3 * u_reference_uV and reference_uV > 0


def normalised(
    value_uV: float, u_uV: float, *, reference_uV: float, u_reference_uV: float, variant: Normalisation
) -> tuple[float, float]:
    """An amplitude in percent of a reference, with its standard uncertainty.

    Both have the noise's power taken off (`signals.envelope`).

    Parameters
    ----------
    value_uV, u_uV : float
        Amplitude, >= 0.
    reference_uV, u_reference_uV : float
        Of the reference, independent of the amplitude; not used with `Normalisation.NONE`.
    variant : Normalisation

    Returns
    -------
    tuple of float
        Value and u in `variant.unit`.

    Raises
    ------
    ValueError
        When the reference is not clearly above zero (`is_clear`).
    """
    if variant is Normalisation.NONE:
        return value_uV, u_uV
    if not is_clear(reference_uV, u_reference_uV):
        raise ValueError(
            f"a reference of {reference_uV:g} uV with u {u_reference_uV:g} uV is not clear of zero; "
            "record the reference contraction again"
        )
    percent = 100 / reference_uV
    return percent * value_uV, percent * math.hypot(u_uV, value_uV / reference_uV * u_reference_uV)
