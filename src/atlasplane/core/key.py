"""What joins values, covariances, truth and changes of one quantity: `id[/LEVEL][/side][@condition]`."""

from __future__ import annotations

from dataclasses import dataclass

SIDES = ("right", "left")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationKey:
    """The parts of a key, e.g. ``rra/C2-C3``, ``blair_convergence/right``, ``cobb_c2_c7@lateral-full``.

    Attributes
    ----------
    quantity : str
        Id of the catalogue.
    level : str or None
        Spinal level, e.g. "C2" or "C2-C3"; of what has none its structure, e.g. "trapezius_upper".
    side : "right", "left" or None
    condition : str or None
        Set where a value is not of the quantity's home view: for volumes their modality, "registered" for the
        bones of a volume registered to films.
    """

    quantity: str
    level: str | None = None
    side: str | None = None
    condition: str | None = None

    @classmethod
    def parse(cls, text: str) -> ObservationKey:
        """The parts of a written key.

        Raises
        ------
        ValueError
            When a part is empty, or level and side do not come once each and in this order.
        """
        path, at, condition = text.partition("@")
        quantity, *rest = path.split("/")
        side = rest.pop() if rest and rest[-1] in SIDES else None
        level = rest.pop() if rest else None
        if rest or level in SIDES or not all((quantity, level != "", condition or not at)):
            raise ValueError(f"'{text}' is no key: id[/LEVEL][/side][@condition] expected")
        return cls(quantity=quantity, level=level, side=side, condition=condition or None)

    def __str__(self) -> str:
        path = "/".join(part for part in (self.quantity, self.level, self.side) if part)
        return f"{path}@{self.condition}" if self.condition else path
