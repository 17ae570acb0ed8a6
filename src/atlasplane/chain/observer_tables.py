"""A study of observers as the tables of its data file."""

from __future__ import annotations

import atlasplane
from atlasplane.chain.observer_study import BiasRow, LandmarkScatter, ObserverRepeats, ObserverStudy
from atlasplane.chain.repeatability import Scatter
from atlasplane.core.quantity import quantities
from atlasplane.io.models_observers import (
    BiasTable,
    ObserversFile,
    ObserverTable,
    PlacedTable,
    RepeatedTable,
    SourceTable,
)

MM_ON_FILM = "mm"
"""Unit of a landmark's numbers: millimetres on the film."""


def observers_file(study: ObserverStudy) -> ObserversFile:
    """The study as the data file that the next run loads."""
    return ObserversFile(
        schema="atlasplane.observers/1",
        software=atlasplane.__version__,
        observer=tuple(_observer(each) for each in study.observers),
        bias=tuple(_bias(row) for row in study.bias),
        source=tuple(
            SourceTable(
                case=film.case,
                film=film.file,
                sha256=film.sha256,
                readings={name: len(each) for name, each in sorted(film.readings.items())},
            )
            for film in study.films
        ),
    )


def unit_of(key: str) -> str:
    """Unit of a quantity named by its key (id, site, condition)."""
    entry = quantities().get(key.split("/")[0].split("@")[0])
    return "" if entry is None else entry.unit


def _observer(found: ObserverRepeats) -> ObserverTable:
    return ObserverTable(
        name=found.name,
        cases=found.cases,
        films=found.films,
        readings=found.readings,
        not_blind=found.not_blind,
        used=found.used,
        landmark={each.id: _placed(each, used=found.used) for each in found.landmarks},
        quantity={key: _repeated(key, each) for key, each in found.quantities.items()},
    )


def _placed(found: LandmarkScatter, *, used: bool) -> PlacedTable:
    (a, b), (_, d) = found.scatter.cov.tolist()
    return PlacedTable(
        cov_mm2=((a, b), (b, d)),
        dof=found.scatter.dof,
        films=found.films,
        used=used and not found.why_default,
        why_default=found.why_default or (None if used else "too few cases"),
    )


def _repeated(key: str, found: Scatter) -> RepeatedTable:
    return RepeatedTable(
        unit=unit_of(key), sd=found.sd, dof=found.dof, films=found.groups, mdc95=found.mdc(0.95)
    )


def _bias(row: BiasRow) -> BiasTable:
    return BiasTable(
        first=row.first,
        second=row.second,
        kind="landmark" if row.kind == "landmark" else "quantity",
        id=row.id,
        axis=None if row.axis is None else (1 if row.axis == 1 else 2),
        unit=MM_ON_FILM if row.kind == "landmark" else unit_of(row.id),
        mean=row.bias.mean,
        interval=row.bias.interval,
        limits=row.bias.limits,
        films=row.bias.films,
    )
