"""Makes the pictures of `docs/guide/spasm.md` from the patient of `atlasplane demo`.

`python -m tools.spasm_pictures atlasplane-demo/patient docs/_static` writes them anew, set in the font of the
report; no browser is needed.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import typst
from PIL import Image

import atlasplane
from atlasplane.report.numbers import NO_BREAK
from atlasplane.report.spasm_section import spasm_view
from atlasplane.report.spasm_view import SpasmPicture

PIXELS_PER_INCH = 110
COLOURS = 255
WIDE_IN, NARROW_IN = 10.0, 6.6
EVENTS = ("Left upper trapezius: tonic spasm", "Right upper trapezius: clonus")
EVENTS_MORE = ("Left upper trapezius: clonus", "Left upper trapezius: voluntary, not counted")
NIGHT = "the night before"


def main(case: Path, folder: Path) -> None:
    """Measure the case and write its pictures."""
    loaded = atlasplane.load(case)
    view = spasm_view(loaded.measure(), loaded.compare())
    if view is None or view.series_picture is None:
        raise SystemExit(f"{case} has no two recordings")
    sheet = view.sheets[0]
    events = {picture.title: picture for picture in sheet.events}
    chosen = [events[title] for title in (*EVENTS, *EVENTS_MORE)]
    for name, title, width_in, pictures in (
        ("spasm", f"upper trapezius, {NIGHT}", WIDE_IN, sheet.strips),
        ("spasm_spectrum", f"upper trapezius, {NIGHT}, spectrum", WIDE_IN, sheet.spectra),
        ("spasm_events", f"single events of {NIGHT}", WIDE_IN, chosen),
        ("spasm_series", "burden, the night before and the night after", NARROW_IN, [view.series_picture]),
    ):
        (folder / f"{name}.png").write_bytes(_png(title, pictures, width_in))


def _png(title: str, pictures: Sequence[SpasmPicture], width_in: float) -> bytes:
    """Drawings under a title, two beside each other where there are several; set as the report's PDF is."""
    several = len(pictures) > 1
    columns = "(1fr, 1fr)" if several else "(1fr,)"
    captioned = [
        (f'#text(8.5pt, weight: "bold")[{p.title}] \\ #text(7pt)[{p.caption}] \\ ' if several else "")
        + f'#image("{k}.svg", width: 100%)'
        for k, p in enumerate(pictures)
    ]
    source = "\n".join(
        [
            f"#set page(width: {width_in}in, height: auto, margin: 5mm)",
            '#set text(font: "Source Sans Pro", size: 10pt, fill: rgb("#17242e"))',
            f'#text(weight: "bold")[Simulated patient: {title}]',
            f"#grid(columns: {columns}, gutter: 6mm, {', '.join(f'[{text}]' for text in captioned)})",
        ]
    )
    files = {"main.typ": source.replace(NO_BREAK, "~").encode("utf-8")}
    files |= {f"{k}.svg": picture.svg.encode("utf-8") for k, picture in enumerate(pictures)}
    fonts = Path(str(find_spec("font_source_sans_pro").origin)).parent / "files"  # type: ignore[union-attr]
    drawn = typst.compile(
        files, format="png", ppi=PIXELS_PER_INCH, font_paths=[str(fonts)], ignore_system_fonts=True
    )
    stream = io.BytesIO()
    flat = Image.open(io.BytesIO(drawn)).convert("RGB")
    flat.quantize(COLOURS, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
