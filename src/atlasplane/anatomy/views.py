"""How the beam meets the patient on each film, and the camera that follows from it.

The room has ISB axes; the patient faces the tube on films from the front, stands side-on for a lateral, the
vertex beam comes from above and the base-posterior's from below. A photograph is a film whose detector is the
picture plane: its camera stands where the tube would.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, eq=False)
class BeamView:
    """One projection with the tube at 0 deg.

    Attributes
    ----------
    beam : array, shape (3,)
        Direction of the central ray.
    first, second : array, shape (3,)
        Room directions of the film frame's two axes (geometry.film_frame).
    tilts_toward : array, shape (3,)
        Where a positive tube angle turns the beam: beam cos + tilts_toward sin.
    """

    beam: Array
    first: Array
    second: Array
    tilts_toward: Array

    def from_left(self) -> BeamView:
        """The same view taken from the patient's other side, as a photograph of the left side is."""
        return replace(self, beam=self.beam * _MIRROR)


_ANTERIOR, _UP, _RIGHT = np.eye(3)
_MIRROR = np.array([1.0, 1.0, -1.0])

_SIDE_ON = BeamView(beam=-_RIGHT, first=_ANTERIOR, second=_UP, tilts_toward=-_UP)
_FROM_FRONT = BeamView(beam=-_ANTERIOR, first=_RIGHT, second=_UP, tilts_toward=-_UP)
_FROM_BEHIND = BeamView(beam=_ANTERIOR, first=_RIGHT, second=_UP, tilts_toward=-_UP)

BEAM_VIEWS = {
    "lateral": _SIDE_ON,
    "nasium": _FROM_FRONT,
    "vertex": BeamView(beam=-_UP, first=_ANTERIOR, second=_RIGHT, tilts_toward=_ANTERIOR),
    "base-posterior": BeamView(beam=_UP, first=_ANTERIOR, second=_RIGHT, tilts_toward=-_ANTERIOR),
    "apom": _FROM_FRONT,
    "ap-cervical": _FROM_FRONT,
    "lateral-full": _SIDE_ON,
    "ap-full": _FROM_FRONT,
    "blair-right": _FROM_FRONT,
    "blair-left": _FROM_FRONT,
    "photo-lateral": _SIDE_ON,
    "photo-front": _FROM_FRONT,
    "photo-back": _FROM_BEHIND,
}
"""Views whose projection is known. A positive tube angle is caudad; on vertex and base-posterior it tilts the
beam's upper end backward. On Blair's oblique views the patient turns, not the tube. Views from the side are
taken from the right; `BeamView.from_left` gives the other side."""


def beam_view(view: str, *, from_left: bool = False) -> BeamView:
    """The projection of a view, taken from the patient's left where that is said."""
    return BEAM_VIEWS[view].from_left() if from_left else BEAM_VIEWS[view]


def film_axes(view: str, tube_deg: float, *, upright: bool) -> tuple[Array, Array]:
    """Room directions of the film frame's axes on the detector, each of shape (3,).

    An upright detector keeps the axes of the straight beam; a perpendicular one turns them with the tube.
    """
    setup = BEAM_VIEWS[view]
    if upright:
        return setup.first, setup.second
    tube = np.radians(tube_deg)
    turned = setup.tilts_toward * np.cos(tube) - setup.beam * np.sin(tube)
    swap = {tuple(setup.tilts_toward): turned, tuple(-setup.tilts_toward): -turned}
    return swap.get(tuple(setup.first), setup.first), swap.get(tuple(setup.second), setup.second)


def film_camera(  # noqa: PLR0913 - one film has this many settings, each with its own name
    view: str,
    *,
    sid_mm: float,
    sod_mm: float,
    tube_deg: float,
    upright: bool,
    target_mm: Array,
    first_px: Array,
    second_px: Array,
    pitch_mm: Array,
    principal_px: Array,
    from_left: bool = False,
) -> PinholeCamera:
    """Camera whose central ray passes through a target at the distance SOD.

    Parameters
    ----------
    view : str
        A key of `BEAM_VIEWS`.
    sid_mm, sod_mm : float
        Source to detector and source to target, along the central ray.
    tube_deg : float
        Caudad + (vertex: upper end backward +).
    upright : bool
        Detector as for the straight beam, else perpendicular to the central ray.
    target_mm : array, shape (3,)
        Room point (ISB axes, mm).
    first_px, second_px : array, shape (2,)
        Pixel directions of the film frame's axes.
    pitch_mm, principal_px : array, shape (2,)
        Detector pixel size and the pixel that the central ray meets, [column, row].
    from_left : bool
        Whether a view from the side is taken from the patient's left.
    """
    setup = beam_view(view, from_left=from_left)
    tube = np.radians(tube_deg)
    beam = setup.beam * np.cos(tube) + setup.tilts_toward * np.sin(tube)
    first, second = film_axes(view, tube_deg, upright=upright)
    source = np.asarray(target_mm, dtype=float) - sod_mm * beam
    return PinholeCamera(
        source_mm=source,
        centre_mm=source + sid_mm * beam,
        column_axis=first * first_px[0] + second * second_px[0],
        row_axis=first * first_px[1] + second * second_px[1],
        pitch_mm=np.asarray(pitch_mm, dtype=float),
        principal_px=np.asarray(principal_px, dtype=float),
    )
