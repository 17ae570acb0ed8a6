"""Where the patient's right, front and head lie on a film: stated, and checked against marker and header."""

from __future__ import annotations

from dataclasses import dataclass, replace

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.dicom_header import HeaderStatement
from atlasplane.io.models import FilmTable, PhotoTable
from atlasplane.sources.film import ImageDirection, View

MIDLINE_SHARE = 0.05
"""A marker nearer to the middle of the image than this share of its size tells no side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """Directions of the stored image; superior is None on vertex and base views, which look along it."""

    right: ImageDirection | None
    anterior: ImageDirection | None
    superior: ImageDirection | None


def orientation_of(film: FilmTable | PhotoTable, *, name: str, where: str) -> Orientation:
    """The stated orientation, complete for the film's view.

    Parameters
    ----------
    name, where : str
        The file and the table that messages name.

    Raises
    ------
    BadInput
        When a direction that the view needs is missing, or two of them lie along one line.
    """
    view = View(film.view)
    needs = {"patient_right": view.needs_right, "patient_anterior": view.needs_anterior}
    for key, needed in needs.items():
        if needed and getattr(film, key) is None:
            what = f"{where}: '{key}' is missing, which an image of view {film.view} needs"
            raise BadInput(
                name, what, f'Look at the side marker, then add {key} = "image_left" (or image_right, …)'
            )
    along_axis = view.needs_right and view.needs_anterior
    orientation = Orientation(
        right=_direction(film.patient_right),
        anterior=_direction(film.patient_anterior),
        superior=None if along_axis else _direction(film.patient_superior) or ImageDirection.UP,
    )
    _check_square(orientation, film, name, where)
    return orientation


def check_marker(
    film: FilmTable, orientation: Orientation, shape: tuple[int, int], *, name: str, where: str
) -> tuple[Finding, ...]:
    """Hold the side marker against the stated right; a finding where no marker was seen.

    Raises
    ------
    BadInput
        When the marker lies outside the image or in the half of the other side.
    """
    if film.marker_at is not None:
        _check_inside(film.marker_at, shape, name, where)
    if film.marker in (None, "none"):
        return (_marker_missing(film, name),) if View(film.view).needs_right else ()
    if film.marker_at is None or orientation.right is None:
        return ()
    rows, columns = shape
    offset = (film.marker_at[0] - (columns - 1) / 2) / columns, (film.marker_at[1] - (rows - 1) / 2) / rows
    towards_right = float(orientation.right.vector @ offset)
    toward_side = towards_right if film.marker == "R" else -towards_right
    if toward_side < -MIDLINE_SHARE:
        half = _half(orientation.right, towards_right)
        raise BadInput(
            name,
            f"{where}: marker '{film.marker}' lies in the {half} half, "
            f"but patient_right = '{orientation.right.value}' puts that side in the other",
            "Look at the film, then correct marker, marker_at or patient_right",
        )
    return ()


def check_header(
    film: FilmTable, orientation: Orientation, stated: HeaderStatement | None, *, name: str, where: str
) -> tuple[Finding, ...]:
    """Hold the orientation in the DICOM header against the stated one, and the header against itself.

    Raises
    ------
    BadInput
        When they contradict, unless the film's table says that a person found the header to be wrong.
    """
    if stated is None:
        return ()
    remarks = tuple(replace(remark, file=_file(name, film)) for remark in stated.remarks)
    return (*_sides_against_header(film, orientation, stated, name=name, where=where), *remarks)


def _sides_against_header(
    film: FilmTable, orientation: Orientation, stated: HeaderStatement, *, name: str, where: str
) -> tuple[Finding, ...]:
    pairs = (
        ("patient_right", orientation.right, stated.patient_right),
        ("patient_anterior", orientation.anterior, stated.patient_anterior),
        ("patient_superior", orientation.superior, stated.patient_superior),
    )
    for key, ours, theirs in pairs:
        if ours is None or theirs is None or ours is theirs:
            continue
        what = f"{key} = '{ours.value}', but the DICOM header (Patient Orientation) says '{theirs.value}'"
        if not film.ignore_header_orientation:
            remedy = f"Look at the side marker, then correct {key}, or state ignore_header_orientation = true"
            raise BadInput(name, f"{where}: {what}", remedy)
        text = f"{what}; the header was declared wrong in visit.toml."
        return (
            Finding(
                code="film.header_orientation", severity=Severity.WARN, file=_file(name, film), text=text
            ),
        )
    return ()


def _direction(value: str | None) -> ImageDirection | None:
    return None if value is None else ImageDirection(value)


def _check_square(orientation: Orientation, film: FilmTable | PhotoTable, name: str, where: str) -> None:
    """Two directions along one line leave the image plane undefined."""
    named = {
        "patient_right": orientation.right,
        "patient_anterior": orientation.anterior,
        "patient_superior": orientation.superior,
    }
    view = View(film.view)
    if not view.needs_right:
        named.pop("patient_right")
    if not view.needs_anterior:
        named.pop("patient_anterior")
    (first, a), (second, b) = [(key, direction) for key, direction in named.items() if direction is not None]
    if a.is_horizontal == b.is_horizontal:
        said = (
            ""
            if film.patient_superior or second != "patient_superior"
            else " (taken where nothing is stated)"
        )
        what = f"{where}: {first} = '{a.value}' and {second} = '{b.value}'{said} lie along one line"
        raise BadInput(name, what, f"Correct one of them, or state {second}")


def _check_inside(at: tuple[float, float], shape: tuple[int, int], name: str, where: str) -> None:
    rows, columns = shape
    if not (-0.5 <= at[0] <= columns - 0.5 and -0.5 <= at[1] <= rows - 0.5):
        what = f"{where}: marker_at [{at[0]:g}, {at[1]:g}] lies outside the image ({columns} x {rows})"
        raise BadInput(name, what, "Give [column, row] of the marker")


def _half(right: ImageDirection, towards_right: float) -> str:
    names = {
        ImageDirection.LEFT: ("left", "right"),
        ImageDirection.RIGHT: ("right", "left"),
        ImageDirection.UP: ("upper", "lower"),
        ImageDirection.DOWN: ("lower", "upper"),
    }
    return names[right][0 if towards_right > 0 else 1]


def _marker_missing(film: FilmTable, name: str) -> Finding:
    text = (
        f"No side marker is stated for {film.file}: "
        f"patient_right = '{film.patient_right}' rests on the statement in visit.toml alone."
    )
    return Finding(code="film.marker_missing", severity=Severity.WARN, file=_file(name, film), text=text)


def _file(name: str, film: FilmTable) -> str:
    """The film's path in the case, beside its visit.toml."""
    folder, _, _ = name.rpartition("/")
    return f"{folder}/{film.file}" if folder else film.file
