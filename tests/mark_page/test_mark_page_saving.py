"""What is shown as saved is on disk: killed servers, two windows, a replaced film, blind readings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.mark_page.hand import (
    DAY,
    WIDE,
    Starter,
    go_to,
    mark_of,
    open_film,
    press_at,
    reading_by,
    saved,
    screen_of,
    stored,
)

pytestmark = pytest.mark.slow


def test_a_killed_server_loses_nothing_that_was_shown_as_saved(
    page: Page, serve: Starter, case: Path
) -> None:
    """Killed between two marks and started again on the same port, with another token."""
    server = serve(case, "--observer", "KR")
    port = server.port
    open_film(page, server, "Nasium")
    press_at(page, [400.0, 900.0])
    saved(page)
    kept = reading_by(case, "nasium", "KR")["points"]
    server.kill()
    press_at(page, [700.0, 950.0])
    page.wait_for_selector(".save[data-state=unsaved]")
    assert reading_by(case, "nasium", "KR")["points"] == kept
    again = serve(case, "--observer", "KR", port=port)
    dialog = page.get_by_role("dialog", name="Atlasplane was started again")
    dialog.get_by_label("New address").fill(again.url)
    dialog.get_by_role("button", name="Connect and save").click()
    saved(page)
    both = reading_by(case, "nasium", "KR")["points"]
    assert set(both) == {"PL_R", "PL_L"}
    assert both["PL_R"] == kept["PL_R"]


def test_two_windows_on_one_reading_end_in_a_question(
    browser: Browser, page: Page, serve: Starter, case: Path
) -> None:
    server = serve(case, "--observer", "KR")
    open_film(page, server, "Nasium")
    press_at(page, [400.0, 900.0])
    saved(page)
    context = browser.new_context(viewport=WIDE)
    second = context.new_page()
    open_film(second, server, "Nasium")
    press_at(second, [700.0, 950.0])
    saved(second)
    press_at(page, [710.0, 960.0])
    question = page.get_by_role("dialog", name="These marks were changed elsewhere")
    question.get_by_role("button", name="Take what is stored").click()
    saved(page)
    x = float(reading_by(case, "nasium", "KR")["points"]["PL_L"]["at"][0])
    assert x == pytest.approx(700, abs=2)
    page.keyboard.press("ArrowRight")
    saved(page)
    second.keyboard.press("Alt+ArrowLeft")
    question = second.get_by_role("dialog", name="These marks were changed elsewhere")
    question.get_by_role("button", name="Keep what this page shows").click()
    saved(second)
    assert reading_by(case, "nasium", "KR")["points"]["PL_L"]["at"][0] == pytest.approx(x - 10, abs=0.01)
    context.close()


def held_back(page: Page, pattern: str) -> list[Route]:
    """The answers to these requests come when the test lets them."""
    held: list[Route] = []
    page.route(pattern, lambda route: held.append(route))  # a bound built-in is refused
    return held


def wait_for_one(page: Page, held: list[Route]) -> Route:
    for _ in range(600):
        if held:
            return held.pop(0)
        page.wait_for_timeout(100)
    raise AssertionError("the page asked for nothing")


def test_the_tab_of_the_open_film_does_nothing(page: Page, serve: Starter, case: Path) -> None:
    """Opened anew, the film would take away the mark that is set while it comes."""
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    held = held_back(page, "**/pixels")
    page.locator("button.tab[aria-current=page]").click()
    press_at(page, [400.0, 900.0])
    expect(mark_of(page, "point:PL_R")).to_have_count(1)
    saved(page)
    assert "PL_R" in reading_by(case, "nasium", "KR")["points"]
    assert held == []


def test_while_the_next_film_comes_no_mark_is_taken(page: Page, serve: Starter, case: Path) -> None:
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    press_at(page, [400.0, 900.0])
    saved(page)
    before = stored(case, "nasium")
    at = screen_of(page, [700.0, 950.0])
    held = held_back(page, "**/pixels")
    page.locator("button.tab", has_text="Vertex").click()
    coming = wait_for_one(page, held)
    page.mouse.click(*at)
    page.keyboard.press("Delete")
    page.keyboard.press("Control+z")
    expect(mark_of(page, "point:PL_R")).to_have_count(1)
    expect(page.locator("#prompt")).to_have_text("Opening")
    coming.continue_()
    page.wait_for_selector("body[data-open]")
    expect(page.locator(".film[aria-label*='vertex' i]")).to_have_count(1)
    assert stored(case, "nasium") == before
    assert [r["observer"] for r in stored(case, "vertex")] == ["SIM"]


def test_of_two_films_asked_for_the_last_is_shown(page: Page, serve: Starter, case: Path) -> None:
    """The one that comes late does not take the place of the one that was asked for after it."""
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    vertex = page.locator("button.tab", has_text="Vertex")
    held = held_back(page, f"**/{vertex.get_attribute('data-film')}/readings")
    vertex.click()
    late = wait_for_one(page, held)
    go_to(page, "Lateral")
    with page.expect_response("**/readings"):
        late.continue_()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".film[aria-label*='lateral' i]")).to_have_count(1)
    expect(page.locator("#film")).not_to_have_class(re.compile("loading"))


def test_a_film_is_left_when_its_last_mark_is_saved(page: Page, serve: Starter, case: Path) -> None:
    """The second of two quick marks waits for the answer to the first, and the next film for both."""
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    held = held_back(page, "**/readings/*")
    press_at(page, [400.0, 900.0])
    first = wait_for_one(page, held)
    press_at(page, [700.0, 950.0])
    page.locator("button.tab", has_text="Vertex").click()
    first.continue_()
    wait_for_one(page, held).continue_()
    page.wait_for_selector(".film[aria-label*='vertex' i]")
    assert set(reading_by(case, "nasium", "KR")["points"]) == {"PL_R", "PL_L"}


def test_another_reader_on_the_same_film_is_no_conflict(
    browser: Browser, page: Page, serve: Starter, case: Path
) -> None:
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    context = browser.new_context(viewport=WIDE)
    second = context.new_page()
    open_film(second, serve(case, "--observer", "MM"), "Nasium")
    press_at(second, [700.0, 950.0])
    saved(second)
    press_at(page, [400.0, 900.0])
    saved(page)
    assert [r["observer"] for r in stored(case, "nasium")] == ["SIM", "MM", "KR"]
    context.close()


def test_a_film_that_was_replaced_takes_no_more_marks(page: Page, serve: Starter, case: Path) -> None:
    open_film(page, serve(case, "--observer", "KR"), "Nasium")
    press_at(page, [400.0, 900.0])
    saved(page)
    before = stored(case, "nasium")
    (case / DAY / "nasium.png").write_bytes((case / DAY / "lateral.png").read_bytes())
    press_at(page, [700.0, 950.0])
    page.wait_for_selector(".save[data-state=replaced]")
    expect(page.get_by_role("alert")).to_contain_text("bytes have changed")
    assert stored(case, "nasium") == before


def test_a_second_reading_is_blind_to_the_first(page: Page, serve: Starter, case: Path) -> None:
    """Neither marks nor numbers of the first are shown, and it cannot be opened before this one is done."""
    open_film(page, serve(case, "--observer", "SIM"), "Nasium")
    expect(mark_of(page, "point:PL_R")).to_have_count(1)
    page.locator(".reader").click()
    page.get_by_role("button", name="New blind reading").click()
    expect(page.locator(".reader")).to_contain_text("blind")
    expect(page.locator(".handle")).to_have_count(0)
    expect(page.locator("tr[data-key='atlas_laterality']")).to_have_count(0)
    press_at(page, [400.0, 900.0])
    saved(page)
    page.locator(".reader").click()
    expect(page.get_by_role("button", name="Open reading r1 by SIM")).to_have_count(0)
    expect(page.get_by_label("Show the points of the other readings faintly")).to_have_count(0)
    page.keyboard.press("Escape")
    readings = stored(case, "nasium")
    assert [(r["observer"], r["blinded"]) for r in readings] == [("SIM", False), ("SIM", True)]
    assert len(readings[0]["points"]) > 10


def test_the_reader_is_asked_for_and_remembered(page: Page, serve: Starter, case: Path) -> None:
    server = serve(case)
    page.goto(server.url)
    dialog = page.get_by_role("dialog", name="Who is reading?")
    dialog.get_by_label("Reader").fill("KR")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-open]")
    expect(page.locator(".reader")).to_contain_text("KR")
    go_to(page, "Vertex")
    expect(page.locator(".reader")).to_contain_text("KR")


def test_a_missing_side_is_asked_and_never_guessed(page: Page, serve: Starter, case: Path) -> None:
    visit = case / DAY / "visit.toml"
    text = visit.read_text("utf-8")
    cut = text.index('view = "nasium"')
    visit.write_text(text[:cut] + text[cut:].replace('patient_right = "image_left"\n', "", 1), "utf-8")
    open_film(page, serve(case, "--observer", "SIM"))
    page.locator("button.tab", has_text="Nasium").click()
    dialog = page.get_by_role("dialog", name="Where on this picture is the patient's right?")
    dialog.wait_for()
    expect(page.locator(".badge")).to_have_count(0)
    dialog.get_by_role("button", name="Left", exact=True).click()
    expect(page.locator(".badge.strong.left")).to_have_text("R")
    saved(page)
    assert visit.read_text("utf-8").count('patient_right = "image_left"') == text.count(
        'patient_right = "image_left"'
    )
    page.wait_for_selector("tr[data-key='atlas_laterality']")


def test_a_scale_from_an_object_of_known_size(page: Page, serve: Starter, case: Path) -> None:
    open_film(page, serve(case, "--observer", "SIM"), "Nasium")
    page.keyboard.press("k")
    for at in ([300.0, 1500.0], [500.0, 1500.0]):
        press_at(page, at, drag=(0, 0))
    dialog = page.get_by_role("dialog", name="Object of known size")
    dialog.get_by_label("True length, mm").fill("25.4")
    dialog.get_by_role("button", name="Work out the scale").click()
    page.get_by_role("button", name="Use this scale").click()
    expect(page.locator(".stated")).to_contain_text("object of known size, measured here")
    saved(page)
    text = (case / DAY / "visit.toml").read_text("utf-8")
    assert 'kind = "user_fiducial"' in text
    page.keyboard.press("Control+z")
    expect(page.locator(".stated")).to_contain_text("distances of tube, patient and film")
    saved(page)
    assert 'kind = "user_fiducial"' not in (case / DAY / "visit.toml").read_text("utf-8")


def test_finish_ends_the_program(page: Page, serve: Starter, case: Path) -> None:
    server = serve(case, "--observer", "KR")
    open_film(page, server)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("dialog").get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible()
    assert server.wait() == 0
