"""Saving readings: nothing is lost, nothing of others is touched, no window overwrites another."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import atlasplane
from atlasplane.core.errors import OutputFailed
from atlasplane.io import folder_lock
from atlasplane.io.digest import sha256_of
from atlasplane.io.folder_lock import LOCK_FILE, locked_folder
from tests.bad_input.cases import FILM, SHAPE, change, image, make_case
from tests.web_client import Client, client_of, serving

DAY = "2026-03-02"
BARE = FILM.replace('landmarks = "nasium.landmarks.json"\n', "# no landmarks yet\n")


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return make_case(tmp_path / "case")


@pytest.fixture
def page(case: Path) -> Iterator[Client]:
    with serving(case, observer="KR") as client:
        yield client


def landmarks(case: Path) -> Any:
    return json.loads((case / DAY / "nasium.landmarks.json").read_text(encoding="utf-8"))


def test_a_new_reading_is_written_with_its_first_mark(case: Path, page: Client) -> None:
    film = page.film("nasium")
    before = (case / DAY / "nasium.landmarks.json").read_bytes()
    shown = page.get(film)
    begun = page.post(f"{film}/readings", {"observer": "AB", "blinded": True})
    assert begun["id"] == "r2" == shown["next_reading"] and begun["points"] == {}
    assert (case / DAY / "nasium.landmarks.json").read_bytes() == before
    empty = page.save(film, begun, shown["revision"])
    assert empty.json["revision"] == shown["revision"]
    assert (case / DAY / "nasium.landmarks.json").read_bytes() == before
    begun["points"]["PL_L"] = {"at": [30.1, 20.2]}
    saved = page.save(film, begun, shown["revision"])
    assert saved.status == 200
    assert saved.json["revision"] == sha256_of(case / DAY / "nasium.landmarks.json")
    r1, r2 = landmarks(case)["readings"]
    assert r1 == json.loads(before)["readings"][0] | {"contours": {}}
    assert r2["points"] == {"PL_L": {"at": [30.1, 20.2]}}
    assert (r2["observer"], r2["blinded"], r2["tool"]) == ("AB", True, f"mark/{atlasplane.__version__}")
    assert r2["time"] == begun["time"]


def test_what_is_saved_is_what_comes_back(page: Client) -> None:
    film = page.film("nasium")
    shown = page.get(film)
    reading = page.post(f"{film}/readings", {"observer": "KR"})
    reading |= {
        "points": {"PL_R": {"at": [0.1 + 0.2, 7.0]}, "C7_C": {"visible": False}},
        "contours": {"SKULL_R": [[1.5, 30.0], [2.5, 20.123456789012345], [3.5, 10.0]]},
        "free": [
            {"kind": "angle", "lines": [[[0, 0], [10.5, 0]], [[0, 0], [9, 9]]]},
            {"kind": "length", "line": [[1, 1], [4, 5]]},
        ],
    }
    first = page.save(film, reading, shown["revision"]).json["revision"]
    back = page.get(film)
    assert back["revision"] == first
    stored = next(each for each in back["readings"] if each["id"] == reading["id"])
    assert stored == reading
    assert page.save(film, stored, first).json["revision"] == first  # the same marks are the same bytes


def test_notes_and_covariances_that_nobody_touched_stay(case: Path, page: Client) -> None:
    path = case / DAY / "nasium.landmarks.json"
    content = landmarks(case)
    one = content["readings"][0]
    one["points"] |= {
        "PL_L": {"at": [30.0, 20.0], "cov": [[2.0, 0.5], [0.5, 1.0]], "x": {"note": "seen twice"}},
        "OD_BASE": {"at": [31.0, 21.0], "cov": [[2.0, 0.0], [0.0, 1.0]]},
    }
    one["contours"] = {"SKULL_R": [[1.0, 30.0], [2.0, 20.0]], "SKULL_L": [[50.0, 30.0], [51.0, 20.0]]}
    one["contour_sd"] = {"SKULL_R": 0.5, "SKULL_L": 0.7}
    one["x"] = {"lamp": 3}
    content["x"] = {"from": "archive"}
    path.write_text(json.dumps(content), encoding="utf-8")
    film = page.film("nasium")
    shown = page.get(film)
    reading = shown["readings"][0]
    reading["points"]["OD_BASE"]["at"][0] += 0.1
    reading["contours"]["SKULL_L"][0][0] += 0.1
    reading["free"] = [{"kind": "length", "line": [[1, 1], [4, 5]]}]
    saved = page.save(film, reading, shown["revision"])
    assert saved.status == 200
    found = landmarks(case)
    points = found["readings"][0]["points"]
    assert found["x"] == {"from": "archive"}
    assert points["PL_L"] == one["points"]["PL_L"]
    assert "cov" not in points["OD_BASE"]  # it moved: its error is the catalogue's again
    assert found["readings"][0]["contour_sd"] == {"SKULL_R": 0.5}
    assert found["readings"][0]["x"] == {
        "lamp": 3,
        "free": [{"kind": "length", "line": [[1.0, 1.0], [4.0, 5.0]]}],
    }
    reading["free"] = []
    assert page.save(film, reading, saved.json["revision"]).status == 200
    assert landmarks(case)["readings"][0]["x"] == {"lamp": 3}


def test_a_reading_that_was_only_looked_at_keeps_its_tool(case: Path, page: Client) -> None:
    film = page.film("nasium")
    shown = page.get(film)
    reading = shown["readings"][0]
    assert page.save(film, reading, shown["revision"]).status == 200
    assert landmarks(case)["readings"][0]["tool"] == "mark/1.0"
    reading["points"]["PL_R"]["at"][0] += 1.0
    assert page.save(film, reading, page.get(film)["revision"]).status == 200
    assert landmarks(case)["readings"][0]["tool"] == f"mark/{atlasplane.__version__}"


def test_a_reading_without_a_mark_leaves_the_file(case: Path, page: Client) -> None:
    film = page.film("nasium")
    shown = page.get(film)
    emptied = shown["readings"][0] | {"points": {}}
    assert page.save(film, emptied, shown["revision"]).status == 200
    assert landmarks(case)["readings"] == []


def test_the_first_marks_of_a_film_name_their_file_in_the_visit(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", film=BARE)
    (case / DAY / "nasium.landmarks.json").unlink()
    visit = case / DAY / "visit.toml"
    before = visit.read_text(encoding="utf-8")
    with serving(case) as page:
        film = page.film("nasium")
        assert page.get(film)["revision"] is None
        reading = page.post(f"{film}/readings", {"observer": "KR"})
        reading["points"]["PL_R"] = {"at": [10.0, 11.0]}
        assert page.save(film, reading, None).status == 200
        assert page.get(film)["readings"][0]["points"] == {"PL_R": {"at": [10.0, 11.0]}}
    after = visit.read_text(encoding="utf-8")
    assert after.replace('landmarks = "nasium.landmarks.json"\n', "") == before
    assert landmarks(case)["image"] == {"file": "nasium.png", "sha256": sha256_of(case / DAY / "nasium.png")}
    assert not list(case.rglob("*.part")) and not list(case.rglob(LOCK_FILE))


def test_a_file_of_that_name_that_nobody_named_is_left_alone(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", film=BARE)
    lying = (case / DAY / "nasium.landmarks.json").read_bytes()
    with serving(case) as page:
        film = page.film("nasium")
        reading = page.post(f"{film}/readings", {"observer": "KR"})
        reading["points"]["PL_R"] = {"at": [10.0, 11.0]}
        assert page.save(film, reading, None).status == 200
    assert (case / DAY / "nasium.landmarks.json").read_bytes() == lying
    assert (case / DAY / "nasium-2.landmarks.json").is_file()


def test_the_second_of_two_windows_is_told(case: Path, page: Client) -> None:
    film = page.film("nasium")
    seen_by_both = page.get(film)
    mine, theirs = (json.loads(json.dumps(seen_by_both["readings"][0])) for _ in range(2))
    theirs["points"]["PL_R"]["at"] = [13.0, 21.0]
    assert page.save(film, theirs, seen_by_both["revision"]).status == 200
    after = (case / DAY / "nasium.landmarks.json").read_bytes()
    mine["points"]["PL_R"]["at"] = [14.0, 22.0]
    refused = page.save(film, mine, seen_by_both["revision"])
    assert refused.status == 409 and refused.json["conflict"] == "reading"
    assert refused.json["current"]["points"] == {"PL_R": {"at": [13.0, 21.0]}}
    assert (case / DAY / "nasium.landmarks.json").read_bytes() == after


def test_saving_needs_the_revision_that_was_seen(page: Client) -> None:
    film = page.film("nasium")
    reading = page.get(film)["readings"][0]
    assert page.ask("PUT", f"{film}/readings/r1", reading).status == 409
    assert page.save(film, reading, None).status == 409


def test_a_film_that_was_replaced_takes_no_marks(case: Path, page: Client) -> None:
    film = page.film("nasium")
    shown = page.get(film)
    kept = (case / DAY / "nasium.landmarks.json").read_bytes()
    image(case / DAY / "nasium.png", seed=2)
    refused = page.save(film, shown["readings"][0], shown["revision"])
    assert refused.status == 409 and refused.json["conflict"] == "film"
    assert (case / DAY / "nasium.landmarks.json").read_bytes() == kept
    summary = page.get("/api/desk")["visits"][0]["films"][0]
    assert "another image" in summary["problem"]["what"]


def test_a_film_that_was_replaced_before_its_first_mark(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", film=BARE)
    with serving(case) as page:
        film = page.film("nasium")
        first = page.get(film)
        reading = page.post(f"{film}/readings", {"observer": "KR"})
        reading["points"]["PL_R"] = {"at": [10.0, 11.0]}
        image(case / DAY / "nasium.png", seed=2)
        assert page.save(film, reading, None).json["conflict"] == "film"
        page.get(film)  # another window has seen the new one: the digest that came with the marks still tells
        marked = page.save(film, reading | {"film_sha256": first["sha256"]}, None)
        assert marked.json["conflict"] == "film"
        assert page.save(film, reading, None).status == 200


@pytest.mark.parametrize(
    ("change_to", "says"),
    [
        ({"points": {"PL_R": {"at": [600.0, 2.0]}}}, "outside the image"),
        ({"points": {"PL_X": {"at": [6.0, 2.0]}}}, "unknown landmark"),
        ({"points": {"PL": {"at": [6.0, 2.0]}}}, "unknown landmark"),
        ({"points": {"SKULL_R": {"at": [6.0, 2.0]}}}, "contour"),
        ({"points": {"PL_R": {"at": [6.0, 2.0, 1.0]}}}, "needs 2 numbers"),
        ({"points": {"PL_R": {}}}, "'at'"),
        ({"points": {"PL_R": {"at": ["a", 2.0]}}}, "points"),
        ({"contours": {"SKULL_R": [[1.0, 1.0]]}}, "contours"),
        ({"observer": ""}, "observer"),
        ({"observer": "a\nb"}, "observer"),
        ({"free": [{"kind": "circle"}]}, "free"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_marks_that_cannot_be_are_refused_and_nothing_is_written(
    case: Path, page: Client, change_to: dict[str, object], says: str
) -> None:
    film = page.film("nasium")
    shown = page.get(film)
    before = (case / DAY / "nasium.landmarks.json").read_bytes()
    refused = page.save(film, shown["readings"][0] | change_to, shown["revision"])
    assert refused.status == 422 and says in refused.json["what"]
    assert (case / DAY / "nasium.landmarks.json").read_bytes() == before


def test_no_number_is_not_a_number(page: Client) -> None:
    film = page.film("nasium")
    body = b'{"id": "r1", "observer": "KR", "points": {"PL_R": {"at": [NaN, 1.0]}}}'
    assert page.ask("PUT", f"{film}/readings/r1", body, If_Match="x").status == 422


def test_what_is_not_on_the_desk_is_not_found(page: Client) -> None:
    assert page.ask("GET", "/api/films/0000").status == 404
    assert page.ask("PUT", "/api/films/0000/readings/r1", {"observer": "KR"}, If_Match="x").status == 404
    assert page.ask("POST", "/api/volumes/0000/readings", {"observer": "KR"}).status == 404


def test_a_blind_reading_hides_the_others_until_it_is_finished(case: Path, page: Client) -> None:
    film = page.film("nasium")
    begun = page.post(f"{film}/readings", {"observer": "KR", "blinded": True})
    shown = page.get(f"{film}?observer=KR")
    assert [each["id"] for each in shown["readings"]] == [begun["id"]]
    assert [each["id"] for each in page.get(f"{film}?observer=AB")["readings"]] == ["r1", begun["id"]]
    asked = [step["id"] for step in shown["protocol"] if not step["optional"]]
    begun["points"] = {id_: {"visible": False} for id_ in asked}
    assert page.save(film, begun, shown["revision"]).status == 200
    assert len(page.get(f"{film}?observer=KR")["readings"]) == 2
    assert page.get(f"{film}?observer=KR&blind=1")["readings"] == []


def test_a_blind_reading_s_numbers_are_its_own(page: Client) -> None:
    film = page.film("nasium")
    page.get(film)
    blind = page.post(f"{film}/readings", {"observer": "KR", "blinded": True})
    marks = {"PL_L": {"at": [38.0, 21.0]}, "PL_R": {"at": [11.0, 20.0]}}
    told = page.post(f"{film}/live", {"reading": blind["id"], "points": marks, "full": True})
    assert {each["provenance"]["readings"] for each in told["observations"]} == {blind["id"]}


@pytest.mark.slow
def test_two_servers_of_one_case_lose_no_mark(case: Path) -> None:
    """Two programs save into one film, each going on from what it last saw; every mark that was
    acknowledged is there in the end."""
    servers = [_started(case) for _ in range(2)]
    pages = [client_of(address) for _, address in servers]
    said: list[tuple[str, str, float]] = []
    try:
        workers = [
            threading.Thread(target=_mark_on, args=(page, f"r{n + 10}", said)) for n, page in enumerate(pages)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(timeout=120)
    finally:
        for page, (process, _) in zip(pages, servers, strict=True):
            page.ask("POST", "/api/quit", {})
            process.wait(timeout=20)
            assert process.stdout is not None
            process.stdout.close()
    readings = {each["id"]: each for each in landmarks(case)["readings"]}
    assert len(said) == 2 * len(MARKS)
    for reading, mark, column in said:
        assert readings[reading]["points"][mark]["at"][0] == column
    assert readings["r1"]["points"] == {"PL_R": {"at": [12.5, 20.25]}}


MARKS = ("PL_R", "PL_L", "OD_BASE", "C2_SPB", "C7_C", "TP_R", "TP_L", "SQ_R", "SQ_L", "TURN_R")


def _started(case: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "tests.run_mark", str(case)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[1]
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def _mark_on(page: Client, id_: str, said: list[tuple[str, str, float]]) -> None:
    film = page.film("nasium")
    reading: dict[str, Any] = {"id": id_, "observer": id_, "points": {}}
    for n, mark in enumerate(MARKS):
        reading["points"][mark] = {"at": [float(n), 5.0]}
        while (saved := page.save(film, reading, page.get(film)["revision"])).status == 409:
            pass
        assert saved.status == 200
        said.append((id_, mark, float(n)))


def test_a_lock_that_is_held_is_waited_for_and_then_told(tmp_path: Path) -> None:
    with (
        locked_folder(tmp_path),
        pytest.raises(OutputFailed, match="another program"),
        locked_folder(tmp_path, wait_s=0.05),
    ):
        pass
    with locked_folder(tmp_path):
        assert (tmp_path / LOCK_FILE).exists()
    assert not (tmp_path / LOCK_FILE).exists()


def test_a_killed_program_leaves_no_lock(tmp_path: Path) -> None:
    held = (
        "import sys, os, pathlib; from atlasplane.io.folder_lock import locked_folder\n"
        "with locked_folder(pathlib.Path(sys.argv[1])):\n  print('held', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", held, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None and holder.stdin is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()
    with locked_folder(tmp_path, wait_s=folder_lock.WAIT_S):
        pass


def test_a_full_disk_keeps_what_was_there(case: Path, page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    film = page.film("nasium")
    shown = page.get(film)
    before = (case / DAY / "nasium.landmarks.json").read_bytes()

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("atlasplane.io.atomic.os.fsync", full)
    reading = shown["readings"][0]
    reading["points"]["PL_R"]["at"] = [1.0, 1.0]
    refused = page.save(film, reading, shown["revision"])
    monkeypatch.undo()
    assert refused.status == 507 and "No space left" in refused.json["what"]
    assert (case / DAY / "nasium.landmarks.json").read_bytes() == before
    assert not list(case.rglob("*.part"))
    assert page.save(film, reading, shown["revision"]).status == 200


def test_settings_change_their_keys_and_nothing_else(case: Path, page: Client) -> None:
    visit = case / DAY / "visit.toml"
    change(visit, 'marker = "R"', 'marker = "R"  # seen on the film')
    before = visit.read_text(encoding="utf-8")
    film = page.film("nasium")
    shown = page.get(film)
    scale = {"kind": "user_fiducial", "mm_per_px": [0.9, 0.9], "u_rel": 0.01}
    stored = page.ask(
        "PUT",
        f"{film}/settings",
        {"calibration": scale, "patient_superior": "image_up"},
        If_Match=f'"{shown["visit_revision"]}"',
    )
    assert stored.status == 200 and stored.json["calibration"] == scale
    after = visit.read_text(encoding="utf-8")
    line = next(each for each in before.splitlines() if each.startswith("calibration"))
    expected = before.replace(
        f"{line}\n",
        'calibration = { kind = "user_fiducial", mm_per_px = [0.9, 0.9], u_rel = 0.01 }\n'
        'patient_superior = "image_up"\n',
    )
    assert sorted(after.splitlines()) == sorted(expected.splitlines())
    assert 'marker = "R"  # seen on the film\n' in after
    again = page.ask("PUT", f"{film}/settings", {"marker": "L"}, If_Match=f'"{shown["visit_revision"]}"')
    assert again.status == 409 and visit.read_text(encoding="utf-8") == after


def test_settings_that_contradict_the_film_are_refused(case: Path, page: Client) -> None:
    film = page.film("nasium")
    revision = page.get(film)["visit_revision"]
    before = (case / DAY / "visit.toml").read_bytes()
    for body, says in (
        ({"patient_right": "image_front"}, "patient_right"),
        ({"patient_right": None}, "patient_right"),
        ({"marker_at": [50.0, 5.0]}, "marker"),  # an R on the patient's left half
        ({"calibration": {"kind": "sid_sod"}}, "calibration"),
        ({"view": "lateral"}, "view"),
    ):
        refused = page.ask("PUT", f"{film}/settings", body, If_Match=f'"{revision}"')
        assert refused.status == 422 and says in refused.json["what"], refused.json
    assert (case / DAY / "visit.toml").read_bytes() == before


def test_the_film_is_smaller_than_its_marks_may_be(page: Client) -> None:
    """The border counts: half a pixel beyond the last centre is the film's edge."""
    film = page.film("nasium")
    shown = page.get(film)
    reading = shown["readings"][0]
    rows, columns = SHAPE
    reading["points"]["PL_R"]["at"] = [columns - 0.5, rows - 0.5]
    assert page.save(film, reading, shown["revision"]).status == 200
