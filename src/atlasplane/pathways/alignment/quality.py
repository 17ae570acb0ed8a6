"""Findings about the films of a visit: each with its number, its limit and where the limit comes from.

A film *fails* (severity stop) when a number lies beyond its limit by more than 1.96 of its own standard
uncertainty, or when a line cannot be drawn at all; beyond the limit but within its uncertainty it is a
warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from atlasplane.anatomy.landmarks import landmark
from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantity
from atlasplane.core.side import SIDE_K
from atlasplane.geometry.midline import CentralLine
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis
from atlasplane.pathways.alignment.head_position import ProjectionTerm
from atlasplane.pathways.alignment.limits import limits
from atlasplane.sources.film import View


@dataclass(frozen=True, slots=True, kw_only=True)
class _Number:
    """A number that is held against a limit."""

    code: str
    value: float
    u: float | None
    says: str


def film_findings(
    analysis: FilmAnalysis, term: ProjectionTerm | None, *, s_line_deg: float | None
) -> list[Finding]:
    """Everything worth knowing about one film.

    Parameters
    ----------
    analysis : FilmAnalysis
    term : ProjectionTerm or None
        None where the film's geometry is not stated.
    s_line_deg : float or None
        S-line angle of the visit's lateral film.
    """
    found = [_judged(number, analysis.film.file) for number in _numbers(analysis, term, s_line_deg)]
    return [*(f for f in found if f is not None), *_statements(analysis)]


def _judged(number: _Number, file: str) -> Finding | None:
    limit = limits()[number.code]
    beyond = abs(number.value) - limit.value
    if not beyond > 0:
        return None
    fails = limit.can_fail and number.u is not None and beyond > SIDE_K * number.u
    amount = f"{number.value:+.2f}" if number.u is None else f"{number.value:+.2f} +- {number.u:.2f} (u)"
    return Finding(
        code=number.code,
        severity=Severity.STOP if fails else Severity.WARN,
        file=file,
        value=number.value,
        limit=limit.value,
        text=f"{number.says}: {amount} {limit.unit}, limit {limit.value:g} {limit.unit} ({limit.tag})",
        source=limit.source,
    )


def _numbers(
    analysis: FilmAnalysis, term: ProjectionTerm | None, s_line_deg: float | None
) -> Iterator[_Number]:
    if term is not None:
        yaw = next((c for c in term.checks if c.name == "yaw"), None)
        if yaw is not None:
            yield _Number(
                code="film.yaw",
                value=yaw.value_deg,
                u=yaw.u_deg,
                says="Head turned (yaw, + right side anterior)",
            )
    yield from _nasium_numbers(analysis)
    technique = analysis.film.technique
    if analysis.film.view is View.NASIUM and technique is not None and s_line_deg is not None:
        yield _Number(
            code="film.tube_mismatch",
            value=technique.tube_deg - s_line_deg,
            u=None,
            says="Tube angle minus S-line angle; atlas rotation leaks into laterality",
        )


def _nasium_numbers(analysis: FilmAnalysis) -> Iterator[_Number]:
    tilt = analysis.value("head_tilt")
    if tilt is not None:
        yield _Number(
            code="film.head_tilt",
            value=tilt,
            u=analysis.u_placing("head_tilt"),
            says="Head tilted (+ vertex to the right)",
        )
    attachments = analysis.value("check.attachments")
    if attachments is not None:
        yield _Number(
            code="film.attachments",
            value=attachments,
            u=analysis.u_placing("check.attachments"),
            says="Atlas plane line against its check line (upper attachments): asymmetric or misread",
        )
    skull = analysis.first.skull
    if skull is not None and analysis.first.levels is not None:
        scale = analysis.first.marked.film_mm_per_unit
        rms = float(np.sqrt(np.mean(skull.residuals[..., analysis.first.levels.weights > 0] ** 2))) * scale
        yield _Number(
            code="skull_line.residual",
            value=rms,
            u=None,
            says="Skull mid-points scatter about their line (RMS)",
        )
        yield _Number(
            code="skull_line.split_half",
            value=float(skull.split_half_deg),
            u=None,
            says="Upper half of the skull line against its lower half (double pivot check)",
        )
        yield _Number(
            code="skull_line.kappa",
            value=float(skull.kappa),
            u=None,
            says="Curved skull walls multiply errors of the skull line by "
            f"{1 / (1 - float(skull.kappa)):.1f}; kappa",
        )
    for key in ("condylar_radius", "axial_radius"):
        radius = analysis.value(key)
        if radius is not None:
            yield _Number(
                code="circle.precision",
                value=100 * analysis.u_placing(key) / radius,
                u=None,
                says=f"{key.replace('_', ' ').capitalize()} is poorly determined by its arc, u / value",
            )


def _refusal(skull: CentralLine) -> str:
    if not np.isfinite(skull.lean_deg):
        return "No skull line: the walk between the walls does not settle; check both contours"
    return (
        f"No skull line: kappa {float(skull.kappa):.2f} is beyond {limits()['skull_line.refused'].value:g}, "
        "the walls are too curved between suture and turn (proposed)"
    )


def _statements(analysis: FilmAnalysis) -> Iterator[Finding]:
    film, skull = analysis.film, analysis.first.skull
    if skull is not None and analysis.first.levels is None:
        yield Finding(
            code="skull_line.refused",
            severity=Severity.STOP,
            file=film.file,
            value=float(skull.kappa),
            limit=limits()["skull_line.refused"].value,
            text=_refusal(skull),
            source=limits()["skull_line.refused"].source,
        )
    if film.technique is None and film.camera_lps is None:
        yield Finding(
            code="technique.missing",
            severity=Severity.WARN,
            file=film.file,
            text="SID, SOD and tube angle are not stated: values are the film's own, the patient's u is "
            "unknown and nothing is compared",
        )
    if film.calibration.kind is CalibrationKind.NONE:
        yield Finding(
            code="calibration.none",
            severity=Severity.WARN,
            file=film.file,
            text="No scale: angles only, pixels taken as square; give a calibration for lengths",
        )
    if film.calibration.kind is CalibrationKind.DETECTOR_PLANE_ONLY:
        yield Finding(
            code="calibration.detector_plane",
            severity=Severity.WARN,
            file=film.file,
            text="Lengths are mm at the detector, larger than the patient's; their u is unknown",
        )
    short = _one_mark_short(analysis)
    if short:
        yield Finding(
            code="landmarks.missing",
            severity=Severity.INFO,
            file=film.file,
            text=f"One mark short: {short}",
        )


def _one_mark_short(analysis: FilmAnalysis) -> str:
    """Marks that alone keep something from being read, and what each would give.

    A film shows more than anybody marks on it: what lacks several marks was not meant to be read, and what
    most people do not have is not missing.
    """
    gives: dict[str, set[str]] = {}
    for key, ids in analysis.missing.items():
        if len(ids) == 1 and not landmark(ids[0]).rare:
            name = quantity(ObservationKey.parse(key).quantity).name
            gives.setdefault(ids[0], set()).add(name)
    return "; ".join(f"{id_} gives {', '.join(sorted(keys))}" for id_, keys in sorted(gives.items()))
