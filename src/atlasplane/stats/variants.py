"""Named variants: a word in place of a member would quietly be another procedure, so it is refused."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import cache, wraps
from inspect import signature
from types import UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from atlasplane.stats.refusal import NotAChoice

P = ParamSpec("P")
R = TypeVar("R")


def named(function: Callable[P, R]) -> Callable[P, R]:
    """Refuse arguments that are none of the variants that their annotation names.

    Looked at are parameters whose annotation is an enumeration or a Literal, alone or in a union. Every
    public function that takes one is so decorated.

    Raises
    ------
    NotAChoice
        At the call, with the variants that there are.
    """
    of = signature(function)

    @cache
    def kinds() -> dict[str, tuple[Any, ...]]:
        hints = get_type_hints(function)
        parts = {name: _parts(hints[name]) for name in of.parameters if name in hints}
        return {name: kind for name, kind in parts.items() if any(map(_names_variants, kind))}

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        given = of.bind(*args, **kwargs).arguments
        for name, kind in kinds().items():
            if name in given and not any(_admits(part, given[name]) for part in kind):
                told = ", ".join(words for part in kind for words in _told(part))
                raise NotAChoice(f"{name} is {given[name]!r}; give one of {told}")
        return function(*args, **kwargs)

    return checked


def _parts(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _names_variants(part: Any) -> bool:
    return get_origin(part) is Literal or (isinstance(part, type) and issubclass(part, Enum))


def _admits(part: Any, value: object) -> bool:
    if get_origin(part) is Literal:
        return isinstance(value, str) and value in get_args(part)
    return isinstance(value, part)


def _told(part: Any) -> tuple[str, ...]:
    if get_origin(part) is Literal:
        return tuple(map(repr, get_args(part)))
    if issubclass(part, Enum):
        return tuple(f"{part.__name__}.{name}" for name in part.__members__)
    return ("None" if part is type(None) else part.__name__,)
