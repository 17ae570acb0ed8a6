"""What the installed package asks of others, from its own metadata, and what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

PACKAGE = "atlasplane"
_LINE = re.compile(
    r"(?P<name>[\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?(?P<bounds>[^;)]*)\)?\s*(?:;\s*(?P<marker>.*))?"
)
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w.-]+)['"]""")
_BOUND = re.compile(r"(>=|<=|==|!=|<|>)\s*([\w.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement; `extra` is "" for those of the base install, `installed` None where it is missing."""

    name: str
    bounds: str
    extra: str
    installed: str | None

    @property
    def is_met(self) -> bool:
        """Whether it is installed within its bounds."""
        return self.installed is not None and within(self.installed, self.bounds)

    @property
    def asked(self) -> str:
        """As pip takes it."""
        return f"{self.name}{self.bounds}"


def requirements() -> Iterator[Requirement]:
    """Everything that the package's metadata asks for; nothing where it was never installed."""
    try:
        lines = requires(PACKAGE) or []
    except PackageNotFoundError:
        return
    for line in lines:
        found = _LINE.fullmatch(line.strip())
        if found is not None and found["name"].lower() != PACKAGE:
            extra = _EXTRA.search(found["marker"] or "")
            yield Requirement(
                name=found["name"],
                bounds=",".join(sorted(found["bounds"].strip().split(","), reverse=True)),
                extra="" if extra is None else extra[1],
                installed=_installed(found["name"]),
            )


def within(found: str, bounds: str) -> bool:
    """Whether a version lies within bounds such as `>=2.4,<3`, by its release numbers."""
    have = _release(found)
    tests = {
        ">=": lambda want: have >= want,
        "<=": lambda want: have <= want,
        "<": lambda want: have < want,
        ">": lambda want: have > want,
        "==": lambda want: have == want,
        "!=": lambda want: have != want,
    }
    return all(tests[sign](_release(want)) for sign, want in _BOUND.findall(bounds))


def _release(text: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.findall(r"\d+", re.split(r"[a-z+!-]", text.lower())[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
