"""Bones in a real browser: proposed, looked at, seeds moved, run again, accepted; by pointer and by keys."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from atlasplane.cli import run
from atlasplane.io.case_folder import read_case
from atlasplane.io.mask_file import read_mask
from atlasplane.io.volume_grid import Grid
from atlasplane.web.bone_jobs import BoneJobs
from atlasplane.web.desks import case_desk
from tests.bone_cases import BALLS, bone_case
from tests.mark_page.hand import REPOSITORY, mark_of, screen_of
from tests.web_client import Client, serving

pytestmark = pytest.mark.slow
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
WORKER = (sys.executable, "-m", "tests.bone_cases")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return bone_case(tmp_path / "case")


@pytest.fixture
def server(root: Path) -> Iterator[Client]:
    """The page's server; balls stand for bones."""
    with serving(case_desk(root), observer="KR", jobs=BoneJobs(WORKER)) as client:
        yield client


def open_scan(page: Page, server: Client) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/?token={server.token}")
    page.get_by_role("button", name="Scan").click()
    page.wait_for_selector("[data-pane=axial] .film")
    page.wait_for_selector(".bone")


def button(page: Page, name: str) -> Any:
    return page.locator(f'[data-button="{name}"]')


def proposed(page: Page) -> None:
    """Wait for a proposal and its outlines."""
    expect(button(page, "accept")).to_be_visible(timeout=60_000)
    page.wait_for_selector("[data-pane=coronal] .bone-outlines .bone-c1", state="attached")


def outlined(page: Page, pane: str) -> list[str]:
    """Bones that have an outline on a slice."""
    found = page.locator(f"[data-pane={pane}] .bone-outlines path:not(.halo)")
    return sorted(str(each.get_attribute("class")) for each in found.all())


def seeds_on_disk(root: Path) -> dict[str, list[list[float]]]:
    for _ in range(100):
        if (root / "ct" / "head.seeds.json").is_file():
            seeds: dict[str, list[list[float]]] = json.loads(
                (root / "ct" / "head.seeds.json").read_text("utf-8")
            )["seeds"]
            return seeds
        time.sleep(0.05)
    raise AssertionError("no seeds were saved")


def violations(page: Page) -> list[str]:
    if not AXE.is_file():
        pytest.fail("axe-core is missing: run 'npm ci'", pytrace=False)
    page.add_script_tag(path=AXE)
    found = page.evaluate("() => window.axe.run(document, {resultTypes: ['violations']})")
    return [f"{rule['id']}: {node['target']}" for rule in found["violations"] for node in rule["nodes"]]


def test_from_nothing_to_accepted_masks(page: Page, server: Client, root: Path) -> None:
    """Five presses and a drag: find, look, move a seed, run again, accept."""
    open_scan(page, server)
    expect(page.get_by_test_id("bones-state")).to_contain_text("No masks yet")
    button(page, "find").click()
    expect(page.locator(".job")).to_be_visible()
    proposed(page)
    assert outlined(page, "coronal") == ["bone-c1", "bone-c2", "bone-skull"]
    assert outlined(page, "axial") == ["bone-c1"]
    assert read_case(root).volumes[0].masks == {}
    button(page, "seed:c1:0").click()
    seed = mark_of(page, "seed:c1:0").first
    expect(seed).to_have_attribute(
        "aria-label", "Seed 1 of Atlas C1, at left 2.0 posterior 0.0 superior 0.0 mm"
    )
    drag_seed(page, (3.0, 2.0))
    assert seeds_on_disk(root)["c1"] == [[pytest.approx(5.0, abs=0.3), pytest.approx(2.0, abs=0.3), 0.0]]
    button(page, "again").click()
    expect(page.locator(".job")).to_be_visible()
    proposed(page)
    button(page, "accept").click()
    expect(page.get_by_test_id("bones-state")).to_contain_text("Accepted by KR")
    volume = read_case(root).volumes[0]
    assert set(volume.masks) == set(volume.meshes) == set(BALLS)
    record = json.loads(next(root.rglob("segmentation.json")).read_text("utf-8"))
    assert record["accepted_by"] == "KR" and record["seeds"]["c1"][0][0] == pytest.approx(5.0, abs=0.3)
    button(page, "withdraw").click()
    expect(button(page, "accept")).to_be_visible()
    assert read_case(root).volumes[0].masks == {}


def drag_seed(page: Page, by_mm: tuple[float, float]) -> None:
    """Drag the seed of C1 on the axial slice, millimetres to the left and to the back."""
    page.locator("[data-pane=axial] .film").focus()
    at = page.evaluate("() => window.atlasplane.frameOf([2, 0, 0])")
    to = page.evaluate("([x, y]) => window.atlasplane.frameOf([x, y, 0])", [2 + by_mm[0], by_mm[1]])
    x, y = screen_of(page, at)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 1, y + 1)
    page.mouse.move(*screen_of(page, to))
    page.mouse.up()
    expect(button(page, "again")).to_have_class("small main")


