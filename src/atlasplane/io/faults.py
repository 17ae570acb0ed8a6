"""From a failed check of a table to one sentence a person can act on: file, key, fault, remedy."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from atlasplane.core.errors import BadInput

Model = TypeVar("Model", bound=BaseModel)


def validated(
    model: type[Model], content: Mapping[str, object], *, name: str, error: type[BadInput] = BadInput
) -> Model:
    """The content as a model.

    Parameters
    ----------
    error : type
        Which error of core to raise.

    Raises
    ------
    BadInput
        Naming the file, the key path, the fault and the remedy; the first fault, and how many more there are.
    """
    try:
        return model.model_validate(content)
    except ValidationError as failed:
        # A key that is wrongly written shows as an unknown one and a missing one: the unknown one tells more.
        faults = failed.errors(include_url=False)
        faults.sort(key=lambda fault: fault["type"] != "extra_forbidden")
        absent = [fault for fault in faults if fault["type"] == "missing"]
        if faults[0]["type"] == "missing" and len(absent) > 1:
            what, remedy = _all_missing(absent)
            more = len(faults) - len(absent)
        else:
            what, remedy = _sentence(model, faults[0])
            more = len(faults) - 1
        raise error(name, f"{what} (and {more} more)" if more else what, remedy) from failed


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like this one, or None."""
    by_lower = {k.lower(): k for k in known}
    close = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


def key_path(loc: Iterable[int | str]) -> str:
    """Place in a table as people write it: ``film[1].patient_right``, first index 0."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _sentence(model: type[BaseModel], fault: ErrorDetails) -> tuple[str, str]:
    sentence = _SENTENCES.get(fault["type"], _other)
    return sentence(model, fault)


def _unknown_key(model: type[BaseModel], fault: ErrorDetails) -> tuple[str, str]:
    *above, last = fault["loc"]
    allowed = sorted(_keys(_at(model, above)))
    close = nearest(str(last), allowed)
    remedy = f"Did you mean '{close}'?" if close else f"Allowed here: {', '.join(allowed)}"
    return f"unknown key '{key_path(fault['loc'])}'", f"{remedy} Your own keys belong under 'x'"


def _missing(_model: type[BaseModel], fault: ErrorDetails) -> tuple[str, str]:
    return f"key '{key_path(fault['loc'])}' is missing", "Add it"


def _all_missing(faults: Iterable[ErrorDetails]) -> tuple[str, str]:
    keys = ", ".join(f"'{key_path(fault['loc'])}'" for fault in faults)
    return f"keys {keys} are missing", "Add them"


def _no_choice(_model: type[BaseModel], fault: ErrorDetails) -> tuple[str, str]:
    expected = fault.get("ctx", {}).get("expected", "another value")
    return f"'{key_path(fault['loc'])}' is {fault['input']!r}", f"Use one of {expected}"


def _not_finite(_model: type[BaseModel], fault: ErrorDetails) -> tuple[str, str]:
    return f"'{key_path(fault['loc'])}' is {fault['input']}, not a number", "Leave an unknown value out"


def _no_offset(_model: type[BaseModel], fault: ErrorDetails) -> tuple[str, str]:
    what = f"'{key_path(fault['loc'])}' is a time without its offset from UTC"
    return what, "Add it, as in 2026-03-02T09:10:00+01:00"


def _own_words(_model: type[BaseModel], fault: ErrorDetails) -> tuple[str, str]:
    said = fault.get("ctx", {}).get("error", fault["msg"])
    return f"'{key_path(fault['loc'])}': {said}" if fault["loc"] else str(said), "Correct it"


def _other(_model: type[BaseModel], fault: ErrorDetails) -> tuple[str, str]:
    said = fault["msg"][:1].lower() + fault["msg"][1:]
    shown = repr(fault["input"])
    return f"'{key_path(fault['loc'])}': {said}, got {shown[:80]}", "Correct it"


_SENTENCES: Mapping[str, Callable[[type[BaseModel], ErrorDetails], tuple[str, str]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "literal_error": _no_choice,
    "finite_number": _not_finite,
    "timezone_aware": _no_offset,
    "value_error": _own_words,
}


def _keys(annotation: object) -> set[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {field.alias or name for name, field in annotation.model_fields.items()}
    return set()


def _at(annotation: object, loc: Iterable[int | str]) -> object:
    """The type that stands at a place of a model."""
    for part in loc:
        annotation = _inner(_plain(annotation), part)
    return _plain(annotation)


def _inner(annotation: object, part: int | str) -> object:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        by_key = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
        return by_key.get(str(part))
    arguments = get_args(annotation)
    if not arguments:
        return None
    return arguments[-1] if get_origin(annotation) is dict else arguments[0]


def _plain(annotation: object) -> object:
    """Without `Annotated` and without `None`."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [argument for argument in get_args(annotation) if argument is not type(None)]
        return _plain(rest[0])
    return annotation
