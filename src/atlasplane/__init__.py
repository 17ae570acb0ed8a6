"""Atlasplane: measures how the atlas sits between skull and axis, with the uncertainty of every number.

`load` opens a case folder; everything else is reached from the case or from the rooms of the package
(``atlasplane.stats``, ``atlasplane.geometry`` and so on). Importing the package itself loads none of them.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

__all__ = ["__version__", "load"]

_FROM_API = frozenset({"load"})


def __getattr__(name: str) -> object:
    """Fetch a verb of `atlasplane.api` when it is first asked for."""
    if name not in _FROM_API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    verb: object = getattr(importlib.import_module("atlasplane.api"), name)
    globals()[name] = verb
    return verb
