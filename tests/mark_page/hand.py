"""What the tests of the marking page share: a browser, a server that can be killed, cases, and a hand."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from atlasplane.simulate import patient
from atlasplane.simulate.patient import Scenario, simulate_case
from atlasplane.sources.film import View

REPOSITORY = Path(__file__).resolve().parents[2]
_RUN = "from atlasplane.cli import main; main()"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
_TRIES, _WAIT_S = 40, 2.0
DAY = "2026-03-02"
WIDE = {"width": 1280, "height": 800}


def chromium() -> str:
    """Path of the browser, or a skip; where ATLASPLANE_REQUIRE_DATA=1 its absence is a failure."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "no Chromium for the tests of the marking page: install the package chromium"
        if os.environ.get("ATLASPLANE_REQUIRE_DATA") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return found


def launched() -> Iterator[Browser]:
    """A browser for as long as it is wanted."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=_FLAGS)
        yield browser
        browser.close()


def _picture(film: Any, _rng: np.random.Generator) -> NDArray[np.uint16]:
    """A cheap picture with an edge: rendering anatomy is not what is tested here."""
    rows, cols = film.setup.shape
    down, across = np.mgrid[0:rows, 0:cols]
    inside = np.hypot((across - cols / 2) / (0.42 * cols), (down - rows / 2) / (0.45 * rows)) < 1
    return (9000 + 30000 * inside + 4 * down + 6 * across).astype(np.uint16)


def simulated_case(folder: Path) -> Path:
    """A simulated patient: three films, the marks of observer SIM; the pictures are drawn, not rendered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patient, "film_picture", _picture)
        views = (View.LATERAL, View.NASIUM, View.VERTEX)
        simulate_case(folder, Scenario(seed=20, atlas_deg=(-12.0, 3.4, 4.0), views=views))
    return folder


def add_volume(case: Path) -> Path:
    """A scan of 80 x 90 x 70 voxels with a bright ball about LPS (5, -10, 20) mm, radius 12."""
    spacing, origin = np.array([0.8, 0.8, 1.0]), np.array([-32.0, -36.0, -35.0])
    grid = np.moveaxis(np.indices((80, 90, 70)), 0, -1) * spacing + origin
    ball = np.linalg.norm(grid - [5.0, -10.0, 20.0], axis=-1) < 12
    affine_ras = np.diag([-0.8, -0.8, 1.0, 1.0])
    affine_ras[:3, 3] = [32.0, 36.0, -35.0]
    nib.save(nib.Nifti1Image((1000 * ball - 500).astype(np.int16), affine_ras), case / "head.nii.gz")
    text = (case / "case.toml").read_text("utf-8")
    (case / "case.toml").write_text(f'{text}\n[[volume]]\nfile = "head.nii.gz"\n', "utf-8")
    return case


def large_film(path: Path) -> Path:
    """A film of 5 megapixels, 16 bit, that does not compress to nothing."""
    rows, cols = 2560, 2048
    noise = np.random.default_rng(5).normal(0, 300, (rows, cols))
    down, across = np.mgrid[0:rows, 0:cols]
    Image.fromarray((20000 + 6 * down + 4 * across + noise).astype(np.uint16)).save(path)
    return path


@dataclass(slots=True)
class Server:
    """`atlasplane mark` as a process of its own.

    Attributes
    ----------
    source : case folder or film
    options : further options of the command line
    """

    source: Path
    options: tuple[str, ...] = ()
    url: str = ""
    _process: subprocess.Popen[str] | None = field(default=None)

    def start(self, port: int = 0) -> Server:
        """Start it and wait for its address; a port that was just given back may take a minute to be free."""
        for _ in range(_TRIES):
            self._launch(port)
            if port in (0, self.port):
                return self
            self.kill()
            time.sleep(_WAIT_S)
        raise AssertionError(f"port {port} stays taken")

    def _launch(self, port: int) -> None:
        command = [sys.executable, "-c", _RUN, "mark", str(self.source), "--no-browser", "--port", str(port)]
        self._process = subprocess.Popen(
            [*command, *self.options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = re.search(r"http://\S+", line)
            if found:
                self.url = found.group(0)
                return
        self._process.stdout.close()
        raise AssertionError(f"no address: exit status {self._process.wait()}")

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return int(self.url.split(":")[2].split("/")[0])

    @property
    def token(self) -> str:
        """What the address lets in with."""
        return self.url.split("token=")[1]

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def wait(self, timeout: float = 20) -> int:
        """Wait for its own end; its exit status."""
        assert self._process is not None
        return self._process.wait(timeout)


Starter = Callable[..., Server]


def open_film(page: Page, server: Server, name: str | None = None) -> None:
    """Open the page, and one of the films by the name on its tab."""
    answer = page.goto(server.url)
    if answer is not None and answer.status == 404:
        page.goto(server.url.split("?")[0] + "static/index.html")
    page.wait_for_selector("body[data-open]")
    if name is not None:
        go_to(page, name)


def go_to(page: Page, name: str) -> None:
    """Another film of the same visit."""
    tab = page.locator("button.tab", has_text=name)
    film = tab.get_attribute("data-film")
    tab.click()
    page.wait_for_selector(f'body[data-open="{film}"]')
    page.wait_for_selector(".film[aria-label*='Film']")


def screen_of(page: Page, at: list[float]) -> tuple[float, float]:
    """Where an image point is on the screen, read from the page's own view."""
    x, y = page.evaluate("at => window.atlasplane.screenOf(at)", at)
    return float(x), float(y)


def press_at(page: Page, at: list[float], *, drag: tuple[float, float] = (9, 6)) -> None:
    """Press beside an image point, drag to it, let go."""
    x, y = screen_of(page, at)
    page.mouse.move(x + drag[0], y + drag[1])
    page.mouse.down()
    page.mouse.move(x + drag[0] / 2, y + drag[1] / 2)
    page.mouse.move(x, y)
    page.mouse.up()


def show_at(page: Page, at: list[float], scale: float) -> None:
    """Zoom by keys and wheel is tested elsewhere: here the point is simply shown."""
    page.evaluate("([at, scale]) => window.atlasplane.show(at, scale)", [at, scale])


def saved(page: Page) -> str:
    """Wait until the page says that everything is saved; what it says."""
    page.wait_for_selector(".save[data-state=saved]:has-text('Saved')")
    return page.inner_text(".save")


def mark_of(page: Page, key: str) -> Locator:
    """A mark on the film."""
    return page.locator(f'[data-key="{key}"]')


def stored(case: Path, view: str) -> list[dict[str, Any]]:
    """Readings of a landmark file."""
    path = case / DAY / f"{view}.landmarks.json"
    readings: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["readings"]
    return readings


def reading_by(case: Path, view: str, observer: str) -> dict[str, Any]:
    """The last reading of an observer."""
    return [r for r in stored(case, view) if r["observer"] == observer][-1]
