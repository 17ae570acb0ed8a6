"""Sphinx extension: the landmark and quantity pages, with their drawings, from the catalogues of the package.

The directives `landmark-catalogue`, `quantity-catalogue` and `phantom-tables` write pages,
`catalogue-picture` shows one drawing. The drawings are made when a build starts, into the folder of the
doctrees, and again only when what they are made from has changed.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import matplotlib as mpl
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from atlasplane.anatomy.landmarks import TOPICS as LANDMARK_TOPICS
from atlasplane.anatomy.schematic_film import TOPICS as SCHEMATIC_TOPICS
from atlasplane.core.quantity import TOPICS as QUANTITY_TOPICS

from .pages import drawings, landmarks_text, phantom_text, quantities_text

if TYPE_CHECKING:
    from sphinx.application import Sphinx

STYLE: dict[Any, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "atlasplane",
    "font.family": "DejaVu Sans",
    "path.simplify": True,
}
DATA = (
    *(("atlasplane.anatomy", f"data/landmarks/{topic}.toml") for topic in LANDMARK_TOPICS),
    *(("atlasplane.anatomy", f"data/schematic/{topic}.toml") for topic in SCHEMATIC_TOPICS),
    *(("atlasplane.anatomy", f"schematic_{name}.py") for name in ("film", "curves")),
    ("atlasplane.anatomy", "data/placing.toml"),
    ("atlasplane.anatomy", "data/phantom.toml"),
    ("atlasplane.anatomy", "phantom.py"),
    *(("atlasplane.core", f"data/quantities/{topic}.toml") for topic in QUANTITY_TOPICS),
)
LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}")
PATH_DATA = re.compile(r'(?<= d=")[^"]+')

logger = logging.getLogger(__name__)


def draw(folder: Path, names: Iterable[str] | None = None) -> list[Path]:
    """Draw pictures, all of them or those named, as SVG files into a folder; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    every = drawings()
    written = []
    for name in every if names is None else names:
        figure = every[name]()
        if figure is None:
            raise ValueError(f"{name}: nothing to draw")
        path = folder / f"{name}.svg"
        with mpl.rc_context(STYLE):
            figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
        path.write_text(_shortened(path.read_text(encoding="utf-8")), encoding="utf-8")
        written.append(path)
    return written


def _shortened(svg: str) -> str:
    """The same picture to a tenth of a point, with each path on one line."""

    def path(hit: re.Match[str]) -> str:
        return LONG_NUMBER.sub(lambda number: f"{float(number[0]):.1f}", hit[0].replace(" \n", " "))

    return PATH_DATA.sub(path, svg)


def digest() -> str:
    """Digest of everything that the pages and pictures are made from."""
    here = Path(__file__).parent
    parts = [path.read_bytes() for path in sorted(here.iterdir()) if path.suffix == ".py"]
    parts += [files(package).joinpath(name).read_bytes() for package, name in DATA]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def picture_folder(app: Sphinx) -> Path:
    """Where the pictures of a build lie."""
    return Path(app.doctreedir) / "catalogue-pictures"


def _draw_if_changed(app: Sphinx) -> None:
    folder = picture_folder(app)
    stamp = folder / "digest.txt"
    wanted = digest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    logger.info("drawing the pictures of the catalogues ...")
    draw(folder)
    stamp.write_text(wanted, encoding="utf-8")


class _Catalogue(SphinxDirective):
    """Writes a page of a catalogue where it stands."""

    text: ClassVar[Any]

    def run(self) -> list[nodes.Node]:
        """Nodes of the page."""
        folder = picture_folder(self.env.app)
        self.env.note_dependency(str(folder / "digest.txt"))

        def url(name: str) -> str:
            return "/" + Path(os.path.relpath(folder / f"{name}.svg", self.env.srcdir)).as_posix()

        return self.parse_text_to_nodes(type(self).text(url), allow_section_headings=True)


class LandmarkCatalogue(_Catalogue):
    """`landmark-catalogue`: every landmark with its drawing."""

    text = staticmethod(landmarks_text)


class QuantityCatalogue(_Catalogue):
    """`quantity-catalogue`: every quantity with its drawing."""

    text = staticmethod(quantities_text)


class PhantomTables(_Catalogue):
    """`phantom-tables`: what the mean phantom is made of."""

    text = staticmethod(phantom_text)


class CataloguePicture(SphinxDirective):
    """`catalogue-picture`: one drawing by its name."""

    required_arguments = 1
    option_spec: ClassVar[Any] = {"alt": str, "width": str}

    def run(self) -> list[nodes.Node]:
        """An image node."""
        path = picture_folder(self.env.app) / f"{self.arguments[0]}.svg"
        if not path.is_file():
            raise self.error(f"there is no drawing '{self.arguments[0]}'")
        address = "/" + Path(os.path.relpath(path, self.env.srcdir)).as_posix()
        image = nodes.image(
            uri=address, alt=self.options.get("alt", ""), width=self.options.get("width", "620px")
        )
        return [image]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives and the drawing of the pictures."""
    app.add_directive("landmark-catalogue", LandmarkCatalogue)
    app.add_directive("quantity-catalogue", QuantityCatalogue)
    app.add_directive("phantom-tables", PhantomTables)
    app.add_directive("catalogue-picture", CataloguePicture)
    app.connect("builder-inited", _draw_if_changed)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
