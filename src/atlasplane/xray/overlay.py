"""What a registration looks like on its films: outlines of the bones, difference, film and model in tiles.

Pictures show the upper neck: everything about C1 and C2. Outlines are those of the projected bones at the
poses that were found, whatever the state of the registration; difference and tiles are shown as they are
compared, after a high-pass that leaves edges and takes the large shades away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.outline import outline
from atlasplane.xray.overlay_drawing import STRIP_PX, Grey, Words, picture
from atlasplane.xray.registration_problem import FilmImage, RegistrationProblem
from atlasplane.xray.registration_result import Film32, Registration
from atlasplane.xray.render import Part, render

FOLDER = "registration"
"""Inside the visit's folder."""
WIDTH_PX = 640
"""Of the grey part of a picture."""
_ABOUT = ("c1", "c2")
"""The picture is cut around these bones."""
_MARGIN_MM = 14.0
_LEAST_ASPECT, _MOST_ASPECT = 0.85, 1.25
"""Width over height."""
_BAR_MM = 20.0
_TILE_MM = 14.0
_BAND_MM = (0.3, 4.0)
"""Standard deviations of the blurs whose difference is shown, at the bone: finer is noise, wider is shade."""
_GREYS = (0.5, 99.7)
"""Percentiles of the film that become black and white."""
_STRONG = 99.0
"""Percentile of the model's edges that is full contrast in difference and tiles."""
_STATES = {"ok": "", "doubtful": "DOUBTFUL", "refused": "REFUSED"}
CONTOURS, DIFFERENCE, TILES = KINDS = ("contours", "difference", "checkerboard")
_TITLES = {CONTOURS: "Outlines", DIFFERENCE: "Film minus model", TILES: "Film and model in tiles"}
_LEGENDS = {CONTOURS: "", DIFFERENCE: "light: film, dark: model", TILES: "first tile: film"}

