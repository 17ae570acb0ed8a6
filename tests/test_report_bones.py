"""The bones in space: drawn where they were measured, and the numbers beside them are the observations'."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.anatomy.template_bones import template_mesh
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.observation import Measurement, Pose
from atlasplane.core.quantity import quantity
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.report.assemble import report_view
from atlasplane.report.bones_fans import angle_fans, arm_end
from atlasplane.report.bones_numbers import (
    CANNOT_BE_TOLD,
    LINES,
    TOGETHER,
    angle_texts,
    change_table,
    visit_table,
    ways,
)
from atlasplane.report.bones_picture import scene_pictures
from atlasplane.report.bones_render import Cut, Sight, layer, vertex_normals
from atlasplane.report.bones_scene import ANGLES, bone_scenes
from atlasplane.report.bones_section import bones_view
from atlasplane.report.bones_shapes import bone_shapes, thinned
from atlasplane.report.bones_sights import DIRECTIONS
from atlasplane.report.bones_view import BonesView
from atlasplane.report.html import html_report
from atlasplane.report.numbers import NOTHING
from atlasplane.report.pdf import pdf_report
from atlasplane.report.quantity_rows import quantity_row
from tests.bones_cases import (
    COV6,
    U_DEG,
    comparison_of,
    flat_pair,
    placed,
    placed_pair,
    scanned_bones,
)
from tests.mark_page.hand import launched
from tests.test_report_case import PRE_TIME
from tests.test_report_pdf import pdf_text

KINDS = {kind.id: kind for kind in ANGLES}
BOX = TriangleMesh(
    np.array([[x, y, z] for x in (-4.0, 4.0) for y in (-6.0, 6.0) for z in (-10.0, 10.0)]),
    np.array(
        [
            *([0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5]),
            *([0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6]),
            *([0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]),
        ]
    ),
)
"""A box of 8 x 12 x 20 mm about the origin."""


def sight(id_: str) -> Sight:
    """A direction with half a millimetre to the pixel, 60 rows, 80 columns."""
    direction = next(d for d in DIRECTIONS if d.id == id_)
    return Sight(direction.axes, np.zeros(3), 0.5, (60, 80))


@cache
def placed_view() -> BonesView:
    measured = placed_pair()
    view = bones_view(measured, measured.visits, comparison_of(measured))
    assert view is not None
    return view


@cache
def placed_page() -> str:
    measured = placed_pair()
    return html_report(report_view(measured, comparison_of(measured)))


# ---- pictures ----


@pytest.mark.parametrize(
    ("direction", "wide_mm", "high_mm", "near_mm"),
    [("front", 20.0, 12.0, 4.0), ("above", 20.0, 8.0, 6.0), ("right", 8.0, 12.0, 10.0)],
)
def test_a_box_covers_its_own_rectangle(
    direction: str, wide_mm: float, high_mm: float, near_mm: float
) -> None:
    assert pytest.approx(8 * 12 * 20) == BOX.volume_mm3
    seen = layer(BOX, sight(direction))
    # The edges lie on borders of pixels: every pixel in between is covered, no other is.
    assert np.isfinite(seen.depth).sum() == wide_mm * high_mm / 0.25
    np.testing.assert_allclose(seen.depth[30, 40], near_mm, atol=1e-5)


def test_a_cut_shows_the_inside_of_what_is_left() -> None:
    seen = layer(BOX, sight("front"), [Cut((1.0, 0.0, 0.0), 1.0)])
    np.testing.assert_allclose(seen.depth[30, 40], -4.0, atol=1e-5)
    assert seen.inside[30, 40]
    assert not np.any(np.isfinite(layer(BOX, sight("front"), [Cut((1.0, 0.0, 0.0), -5.0)]).depth))


def test_the_nearer_of_two_surfaces_is_seen() -> None:
    far = TriangleMesh(BOX.vertices_mm - [30.0, 0, 0], BOX.faces)
    both = TriangleMesh(
        np.concatenate([BOX.vertices_mm, far.vertices_mm]), np.concatenate([BOX.faces, far.faces + 8])
    )
    np.testing.assert_array_equal(layer(both, sight("front")).depth, layer(BOX, sight("front")).depth)


def test_normals_of_a_box_point_outwards() -> None:
    assert np.all(np.sum(vertex_normals(BOX) * np.sign(BOX.vertices_mm), axis=1) > 0.5)


@pytest.mark.parametrize(
    ("direction", "point", "way"),
    [
        ("front", (0, 0, 10), (-1, 0)),  # the patient's right is on the picture's left
        ("front", (0, 10, 0), (0, -1)),
        ("above", (0, 0, 10), (1, 0)),
        ("above", (10, 0, 0), (0, -1)),  # anterior is up
        ("right", (10, 0, 0), (1, 0)),
        ("right", (0, 10, 0), (0, -1)),
    ],
)
def test_right_up_and_front_lie_where_the_words_say(
    direction: str, point: tuple[float, float, float], way: tuple[float, float]
) -> None:
    column, row, _ = sight(direction).picture(np.array(point, dtype=float))
    np.testing.assert_allclose([column - 40, row - 30], np.multiply(way, 20), atol=1e-9)


def test_the_words_at_the_borders_are_those_sides() -> None:
    ends = {d.id: dict(d.ends) for d in DIRECTIONS}
    assert ends["front"] == {"left": "R", "right": "L"}
    assert ends["above"] == {"left": "L", "right": "R", "top": "anterior"}
    assert ends["right"] == {"left": "posterior", "right": "anterior"}


def test_pictures_are_the_same_on_a_second_run_and_move_with_the_bone() -> None:
    measured = placed_pair()
    scenes = bone_scenes(measured.visits, ())
    centre = scenes[0].places["c1"].translation_mm
    first, other = scene_pictures(scenes[:2], centre)
    assert first == scene_pictures(scenes[:1], centre)[0]
    assert set(first) == {d.id for d in DIRECTIONS}
    assert all(first[id_] != other[id_] for id_ in first)


# ---- bones ----


def test_films_of_all_visits_come_before_volumes() -> None:
    measured = placed_pair()
    assert [(s.visit.visit.id, s.pose.condition) for s in bone_scenes(measured.visits, ())] == [
        ("v1", None),
        ("v2", None),
        ("v1", "ct"),
    ]


def test_template_bones_stand_in_their_own_frames() -> None:
    # In the mean phantom the axes of a bone's frame are those of its anatomical frame but for the dens'
    # lean, and the origins are the same points.
    shapes = bone_shapes({}, ())
    assert {bone: shape.source for bone, shape in shapes.items()} == {"skull": "", "c1": "", "c2": ""}
    for bone in ("skull", "c1"):
        np.testing.assert_allclose(
            shapes[bone].mesh.vertices_mm, template_mesh(bone).vertices_mm, atol=1e-9, err_msg=bone
        )
    base = mean_phantom().points_mm["OD_BASE"][1]
    np.testing.assert_allclose(
        np.linalg.norm(shapes["c2"].mesh.vertices_mm, axis=1),
        np.linalg.norm(template_mesh("c2").vertices_mm - base, axis=1),
        atol=1e-9,
    )


def test_the_patient_s_own_bones_take_the_template_s_place() -> None:
    """The CT is the phantom turned in the scanner: its meshes come back into the frames of the bones."""
    own = bone_shapes({}, [scanned_bones("skull", "c1")])
    generic = bone_shapes({}, ())
    assert {bone: shape.source for bone, shape in own.items()} == {
        "skull": "ct/skull.stl",
        "c1": "ct/c1.stl",
        "c2": "",
    }
    for bone in own:
        np.testing.assert_allclose(
            own[bone].mesh.vertices_mm, generic[bone].mesh.vertices_mm, atol=1e-6, err_msg=bone
        )


def test_a_mesh_without_the_landmarks_of_its_frame_is_not_drawn() -> None:
    volume = scanned_bones("c1")
    reading = volume.readings[0]
    points = {id_: at for id_, at in reading.points.items() if id_ != "TF_R"}
    bare = replace(volume, readings=(replace(reading, points=points),))
    assert bone_shapes({}, [bare])["c1"].source == ""
    assert bone_shapes({}, [replace(volume, meshes={})])["c1"].source == ""


def test_a_mesh_that_cannot_be_read_leaves_the_template() -> None:
    def gone(bone: str) -> TriangleMesh:
        raise scanned_error(bone)

    assert bone_shapes({}, [replace(scanned_bones("c1"), load_mesh=gone)])["c1"].source == ""


def scanned_error(bone: str) -> Exception:
    from atlasplane.core.errors import BadInput

    return BadInput(f"ct/{bone}.stl", "is gone", "Put it back.")


def test_a_large_mesh_is_thinned_near_its_surface() -> None:
    mesh = template_mesh("c1")
    thin = thinned(mesh, 1500)
    assert 500 < len(thin.faces) <= 1500
    assert thin.volume_mm3 == pytest.approx(mesh.volume_mm3, rel=0.1)
    assert np.all(thin.vertices_mm.min(axis=0) >= mesh.vertices_mm.min(axis=0))
    assert np.all(thin.vertices_mm.max(axis=0) <= mesh.vertices_mm.max(axis=0))


def test_the_section_says_whose_bones_are_drawn() -> None:
    assert "Simulated" in placed_view().shape_note
    assert "The skull, C1 and C2: a template shape, not the patient's bones" in placed_view().shape_note
    measured = placed_pair()
    measured = replace(measured, case=replace(measured.case, volumes=(scanned_bones("c1"),), simulated=False))
    own = bones_view(measured, measured.visits[1:], None)
    assert own is not None
    assert own.shape_note == (
        "C1: the patient's own, from the CT; the skull and C2: a template shape, not the patient's bones."
    )
    assert own.sheets[0].caption == own.shape_note
    assert "SIMULATED" not in own.sheets[0].svg and "SIMULATED" in placed_view().sheets[0].svg


def test_without_c2_the_section_says_so() -> None:
    measured = placed_pair()
    visit = measured.visits[1]
    joint = visit.joint
    kept = tuple(o for o in joint.observations if o.quantity.id != "c2_in_skull")
    bare = replace(visit, alignment=replace(visit.alignment, joint=replace(joint, observations=kept)))
    view = bones_view(measured, [bare], None)
    assert view is not None
    assert "C2 is not placed by what was measured, and not drawn" in view.sheets[0].caption


# ---- angles and their errors ----


def test_u_of_the_angles_of_an_unturned_pose_are_those_of_its_turns() -> None:
    """At zero, Z, X' and Y'' are the axes themselves."""
    pose = Pose(
        quantity=quantity("c1_in_skull"),
        visit="v1",
        method="m/1",
        from_frame="c1-foramina",
        to_frame="skull-frankfort",
        origin="TF",
        rotation=np.eye(3),
        translation_mm=np.zeros(3),
        cov6=COV6,
    )
    wanted = (U_DEG["flexion"], U_DEG["laterality"], U_DEG["rotation"])
    assert pose.zxy_u_deg == pytest.approx(wanted, rel=1e-9)
    assert replace(pose, cov6=None).zxy_u_deg is None
    assert quantity_row(pose).u == "0.6°, 0.8°, 1.1°"
    assert quantity_row(pose).expanded == "± 1.2°, 1.6°, 2.2°"


