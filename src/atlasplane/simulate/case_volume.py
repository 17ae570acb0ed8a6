"""The scan that goes with a simulated case: one made of the phantom, or the CT that was filmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from atlasplane.core.errors import BadInput
from atlasplane.simulate.ct_files import COPIED, VolumeTable, copy_scan, write_scan
from atlasplane.simulate.ct_observer import marked_truth, repeated_clicks
from atlasplane.simulate.ct_scan import MODALITY, CtScan, Field, scan
from atlasplane.simulate.observer import Observer
from atlasplane.simulate.subject import Angles, PhantomSubject, Subject
from atlasplane.simulate.truth_tables import ScanTruth

if TYPE_CHECKING:
    from atlasplane.simulate.ct_subject import CtSubject

SCANS = ("none", MODALITY)
"""What can be asked for."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CaseVolume:
    """A scan as the case needs it.

    Attributes
    ----------
    truth : ScanTruth
    write : callable
        Writes the files into the case folder; returns the entry `[[volume]]`.
    """

    truth: ScanTruth
    write: Callable[[Path], VolumeTable]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScanVisit:
    """When a scan is taken, and in which posture."""

    visit: str
    time: datetime
    angles: Angles


def simulated_volume(
    subject: PhantomSubject,
    at: ScanVisit,
    observer: Observer,
    *,
    noise: np.random.Generator,
    placing: np.random.Generator,
) -> CaseVolume:
    """A CBCT of the phantom; it is made when it is written.

    Parameters
    ----------
    noise, placing : Generator
        Of the greys, of the clicks.
    """
    posed = subject.posed(at.angles)
    field = Field.of(posed.points_mm)
    readings = repeated_clicks(posed, field, observer, rng=placing, time=at.time)

    def write(root: Path) -> VolumeTable:
        hounsfield, masks = scan(posed, subject.solids(), field, rng=noise)
        made = CtScan(hounsfield=hounsfield, masks=masks, affine_lps=field.affine_lps, readings=readings)
        return write_scan(root, made, at.visit)

    points, contours = marked_truth(posed, readings[0])
    return CaseVolume(
        truth=ScanTruth(condition=MODALITY, points_mm=points, contours_mm=contours), write=write
    )


def copied_volume(subject: CtSubject, visit: str) -> CaseVolume | None:
    """The CT that is filmed; None where it did not come from files. Its marks are taken as the truth."""
    source = subject.source
    if source is None:
        return None
    truth = ScanTruth(condition=COPIED, points_mm=subject.points_isb, contours_mm=subject.contours_isb)
    return CaseVolume(truth=truth, write=lambda root: copy_scan(root, source, visit))


def check_scan(wanted: str, subject: Subject) -> None:
    """Refuse a scan that cannot be made; raises BadInput."""
    if wanted not in SCANS:
        raise BadInput("--scan", f"'{wanted}' cannot be simulated", f"Choose from {', '.join(SCANS)}")
    if wanted != "none" and not subject.simulated_bones:
        raise BadInput("--scan", "a CT is filmed, and the case holds it", "Leave it out, or use the phantom")
