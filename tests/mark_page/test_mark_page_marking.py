"""Marking in a real browser: placing, nudging, outlines, undo, keys, touch, and what is then in the file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.mark_page.hand import (
    Starter,
    go_to,
    mark_of,
    open_film,
    press_at,
    reading_by,
    saved,
    screen_of,
    show_at,
)

pytestmark = pytest.mark.slow
ZOOM = 20.0


def truth(pattern: Path, view: str) -> dict[str, Any]:
    """The marks that the simulated reader set."""
    text = (pattern / "2026-03-02" / f"{view}.landmarks.json").read_text("utf-8")
    reading: dict[str, Any] = json.loads(text)["readings"][0]
    return reading


def choose(page: Page, step: str) -> None:
    page.locator(f"#step-{step}").click()


def test_all_points_of_the_nasium_by_press_drag_release(
    page: Page, serve: Starter, case: Path, pattern_case: Path
) -> None:
    """At zoom 20 a screen pixel is 0.05 of an image pixel: no mark may be farther from the truth."""
    marks = truth(pattern_case, "nasium")
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    for id_, point in marks["points"].items():
        choose(page, id_)
        show_at(page, point["at"], ZOOM)
        press_at(page, point["at"])
        mark_of(page, f"point:{id_}").wait_for()
    saved(page)
    mine = reading_by(case, "nasium", "KR")["points"]
    assert set(mine) == set(marks["points"])
    for id_, point in marks["points"].items():
        for ours, wanted in zip(mine[id_]["at"], point["at"], strict=True):
            assert abs(ours - wanted) <= 0.05, id_


def test_the_protocol_leads_on_and_the_numbers_are_those_of_the_command_line(
    page: Page, serve: Starter, case: Path, pattern_case: Path
) -> None:
    marks = truth(pattern_case, "nasium")
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    seen = []
    for _ in range(40):
        step = page.locator("[role=option][aria-selected=true]").get_attribute("id")
        assert step is not None
        id_ = step.removeprefix("step-")
        seen.append(id_)
        line = marks["contours"].get(id_)
        for at in line or [marks["points"][id_]["at"]]:
            show_at(page, at, ZOOM)
            press_at(page, at)
        if line:
            page.get_by_role("button", name="Outline done").click()
        if (
            "done" in page.inner_text(".progress")
            and not page.locator(".option.open .note:not(:text('optional'))").count()
        ):
            break
        page.wait_for_function("id => document.querySelector('[aria-selected=true]').id !== id", arg=step)
    assert seen[:2] == ["PL_R", "PL_L"]
    saved(page)
    page.wait_for_selector("tr[data-key='atlas_laterality']")
    shown = page.inner_text("tr[data-key='atlas_laterality'] b")
    assert re.fullmatch(r"−?\d+\.\d+°", shown)


def test_nudges_of_one_a_tenth_and_ten_pixels(page: Page, serve: Starter, case: Path) -> None:
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    press_at(page, [400.0, 900.0])
    first = place_of(page, "PL_R")
    for keys, step in (("ArrowRight", (1, 0)), ("Shift+ArrowUp", (0, -0.1)), ("Alt+ArrowDown", (0, 10))):
        first = [first[0] + step[0], first[1] + step[1]]
        assert nudged(page, "PL_R", keys) == pytest.approx(first, abs=0.06), keys  # spoken with one decimal


def all_done(page: Page) -> bool:
    done, total = re.findall(r"\d+", page.inner_text(".progress"))[:2]
    return done == total


def place_of(page: Page, id_: str) -> list[float]:
    label = mark_of(page, f"point:{id_}").get_attribute("aria-label") or ""
    return [float(number) for number in re.findall(r"-?\d+\.\d", label)]


def nudged(page: Page, id_: str, keys: str) -> list[float]:
    """Press keys that move a mark, and wait until the page says where it is now."""
    was = mark_of(page, f"point:{id_}").get_attribute("aria-label")
    page.keyboard.press(keys)
    changed = (
        "([key, was]) => document.querySelector(`[data-key='${key}']`).getAttribute('aria-label') !== was"
    )
    page.wait_for_function(changed, arg=[f"point:{id_}", was])
    return place_of(page, id_)


def test_a_nudge_goes_the_way_it_looks_in_a_mirrored_and_turned_view(
    page: Page, serve: Starter, case: Path
) -> None:
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    press_at(page, [400.0, 900.0])
    page.keyboard.press("f")
    page.keyboard.press("r")
    before = screen_of(page, place_of(page, "PL_R"))
    after = screen_of(page, nudged(page, "PL_R", "Alt+ArrowRight"))
    assert after[0] > before[0] + 1
    assert after[1] == pytest.approx(before[1], abs=0.2)


def test_undo_and_redo_of_everything(page: Page, serve: Starter, case: Path) -> None:
    """Point, move, not visible, outline, free angle, marker: back to nothing, and forth again."""
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    press_at(page, [400.0, 900.0])
    press_at(page, [700.0, 950.0])
    page.keyboard.press("v")
    choose(page, "SKULL_L")
    for at in ([900.0, 500.0], [905.0, 450.0], [900.0, 400.0]):
        press_at(page, at)
    page.keyboard.press("g")
    for start, end in (([300.0, 1200.0], [500.0, 1210.0]), ([300.0, 1300.0], [500.0, 1250.0])):
        drag(page, start, end)
    page.get_by_label("Side marker on the film").select_option("none")
    saved(page)
    whole = reading_by(case, "nasium", "KR")
    assert set(whole["points"]) == {"PL_R", "PL_L", "SKULL_R"}
    assert len(whole["contours"]["SKULL_L"]) == 3
    assert 'marker = "none"' in (case / "2026-03-02" / "visit.toml").read_text("utf-8")
    actions = 0
    while "nothing" not in (page.locator("[data-command=undo]").get_attribute("aria-label") or ""):
        page.keyboard.press("Control+z")
        actions += 1
    assert actions == 8
    expect(page.locator(".handle")).to_have_count(0)
    for _ in range(actions):
        page.keyboard.press("Control+y")
    saved(page)
    again = reading_by(case, "nasium", "KR")
    assert (again["points"], again["contours"]) == (whole["points"], whole["contours"])


def drag(page: Page, start: list[float], end: list[float]) -> None:
    x, y = screen_of(page, start)
    page.mouse.move(x, y)
    page.mouse.down()
    x, y = screen_of(page, end)
    page.mouse.move(x, y, steps=3)
    page.mouse.up()


def test_vertices_are_inserted_moved_and_deleted(page: Page, serve: Starter, case: Path) -> None:
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    choose(page, "SKULL_R")
    for at in ([150.0, 600.0], [130.0, 500.0], [150.0, 400.0]):
        press_at(page, at)
    drag(page, [140.0, 550.0], [110.0, 555.0])
    expect(page.locator(".handle.vertex")).to_have_count(4)
    page.keyboard.press("Delete")
    expect(page.locator(".handle.vertex")).to_have_count(3)
    page.keyboard.press("Control+z")
    saved(page)
    line = reading_by(case, "nasium", "KR")["contours"]["SKULL_R"]
    assert line[1] == pytest.approx([110.0, 555.0], abs=4)


def test_snapping_moves_an_outline_to_the_edge(page: Page, serve: Starter, case: Path) -> None:
    """The picture's edge is an ellipse of half axes 0.42 columns and 0.45 rows about the middle."""
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    rows, cols = 1760, 1120
    choose(page, "SKULL_R")
    heights = (1000.0, 900.0, 800.0, 700.0)
    edge = [cols / 2 - 0.42 * cols * (1 - ((y - rows / 2) / (0.45 * rows)) ** 2) ** 0.5 for y in heights]
    for x, y in zip(edge, heights, strict=True):
        show_at(page, [x, y], 6)
        press_at(page, [x + 4, y])
    page.get_by_role("button", name="Snap to edge").click()
    page.wait_for_function(
        "() => document.getElementById('spoken').textContent.includes('moved to the edge')"
    )
    saved(page)
    line = reading_by(case, "nasium", "KR")["contours"]["SKULL_R"]
    for (x, _), wanted in zip(line, edge, strict=True):
        assert abs(x - wanted) < 1.0  # the drawn edge is a step between whole pixels


