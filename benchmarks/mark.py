"""The marking page in a real browser: how soon a film is there, how smooth it is, what marking costs."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page
from scipy.special import ndtr

from atlasplane.simulate.patient import Scenario, simulate_case
from benchmarks.bar import Bar, at_most
from tests.mark_page.hand import (
    DAY,
    WIDE,
    Server,
    go_to,
    large_film,
    launched,
    open_film,
    press_at,
    reading_by,
    saved,
    screen_of,
    show_at,
)

SEED = 20
REPEATS = 5
FRAMES = 60
DRAGS = 20
LARGE = {"width": 2500, "height": 965}
"""Leaves about 1400 x 900 for the film."""
EDGE_PX, BLUR_PX, NOISE, STEP = 300.37, 1.5, 300.0, 12000.0
YARDSTICK = "41.8 s a film with a commercial program, 154.6 s by hand"
_NOTE_OPEN = """() => {
  const seen = () => {
    if (document.body?.dataset.open) requestAnimationFrame(() => requestAnimationFrame(() => {
      window.visibleMs ??= performance.now();
    }));
    else requestAnimationFrame(seen);
  };
  seen();
}"""
_WATCH = """() => {
  window.changed = null;
  new MutationObserver(() => { window.changed ??= performance.now(); })
    .observe(document.querySelector('#results'), {childList: true, subtree: true, characterData: true});
}"""
_SNAP = """async ([film, contour]) => {
  const headers = {'Content-Type': 'application/json', 'X-Atlasplane': '1'};
  const body = JSON.stringify({contour, reach_px: 8});
  return (await fetch(`/api/films/${film}/snap`, {method: 'POST', headers, body})).json();
}"""


def bars() -> Iterator[Bar]:
    """All bars of the group, on films made for them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate_case(folder / "case", Scenario(seed=SEED, atlas_deg=(-12.0, 3.4, 4.0)))
        for browser in launched():
            yield from _large(browser, large_film(folder / "large.png"))
            yield _drag(browser, folder / "case")
            yield from _marking(browser, folder / "case")
            yield _snap(browser, folder / "edge.png")


def _large(browser: Browser, film: Path) -> Iterator[Bar]:
    server = Server(film, ("--view", "nasium", "--patient-right", "image_left", "--observer", "KR")).start()
    context = browser.new_context(viewport=LARGE)
    context.add_init_script(f"({_NOTE_OPEN})()")
    page = context.new_page()
    seconds = []
    for _ in range(REPEATS):
        page.goto("about:blank")
        open_film(page, server)
        page.wait_for_timeout(200)
        seconds.append(float(page.evaluate("() => window.visibleMs")) / 1000)
    yield at_most("mark.film-visible", statistics.median(seconds), 1.0, "s", n=REPEATS)
    frames = [float(page.evaluate("() => window.atlasplane.windowMs()")) for _ in range(FRAMES)]
    yield at_most("mark.window", statistics.median(frames), 16.0, "ms a frame", n=FRAMES)
    yield Bar(
        id="mark.window-slowest-of-20", value=sorted(frames)[-FRAMES // 20], unit="ms a frame", n=FRAMES
    )
    context.close()
    server.kill()


def _drag(browser: Browser, case: Path) -> Bar:
    """From a move of the hand to numbers that follow it."""
    server = Server(case, ("--observer", "SIM")).start()
    page = browser.new_page(viewport=WIDE)
    open_film(page, server, "Nasium")
    page.wait_for_selector("tr[data-key='atlas_laterality']")
    at = reading_by(case, "nasium", "SIM")["points"]["PL_R"]["at"]
    show_at(page, at, 2.0)
    x, y = screen_of(page, at)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(_WATCH)
    times = []
    for k in range(DRAGS):
        page.wait_for_timeout(250)
        start = float(page.evaluate("() => { window.changed = null; return performance.now(); }"))
        page.mouse.move(x, y + 6 + 10 * (k % 2))
        page.wait_for_function("() => window.changed !== null")
        times.append(float(page.evaluate("() => window.changed")) - start)
    page.mouse.up()
    page.close()
    server.kill()
    return at_most("mark.drag-to-listing", statistics.median(times[1:]), 150.0, "ms", n=DRAGS - 1)


def _marking(browser: Browser, case: Path) -> Iterator[Bar]:
    """All marks of three films by press, drag and release, each landmark chosen by the protocol."""
    server = Server(case, ("--observer", "KR")).start()
    page = browser.new_page(viewport=WIDE)
    open_film(page, server)
    for view in ("lateral", "nasium", "vertex"):
        go_to(page, view.capitalize())
        text = (case / DAY / f"{view}.landmarks.json").read_text("utf-8")
        start = time.perf_counter()
        actions = _mark_all(page, json.loads(text)["readings"][0])
        saved(page)
        seconds = time.perf_counter() - start
        yield Bar(id=f"mark.{view}-actions", value=actions, unit="actions", n=1, seed=SEED)
        yield Bar(
            id=f"mark.{view}-seconds", value=seconds, unit="s of machine time", peer=YARDSTICK, seed=SEED
        )
    page.close()
    server.kill()


def _mark_all(page: Page, marks: dict[str, Any]) -> int:
    """Place what the simulated reader placed; number of presses and clicks."""
    actions = 0
    steps = page.locator("[role=option]").evaluate_all("all => all.map(e => e.id.slice(5))")
    for id_ in (step for step in steps if step in marks["points"] or step in marks["contours"]):
        if page.locator("[aria-selected=true]").get_attribute("id") != f"step-{id_}":
            page.locator(f"#step-{id_}").click()
            actions += 1
        for at in marks["contours"].get(id_) or [marks["points"][id_]["at"]]:
            press_at(page, at)
            actions += 1
    return actions


def _snap(browser: Browser, film: Path) -> Bar:
    """An upright edge of known place, blurred and noisy; outlines begun on both sides of it."""
    rows, cols = 600, 600
    grey = 9000 + STEP * ndtr((np.arange(cols) - EDGE_PX) / BLUR_PX)
    noise = np.random.default_rng(SEED).normal(0, NOISE, (rows, cols))
    Image.fromarray((grey + noise).astype(np.uint16)).save(film)
    server = Server(film, ("--view", "nasium", "--patient-right", "image_left", "--observer", "KR")).start()
    page = browser.new_page(viewport=WIDE)
    open_film(page, server)
    id_ = page.locator("body").get_attribute("data-open")
    errors = []
    for off in (-5.0, -2.5, 2.5, 5.0):
        contour = [[EDGE_PX + off, 60.0 + 20 * k] for k in range(25)]
        answer = page.evaluate(_SNAP, [id_, contour])
        errors += [
            at[0] - EDGE_PX for at, found in zip(answer["contour"], answer["found"], strict=True) if found
        ]
    page.close()
    server.kill()
    return at_most("mark.snap-bias", abs(statistics.fmean(errors)), 0.2, "px", n=len(errors), seed=SEED)
