"""Answers out of FHIR R4 QuestionnaireResponses (https://hl7.org/fhir/R4/questionnaireresponse.html)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from atlasplane.core.errors import BadInput
from atlasplane.sources.answers import Answer, Answers

_RESPONSE = "QuestionnaireResponse"
_WEIGHTS = (
    "http://hl7.org/fhir/StructureDefinition/ordinalValue",
    "http://hl7.org/fhir/StructureDefinition/itemWeight",
)
"""Extensions that give the level of a coded answer, in R4 and as brought back from R5."""
_NUMBERS = ("valueInteger", "valueDecimal")
_TEXTS = ("valueBoolean", "valueString", "valueDate", "valueDateTime", "valueTime", "valueUri")


def fhir_answers(resource: Mapping[str, object], *, file: str) -> tuple[Answers, ...]:
    """The answers of a response, or of every response of a bundle.

    The instrument is the last part of the canonical address of the questionnaire, without its version; items
    go by their ``linkId``, also those within groups. Of a coded answer the level counts where an extension
    (``ordinalValue``, ``itemWeight``) gives it, else the code, as a number where it is one. Several answers
    to one item become one text, which is no level of any scale. The unit of a quantity is kept beside it: its
    UCUM code, else as it is written.

    Raises
    ------
    BadInput
        When the resource is not built as FHIR says, or was entered in error.
    """
    try:
        return tuple(_answers(each, file) for each in _responses(resource))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as fault:
        what = "is no QuestionnaireResponse as FHIR R4 builds it"
        raise BadInput(file, what, "Check it with a FHIR validator, and export it again") from fault


def _responses(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if resource["resourceType"] == _RESPONSE:
        yield resource
        return
    for entry in _list(resource.get("entry")):
        own = entry.get("resource") or {}
        if own.get("resourceType") == _RESPONSE:
            yield own


def _answers(response: Mapping[str, Any], file: str) -> Answers:
    if response.get("status") == "entered-in-error":
        raise BadInput(file, "is marked as entered in error", "Take it out of visit.toml")
    found: dict[str, list[Answer]] = {}
    units: dict[str, str] = {}
    for item in _items(response):
        link = str(item["linkId"])
        own = found.setdefault(link, [])
        for answer in _list(item.get("answer")):
            own.append(_value(answer))
            if unit := _unit(answer):
                units[link] = unit
    return Answers(
        file=file,
        instrument=_instrument(response.get("questionnaire") or ""),
        answers={link: _one(values) for link, values in found.items()},
        units=units,
    )


def _items(response: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every item in the order of the page, those of groups and beneath answers too; groups are left out."""
    waiting = _list(response.get("item"))[::-1]
    while waiting:
        item = waiting.pop()
        within = [*_list(item.get("item"))]
        for answer in _list(item.get("answer")):
            within += _list(answer.get("item"))
        waiting += within[::-1]
        if "answer" in item or not within:
            yield item


def _instrument(canonical: str) -> str:
    return re.split(r"[/#]", canonical.partition("|")[0])[-1]


def _value(answer: Mapping[str, Any]) -> Answer:
    """The value of one answer; None where it has none that a scale or a form could use."""
    if "valueCoding" in answer:
        return _coded(answer["valueCoding"])
    if "valueQuantity" in answer:
        return _number(answer["valueQuantity"].get("value"))
    for name in _NUMBERS:
        if name in answer:
            return _number(answer[name])
    for name in _TEXTS:
        if name in answer:
            return _plain(answer[name])
    return None


def _unit(answer: Mapping[str, Any]) -> str:
    """Unit of a quantity, empty for any other answer."""
    quantity = answer.get("valueQuantity") or {}
    written = quantity.get("code") or quantity.get("unit") or ""
    if not isinstance(written, str):
        raise TypeError(f"a unit expected, got {written!r}")
    return written.strip()


def _plain(value: Any) -> Answer:
    if not isinstance(value, str | bool):
        raise TypeError(f"a text expected, got {value!r}")
    return value


def _coded(coding: Mapping[str, Any]) -> Answer:
    for extension in _list(coding.get("extension")):
        if extension.get("url") in _WEIGHTS:
            return _number(extension.get("valueDecimal"))
    code = coding.get("code") or coding.get("display")
    return int(code) if code is not None and re.fullmatch(r"\d{1,4}", code) else code


def _number(value: Any) -> Answer:
    """A number, whole where it is."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a number expected, got {value!r}")
    return int(value) if value == int(value) else value


def _one(values: list[Answer]) -> Answer:
    if len(values) < 2:
        return values[0] if values else None
    return "; ".join(str(value) for value in values)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"a list expected, got {type(value).__name__}")
    return value