@pytest.mark.parametrize("name", ["laterality", "rotation", "flexion"])
def test_the_line_of_each_angle_is_turned_by_it_alone(name: str) -> None:
    """Seen from its own direction the line makes the angle with the skull's, in the sense of the words."""
    kind, scene = KINDS[name], bone_scenes(placed_pair().visits, ())[0]
    direction = next(d for d in DIRECTIONS if d.angle == name)
    view = Sight(direction.axes, np.zeros(3), 1.0, (100, 100))
    value = {"laterality": 2.4, "rotation": -3.1, "flexion": -6.0}[name]

    def slope(angle_deg: float) -> float:
        start, end = (view.picture(arm_end(scene, kind, angle_deg, reach)) for reach in (-50.0, 50.0))
        return math.degrees(math.atan2(start[1] - end[1], abs(end[0] - start[0])))

    # Up in the picture: the right side up, the right side forward, the front up.
    up = {"laterality": 1, "rotation": 1, "flexion": -1}[name]
    assert slope(scene.pose.zxy_deg[kind.place]) == pytest.approx(up * value, abs=1e-9)
    assert slope(0.0) == pytest.approx(0.0, abs=1e-9)


def test_the_fan_is_as_wide_as_the_interval() -> None:
    scene = bone_scenes(placed_pair().visits, ())[0]
    for kind in ANGLES:
        for alone in (True, False):
            fans = angle_fans(scene, kind, alone=alone)
            assert len(fans) == 2
            rays = fans[1][:9] - scene.places["c1"].translation_mm
            np.testing.assert_allclose(np.linalg.norm(rays, axis=1), 62.0, atol=1e-9)
            if alone:
                cosine = rays[0] @ rays[-1] / 62.0**2
                width = math.degrees(math.acos(cosine))
                assert width == pytest.approx(2 * 1.959964 * U_DEG[kind.id], rel=1e-6)


