"""How the simulated clinic takes its films: geometry, film size, where the patient stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.anatomy.views import film_camera
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.types import Array
from atlasplane.sources.film import Detector, ImageDirection, View


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmSetup:
    """Fixed geometry of one view.

    Attributes
    ----------
    view : View
    sid_mm, sod_mm : float
    detector : Detector
    follows_s_line : bool
        Whether the tube takes the S-line angle of the lateral film.
    shape : (rows, columns)
    pitch_mm : float
        Detector pixel.
    principal_px : (column, row)
    first, second : ImageDirection
        Image directions of the film frame's axes (geometry.film_frame).
    """

    view: View
    sid_mm: float
    sod_mm: float
    detector: Detector
    follows_s_line: bool
    shape: tuple[int, int]
    pitch_mm: float
    principal_px: tuple[float, float]
    first: ImageDirection
    second: ImageDirection

    @property
    def magnification(self) -> float:
        """Size on the detector over size at the atlas."""
        return self.sid_mm / self.sod_mm

    @property
    def mm_per_px(self) -> float:
        """Pixel at the atlas."""
        return self.pitch_mm / self.magnification

    def camera(self, tube_deg: float, target_mm: Array) -> PinholeCamera:
        """Camera with the central ray through a room point."""
        return film_camera(
            self.view.value,
            sid_mm=self.sid_mm,
            sod_mm=self.sod_mm,
            tube_deg=tube_deg,
            upright=self.detector is Detector.UPRIGHT,
            target_mm=target_mm,
            first_px=self.first.vector,
            second_px=self.second.vector,
            pitch_mm=np.full(2, self.pitch_mm),
            principal_px=np.array(self.principal_px),
        )


SETUPS = {
    setup.view: setup
    for setup in (
        # Focus-film distances: Blair neutral lateral 72 in; 42 in for the others is usual, not published for
        # this technique.
        FilmSetup(
            view=View.LATERAL,
            sid_mm=1830.0,
            sod_mm=1580.0,
            detector=Detector.PERPENDICULAR,
            follows_s_line=False,
            shape=(1400, 1240),
            pitch_mm=0.2,
            principal_px=(660.0, 640.0),
            first=ImageDirection.LEFT,
            second=ImageDirection.UP,
        ),
        FilmSetup(
            view=View.NASIUM,
            sid_mm=1067.0,
            sod_mm=837.0,
            detector=Detector.UPRIGHT,
            follows_s_line=True,
            shape=(1760, 1120),
            pitch_mm=0.2,
            principal_px=(559.5, 960.0),
            first=ImageDirection.LEFT,
            second=ImageDirection.UP,
        ),
        FilmSetup(
            view=View.VERTEX,
            sid_mm=1067.0,
            sod_mm=837.0,
            detector=Detector.PERPENDICULAR,
            follows_s_line=True,
            shape=(1560, 1200),
            pitch_mm=0.2,
            principal_px=(599.5, 860.0),
            first=ImageDirection.UP,
            second=ImageDirection.LEFT,
        ),
    )
}
