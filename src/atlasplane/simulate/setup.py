"""How the simulated clinic takes its films and photographs: geometry, film size, where the patient stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

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
        Along the central ray from the source (of a photograph: the lens) to the detector (the picture plane)
        and to the plane of the atlas.
    detector : Detector
    follows_s_line : bool
        Whether the tube takes the S-line angle of the lateral film.
    tube_deg : float
        Tube angle of a view that does not follow the S-line, caudad +.
    aims_at : str
        Landmark that the central ray passes; empty for the origin of C1.
    from_left : bool
        Whether a view from the side is taken from the patient's left.
    raised_deg, rolled_deg : float
        Of a camera that is not level: how far it looks down, and how far it is turned about its own axis.
    shape : (rows, columns)
    pitch_mm : float
        Detector pixel.
    principal_px : (column, row)
    first, second : ImageDirection
        Image directions of the film frame's axes (geometry.film_frame).
    photons : float or None
        Counts of the open beam per pixel of the detector; None for those of the usual exposure.
    """

    view: View
    sid_mm: float
    sod_mm: float
    detector: Detector
    follows_s_line: bool = False
    tube_deg: float = 0.0
    aims_at: str = ""
    from_left: bool = False
    raised_deg: float = 0.0
    rolled_deg: float = 0.0
    shape: tuple[int, int]
    pitch_mm: float
    principal_px: tuple[float, float]
    first: ImageDirection
    second: ImageDirection
    photons: float | None = None

    @property
    def name(self) -> str:
        """Stem of the file; the left one of two photographs from the side says so."""
        return f"{self.view.value}-left" if self.from_left else self.view.value

    @property
    def directions(self) -> dict[str, ImageDirection]:
        """The patient's directions that the view needs; one that is not stored cannot contradict another."""
        if self.view.is_axial:
            return {"patient_anterior": self.first, "patient_right": self.second}
        return {"patient_anterior" if self.view.is_profile else "patient_right": self.first}

    @property
    def magnification(self) -> float:
        """Size on the detector over size at the atlas."""
        return self.sid_mm / self.sod_mm

    @property
    def mm_per_px(self) -> float:
        """Pixel at the atlas."""
        return self.pitch_mm / self.magnification

    @property
    def tube_is_set(self) -> bool:
        """Whether a person sets the tube to an angle, and so misses it."""
        return self.follows_s_line or self.tube_deg != 0

    def camera(self, tube_deg: float, target_mm: Array) -> PinholeCamera:
        """Camera with the central ray through a room point."""
        level = film_camera(
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
            from_left=self.from_left,
        )
        if self.raised_deg == self.rolled_deg == 0:
            return level
        beam = (level.centre_mm - level.source_mm) / level.sid_mm
        across = np.cross(beam, np.array([0.0, 1.0, 0.0]))
        tip = Rotation.from_rotvec(-np.radians(self.raised_deg) * across / np.linalg.norm(across))
        turn = (Rotation.from_rotvec(np.radians(self.rolled_deg) * tip.apply(beam)) * tip).as_matrix()
        return replace(
            level,
            source_mm=target_mm + turn @ (level.source_mm - target_mm),
            centre_mm=target_mm + turn @ (level.centre_mm - target_mm),
            column_axis=turn @ level.column_axis,
            row_axis=turn @ level.row_axis,
        )

    def target_mm(self, points_mm: Mapping[str, Array], atlas_mm: Array) -> Array:
        """Room point on the central ray, as far from the source as the atlas is."""
        if self.aims_at not in points_mm:
            return atlas_mm
        camera = self.camera(self.tube_deg, atlas_mm)
        along = (camera.centre_mm - camera.source_mm) / camera.sid_mm
        off = points_mm[self.aims_at] - atlas_mm
        return np.asarray(atlas_mm + off - (off @ along) * along)


_LEFT, _RIGHT, _UP = ImageDirection.LEFT, ImageDirection.RIGHT, ImageDirection.UP