def test_without_u_there_is_no_fan_and_it_is_said() -> None:
    visit = flat_pair().visits[0]
    scene = bone_scenes([placed(visit, dict.fromkeys(KINDS, 1.0))], ())[0]
    joint = scene.visit.joint
    bare = [replace(o, u=None) if isinstance(o, Measurement) else o for o in joint.observations]
    alignment = replace(scene.visit.alignment, joint=replace(joint, observations=tuple(bare)))
    unknown = replace(
        scene, visit=replace(scene.visit, alignment=alignment), pose=replace(scene.pose, cov6=None)
    )
    assert angle_fans(unknown, KINDS["rotation"]) == ()
    assert angle_texts(KINDS["rotation"], unknown.angle(KINDS["rotation"])) == (
        "right side forward",
        "1.00° (no published error)",
        CANNOT_BE_TOLD,
    )


@pytest.mark.parametrize(
    ("value", "way", "doubt"),
    [(2.4, "right side up", ""), (-2.4, "left side up", ""), (-0.3, "left side up", CANNOT_BE_TOLD)],
)
def test_the_direction_is_said_in_words_and_doubted_within_the_interval(
    value: float, way: str, doubt: str
) -> None:
    measured = Measurement(
        quantity=quantity("atlas_laterality_3d"), visit="v1", method="m/1", value=value, u=0.8
    )
    number = f"{abs(value):.2f}° ± 1.57°"
    assert angle_texts(KINDS["laterality"], measured) == (way, number, doubt)
    assert angle_texts(KINDS["laterality"], None) == ("not measured", "", "")


