"""Input from which nothing can be computed. What cannot be concluded is a result, and no error."""

from __future__ import annotations


class Refusal(ValueError):
    """The numbers given cannot be used; the message says what is wrong and what to do."""


class NotFinite(Refusal):
    """A value is missing (NaN) or infinite: gaps are closed or left out by the caller, never here."""


class WrongShape(Refusal):
    """Arrays of unequal length, or of another number of dimensions than asked for."""


class TooFew(Refusal):
    """Fewer subjects, studies, phases or points than the procedure is defined for."""


class NoVariance(Refusal):
    """All values are equal where the procedure divides by their spread."""


class Duplicate(Refusal):
    """One cell of the design is filled twice: the procedure does not choose or average."""


class OutOfOrder(Refusal):
    """Times, phases or measurements that must follow each other do not."""


class OutOfRange(Refusal):
    """A value outside what it can be: a negative variance or count, a probability above 1."""


class NotConverged(Refusal):
    """An iteration ended without a solution; nothing of it is handed out."""


class NotAChoice(OutOfRange):
    """A variant was named by something that is none of those that there are."""


class Collinear(Refusal):
    """A column of the design is constant or follows from the others: its coefficient is not defined."""
