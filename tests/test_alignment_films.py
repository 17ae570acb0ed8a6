"""Films as they come: turned, shifted, scaled; marks contradicting, too few or missing; unstated geometry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlasplane.core.calibration import UNCALIBRATED, Calibration, CalibrationKind
from atlasplane.core.errors import BadLandmarks
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.joint import JointObservations
from atlasplane.core.quantity import quantity
from atlasplane.core.side import Side
from atlasplane.pathways.alignment import head_position
from atlasplane.pathways.alignment.film_analysis import analyse_film
from atlasplane.pathways.alignment.visit_analysis import AlignmentAnalysis, analyse_visit
from atlasplane.sources.film import ImageDirection, Radiograph, View
from tests.film_cases import (
    DOWN,
    LATERAL,
    LEFT,
    NASIUM,
    RIGHT,
    STRAIGHT_NASIUM,
    UP,
    VERTEX,
    HandFilm,
    Move,
    analysed,
    values,
    visit_of_films,
    walls,
)
from tests.strategies import numbers

FILMS = [LATERAL, NASIUM, VERTEX]
VIEWS = [film.view.value for film in FILMS]
every_view = pytest.mark.parametrize("film", FILMS, ids=VIEWS)
SOLVED = 1e-7
"""The skull line is solved to 1e-9 rad = 6e-8 deg."""


@pytest.fixture(autouse=True)
def few_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here hangs on the size of the projection term: fewer template persons make the tests quick."""
    monkeypatch.setattr(head_position, "TEMPLATE_PERSONS", 256)


def is_length(key: str) -> bool:
    return quantity(key.split("/")[0]).is_length


def u_placing(film: HandFilm | Radiograph) -> dict[str, float]:
    analysis = analysed(film)
    return {key: analysis.u_placing(key) for key in analysis.keys if not key.startswith("check.")}


def codes(analysis: AlignmentAnalysis) -> list[str]:
    return [finding.code for finding in analysis.findings]


def finding(analysis: AlignmentAnalysis, code: str) -> Finding:
    return next(f for f in analysis.findings if f.code == code)


def u_of(joint: JointObservations) -> dict[str, tuple[float | None, float | None]]:
    found = [joint.measurement(key) for key in joint.order]
    return {m.key: (m.u, m.u_film) for m in found if m is not None}


def assert_same(film: HandFilm | Radiograph, other: HandFilm | Radiograph) -> None:
    """Values and placing errors of two films agree (the latter to rounding over the step of a derivative)."""
    assert values(film) == pytest.approx(values(other), abs=SOLVED)
    assert u_placing(film) == pytest.approx(u_placing(other), rel=1e-6)


# ---- invariances ----

CLOCKWISE = {UP: RIGHT, RIGHT: DOWN, DOWN: LEFT, LEFT: UP}


def quarter_turned(film: HandFilm) -> HandFilm:
    """The stored image turned clockwise: column' = rows - 1 - row, row' = column."""
    rows, columns = film.shape
    turn: Move = lambda at: np.stack([rows - 1 - at[:, 1], at[:, 0]], axis=-1)  # noqa: E731
    superior = None if film.view is View.VERTEX else CLOCKWISE[film.superior or UP]
    return film.moved(
        turn,
        shape=(columns, rows),
        mm_per_px=film.mm_per_px[::-1],
        right=film.right and CLOCKWISE[film.right],
        anterior=film.anterior and CLOCKWISE[film.anterior],
        superior=superior,
    )


@every_view
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_image_with_its_directions_gives_the_same(film: HandFilm, turns: int) -> None:
    turned = film
    for _ in range(turns):
        turned = quarter_turned(turned)
    assert_same(turned, film)


@every_view
def test_place_on_the_image_does_not_matter(film: HandFilm) -> None:
    assert_same(film.moved(lambda at: at + np.array([37.25, -81.5])), film)


