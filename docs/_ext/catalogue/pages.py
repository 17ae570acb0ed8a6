"""The text of the landmark and quantity pages, written from the catalogues, and their pictures."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib.resources import files

import numpy as np
from matplotlib.figure import Figure

from atlasplane.anatomy.landmarks import Landmark, Placing
from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.anatomy.schematic_film import VIEWS
from atlasplane.core.quantity import PublishedError, Quantity, RedFlag, ReferenceRange, quantities

from .constructions import CONSTRUCTIONS, quantity_picture
from .pictures import OVERVIEWS, by_entry, drawn_views, landmark_picture, overview
from .sketches import SKETCHES

Url = Callable[[str], str]
"""Address of a picture by its name."""

FILMS: Mapping[str, str] = {
    "lateral": "Lateral film",
    "nasium": "Nasium film",
    "vertex": "Vertex film",
    "apom": "Open-mouth film",
    "base-posterior": "Base-posterior film",
    "ap-cervical": "Cervical film from the front",
    "lateral-full": "Full-length film from the side",
    "ap-full": "Full-length film from the front",
    "blair-right": "Blair film of the right condyle",
    "blair-left": "Blair film of the left condyle",
    "photo-lateral": "Photograph from the side",
    "photo-front": "Photograph from the front",
    "photo-back": "Photograph from behind",
    "": "Volumes (CT, CBCT) only",
}
PICTURED: Mapping[str, str] = {
    "photo-lateral": "photograph from the side",
    "photo-front": "photograph from the front",
    "photo-back": "photograph from behind",
}
BONES: Mapping[str, str] = {"skull": "skull", "c1": "atlas (C1)", "c2": "axis (C2)", "trunk": "C3 and below"}
UNITS: Mapping[str, str] = {"deg": "degree", "mm": "mm", "1": "none", "[in_i]": "inch"}


def drawings() -> Mapping[str, Callable[[], Figure | None]]:
    """Every picture of the documentation: its name, and what draws it."""
    draw: dict[str, Callable[[], Figure | None]] = dict(SKETCHES)
    for name in OVERVIEWS:
        draw[f"overview-{name}"] = partial(overview, name)
    for id_, entry in by_entry().items():
        for view in drawn_views(entry):
            draw[f"landmark-{id_}-{view}"] = partial(landmark_picture, entry, view)
    for id_, quantity in quantities().items():
        if has_picture(quantity):
            draw[f"quantity-{id_}"] = partial(quantity_picture, quantity)
    return draw


def has_picture(entry: Quantity) -> bool:
    """Whether a quantity is drawn: it is read from a drawn film, or has a construction of its own."""
    return entry.id in CONSTRUCTIONS or (entry.view in VIEWS and bool(entry.landmarks))


def landmarks_text(url: Url) -> str:
    """The landmark page below its introduction."""
    entries = by_entry()
    used = _used_by()
    blocks = ["## Overviews\n"]
    for name, (_, title, *_) in OVERVIEWS.items():
        blocks.append(_figure(url(f"overview-{name}"), f"{title}: every landmark with its id", wide=True))
    for film, heading in FILMS.items():
        here = {
            id_: entry for id_, entry in entries.items() if (entry.views[0] if entry.views else "") == film
        }
        if here:
            blocks.append(f"## {heading}\n")
            blocks.append(_table(("landmark", "name", "bone"), _index(here)))
            blocks.extend(_landmark(entry, used.get(id_, ()), url) for id_, entry in here.items())
    return "\n".join(blocks)


def _index(entries: Mapping[str, Landmark]) -> Iterator[tuple[str, ...]]:
    for id_, entry in entries.items():
        yield f"[{id_}](#landmark-{id_.lower().replace('_', '-')})", entry.name, BONES[entry.bone]


def _landmark(entry: Landmark, used: Iterable[str], url: Url) -> str:
    target = f"landmark-{entry.id.lower().replace('_', '-')}"
    lines = [f"({target})=", f"### {entry.id}: {entry.name}\n"]
    for view in drawn_views(entry):
        what = f"{entry.name} ({', '.join(entry.ids)}) on a schematic {PICTURED.get(view, view + ' film')}"
        lines.append(_figure(url(f"landmark-{entry.id}-{view}"), what))
    quantities_of = ", ".join(f"[{id_}](quantities.md#quantity-{id_.replace('_', '-')})" for id_ in used)
    kind = "contour (polyline)" if entry.kind == "contour" else "point"
    rows = [
        ("ids in files", ", ".join(f"`{id_}`" for id_ in entry.ids)),
        ("kind", f"{kind} of the {BONES[entry.bone]}"),
        ("films", ", ".join(entry.views) or "none: marked in volumes only"),
        ("how to mark it", entry.definition),
        ("how it goes wrong", entry.pitfalls),
        ("default placing", _placing(entry.placing, "on the film" if entry.views else "in the volume")),
        ("used by", quantities_of or "nothing in the catalogue yet"),
        ("definition rests on", f"{entry.source} ({tagged(entry.tag)})"),
    ]
    lines.append(_fields(rows))
    return "\n".join(lines)


def _placing(placing: Placing, where: str) -> str:
    if placing.along_mm == placing.across_mm:
        size = f"SD {placing.along_mm:g} mm {where} in every direction"
    else:
        size = (
            f"SD {placing.along_mm:g} mm along and {placing.across_mm:g} mm across an edge at "
            f"{placing.edge_deg:g}° (in the film frame, of the right side for a pair)"
        )
    return f"{size}; {placing.source} ({tagged(placing.tag)})"


def quantities_text(url: Url) -> str:
    """The quantity page below its introduction."""
    blocks = []
    for film, heading in {**FILMS, "": "Vectors and quantities of no single film"}.items():
        here = [entry for entry in quantities().values() if (entry.view or "") == film]
        if here:
            blocks.append(f"## {heading}\n")
            blocks.extend(_quantity(entry, url) for entry in here)
    others = [entry for entry in quantities().values() if (entry.view or "") not in FILMS]
    if others:
        blocks.append("## Other films\n")
        blocks.extend(_quantity(entry, url) for entry in others)
    return "\n".join(blocks)


def _quantity(entry: Quantity, url: Url) -> str:
    lines = [f"(quantity-{entry.id.replace('_', '-')})=", f"### {entry.name} (`{entry.id}`)\n"]
    if has_picture(entry):
        lines.append(_figure(url(f"quantity-{entry.id}"), f"{entry.name}: construction on a schematic film"))
    known = by_entry()
    marks = dict.fromkeys(id_ if id_ in known else id_[:-2] for id_ in entry.landmarks)
    links = ", ".join(f"[{id_}](landmarks.md#landmark-{id_.lower().replace('_', '-')})" for id_ in marks)
    rows = [
        ("unit", f"{UNITS.get(entry.unit, entry.unit)} (UCUM `{entry.unit}`)"),
        ("+ means", entry.positive),
        ("construction", entry.definition),
        ("u is about", entry.patient + (" (keeps the true head position)" if entry.posture else "")),
        ("landmarks", links or "none of its own"),
        ("published error", "; ".join(map(_error, entry.errors)) or "no published error"),
        ("range in people", "; ".join(map(_range, entry.ranges)) or "none entered"),
        ("construction rests on", f"{entry.source} ({tagged(entry.tag)})"),
    ]
    if len(entry.views) > 1:
        rows.insert(2, ("read from", ", ".join(FILMS[view].lower() for view in entry.views)))
    if entry.red_flags:
        rows.insert(-1, ("red flag", "; ".join(map(_flag, entry.red_flags))))
    if entry.mcid:
        rows.append(("meaningful change", _error(entry.mcid)))
    if entry.tag_note:
        rows.append(("note", entry.tag_note))
    lines.append(_fields(rows))
    return "\n".join(lines)


def _error(error: PublishedError) -> str:
    size = f"SD {error.sd:g}, " if error.sd is not None else ""
    return f"{size}{error.text} — {error.source} ({tagged(error.tag)})"


def _range(entry: ReferenceRange) -> str:
    low = "" if entry.low is None else f"from {entry.low:.3g} "
    high = "" if entry.high is None else f"to {entry.high:.3g} "
    return f"{low}{high}({entry.modality}; {entry.population}) — {entry.source} ({tagged(entry.tag)})"


def _flag(entry: RedFlag) -> str:
    low = "" if entry.low is None else f"under {entry.low:g} "
    high = "" if entry.high is None else f"over {entry.high:g} "
    who = f"{entry.modality}, {entry.sex}" if entry.sex else entry.modality
    either = "or " if low and high else ""
    return f"{low}{either}{high}({who}) — {entry.source} ({tagged(entry.tag)})"


def phantom_text(url: Url) -> str:
    """The tables of the phantom page."""
    table = tomllib.loads(
        files("atlasplane.anatomy").joinpath("data/phantom.toml").read_text(encoding="utf-8")
    )
    compared = [
        (name, f"{value:.1f} {unit}", range_, source)
        for name, value, unit, range_, source in compared_lengths()
    ]
    vault = [(f"`{name}`", f"{value}") for name, value in table["vault"].items()]
    spread = [(f"`{name}`", f"{value:g}") for name, value in table["variation"].items()]
    points = [
        (f"`{id_}`", BONES[bone], *(f"{c:g}" for c in at))
        for bone in BONES
        for id_, at in table["points"][bone].items()
    ]
    return "\n".join(
        [
            "## Beside published figures\n",
            _table(("length or angle", "mean phantom", "published", "source"), compared),
            "## Vault\n",
            _table(("entry", "value"), vault),
            "## Spread between persons\n",
            _table(("entry", "standard deviation"), spread),
            "## Points\n",
            "Millimetres in the frame of the bone; for a pair, the right side.\n",
            _table(("point", "bone", "X", "Y", "Z"), points),
        ]
    )


def compared_lengths() -> list[tuple[str, float, str, str, str]]:
    """Name, value, unit, published range and its source, of what the phantom can be held against."""
    person = mean_phantom()
    at = {id_: person.origins_mm[bone] + place for id_, (bone, place) in person.points_mm.items()}

    def above(id_: str, rear: str, front: str) -> float:
        """Height of a mid-line point above the line between two others."""
        u = (at[front] - at[rear]) / np.linalg.norm(at[front] - at[rear])
        v = at[id_] - at[rear]
        return float(u[0] * v[1] - u[1] * v[0])

    kappa = float(person.vault.shape_mm2[2, 2] / person.vault.shape_mm2[1, 1])
    return [
        (
            "basion to tip of the dens",
            float(np.linalg.norm(at["DENS_TIP"] - at["BA"])),
            "mm",
            "95 % below 8.5 (CT)",
            "Rojas et al. 2007, AJNR 28:1819",
        ),
        (
            "tip of the dens above McRae's line",
            above("DENS_TIP", "OP", "BA"),
            "mm",
            "-4.7 ± 1.3, always 0.6 to 10.4 below (CT)",
            "Craniometric measurements on CT, AJR 2011;196:W421; CT series, East Afr Med J (ajol.info 96635)",
        ),
        (
            "tip of the dens above Chamberlain's line",
            above("DENS_TIP", "OP", "HP_POST"),
            "mm",
            "-2.6 ± 2.2 (CT)",
            "CT series, East Afr Med J (ajol.info 96635); operativeneurosurgery.com",
        ),
        (
            "tip of the dens above McGregor's line",
            above("DENS_TIP", "OCC_INF", "HP_POST"),
            "mm",
            "-1.0 ± 2.1 (CT)",
            "CT series, East Afr Med J (ajol.info 96635); operativeneurosurgery.com",
        ),
        ("curvature of the skull walls, kappa", kappa, "", "0.5 to 0.8 (one mesh)", "BodyParts3D, derived"),
        (
            "slope of the silhouette's depth, rho",
            float(person.vault.shape_mm2[0, 1] / person.vault.shape_mm2[1, 1]),
            "",
            "-0.5 to -0.3 (the same mesh)",
            "BodyParts3D, derived",
        ),
    ]


def tagged(tag: str) -> str:
    """An evidence tag as a link to its meaning."""
    return f"[{tag}](../guide/evidence.md)"


def _used_by() -> dict[str, list[str]]:
    """Quantities by the landmark that they use, id without side."""
    used: dict[str, list[str]] = {}
    known = by_entry()
    for id_, entry in quantities().items():
        for mark in dict.fromkeys(m if m in known else m[:-2] for m in entry.landmarks):
            used.setdefault(mark, []).append(id_)
    return used


def _figure(address: str, what: str, *, wide: bool = False) -> str:
    width = "100%" if wide else "620px"
    return f"```{{image}} {address}\n:alt: {what}\n:width: {width}\n```\n"


def _fields(rows: Iterable[tuple[str, str]]) -> str:
    """A definition list."""
    return "".join(f"{_text(name)}\n: {_text(value)}\n\n" for name, value in rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _text(value: str) -> str:
    """Catalogue text as Markdown: signs that would be taken for mark-up are escaped."""
    outside = value.split("`")
    for k in range(0, len(outside), 2):
        for sign in ("*", "<", "|", "$"):
            outside[k] = outside[k].replace(sign, f"\\{sign}")
    return "`".join(outside)
