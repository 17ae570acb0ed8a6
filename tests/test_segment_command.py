"""`segment`: proposals, their acceptance, and what of them a measurement sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from atlasplane import api
from atlasplane.chain import segmented
from atlasplane.cli import run
from atlasplane.core.errors import BadInput, MissingExtra
from atlasplane.io.atomic import write_bytes
from atlasplane.io.case_folder import read_case
from atlasplane.io.schemas import json_schema
from atlasplane.io.segmentation_file import (
    accept_segmentation,
    reject_segmentation,
    waiting_proposal,
    withdraw_segmentation,
)
from atlasplane.io.segmentation_record import read_seeds, seeds_text
from atlasplane.sources.volume import Volume
from tests.bone_cases import BALLS, ball, bone_case, segment_balls

HEAD = "ct/head.nii.gz"


@pytest.fixture(autouse=True)
def _balls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmented, "own_segmenting", lambda: segment_balls)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return bone_case(tmp_path / "case")


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status and document of `segment --json`, held against its schema."""
    status = run(["segment", *arguments, "--json"])
    document = json.loads(capsys.readouterr().out)
    name = document["schema"].removeprefix("atlasplane.").removesuffix("/1")
    jsonschema.validate(document, json_schema(name))
    return status, document


def volume(root: Path) -> Volume:
    return read_case(root).volumes[0]


def codes(root: Path) -> list[str]:
    return [found.code for found in read_case(root).findings]


def test_a_proposal_is_stored_and_feeds_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, document = ran(capsys, str(root))
    assert (status, document["status"], document["findings"]) == (0, "proposed", [])
    assert document["masks"] == {bone: f"ct/head-bones/{bone}.nii.gz" for bone in BALLS}
    assert document["meshes"]["c1"] == "ct/head-bones/c1.stl"
    assert all((root / file).is_file() for file in (*document["masks"].values(), document["record"]))
    record = json.loads((root / document["record"]).read_text("utf-8"))
    jsonschema.validate(record, json_schema("segmentation"))
    assert record["tool"]["name"] == "atlasplane" and set(record["seeds"]) == set(BALLS)
    assert volume(root).masks == {} and volume(root).meshes == {}
    assert codes(root) == ["bones.proposal"]
    text = (root / "case.toml").read_text("utf-8")
    assert "[[volume]]  # the scan" in text and 'segmentation = "ct/head-bones/segmentation.json"' in text


