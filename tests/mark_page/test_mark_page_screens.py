"""Every screen against the rules of accessibility, at several sizes, and the scan in four slices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.mark_page.hand import (
    REPOSITORY,
    Starter,
    add_volume,
    mark_of,
    open_film,
    press_at,
    saved,
)

pytestmark = pytest.mark.slow
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
SIZES = ({"width": 1280, "height": 800}, {"width": 1920, "height": 1080}, {"width": 640, "height": 400})
"""The last is 1280 x 800 at 200 per cent."""


def violations(page: Page) -> list[str]:
    """What axe-core objects to, one line each."""
    if not AXE.is_file():
        pytest.fail("axe-core is missing: run 'npm ci'", pytrace=False)
    page.add_script_tag(path=AXE)
    found: dict[str, Any] = page.evaluate("() => window.axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['target']} {node.get('failureSummary', '')}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s['width']}x{s['height']}")
def test_no_screen_breaks_a_rule_of_accessibility(
    browser: Browser, serve: Starter, case: Path, size: dict[str, int]
) -> None:
    context = browser.new_context(viewport=size, bypass_csp=True, reduced_motion="reduce")
    page = context.new_page()
    open_film(page, serve(case, "--observer", "SIM"), "Nasium")
    page.wait_for_selector("tr[data-key='atlas_laterality']")
    assert violations(page) == []
    for open_it, name in (
        (lambda: page.get_by_role("button", name="Keys").click(), "Keys and pointer"),
        (lambda: page.get_by_role("button", name="About").click(), "About"),
        (lambda: page.locator(".reader").click(), "Readings of this film"),
        (lambda: page.get_by_role("button", name="Change sides").click(), "Where on this picture"),
    ):
        open_it()
        page.get_by_role("dialog", name=name).wait_for()
        assert violations(page) == [], name
        page.keyboard.press("Escape")
        page.get_by_role("dialog", name=name).wait_for(state="detached")
    wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    context.close()


def test_the_disclaimer_and_the_word_simulated_can_be_reached(page: Page, serve: Starter, case: Path) -> None:
    open_film(page, serve(case, "--observer", "SIM"))
    page.get_by_role("button", name="About").click()
    expect(page.get_by_role("dialog")).to_contain_text("not been cleared or approved as a medical device")
    expect(page.get_by_role("dialog")).to_contain_text("SIMULATED")


def test_every_button_of_the_film_can_be_reached_by_the_keyboard(
    page: Page, serve: Starter, case: Path
) -> None:
    open_film(page, serve(case, "--observer", "SIM"), "Nasium")
    first = page.locator("#toolbar button").first
    first.focus()
    names = []
    for _ in range(page.locator("#toolbar button").count()):
        names.append(page.evaluate("() => document.activeElement.getAttribute('data-command')"))
        page.keyboard.press("ArrowRight")
    assert len(set(names)) == len(names) > 12
    assert page.evaluate("() => document.activeElement.getAttribute('data-command')") == names[0]
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.getAttribute('role')") == "application"


def test_a_scan_in_three_slices_and_an_oblique_one(page: Page, serve: Starter, case: Path) -> None:
    """The ball's middle is LPS (5, -10, 20) mm; it is placed on two slices and read back in millimetres."""
    add_volume(case)
    open_film(page, serve(case, "--observer", "KR"))
    page.get_by_role("button", name="Scan").click()
    page.wait_for_selector(".pane")
    expect(page.locator(".pane")).to_have_count(4)
    letters = page.locator("[data-pane=axial] .badge").all_inner_texts()
    assert sorted(letters) == ["A", "L", "P", "R"]
    pane = page.locator("[data-pane=axial] .film")
    pane.focus()
    for _ in range(20):
        page.keyboard.press("PageDown")
    expect(page.locator("[data-pane=axial] .pane-head")).to_contain_text("superior 19.5", timeout=15_000)
    press_at(page, page.evaluate("() => window.atlasplane.frameOf([5, -10, 20])"), drag=(0, 0))
    saved(page)
    points = reading_of_volume(case)["points"]
    assert next(iter(points.values()))["at"] == pytest.approx([5.0, -10.0, 20.0], abs=0.6)
    step = next(iter(points))
    label = mark_of(page, f"point:{step}").first.get_attribute("aria-label") or ""
    assert "superior" in label
    slider = page.get_by_label("Tilt forward or back")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("5")
    page.keyboard.press("Control+z")
    expect(mark_of(page, f"point:{step}")).to_have_count(0)


def reading_of_volume(case: Path) -> dict[str, Any]:
    found = next(case.glob("head*.landmarks.json"))
    reading: dict[str, Any] = json.loads(found.read_text("utf-8"))["readings"][-1]
    return reading


def test_without_a_film_the_page_says_what_to_do(page: Page, serve: Starter, case: Path) -> None:
    for path in case.glob("2*"):
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    page.goto(serve(case, "--observer", "KR").url)
    expect(page.get_by_role("alert")).to_contain_text("atlasplane add")