def test_one_landmark_by_the_keyboard_alone(page: Page, serve: Starter, case: Path) -> None:
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    page.locator(".steps").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("[aria-selected=true]").get_attribute("id") == "step-PL_L"
    page.keyboard.press("Enter")
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowLeft")
    saved(page)
    assert reading_by(case, "nasium", "KR")["points"]["PL_L"]["at"] == pytest.approx([569.9, 881.0], abs=0.51)


def test_touch_places_pinches_and_pans(browser: Browser, serve: Starter, case: Path) -> None:
    context = browser.new_context(viewport={"width": 820, "height": 1180}, has_touch=True, is_mobile=True)
    page = context.new_page()
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    x, y = screen_of(page, [400.0, 900.0])
    page.touchscreen.tap(x, y)
    assert place_of(page, "PL_R") == pytest.approx([400.0, 900.0], abs=3)
    before = page.evaluate(
        "() => window.atlasplane.screenOf([1, 0])[0] - window.atlasplane.screenOf([0, 0])[0]"
    )
    touches(context, page, [(x - 40, y), (x + 40, y)], [(x - 120, y), (x + 120, y)])
    after = page.evaluate(
        "() => window.atlasplane.screenOf([1, 0])[0] - window.atlasplane.screenOf([0, 0])[0]"
    )
    assert after / before == pytest.approx(3, rel=0.1)
    expect(page.locator(".handle.point")).to_have_count(1)
    for target in (".tool", ".tab", ".option", ".step-buttons button"):
        box = page.locator(target).first.bounding_box()
        assert box is not None
        assert box["height"] >= 44, target
    context.close()


