"""Film quality from marks and pixels: layout, borders, technique, bones, exposure, noise, blur."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from atlasplane.core.finding import Finding, Severity
from atlasplane.pathways.alignment.bone_size import bone_sizes, difference_findings, size_findings
from atlasplane.pathways.alignment.film_field import field_findings
from atlasplane.pathways.alignment.film_image import image_findings, image_numbers
from atlasplane.pathways.alignment.film_layout import film_plane, layout_findings, layout_fits
from atlasplane.pathways.alignment.limits import limits
from atlasplane.pathways.alignment.technique_range import technique_findings
from atlasplane.sources.film import ImageDirection, Radiograph, Technique, View
from tests.film_cases import (
    LATERAL,
    NASIUM,
    VERTEX,
    HandFilm,
    Observer,
    person,
    random_pose,
    simulated_radiograph,
)

SIMULATED = (View.LATERAL, View.NASIUM, View.VERTEX)
OPPOSITE = {
    ImageDirection.LEFT: ImageDirection.RIGHT,
    ImageDirection.RIGHT: ImageDirection.LEFT,
    ImageDirection.UP: ImageDirection.DOWN,
    ImageDirection.DOWN: ImageDirection.UP,
}


def one_film(view: View, seed: int = 1) -> Radiograph:
    rng = np.random.default_rng(seed)
    angles = random_pose(rng, rng.normal(0, 1, 3) * (3, 5, 4))
    tube = 0.0 if view is View.LATERAL else float(rng.uniform(0, 20))
    return simulated_radiograph(view, person(rng), angles, tube, observer=Observer(noise_mm=0.5), seed=seed)


def only(found: object) -> Finding:
    (finding,) = list(found)  # type: ignore[call-overload]
    return finding


def layout(film: Radiograph) -> list[Finding]:
    return list(layout_findings(film, film.readings[0]))


# ---- layout ----


@pytest.mark.parametrize("view", SIMULATED, ids=lambda v: v.value)
def test_a_right_film_is_never_called_wrong(view: View) -> None:
    for seed in range(60):
        assert layout(one_film(view, seed)) == []


@pytest.mark.parametrize("film", [LATERAL, NASIUM, VERTEX], ids=lambda f: f.view.value)
def test_films_placed_by_hand_pass(film: HandFilm) -> None:
    assert layout(film.film()) == []


@pytest.mark.parametrize(
    ("view", "declared"),
    [
        (View.LATERAL, View.AP_CERVICAL),
        (View.NASIUM, View.LATERAL),
        (View.NASIUM, View.VERTEX),
        (View.VERTEX, View.NASIUM),
    ],
    ids=lambda v: v.value,
)
def test_a_wrong_view_stops(view: View, declared: View) -> None:
    film = one_film(view)
    # The directions that the declared view needs, as a person would state them who looks at this picture.
    first, second = ImageDirection.LEFT, ImageDirection.UP
    turned = {"patient_right": first, "patient_anterior": first}
    if declared is View.VERTEX:
        turned = {"patient_right": first, "patient_anterior": second}
    found = only(layout_findings(replace(film, view=declared, **turned), film.readings[0]))
    assert (found.code, found.severity) == ("layout.view", Severity.STOP)
    assert found.value is not None and found.limit == limits()["layout.residual"].value < found.value
    assert film_plane(view.value) in found.text
    assert found.source


@pytest.mark.parametrize("view", SIMULATED, ids=lambda v: v.value)
def test_a_mirrored_film_stops(view: View) -> None:
    film = one_film(view)
    name = "patient_anterior" if view is View.LATERAL else "patient_right"
    direction = getattr(film, name)
    found = only(layout_findings(replace(film, **{name: OPPOSITE[direction]}), film.readings[0]))
    assert (found.code, found.severity) == ("layout.mirrored", Severity.STOP)


@pytest.mark.parametrize("view", [View.LATERAL, View.NASIUM], ids=lambda v: v.value)
def test_a_film_on_its_head_stops(view: View) -> None:
    film = one_film(view)
    name = "patient_anterior" if view is View.LATERAL else "patient_right"
    # Half a turn: both directions are reversed.
    turned = {name: OPPOSITE[getattr(film, name)], "patient_superior": ImageDirection.DOWN}
    found = only(layout_findings(replace(film, **turned), film.readings[0]))
    assert found.code == "layout.turned"
    assert found.value is not None and abs(abs(found.value) - 180) < 25


def test_few_marks_say_nothing_of_the_layout() -> None:
    film = one_film(View.VERTEX)
    points = dict(list(film.readings[0].points.items())[:4])
    assert layout_fits(film, replace(film.readings[0], points=points)) == ()


def test_the_fit_is_that_of_a_similarity() -> None:
    """A mean person moved, turned by 20 degrees and doubled fits exactly; the turn is told."""
    from atlasplane.pathways.alignment import film_layout

    ids = ["PL_R", "PL_L", "OD_BASE", "C2_SPB", "C7_C", "TP_R", "TP_L"]
    film = NASIUM.film()
    body = np.array([film_layout._person()[id_][[2, 1]] for id_ in ids])
    turn = math.radians(20)
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    drawn = film_layout.film_frame(film).pixels(2 * body @ spin.T + [5, -7])
    hand = replace(NASIUM, points=dict(zip(ids, map(tuple, drawn), strict=True)), contours={})
    fits = layout_fits(film, hand.reading())
    exact = next(fit for fit in fits if fit.plane == "coronal" and not fit.mirrored)
    assert exact.residual == pytest.approx(0, abs=1e-7)
    assert exact.turn_deg == pytest.approx(20, abs=1e-9)
    assert min(fit.residual for fit in fits if fit is not exact) > 0.5


# ---- borders ----


def test_marks_at_the_border_are_named_with_their_distance() -> None:
    # 0.2 mm at the patient and 1067 / 837 magnification: 0.25496 mm on the film a pixel; the border of the
    # image lies half a pixel beyond the last centre.
    near = replace(NASIUM, points={**NASIUM.points, "C7_C": (620, 1595)}).film()
    found = only(field_findings(near, near.readings[0]))
    assert (found.code, found.severity, found.limit) == ("film.cut_off", Severity.WARN, 5.0)
    assert found.value == pytest.approx(5.5 * 0.2 * 1067 / 837, rel=1e-9)
    assert "C7_C" in found.text


def test_a_contour_that_leaves_the_film_counts() -> None:
    skull = [(2.0, row) for _, row in NASIUM.contours["SKULL_R"]]
    near = replace(NASIUM, contours={**NASIUM.contours, "SKULL_R": skull}).film()
    assert "SKULL_R" in only(field_findings(near, near.readings[0])).text


def test_a_needed_mark_that_nobody_saw_is_said_and_others_are_not() -> None:
    film = NASIUM.film()
    seen = replace(film.readings[0], not_visible=frozenset({"C7_C", "MASTOID_R"}))
    found = only(field_findings(film, seen))
    assert (found.code, found.value) == ("film.not_visible", 1.0)
    assert "C7_C" in found.text and "MASTOID" not in found.text


# ---- technique ----


@pytest.mark.parametrize(
    ("technique", "code", "value"),
    [
        (Technique(sid_mm=500, sod_mm=400), "technique.sid_short", 500),
        (Technique(sid_mm=4000, sod_mm=3500), "technique.sid_long", 4000),
        (Technique(sid_mm=1000, sod_mm=990), "technique.magnification_low", 1000 / 990),
        (Technique(sid_mm=1000, sod_mm=500), "technique.magnification_high", 2.0),
        (Technique(sid_mm=1067, sod_mm=837, tube_deg=-45), "technique.tube", 45),
    ],
)
def test_an_implausible_technique_is_named(technique: Technique, code: str, value: float) -> None:
    found = only(technique_findings(NASIUM.film(technique=technique)))
    assert (found.code, found.severity) == (code, Severity.WARN)
    assert found.value == pytest.approx(value)


def test_a_clinic_s_technique_passes() -> None:
    assert list(technique_findings(NASIUM.film())) == []
    assert list(technique_findings(NASIUM.film(technique=None))) == []


# ---- bones ----


def sizes(film: HandFilm, **fields: object) -> tuple[object, ...]:
    drawn = film.film(**fields)
    return bone_sizes(drawn, drawn.readings[0])


def test_a_bone_is_measured_in_millimetres_with_its_uncertainty() -> None:
    # TP_R (400, 800) and TP_L (800, 810) at 0.2 mm a pixel: 0.2 sqrt(400^2 + 10^2) mm.
    marked = NASIUM.film(NASIUM.reading(sd_px=1.5))
    (found,) = bone_sizes(marked, marked.readings[0])
    assert found.mm == pytest.approx(0.2 * math.hypot(400, 10), rel=1e-12)
    placing = math.sqrt(2) * 1.5 * 0.2
    assert found.u_own == pytest.approx(math.hypot(placing, 0.02 * found.mm), rel=1e-9)
    assert found.u_scale == pytest.approx(0.01 * found.mm, rel=1e-12)


def test_the_same_person_s_bones_agree_and_another_s_do_not() -> None:
    own = sizes(NASIUM)
    assert list(difference_findings(own, sizes(NASIUM))) == []
    for factor, code, severity in (
        (1.15, "bones.differ", Severity.WARN),
        (1.4, "bones.other_person", Severity.STOP),
    ):
        other = replace(NASIUM, mm_per_px=(0.2 * factor, 0.2 * factor))
        found = only(difference_findings(own, sizes(other)))
        assert (found.code, found.severity) == (code, severity)
        assert found.value is not None and found.limit is not None and found.value > found.limit
        assert found.source == limits()[code].source


def test_a_shared_scale_cancels_between_films() -> None:
    own, again = sizes(NASIUM), sizes(NASIUM.nudged("TP_R", (-12.0, 0.0)))
    other_setup = sizes(NASIUM.nudged("TP_R", (-12.0, 0.0)), technique=Technique(sid_mm=1100, sod_mm=850))
    shared = only(difference_findings(own, again)) if list(difference_findings(own, again)) else None
    assert shared is None  # 3 % of a width is within the head's position
    assert list(difference_findings(own, other_setup)) == []


def test_a_bone_that_nobody_has_asks_for_the_scale() -> None:
    half = replace(NASIUM, mm_per_px=(0.1, 0.1))
    found = only(size_findings(sizes(half)))
    assert (found.code, found.limit) == ("bones.size", 35.0)
    # The mean person's C1 is 76 mm wide.
    assert found.value == pytest.approx(100 * (0.1 * math.hypot(400, 10) / 76 - 1), rel=1e-9)
    assert list(size_findings(sizes(NASIUM))) == []


def test_a_film_without_a_scale_has_no_bone_sizes() -> None:
    from atlasplane.core.calibration import UNCALIBRATED

    assert sizes(NASIUM, calibration=UNCALIBRATED) == ()


# ---- pixels ----

ROWS, COLUMNS = 1601, 1201


def picture(noise: float = 4.0, blur_mm: float = 0.0, smear_mm: float = 0.0) -> np.ndarray:
    """Squares of 16 mm, sharp edges between them, 1000 grey apart; 0.25496 mm of film a pixel."""
    mm = 0.2 * 1067 / 837
    row, column = np.indices((ROWS, COLUMNS)) * mm
    grey = 2000.0 + 1000.0 * (((row // 16).astype(int) + (column // 16).astype(int)) % 2)
    if blur_mm:
        grey = ndimage.gaussian_filter(grey, blur_mm / mm)
    if smear_mm:
        grey = ndimage.uniform_filter1d(grey, round(smear_mm / mm), axis=0)
    return np.asarray(grey + np.random.default_rng(0).normal(0, noise, grey.shape))


def pictured(grey: np.ndarray) -> Radiograph:
    return NASIUM.film(load_pixels=lambda: grey)


@pytest.mark.parametrize("blur_mm", [0.4, 0.8, 1.6])
def test_the_blur_of_edges_is_found(blur_mm: float) -> None:
    film = pictured(picture(blur_mm=blur_mm))
    found = image_numbers(film, film.readings[0])
    assert found is not None and found.blur_mm is not None
    # The grid of blurs has steps of 15 %; smoothing along the edge adds nothing to a straight one.
    assert found.blur_mm == pytest.approx(blur_mm, rel=0.16)


def test_a_smear_in_one_direction_is_found_though_edges_along_it_stay_sharp() -> None:
    film = pictured(picture(smear_mm=4.0))
    found = image_numbers(film, film.readings[0])
    # A smear of length L has the standard deviation L / sqrt 12; a ramp is no blurred step, and reads wider.
    assert found is not None and found.blur_mm is not None
    assert 4.0 / math.sqrt(12) <= found.blur_mm <= 2 * 4.0 / math.sqrt(12)
    assert "film.blur" in {f.code for f in image_findings(film, film.readings[0])}


def test_a_sharp_film_passes() -> None:
    film = pictured(picture())
    assert list(image_findings(film, film.readings[0])) == []


def test_contrast_over_noise_is_what_was_put_in() -> None:
    film = pictured(picture(noise=50.0))
    found = image_numbers(film, film.readings[0])
    # Patches of 16 mm see both greys: 1000 over 50; the noise filter sees some of the edges.
    assert found is not None and found.contrast_to_noise == pytest.approx(20, rel=0.25)
    drowned = pictured(picture(noise=400.0))
    codes = {f.code for f in image_findings(drowned, drowned.readings[0])}
    assert "film.noise" in codes


@pytest.mark.parametrize("end", ["brightest", "darkest"])
def test_greys_cut_off_at_either_end_are_found(end: str) -> None:
    grey = picture(noise=100.0)
    cut = np.minimum(grey, 3000.0) if end == "brightest" else np.maximum(grey, 2000.0)
    film = pictured(cut)
    found = next(f for f in image_findings(film, film.readings[0]) if f.code == "film.clipped")
    assert end in found.text
    # Half of the pixels are of that grey, and half of those were beyond it.
    assert found.value == pytest.approx(25, abs=8)


def test_one_grey_is_called_blank() -> None:
    film = pictured(np.full((ROWS, COLUMNS), 7, np.uint16))
    assert only(image_findings(film, film.readings[0])).code == "film.blank"


def test_every_limit_says_where_it_comes_from() -> None:
    for code, limit in limits().items():
        assert limit.source and "to be" not in limit.source, code
