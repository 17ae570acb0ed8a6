"""Answers of a person to a questionnaire, as they were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Answers to one questionnaire.

    Attributes
    ----------
    file : str
        As the case names it.
    instrument : str
    answers : mapping item -> answer
        None for an item left out.
    """

    file: str
    instrument: str
    answers: Mapping[str, int | float | str | bool | None]
