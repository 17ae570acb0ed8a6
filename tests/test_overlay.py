"""Overlays: what is drawn lies where the bones are, and a wrong pose is seen."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("numba")
pytest.importorskip("skimage")

from atlasplane.geometry.types import Array
from atlasplane.report.bones_picture import PAINTS
from atlasplane.xray.overlay import Overlay, bone_places, contours_of, overlays
from atlasplane.xray.overlay_drawing import BONE_COLOURS, STRIP_PX
from atlasplane.xray.registration_problem import RegistrationProblem
from atlasplane.xray.registration_result import Registration
from tests.overlay_cases import OverlayCase, overlay_case, turned

KINDS = ("contours", "difference", "checkerboard")


@pytest.fixture(scope="module")
def case() -> OverlayCase:
    return overlay_case()


@pytest.fixture(scope="module")
def true(case: OverlayCase) -> dict[str, Overlay]:
    return by_file(case, case.registration)


@pytest.fixture(scope="module")
def wrong(case: OverlayCase) -> dict[str, Overlay]:
    """C1 turned by six degrees about the vertical, which both films see."""
    return by_file(case, replace(turned(case, (0.0, 0.0, 6.0)), status="refused", reasons=("residual",)))


def by_file(case: OverlayCase, registration: Registration) -> dict[str, Overlay]:
    return {o.file: o for o in made(registration, case.problem)}


def made(
    registration: Registration, problem: RegistrationProblem, *, simulated: bool = True
) -> tuple[Overlay, ...]:
    """Overlays of half their usual size."""
    return overlays(registration, problem, simulated=simulated, width_px=320)


def pixels(overlay: Overlay) -> Array:
    """The PNG as an array, shape (rows, columns, 3)."""
    return np.asarray(Image.open(io.BytesIO(overlay.png)).convert("RGB"), dtype=float)


def shown(overlay: Overlay) -> Array:
    """Greys of its film part."""
    left, top, width, height = overlay.image_px
    return pixels(overlay)[top : top + height, left : left + width].mean(axis=2)


def place(overlay: Overlay, film_px: Array) -> Array:
    """Pixel of the PNG that shows a place of the film."""
    left, top, right, bottom = overlay.box_px
    x, y, width, height = overlay.image_px
    scale = np.array([width / (right - left), height / (bottom - top)])
    at: Array = (film_px - np.array([left, top])) * scale + np.array([x, y]) - 0.5
    return at


def test_three_pictures_of_every_film(true: dict[str, Overlay]) -> None:
    assert list(true) == [f"{view}-{kind}.png" for view in ("lateral", "nasium") for kind in KINDS]
    for overlay in true.values():
        left, top, width, height = overlay.image_px
        assert (left, top) == (0, STRIP_PX)
        assert pixels(overlay).shape == (height + 2 * STRIP_PX, width, 3)
        entry = json.loads(json.dumps(overlay.entry()))
        assert entry["file"] == f"registration/{overlay.file}"
        assert entry["film"] == f"{overlay.file.partition('-')[0]}.dcm"


def test_contours_run_around_the_projected_bones(case: OverlayCase) -> None:
    found = json.loads(json.dumps(contours_of(case.registration, case.problem)))
    assert list(found) == ["lateral.dcm", "nasium.dcm"]
    for k, film in enumerate(case.problem.films):
        model = case.problem.bones[1]
        solid = model.solid
        index = np.argwhere(solid.attenuation_per_mm > 0.5 * solid.attenuation_per_mm.max())
        voxels = bone_places(case.registration, case.problem, k)[1].apply(
            solid.origin_mm + index * solid.spacing_mm
        )
        seen = film.camera.project(voxels)
        line = np.array(found[film.file]["c1"][0])
        assert np.array_equal(line[0], line[-1])
        # Dense voxels begin within one and a half voxels of the rim.
        voxel_px = 1.5 * 1.2 * float(film.camera.magnification(voxels[0])) / 0.8
        assert line.min(axis=0) == pytest.approx(seen.min(axis=0), abs=voxel_px)
        assert line.max(axis=0) == pytest.approx(seen.max(axis=0), abs=voxel_px)


def test_lines_have_the_bones_colours_where_the_contours_are(
    case: OverlayCase, true: dict[str, Overlay]
) -> None:
    contours = contours_of(case.registration, case.problem)
    for view in ("lateral", "nasium"):
        overlay = true[f"{view}-contours.png"]
        picture = pixels(overlay)
        for bone in ("c1", "c2"):
            colour = np.array([int(BONE_COLOURS[bone][k : k + 2], 16) for k in (1, 3, 5)])
            corners = np.array(contours[f"{view}.dcm"][bone][0])
            columns, rows = np.rint(place(overlay, corners)).astype(int).T
            away = np.abs(picture[rows, columns] - colour).max(axis=1)
            # Where two bones' lines cross, the later one is on top.
            assert np.mean(away < 60) > 0.9


def test_colours_are_those_of_the_bones_in_space() -> None:
    for bone, paint in PAINTS.items():
        shown_at = tuple(int(BONE_COLOURS[bone][k : k + 2], 16) / 255 for k in (1, 3, 5))
        assert shown_at == pytest.approx(paint, abs=0.5 / 255 + 1e-9)


def test_a_wrong_pose_is_seen_in_the_difference(
    case: OverlayCase, true: dict[str, Overlay], wrong: dict[str, Overlay]
) -> None:
    for view in ("lateral", "nasium"):
        line = np.array(contours_of(case.registration, case.problem)[f"{view}.dcm"]["c1"][0])
        overlay = true[f"{view}-difference.png"]
        low, high = (
            place(overlay, corner) - [0, STRIP_PX] for corner in (line.min(axis=0), line.max(axis=0))
        )
        rows, columns = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
        spread = {
            name: float(np.std(shown(o[overlay.file])[rows, columns]))
            for name, o in (("true", true), ("wrong", wrong))
        }
        assert spread["wrong"] > 1.15 * spread["true"]


def test_tiles_show_film_and_model_in_turn(case: OverlayCase, true: dict[str, Overlay]) -> None:
    fainter = tuple(
        replace(f, signal=replace(f.signal, log_image=0.5 * f.signal.log_image)) for f in case.problem.films
    )
    other = {o.file: o for o in made(case.registration, replace(case.problem, films=fainter))}
    name = "nasium-checkerboard.png"
    changed = shown(true[name]) != shown(other[name])
    rows, columns = changed.shape
    edge = 14.0 * per_mm(true[name])
    row, column = ((np.arange(n) + 0.5) / edge for n in (rows, columns))
    inside = [np.abs(at - np.rint(at)) * edge > 2 for at in (row, column)]
    sure = inside[0][:, None] & inside[1]
    model = (row.astype(int)[:, None] + column.astype(int)) % 2 == 1
    assert not changed[model & sure].any()
    assert changed[~model & sure].mean() > 0.6


def per_mm(overlay: Overlay) -> float:
    """Pixels per mm at C1, from the scale bar of 20 mm."""
    strip = pixels(overlay)[-STRIP_PX // 2]
    bright = np.flatnonzero(strip.min(axis=1) > 200)
    bar = bright[: np.flatnonzero(np.diff(bright) > 3)[0] + 1]
    return float(bar[-1] - bar[0]) / 20.0


def test_state_and_stamp_stand_below(
    case: OverlayCase, true: dict[str, Overlay], wrong: dict[str, Overlay]
) -> None:
    real = {o.file: o for o in made(case.registration, case.problem, simulated=False)}
    name = "lateral-contours.png"
    amber = {key: coloured(o[name]) for key, o in (("true", true), ("wrong", wrong), ("real", real))}
    assert amber["real"] == 0 < amber["true"] < amber["wrong"]


def coloured(overlay: Overlay) -> int:
    """Pixels of the lower strip in the colour of warnings."""
    strip = pixels(overlay)[-STRIP_PX:]
    return int(np.sum((strip[..., 0] > 150) & (strip[..., 2] < 150)))


def test_films_of_one_name_have_pictures_of_their_own(case: OverlayCase) -> None:
    first, second = case.problem.films
    films = (replace(first, file="a/film.dcm"), replace(second, file="b/film.dcm"))
    problem = replace(case.problem, films=films)
    names = [o.file for o in made(case.registration, problem)]
    assert len(set(names)) == 6
    assert names[0] == "film-contours.png"
    assert names[3] == "film-2-contours.png"
