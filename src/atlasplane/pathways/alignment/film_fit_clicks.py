"""What the films of a visit show of skull, C1 and C2: clicks in pixels with their placing covariance."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis
from atlasplane.pathways.alignment.marked_film import MarkedFilm, marked_film
from atlasplane.pathways.alignment.observers import combine_readings
from atlasplane.sources.observer import ObserverPlacing


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FilmClicks:
    """Clicks of one film, readings combined.

    Attributes
    ----------
    analysis : FilmAnalysis
    readings : tuple of MarkedFilm
        Each reading's marks that are fitted, film coordinates.
    ids : tuple of str
    at_px : array, shape (n, 2)
        [column, row].
    cov_px : array, shape (n, 2, 2)
        Placing, and the spread between observers where there are several.
    dof : float
        Of the least known placing error.
    """

    analysis: FilmAnalysis
    readings: tuple[MarkedFilm, ...]
    ids: tuple[str, ...]
    at_px: Array
    cov_px: Array
    dof: float

    @property
    def file(self) -> str:
        """The film's file."""
        return self.analysis.film.file

    def of(self, ids: Collection[str]) -> FilmClicks:
        """Some of the clicks."""
        picks = [k for k, id_ in enumerate(self.ids) if id_ in ids]
        return replace(
            self,
            ids=tuple(self.ids[k] for k in picks),
            at_px=self.at_px[picks],
            cov_px=self.cov_px[picks],
        )


@dataclass(frozen=True, slots=True, eq=False)
class _ReadClicks:
    """Clicks of one reading as observers.combine_readings asks for them, two keys a point."""

    marked: MarkedFilm
    keys: tuple[str, ...]
    values: Array
    placing_cov: Array


def film_clicks(
    analysis: FilmAnalysis, wanted: Collection[str], observers: Mapping[str, ObserverPlacing] | None = None
) -> FilmClicks | None:
    """Clicks of one analysed film on wanted landmarks; None where it shows none of them.

    Several readings of one observer are averaged, several observers joined by random effects
    (`observers.combine_readings`), point by point; the spread between observers adds to the placing error.
    """
    film, own = analysis.film, observers or {}
    marked = tuple(
        marked_film(film, read.marked.reading, wanted, own.get(read.marked.reading.observer))
        for read in analysis.readings
    )
    reads = sorted((_read(each) for each in marked if each.slots), key=lambda read: -len(read.keys))
    if not reads:
        return None
    combined = combine_readings(reads)
    ids = tuple(key.partition(" ")[0] for key in combined.keys[::2])
    frame = reads[0].marked.frame
    back = np.linalg.inv(frame.matrix)
    whole = combined.cov + np.diag(combined.between**2)
    blocks = np.stack([whole[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] for k in range(len(ids))])
    return FilmClicks(
        analysis=analysis,
        readings=tuple(read.marked for read in reads),
        ids=ids,
        at_px=frame.pixels(combined.values.reshape(-1, 2)),
        cov_px=back @ blocks @ back.T,
        dof=combined.dof,
    )


def _read(marked: MarkedFilm) -> _ReadClicks:
    # One click stands for one number: slots hold points alone, contours are not asked for.
    order = sorted(marked.slots, key=lambda id_: marked.slots[id_][0])
    return _ReadClicks(
        marked=marked,
        keys=tuple(f"{id_} {axis}" for id_ in order for axis in (1, 2)),
        values=marked.values,
        placing_cov=marked.cov,
    )


def least_dof(clicks: Sequence[FilmClicks]) -> float:
    """Degrees of freedom of the least known placing error of all films."""
    return min((each.dof for each in clicks), default=math.inf)