@every_view
def test_pixel_size_scales_lengths_and_leaves_angles(film: HandFilm) -> None:
    fine, coarse = film, replace(film, mm_per_px=(film.mm_per_px[0] * 1.5, film.mm_per_px[1] * 1.5))
    before, after = values(fine), values(coarse)
    for key, value in before.items():
        if key == "axis_rotation":  # a length over 40 mm
            spread = np.sin(np.radians(value))
            assert np.sin(np.radians(after[key])) == pytest.approx(1.5 * spread)
        else:
            assert after[key] == pytest.approx((1.5 if is_length(key) else 1.0) * value, abs=SOLVED)


@every_view
def test_pixels_that_are_not_square(film: HandFilm) -> None:
    """Rows half as high and twice as many show the same patient."""
    stretched = film.moved(
        lambda at: at * np.array([1.0, 2.0]), mm_per_px=(film.mm_per_px[0], film.mm_per_px[1] / 2)
    )
    assert_same(stretched, film)


def test_direction_of_drawing_does_not_matter() -> None:
    backwards = replace(NASIUM, contours={id_: list(at)[::-1] for id_, at in NASIUM.contours.items()})
    assert_same(backwards, NASIUM)


@every_view
def test_names_and_order_of_readings_do_not_matter(film: HandFilm) -> None:
    moved = film.moved(lambda at: at + np.sin(at[:, ::-1]))
    first, second = film.reading("r1"), moved.reading("r2")
    renamed = (replace(moved.reading("b", "KR"), tool="other/2.0"), film.reading("a", "KR"))
    assert_same(film.film(*renamed), film.film(first, second))


@every_view
def test_a_default_placing_error_is_of_the_film_not_of_the_pixels(film: HandFilm) -> None:
    """The same patient at half the pixel size: the same u, in degrees and millimetres."""
    fine = film.moved(lambda at: at * 2, mm_per_px=(film.mm_per_px[0] / 2, film.mm_per_px[1] / 2))
    assert u_placing(fine) == pytest.approx(u_placing(film), rel=1e-6)


@every_view
def test_stated_covariances_overrule_the_defaults_and_scale_u(film: HandFilm) -> None:
    one, two = (film.film(film.reading(sd_px=sd)) for sd in (0.5, 1.0))
    small, large = u_placing(one), u_placing(two)
    # First order: u is proportional to the clicks; the step of the derivative follows u, its error is of
    # second order (circles bend most: their sagitta is a few px, a quarter of a px of step squared over it is
    # under 1 %).
    for key in small:
        assert large[key] == pytest.approx(2 * small[key], rel=0.02)
    assert small != pytest.approx(u_placing(film), rel=0.05)


# ---- orientation ----


def test_a_wrong_patient_right_contradicts_the_marks() -> None:
    with pytest.raises(BadLandmarks) as caught:
        analyse_film(NASIUM.film(patient_right=RIGHT))
    assert caught.value.file == "nasium.png"
    assert "PL_R lies to the patient's left of PL_L" in caught.value.what
    assert "patient_right" in caught.value.remedy


def test_swapped_labels_contradict_the_stored_side() -> None:
    with pytest.raises(BadLandmarks, match="disagree"):
        analyse_film(NASIUM.relabelled().film())


def test_wrong_side_and_swapped_labels_together_pass_and_give_the_mirrored_patient() -> None:
    """As the text warns: only a person can catch a wrong marker from which the labels were also taken."""
    wrong = replace(NASIUM.relabelled(), right=RIGHT)
    read, true = values(wrong), values(NASIUM)
    assert read["atlas_laterality"] == pytest.approx(-true["atlas_laterality"], abs=SOLVED)


