"""Array types used by the whole house."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""Float64 array; docstrings state its shape, unit and frame."""
