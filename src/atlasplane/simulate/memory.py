"""A simulated visit as the readers would give it, without pictures and files; for studies of many cases."""

from __future__ import annotations

import numpy as np

from atlasplane.core.calibration import Calibration, CalibrationKind
from atlasplane.simulate.visit import SCALE_U_REL, SimulatedFilm, SimulatedVisit
from atlasplane.sources.case import Moment, Phase, Visit
from atlasplane.sources.film import Radiograph, Technique, View


def visit_in_memory(simulated: SimulatedVisit) -> Visit:
    """The visit with its films' marks, geometry and scale as a case folder would state them."""
    return Visit(
        id=simulated.id,
        time=simulated.time,
        phase=Phase(simulated.phase),
        moment=Moment(simulated.moment),
        folder=simulated.time.date().isoformat(),
        films=tuple(film_in_memory(film) for film in simulated.films),
    )


def film_in_memory(film: SimulatedFilm) -> Radiograph:
    """One film; its grey values are blank."""
    setup = film.setup
    lateral, vertex = setup.view is View.LATERAL, setup.view is View.VERTEX
    return Radiograph(
        file=f"{setup.view.value}.png",
        sha256="",
        view=setup.view,
        shape=setup.shape,
        load_pixels=lambda: np.zeros(setup.shape, dtype=np.uint16),
        patient_right=setup.second if vertex else (None if lateral else setup.first),
        patient_anterior=setup.first if lateral or vertex else None,
        marker="R",
        technique=Technique(
            sid_mm=setup.sid_mm,
            sod_mm=setup.sod_mm,
            tube_deg=film.stated_tube_deg,
            detector=setup.detector,
            principal_px=setup.principal_px,
        ),
        calibration=Calibration(
            kind=CalibrationKind.SID_SOD, mm_per_px=(film.stated_mm_per_px,) * 2, u_rel=SCALE_U_REL
        ),
        readings=(film.reading,),
    )
