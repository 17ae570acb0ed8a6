"""The page's own files and the pictures of the landmarks."""

from __future__ import annotations

from importlib.resources import files
from pathlib import PurePosixPath

from fastapi.responses import Response

from atlasplane.anatomy.landmarks import landmarks
from atlasplane.anatomy.protocol import protocols
from atlasplane.web.desk import NotFound

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".json": "application/json",
}


def page_file(name: str) -> Response:
    """One of the files that belong to the page; raises NotFound."""
    path = PurePosixPath(name)
    plain = all(part not in ("", ".", "..") and "\\" not in part for part in name.split("/"))
    kind = _TYPES.get(path.suffix)
    if plain and kind is not None:
        file = files("atlasplane.web").joinpath(*path.parts)
        if file.is_file():
            return Response(file.read_bytes(), media_type=kind, headers={"Cache-Control": "no-cache"})
    raise NotFound("page", "has no such file", "Load the page again")


def picture(view: str, landmark: str) -> Response:
    """The schematic of a landmark on a view; raises NotFound."""
    if view in protocols() and landmark in landmarks():
        try:
            from atlasplane.anatomy.schematic import landmark_svg

            drawn = landmark_svg(view, landmark)
        except (ImportError, KeyError):
            drawn = ""
        if drawn:
            return Response(drawn, media_type="image/svg+xml", headers={"Cache-Control": "no-cache"})
    raise NotFound("picture", "is not drawn for this landmark", "Read its definition instead")
