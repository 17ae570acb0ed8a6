"""The correction vector: line of drive from the adjuster's notch to the transverse process of C1.

Height and rotation are inches over the notch-transverse lever D (lateral component): H = D tan(theta_h), R =
D tan(theta_r). The lever of 28 in follows from the head-piece rule (3/8 in over 5 in = 4.29 deg = slightly
more than 2 in of height).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from atlasplane.core.joint import JointObservations
from atlasplane.core.side import Side
from atlasplane.core.units import MM_PER_INCH
from atlasplane.geometry.types import Array
from atlasplane.plan.height import SIGNED, HeightModel
from atlasplane.plan.listing import rotation_letter
from atlasplane.uncertainty.first_order import covariance, jacobian

LEVER_IN = 28.0
"""Default lateral component of the notch-transverse distance (derived, configurable per adjuster)."""
EOP_TO_PIVOT_IN = 5.0
HEAD_PIECE_IN = (0.25, 0.375)
"""How far below C7 the occipital protuberance is set for an inferior spinous (oncause.com, head-piece)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPiece:
    """Head-piece set-up for an inferior spinous.

    Attributes
    ----------
    eop_below_c7_in : (float, float)
        How far the external occipital protuberance is set below the C7 prominence.
    angle_deg : (float, float)
        The angle that this makes over the distance from protuberance to pivot.
    height_in : (float, float)
        Its share of the height over the lever.
    """

    eop_below_c7_in: tuple[float, float]
    angle_deg: tuple[float, float]
    height_in: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CorrectionVector:
    """Computed from the protocol's rule set; not a treatment recommendation.

    Attributes
    ----------
    side : Side
        Side of laterality, from which the force comes.
    height_in : float
        + = notch high, force caudad.
    rotation_in : float
        Magnitude; `letter` says on which side of the transverse the notch stands (A: anterior, force
        posteriorward).
    letter : "A", "P" or None
        None while rotation is undetermined; rotation_in is then still given.
    cov_in2 : array, shape (2, 2)
        Covariance of (height, rotation), inches squared.
    direction_isb : array, shape (3,)
        Unit vector of the force, adjuster to patient (X anterior, Y superior, Z right).
    lever_mm : float
    model : str
    tag : str
    headpiece : HeadPiece or None
    torque : str or None
    """

    side: Side
    height_in: float
    rotation_in: float
    letter: str | None
    cov_in2: Array
    direction_isb: Array
    lever_mm: float
    model: str
    tag: str
    headpiece: HeadPiece | None
    torque: str | None

    @property
    def notch_offset_isb_mm(self) -> Array:
        """Notch minus transverse process, ISB mm, shape (3,)."""
        offset: Array = -self.direction_isb * self.lever_mm / abs(self.direction_isb[2])
        return offset

    @property
    def words(self) -> tuple[str, ...]:
        """What the numbers mean, so that "high" cannot be taken for the force's direction."""
        height = "notch level, no height"
        if self.height_in:
            height = "notch high, force caudad" if self.height_in > 0 else "notch low, force cephalad"
        turn = {"A": "notch anterior, force posteriorward", "P": "notch posterior, force anteriorward"}
        return (height, turn.get(self.letter or "", "rotation side undetermined"))


