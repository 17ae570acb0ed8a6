"""Where the height component of the vector comes from: three models behind one interface.

The traditional height chart was not found in any source. So the clinician enters the height (`ManualHeight`),
or brings the own chart (`TableHeight`), or, for research, derives it from the two joint circles
(`TwoArcHeight`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from atlasplane.core.errors import BadInput
from atlasplane.core.quantity import quantity

MANUAL_U_IN = 0.25
"""Standard uncertainty of an entered height where none is stated: 0.5 deg over the lever (derived)."""
SIGNED = {"right": 1.0, "left": -1.0}


class HeightModel(Protocol):
    """How a height comes from a visit's numbers."""

    @property
    def name(self) -> str:
        """``manual``, ``table`` or ``two-arc``."""

    @property
    def tag(self) -> str:
        """Evidence tag."""

    @property
    def u_model_in(self) -> float:
        """Standard uncertainty that does not come from measured inputs, inches."""

    def inputs(self, side: str) -> tuple[str, ...]:
        """Keys of the measurements it needs, for the side of laterality."""

    def height_in(self, values: Mapping[str, float], *, side: str, lever_in: float) -> float:
        """Height in inches, + = notch high (force caudad)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualHeight:
    """The clinician's own figure, inches."""

    entered_in: float
    u_model_in: float = MANUAL_U_IN
    name: str = "manual"
    tag: str = "published"

    def inputs(self, side: str) -> tuple[str, ...]:
        """No measurement is needed."""
        del side
        return ()

    def height_in(self, values: Mapping[str, float], *, side: str, lever_in: float) -> float:
        """The entered figure."""
        del values, side, lever_in
        return self.entered_in


@dataclass(frozen=True, slots=True, kw_only=True)
class TableHeight:
    """A user's chart: for each component a line of (value, inches), interpolated and added up.

    Attributes
    ----------
    rows : mapping key -> ((value, inches), ...)
        Keys are quantity keys (`atlas_plane_tilt`, `condylar_radius`, ...), values in catalogue units,
        laterality's side as +.
    u_model_in : float
    """

    rows: Mapping[str, Sequence[tuple[float, float]]]
    u_model_in: float = 0.0
    name: str = "table"
    tag: str = "unverified"

    def inputs(self, side: str) -> tuple[str, ...]:
        """The components of the chart."""
        del side
        return tuple(self.rows)

    def height_in(self, values: Mapping[str, float], *, side: str, lever_in: float) -> float:
        """Sum of the components, each interpolated; the chart is never extrapolated.

        Raises
        ------
        BadInput
            When a value lies outside the chart.
        """
        del lever_in
        total = 0.0
        for key, pairs in self.rows.items():
            x, inches = np.array(sorted(pairs), dtype=float).T
            value = values[key] * (SIGNED[side] if _is_lateral(key) else 1.0)
            if not x[0] <= value <= x[-1]:
                raise BadInput(
                    "height table",
                    f"{key} = {value:.2f} lies outside the chart ({x[0]:g} to {x[-1]:g})",
                    "Extend the chart.",
                )
            total += float(np.interp(value, x, inches))
        return total


def _is_lateral(key: str) -> bool:
    return quantity(key.partition("/")[0]).lateral


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoArcHeight:
    """Research only: how C1 glides between the condylar arc (centre above) and the axial arc (centre below).

    tan(theta) = t [(1 - share) / R_c - share / R_a], plus the tilt of the atlas plane line on the side of
    laterality; derived here.

    Attributes
    ----------
    axial_share : float
        Share of the axial arc in the motion, 0 to 1.
    """

    axial_share: float = 0.5
    u_model_in: float = 0.0
    name: str = "two-arc"
    tag: str = "derived"

    def inputs(self, side: str) -> tuple[str, ...]:
        """Transverse lever of the side, both radii, atlas plane tilt."""
        return (f"transverse_offset/{side}", "condylar_radius", "axial_radius", "atlas_plane_tilt")

    def height_in(self, values: Mapping[str, float], *, side: str, lever_in: float) -> float:
        """Height over the lever, inches."""
        reach = abs(values[f"transverse_offset/{side}"])
        glide = two_arc_glide(
            reach, values["condylar_radius"], values["axial_radius"], axial_share=self.axial_share
        )
        angle = math.atan(glide) + math.radians(SIGNED[side] * values["atlas_plane_tilt"])
        return lever_in * math.tan(angle)


def two_arc_glide(reach: float, condylar_radius: float, axial_radius: float, *, axial_share: float) -> float:
    """Tangent of the glide direction of the transverse process; lengths in one unit."""
    return reach * ((1 - axial_share) / condylar_radius - axial_share / axial_radius)
