"""How a quantity is drawn: on which film, in which posture, in which window, and by what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from atlasplane.anatomy.schematic_film import STRAIGHT, Angles, Film, is_drawn, schematic_film

from . import drawing as d
from .marking import Draw
from .pictures import close_mm

SHAPE = 1.35
"""Width over height of a drawing whose window follows its landmarks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Construction:
    """How a quantity is drawn.

    Attributes
    ----------
    view : film
    draw : what draws it and returns the note below
    window : part of the film; None for one round the landmarks `around`, with `margin` mm
    head : yaw, pitch, roll, degrees
    c1, c2, trunk : flexion, laterality, rotation beyond the pose of the drawing, degrees
    aside_mm : mapping bone -> shift to the patient's right
    subject : landmark for which the film is drawn
    """

    view: str
    draw: Draw
    window: d.Window | None = None
    around: tuple[str, ...] = ()
    margin: float = 26.0
    head: Angles = STRAIGHT
    c1: Angles = STRAIGHT
    c2: Angles = STRAIGHT
    trunk: Angles = STRAIGHT
    aside_mm: Mapping[str, float] = field(default_factory=dict)
    subject: str = ""

    def figure(self) -> Figure:
        """The finished drawing."""
        sheet = self.sheet()
        seen = self.window or self._around(sheet)
        window = d.with_strip(seen)
        figure, axes = d.blank(window, width_in=5.2)
        d.bones(axes, sheet, seen, strength=0.8)
        d.furniture(axes, sheet, window, note=self.draw(axes, sheet))
        return figure

    def sheet(self) -> Film:
        """The person in that posture."""
        return schematic_film(
            self.view,
            subject=self.subject,
            head=self.head,
            c1=self.c1,
            c2=self.c2,
            trunk=self.trunk,
            aside_mm=self.aside_mm,
        )

    def _around(self, sheet: Film) -> d.Window:
        points = np.concatenate([np.atleast_2d(sheet.landmark(id_)) for id_ in self.around if is_drawn(id_)])
        return d.Window.around(points, margin=self.margin, least=close_mm(self.view), shape=SHAPE)
