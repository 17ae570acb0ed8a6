"""A film photographed on a light box: made straight, with a scale whose u covers its corners' placing."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.errors import BadInput
from atlasplane.geometry.homography import homography, mapped, rectangle_aspect, turns_clockwise
from atlasplane.io.case_add import AddedFilm, add_film
from atlasplane.io.case_folder import read_case
from atlasplane.io.case_new import new_case
from atlasplane.io.film_preparation import PictureScale
from atlasplane.io.image_film import load_image_pixels
from atlasplane.io.limits import agreement
from atlasplane.io.photographed_film import KnownLength, SheetCorners, straightened
from atlasplane.io.schemas import json_schema
from atlasplane.io.visit_choice import VisitStamp
from tests.bad_input import dicom_files
from tests.cli_cases import everything, runner

SIZE_MM = (240.0, 300.0)
PHOTO = (600, 500)
CORNERS = np.array([[70.0, 60.0], [430.0, 90.0], [410.0, 530.0], [50.0, 560.0]])
"""A sheet photographed a little from the side and from above."""
FILM_MM = np.array([[0, 0], [240, 0], [240, 300], [0, 300]], dtype=float)
DOTS_MM = np.array([[60.0, 60.0], [180.0, 70.0], [120.0, 150.0], [70.0, 240.0], [190.0, 250.0]])
STAMP = VisitStamp(id="v1", time=datetime.fromisoformat("2026-03-02T09:10:00+01:00"))
NASIUM = {"view": "nasium", "patient_right": "image_left", "marker": "R"}


def photograph(path: Path, *, corners: np.ndarray = CORNERS, exif: int = 1) -> Path:
    """Round dots of 3 mm on a grey sheet, seen through the homography; outside the sheet it is white."""
    row, column = np.mgrid[0 : PHOTO[0], 0 : PHOTO[1]]
    places = mapped(
        homography(corners, FILM_MM), np.column_stack([column.ravel(), row.ravel()]).astype(float)
    )
    grey = np.full(len(places), 60.0)
    for dot in DOTS_MM:
        grey += 150 * np.exp(-np.sum((places - dot) ** 2, axis=1) / (2 * 3.0**2))
    outside = np.any((places < 0) | (places > SIZE_MM), axis=1)
    picture = np.rint(np.where(outside, 250, grey)).reshape(PHOTO).astype(np.uint8)
    stored = {1: picture, 6: picture.T[::-1], 3: picture[::-1, ::-1], 2: picture[:, ::-1]}[exif]
    tags = Image.Exif()
    tags[0x0112] = exif
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=tags, quality=98)
    return path


def dots_px(grey: np.ndarray, mm_per_px: tuple[float, float]) -> np.ndarray:
    """Centres of mass of the dots, in mm from the corner of the straight film."""
    found = []
    for dot in DOTS_MM:
        column, row = (int(place) for place in dot / mm_per_px)
        reach = int(9 / mm_per_px[0])
        field = grey[row - reach : row + reach + 1, column - reach : column + reach + 1].astype(float)
        field = np.clip(field - np.percentile(field, 30), 0, None)
        rows, columns = np.mgrid[row - reach : row + reach + 1, column - reach : column + reach + 1]
        centre = np.array([(columns * field).sum(), (rows * field).sum()]) / field.sum()
        found.append((centre + 0.5) * mm_per_px)
    return np.array(found)


def pixels(png: bytes, folder: Path) -> np.ndarray:
    (folder / "straight.png").write_bytes(png)
    return load_image_pixels(folder / "straight.png", name="straight.png")


def codes(added: AddedFilm) -> list[str]:
    return [finding.code for finding in added.findings]


# ---- geometry ----


def test_a_homography_takes_its_points_where_they_belong() -> None:
    matrix = homography(FILM_MM, CORNERS)
    assert np.allclose(mapped(matrix, FILM_MM), CORNERS, atol=1e-9)
    assert np.allclose(mapped(homography(CORNERS, FILM_MM), mapped(matrix, DOTS_MM)), DOTS_MM, atol=1e-9)
    # lines stay lines: the middle of a diagonal lies on it
    a, b, middle = mapped(matrix, np.array([[0.0, 0.0], [240.0, 300.0], [120.0, 150.0]]))
    assert abs((b - a)[0] * (middle - a)[1] - (b - a)[1] * (middle - a)[0]) < 1e-6


def test_three_points_on_a_line_make_no_homography() -> None:
    flat = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [0.0, 5.0]])
    for source, target in ((flat, FILM_MM), (FILM_MM, flat)):
        with pytest.raises(ValueError, match="on a line"):
            homography(source, target)


def test_the_way_round_is_told() -> None:
    assert turns_clockwise(CORNERS)
    assert turns_clockwise(np.roll(CORNERS, 1, axis=0))
    assert not turns_clockwise(CORNERS[::-1])
    assert not turns_clockwise(CORNERS[[0, 2, 1, 3]])


@pytest.mark.parametrize(("tilt_deg", "turn_deg"), [(20, 15), (-25, 10), (12, -30)])
def test_the_ratio_of_the_sides_is_seen_in_the_perspective(tilt_deg: float, turn_deg: float) -> None:
    """A pinhole of focal length 900 px turned about two axes; the ratio of the sheet comes back."""
    tilt, turn = np.radians([tilt_deg, turn_deg])
    about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    about_y = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    sheet = np.column_stack([FILM_MM - [120, 150], np.zeros(4)]) @ (about_x @ about_y).T + [10, -20, 700]
    seen = 900 * sheet[:, :2] / sheet[:, 2:] + [400, 300]
    assert rectangle_aspect(seen, np.array([400.0, 300.0])) == pytest.approx(0.8, rel=1e-9)


def test_the_ratio_of_the_sides_without_perspective_and_where_it_cannot_be_told() -> None:
    centre = np.array([250.0, 250.0])
    straight = np.array([[100.0, 100.0], [400.0, 100.0], [400.0, 500.0], [100.0, 500.0]])
    assert rectangle_aspect(straight, centre) == pytest.approx(0.75)
    keystone = np.array([[150.0, 100.0], [350.0, 100.0], [400.0, 500.0], [100.0, 500.0]])
    assert rectangle_aspect(keystone, centre) is None  # one vanishing point tells no focal length
    crooked = np.array([[100.0, 100.0], [400.0, 150.0], [480.0, 520.0], [60.0, 420.0]])
    assert rectangle_aspect(crooked, centre - [400, -400]) is None  # no rectangle looks like this


# ---- the straight film ----


def test_a_photographed_film_is_made_straight(tmp_path: Path) -> None:
    film = straightened(
        photograph(tmp_path / "p.png"), SheetCorners(corners_px=CORNERS, size_mm=SIZE_MM), name="p"
    )
    assert film.mm_per_px is not None
    grey = pixels(film.png, tmp_path)
    assert grey.dtype == np.uint16
    assert np.allclose(np.array(grey.shape[::-1]) * film.mm_per_px, SIZE_MM)
    assert film.mm_per_px[0] == pytest.approx(film.mm_per_px[1], rel=0.005)
    # a dot of 3 mm is found to a tenth of a photograph's pixel (0.7 mm), which is 0.07 mm
    assert np.abs(dots_px(grey, film.mm_per_px) - DOTS_MM).max() < 0.07
    assert not (grey > 65535 * 240 / 255).any()  # nothing of the light box is left
    assert film.findings == ()


@pytest.mark.parametrize("exif", [2, 3, 6])
def test_exif_is_applied_before_the_corners(tmp_path: Path, exif: int) -> None:
    plain = straightened(
        photograph(tmp_path / "a.png"), SheetCorners(corners_px=CORNERS, size_mm=SIZE_MM), name="a"
    )
    turned = photograph(tmp_path / "b.png", exif=exif)
    film = straightened(turned, SheetCorners(corners_px=CORNERS, size_mm=SIZE_MM), name="b")
    assert film.png == plain.png
    assert film.provenance["exif_orientation"] == exif


def test_u_of_the_scale_covers_corners_placed_by_hand(tmp_path: Path) -> None:
    """Corners off by the table's SD: lengths in the middle scatter as u_rel says.

    400 draws know an SD to 3.5 %; 15 % is four of those.
    """
    rng, sd = np.random.default_rng(11), agreement("corner_sd_px")
    film = straightened(
        photograph(tmp_path / "p.png"), SheetCorners(corners_px=CORNERS, size_mm=SIZE_MM), name="p"
    )
    terms = film.provenance["u_rel_terms"]
    assert isinstance(terms, dict)
    lengths = {"across": [], "down": []}
    ends = {
        "across": np.array([[60.0, 150.0], [180.0, 150.0]]),
        "down": np.array([[120.0, 75.0], [120.0, 225.0]]),
    }
    for _ in range(400):
        clicked = CORNERS + rng.normal(0, sd, (4, 2))
        for way, pair in ends.items():
            seen = mapped(homography(FILM_MM, CORNERS), pair)
            found = mapped(homography(clicked, FILM_MM), seen)
            lengths[way].append(np.hypot(*(found[1] - found[0])) / np.hypot(*(pair[1] - pair[0])))
    worst = max(float(np.std(values)) for values in lengths.values())
    assert terms["corners"] == pytest.approx(worst, rel=0.15)
    assert film.u_rel == pytest.approx(np.sqrt(sum(value**2 for value in terms.values())))


def test_exchanged_sides_are_noticed(tmp_path: Path) -> None:
    sheet = SheetCorners(corners_px=CORNERS, size_mm=(300.0, 240.0))
    (finding,) = straightened(photograph(tmp_path / "p.png"), sheet, name="p").findings
    assert finding.code == "photo.film_aspect"
    assert finding.value is not None and finding.value < -0.2


@pytest.mark.parametrize(
    ("corners", "size", "what"),
    [
        (CORNERS[::-1], SIZE_MM, "clockwise"),
        (CORNERS[[0, 2, 1, 3]], SIZE_MM, "clockwise"),
        (CORNERS + np.array([0.0, 100.0]), SIZE_MM, "outside the picture"),
        (CORNERS, (2.4, 3.0), "is no film"),
        (CORNERS, (float("nan"), 300.0), "is no film"),
    ],
)
def test_impossible_corners_are_refused(
    tmp_path: Path, corners: np.ndarray, size: tuple[float, float], what: str
) -> None:
    with pytest.raises(BadInput, match=what):
        straightened(
            photograph(tmp_path / "p.png"), SheetCorners(corners_px=corners, size_mm=size), name="p.png"
        )


# ---- in a case ----


def sheet_scale() -> PictureScale:
    return PictureScale(sheet=SheetCorners(corners_px=CORNERS, size_mm=SIZE_MM))


def test_a_photographed_film_in_a_case(tmp_path: Path) -> None:
    root = new_case(tmp_path / "case", {"pseudonym": "P-1"})
    source = photograph(tmp_path / "DSC_0001.JPG", exif=6)
    added = add_film(root, source, NASIUM, visit=STAMP, scale=sheet_scale())
    assert added.file == "2026-03-02/nasium.png"
    day = root / "2026-03-02"
    assert (day / "nasium.original.jpg").read_bytes() == source.read_bytes()
    told = json.loads((day / "nasium.rectified.json").read_text(encoding="utf-8"))
    Draft202012Validator(json_schema("rectified")).validate(told)
    assert told["original"]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert told["film"]["sha256"] == hashlib.sha256((day / "nasium.png").read_bytes()).hexdigest()
    assert told["corners_px"] == CORNERS.tolist()
    (film,) = read_case(root).visits[0].films
    assert film.calibration.kind is CalibrationKind.DETECTOR_PLANE_ONLY
    assert film.calibration.u_rel == pytest.approx(told["u_rel"], rel=0.05)  # stored with two digits
    assert film.calibration.mm_per_px == pytest.approx(told["mm_per_px"])


def test_with_the_distances_the_scale_holds_at_the_patient(tmp_path: Path) -> None:
    root = new_case(tmp_path / "case", {"pseudonym": "P-1"})
    technique = {"sid_mm": 1000.0, "sod_mm": 800.0, "tube_deg": 12.0}
    stated = {**NASIUM, "technique": technique}
    add_film(root, photograph(tmp_path / "a.png"), stated, visit=STAMP, scale=sheet_scale())
    told = json.loads((root / "2026-03-02" / "nasium.rectified.json").read_text(encoding="utf-8"))
    calibration = read_case(root).visits[0].films[0].calibration
    assert calibration.kind is CalibrationKind.SID_SOD
    assert calibration.mm_per_px == pytest.approx(tuple(0.8 * size for size in told["mm_per_px"]))
    expected = np.hypot(told["u_rel"], CalibrationKind.SID_SOD.usual.u_rel)
    assert calibration.u_rel == pytest.approx(expected, rel=0.05)


def test_the_same_photograph_again_changes_nothing(tmp_path: Path) -> None:
    root = new_case(tmp_path / "case", {"pseudonym": "P-1"})
    source = photograph(tmp_path / "a.jpg")
    add_film(root, source, NASIUM, visit=STAMP, scale=sheet_scale())
    before = everything(root)
    assert add_film(root, source, NASIUM, visit=STAMP, scale=sheet_scale()).is_known
    assert everything(root) == before


def test_a_picture_that_viewers_turn_is_kept_upright(tmp_path: Path) -> None:
    root = new_case(tmp_path / "case", {"pseudonym": "P-1"})
    source = photograph(tmp_path / "a.jpg", exif=6)
    added = add_film(root, source, NASIUM, visit=STAMP)
    assert "film.made_upright" in codes(added) and "calibration.none" in codes(added)
    (film,) = read_case(root).visits[0].films
    assert film.shape == PHOTO
    assert film.calibration.kind is CalibrationKind.NONE
    assert (
        np.abs(
            film.load_pixels().astype(int) - load_image_pixels(photograph(tmp_path / "b.png"), name="b")
        ).max()
        < 12
    )
    assert "film.exif_orientation" not in [finding.code for finding in read_case(root).findings]


def test_a_known_length_gives_a_scale_and_says_what_it_cannot(tmp_path: Path) -> None:
    root = new_case(tmp_path / "case", {"pseudonym": "P-1"})
    ends = np.array([[100.0, 100.0], [400.0, 100.0]])
    for n, in_film in enumerate((True, False)):
        known = KnownLength(ends_px=ends, length_mm=60.0, in_film_plane=in_film)
        corners = CORNERS + n  # another picture
        source = photograph(tmp_path / f"{n}.png", corners=corners)
        added = add_film(root, source, NASIUM, visit=STAMP, scale=PictureScale(known=known))
        assert "photo.perspective_unknown" in codes(added)
    on_film, beside_bones = (film.calibration for film in read_case(root).visits[0].films)
    assert on_film.kind is CalibrationKind.DETECTOR_PLANE_ONLY
    assert on_film.mm_per_px == pytest.approx((0.2, 0.2))
    assert on_film.u_rel == pytest.approx(np.sqrt(2) * agreement("corner_sd_px") / 300, rel=0.05)
    assert beside_bones.kind is CalibrationKind.USER_FIDUCIAL
    usual = CalibrationKind.USER_FIDUCIAL.usual.u_rel
    assert beside_bones.u_rel == pytest.approx(np.hypot(on_film.u_rel, usual), rel=0.05)


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    root = new_case(tmp_path / "case", {"pseudonym": "P-1"})
    before = everything(root)
    known = KnownLength(ends_px=CORNERS[:2], length_mm=60.0, in_film_plane=True)
    both = PictureScale(sheet=sheet_scale().sheet, known=known)
    source = photograph(tmp_path / "a.png")
    for stated, scale, what in (
        (NASIUM, both, "with --scale-ends"),
        ({**NASIUM, "calibration": {"kind": "none"}}, sheet_scale(), "with a scale on the picture"),
        (
            NASIUM,
            PictureScale(
                known=KnownLength(ends_px=CORNERS[:1].repeat(2, 0), length_mm=6.0, in_film_plane=True)
            ),
            "one point",
        ),
        (
            NASIUM,
            PictureScale(known=KnownLength(ends_px=CORNERS[:2] + 900, length_mm=6.0, in_film_plane=True)),
            "outside",
        ),
    ):
        with pytest.raises(BadInput, match=what):
            add_film(root, source, stated, visit=STAMP, scale=scale)
    with pytest.raises(BadInput, match="is a DICOM film: it is straight already"):
        add_film(root, dicom_files.film(tmp_path / "a.dcm"), NASIUM, scale=sheet_scale())
    assert everything(root) == before


def test_the_command_line_takes_corners_and_lengths(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go, root = runner(capsys), new_case(tmp_path / "case", {"pseudonym": "P-1"})
    source = photograph(tmp_path / "a.png")
    base = (
        "add",
        root,
        source,
        "--view",
        "nasium",
        "--patient-right",
        "image_left",
        "--time",
        "2026-03-02T09:10:00+01:00",
    )
    corners = " ".join(f"{column:g},{row:g}" for column, row in CORNERS)
    for options, what in (
        (("--film-corners", corners), "does not stand alone"),
        (("--film-corners", "1,2 3,4", "--film-size-mm", "240x300"), "holds 2 points, 4 are needed"),
        (("--film-corners", corners, "--film-size-mm", "240"), "is not two numbers"),
        (("--scale-ends", "1,1 9,9", "--scale-mm", "10"), "does not stand alone"),
        (("--scale-ends", "1,1 9,9", "--scale-mm", "10", "--scale-plane", "sky"), "is 'sky'"),
    ):
        outcome = go(*base, *options)
        assert outcome.status == 2 and what in outcome.err, outcome.err
    assert go(*base, "--film-corners", corners, "--film-size-mm", "240x300", "--json").status == 0
    assert (root / "2026-03-02" / "nasium.original.png").exists()
