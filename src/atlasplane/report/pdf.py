"""The report as PDF/A-2a and PDF/UA-1, set with typst; the same view gives the same bytes."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from atlasplane.core.errors import OutputFailed
from atlasplane.report.palette import BUDGET_COLOURS, OTHER_BUDGET
from atlasplane.report.printable import printable
from atlasplane.report.view import ReportView

STANDARDS = ("a-2a", "ua-1")


def pdf_report(view: ReportView, *, dated: datetime) -> bytes:
    """The report as PDF bytes.

    Parameters
    ----------
    dated : datetime with offset
        Date of creation that the file carries: the latest visit's time, so that a second run gives the same.

    Raises
    ------
    OutputFailed
        When typesetting fails.
    """
    import typst  # here: `import atlasplane.report.document` stays light

    # The package takes a project as a mapping of file names to bytes, which its type information leaves out.
    typeset: Any = typst.compile
    try:
        pdf: bytes = typeset(
            _sources(view),
            format="pdf",
            font_paths=[str(_font_folder())],
            ignore_system_fonts=True,
            pdf_standards=list(STANDARDS),
            timestamp=int(dated.timestamp()),
        )
    except typst.TypstError as fault:
        raise OutputFailed(
            "report.pdf", f"could not be typeset ({fault})", "Report this as a fault of the program."
        ) from fault
    return pdf


def _sources(view: ReportView) -> dict[str, bytes]:
    """Template, data and drawings as the files of a typst project."""
    data = printable(asdict(view))
    drawings = {}
    for g, group in enumerate(data["films"]):
        for k, film in enumerate(group["films"]):
            film["path"] = f"film-{g}-{k}.svg"
            drawings[film["path"]] = film.pop("svg").encode("utf-8")
    if data["changes"] and data["changes"]["plot_svg"]:
        drawings["changes.svg"] = data["changes"].pop("plot_svg").encode("utf-8")
        data["changes"]["plot_path"] = "changes.svg"
    if data["bones"]:
        data["bones"].pop("viewer")
        for k, sheet in enumerate(data["bones"]["sheets"]):
            sheet["path"] = f"bones-{k}.svg"
            drawings[sheet["path"]] = sheet.pop("svg").encode("utf-8")
    if data["registration"]:
        drawings |= _overlays(data["registration"])
    data["budget_colours"] = {**BUDGET_COLOURS, "other": OTHER_BUDGET}
    templates = files("atlasplane.report").joinpath("templates")
    return {
        "main.typ": templates.joinpath("report.typ").read_bytes(),
        "registration.typ": templates.joinpath("registration.typ").read_bytes(),
        "spasm.typ": templates.joinpath("spasm.typ").read_bytes(),
        "report.json": json.dumps(data, ensure_ascii=False).encode("utf-8"),
        **drawings,
    }


def _overlays(registration: dict[str, Any]) -> dict[str, bytes]:
    """The pictures of the registrations by path, which each gets in place of its bytes.

    The typesetter takes text only, so that a picture stands in a drawing of its own.
    """
    films = [film for sheet in registration["sheets"] for film in sheet["films"]]
    drawings = {}
    for k, picture in enumerate(picture for film in films for picture in film["pictures"]):
        picture["path"] = f"overlay-{k}.svg"
        size = f'width="{picture["width"]}" height="{picture["height"]}"'
        image = f'<image {size} href="data:image/jpeg;base64,{picture.pop("jpeg")}"/>'
        drawing = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{image}</svg>'
        drawings[picture["path"]] = drawing.encode("ascii")
    return drawings


def _font_folder() -> Path:
    """Source Sans as its package ships it, so that no font of the system is needed."""
    spec = find_spec("font_source_sans_pro")
    if spec is None or spec.origin is None:
        raise OutputFailed(
            "report.pdf", "its font (font-source-sans-pro) is not installed", "Install atlasplane again."
        )
    return Path(spec.origin).parent / "files"
