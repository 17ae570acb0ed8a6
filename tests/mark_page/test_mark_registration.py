"""A saved registration in a real browser: its state, its layers over the film, by pointer and by keys."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Browser, Page, expect

from atlasplane.web import registration
from atlasplane.web.desks import case_desk
from atlasplane.xray.overlay_drawing import BONE_COLOURS
from tests.mark_page.hand import DAY, REPOSITORY
from tests.registration_records import BOX, colour_of, record_json, write_record
from tests.web_client import Client, serving

pytestmark = pytest.mark.slow
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
FILMS = [f"{DAY}/lateral.png", f"{DAY}/nasium.png"]
OUTLINE, PICTURE = ".bone-outlines path.bone-c1", "image.over-film"


@pytest.fixture
def registered(case: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The case with a record that is taken as made from what lies there."""
    write_record(case / DAY, record_json("v1", FILMS))
    monkeypatch.setattr(registration, "changed_inputs", lambda *_args, **_options: ())
    return case


@pytest.fixture
def server(registered: Path) -> Iterator[Client]:
    with serving(case_desk(registered), observer="SIM") as client:
        yield client


def open_film(page: Page, server: Client) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/?token={server.token}")
    page.wait_for_selector("[data-testid=registration-state]")


def ids(server: Client) -> list[str]:
    films: list[dict[str, Any]] = server.ask("GET", "/api/desk").json["visits"][0]["films"]
    return [film["id"] for film in films]


def layer(page: Page, name: str) -> Any:
    return page.locator(f'.registration [data-button="{name}"]')


def test_the_server_tells_state_outlines_and_pictures(server: Client) -> None:
    lateral, _nasium, vertex = ids(server)
    told = server.ask("GET", f"/api/films/{lateral}/registration").json["registration"]
    assert (told["kind"], told["state"], told["changed"]) == ("ok", "in order", [])
    # Tenths of a pixel; the last point is the first.
    corners = "L".join(f"{round(10 * c)} {round(10 * r)}" for c, r in BOX["c1"][:-1])
    assert told["bones"] == [{"id": "c1", "name": "Atlas C1", "d": f"M{corners}Z"}]
    box = [-0.5, -0.5, 199.5, 199.5]
    assert told["pictures"] == [{"kind": kind, "box": box} for kind in ("difference", "checkerboard")]
    answer = server.ask("GET", f"/api/films/{lateral}/registration/difference.png")
    assert answer.headers["content-type"] == "image/png"
    seen = np.asarray(Image.open(io.BytesIO(answer.body)))
    assert seen.shape == (64, 64)
    assert seen[0, 0] == np.asarray(Image.new("RGB", (1, 1), colour_of(1)).convert("L"))[0, 0]
    beside = server.ask("GET", f"/api/films/{vertex}/registration").json["registration"]
    assert (beside["bones"], beside["pictures"]) == ([], [])
    assert server.ask("GET", f"/api/films/{vertex}/registration/difference.png").status == 404
    assert server.ask("GET", f"/api/films/{lateral}/registration/contours.png").status == 422


def test_what_has_changed_since_is_named(case: Path) -> None:
    write_record(case / DAY, record_json("v1", FILMS))
    with serving(case_desk(case), observer="SIM") as server:
        told = server.ask("GET", f"/api/films/{ids(server)[0]}/registration").json["registration"]
    # The record speaks of a scan that this case does not have.
    assert (told["kind"], told["changed"]) == ("stale", ["ct/head.nii.gz (not in the case any more)"])
    assert told["bones"]


def test_no_record_and_a_damaged_one(case: Path) -> None:
    with serving(case_desk(case), observer="SIM") as server:
        address = f"/api/films/{ids(server)[0]}/registration"
        assert server.ask("GET", address).json == {"registration": None}
        (case / DAY / "registration.json").write_text("{", "utf-8")
        told = server.ask("GET", address).json["registration"]
        assert (told["kind"], told["bones"], told["pictures"]) == ("unread", [], [])


def test_layers_over_the_film_by_pointer_and_by_keys(page: Page, server: Client) -> None:
    open_film(page, server)
    expect(page.get_by_test_id("registration-state")).to_contain_text("In order.")
    expect(page.locator(OUTLINE)).to_have_count(0)
    layer(page, "outlines").click()
    expect(layer(page, "outlines")).to_have_attribute("aria-pressed", "true")
    seen = page.locator(OUTLINE).bounding_box()
    corner = page.evaluate("() => window.atlasplane.screenOf([40, 60])")
    assert seen is not None
    assert [seen["x"], seen["y"]] == [pytest.approx(at, abs=2.5) for at in corner]
    expect(page.locator(".registration .bone-c1")).to_have_text("Atlas C1")
    expect(page.locator(f"{OUTLINE}:not(.halo)")).to_have_css(
        "stroke", f"rgb{ImageColor.getrgb(BONE_COLOURS['c1'])}"
    )
    page.locator(".film").focus()
    page.keyboard.press("Shift+B")
    expect(layer(page, "difference")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(PICTURE)).to_have_attribute("visibility", "visible")
    over = page.locator(PICTURE).bounding_box()
    ends = [page.evaluate("([c, r]) => window.atlasplane.screenOf([c, r])", [at, at]) for at in (-0.5, 199.5)]
    assert over is not None
    assert [over["x"], over["y"]] == [pytest.approx(at, abs=1.5) for at in ends[0]]
    assert [over["width"], over["height"]] == [
        pytest.approx(ends[1][k] - ends[0][k], abs=1.5) for k in (0, 1)
    ]
    page.keyboard.press("Shift+B")
    expect(layer(page, "checkerboard")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift+B")
    expect(page.locator(PICTURE)).to_have_attribute("visibility", "hidden")
    page.keyboard.press("b")
    expect(layer(page, "outlines")).to_have_attribute("aria-pressed", "false")
    expect(page.locator(OUTLINE)).to_have_count(0)


def test_a_blind_reading_does_not_see_it(page: Page, registered: Path) -> None:
    """Another reader's first reading is blind; what was found before must not lead the hand."""
    with serving(case_desk(registered), observer="KR") as server:
        open_film(page, server)
        expect(page.get_by_test_id("registration-state")).to_contain_text(
            "when this blind reading is finished"
        )
        expect(layer(page, "outlines")).to_be_disabled()
        page.locator(".film").focus()
        page.keyboard.press("b")
        page.keyboard.press("Shift+B")
        expect(page.locator(OUTLINE)).to_have_count(0)
        expect(page.locator(PICTURE)).to_have_attribute("visibility", "hidden")


@pytest.mark.parametrize("status", ["ok", "refused"])
def test_the_panel_breaks_no_rule_of_accessibility(browser: Browser, registered: Path, status: str) -> None:
    codes = [] if status == "ok" else ["residual"]
    (registered / DAY / "registration.json").write_text(
        json.dumps(record_json("v1", FILMS, status=status, codes=codes)), "utf-8"
    )
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, bypass_csp=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    with serving(case_desk(registered), observer="SIM") as server:
        open_film(page, server)
        layer(page, "outlines").click()
        layer(page, "checkerboard").click()
        page.locator(".registration summary").click()
        assert violations(page) == []
    context.close()


def violations(page: Page) -> list[str]:
    if not AXE.is_file():
        pytest.fail("axe-core is missing: run 'npm ci'", pytrace=False)
    page.add_script_tag(path=AXE)
    found = page.evaluate("() => window.axe.run(document, {resultTypes: ['violations']})")
    return [f"{rule['id']}: {node['target']}" for rule in found["violations"] for node in rule["nodes"]]
