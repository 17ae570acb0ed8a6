"""Web browsers of this computer, for the page of `mark`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

COMMANDS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
    "firefox",
    "firefox-esr",
    "brave-browser",
    "safari",
)
_APPLICATIONS = ("Google Chrome", "Chromium", "Microsoft Edge", "Firefox", "Safari", "Brave Browser")
_PROGRAMS = (
    "Google/Chrome/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
    "Mozilla Firefox/firefox.exe",
)
_PROGRAM_FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")


def browsers() -> tuple[str, ...]:
    """Names of the browsers that were found, each once."""
    return tuple(dict.fromkeys((*_on_path(), *_applications(), *_programs())))


def _on_path() -> Iterator[str]:
    return (name for name in COMMANDS if shutil.which(name))


def _applications() -> Iterator[str]:
    folder = Path("/Applications")
    return (name for name in _APPLICATIONS if (folder / f"{name}.app").exists())


def _programs() -> Iterator[str]:
    for folder in filter(None, map(os.environ.get, _PROGRAM_FOLDERS)):
        for program in _PROGRAMS:
            if (Path(folder) / program).is_file():
                yield Path(program).stem


def default_browser_opens() -> bool:
    """Whether Python knows a browser that it can open a page in."""
    import webbrowser

    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
