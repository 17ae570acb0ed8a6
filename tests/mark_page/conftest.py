"""A browser, servers that can be killed, and cases of one's own for the tests of the marking page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.mark_page.hand import WIDE, Server, Starter, launched, simulated_case


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    yield from launched()


@pytest.fixture
def serve() -> Iterator[Starter]:
    """Starts servers and ends them."""
    servers: list[Server] = []

    def start(source: Path, *options: str, port: int = 0) -> Server:
        servers.append(Server(source, options).start(port))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def pattern_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; tests work on copies."""
    return simulated_case(tmp_path_factory.mktemp("pattern") / "case")


@pytest.fixture
def case(pattern_case: Path, tmp_path: Path) -> Path:
    """A case of one's own."""
    shutil.copytree(pattern_case, tmp_path / "case")
    return tmp_path / "case"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of 1280 x 800; an error in its script fails the test."""
    faults: list[str] = []
    context = browser.new_context(viewport=WIDE)
    opened = context.new_page()
    opened.on("pageerror", lambda fault: faults.append(str(fault)))
    opened.set_default_timeout(60_000)
    yield opened
    context.close()
    assert faults == []