@pytest.mark.parametrize(
    ("film", "ids", "said"),
    [
        (NASIUM, ("SKULL_R", "SKULL_L"), "contour SKULL_R"),
        (NASIUM, ("COND_R", "COND_L"), "contour COND_R"),
        (NASIUM, ("PLU_R", "PLU_L"), "PLU_R"),
        (NASIUM, ("ORB_R", "ORB_L"), "ORB_R"),
        (NASIUM, ("TP_R", "TP_L"), "TP_R"),
        (VERTEX, ("TF_R", "TF_L"), "TF_R"),
        (VERTEX, ("CRIB", "FM_C"), "CRIB lies behind FM_C"),
        (LATERAL, ("C1_ARCH_LM", "C1_ARCH_13"), "C1_ARCH_LM lies behind C1_ARCH_13"),
        (LATERAL, ("C1_AT", "C1_PT"), "C1_AT lies behind C1_PT"),
        (LATERAL, ("HP_ANT", "HP_POST"), "HP_ANT lies behind HP_POST"),
    ],
)
def test_any_pair_the_wrong_way_round_is_refused(film: HandFilm, ids: tuple[str, str], said: str) -> None:
    exchange = dict(zip(ids, ids[::-1], strict=True))
    points = {exchange.get(id_, id_): at for id_, at in film.points.items()}
    contours = {exchange.get(id_, id_): at for id_, at in film.contours.items()}
    with pytest.raises(BadLandmarks) as caught:
        analyse_film(replace(film, points=points, contours=contours).film())
    assert said in caught.value.what


@pytest.mark.parametrize("wrong", [{"patient_right": RIGHT}, {"patient_anterior": DOWN}])
def test_a_vertex_film_checks_both_directions(wrong: dict[str, ImageDirection]) -> None:
    with pytest.raises(BadLandmarks, match="disagree"):
        analyse_film(VERTEX.film(**wrong))


def test_a_wrong_patient_anterior_contradicts_the_marks() -> None:
    with pytest.raises(BadLandmarks, match="C1_ARCH_LM lies behind"):
        analyse_film(LATERAL.film(patient_anterior=RIGHT))


@pytest.mark.parametrize(
    ("film", "fields", "said"),
    [
        (NASIUM, {"patient_right": None}, "patient_right is not stored"),
        (LATERAL, {"patient_anterior": None}, "patient_anterior is not stored"),
        (VERTEX, {"patient_right": None}, "patient_right is not stored"),
        (VERTEX, {"patient_right": UP}, "parallel"),
        (NASIUM, {"patient_right": UP}, "superior direction is unknown"),
        (NASIUM, {"patient_superior": RIGHT}, "parallel"),
    ],
)
def test_a_direction_is_never_inferred(film: HandFilm, fields: dict[str, object], said: str) -> None:
    with pytest.raises(BadLandmarks, match=said):
        analyse_film(film.film(**fields))


# ---- too few, missing, impossible ----


@pytest.mark.parametrize(
    ("film", "kept"),
    [
        (LATERAL, ["C1_AT"]),
        (NASIUM, ["PL_R", "OD_BASE"]),
        (VERTEX, ["TF_R", "TF_L", "CRIB"]),
        (NASIUM, ["ORB_R", "ORB_L"]),
    ],
)
def test_too_few_points_for_any_line(film: HandFilm, kept: list[str]) -> None:
    gone = [id_ for id_ in (*film.points, *film.contours) if id_ not in kept]
    with pytest.raises(BadLandmarks, match="too few points"):
        analyse_film(film.without(*gone).film())


@pytest.mark.parametrize(
    ("film", "gone", "lost"),
    [
        (NASIUM, "C7_C", {"lower_angle", "cervical_lean", "c7_offset"}),
        (NASIUM, "TP_L", {"transverse_offset/left"}),
        (NASIUM, "SKULL_L", {"head_tilt", "atlas_laterality", "skull_offset"}),
        (LATERAL, "HP_ANT", {"s_palate_angle", "s_offset"}),
        (LATERAL, "C1_PT", {"atlas_plane_sagittal"}),
        (
            NASIUM,
            "AXIS_R",
            {
                "axial_radius",
                "axial_radius/right",
                "circle_ratio",
                "circle_difference",
                "axial_centre_offset",
            },
        ),
    ],
)
def test_a_missing_mark_takes_only_what_needs_it(film: HandFilm, gone: str, lost: set[str]) -> None:
    whole = values(film)
    analysis = analyse_visit(visit_of_films(film.without(gone)))
    assert set(whole) - set(analysis.joint.order) == lost
    for key in analysis.joint.order:
        measured = analysis.joint.measurement(key)
        assert measured is not None and measured.value == pytest.approx(whole[key], abs=1e-9)
    said = finding(analysis, "landmarks.missing")
    assert said.severity is Severity.INFO
    assert gone in said.text
    assert all(quantity(key.split("/")[0]).name in said.text for key in lost)


