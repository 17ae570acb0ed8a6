"""A simulated visit and scan as the readers would give them, without pictures and files; for studies."""

from __future__ import annotations

from typing import Any

import numpy as np

from atlasplane.core.calibration import Calibration, CalibrationKind
from atlasplane.simulate.ct_scan import MODALITY, Field
from atlasplane.simulate.visit import SCALE_U_REL, SimulatedFilm, SimulatedVisit
from atlasplane.sources.case import Moment, Phase, Visit
from atlasplane.sources.film import Radiograph, Technique
from atlasplane.sources.photograph import Photograph
from atlasplane.sources.reading import Reading
from atlasplane.sources.volume import Volume


def visit_in_memory(simulated: SimulatedVisit) -> Visit:
    """The visit with its films' marks, geometry and scale as a case folder would state them."""
    return Visit(
        id=simulated.id,
        time=simulated.time,
        phase=Phase(simulated.phase),
        moment=Moment(simulated.moment),
        folder=simulated.time.date().isoformat(),
        films=tuple(film_in_memory(film) for film in simulated.films if not film.setup.view.is_photo),
        photos=tuple(photo_in_memory(film) for film in simulated.films if film.setup.view.is_photo),
        exam=simulated.exam,
    )


def film_in_memory(film: SimulatedFilm) -> Radiograph:
    """One film; its grey values are blank."""
    return Radiograph(
        **_shared(film),
        **_geometry(film),
        marker="R",
        calibration=_calibration(film, CalibrationKind.SID_SOD),
    )


def photo_in_memory(film: SimulatedFilm) -> Photograph:
    """One photograph; its pixels are blank."""
    return Photograph(**_shared(film), calibration=_calibration(film, CalibrationKind.USER_FIDUCIAL))


def scan_in_memory(readings: tuple[Reading, ...], field: Field, visit: str) -> Volume:
    """A scan with its marks; its greys are blank."""
    return Volume(
        file=f"ct/{MODALITY}.nii.gz",
        shape=field.shape,
        affine_lps=field.affine_lps,
        hounsfield=True,
        load_voxels=lambda: np.zeros(field.shape, dtype=np.int16),
        readings=readings,
        modality=MODALITY,
        visit=visit,
    )


def _geometry(film: SimulatedFilm) -> dict[str, Any]:
    """What is stated of the beam: the technique, or the camera of a rig."""
    if film.rig:
        return {"rig": film.rig, "camera_lps": film.camera_lps}
    setup = film.setup
    technique = Technique(
        sid_mm=setup.sid_mm,
        sod_mm=setup.sod_mm,
        tube_deg=film.stated_tube_deg,
        detector=setup.detector,
        principal_px=setup.principal_px,
    )
    return {"technique": technique}


def _shared(film: SimulatedFilm) -> dict[str, Any]:
    setup = film.setup
    return {
        "file": f"{setup.name}.png",
        "sha256": "",
        "view": setup.view,
        "shape": setup.shape,
        "load_pixels": lambda: np.zeros(setup.shape, dtype=np.uint16),
        "readings": (film.reading,),
        **film.setup.directions,
    }


def _calibration(film: SimulatedFilm, kind: CalibrationKind) -> Calibration:
    return Calibration(kind=kind, mm_per_px=(film.stated_mm_per_px,) * 2, u_rel=SCALE_U_REL)
