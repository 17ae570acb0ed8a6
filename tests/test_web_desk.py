"""What lies on the desk: cases with faults, photographs, a film alone; and the command that opens it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlasplane.anatomy.protocol import protocol
from atlasplane.core.errors import BadInput
from atlasplane.io.digest import sha256_of
from atlasplane.io.film_file import open_film
from atlasplane.web.desks import case_desk, film_desk
from atlasplane.web.grey import grey_image
from tests.bad_input.cases import FILM, SHAPE, VISIT, change, image, make_case
from tests.cli_cases import Run, everything, runner
from tests.web_client import Client, client_of, serving

DAY = "2026-03-02"
PHOTO = """[[photo]]
file = "side.png"
view = "photo-lateral"
patient_anterior = "image_right"
"""


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return make_case(tmp_path / "case")


@pytest.fixture
def page(case: Path) -> Iterator[Client]:
    with serving(case, observer="KR") as client:
        yield client


@pytest.fixture
def atlasplane(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def test_the_desk_lists_what_the_case_holds(case: Path, page: Client) -> None:
    desk = page.get("/api/desk")
    assert (
        desk["case"] == {"id": "3f0c", "pseudonym": "P-014"}
        and desk["simulated"]
        and desk["observer"] == "KR"
    )
    (visit,) = desk["visits"]
    (film,) = visit["films"]
    assert (visit["id"], visit["moment"], visit["phase"]) == ("v1", "pre", "baseline")
    assert film["shape"] == list(SHAPE) and film["view_name"] == "Nasium film" and film["problem"] is None
    assert film["patient_right"] == "image_left" and film["marker"] == "R"
    assert film["calibration"] == {"kind": "sid_sod", "mm_per_px": [0.943, 0.943], "u_rel": 0.02}
    assert [(r["id"], r["observer"], r["points"]) for r in film["readings"]] == [("r1", "KR", 1)]
    assert "nasium" not in film["id"] and DAY not in film["id"]
    assert everything(case)  # nothing but what was there
    assert page.get("/api/desk") == desk


def test_steps_carry_their_words_and_what_they_serve(page: Client) -> None:
    steps = page.get(page.film("nasium"))["protocol"]
    assert [step["id"] for step in steps] == [step.id for step in protocol("nasium")]
    first = steps[0]
    assert first["definition"] and first["pitfalls"] and first["group"] and first["kind"] == "point"
    assert "atlas_laterality" in {quantity["id"] for quantity in first["quantities"]}
    assert first["picture"] == "/api/pictures/nasium/PL_R.svg"


def test_pixels_are_the_film_s(case: Path, page: Client) -> None:
    film = page.film("nasium")
    answer = page.ask("GET", f"{film}/pixels")
    grey = np.frombuffer(answer.body, "<u2").reshape(SHAPE)
    assert np.array_equal(grey, open_film(case / DAY / "nasium.png").load_pixels())
    assert answer.headers["etag"] == f'"{sha256_of(case / DAY / "nasium.png")}"'
    known = page.ask("GET", f"{film}/pixels", If_None_Match=answer.headers["etag"])
    assert known.status == 304 and known.body == b""
    window = page.get(film)["window"]
    assert window["data_low"] == grey.min() and window["data_high"] == grey.max()
    assert window["data_low"] <= window["low"] < window["high"] <= window["data_high"]


@pytest.mark.parametrize(
    ("pixels", "first", "last"),
    [
        (np.array([[0, 255]], np.uint8), 0, 255),
        (np.array([[-1000, 3000]], np.int16), 0, 4000),
        (np.array([[0.0, 1.0]]), 0, 1),
        (np.array([[0.0, 0.5]]), 0, 65535),
        (np.array([[5, 70000]], np.int32), 0, 65535),
        (np.array([[False, True]]), 0, 1),
        (np.array([[7, 7]], np.uint16), 7, 7),
    ],
)
def test_every_kind_of_grey_fits_into_16_bit(pixels: np.ndarray, first: int, last: int) -> None:
    grey = grey_image(pixels)
    assert grey.stored.dtype == np.dtype("<u2") and grey.stored.tolist() == [[first, last]]
    assert grey.window[0] < grey.window[1]


def test_a_replaced_film_shows_its_new_pixels(case: Path, page: Client) -> None:
    film = page.film("nasium")
    before = page.ask("GET", f"{film}/pixels").body
    image(case / DAY / "nasium.png", seed=2)
    after = page.ask("GET", f"{film}/pixels").body
    assert before != after


FAULTS = {
    "missing": lambda day: (day / "nasium.png").unlink(),
    "no picture": lambda day: (day / "nasium.png").write_bytes(b"no picture"),
    "cut off": lambda day: (day / "nasium.png").write_bytes((day / "nasium.png").read_bytes()[:200]),
    "no landmark file": lambda day: (day / "nasium.landmarks.json").unlink(),
    "broken landmark file": lambda day: (day / "nasium.landmarks.json").write_text("{"),
    "no direction": lambda day: change(day / "visit.toml", 'patient_right = "image_left"\n', ""),
    "marker on the other side": lambda day: change(
        day / "visit.toml", 'marker = "R"', 'marker = "R"\nmarker_at = [50, 5]'
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_film_is_shown_and_the_server_stays(case: Path, fault: str) -> None:
    FAULTS[fault](case / DAY)
    with serving(case) as page:
        desk = page.get("/api/desk")
        (film,) = desk["visits"][0]["films"]
        assert film["problem"]["what"] and film["problem"]["remedy"]
        assert any(found["code"] == "case.unreadable" for found in desk["findings"])
        shown = page.ask("GET", f"/api/films/{film['id']}")
        assert shown.status == (200 if "film" not in fault and film["shape"] != [0, 0] else 422)
        told = page.ask("POST", f"/api/films/{film['id']}/live", {"reading": "r1", "points": {}})
        assert told.status == 422 or told.json["problem"]["what"]


def test_a_visit_that_cannot_be_read_does_not_hide_the_others(case: Path) -> None:
    other = case / "2026-03-09"
    other.mkdir()
    (other / "visit.toml").write_text("schema = 1", encoding="utf-8")
    with serving(case) as page:
        desk = page.get("/api/desk")
        assert [visit["id"] for visit in desk["visits"]] == ["v1", "2026-03-09"]
        assert desk["visits"][1]["films"] == []
        assert desk["findings"][0]["severity"] == "stop"


def test_photographs_lie_among_the_films(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", film=FILM + PHOTO)
    colours = np.random.default_rng(3).integers(0, 255, (50, 30, 3)).astype(np.uint8)
    Image.fromarray(colours).save(case / DAY / "side.png")
    with serving(case) as page:
        photo = page.film("photo-lateral")
        shown = page.get(photo)
        assert shown["problem"] is None and shown["shape"] == [50, 30]
        assert len(page.ask("GET", f"{photo}/pixels").body) == 2 * 50 * 30
        reading = page.post(f"{photo}/readings", {"observer": "KR"})
        reading["points"] = {"TRAGUS_R": {"at": [15.0, 10.0]}, "C7_SP": {"at": [5.0, 30.0]}}
        told = page.post(
            f"{photo}/live", {"reading": reading["id"], "points": reading["points"], "full": True}
        )
        (angle,) = [each for each in told["observations"] if each["quantity"] == "craniovertebral_angle"]
        assert angle["value"] == pytest.approx(np.degrees(np.arctan2(20, 10)), abs=1e-6)
        assert page.save(photo, reading, None).status == 200
    text = (case / DAY / "visit.toml").read_text(encoding="utf-8")
    assert text == VISIT + FILM + PHOTO + 'landmarks = "side.landmarks.json"\n'


def test_a_folder_that_is_no_case_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"case\.toml"):
        case_desk(tmp_path)
    with pytest.raises(BadInput, match="does not exist"):
        case_desk(tmp_path / "none")


def test_a_film_alone(tmp_path: Path) -> None:
    film = image(tmp_path / "some film.png")
    desk = film_desk(film, {"view": "nasium", "patient_right": "image_left"})
    with serving(desk, observer="KR") as page:
        listed = page.get("/api/desk")
        assert listed["case"] is None and "stop" not in {each["severity"] for each in listed["findings"]}
        address = page.film("nasium")
        reading = page.post(f"{address}/readings", {"observer": "KR"})
        reading["points"] = {"PL_R": {"at": [10.0, 20.0]}, "PL_L": {"at": [40.0, 23.0]}}
        told = page.post(f"{address}/live", {"reading": "r1", "points": reading["points"], "full": True})
        tilt = next(each for each in told["observations"] if each["quantity"] == "atlas_plane_tilt")
        assert tilt["value"] == pytest.approx(np.degrees(np.arctan2(3, 30))) and tilt["u"] is None
        assert not any(each["unit"] == "mm" for each in told["observations"])
        saved = page.save(address, reading, None)
        assert saved.status == 200
        assert (tmp_path / "some film.landmarks.json").is_file()
        scale = {"calibration": {"kind": "user_fiducial", "mm_per_px": [0.5, 0.5], "u_rel": 0.01}}
        revision = page.get(address)["visit_revision"]
        stored = page.ask("PUT", f"{address}/settings", scale, If_Match=f'"{revision}"')
        assert stored.json["calibration"]["mm_per_px"] == [0.5, 0.5]
        length = page.post(f"{address}/length", {"line": [[0, 0], [30, 40]]})
        assert length["value_mm"] == pytest.approx(25.0)
    again = film_desk(film, {"view": "nasium", "patient_right": "image_left"})
    with serving(again) as page:
        assert page.get(page.film("nasium"))["readings"][0]["points"] == reading["points"]


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({}, "view"),
        ({"view": "front"}, "view"),
        ({"view": "nasium"}, "--patient-right"),
        ({"view": "lateral"}, "--patient-anterior"),
        ({"view": "vertex", "patient_right": "image_left"}, "--patient-anterior"),
        ({"view": "nasium", "patient_right": "left"}, "patient_right"),
    ],
)
def test_a_film_alone_needs_its_view_and_directions(
    tmp_path: Path, stated: dict[str, str], says: str
) -> None:
    with pytest.raises(BadInput) as told:
        film_desk(image(tmp_path / "film.png"), stated)
    assert says in str(told.value) and told.value.remedy


def test_the_command_tells_what_is_wrong(tmp_path: Path, case: Path, atlasplane: Run) -> None:
    missing = atlasplane("mark", tmp_path / "none", "--no-browser")
    assert missing.status == 2 and "does not exist" in missing.err
    stated = atlasplane("mark", case, "--no-browser", "--view", "nasium")
    assert stated.status == 2 and "--view" in stated.err
    bare = atlasplane("mark", image(tmp_path / "film.png"), "--no-browser")
    assert bare.status == 2 and "view" in bare.err


def test_without_the_extra_its_name_is_told(
    case: Path, atlasplane: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("atlasplane.web", "fastapi", "uvicorn"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    told = atlasplane("mark", case, "--no-browser")
    assert told.status == 2 and "atlasplane[web]" in told.err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no interrupt can be sent to one program there")
def test_an_interrupt_ends_it_and_everything_is_saved(case: Path) -> None:
    command = "from atlasplane.cli import run; import sys; sys.exit(run(sys.argv[1:]))"
    started = subprocess.Popen(
        [sys.executable, "-c", command, "mark", str(case), "--no-browser", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    page = client_of(started.stdout.readline().strip())
    film = page.film("nasium")
    shown = page.get(film)
    reading = shown["readings"][0]
    reading["points"]["PL_R"]["at"] = [3.0, 4.0]
    assert page.save(film, reading, shown["revision"]).status == 200
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=30)
    assert started.returncode == 0 and "saved" in out and err == ""
    assert '"at": [3.0, 4.0]' in (case / DAY / "nasium.landmarks.json").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_killed_server_has_written_what_it_acknowledged(case: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.run_mark", str(case)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    assert started.stdout is not None
    page = client_of(started.stdout.readline().strip())
    film = page.film("nasium")
    shown = page.get(film)
    reading = shown["readings"][0]
    reading["points"]["PL_R"]["at"] = [5.0, 6.0]
    assert page.save(film, reading, shown["revision"]).status == 200
    started.kill()
    started.communicate()
    with serving(case) as again:
        assert again.get(again.film("nasium"))["readings"][0]["points"]["PL_R"]["at"] == [5.0, 6.0]
    assert not [path for path in case.rglob("*") if path.name.startswith(".")]