Contours = Mapping[str, tuple[Array, ...]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Overlay:
    """One picture.

    Attributes
    ----------
    file : str
        Plain name for it.
    film : str
        File of the film that it shows.
    kind : str
        "contours", "difference" or "checkerboard".
    png : bytes
    box_px : (left, top, right, bottom)
        Part of the film in its pixels; a pixel's centre is a whole number, so the first one begins at -0.5.
    image_px : (left, top, width, height)
        Where that part lies in the PNG, between its strips of words.
    """

    file: str
    film: str
    kind: str
    png: bytes
    box_px: tuple[float, float, float, float]
    image_px: tuple[int, int, int, int]

    def entry(self) -> dict[str, Any]:
        """Everything but the picture itself, for a JSON document; `file` with its folder."""
        return {
            "file": f"{FOLDER}/{self.file}",
            "film": self.film,
            "kind": self.kind,
            "box_px": list(self.box_px),
            "image_px": list(self.image_px),
        }


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Sight:
    """Part of a film as the pictures show it.

    Attributes
    ----------
    box_px : array, shape (4,)
        left, top, right, bottom in film pixels.
    camera : PinholeCamera
        Whose pixels are those of the pictures.
    shape_px : (rows, columns)
    scale : float
        Picture pixels per film pixel.
    per_mm : float
        Picture pixels per millimetre at C1.
    """

    box_px: Array
    camera: PinholeCamera
    shape_px: tuple[int, int]
    scale: float
    per_mm: float

    def place(self, film_px: Array) -> Array:
        """Picture pixels of film pixels, shape (..., 2)."""
        at: Array = (film_px - self.box_px[:2]) * self.scale - 0.5
        return at


def contours_of(registration: Registration, problem: RegistrationProblem) -> dict[str, Any]:
    """Outlines of the bones on every film, for a JSON document.

    Returns
    -------
    dict
        File of the film -> bone -> closed lines of [column, row] in film pixels, to a tenth of a pixel.
    """
    return {
        film.file: {
            bone: tuple(tuple((round(c, 1), round(r, 1)) for c, r in line.tolist()) for line in lines)
            for bone, lines in film_contours(registration, problem, k).items()
        }
        for k, film in enumerate(problem.films)
    }


def film_contours(registration: Registration, problem: RegistrationProblem, k: int) -> Contours:
    """Outlines of the bones on the k-th film, film pixels."""
    camera, shape = registration.cameras[k], problem.films[k].shape_px
    return {
        model.bone: outline(model.solid, place, camera, shape)
        for model, place in zip(problem.bones, bone_places(registration, problem, k), strict=True)
    }


def bone_places(
    registration: Registration, problem: RegistrationProblem, k: int
) -> tuple[RigidTransform, ...]:
    """Frame of each bone's solid -> room of the k-th film, in the order of the problem's bones."""
    skull = registration.skull[k]
    still = RigidTransform.identity()
    return tuple(skull @ registration.bones.get(m.bone, still) @ m.to_volume for m in problem.bones)


def overlays(
    registration: Registration, problem: RegistrationProblem, *, simulated: bool, width_px: int = WIDTH_PX
) -> tuple[Overlay, ...]:
    """Three pictures of every film.

    Parameters
    ----------
    registration : Registration
        Of any state; one that is not ok is stamped with it.
    problem : RegistrationProblem
        That it was found for.
    simulated : bool
        Whether the films are; stamped on every picture.
    width_px : int
        Of a picture.

    Raises
    ------
    MissingExtra
        Without the extra ``ct``.
    """
    names = _plain_names([film.file for film in problem.films])
    made: list[Overlay] = []
    for k, name in enumerate(names):
        contours = film_contours(registration, problem, k)
        sight = _sight(registration, problem, k, contours, width_px)
        words = Words(
            title=name,
            legend="",
            bar_px=_BAR_MM * sight.per_mm,
            bar=f"{_BAR_MM:.0f} mm at C1",
            state=_STATES[registration.status],
            stamp="SIMULATED" if simulated else "",
        )
        made += _film_overlays(registration, problem, k, sight, contours, words)
    return tuple(made)


def _film_overlays(
    registration: Registration,
    problem: RegistrationProblem,
    k: int,
    sight: _Sight,
    contours: Contours,
    words: Words,
) -> list[Overlay]:
    drawn = {bone: [sight.place(line) for line in lines] for bone, lines in contours.items()}
    left, top, right, bottom = (float(v) for v in sight.box_px)
    rows, columns = sight.shape_px
    return [
        Overlay(
            file=f"{words.title}-{kind}.png",
            film=problem.films[k].file,
            kind=kind,
            png=picture(
                grey,
                drawn if kind == CONTOURS else {},
                replace(words, title=f"{_TITLES[kind]} · {words.title}", legend=_LEGENDS[kind]),
            ),
            box_px=(left, top, right, bottom),
            image_px=(0, STRIP_PX, columns, rows),
        )
        for kind, grey in _greys(registration, problem, k, sight).items()
    ]


def _greys(
    registration: Registration, problem: RegistrationProblem, k: int, sight: _Sight
) -> dict[str, Grey]:
    """The grey pictures by kind."""
    film = problem.films[k]
    places = bone_places(registration, problem, k)
    parts = [(model.solid, at) for model, at in zip(problem.bones, places, strict=True)]
    seen, known = _seen(film, sight)
    band_film = _band(seen, sight)
    band_model = _gain(registration, film.file) * _band(_model(parts, sight), sight)
    edges = np.abs(band_model[known])
    strong = max(float(np.percentile(edges, _STRONG)) if edges.size else 0.0, 1e-6)
    return {
        CONTOURS: _windowed(seen, known),
        DIFFERENCE: _signed((band_film - band_model) / strong, known),
        TILES: _signed(np.where(_tiles(sight), band_model, band_film) / strong, known),
    }


def _sight(
    registration: Registration,
    problem: RegistrationProblem,
    k: int,
    contours: Contours,
    width_px: int,
) -> _Sight:
    film, camera = problem.films[k], registration.cameras[k]
    centre = _middle_mm(registration, problem, k)
    px_per_mm = float(camera.magnification(centre) / camera.pitch_mm.mean())
    box = _box(contours, film.shape_px, _MARGIN_MM * px_per_mm)
    scale = width_px / (box[2] - box[0])
    shape = (max(round((box[3] - box[1]) * scale), 1), width_px)
    own = replace(
        camera, pitch_mm=camera.pitch_mm / scale, principal_px=(camera.principal_px - box[:2]) * scale - 0.5
    )
    return _Sight(box_px=box, camera=own, shape_px=shape, scale=scale, per_mm=px_per_mm * scale)


def _middle_mm(registration: Registration, problem: RegistrationProblem, k: int) -> Array:
    """Centre of C1, or of the last bone, in the room."""
    model = next((m for m in problem.bones if m.bone == _ABOUT[0]), problem.bones[-1])
    motion = registration.bones.get(model.bone, RigidTransform.identity())
    return (registration.skull[k] @ motion).apply(model.centre_mm)


def _box(contours: Contours, shape_px: tuple[int, int], margin_px: float) -> Array:
    """left, top, right, bottom around C1 and C2 with a margin; the whole film where neither is on it."""
    rows, columns = shape_px
    film = np.array([-0.5, -0.5, columns - 0.5, rows - 0.5])
    points = [line for bone in _ABOUT for line in contours.get(bone, ())]
    if not points:
        return film
    at = np.concatenate(points)
    low, high = at.min(axis=0) - margin_px, at.max(axis=0) + margin_px
    size, middle = high - low, 0.5 * (low + high)
    size = np.array([max(size[0], _LEAST_ASPECT * size[1]), max(size[1], size[0] / _MOST_ASPECT)])
    low, high = middle - 0.5 * size, middle + 0.5 * size
    return np.concatenate([np.maximum(low, film[:2]), np.minimum(high, film[2:])])


def _seen(film: FilmImage, sight: _Sight) -> tuple[Film32, Mask]:
    """The film's log image on the pixels of the picture, and which of them it knows."""
    step = film.signal.pixel_step
    rows, columns = (np.arange(n) + 0.5 for n in sight.shape_px)
    at = [
        ((edge + along / sight.scale) - 0.5 * (step - 1)) / step
        for edge, along in ((sight.box_px[1], rows), (sight.box_px[0], columns))
    ]
    grid = np.meshgrid(*at, indexing="ij")
    smooth = 0.5 / (sight.scale * step)
    image = film.signal.log_image
    if smooth > 0.5:
        image = ndimage.gaussian_filter(image, smooth)
    seen = ndimage.map_coordinates(image, grid, order=1, mode="nearest")
    known = ndimage.map_coordinates(film.signal.valid.astype(np.uint8), grid, order=0, mode="nearest") > 0
    return seen, known


def _model(parts: Sequence[tuple[Solid, RigidTransform]], sight: _Sight) -> Film32:
    """Line integrals of the bones on the pixels of the picture."""
    return render([Part(solid=s, pose=p) for s, p in parts], sight.camera, sight.shape_px)


def _band(image: Film32, sight: _Sight) -> Film32:
    fine, wide = (ndimage.gaussian_filter(image, mm * sight.per_mm) for mm in _BAND_MM)
    band: Film32 = fine - wide
    return band


def _gain(registration: Registration, file: str) -> float:
    return next((each.gain for each in registration.films if each.file == file), 1.0)


def _tiles(sight: _Sight) -> Mask:
    """True where the model is shown."""
    edge = _TILE_MM * sight.per_mm
    row, column = ((np.arange(n) // edge).astype(int) for n in sight.shape_px)
    odd: Mask = (row[:, None] + column) % 2 == 1
    return odd


def _windowed(image: Film32, known: Mask) -> Grey:
    low, high = np.percentile(image[known], _GREYS) if known.any() else (0.0, 1.0)
    shown = np.clip((image - low) / max(float(high - low), 1e-6), 0, 1)
    return np.rint(255 * shown).astype(np.uint8)


def _signed(relative: NDArray[np.floating[Any]], known: Mask) -> Grey:
    """-1 black, 0 mid grey, 1 white."""
    return np.where(known, np.rint(127.5 + 127.5 * np.clip(relative, -1, 1)), 128).astype(np.uint8)


def _plain_names(files: Sequence[str]) -> list[str]:
    """Names without folder and ending, made different from each other."""
    names: list[str] = []
    for file in files:
        plain = file.replace("\\", "/").rpartition("/")[2]
        stem = plain.rpartition(".")[0] or plain
        name, n = stem, 1
        while name in names:
            n += 1
            name = f"{stem}-{n}"
        names.append(name)
    return names
