"""Sphinx extension: docstrings of statistics hold formulas in plain text, which are no markup.

|x| is an absolute value and no substitution, x_ an index and no link, and a line that begins with a sign goes
on with the formula and opens no list.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

ROOM = "atlasplane.stats"
LITERAL = re.compile(r"(``.+?``|`[^`]+`)")
"""Stays as it is."""
INDEX = re.compile(r"(?<=\w)_(?!\w)")
SIGN = re.compile(r"^(\s*)([-+*]) ")


def escaped(lines: list[str]) -> list[str]:
    """The lines of a docstring, its formulas made text.

    A hyphen opens a list after an empty line, and an item where a list is open at its indent; all other signs
    at the beginning of a line belong to a formula, or say what + means.
    """
    found, open_at, before = [], None, ""
    for line in lines:
        sign, text = SIGN.match(line), _plain(line)
        indent = len(line) - len(line.lstrip())
        if not line.strip() or (open_at is not None and indent < open_at):
            open_at = None
        if sign and sign[2] == "-" and not before.strip():
            open_at = indent
        if sign and (sign[2] != "-" or indent != open_at):
            text = SIGN.sub(r"\1\\\2 ", text)
        found.append(text)
        before = line
    return found


def _plain(line: str) -> str:
    """A line without substitutions and links, but for what is marked as literal."""
    parts = LITERAL.split(line)
    for k in range(0, len(parts), 2):
        parts[k] = INDEX.sub(r"\\_", parts[k].replace("|", r"\|"))
    return "".join(parts)


def _escape(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if name.startswith(ROOM):
        lines[:] = escaped(lines)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Before the sections of docstrings are read."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _escape, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
