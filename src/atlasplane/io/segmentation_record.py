"""The record of a segmentation: what was found, by what, from which seeds, and who accepted it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array
from atlasplane.io.digest import sha256_of, sha256_of_folder
from atlasplane.io.faults import validated
from atlasplane.io.models_segmentation import SEEDS_SCHEMA, SEGMENTATION_SCHEMA, SeedsFile, SegmentationFile
from atlasplane.io.outputs import FindingJson
from atlasplane.io.text_file import checked_schema, read_json
from atlasplane.io.visit_folder import named_file

CASE_FILE = "case.toml"
RECORD_FILE = "segmentation.json"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FoundBones:
    """What a segmentation found, before it is stored.

    Attributes
    ----------
    masks : mapping bone -> array of bool, shape of the volume
    meshes : mapping bone -> TriangleMesh, LPS mm; the same bones
    seeds : mapping bone -> array, shape (k, 3), LPS mm
    tool, version : what found them; `version` is None where that is not known
    findings : what the shape check found
    """

    masks: Mapping[str, NDArray[np.bool_]]
    meshes: Mapping[str, TriangleMesh]
    seeds: Mapping[str, Array]
    tool: str
    version: str | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSegmentation:
    """A record and the path that case.toml names it by."""

    file: str
    record: SegmentationFile

    @property
    def folder(self) -> str:
        """Where its files lie, as a path in the case."""
        return self.file.rpartition("/")[0]

    def named(self, file: str) -> str:
        """One of its files as a path in the case."""
        return f"{self.folder}/{file}"

    @property
    def stops(self) -> tuple[FindingJson, ...]:
        """What the shape check objects to so much that nobody should accept it unseen."""
        return tuple(each for each in self.record.findings if each.severity == "stop")

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the shape check found."""
        return tuple(
            Finding(
                code=each.code,
                severity=Severity(each.severity),
                text=each.text,
                file=each.file,
                value=each.value,
                limit=each.limit,
                source=each.source,
            )
            for each in self.record.findings
        )

    @property
    def masks(self) -> dict[str, str]:
        """Bone to mask, paths in the case."""
        return {bone: self.named(each.mask) for bone, each in self.record.bones.items()}

    @property
    def meshes(self) -> dict[str, str]:
        """Bone to mesh, paths in the case."""
        return {bone: self.named(each.mesh) for bone, each in self.record.bones.items()}


def read_segmentation(root: Path, file: str) -> StoredSegmentation:
    """The record that case.toml names.

    Raises
    ------
    BadInput
        When it is missing or no record, or a file that it names is missing.
    """
    path = named_file(root, file, name=CASE_FILE, where="segmentation")
    content = checked_schema(read_json(path, name=file), SEGMENTATION_SCHEMA, name=file)
    stored = StoredSegmentation(file=file, record=validated(SegmentationFile, content, name=file))
    if not stored.folder:
        what = "lies in the case folder itself"
        raise BadInput(file, what, "Keep it in a folder of its own, with its masks")
    for bone, each in stored.record.bones.items():
        for named in (each.mask, each.mesh):
            named_file(path.parent, named, name=file, where=bone)
    return stored


def read_seeds(path: Path, *, name: str) -> dict[str, Array]:
    """Seeds of a seeds file, or those that a segmentation record was made from: bone to (k, 3) LPS mm.

    Raises
    ------
    BadInput
        When it is neither.
    """
    content = read_json(path, name=name)
    table: SegmentationFile | SeedsFile
    if isinstance(content, dict) and content.get("schema") == SEGMENTATION_SCHEMA:
        table = validated(SegmentationFile, content, name=name)
    else:
        table = validated(SeedsFile, checked_schema(content, SEEDS_SCHEMA, name=name), name=name)
    return {bone: np.array(points) for bone, points in table.seeds.items() if points}


def seeds_text(seeds: Mapping[str, Array]) -> str:
    """A seeds file."""
    content = {"schema": SEEDS_SCHEMA, "seeds": points_of(seeds)}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def seeds_path(root: Path, volume: str) -> Path:
    """Where the seeds that a person set in a volume are kept."""
    return root / f"{file_stem(volume)}.seeds.json"


def record_bytes(record: SegmentationFile) -> bytes:
    """The record as its file holds it."""
    content = record.model_dump(mode="json", by_alias=True, exclude_none=True)
    return (json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def check_volume(stored: StoredSegmentation, sha256: str) -> None:
    """Refuse a segmentation of other bytes than the volume has now, by their digest; raises BadInput."""
    volume = stored.record.volume
    if sha256 != volume.sha256:
        what = f"was made on other bytes than {volume.file} has now"
        raise BadInput(stored.file, what, "Put back the scan, or run atlasplane segment again")


def check_files(root: Path, stored: StoredSegmentation) -> None:
    """Refuse a segmentation of which a mask or mesh was changed; raises BadInput."""
    for file, sha256 in digests(stored).items():
        if sha256_of(root / file, name=file) != sha256:
            what = "is not what was proposed: its bytes have changed"
            raise BadInput(file, what, "Name a mask of your own in case.toml (masks), or propose again")


def digests(stored: StoredSegmentation) -> dict[str, str]:
    """Digest of every mask and mesh, by its path in the case."""
    bones = stored.record.bones.values()
    return {stored.named(each.mask): each.mask_sha256 for each in bones} | {
        stored.named(each.mesh): each.mesh_sha256 for each in bones
    }


def digest_of(path: Path, name: str) -> str:
    """Digest of a volume: of its file, or over all files of its folder."""
    return sha256_of_folder(path, name=name) if path.is_dir() else sha256_of(path, name=name)


def file_stem(volume: str) -> str:
    """A volume's name without the ending of its format."""
    lowered = volume.lower()
    end = next((end for end in (".nii.gz", ".nii") if lowered.endswith(end)), "")
    return volume[: len(volume) - len(end)]


def points_of(seeds: Mapping[str, Array]) -> dict[str, list[list[float]]]:
    """Seeds as plain numbers."""
    return {bone: np.asarray(at, dtype=float).reshape(-1, 3).tolist() for bone, at in seeds.items()}
