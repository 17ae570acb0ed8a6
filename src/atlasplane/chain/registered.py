"""A scan registered to the films of a visit: from the case to poses of the bones, kept beside the films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from atlasplane.chain.registered_bones import bone_models, registered_volume
from atlasplane.chain.registered_films import VisitFilms, visit_films, visit_to_register
from atlasplane.chain.registered_record import Prepared, record_of, registered_bones
from atlasplane.chain.registered_words import state_finding
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding
from atlasplane.core.observation import Pose
from atlasplane.io.models_registration import RegisterOutput
from atlasplane.io.registration_inputs import inputs_of, seed_of
from atlasplane.io.registration_record import read_registration, record_name, write_registration
from atlasplane.io.segmentation_record import digest_of
from atlasplane.pathways.alignment.registered_poses import METHOD, registered_part
from atlasplane.pathways.alignment.volume_frames import volume_frames
from atlasplane.sources.case import Case
from atlasplane.sources.volume import Volume
from atlasplane.xray.film_signal import film_signal
from atlasplane.xray.registration import register
from atlasplane.xray.registration_problem import BoneModel, FilmImage, RegistrationProblem, Rig, Start
from atlasplane.xray.registration_result import Registration

Progress = Callable[[float, str], None]
"""Told what share is done, 0 to 1, and what is being done."""
LANDMARKS = "landmarks"
"""The usual start."""
_READ_SHARE = 0.2
"""Part of the progress that reading scan and films takes."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RegisteredVisit:
    """A visit whose films the scan was registered to.

    Attributes
    ----------
    prepared : Prepared
        What was registered.
    registration : Registration
    record : RegisterOutput
        What is kept in the visit's folder.
    findings : tuple of Finding
    """

    prepared: Prepared
    registration: Registration
    record: RegisterOutput
    findings: tuple[Finding, ...]

    @property
    def folder(self) -> Path:
        """The visit's folder."""
        return self.prepared.case.folder / self.prepared.visit.folder

    @property
    def needs_a_person(self) -> bool:
        """Whether it is doubtful or refused."""
        return self.registration.status != "ok"

    @property
    def poses(self) -> tuple[Pose, ...]:
        """C1 and C2 as they are measured; none of a refused registration."""
        if self.registration.status == "refused":
            return ()
        bones = registered_bones(self.record)
        found, _ = registered_part(self.prepared.visit.id, self.prepared.volume, bones)
        return tuple(pose for pose in found.part.others if isinstance(pose, Pose))

    def with_overlays(self, files: Sequence[Path]) -> RegisteredVisit:
        """The same with pictures named, as they lie in the visit's folder."""
        names = tuple(path.relative_to(self.folder).as_posix() for path in files)
        return replace(self, record=self.record.model_copy(update={"overlays": names}))

    def store(self) -> Path:
        """Keep the record in the visit's folder, whole or not at all; raises OutputFailed."""
        return write_registration(self.prepared.case.folder, self.prepared.visit, self.record)


def register_visit(
    case: Case,
    *,
    visit: str | None = None,
    rig: Rig | None = None,
    start: str | Path = LANDMARKS,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> RegisteredVisit:
    """Register the scan of a case to the films of a visit; nothing is written.

    Parameters
    ----------
    visit : str, optional
        Its id; default the last with two films that can be registered.
    rig : "fixed" or "free", optional
        Whether the films share one room and the head kept still between them; default fixed where all films
        name one rig and state full cameras.
    start : "landmarks", or path
        Where C1 and C2 begin: as the marks on the films place them, or where an earlier registration of this
        case found them. The skull begins where the marks place it.
    progress, cancelled : callables, optional

    Raises
    ------
    BadInput
        When scan, masks, films, marks or the earlier registration cannot be used.
    MissingExtra
        When the optional part [ct] is not installed.
    """
    tell = progress or _silent
    ready = prepare(case, visit=visit, rig=rig, start=start, progress=tell)
    found = register(
        ready.problem,
        rng=np.random.default_rng(seed_of(ready.inputs)),
        progress=lambda share, text: tell(_READ_SHARE + (1 - _READ_SHARE) * share, text),
        cancelled=cancelled,
    )
    findings = [*ready.findings]
    if found.status != "ok":
        name = record_name(ready.visit)
        findings.append(
            state_finding(found.status, found.reasons, file=name, value=found.residual, limit=found.limit)
        )
    tell(1.0, "Done")
    return RegisteredVisit(
        prepared=ready,
        registration=found,
        record=record_of(ready, found, findings),
        findings=tuple(findings),
    )


def prepare(
    case: Case,
    *,
    visit: str | None = None,
    rig: Rig | None = None,
    start: str | Path = LANDMARKS,
    progress: Progress | None = None,
) -> Prepared:
    """Scan, films and start of a visit, ready to be registered; arguments and errors as `register_visit`."""
    tell = progress or _silent
    tell(0.0, "Reading the scan")
    volume, wanted = registered_volume(case), visit_to_register(case, visit)
    earlier = None if start == LANDMARKS else _earlier(case, Path(start), volume)
    frames, lacking = volume_frames(volume)
    if not {"skull", "c1"} <= frames.placed.keys():
        text = lacking[0].text if lacking else "skull or C1 has no frame"
        raise BadInput(volume.file, text.rstrip("."), "Mark these points on the scan: atlasplane mark CASE")
    models = tuple(model for model in bone_models(volume) if model.bone in frames.placed)
    tell(_READ_SHARE / 2, "Reading the films")
    films = visit_films(
        case,
        wanted,
        volume,
        frames=frames.placed,
        centres_mm={model.bone: model.centre_mm for model in models},
        rig=rig,
    )
    if earlier is not None:
        films = films.from_earlier(earlier)
    return Prepared(
        case=case,
        visit=wanted,
        volume=volume,
        frames=frames,
        films=films,
        problem=_problem(models, films),
        inputs=inputs_of(case.folder, films.films, volume, method=METHOD),
        start=str(start),
        findings=(*films.findings, *lacking),
    )


def _silent(share: float, text: str) -> None:
    del share, text


def _problem(models: tuple[BoneModel, ...], films: VisitFilms) -> RegistrationProblem:
    start = films.start
    return RegistrationProblem(
        bones=models,
        films=tuple(
            FilmImage(
                file=film.file,
                # What a reader hands over is bright where it attenuates, and made for viewing.
                signal=film_signal(film.load_pixels(), kind="presentation", bright_bone=True, file=film.file),
                camera=expected.camera,
                camera_sd=expected.camera_sd,
            )
            for film, expected in zip(films.films, start.films, strict=True)
        ),
        rig=films.rig,
        start=Start(skull=tuple(film.skull for film in start.films), bones=start.motions, cov=start.cov),
    )


def _earlier(case: Case, path: Path, volume: Volume) -> RegisterOutput:
    """An earlier registration of this case and this scan that C1 and C2 may begin at."""
    earlier = read_registration(path, name=str(path))
    if earlier.case != case.id:
        remedy = "Name a registration of this case, or start from the landmarks"
        raise BadInput(str(path), "is a registration of another case", remedy)
    if earlier.inputs.volume.sha256 != digest_of(case.folder / volume.file, volume.file):
        what = f"was made with another scan than {volume.file} is now"
        raise BadInput(str(path), what, "Start from the landmarks: leave --start out")
    if earlier.status != "ok":
        what = f"is {earlier.status}, and no place to start from"
        raise BadInput(str(path), what, "Name one whose status is ok, or start from the landmarks")
    return earlier
