"""Segmentation programs of others: a stand-in that writes real masks, and what can go wrong with one."""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from atlasplane import api
from atlasplane.core.errors import BadInput
from atlasplane.io.case_folder import read_case
from atlasplane.io.segmentation_file import accept_segmentation
from atlasplane.volume import adapters
from atlasplane.volume.adapters import Segmenter, run_segmenter, segmenters
from tests.bone_cases import ball, bone_case

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in is a script with a first line")

WRITES = """
import sys, nibabel, numpy as np
from pathlib import Path
from scipy import ndimage
given = sys.argv[1:]
if given == ["--version"]:
    print("stand-in 9.8.7"); sys.exit()
image = nibabel.load(given[given.index("-i") + 1])
label, count = ndimage.label(np.asarray(image.dataobj) > 200)
below = np.argsort([m[2] for m in ndimage.center_of_mass(label > 0, label, range(1, count + 1))])
c2, c1, skull = (int(n) + 1 for n in below)
"""
TOTAL = (
    WRITES
    + """
out = Path(given[given.index("-o") + 1])
assert given[given.index("--roi_subset") + 1:] == ["vertebrae_C1", "vertebrae_C2", "skull"]
for name, n in (("vertebrae_C1", c1), ("vertebrae_C2", c2), ("skull", skull)):
    nibabel.save(nibabel.Nifti1Image((label == n).astype(np.uint8), image.affine), out / f"{name}.nii.gz")
"""
)
SPINEPS = (
    WRITES
    + """
out = Path(given[given.index("-i") + 1]).parent / "derivatives_seg"
out.mkdir()
vertebrae = (1 * (label == c1) + 2 * (label == c2)).astype(np.uint8)
nibabel.save(nibabel.Nifti1Image(vertebrae, image.affine), out / "sub-atlasplane_mod-ct_seg-vert_msk.nii.gz")
"""
)
OTHER_GRID = (
    TOTAL
    + """
nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4), np.uint8), image.affine), out / "vertebrae_C1.nii.gz")
"""
)
NOTHING = WRITES
EMPTY = (
    TOTAL
    + """
for path in out.glob("*.nii.gz"):
    nibabel.save(nibabel.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine), path)
"""
)
FAILS = "import sys\nprint('no device found')\nsys.exit(3)\n"
HANGS = "import time, sys\nif '--version' not in sys.argv: time.sleep(600)\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return bone_case(tmp_path / "case")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(place: Path, name: str, script: str) -> None:
    """Make the stand-in a program on the PATH."""
    path = place / name
    path.write_text(f"#!{sys.executable}\n{script}", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.slow
def test_masks_of_another_program_become_a_proposal(root: Path, place: Path) -> None:
    install(place, "TotalSegmentator", TOTAL)
    done = api.segment(root, tool="totalsegmentator", accept="KR")
    stored = done.stored
    # Balls are no vertebrae: the shape check sees masks of others too, and nothing was accepted.
    assert done.needs_a_person and stored.record.status == "proposed" and not stored.record.seeds
    assert (stored.record.tool.name, stored.record.tool.version) == ("TotalSegmentator", "9.8.7")
    assert read_case(root).volumes[0].masks == {}
    accept_segmentation(root, "ct/head.nii.gz", observer="KR", despite_stop=True)
    volume = read_case(root).volumes[0]
    assert np.array_equal(volume.load_mask("c1"), ball("c1"))
    assert np.array_equal(volume.load_mask("skull"), ball("skull"))
    # a ball's surface, known to half a voxel each way: 3 * sqrt(0.5^2 + 0.5^2 + 0.75^2) / 9 of its volume
    assert volume.load_mesh("c1").volume_mm3 == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.34)


@pytest.mark.slow
def test_labels_of_one_file_are_told_apart(root: Path, place: Path) -> None:
    install(place, "spineps", SPINEPS)
    stored = api.segment(root, tool="spineps").stored
    assert set(stored.masks) == {"c1", "c2"} and stored.record.tool.version is None
    assert not any("skull" in found.text for found in stored.findings if found.code == "mask.missing")


@pytest.mark.parametrize(
    ("script", "what"),
    [
        (FAILS, r"TotalSegmentator: failed \(exit status 3\): no device found"),
        (OTHER_GRID, r"vertebrae_C1\.nii\.gz: has 4 x 4 x 4 voxels"),
        (NOTHING, "found none of: skull, c1, c2"),
        (EMPTY, "found none of: skull, c1, c2"),
    ],
)
def test_a_program_that_fails_leaves_the_case_alone(root: Path, place: Path, script: str, what: str) -> None:
    before = sorted(root.rglob("*"))
    install(place, "TotalSegmentator", script)
    with pytest.raises(BadInput, match=what):
        api.segment(root, tool="totalsegmentator")
    assert sorted(root.rglob("*")) == before


def test_a_program_that_is_not_there_is_named(root: Path, place: Path) -> None:
    with pytest.raises(BadInput, match="no program 'TotalSegmentator' on the PATH"):
        api.segment(root, tool="totalsegmentator")
    (place / "TotalSegmentator").write_text("no program", "utf-8")
    (place / "TotalSegmentator").chmod(0o700)
    with pytest.raises(BadInput, match="cannot be started"):
        api.segment(root, tool="totalsegmentator")


def test_a_program_that_takes_too_long_is_ended(place: Path, tmp_path: Path) -> None:
    install(place, "TotalSegmentator", HANGS + f"open({str(tmp_path / 'late')!r}, 'w')\n")
    start = time.monotonic()
    with pytest.raises(BadInput, match=r"took longer than 0\.01 minutes and was ended"):
        run_segmenter(segmenters()["totalsegmentator"], tmp_path, time_limit_s=0.6)
    assert time.monotonic() - start < 60, "it was waited for"


def test_seeds_are_not_for_programs_of_others(root: Path, place: Path) -> None:
    install(place, "TotalSegmentator", TOTAL)
    (root / "seeds.json").write_text(
        '{"schema": "atlasplane.seeds/1", "seeds": {"c1": [[0, 0, 0]]}}', "utf-8"
    )
    with pytest.raises(BadInput, match="--seeds: are nothing that totalsegmentator takes"):
        api.segment(root, tool="totalsegmentator", seeds=root / "seeds.json")


def test_the_table_of_programs_says_where_it_comes_from() -> None:
    assert set(segmenters()) == {"totalsegmentator", "spineps"}
    for each in segmenters().values():
        assert isinstance(each, Segmenter) and each.tag in ("published", "unverified") and each.source
        assert each.time_limit_s > 0 and any("{input}" in part for part in each.arguments)
        assert {"c1", "c2"} <= set(each.bones) <= {"skull", "c1", "c2"}
    assert adapters.installed(segmenters()["spineps"]) is None or os.environ["PATH"]