def test_lines_together_and_ct_stand_side_by_side() -> None:
    measured = placed_pair()
    shown = ways(measured.visits)
    assert [way.name for way in shown] == ["lines on the film", "films fitted together", "CT"]
    pre, post = (visit_table(visit, shown) for visit in measured.visits)
    assert [cell.value.split(" ± ")[0] for cell in pre.rows[0].cells[1:3]] == [
        "right side up 2.40°",
        "right side up 2.00°",
    ]
    line = measured.visits[0].joint.measurement("atlas_plane_sagittal")
    assert line is not None and line.value > 0  # front up, which in space is negative flexion
    assert pre.rows[2].cells[0].value.startswith("front up")
    assert pre.rows[2].cells[1].value.startswith("front up 6.00°")
    assert (post.rows[0].cells[2].value, post.rows[0].cells[2].sub) == (NOTHING, "no CT of this visit")
    assert pre.notes == ("Shape of the bones that the films were fitted with: generic template.",)


def test_the_film_s_projection_error_is_the_joint_combination() -> None:
    """Lines and films together in one covariance: printed is what the joint observations combine to."""
    visit = placed_pair().visits[0]
    joint = visit.joint
    order = (*joint.order, "atlas_laterality_3d")
    n = len(joint.order)
    cov = np.zeros((n + 1, n + 1))
    cov[:n, :n] = joint.own_cov
    cov[n, n] = U_DEG["laterality"] ** 2
    shared = {key: np.append(effect, 0.0) for key, effect in joint.shared.items()}
    joint = replace(joint, order=order, own_cov=cov, shared=shared)
    visit = replace(visit, alignment=replace(visit.alignment, joint=joint))
    value, u = joint.combine({"atlas_laterality": 1.0, "atlas_laterality_3d": -1.0})
    cell = visit_table(visit, (LINES, TOGETHER)).rows[0].cells[2]
    way = "right side up" if value > 0 else "left side up"
    assert cell.value.startswith(f"{way} {abs(value):.1f}")
    half = float(cell.value.split("± ")[1].rstrip("°"))
    assert half == pytest.approx(1.959964 * u, abs=0.051)
    assert visit_table(visit, (LINES, TOGETHER)).rows[1].cells[2].sub == "needs both"


