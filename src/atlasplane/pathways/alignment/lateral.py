"""Lateral film: everything that is read from the side. Film coordinates (x, y): anterior, superior."""

from __future__ import annotations

from atlasplane.geometry import planar
from atlasplane.pathways.alignment.craniocervical import CRANIOCERVICAL
from atlasplane.pathways.alignment.lateral_lines import LateralLines
from atlasplane.pathways.alignment.marks import Construction, Marks, order_reversed
from atlasplane.pathways.alignment.sagittal import LATERAL_FULL, SAGITTAL

__all__ = ["LATERAL", "LATERAL_FULL", "LateralLines", "lateral_contradictions"]

_S_LINE = ("C1_ARCH_LM", "C1_ARCH_13")
_PALATE = ("HP_ANT", "HP_POST")

_ATLAS: tuple[Construction[LateralLines], ...] = (
    Construction("s_line_angle", _S_LINE, lambda film: planar.direction_deg(film.s_line)),
    Construction(
        "s_palate_angle", _S_LINE + _PALATE, lambda film: planar.signed_angle_deg(film.palate, film.s_line)
    ),
    Construction("s_offset", _S_LINE + _PALATE, lambda film: film.below_s_line(film.palate_point)),
    Construction(
        "atlas_plane_sagittal", ("C1_AT", "C1_PT"), lambda film: planar.direction_deg(film.atlas_plane)
    ),
    # Head pitch of the nasium against the lateral is not measured: it counts as 0, its spread is in u.
    Construction("nasium_tube_angle", _S_LINE, lambda film: planar.direction_deg(film.s_line)),
)

LATERAL: tuple[Construction[LateralLines], ...] = (*_ATLAS, *CRANIOCERVICAL, *SAGITTAL)

_BODIES = tuple(f"C{k}" for k in range(2, 8))
_FRONT_AND_BACK = (
    ("C1_ARCH_LM", "C1_ARCH_13"),
    ("C1_AT", "C1_PT"),
    ("HP_ANT", "HP_POST"),
    ("HP_POST", "OCC_INF"),
    ("BA", "OP"),
    *((f"{bone}_A{end}", f"{bone}_P{end}") for bone in _BODIES for end in "SI"),
    ("T1_AS", "T1_PS"),
    ("T4_AS", "T4_PS"),
    ("T12_AI", "T12_PI"),
    ("L1_AS", "L1_PS"),
)
"""Ends of one edge that stand this way round in every person.

A dislocation changes the sign of an interval between bones and is measured, so no such pair is here; nor is
the sacral plate, which may stand upright.
"""
_ABOVE_AND_BELOW = (
    *((f"{bone}_{side}S", f"{bone}_{side}I") for bone in _BODIES for side in "AP"),
    ("DENS_POST_SUP", "DENS_POST_INF"),
    ("CLIV_SUP", "BA"),
)


def lateral_contradictions(marks: Marks) -> list[str]:
    """Pairs of marks that lie the wrong way round for the stored directions of the patient."""
    return [
        *order_reversed(marks, _FRONT_AND_BACK, axis=0, word="behind"),
        *order_reversed(marks, _ABOVE_AND_BELOW, axis=1, word="under"),
    ]
