"""The section on the bones in space: pictures, the viewer, and the angles by every way that gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase, MeasuredVisit
from atlasplane.report.bones_numbers import angle_text, change_table, visit_table, ways
from atlasplane.report.bones_picture import scene_pictures
from atlasplane.report.bones_plot import angle_plot
from atlasplane.report.bones_scene import ANGLES, BoneScene, bone_scenes
from atlasplane.report.bones_svg import scene_svg, scene_title
from atlasplane.report.bones_view import BonesSheet, BonesView
from atlasplane.report.bones_viewer import viewer_json

TITLE = "The bones in space"
NOTE = (
    "Amber is C1, blue C2; the skull is cut open. Dashed is the axis of the skull, solid that of C1; the fan "
    "at its ends is the 95 % interval of the angle. Angles are drawn as large as they are. Where a direction "
    "cannot be told from 0, the bone may as well stand the other way."
)
_BONE_NAMES: Mapping[str, str] = {"skull": "the skull", "c1": "C1", "c2": "C2"}
_STAMP = "SIMULATED"


def bones_view(
    measured: MeasuredCase, visits: Sequence[MeasuredVisit], comparison: Comparison | None
) -> BonesView | None:
    """The section, or None where no visit shown has C1 placed in the skull.

    Parameters
    ----------
    measured : MeasuredCase
        Its volumes may have the patient's own bones.
    visits : sequence of MeasuredVisit
        Those that the report shows.
    comparison : Comparison, optional
    """
    scenes = bone_scenes(visits, measured.case.volumes)
    if not scenes:
        return None
    centre = scenes[0].places["c1"].translation_mm
    simulated = measured.case.simulated
    shown = ways(visits)
    change = None if comparison is None else change_table(comparison, shown)
    pictures = scene_pictures(scenes, centre)
    return BonesView(
        title=TITLE,
        note=NOTE,
        shape_note=_shape_note(scenes, simulated=simulated),
        sheets=tuple(
            BonesSheet(
                title=scene.name,
                svg=scene_svg(scene, own, centre, _STAMP if simulated else ""),
                alt=_alt(scene),
                caption=_whose(scene, simulated=simulated),
            )
            for scene, own in zip(scenes, pictures, strict=True)
        ),
        tables=(*(visit_table(visit, shown) for visit in visits), *([change] if change else [])),
        plot_svg=angle_plot(visits, shown),
        plot_alt=(
            "Laterality, rotation and flexion of C1 in the skull as points with their 95 % intervals, by "
            "visit and by the way they were measured. The tables give the same numbers."
        ),
        viewer=viewer_json(scenes, centre),
    )


def _alt(scene: BoneScene) -> str:
    angles = "; ".join(f"{kind.id} {angle_text(kind, scene.angle(kind))}" for kind in ANGLES)
    return f"{scene_title(scene)}, from the front, from above, from the right side and obliquely: {angles}."


def _whose(scene: BoneScene, *, simulated: bool) -> str:
    """Whose bones these are, and that they are simulated."""
    own = [_BONE_NAMES[bone] for bone in scene.own_bones]
    other = [_BONE_NAMES[bone] for bone in scene.places if bone not in scene.own_bones]
    said = []
    if own:
        said.append(f"{_listed(own)}: the patient's own, from the CT")
    if other:
        said.append(f"{_listed(other)}: a template shape, not the patient's bones")
    if "c2" not in scene.places:
        said.append("C2 is not placed by what was measured, and not drawn")
    return f"{'Simulated. ' if simulated else ''}{_capital('; '.join(said))}."


def _shape_note(scenes: Sequence[BoneScene], *, simulated: bool) -> str:
    said = dict.fromkeys(_whose(scene, simulated=simulated) for scene in scenes)
    return " ".join(said)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
