"""From an empty folder to a printed report with `new`, `add`, `mark` and `report` alone, in a real browser.

The films are those of the demo patient's first visit; the hand aims where the simulated reader marked them.
With ATLASPLANE_SCREENSHOTS=FOLDER the pictures of the guide are made anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

import atlasplane
from atlasplane.report.quantity_rows import quantity_row
from atlasplane.simulate.demo import DEMO_SEED, demo_patients
from atlasplane.simulate.patient import simulate_case
from atlasplane.simulate.visit import VIEWS
from tests.mark_page.hand import REPOSITORY, Starter, go_to, mark_of, open_film, press_at, saved, show_at

pytestmark = pytest.mark.slow
DAY = "2026-03-02"
GUIDE = REPOSITORY / "docs" / "guide" / "screens"
SCREEN = {"width": 1440, "height": 900}
LAST_KEY = {"lateral": "neck_tilt", "nasium": "skull_offset", "vertex": "atlas_rotation"}
"""A number that comes with a film's last marks."""
ZOOM = 12.0
"""A screen pixel is a twelfth of an image pixel."""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo patient's films before the correction, with the marks of the simulated reader."""
    folder = tmp_path_factory.mktemp("demo") / "case"
    patient = demo_patients(DEMO_SEED)[0]
    simulate_case(folder, replace(patient.scenario, post_deg=None, follow_up=None, views=VIEWS, leg_mm=None))
    return folder / DAY


@pytest.fixture
def desk(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=SCREEN)
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


def command(*words: str | Path) -> str:
    """Output of one command of the program."""
    run = [sys.executable, "-c", "from atlasplane.cli import main; main()", *map(str, words)]
    done = subprocess.run(run, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def add_film(case: Path, films: Path, film: dict[str, Any]) -> None:
    """What a person states of a film on the command line, taken from the simulated clinic's own record."""
    technique, scale = film["technique"], film["calibration"]
    words = [
        *("add", str(case), str(films / film["file"]), "--view", film["view"], "--marker", film["marker"]),
        *("--time", f"{DAY}T09:10:00+00:00", "--visit", "v1", "--moment", "pre", "--observer", "KR"),
        *("--sid-mm", str(technique["sid_mm"]), "--sod-mm", str(technique["sod_mm"])),
        *("--tube-deg", str(technique["tube_deg"]), "--detector", technique["detector"]),
        *("--principal-px", ",".join(map(str, technique["principal_px"]))),
        *("--calibration", scale["kind"], "--mm-per-px", str(scale["mm_per_px"][0])),
        *("--u-rel", str(scale["u_rel"])),
    ]
    for key in ("patient_right", "patient_anterior"):
        if key in film:
            words += [f"--{key.replace('_', '-')}", film[key]]
    command(*words)


def mark_film(page: Page, wanted: dict[str, Any]) -> None:
    """Every point and outline, each chosen in the list, shown, pressed, dragged and let go."""
    for id_, point in wanted["points"].items():
        page.locator(f"#step-{id_}").click()
        show_at(page, point["at"], ZOOM)
        press_at(page, point["at"])
        mark_of(page, f"point:{id_}").wait_for()
    for id_, line in wanted["contours"].items():
        page.locator(f"#step-{id_}").click()
        for at in line:
            show_at(page, at, ZOOM)
            press_at(page, at)
        page.get_by_role("button", name="Outline done").click()


def shown_rows(page: Page) -> dict[str, str]:
    """Key and printed value of every number on the page."""
    rows: list[list[str]] = page.eval_on_selector_all(
        "tr[data-key]", "rows => rows.map(r => [r.dataset.key, r.querySelector('b').textContent])"
    )
    return {key: value.strip() for key, value in rows}


def take(page: Page, name: str, folder: Path) -> Path:
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    return path


def screens(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("ATLASPLANE_SCREENSHOTS", tmp_path / "screens"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_from_an_empty_folder_to_a_printed_report(
    desk: Page, serve: Starter, films: Path, tmp_path: Path
) -> None:
    case, folder = tmp_path / "P-014", screens(tmp_path)
    command("new", case, "--pseudonym", "P-014", "--birth-year", "1980", "--sex", "female")
    described = tomllib.loads((films / "visit.toml").read_text("utf-8"))["film"]
    for film in described:
        add_film(case, films, film)

    open_film(desk, serve(case, "--observer", "KR"))
    for film in described:
        view = film["view"]
        go_to(desk, view.capitalize())
        marks = json.loads((films / film["landmarks"]).read_text("utf-8"))["readings"][0]
        mark_film(desk, marks)
        saved(desk)
        desk.keyboard.press("0")
        desk.wait_for_selector(f"tr[data-key='{LAST_KEY[view]}']")
        desk.wait_for_load_state("networkidle")
        take(desk, f"mark-{view}", folder)
    go_to(desk, "Nasium")
    desk.wait_for_selector("tr[data-key='atlas_laterality']")
    desk.wait_for_selector("tr[data-key='atlas_rotation']")
    numbers = shown_rows(desk)
    listing = desk.inner_text(".listing-text")
    desk.get_by_role("button", name="Finish").click()

    # The page prints what the command line measures of what was saved: every number, to the digit.
    told = json.loads(command("measure", case, "--json"))["visits"][0]
    assert told["listing"]["text"] == listing
    observed = atlasplane.load(case).measure().visits[0].joint.observations
    printed = {o.key: quantity_row(o).value for o in observed}
    assert len(numbers) > 60
    assert numbers == {key: printed[key] for key in numbers}
    assert {o["quantity"] for o in told["observations"]} == {o.quantity.id for o in observed}

    command("report", case, "--pdf")
    page_text = (case / "report.html").read_text("utf-8")
    assert (case / "report.pdf").read_bytes().startswith(b"%PDF")
    assert listing in page_text
    desk.goto((case / "report.html").as_uri())
    take(desk, "report", folder)


@pytest.mark.parametrize("name", ["mark-nasium", "mark-lateral", "mark-vertex", "report"])
def test_the_guide_shows_pictures_of_this_test(name: str) -> None:
    with Image.open(GUIDE / f"{name}.png") as picture:
        assert picture.size == (SCREEN["width"], SCREEN["height"])