def test_nothing_missing_is_not_mentioned() -> None:
    assert "landmarks.missing" not in codes(analyse_visit(visit_of_films(NASIUM)))


def test_marks_that_coincide_are_refused_by_name() -> None:
    points = {**LATERAL.points, "C1_ARCH_LM": (500, 800), "C1_ARCH_13": (500.0, 800.0)}
    with pytest.raises(BadLandmarks, match=r"lies behind|coincide"):
        analyse_film(replace(LATERAL, points=points).film())
    axis = {**NASIUM.points, "C7_C": (580, 930)}  # exactly the centre of C2
    with pytest.raises(BadLandmarks, match="lower_angle, cervical_lean"):
        analyse_film(replace(NASIUM, points=axis).film())


def test_a_circle_needs_three_points() -> None:
    short = {**NASIUM.contours, "COND_R": list(NASIUM.contours["COND_R"])[:2]}
    with pytest.raises(BadLandmarks, match="a circle needs three points"):
        analyse_film(replace(NASIUM, contours=short).film())


def test_walls_without_three_levels_are_refused() -> None:
    low = NASIUM.nudged("TURN_R TURN_L", (0, 280))  # 20 px = 5 mm on the film between suture and turn
    with pytest.raises(BadLandmarks, match="three levels"):
        analyse_film(low.film())


def curved_walls(kappa: float) -> HandFilm:
    """Walls whose half width w obeys w^2 = 350^2 - kappa (row - 450)^2."""
    rows = np.arange(650.0, 249.0, -12.5)
    half = np.sqrt(350.0**2 - kappa * (rows - 450) ** 2)
    contours = {
        **STRAIGHT_NASIUM.contours,
        "SKULL_R": list(zip(600 - half, rows, strict=True)),
        "SKULL_L": list(zip(600 + half, rows, strict=True)),
    }
    return replace(STRAIGHT_NASIUM, contours=contours)


def test_kappa_is_reported_and_too_curved_walls_give_no_line() -> None:
    good, flagged, refused = (analyse_visit(visit_of_films(curved_walls(k))) for k in (0.4, 0.65, 0.9))
    assert "head_tilt" in good.joint.order and "skull_line.kappa" not in codes(good)
    assert "head_tilt" in flagged.joint.order
    # Polylines of 12.5 px steps on such a wall: the parabola through them keeps kappa within 1 %.
    assert finding(flagged, "skull_line.kappa").value == pytest.approx(0.65, rel=0.01)
    lost = {"head_tilt", "atlas_laterality", "skull_offset"}
    assert set(good.joint.order) - set(refused.joint.order) == lost
    stop = finding(refused, "skull_line.refused")
    assert (stop.severity, stop.limit) == (Severity.STOP, 0.8)
    assert stop.value == pytest.approx(0.9, rel=0.01)


# ---- findings about the films of a visit ----


def test_a_second_film_of_a_view_is_named_and_not_used() -> None:
    other = NASIUM.nudged("PL_R", (0, -30)).film(file="nasium-2.png")
    analysis = analyse_visit(visit_of_films(NASIUM, other))
    assert [f.film.file for f in analysis.films] == ["nasium.png"]
    said = finding(analysis, "film.second_of_view")
    assert (said.file, said.severity) == ("nasium-2.png", Severity.WARN)
    assert "nasium.png" in said.text


def test_films_without_marks_or_analysis_are_named() -> None:
    unmarked = replace(NASIUM.film(), readings=())
    other = replace(NASIUM.film(file="blair.png"), view=View.BLAIR_RIGHT)
    analysis = analyse_visit(visit_of_films(unmarked, other, VERTEX))
    said = [f for f in analysis.findings if f.code == "film.not_measured"]
    assert [(f.file, f.severity) for f in said] == [
        ("nasium.png", Severity.INFO),
        ("blair.png", Severity.INFO),
    ]
    assert "no landmarks yet" in said[0].text
    assert "no measure for a blair-right film" in said[1].text
    assert analysis.film(View.NASIUM) is None
    assert analysis.film(View.VERTEX) is analysis.films[0]


