"""What is read from each view, and what its ideal image is: one table, in place of branches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from atlasplane.anatomy.phantom import BONES
from atlasplane.pathways.alignment.base import BASE, BaseLines, base_contradictions
from atlasplane.pathways.alignment.checks import LATERAL_CHECKS, NASIUM_CHECKS, VERTEX_CHECKS
from atlasplane.pathways.alignment.coronal import (
    AP_CERVICAL,
    AP_FULL,
    CoronalLines,
    coronal_contradictions,
)
from atlasplane.pathways.alignment.lateral import (
    LATERAL,
    LATERAL_FULL,
    LateralLines,
    lateral_contradictions,
)
from atlasplane.pathways.alignment.marks import Classification, Construction, Marks
from atlasplane.pathways.alignment.nasium import NASIUM, NasiumLines, SkullLine, nasium_contradictions
from atlasplane.pathways.alignment.open_mouth import OPEN_MOUTH, OpenMouthLines, open_mouth_contradictions
from atlasplane.pathways.alignment.posture import (
    PHOTO_BACK,
    PHOTO_FRONT,
    PHOTO_LATERAL,
    PostureLines,
    facing_contradictions,
    profile_contradictions,
)
from atlasplane.pathways.alignment.vertex import VERTEX, VertexLines, vertex_contradictions
from atlasplane.sources.film import View

SKULL_LIMITS = frozenset({"SQ_R", "SQ_L", "TURN_R", "TURN_L"})
"""Marks that bound the skull line without being a quantity's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdealImage:
    """The image on which the patient's own value would be read.

    Beam square to the image and level (base: along the skull's vertical), the atlas on the central ray, at
    the distances of the image at hand. The person stands straight; for posture quantities as they stood, but
    for what `keeps` takes back.

    Attributes
    ----------
    level_atlas : bool
        Whether the person is first pitched until the atlas plane is level: the beam then runs along the atlas
        plane (vertex: across it).
    keeps : (bool, bool, bool)
        Which of yaw, pitch and roll of the true position posture quantities keep. A profile knows the
        sagittal plane alone (pitch); from the front the person is turned square (pitch and roll).
    """

    level_atlas: bool = False
    keeps: tuple[bool, bool, bool]


_OF_ATLAS = IdealImage(level_atlas=True, keeps=(True, True, True))
_IN_PROFILE = IdealImage(keeps=(False, True, False))
_FACING = IdealImage(keeps=(False, True, True))


_NEAREST_FIRST = (frozenset({"skull", "c1"}), frozenset({"c2"}), frozenset({"trunk"}))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ViewAnalysis:
    """What is read from one view.

    Attributes
    ----------
    lines : callable
        From marks and the central skull line (None where there is none) to the view's lines, which all
        constructions of the view work on.
    constructions, checks : tuple of Construction
    contradictions : callable
        From marks to what contradicts the stored directions of the patient.
    ideal : IdealImage
    classes : tuple of Classification
    skull_line : bool
        Whether the view has a central skull line.
    one_side : bool
        Whether an image shows one side only, so that the other side's marks are not missing.
    placed_on : tuple of frozenset of str
        Bones whose marks tell where C1 lies on the image, in tiers: the first that is marked counts. What
        is further from C1 moves with the posture.
    """

    lines: Callable[[Marks, SkullLine | None], Any]
    constructions: tuple[Construction[Any], ...]
    contradictions: Callable[[Marks], list[str]]
    ideal: IdealImage
    checks: tuple[Construction[Any], ...] = ()
    classes: tuple[Classification[Any], ...] = ()
    skull_line: bool = False
    one_side: bool = False
    placed_on: tuple[frozenset[str], ...] = _NEAREST_FIRST

    @property
    def marks(self) -> frozenset[str]:
        """Every mark that some construction or the skull line asks for."""
        asked = (id_ for c in (*self.constructions, *self.checks) for id_ in c.needs)
        return frozenset(asked) | (SKULL_LIMITS if self.skull_line else frozenset())

    @property
    def table(self) -> Mapping[str, Construction[Any]]:
        """Constructions, then checks, by key."""
        return {c.key: c for c in (*self.constructions, *self.checks)}


_S_LINE_CLASS: Classification[LateralLines] = Classification(
    quantity="s_line_class",
    needs=("C1_ARCH_LM", "C1_ARCH_13", "HP_ANT", "HP_POST"),
    choices=("S0", "S", "I"),
    word=LateralLines.s_class,
)

VIEWS: Mapping[View, ViewAnalysis] = {
    View.LATERAL: ViewAnalysis(
        lines=lambda marks, _: LateralLines(marks),
        constructions=LATERAL,
        checks=LATERAL_CHECKS,
        classes=(_S_LINE_CLASS,),
        contradictions=lateral_contradictions,
        ideal=_IN_PROFILE,
    ),
    View.NASIUM: ViewAnalysis(
        lines=NasiumLines,
        constructions=NASIUM,
        checks=NASIUM_CHECKS,
        contradictions=nasium_contradictions,
        ideal=_OF_ATLAS,
        skull_line=True,
        placed_on=(frozenset(BONES),),
    ),
    View.VERTEX: ViewAnalysis(
        lines=lambda marks, _: VertexLines(marks),
        constructions=VERTEX,
        checks=VERTEX_CHECKS,
        contradictions=vertex_contradictions,
        ideal=_OF_ATLAS,
    ),
    View.BASE_POSTERIOR: ViewAnalysis(
        lines=lambda marks, _: BaseLines(marks),
        constructions=BASE,
        contradictions=base_contradictions,
        ideal=_FACING,
    ),
    View.APOM: ViewAnalysis(
        lines=lambda marks, _: OpenMouthLines(marks),
        constructions=OPEN_MOUTH,
        contradictions=open_mouth_contradictions,
        ideal=_FACING,
    ),
    View.AP_CERVICAL: ViewAnalysis(
        lines=lambda marks, _: CoronalLines(marks),
        constructions=AP_CERVICAL,
        contradictions=coronal_contradictions,
        ideal=_FACING,
    ),
    View.LATERAL_FULL: ViewAnalysis(
        lines=lambda marks, _: LateralLines(marks),
        constructions=LATERAL_FULL,
        contradictions=lateral_contradictions,
        ideal=_IN_PROFILE,
    ),
    View.AP_FULL: ViewAnalysis(
        lines=lambda marks, _: CoronalLines(marks),
        constructions=AP_FULL,
        contradictions=coronal_contradictions,
        ideal=_FACING,
    ),
    View.PHOTO_LATERAL: ViewAnalysis(
        lines=lambda marks, _: PostureLines(marks),
        constructions=PHOTO_LATERAL,
        contradictions=profile_contradictions,
        ideal=_IN_PROFILE,
        one_side=True,
    ),
    View.PHOTO_FRONT: ViewAnalysis(
        lines=lambda marks, _: PostureLines(marks),
        constructions=PHOTO_FRONT,
        contradictions=facing_contradictions,
        ideal=_FACING,
    ),
    View.PHOTO_BACK: ViewAnalysis(
        lines=lambda marks, _: PostureLines(marks),
        constructions=PHOTO_BACK,
        contradictions=facing_contradictions,
        ideal=_FACING,
    ),
}
"""Blair's oblique views are missing: the sources give no measure for them."""