def test_an_accepted_segmentation_is_what_the_volume_loads(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, document = ran(capsys, str(root), "--accept", "KR")
    assert (status, document["status"]) == (0, "accepted")
    assert np.array_equal(volume(root).load_mask("c1"), ball("c1"))
    middle = volume(root).load_mesh("c2").vertices_mm.mean(axis=0)
    # a ball of 1.0 x 1.0 x 1.5 mm voxels: its middle is known to a tenth of the coarsest
    assert middle == pytest.approx(BALLS["c2"][0], abs=0.15)
    assert codes(root) == []


def test_what_waits_is_accepted_without_another_run(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, proposed = ran(capsys, str(root))
    monkeypatch.setattr(segmented, "own_segmenting", lambda: pytest.fail("it was run again"))
    status, document = ran(capsys, str(root), "--accept", "KR")
    assert (status, document["status"], document["record"]) == (0, "accepted", proposed["record"])
    record = json.loads((root / document["record"]).read_text("utf-8"))
    assert record["accepted_by"] == "KR" and record["accepted_at"]


def wrong_seeds(folder: Path) -> Path:
    """A seed of C1 that lies in no bone."""
    seeds = {bone: np.array([middle]) for bone, (middle, _) in BALLS.items()}
    path = folder / "seeds.json"
    path.write_text(seeds_text(seeds | {"c1": np.array([[20.0, 20.0, 0.0]])}), "utf-8")
    return path


def test_a_shape_check_that_stops_leaves_a_proposal(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = wrong_seeds(root)
    status, document = ran(capsys, str(root), "--seeds", str(seeds), "--accept", "KR")
    assert (status, document["status"]) == (1, "proposed")
    assert [found["code"] for found in document["findings"]] == ["bones.seed"]
    assert volume(root).masks == {}
    status, refusal = ran(capsys, str(root), "--accept", "KR")
    assert status == 2 and "seed of c1" in refusal["what"] and "atlasplane mark" in refusal["remedy"]
    accepted = accept_segmentation(root, HEAD, observer="KR", despite_stop=True)
    assert accepted.stops and set(volume(root).masks) == set(BALLS)


def test_seeds_decide(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = {"c1": np.array([BALLS["c2"][0]]), "c2": np.array([BALLS["c1"][0]])}
    (root / "seeds.json").write_text(seeds_text(seeds), "utf-8")
    _, document = ran(capsys, str(root), "--seeds", str(root / "seeds.json"), "--accept", "KR")
    assert set(document["masks"]) == {"c1", "c2"}
    assert np.array_equal(volume(root).load_mask("c1"), ball("c2"))
    again = read_seeds(root / document["record"], name="record")
    assert {bone: at.tolist() for bone, at in again.items()} == {b: at.tolist() for b, at in seeds.items()}


def test_a_new_proposal_leaves_what_was_accepted(root: Path) -> None:
    first = api.segment(root, accept="KR").stored
    second = api.segment(root).stored
    assert second.record.replaces == first.file and volume(root).masks == first.masks
    third = api.segment(root).stored
    assert not (root / second.folder).exists(), "a proposal that nobody accepted makes room"
    assert third.record.replaces == first.file
    reject_segmentation(root, HEAD)
    assert not (root / third.folder).exists() and volume(root).masks == first.masks
    assert f'segmentation = "{first.file}"' in (root / "case.toml").read_text("utf-8")
    fourth = api.segment(root).stored
    accepted = accept_segmentation(root, HEAD, observer="LS")
    assert volume(root).masks == accepted.masks != first.masks
    assert (root / first.folder).is_dir() and fourth.file == accepted.file


def test_an_acceptance_can_be_taken_back(root: Path) -> None:
    api.segment(root, accept="KR")
    text = (root / "case.toml").read_text("utf-8")
    withdraw_segmentation(root, HEAD)
    assert volume(root).masks == {} and waiting_proposal(root, HEAD) is not None
    accept_segmentation(root, HEAD, observer="KR")
    assert (root / "case.toml").read_text("utf-8") == text
    with pytest.raises(BadInput, match="no proposal that waits"):
        accept_segmentation(root, HEAD, observer="KR")
    with pytest.raises(BadInput, match="no proposal that waits"):
        reject_segmentation(root, HEAD)


def test_masks_of_a_proposal_do_not_count_by_being_named(root: Path) -> None:
    stored = api.segment(root).stored
    with (root / "case.toml").open("a", encoding="utf-8") as stream:
        stream.write(f'masks = {{ c1 = "{stored.masks["c1"]}" }}\n')
    assert volume(root).masks == {}


def test_masks_named_by_hand_count_as_accepted(root: Path) -> None:
    stored = api.segment(root).stored
    write_bytes(root / "ct" / "mine.nii.gz", (root / stored.masks["c1"]).read_bytes())
    with (root / "case.toml").open("a", encoding="utf-8") as stream:
        stream.write('masks = { c1 = "ct/mine.nii.gz" }\n')
    assert np.array_equal(volume(root).load_mask("c1"), ball("c1"))


def test_a_mask_that_changed_after_it_was_accepted_is_named(root: Path) -> None:
    stored = api.segment(root, accept="KR").stored
    write_bytes(root / stored.masks["c1"], (root / stored.masks["c2"]).read_bytes())
    (finding,) = read_case(root).findings
    assert (finding.code, finding.file) == ("bones.changed", stored.masks["c1"]) and "KR" in finding.text


def test_a_mask_that_changed_before_is_not_accepted(root: Path) -> None:
    stored = api.segment(root).stored
    write_bytes(root / stored.masks["c1"], (root / stored.masks["c2"]).read_bytes())
    with pytest.raises(BadInput, match=r"c1\.nii\.gz: is not what was proposed"):
        accept_segmentation(root, HEAD, observer="KR")


def test_another_scan_under_the_same_name_is_refused(root: Path) -> None:
    api.segment(root, accept="KR")
    scan = (root / HEAD).read_bytes()
    (root / HEAD).write_bytes(scan + b"\0")
    with pytest.raises(BadInput, match=f"made on other bytes than {HEAD} has now"):
        read_case(root)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--volume", "ct/other.nii.gz"), "is no volume of the case"),
        (("--with", "magic"), "'magic' is no program that can be run"),
        (("--seeds", "none.json"), "does not exist"),
        (("--with", "totalsegmentator"), "is not installed"),
    ],
)
def test_what_cannot_be_is_said(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], what: str
) -> None:
    before = sorted(root.rglob("*"))
    status, document = ran(capsys, str(root), *arguments)
    assert status == 2 and what in document["what"] and document["remedy"]
    assert sorted(root.rglob("*")) == before


def test_a_seed_outside_the_scan_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "seeds.json").write_text(seeds_text({"c1": np.array([[500.0, 0.0, 0.0]])}), "utf-8")
    status, document = ran(capsys, str(root), "--seeds", str(root / "seeds.json"))
    assert status == 2 and "seed of c1 at 500.0, 0.0, 0.0 mm lies outside" in document["what"]


def test_a_scan_too_large_for_the_memory_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def large(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(segmented, "own_segmenting", lambda: large)
    with pytest.raises(BadInput, match=f"{HEAD}: needs more memory") as refused:
        api.segment(root)
    assert "head and neck" in refused.value.remedy


def test_a_missing_extra_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("no module", name="skimage.measure")

    monkeypatch.setattr(segmented, "own_segmenting", lambda: missing)
    with pytest.raises(MissingExtra, match=r"atlasplane\[ct\]"):
        api.segment(root)


def test_the_command_says_what_it_did(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["segment", str(root)]) == 0
    said = capsys.readouterr().out
    assert "ct/head-bones/c1.nii.gz" in said and "A proposal: look at it" in said
    assert run(["segment", str(root), "--accept", "KR"]) == 0
    assert "Accepted by KR." in capsys.readouterr().out
    assert run(["segment", str(root), "--seeds", str(wrong_seeds(root))]) == 1
    assert "does not lie in bone" in capsys.readouterr().out