def test_order_of_the_films_in_the_folder_does_not_matter() -> None:
    here, there = (analyse_visit(visit_of_films(*films)).joint for films in (FILMS, FILMS[::-1]))
    assert here.order == there.order
    np.testing.assert_array_equal(here.cov, there.cov)


def test_without_technique_the_patients_u_is_unknown() -> None:
    analysis = analyse_visit(visit_of_films(NASIUM.film(technique=None)))
    stated = analyse_visit(visit_of_films(NASIUM))
    assert finding(analysis, "technique.missing").severity is Severity.WARN
    assert "technique.missing" not in codes(stated)
    for key in analysis.joint.order:
        measured = analysis.joint.measurement(key)
        assert measured is not None
        assert measured.u is None and measured.u_film is not None
        assert measured.measurand == "film"
        assert "technique_missing" in measured.quality
        assert measured.interval() is None and measured.mdc() is None
        assert measured.side in (None, Side.UNDETERMINED)
    # The levels of the skull line follow the magnification: equal up to rounding on straight walls.
    for key, measured in measurements(stated).items():
        assert measurements(analysis)[key].value == pytest.approx(measured.value, abs=SOLVED)


def measurements(analysis: AlignmentAnalysis):
    return {key: analysis.joint.measurement(key) for key in analysis.joint.order}


def test_without_scale_there_are_angles_only() -> None:
    analysis = analyse_visit(visit_of_films(NASIUM.film(calibration=UNCALIBRATED)))
    # C2 rotation is a length over a fixed length; the ratio of two radii is not.
    lengths = {key for key in values(NASIUM) if is_length(key)} | {"axis_rotation"}
    assert set(analysis.joint.order) == set(values(NASIUM)) - lengths
    assert finding(analysis, "calibration.none").severity is Severity.WARN
    # A length that the scale alone withholds is not blamed on the marks.
    assert "landmarks.missing" not in codes(analysis)
    for key, measured in measurements(analysis).items():
        assert measured.value == pytest.approx(values(NASIUM)[key], abs=SOLVED)
        assert measured.u is not None and "nominal_scale" in measured.quality


def test_default_placing_errors_of_an_unscaled_film_are_of_the_right_size() -> None:
    """The nominal scale is the spread of the points in the mean phantom.

    Right to the difference of two persons, say a third.
    """
    scaled, bare = (
        u_of(analyse_visit(visit_of_films(f)).joint) for f in (NASIUM, NASIUM.film(calibration=UNCALIBRATED))
    )
    assert bare["atlas_plane_tilt"][1] == pytest.approx(scaled["atlas_plane_tilt"][1], rel=0.33)


def test_detector_millimetres_are_larger_and_their_u_unknown() -> None:
    plain = Calibration(kind=CalibrationKind.DETECTOR_PLANE_ONLY, mm_per_px=(0.25, 0.25), u_rel=0.01)
    analysis = analyse_visit(visit_of_films(NASIUM.film(calibration=plain)))
    assert finding(analysis, "calibration.detector_plane").severity is Severity.WARN
    for key, measured in measurements(analysis).items():
        entry = quantity(key.split("/")[0])
        assert (measured.u is None) == entry.is_length
        assert ("mm_at_detector" in measured.quality) == entry.is_length
        assert measured.u_film is not None
        if entry.is_length:
            # 0.25 mm at the detector instead of 0.2 mm at the atlas.
            assert measured.value == pytest.approx(1.25 * values(NASIUM)[key], abs=SOLVED)


def test_attachments_that_disagree_are_a_finding() -> None:
    assert "film.attachments" not in codes(analyse_visit(visit_of_films(NASIUM)))
    # atan(21/210) against atan(20/200): alike. 15 px higher on the right: atan(36/210) - atan(20/200) = 4.02
    # deg.
    crooked = analyse_visit(visit_of_films(NASIUM.nudged("PLU_R", (0, -15))))
    said = finding(crooked, "film.attachments")
    assert said.value == pytest.approx(np.degrees(np.arctan(36 / 210) - np.arctan(0.1)), abs=SOLVED)
    assert (said.limit, said.severity) == (2.0, Severity.WARN)