def correction_vector(
    joint: JointObservations, model: HeightModel, *, lever_in: float = LEVER_IN, rotation_share: float = 1.0
) -> CorrectionVector | None:
    """Vector of a visit; None with the side of laterality undetermined, or an input missing or without u.

    Parameters
    ----------
    joint : JointObservations
    model : HeightModel
    lever_in : float
        Lateral component of the notch-transverse distance, inches.
    rotation_share : float
        theta_r = rotation_share |AR| (proposed 1: the rotation chart was not found).
    """
    laterality, rotation = joint.measurement("atlas_laterality"), joint.measurement("atlas_rotation")
    if laterality is None or rotation is None or laterality.side not in (Side.RIGHT, Side.LEFT):
        return None
    side = laterality.side.value
    keys = (*model.inputs(side), "atlas_rotation")
    found = [joint.measurement(key) for key in keys]
    inputs = [m for m in found if m is not None and m.u is not None and m.key in joint.order]
    if len(inputs) < len(keys):
        return None
    rows = [joint.order.index(key) for key in keys]
    values = np.array([m.value for m in inputs])

    def components(at: Array) -> Array:
        both = [
            _components(dict(zip(keys, row, strict=True)), model, side, lever_in, rotation_share)
            for row in np.atleast_2d(at)
        ]
        return np.reshape(both, (*np.shape(at)[:-1], 2))

    cov_in = joint.cov[np.ix_(rows, rows)]
    sensitivity = jacobian(components, values, 0.1 * np.sqrt(np.diag(cov_in)))
    height, turn = components(values)
    magnitude = np.diag(
        [1.0, math.copysign(1.0, turn)]
    )  # of rotation: its correlation with height goes along
    cov = covariance(magnitude @ sensitivity, cov_in) + np.diag([model.u_model_in**2, 0.0])
    letter = None if rotation.side is Side.UNDETERMINED else rotation_letter(laterality.side, rotation.value)
    return CorrectionVector(
        side=laterality.side,
        height_in=float(height),
        rotation_in=float(abs(turn)),
        letter=letter,
        cov_in2=cov,
        direction_isb=force_direction(SIGNED[side], height / lever_in, abs(turn) / lever_in, letter),
        lever_mm=lever_in * MM_PER_INCH,
        model=model.name,
        tag=model.tag,
        headpiece=head_piece(lever_in) if _spinous_is_inferior(joint, laterality.side) else None,
        torque=torque(joint, laterality.side, float(height)),
    )


def force_direction(side: float, tan_height: float, tan_rotation: float, letter: str | None) -> Array:
    """Unit vector of the force in ISB axes, shape (3,).

    Medialward from the side of laterality (side +1 right, -1 left), caudad for a high notch, posteriorward
    for the letter A.
    """
    sign = {"A": 1.0, "P": -1.0}.get(letter or "", 0.0)
    vector = np.array([-sign * tan_rotation, -tan_height, -side])
    direction: Array = vector / np.linalg.norm(vector)
    return direction


def head_piece_angle_deg(offset_in: float, *, eop_to_pivot_in: float = EOP_TO_PIVOT_IN) -> float:
    """Angle that a head-piece offset makes over the distance from occipital protuberance to pivot."""
    return math.degrees(math.atan(offset_in / eop_to_pivot_in))


def head_piece(lever_in: float) -> HeadPiece:
    """Set-up for an inferior spinous and what it adds to the height over a lever."""
    angles = tuple(head_piece_angle_deg(offset) for offset in HEAD_PIECE_IN)
    heights = tuple(lever_in * math.tan(math.radians(angle)) for angle in angles)
    return HeadPiece(
        eop_below_c7_in=HEAD_PIECE_IN, angle_deg=(angles[0], angles[1]), height_in=(heights[0], heights[1])
    )


def spinous_position(joint: JointObservations, laterality: Side) -> str | None:
    """``inferior``: the C2 spinous stands beyond the odontoid on the side of laterality; else ``superior``.

    None while either side is undetermined or the spinous is not displaced more than the odontoid (Lin, NUCCA:
    Torque).
    """
    spinous, odontoid = joint.measurement("spinous_offset"), joint.measurement("odontoid_offset")
    if spinous is None or odontoid is None or laterality not in (Side.RIGHT, Side.LEFT):
        return None
    if spinous.side not in (Side.RIGHT, Side.LEFT):
        return None
    beyond = (spinous.value - odontoid.value) * (1.0 if spinous.side is Side.RIGHT else -1.0)
    if beyond <= 0:
        return None
    return "inferior" if spinous.side is laterality else "superior"


def torque(joint: JointObservations, laterality: Side, height_in: float) -> str | None:
    """Direction of torque; only stated to work for vectors above zero (Lin, NUCCA: Torque)."""
    position = spinous_position(joint, laterality)
    if position is None or height_in <= 0:
        return None
    return _TORQUE[position, laterality]


_TORQUE = {
    ("inferior", Side.RIGHT): "counter-clockwise",
    ("inferior", Side.LEFT): "clockwise",
    ("superior", Side.RIGHT): "clockwise",
    ("superior", Side.LEFT): "counter-clockwise",
}


def _spinous_is_inferior(joint: JointObservations, laterality: Side) -> bool:
    return spinous_position(joint, laterality) == "inferior"


def _components(
    values: Mapping[str, float], model: HeightModel, side: str, lever_in: float, rotation_share: float
) -> tuple[float, float]:
    height = model.height_in(values, side=side, lever_in=lever_in)
    turn = lever_in * math.tan(math.radians(rotation_share * values["atlas_rotation"]))
    return height, turn
