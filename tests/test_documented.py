"""What is public is documented, and the reference pages show every landmark and quantity with a drawing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import atlasplane
from atlasplane.anatomy.landmarks import landmarks
from atlasplane.anatomy.schematic_film import is_drawn, schematic_film
from atlasplane.core.quantity import quantities
from docs._ext.catalogue import draw
from docs._ext.catalogue.draw_nasium import central_skull_line
from docs._ext.catalogue.pages import drawings, has_picture, landmarks_text, phantom_text, quantities_text
from docs._ext.catalogue.pictures import by_entry, drawn_views

PACKAGE = Path(atlasplane.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
DOCS = Path(__file__).resolve().parents[1] / "docs"

PICTURE = re.compile(r"^```\{catalogue-picture\} (\S+)$", re.MULTILINE)

CODE = re.compile(r"(?!atlasplane\.|check\.)[a-z][a-z_]*\.[a-z][a-z_]*")
"""A code of a finding; not a part of the package, nor the name of a number that the film checks read."""
FILE_ENDINGS = {"csv", "dcm", "edf", "gz", "html", "json", "npz", "pdf", "png", "svg", "toml", "typ"}

Named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public_names(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Named]]:
    """Public classes, functions and methods with their dotted names; a setter is documented by its getter."""
    for node in body:
        if not isinstance(node, Named) or node.name.startswith("_"):
            continue
        if any(isinstance(mark, ast.Attribute) and mark.attr == "setter" for mark in node.decorator_list):
            continue
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from public_names(node.body, f"{prefix}{node.name}.")


def undocumented(source: str) -> list[str]:
    """Public names without a docstring; a module counts as the name ''."""
    tree = ast.parse(source)
    missing = [] if ast.get_docstring(tree) else [""]
    return missing + [name for name, node in public_names(tree.body) if not ast.get_docstring(node)]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_docstring(module: str) -> None:
    assert undocumented((PACKAGE / module).read_text(encoding="utf-8")) == []


def test_the_search_for_docstrings_finds_what_lacks_one() -> None:
    source = 'class A:\n    "A."\n    def b(self): ...\n    def _c(self): ...\ndef d(): ...\n'
    assert undocumented(source) == ["", "A.b", "d"]


@pytest.fixture(scope="module")
def landmark_page() -> str:
    return landmarks_text(lambda name: f"/{name}.svg")


@pytest.fixture(scope="module")
def quantity_page() -> str:
    return quantities_text(lambda name: f"/{name}.svg")


@pytest.mark.parametrize("id_", by_entry())
def test_every_landmark_is_on_its_page_with_its_drawings(id_: str, landmark_page: str) -> None:
    entry = by_entry()[id_]
    assert f"### {id_}: {entry.name}\n" in landmark_page
    for view in drawn_views(entry):
        assert f"/landmark-{id_}-{view}.svg" in landmark_page
        assert f"landmark-{id_}-{view}" in drawings()


@pytest.mark.parametrize("id_", landmarks())
def test_every_landmark_has_a_place_on_the_drawings_of_its_films(id_: str) -> None:
    assert is_drawn(id_)
    for view in drawn_views(landmarks()[id_]):
        at = schematic_film(view).landmark(id_)
        assert at.shape[-1] == 2
        assert np.all(np.isfinite(at))


@pytest.mark.parametrize("id_", quantities())
def test_every_quantity_is_on_its_page(id_: str, quantity_page: str) -> None:
    assert f"(`{id_}`)\n" in quantity_page


@pytest.mark.parametrize("id_", [id_ for id_, entry in quantities().items() if entry.view or entry.landmarks])
def test_every_quantity_of_a_film_has_a_drawing(id_: str, quantity_page: str) -> None:
    assert has_picture(quantities()[id_])
    assert f"/quantity-{id_}.svg" in quantity_page
    assert f"quantity-{id_}" in drawings()


def test_right_is_on_the_left_of_coronal_and_vertex_drawings() -> None:
    for view, pair in (("nasium", "PL"), ("vertex", "TF")):
        sheet = schematic_film(view)
        assert sheet.landmark(f"{pair}_R")[0] < 0 < sheet.landmark(f"{pair}_L")[0]


def test_the_drawn_skull_line_leans_as_the_head_does() -> None:
    direction = central_skull_line(schematic_film("nasium", head=(0.0, 0.0, 6.0)))[1]
    lean = np.degrees(np.arctan2(-direction[0], direction[1]))
    # Under an angled beam the sloping silhouette of a rolled head hides about an eighth of the roll.
    assert lean == pytest.approx(6.0, abs=1.2)


SAMPLE = (
    "overview-nasium-junction",
    "landmark-PL-nasium",
    "landmark-SKULL-nasium",
    "landmark-TF-vertex",
    "landmark-C5_PI-lateral",
    "quantity-atlas_laterality",
    "landmark-COBB_U-ap-full",
    "landmark-EYE-photo-front",
    "quantity-clivoaxial_angle",
    "quantity-pelvic_incidence",
    "quantity-correction_height",
    "kappa",
)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_drawing_is_a_small_picture_file_and_always_the_same(name: str, tmp_path: Path) -> None:
    first, second = (draw(tmp_path / folder, [name])[0].read_bytes() for folder in ("a", "b"))
    assert first.startswith(b"<?xml")
    assert first == second
    assert len(first) < 250_000


def test_the_phantom_page_holds_every_point() -> None:
    text = phantom_text(lambda name: name)
    assert {"`PL_R`", "`DENS_TIP`", "`rho`", "`half_width`"} <= set(re.findall(r"`[^`]+`", text))


def test_the_guide_names_every_evidence_tag() -> None:
    text = (DOCS / "guide" / "evidence.md").read_text(encoding="utf-8")
    for tag in ("published", "reproduced", "derived", "proposed", "unverified"):
        assert f"`{tag}`" in text


def finding_codes(source: str) -> set[str]:
    """Codes that a module names; one that only looks a limit up, as in ``limits()["x.y"]``, is no finding."""
    tree = ast.parse(source)
    looked_up = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        for part in ast.walk(node.slice)
    }
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in looked_up
    }
    return {text for text in texts if CODE.fullmatch(text) and text.rpartition(".")[2] not in FILE_ENDINGS}


def test_the_search_for_codes_finds_them_and_nothing_else() -> None:
    source = 'f("film.yaw", "a.toml", "check.roll")\nlimits["film.x"]\nfiles("atlasplane.io")\nc = "A b.c"\n'
    assert finding_codes(source) == {"film.yaw"}


def test_the_guide_describes_every_finding() -> None:
    codes = {
        code for module in MODULES for code in finding_codes((PACKAGE / module).read_text(encoding="utf-8"))
    }
    assert {"pose.joint_moved", "bones.proposal", "volume.no_visit", "film.yaw", "mask.order"} <= codes
    rows = [
        line.split("|")[1]
        for page in (DOCS / "guide").glob("*.md")
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    described = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", " ".join(rows)))
    assert codes - described == set()


def test_every_drawing_that_a_page_asks_for_exists() -> None:
    asked = [
        name for page in DOCS.rglob("*.md") for name in PICTURE.findall(page.read_text(encoding="utf-8"))
    ]
    assert asked
    assert set(asked) <= set(drawings())
