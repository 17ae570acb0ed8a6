"""Values that are equal but for rounding: found and made equal before anything is put in order.

A number such as 1 000 000.3 is held to some 1e-10; 0.1 + 0.2 and 0.3 are two numbers to a computer. What is
counted by order (Kendall's S, NAP, p of a randomisation test) would then hang on the last digit. Rounding is
in proportion to the size of the values, not to their differences: a large level brings it into small ones.
"""

from __future__ import annotations

import numpy as np

from atlasplane.stats.checks import Array

SAME = 1e-12
"""Part of the largest size below which a difference is rounding: some 4500 times the spacing of floats."""


def rounding(*values: Array) -> float:
    """Difference below which values of this size are equal: `SAME` times the largest, in the values' unit.

    0 where all are 0.
    """
    return SAME * max(float(np.max(np.abs(own))) for own in values)


def tied(values: Array, within: float) -> Array:
    """The values, shape (..., n), those of a row that are equal but for rounding made equal.

    Neighbours in order no further apart than `within` get the value of the least of them.
    """
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    place = np.broadcast_to(np.arange(values.shape[-1]), values.shape)
    is_first = np.diff(ordered, axis=-1, prepend=-np.inf) > within
    first = np.maximum.accumulate(np.where(is_first, place, 0), axis=-1)
    found = np.empty_like(ordered)
    np.put_along_axis(found, order, np.take_along_axis(ordered, first, axis=-1), axis=-1)
    return found
