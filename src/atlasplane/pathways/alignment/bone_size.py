"""Bones keep their size: between visits, and within what a grown person can have."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.core.finding import Finding, Severity
from atlasplane.pathways.alignment.film_layout import film_plane
from atlasplane.pathways.alignment.limits import limits
from atlasplane.pathways.alignment.marked_film import marked_film
from atlasplane.sources.film import Radiograph
from atlasplane.sources.reading import Reading


@dataclass(frozen=True, slots=True)
class BoneDistance:
    """A distance within one bone, between two marks of a plane."""

    name: str
    plane: str
    ends: tuple[str, str]

    @property
    def mean_mm(self) -> float:
        """The mean person's (anatomy.phantom)."""
        points = mean_phantom().points_mm
        return float(np.linalg.norm(points[self.ends[0]][1] - points[self.ends[1]][1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class BoneSize:
    """One distance on one film.

    Attributes
    ----------
    distance : BoneDistance
    file : str
    mm : float
        In the patient's plane.
    u_own : float
        Standard uncertainty from placing and projection, mm.
    u_scale : float
        From the scale, mm; what films of one set-up share.
    setup : str
        Scale and distances that two films may have in common.
    """

    distance: BoneDistance
    file: str
    mm: float
    u_own: float
    u_scale: float
    setup: str


@cache
def bone_distances() -> tuple[BoneDistance, ...]:
    """The distances of data/bone_size.toml."""
    text = files("atlasplane.pathways.alignment").joinpath("data/bone_size.toml").read_text(encoding="utf-8")
    return tuple(
        BoneDistance(row["name"], row["plane"], (row["ends"][0], row["ends"][1]))
        for row in tomllib.loads(text)["distance"]
    )


def bone_sizes(film: Radiograph, reading: Reading) -> tuple[BoneSize, ...]:
    """Distances that a reading of a film with a scale shows; raises BadLandmarks."""
    if not film.calibration.kind.has_object_scale:
        return ()
    plane = film_plane(film.view.value)
    shown = [d for d in bone_distances() if d.plane == plane and all(id_ in reading.points for id_ in d.ends)]
    if not shown:
        return ()
    marked = marked_film(film, reading, {id_ for d in shown for id_ in d.ends})
    technique = film.technique
    setup = f"{film.calibration.kind.value} {film.calibration.mm_per_px} " + (
        "" if technique is None else f"{technique.sid_mm:g} {technique.sod_mm:g}"
    )
    found = []
    for distance in shown:
        first, second = (marked.slots[id_][0] for id_ in distance.ends)
        between = marked.values[first : first + 2] - marked.values[second : second + 2]
        mm = float(np.linalg.norm(between))
        along = between / (mm or 1.0)
        placing = sum(along @ marked.cov[k : k + 2, k : k + 2] @ along for k in (first, second))
        projection = mm * limits()["bones.projection"].value / 100
        found.append(
            BoneSize(
                distance=distance,
                file=film.file,
                mm=mm,
                u_own=math.sqrt(float(placing) + projection**2),
                u_scale=mm * film.calibration.u_rel,
                setup=setup,
            )
        )
    return tuple(found)


def size_findings(sizes: Sequence[BoneSize]) -> Iterator[Finding]:
    """Bones of one film that no grown person has: one finding, about the worst of them."""
    limit = limits()["bones.size"]
    off = [(100 * (each.mm / each.distance.mean_mm - 1), each) for each in sizes]
    if off:
        percent, worst = max(off, key=lambda pair: abs(pair[0]))
        if abs(percent) > limit.value:
            yield Finding(
                code="bones.size",
                severity=Severity.WARN,
                file=worst.file,
                value=percent,
                limit=limit.value,
                text=f"{worst.distance.name} is {worst.mm:.1f} mm, {percent:+.0f} % off the mean person's "
                f"{worst.distance.mean_mm:.1f} mm (limit {limit.value:g} %, {limit.tag}): check the scale",
                source=limit.source,
            )


def difference_findings(first: Sequence[BoneSize], second: Sequence[BoneSize]) -> Iterator[Finding]:
    """Bones that differ between two films by more than their uncertainty: one finding, about the worst."""
    known = {each.distance: each for each in first}
    pairs = [(known[each.distance], each) for each in second if each.distance in known]
    if not pairs:
        return
    ratio, (before, after) = max(((_ratio(a, b), (a, b)) for a, b in pairs), key=lambda found: found[0])
    stop = ratio > limits()["bones.other_person"].value
    limit = limits()["bones.other_person" if stop else "bones.differ"]
    if ratio > limit.value:
        yield Finding(
            code="bones.other_person" if stop else "bones.differ",
            severity=Severity.STOP if stop else Severity.WARN,
            file=after.file,
            value=ratio,
            limit=limit.value,
            text=f"{after.distance.name} is {after.mm:.1f} mm, but {before.mm:.1f} mm on {before.file}: "
            f"{ratio:.1f} standard uncertainties apart (limit {limit.value:g}, {limit.tag}); is it the same "
            "person, at the same scale?",
            source=limit.source,
        )


def _ratio(a: BoneSize, b: BoneSize) -> float:
    shared = a.setup == b.setup
    scale = abs(a.u_scale - b.u_scale) if shared else math.hypot(a.u_scale, b.u_scale)
    return abs(a.mm - b.mm) / math.sqrt(a.u_own**2 + b.u_own**2 + scale**2)
