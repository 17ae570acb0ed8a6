"""A photograph of posture."""

from __future__ import annotations

from dataclasses import dataclass

from atlasplane.sources.film import PlanarImage


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Photograph(PlanarImage):
    """One photograph of the standing or sitting patient, taken with a level camera.

    It has no technique: how far the camera stood, and how squarely, is known only as a spread.
    """

    def __post_init__(self) -> None:
        if not self.view.is_photo:
            raise ValueError(f"{self.view.value} is not the view of a photograph")
        if self.technique is not None or self.camera_lps is not None:
            raise ValueError("a photograph has neither tube nor camera matrix")
