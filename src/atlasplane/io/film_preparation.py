"""What happens to a picture before it is part of a case: made upright, straightened, given a scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding
from atlasplane.io.atomic import write_bytes, write_text
from atlasplane.io.digest import sha256_of
from atlasplane.io.film_file import is_dicom, open_film
from atlasplane.io.photographed_film import (
    KnownLength,
    SheetCorners,
    StraightFilm,
    length_scale,
    object_calibration,
    perspective_finding,
    plane_calibration,
    provenance_text,
    straightened,
    upright_picture,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureScale:
    """What a person measured on a picture of a film: its corners, or an object of known length."""

    sheet: SheetCorners | None = None
    known: KnownLength | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFilm:
    """A film as it will be copied into a case.

    Attributes
    ----------
    path : Path
        The film itself, or what was made of it.
    stated : mapping
        Keys of its table, with the scale that was worked out.
    beside : mapping
        Further files: ending of the name (after the film's own stem) to path.
    findings : tuple of Finding
        Without the name of the file.
    """

    path: Path
    stated: Mapping[str, object]
    beside: Mapping[str, Path] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def prepared_film(
    path: Path, stated: Mapping[str, object], scale: PictureScale, *, scratch: Path
) -> PreparedFilm:
    """The film as it can be read and measured; a picture that needs nothing is passed through.

    Parameters
    ----------
    scratch : Path
        An existing folder for what is made; the caller copies from it and removes it.

    Raises
    ------
    BadInput
        When scale and film, or two statements of the scale, do not go together.
    BadFile
        When the picture cannot be read.
    """
    if scale.sheet is not None and scale.known is not None:
        raise BadInput("--film-corners", "is given with --scale-ends", "Give one of them")
    if (scale.sheet or scale.known) and stated.get("calibration") is not None:
        raise BadInput("--calibration", "is given with a scale on the picture", "Give one of them")
    if is_dicom(path, name=path.name):
        if scale.sheet is not None:
            what = "is a DICOM film: it is straight already"
            raise BadInput(path.name, what, "Leave --film-corners out; --scale-ends takes an object on it")
        return _with_length(PreparedFilm(path=path, stated=stated), scale.known)
    straight = upright_picture(path, name=path.name) if scale.sheet is None else None
    if scale.sheet is not None:
        straight = straightened(path, scale.sheet, name=path.name)
    if straight is None:
        return _with_length(PreparedFilm(path=path, stated=stated), scale.known)
    return _with_length(_made(path, stated, straight, scratch), scale.known)


def _made(path: Path, stated: Mapping[str, object], film: StraightFilm, scratch: Path) -> PreparedFilm:
    made, told = scratch / "film.png", scratch / "film.rectified.json"
    original = f".original{path.suffix.lower()}"
    write_bytes(made, film.png)
    write_text(told, provenance_text(film, ends_in=original, sha256=sha256_of(path)))
    more: dict[str, object] = {}
    if film.mm_per_px is not None:
        technique = stated.get("technique")
        known = technique if isinstance(technique, Mapping) else None
        more["calibration"] = plane_calibration(film.mm_per_px, film.u_rel, known)
    return PreparedFilm(
        path=made,
        stated={**stated, **more},
        beside={original: path, ".rectified.json": told},
        findings=film.findings,
    )


def _with_length(film: PreparedFilm, known: KnownLength | None) -> PreparedFilm:
    if known is None:
        return film
    frame = film.stated.get("frame")
    shape = open_film(film.path, frame=frame if isinstance(frame, int) else None).shape
    mm_per_px, u_rel = length_scale(known, shape, name=film.path.name)
    technique = film.stated.get("technique")
    calibration = (
        plane_calibration(
            (mm_per_px, mm_per_px), u_rel, technique if isinstance(technique, Mapping) else None
        )
        if known.in_film_plane
        else object_calibration(mm_per_px, u_rel)
    )
    return PreparedFilm(
        path=film.path,
        stated={**film.stated, "calibration": calibration},
        beside=film.beside,
        findings=(*film.findings, perspective_finding(known)),
    )
