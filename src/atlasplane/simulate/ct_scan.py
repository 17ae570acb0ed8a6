"""A simulated CBCT of the phantom: its solids on one grid of voxels, with noise, true masks and clicks.

The patient sits, as for the films, so the bones stand to each other and in the room as they do on the first
film of the visit: the poses of that visit are the truth of the scan too, without a second posture to be
invented. Of a scan lying down that would not hold. The field is that of the large dental machines, a standing
cylinder that holds skull base and upper neck and cuts off vault and occiput.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.anatomy.solids import CORTICAL_PER_MM, SOFT, WATER_PER_MM, Solid
from atlasplane.geometry.frames import ISB_FROM_LPS, lps_from_isb
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.subject import Posed
from atlasplane.sources.reading import Reading

Voxels = NDArray[np.int16]
Mask = NDArray[np.uint8]
_Grey = NDArray[np.float32]
_Box = tuple[slice, slice, slice]

MODALITY = "cbct"
VOXEL_MM = 1.0
"""Coarser than a machine's 0.2 to 0.4 mm: the solids are no finer, and the file stays small."""
NOISE_HU = 30.0
"""SD of a voxel's grey, white."""
DIAMETER_MM, HEIGHT_MM = 170.0, 210.0
"""Of the field; the extended field of dental machines."""
ABOVE_NASION_MM = 8.0
AIR_HU, MOST_HU = -1000, 3071
"""Least and greatest grey; outside the field there is air."""
MARKED_BONES = ("skull", "c1", "c2")
BALL_MM, BALL_PER_MM = 3.0, 0.2
"""Radius and attenuation of the metal ball that marks the patient's right."""
_INSIDE = 0.5


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Field:
    """A standing cylinder on a grid along the LPS axes.

    Attributes
    ----------
    centre_mm : array, shape (3,)
        Middle of the cylinder, LPS mm.
    voxel_mm : float
    diameter_mm, height_mm : float
    """

    centre_mm: Array
    voxel_mm: float = VOXEL_MM
    diameter_mm: float = DIAMETER_MM
    height_mm: float = HEIGHT_MM

    @classmethod
    def of(cls, points_mm: Mapping[str, Array], voxel_mm: float = VOXEL_MM) -> Field:
        """The field as a person sets it: mid-way from nasion to occiput, its top just above the nasion.

        Parameters
        ----------
        points_mm : mapping id -> array, shape (3,)
            Room, ISB mm.
        """
        front, rear = points_mm["N"], points_mm["OCC_INF"]
        middle = (front + rear) / 2
        height = front[1] + ABOVE_NASION_MM - HEIGHT_MM / 2
        return cls(centre_mm=lps_from_isb(np.array([middle[0], height, middle[2]])), voxel_mm=voxel_mm)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along x, y and z."""
        across, along = (round(length / self.voxel_mm) for length in (self.diameter_mm, self.height_mm))
        return across, across, along

    @property
    def affine_lps(self) -> Array:
        """Voxel index to LPS mm, shape (4, 4)."""
        affine = np.diag([self.voxel_mm] * 3 + [1.0])
        affine[:3, 3] = self.centre_mm - self.voxel_mm * (np.array(self.shape) - 1) / 2
        return affine

    @property
    def columns(self) -> NDArray[np.bool_]:
        """Which columns of voxels lie in the cylinder, shape (nx, ny)."""
        x, y = ((np.arange(n) - (n - 1) / 2) * self.voxel_mm for n in self.shape[:2])
        inside: NDArray[np.bool_] = np.hypot(x[:, None], y[None, :]) <= self.diameter_mm / 2
        return inside

    def holds(self, at_isb: Array, margin_mm: float = 0.0) -> NDArray[np.bool_]:
        """Whether room points (..., 3), ISB mm, lie in the cylinder, `margin_mm` from its surface."""
        off = lps_from_isb(at_isb) - self.centre_mm
        across = np.hypot(off[..., 0], off[..., 1]) <= self.diameter_mm / 2 - margin_mm
        along = np.abs(off[..., 2]) <= self.height_mm / 2 - margin_mm
        return np.asarray(across & along)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CtScan:
    """A simulated scan.

    Attributes
    ----------
    hounsfield : array of int16, shape (nx, ny, nz)
    masks : mapping bone -> array of uint8, the same shape
        The simulation's true masks of skull (jaw and teeth with it), c1 and c2; no voxel is in two.
    affine_lps : array, shape (4, 4)
        Voxel index to LPS mm; LPS axes and origin are those of the room.
    readings : tuple of Reading
        Clicks in LPS mm.
    modality : str
    """

    hounsfield: Voxels
    masks: Mapping[str, Mask]
    affine_lps: Array
    readings: tuple[Reading, ...]
    modality: str = MODALITY


def scan(
    posed: Posed,
    solids: Mapping[str, Solid],
    field: Field,
    *,
    rng: np.random.Generator,
    noise_hu: float = NOISE_HU,
) -> tuple[Voxels, Mapping[str, Mask]]:
    """Greys and true masks of a posed phantom.

    Parameters
    ----------
    posed : Posed
        Bones in the room.
    solids : mapping part -> Solid
        As `anatomy.solids.solids` makes them.
    field : Field
    rng : Generator
        Source of the noise.
    noise_hu : float
        SD of the noise, HU.

    Returns
    -------
    array of int16, shape (nx, ny, nz)
        Hounsfield units, air outside the field.
    mapping bone -> array of uint8, same shape
    """
    attenuation = np.zeros(field.shape, dtype=np.float32)
    for name, solid in solids.items():
        pose = posed.room_from["skull" if name == SOFT else name]
        for box, part in _resampled(solid.attenuation_per_mm, solid, pose, field):
            attenuation[box] += part
    if "TRAGUS_R" in posed.points_mm:
        _add_ball(attenuation, posed.points_mm["TRAGUS_R"], field)
    columns = field.columns
    masks = {bone: mask * columns[:, :, None] for bone, mask in _masks(posed, solids, field).items()}
    return _hounsfield(attenuation, columns, rng, noise_hu), MappingProxyType(masks)


def _hounsfield(
    attenuation: _Grey, columns: NDArray[np.bool_], rng: np.random.Generator, noise_hu: float
) -> Voxels:
    """Greys in place of attenuation (changed in place)."""
    grey = attenuation
    grey -= np.float32(WATER_PER_MM)
    grey *= np.float32(1000.0 / WATER_PER_MM)
    if noise_hu:
        grey += np.float32(noise_hu) * rng.standard_normal(grey.shape, dtype=np.float32)
    np.clip(np.rint(grey, out=grey), AIR_HU, MOST_HU, out=grey)
    grey[~columns] = AIR_HU
    return grey.astype(np.int16)


def _add_ball(attenuation: _Grey, skin_mm: Array, field: Field) -> None:
    """A metal ball on the skin before the right ear, touching it from outside."""
    centre = lps_from_isb(skin_mm + np.array([0.0, 0.0, BALL_MM]))
    first = (centre - field.affine_lps[:3, 3]) / field.voxel_mm
    reach = BALL_MM / field.voxel_mm + 2
    box = _box(first - reach, first + reach, field.shape)
    if box is None:
        return
    away = [(np.arange(s.start, s.stop) - c) * field.voxel_mm for s, c in zip(box, first, strict=True)]
    distance = np.sqrt(away[0][:, None, None] ** 2 + away[1][None, :, None] ** 2 + away[2] ** 2) - BALL_MM
    share = np.clip(0.5 - distance / field.voxel_mm, 0, 1).astype(np.float32)
    attenuation[box] += share * np.float32(BALL_PER_MM)


def _masks(posed: Posed, solids: Mapping[str, Solid], field: Field) -> dict[str, Mask]:
    """Voxels that are more than half bone; where two bones claim one, the fuller one has it."""
    fullest = np.full(field.shape, _INSIDE, dtype=np.float32)
    owner = np.zeros(field.shape, dtype=np.uint8)
    bones = [bone for bone in MARKED_BONES if bone in solids]
    for number, bone in enumerate(bones, start=1):
        share = bone_share(solids[bone].attenuation_per_mm)
        for box, part in _resampled(share, solids[bone], posed.room_from[bone], field):
            more = part > fullest[box]
            fullest[box][more] = part[more]
            owner[box][more] = number
    return {bone: (owner == number).astype(np.uint8) for number, bone in enumerate(bones, start=1)}


def bone_share(excess_per_mm: _Grey) -> _Grey:
    """Share of each voxel of a solid that is bone, marrow spaces included, cells with air left out.

    The cortex of a solid is closed, so that what it encloses can be told by connection: the share rises to 1
    over the cortex's ramp and stays there inside.

    Parameters
    ----------
    excess_per_mm : array, shape (nx, ny, nz)
        Attenuation over water.
    """
    share = np.clip(excess_per_mm / np.float32(CORTICAL_PER_MM - WATER_PER_MM), 0, 1)
    parts, _ = ndimage.label(share < _INSIDE)
    faces = [np.take(parts, end, axis) for axis in range(3) for end in (0, -1)]
    outer = np.zeros(int(parts.max()) + 1, dtype=bool)
    for face in faces:
        outer[face.ravel()] = True
    outer[0] = True  # the cortex itself keeps its share
    enclosed = ~outer[parts] & (excess_per_mm > np.float32(-_INSIDE * WATER_PER_MM))
    share[enclosed] = 1
    return np.asarray(share, dtype=np.float32)


def _resampled(
    values: _Grey, solid: Solid, room_from_bone: RigidTransform, field: Field
) -> list[tuple[_Box, _Grey]]:
    """Values of a solid on the part of the field's grid that it reaches, trilinear; none where it does not.

    The solids' surfaces rise over one of their own voxels, about one of the scan's: partial volume as it is.
    """
    affine = field.affine_lps
    to_bone = room_from_bone.inverse()
    # index -> LPS -> room -> bone -> index of the solid
    turn = to_bone.rotation @ ISB_FROM_LPS @ affine[:3, :3] / solid.spacing_mm[:, None]
    start = (to_bone.apply(ISB_FROM_LPS @ affine[:3, 3]) - solid.origin_mm) / solid.spacing_mm
    ends = np.array(values.shape) - 1
    corners = np.array(np.meshgrid(*([0, n] for n in ends), indexing="ij")).reshape(3, -1)
    reached = np.linalg.solve(turn, corners - start[:, None])
    box = _box(reached.min(axis=1), reached.max(axis=1), field.shape)
    if box is None:
        return []
    first = np.array([s.start for s in box], dtype=float)
    found: _Grey = ndimage.affine_transform(
        values,
        turn,
        offset=start + turn @ first,
        output_shape=tuple(s.stop - s.start for s in box),
        output=np.float32,
        order=1,
        mode="constant",
        cval=0.0,
        prefilter=False,
    )
    return [(box, found)]


def _box(low: Array, high: Array, shape: tuple[int, ...]) -> _Box | None:
    """Index ranges of a grid from `low` to `high`; None where they are empty."""
    first = np.clip(np.floor(low).astype(int), 0, shape)
    last = np.clip(np.ceil(high).astype(int) + 1, 0, shape)
    if np.any(last <= first):
        return None
    return slice(first[0], last[0]), slice(first[1], last[1]), slice(first[2], last[2])