def test_why_the_films_give_no_angle_is_said_below_the_table() -> None:
    visit = flat_pair().visits[0]
    why = Finding(code="pose.residual", severity=Severity.WARN, text="the films contradict each other")
    shape = Finding(code="pose.generic_shape", severity=Severity.INFO, text="generic")
    visit = replace(visit, alignment=replace(visit.alignment, findings=(why, shape)))
    table = visit_table(visit, (LINES, TOGETHER))
    assert table.rows[0].cells[1].sub == "not given: see below"
    assert table.notes == ("The films contradict each other",)


def test_changes_by_every_way_stand_side_by_side() -> None:
    measured = placed_pair()
    table = change_table(comparison_of(measured), ways(measured.visits))
    assert table is not None
    assert table.columns == ("Lines on the film", "Films fitted together")
    cell = table.rows[0].cells[1]
    # 0.9 - 2.4 with u = 0.8 sqrt(2) and no shared error: 1.5 against 1.96 x 1.13 = 2.2.
    assert cell.value == "1.5° towards left side up"
    assert cell.sub == "MDC95 2.2°; not distinguishable"
    flat = flat_pair()
    assert change_table(comparison_of(flat), ways(flat.visits)) is None


# ---- both faces ----


def bare(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_both_faces_have_the_same_table() -> None:
    measured = placed_pair()
    view = report_view(measured, comparison_of(measured))
    assert view.bones is not None
    page = bare(re.sub(r"<[^>]*>", "", html_report(view)))
    paper = pdf_text(pdf_report(view, dated=PRE_TIME))
    for table in view.bones.tables:
        for row in table.rows:
            line = bare(row.name + "".join(cell.value + cell.sub for cell in row.cells))
            assert line in page and bare(row.cells[1].value) in paper
    for sheet in view.bones.sheets:
        assert bare(sheet.title) in page and bare(sheet.title) in paper
        assert bare(sheet.caption.replace("'", "&#39;")) in page


def test_without_poses_there_is_no_section_and_no_script() -> None:
    measured = flat_pair()
    view = report_view(measured, comparison_of(measured))
    assert view.bones is None
    page = html_report(view)
    assert "<script" not in page and 'id="bones"' not in page
    assert "AmberisC1" not in pdf_text(pdf_report(view, dated=PRE_TIME))


def test_the_viewer_has_the_meshes_to_a_hundredth_of_a_millimetre() -> None:
    data = json.loads(placed_view().viewer)
    meshes = {mesh["bone"]: mesh for mesh in data["meshes"]}
    assert len(data["meshes"]) == 3  # the same bones in all three scenes
    for bone, shape in bone_shapes({}, ()).items():
        steps = np.frombuffer(base64.b64decode(meshes[bone]["vertices"]), dtype="<i2").reshape(-1, 3)
        np.testing.assert_allclose(data["step"] * steps, shape.mesh.vertices_mm, atol=0.0051)
        faces = np.frombuffer(base64.b64decode(meshes[bone]["faces"]), dtype="<u2").reshape(-1, 3)
        np.testing.assert_array_equal(faces, shape.mesh.faces)
    first = data["scenes"][0]["bones"][1]
    pose = next(o for o in placed_pair().visits[0].joint.observations if isinstance(o, Pose))
    np.testing.assert_allclose(np.reshape(first["rotation"], (3, 3)), pose.rotation, atol=1e-5)
    assert len(placed_view().viewer) < 700_000


def test_nothing_in_the_viewer_s_data_ends_its_element() -> None:
    measured = placed_pair()
    pre = measured.visits[0]
    named = replace(pre, visit=replace(pre.visit, id="</script><script>alert(1)//"))
    view = bones_view(measured, [named], None)
    assert view is not None
    assert "<" not in view.viewer
    assert json.loads(view.viewer)["scenes"][0]["name"].startswith("Visit </script>")
    assert "<script" not in view.sheets[0].svg and "<script" not in view.plot_svg


# ---- the viewer, in a browser ----


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from launched()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bones") / "report.html"
    path.write_text(placed_page(), encoding="utf-8")
    return path


@contextlib.contextmanager
def opened(browser: Browser, path: Path, script: str = "") -> Iterator[Page]:
    """The report in a browser; an error or a warning of the page's own fails the test."""
    faults: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    if script:
        page.add_init_script(script)
    page.goto(path.as_uri())
    yield page
    context.close()
    assert faults == []


def shot(page: Page) -> bytes:
    page.wait_for_timeout(120)
    return page.locator("#bones-viewer .stage").screenshot()


@pytest.mark.slow
def test_the_bones_turn_by_hand_by_key_and_by_button(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        page.wait_for_selector("#bones-viewer[data-ready=yes]")
        said = page.locator("#bones-said")
        assert "From the front. Visit v1, before (pre): films fitted together" in said.inner_text()
        seen = [shot(page)]
        marks = page.locator("#bones-viewer canvas.marks")
        marks.focus()
        page.keyboard.press("ArrowRight")
        seen.append(shot(page))
        assert "Turned by hand" in said.inner_text()
        page.keyboard.press("2")
        seen.append(shot(page))
        assert "From above" in said.inner_text()
        page.keyboard.press("v")
        seen.append(shot(page))
        assert "Visit v2, after (post)" in said.inner_text()
        page.locator("[data-skull=off]").click()
        seen.append(shot(page))
        assert "Skull left out" in said.inner_text()
        assert page.locator("[data-skull=off]").get_attribute("aria-pressed") == "true"
        box = marks.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y + 30, steps=4)
        page.mouse.up()
        seen.append(shot(page))
        page.locator("[data-look=front]").click()
        page.locator("[data-scene='0']").click()
        page.locator("[data-skull=cut]").click()
        assert shot(page) == seen[0]
        assert len(set(seen)) == len(seen)


@pytest.mark.slow
def test_without_webgl_the_still_pictures_stand_alone(browser: Browser, page_file: Path) -> None:
    script = "HTMLCanvasElement.prototype.getContext = () => null"
    with opened(browser, page_file, script) as page:
        assert page.locator("#bones-viewer").is_hidden()
        assert page.locator("#bones figure").first.is_visible()


@pytest.mark.slow
def test_paper_has_the_still_pictures_alone(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        page.emulate_media(media="print")
        assert page.locator("#bones-viewer").is_hidden()
        assert page.locator("#bones figure").first.is_visible()