_NASIUM = FilmSetup(
    view=View.NASIUM,
    sid_mm=1067.0,
    sod_mm=837.0,
    detector=Detector.UPRIGHT,
    follows_s_line=True,
    shape=(1760, 1120),
    pitch_mm=0.2,
    principal_px=(559.5, 960.0),
    first=_LEFT,
    second=_UP,
)
_LATERAL = FilmSetup(
    view=View.LATERAL,
    sid_mm=1830.0,
    sod_mm=1580.0,
    detector=Detector.PERPENDICULAR,
    shape=(1700, 1240),
    pitch_mm=0.2,
    principal_px=(660.0, 640.0),
    first=_LEFT,
    second=_UP,
)
_PHOTO = FilmSetup(
    view=View.PHOTO_LATERAL,
    sid_mm=3003.0,
    sod_mm=3000.0,
    detector=Detector.PERPENDICULAR,
    shape=(1100, 1100),
    pitch_mm=0.5,
    principal_px=(549.5, 480.0),
    first=_LEFT,
    second=_UP,
)
"""A camera 3 m away, level, at the height of the neck; its picture plane lies just behind the person."""

_ALL = (
    # Focus-film distances: Blair neutral lateral 72 in; 42 in for the others is usual, not published for
    # this technique. Full-length films: 72 in.
    _LATERAL,
    _NASIUM,
    FilmSetup(
        view=View.VERTEX,
        sid_mm=1067.0,
        sod_mm=837.0,
        detector=Detector.PERPENDICULAR,
        follows_s_line=True,
        shape=(1560, 1200),
        pitch_mm=0.2,
        principal_px=(599.5, 860.0),
        first=_UP,
        second=_LEFT,
    ),
    FilmSetup(
        view=View.BASE_POSTERIOR,
        sid_mm=1067.0,
        sod_mm=837.0,
        detector=Detector.PERPENDICULAR,
        shape=(1560, 1200),
        pitch_mm=0.2,
        principal_px=(599.5, 760.0),
        first=_UP,
        second=_LEFT,
    ),
    # Open mouth: the tube 10 deg cephalad (Blair); cervical spine from the front: 15 deg, as is usual.
    replace(
        _NASIUM,
        view=View.APOM,
        follows_s_line=False,
        tube_deg=-10.0,
        shape=(1200, 1200),
        principal_px=(599.5, 599.5),
    ),
    replace(
        _NASIUM,
        view=View.AP_CERVICAL,
        follows_s_line=False,
        tube_deg=-15.0,
        aims_at="C6_PS",
        shape=(1800, 2150),
        principal_px=(1074.5, 760.0),
    ),
    replace(
        _LATERAL,
        view=View.LATERAL_FULL,
        aims_at="L1_AS",
        shape=(2700, 1250),
        pitch_mm=0.4,
        principal_px=(650.0, 1520.0),
    ),
    replace(
        _LATERAL,
        view=View.AP_FULL,
        detector=Detector.UPRIGHT,
        aims_at="L1_AS",
        shape=(2700, 1150),
        pitch_mm=0.4,
        principal_px=(574.5, 1520.0),
    ),
    replace(_NASIUM, view=View.BLAIR_RIGHT),
    replace(_NASIUM, view=View.BLAIR_LEFT),
    _PHOTO,
    replace(_PHOTO, view=View.PHOTO_FRONT),
    replace(_PHOTO, view=View.PHOTO_BACK, first=_RIGHT),
)
SETUPS = {setup.view: setup for setup in _ALL}
"""By view; a photograph from the side is the one of the right side."""
PHOTO_FROM_LEFT = replace(_PHOTO, from_left=True, first=_RIGHT)


def setups_of(view: View) -> tuple[FilmSetup, ...]:
    """What is taken when a view is asked for: one picture, from the side both sides' photographs."""
    return (SETUPS[view], PHOTO_FROM_LEFT) if view is View.PHOTO_LATERAL else (SETUPS[view],)


DRAWN = frozenset({View.LATERAL_FULL, View.AP_FULL, *(view for view in SETUPS if view.is_photo)})
"""Views whose picture is a drawing: no solids are made of the whole body and its skin."""
