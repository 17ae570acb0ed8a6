"""Answers of a person to a questionnaire, as they were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Answer = int | float | str | bool | None
"""As it was given; None for an item left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Answers to one questionnaire.

    Attributes
    ----------
    file : str
        As the case names it.
    instrument : str
        Its name; of a FHIR resource the last part of the questionnaire's address.
    answers : mapping item -> Answer
    units : mapping item -> str
        Of answers that were given with one, as written (UCUM in FHIR).
    """

    file: str
    instrument: str
    answers: Mapping[str, Answer]
    units: Mapping[str, str] = field(default_factory=dict)
