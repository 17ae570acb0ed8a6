"""The pictures of a registration in the visit's folder, and what the record says of them."""

from __future__ import annotations

from dataclasses import replace

from atlasplane.chain.registered import RegisteredVisit
from atlasplane.io.atomic import write_together
from atlasplane.io.models_registration import PictureJson
from atlasplane.xray.overlay import FOLDER, contours_of, overlays


def with_pictures(done: RegisteredVisit) -> RegisteredVisit:
    """The same with outlines of the bones on every film and with its overlays, which are written.

    A doubtful or refused registration has them too: they show what is wrong with it.

    Raises
    ------
    OutputFailed
        When a picture cannot be written; what was there before is untouched.
    """
    ready = done.prepared
    made = overlays(done.registration, ready.problem, simulated=ready.case.simulated)
    folder = done.folder / FOLDER
    folder.mkdir(exist_ok=True)
    files = {folder / overlay.file: overlay.png for overlay in made}
    write_together(files)
    named = done.with_overlays(list(files))
    told = {
        "pictures": tuple(PictureJson.model_validate(overlay.entry()) for overlay in made),
        "contours": contours_of(done.registration, ready.problem),
    }
    return replace(named, record=named.record.model_copy(update=told))
