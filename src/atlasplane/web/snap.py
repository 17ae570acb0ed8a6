"""A contour moved to the film's edge, as the page gets it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadInput
from atlasplane.web.bodies import SnapBody
from atlasplane.xray.edges import snapped


def snap_document(pixels: NDArray[np.uint16], body: SnapBody) -> dict[str, Any]:
    """The polyline, or the one point, on the edge near it.

    Raises
    ------
    BadInput
        When neither or both are given, or they lie outside the film.
    """
    if (body.contour is None) == (body.point is None):
        raise BadInput("request", "names neither a contour nor a point, or both", "Send one of them")
    contour = np.array(body.contour if body.contour is not None else [body.point], dtype=float)
    rows, columns = pixels.shape
    if np.any(contour < -0.5) or np.any(contour > np.array([columns, rows]) - 0.5):
        raise BadInput("request", "a point lies outside the film", "Draw inside the film")
    found = snapped(pixels, contour, reach_px=body.reach_px)
    # An edge at the border may lie half a pixel outside; a mark may not.
    at = np.clip(found.at, -0.5, np.array([columns, rows]) - 0.5)
    answer: dict[str, Any] = {
        "contour": at.tolist(),
        "moved_px": np.abs(found.moved_px).tolist(),
        "found": found.found.tolist(),
    }
    return answer if body.point is None else answer | {"point": at[0].tolist()}