@pytest.mark.parametrize(("lean", "severity"), [(0.05, None), (0.09, Severity.WARN), (0.2, Severity.STOP)])
def test_a_tilted_head_warns_and_then_fails_the_film(lean: float, severity: Severity | None) -> None:
    """5 deg is a slope of 0.0875; a film fails beyond 1.96 u (u about 0.2 deg) more."""
    film = replace(STRAIGHT_NASIUM, contours={**STRAIGHT_NASIUM.contours, **walls(600.0, lean)})
    found = [f for f in analyse_visit(visit_of_films(film)).findings if f.code == "film.head_tilt"]
    assert [f.severity for f in found] == ([] if severity is None else [severity])


@pytest.mark.parametrize(
    ("tube_deg", "raised"), [(11.3, False), (14.2, False), (14.4, True), (8.2, True), (8.4, False)]
)
def test_a_tube_off_the_s_line_is_a_finding(tube_deg: float, raised: bool) -> None:
    """The lateral's S-line is 11.31 deg, the limit 3 deg."""
    technique = NASIUM.film().technique
    assert technique is not None
    nasium = NASIUM.film(technique=replace(technique, tube_deg=tube_deg))
    analysis = analyse_visit(visit_of_films(LATERAL, nasium))
    assert ("film.tube_mismatch" in codes(analysis)) == raised
    if raised:
        assert finding(analysis, "film.tube_mismatch").value == pytest.approx(
            tube_deg - values(LATERAL)["s_line_angle"]
        )


def test_a_bumpy_skull_line_is_a_finding() -> None:
    rng = np.random.default_rng(3)
    rough = NASIUM.nudged(
        "SKULL_R", lambda at: at + np.stack([rng.normal(0, 14, len(at)), np.zeros(len(at))], axis=-1)
    )
    assert "skull_line.residual" not in codes(analyse_visit(visit_of_films(NASIUM)))
    # 14 px are 2.8 mm of the atlas, 3.6 mm on the film; half of it in a mid-point.
    assert finding(analyse_visit(visit_of_films(rough)), "skull_line.residual").value > 1.0


def test_a_short_arc_is_a_finding_and_one_side_alone_is_not_given() -> None:
    """The published axial arcs span 20 to 32 deg; a quarter of that leaves the radius open."""
    flat = {
        id_: [
            (600 + (1 if id_.endswith("L") else -1) * x, 900 + x * x / 8000) for x in np.linspace(30, 60, 8)
        ]
        for id_ in ("AXIS_R", "AXIS_L")
    }
    analysis = analyse_visit(
        visit_of_films(replace(STRAIGHT_NASIUM, contours={**STRAIGHT_NASIUM.contours, **flat}))
    )
    assert "axial_radius" in analysis.joint.order
    assert "axial_radius/right" not in analysis.joint.order
    assert "condylar_radius/right" in analysis.joint.order
    said = finding(analysis, "circle.precision")
    assert said.value is not None and said.value > 15.0


# ---- identities ----


@given(
    plane=numbers(-60.0, 60.0),
    lean=numbers(-0.15, 0.15),
    shift=numbers(-30.0, 30.0),
    neck=st.tuples(numbers(-80.0, 80.0), numbers(-80.0, 80.0)),
)
@settings(max_examples=60)
def test_laterality_and_lower_angle_are_sums(
    plane: float, lean: float, shift: float, neck: tuple[float, float]
) -> None:
    film = replace(
        STRAIGHT_NASIUM.nudged("PL_R", (0, -plane))
        .nudged("C7_C", (neck[0], 0))
        .nudged("C2_SPB", (neck[1], 0)),
        contours={**STRAIGHT_NASIUM.contours, **walls(600.0 + shift, lean)},
    )
    read = values(film)
    assert read["atlas_laterality"] == pytest.approx(read["atlas_plane_tilt"] + read["head_tilt"], abs=1e-9)
    assert read["lower_angle"] == pytest.approx(-(read["cervical_lean"] + read["atlas_plane_tilt"]), abs=1e-9)