def touches(
    context: Any, page: Page, start: list[tuple[float, float]], end: list[tuple[float, float]]
) -> None:
    """Two fingers from one pair of places to another."""
    session = context.new_cdp_session(page)
    steps = 8
    for k in range(steps + 1):
        points = [
            {"x": a[0] + (b[0] - a[0]) * k / steps, "y": a[1] + (b[1] - a[1]) * k / steps, "id": n}
            for n, (a, b) in enumerate(zip(start, end, strict=True))
        ]
        kind = "touchStart" if k == 0 else "touchMove"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_window_zoom_pan_and_side_badge(page: Page, serve: Starter, case: Path) -> None:
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    before = grey_in_the_middle(page)
    x, y = screen_of(page, [560.0, 880.0])
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x, y - 60, steps=4)
    page.mouse.up(button="right")
    settled(page)
    assert grey_in_the_middle(page) > before
    page.keyboard.press("a")
    page.keyboard.press("i")
    settled(page)
    assert grey_in_the_middle(page) == pytest.approx(255 - before, abs=1)
    place = (500.0, 300.0)
    at = page.evaluate("([x, y]) => window.atlasplane.imageOf(x, y)", place)
    page.mouse.move(*place)
    page.mouse.wheel(0, -600)
    settled(page)
    assert screen_of(page, at) == pytest.approx(place, abs=1e-6)
    page.mouse.down(button="middle")
    page.mouse.move(place[0] + 50, place[1] + 20, steps=3)
    page.mouse.up(button="middle")
    assert screen_of(page, at) == pytest.approx((place[0] + 50, place[1] + 20), abs=0.01)
    assert page.locator(".badge.strong.left").inner_text() == "R"
    page.keyboard.press("f")
    assert page.locator(".badge.strong.right").inner_text() == "R"
    go_to(page, "Lateral")
    assert page.locator(".badge.strong").inner_text() == "A"
    assert page.get_by_text("SIMULATED", exact=True).is_visible()


def grey_in_the_middle(page: Page) -> int:
    """Brightness of the pixel in the middle of the film's canvas."""
    pixel = "c => c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data[0]"
    return int(page.locator(".film-pixels").evaluate(pixel))


def settled(page: Page) -> None:
    """Two frames, so that what was asked is drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_a_free_angle_and_a_free_length_say_what_the_server_says(
    page: Page, serve: Starter, case: Path
) -> None:
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    page.keyboard.press("g")
    drag(page, [300.0, 1200.0], [700.0, 1200.0])
    drag(page, [300.0, 1300.0], [700.0, 1300.0])
    page.wait_for_selector(".free-list b:has-text('°')")
    assert page.inner_text(".free-list b").startswith(("0.0", "−0.0", "0.1", "0.2"))
    page.keyboard.press("d")
    drag(page, [300.0, 1400.0], [700.0, 1400.0])
    page.wait_for_selector(".free-list li:nth-child(2) b:has-text('mm')")
    saved(page)
    free = reading_by(case, "nasium", "KR")
    assert [f["kind"] for f in free.get("free", free.get("x", {}).get("free"))] == ["angle", "length"]
