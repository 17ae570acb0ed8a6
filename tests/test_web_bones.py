"""Bones in the page's server: outlines of slices, jobs that can be ended, and what a person decides."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlasplane.io.case_folder import read_case
from atlasplane.web.bone_jobs import BoneJobs
from atlasplane.web.desks import case_desk
from atlasplane.web.outlines import TENTHS, cut_mask, outlines
from atlasplane.xray.slices import SlicePlane
from tests.bone_cases import BALLS, affine_lps, ball, bone_case
from tests.web_client import Client, serving

BALL_WORKER = (sys.executable, "-m", "tests.bone_cases")
SLOW_WORKER = (*BALL_WORKER, "slowly")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return bone_case(tmp_path / "case")


@contextmanager
def page_of(root: Path, *worker: str) -> Iterator[tuple[Client, str]]:
    """A page on the case, and the address of its scan."""
    with serving(case_desk(root), jobs=BoneJobs(worker or BALL_WORKER)) as page:
        yield page, "/api/volumes/" + page.get("/api/desk")["volumes"][0]["id"]


def finished(page: Client, volume: str) -> dict[str, Any]:
    """What the page is told when the job is over."""
    for _ in range(600):
        document: dict[str, Any] = page.get(f"{volume}/bones")
        if document["job"]["state"] != "running":
            return document
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def decision(document: dict[str, Any], **more: object) -> dict[str, object]:
    return {"revision": document["record"]["revision"], "observer": "KR", **more}


def axial(z: float) -> str:
    return f"centre=0,0,{z}&right=1,0,0&down=0,1,0&width=80&height=90&mm=0.75"


def plane(z: float) -> SlicePlane:
    return SlicePlane(
        centre_mm=np.array([0.0, 0.0, z]),
        right=np.eye(3)[0],
        down=np.eye(3)[1],
        width=80,
        height=90,
        mm_per_px=0.75,
    )


def test_an_outline_lies_on_the_surface_of_the_ball() -> None:
    middle, radius = np.array(BALLS["c1"][0]), BALLS["c1"][1]
    masks = {bone: cut_mask(ball(bone)) for bone in BALLS}
    found = outlines(masks, np.linalg.inv(affine_lps()), plane(3.0))
    assert set(found) == {"c1"}
    ends = found["c1"].reshape(-1, 2) / TENTHS
    at = (ends - np.array([79 / 2, 89 / 2])) * 0.75
    away = np.linalg.norm(np.column_stack([at, np.full(len(at), 3.0)]) - middle, axis=1)
    # the mask is known to half a voxel each way: sqrt(0.5^2 + 0.5^2 + 0.75^2) mm, and a tenth of a pixel
    assert np.abs(away - radius).max() < 1.03 + 0.075
    lengths = np.linalg.norm(np.diff(found["c1"].reshape(-1, 2, 2), axis=1), axis=2) / TENTHS * 0.75
    assert lengths.sum() == pytest.approx(2 * np.pi * np.sqrt(radius**2 - 9), rel=0.1)


def test_the_outline_of_a_slanted_slice_lies_there_too() -> None:
    middle, radius = np.array(BALLS["skull"][0]), BALLS["skull"][1]
    c, s = np.cos(0.4), np.sin(0.4)
    slanted = SlicePlane(
        centre_mm=middle + 4 * np.array([s, 0.0, c]),
        right=np.array([c, 0.0, -s]),
        down=np.eye(3)[1],
        width=80,
        height=90,
        mm_per_px=0.75,
    )
    found = outlines({"skull": cut_mask(ball("skull"))}, np.linalg.inv(affine_lps()), slanted)["skull"]
    ends = (found.reshape(-1, 2) / TENTHS - np.array([79 / 2, 89 / 2])) * 0.75
    # as above, and a chord of two pixels lies below its arc by 1.5^2 / (8 * 16) mm
    assert np.abs(np.linalg.norm(ends, axis=1) - np.sqrt(radius**2 - 16)).max() < 1.03 * radius / 16 + 0.15


def test_the_outline_of_a_square_is_closed() -> None:
    """Every end of a piece is the end of another one."""
    mask = np.zeros((12, 12, 6), bool)
    mask[3:9, 4:8, 2:4] = True
    mask[2, 8, 2:4] = True  # touches a corner: the case of two pieces in a cell
    view = SlicePlane(
        centre_mm=np.array([5.5, 5.5, 2.5]),
        right=np.eye(3)[0],
        down=np.eye(3)[1],
        width=12,
        height=12,
        mm_per_px=1.0,
    )
    ends = outlines({"c1": cut_mask(mask)}, np.eye(4), view)["c1"].reshape(-1, 2)
    _, counts = np.unique(ends, axis=0, return_counts=True)
    assert np.all(counts % 2 == 0) and len(ends) > 40


def test_a_plane_beside_the_bone_has_no_outline() -> None:
    assert outlines({"c1": cut_mask(ball("c1"))}, np.linalg.inv(affine_lps()), plane(60.0)) == {}


def test_from_a_proposal_to_accepted_masks(root: Path) -> None:
    with page_of(root) as (page, volume):
        before = page.get(f"{volume}/bones")
        assert before["record"] is None and before["job"]["state"] == "idle"
        assert [bone["name"] for bone in before["bones"]] == ["Skull", "Atlas C1", "Axis C2", "Other bone"]
        assert page.get(f"{volume}/bones/outlines?{axial(0)}") == {}
        assert page.post(f"{volume}/bones/propose", {})["job"]["state"] == "running"
        proposed = finished(page, volume)
        assert proposed["job"]["state"] == "done" and proposed["record"]["status"] == "proposed"
        assert set(proposed["seeds"]) == set(BALLS) and proposed["seeds"] == proposed["used_seeds"]
        assert set(page.get(f"{volume}/bones/outlines?{axial(0)}")) == {"c1"}
        assert read_case(root).volumes[0].masks == {}
        accepted = page.post(f"{volume}/bones/accept", decision(proposed))
        assert accepted["record"]["accepted_by"] == "KR"
        assert set(read_case(root).volumes[0].masks) == set(BALLS)
        assert set(page.get(f"{volume}/bones/outlines?{axial(0)}")) == {"c1"}
        back = page.post(f"{volume}/bones/withdraw", decision(accepted))
        assert back["record"]["status"] == "proposed" and read_case(root).volumes[0].masks == {}
        gone = page.post(f"{volume}/bones/reject", decision(back))
        assert gone["record"] is None and not (root / "ct" / "head-bones").exists()


def test_seeds_that_a_person_set_are_kept_and_used(root: Path) -> None:
    seeds = {"c1": [list(BALLS["c2"][0])], "c2": [list(BALLS["c1"][0])]}
    with page_of(root) as (page, volume):
        assert page.ask("PUT", f"{volume}/bones/seeds", {"seeds": seeds}).status == 200
    with page_of(root) as (page, volume):
        assert page.get(f"{volume}/bones")["seeds"] == seeds
        page.post(f"{volume}/bones/propose", {"seeds": seeds})
        proposed = finished(page, volume)
        assert proposed["used_seeds"] == seeds
        sizes = {bone["id"]: bone["voxels"] for bone in proposed["bones"]}
        assert sizes["c1"] == ball("c2").sum() and sizes["skull"] is None
        page.post(f"{volume}/bones/propose", {})
        assert set(finished(page, volume)["seeds"]) == set(BALLS)
    assert not list(root.rglob("*.seeds.json"))


def test_a_shape_check_that_stops_is_accepted_only_knowingly(root: Path) -> None:
    with page_of(root) as (page, volume):
        page.post(f"{volume}/bones/propose", {"seeds": {"c1": [[20, 20, 0]]}})
        proposed = finished(page, volume)
        assert [found["severity"] for found in proposed["record"]["findings"]] == ["stop"]
        refused = page.ask("POST", f"{volume}/bones/accept", decision(proposed))
        assert refused.status == 422 and "seed of c1" in refused.json["what"]
        page.post(f"{volume}/bones/accept", decision(proposed, despite_stop=True))
    assert set(read_case(root).volumes[0].masks) == {"c1"}


def test_what_was_not_shown_is_not_decided(root: Path) -> None:
    with page_of(root) as (page, volume):
        page.post(f"{volume}/bones/propose", {})
        seen = finished(page, volume)
        page.post(f"{volume}/bones/propose", {"seeds": seen["seeds"]})
        finished(page, volume)
        answer = page.ask("POST", f"{volume}/bones/accept", {**decision(seen), "revision": "0" * 64})
        assert answer.status == 409 and "another one was made since" in answer.json["what"]


def test_a_job_can_be_ended(root: Path) -> None:
    before = sorted(root.rglob("*"))
    with page_of(root, *SLOW_WORKER) as (page, volume):
        page.post(f"{volume}/bones/propose", {})
        while page.get(f"{volume}/bones")["job"]["stage"] != "Looking for skull, C1 and C2":
            time.sleep(0.05)
        second = page.ask("POST", f"{volume}/bones/propose", {})
        assert second.status == 422 and "a segmentation is running" in second.json["what"]
        assert page.post(f"{volume}/bones/cancel", {})["job"]["state"] == "cancelled"
    assert sorted(root.rglob("*")) == before


def test_a_job_ends_with_the_server(root: Path) -> None:
    with page_of(root, *SLOW_WORKER) as (page, volume):
        page.post(f"{volume}/bones/propose", {})


@pytest.mark.parametrize(
    ("worker", "what"),
    [
        ((sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(9)"), "ended by itself"),
        (
            (sys.executable, "-c", 'print(\'{"error": {"file": "f", "what": "no C1", "remedy": "r"}}\')'),
            "no C1",
        ),
    ],
)
def test_a_job_that_fails_says_why(root: Path, worker: tuple[str, ...], what: str) -> None:
    with page_of(root, *worker) as (page, volume):
        page.post(f"{volume}/bones/propose", {})
        job = finished(page, volume)["job"]
    assert job["state"] == "failed" and what in job["problem"]["what"] and job["problem"]["remedy"]


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("bones/seeds", {"seeds": {"c1": [[999, 0, 0]]}}, 422),
        ("bones/seeds", {"seeds": {"jaw": [[0, 0, 0]]}}, 422),
        ("bones/seeds", {"seeds": {"c1": [[0, 0]]}}, 422),
    ],
)
def test_seeds_that_cannot_be_are_refused(
    root: Path, address: str, body: dict[str, object], status: int
) -> None:
    with page_of(root) as (page, volume):
        answer = page.ask("PUT", f"{volume}/{address}", body)
    assert answer.status == status and json.loads(answer.body)["remedy"]
    assert not list(root.rglob("*.seeds.json"))