def test_everything_by_keys(page: Page, server: Client, root: Path) -> None:
    open_scan(page, server)
    button(page, "add:c1").focus()
    page.keyboard.press("Enter")
    expect(button(page, "add:c1")).to_have_attribute("aria-pressed", "true")
    for key in ("Enter", "ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(button(page, "seed:c1:0")).to_be_visible()
    first = seeds_on_disk(root)["c1"][0]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Delete")
    expect(button(page, "seed:c1:0")).to_have_count(0)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(button(page, "seed:c1:0")).to_be_visible()
    for _ in range(40):
        if seeds_on_disk(root).get("c1") == [first]:
            break
        time.sleep(0.05)
    assert seeds_on_disk(root)["c1"] == [first]
    button(page, "fresh").focus()
    page.keyboard.press("Enter")
    proposed(page)
    button(page, "seed:c2:0").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-pane=axial] .pane-head")).to_contain_text("superior -30.0")
    button(page, "accept").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("bones-state")).to_contain_text("Accepted by KR")


def test_what_the_shape_check_objects_to_is_asked_about(page: Page, server: Client, root: Path) -> None:
    open_scan(page, server)
    button(page, "find").click()
    proposed(page)
    button(page, "seed:c1:0").click()
    page.locator("[data-pane=axial] .film").focus()
    for _ in range(2):
        page.keyboard.press("Alt+ArrowRight")
    button(page, "again").click()
    expect(page.locator(".bones .findings")).to_contain_text("does not lie in bone", timeout=60_000)
    button(page, "accept").click()
    expect(page.get_by_role("dialog")).to_contain_text("The shape check objects")
    page.get_by_role("button", name="Do not accept").click()
    assert read_case(root).volumes[0].masks == {}
    button(page, "reject").click()
    page.get_by_role("button", name="Reject it").click()
    expect(page.get_by_test_id("bones-state")).to_contain_text("No masks yet")
    assert not list(root.rglob("segmentation.json"))
    assert seeds_on_disk(root)["c1"], "seeds that were set by hand are kept"


def test_a_page_that_is_closed_loses_nothing(browser: Browser, server: Client, root: Path) -> None:
    first = browser.new_page()
    open_scan(first, server)
    button(first, "find").click()
    first.wait_for_selector(".job:not([hidden])")
    first.close()
    second = browser.new_page()
    open_scan(second, server)
    proposed(second)
    assert list(root.rglob("segmentation.json"))
    second.close()


@pytest.mark.parametrize("width", [1280, 640])
def test_the_panel_breaks_no_rule_of_accessibility(browser: Browser, server: Client, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, bypass_csp=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    open_scan(page, server)
    assert violations(page) == []
    button(page, "find").click()
    proposed(page)
    button(page, "seed:c1:0").click()
    assert violations(page) == []
    button(page, "reject").click()
    assert violations(page) == []
    context.close()


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated patient with a cone-beam scan of the phantom; its true masks lie beside it, unnamed."""
    root = tmp_path_factory.mktemp("scan") / "case"
    assert run(["simulate", str(root), "--scan", "cbct", "--views", "nasium", "--seed", "3"]) == 0
    text = (root / "case.toml").read_text("utf-8")
    kept = [line for line in text.splitlines(keepends=True) if not line.startswith("masks = ")]
    (root / "case.toml").write_text("".join(kept), "utf-8")
    return root


def test_our_own_segmentation_of_a_simulated_scan(browser: Browser, scanned: Path) -> None:
    """Three presses. With ATLASPLANE_SCREENSHOTS=FOLDER the picture of the guide is made anew."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    with serving(case_desk(scanned), observer="KR") as client:
        open_scan(page, client)
        button(page, "find").click()
        expect(button(page, "accept")).to_be_visible(timeout=300_000)
        button(page, "seed:c2:0").click()
        page.wait_for_selector("[data-pane=axial] .bone-outlines .bone-c2", state="attached")
        page.wait_for_timeout(800)  # the loupe and the last slice
        folder = os.environ.get("ATLASPLANE_SCREENSHOTS")
        if folder is not None:
            page.screenshot(path=Path(folder) / "mark-bones.png")
        button(page, "accept").click()
        expect(page.get_by_test_id("bones-state")).to_contain_text("Accepted by KR")
    (volume,) = read_case(scanned).volumes
    grid = Grid(file=volume.file, shape=volume.shape, affine_lps=volume.affine_lps)
    for bone in ("c1", "c2"):
        true = read_mask(scanned / "ct" / f"{bone}.nii.gz", name=bone, grid=grid)
        mask = volume.load_mask(bone)
        # Half a voxel of 1 mm all round a bone of 13 ml and some 70 cm2 is a quarter of it.
        assert 2 * (true & mask).sum() / (true.sum() + mask.sum()) > 0.85
    page.context.close()
