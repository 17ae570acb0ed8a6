"""A scan in a case folder: greys, masks and landmark file of a simulated one, or the copy of a real one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from atlasplane.io.atomic import copy_file
from atlasplane.io.digest import sha256_of, sha256_of_folder
from atlasplane.io.landmark_file import read_landmarks, write_landmarks
from atlasplane.io.mask_file import write_mask
from atlasplane.io.mesh_file import write_mesh
from atlasplane.io.nifti import write_volume
from atlasplane.io.volume_file import NIFTI_ENDS
from atlasplane.simulate.ct_scan import CtScan
from atlasplane.sources.reading import Reading
from atlasplane.volume.meshes import mask_surface

FOLDER = "ct"
COPIED = "ct"
"""Modality and name of a scan that was given: nobody said that it is a CBCT."""
DESCRIPTION = "SIMULATED"
_LPS_MM = "lps_mm"


@dataclass(frozen=True, slots=True, kw_only=True)
class CtSource:
    """A real scan: a NIfTI file or a DICOM folder, and its landmark file."""

    ct: Path
    landmarks: Path


def write_scan(root: Path, scan: CtScan, visit: str) -> dict[str, object]:
    """Write a simulated scan into a case folder; return its entry `[[volume]]` of case.toml.

    The masks are the simulation's true ones, the meshes their surfaces.
    """
    folder = root / FOLDER
    folder.mkdir()
    file = folder / f"{scan.modality}.nii.gz"
    write_volume(file, scan.hounsfield, scan.affine_lps, description=DESCRIPTION)
    masks, meshes = {}, {}
    for bone, mask in scan.masks.items():
        write_mask(folder / f"{bone}.nii.gz", mask.astype(bool), scan.affine_lps)
        write_mesh(folder / f"{bone}.stl", mask_surface(mask.astype(bool), scan.affine_lps))
        masks[bone], meshes[bone] = (f"{FOLDER}/{bone}.{end}" for end in ("nii.gz", "stl"))
    table = _marked(folder, file, scan.readings, sha256_of(file))
    own = {"masks": masks, "meshes": meshes, "hounsfield": True}
    return table | own | {"modality": scan.modality, "visit": visit}


def copy_scan(root: Path, source: CtSource, visit: str) -> dict[str, object]:
    """Copy a scan and its readings into a case folder under plain names; return its entry of case.toml.

    The landmark file names the copy and carries its digest.
    """
    folder = root / FOLDER
    folder.mkdir()
    if source.ct.is_dir():
        place = folder / COPIED
        place.mkdir()
        # Names from an archive often hold a patient's.
        for n, path in enumerate(sorted(p for p in source.ct.iterdir() if p.is_file()), start=1):
            copy_file(path, place / f"{n:04d}.dcm")
        digest = sha256_of_folder(place)
    else:
        place = folder / f"{COPIED}{_ending(source.ct)}"
        copy_file(source.ct, place)
        digest = sha256_of(place)
    table = _marked(folder, place, read_landmarks(source.landmarks), digest)
    return table | {"modality": COPIED, "visit": visit}


def _ending(path: Path) -> str:
    return max((end for end in NIFTI_ENDS if path.name.lower().endswith(end)), key=len)


def _marked(folder: Path, place: Path, readings: Iterable[Reading], digest: str) -> dict[str, object]:
    landmarks = folder / f"{place.name.split('.')[0]}.landmarks.json"
    write_landmarks(landmarks, readings, image_file=place.name, sha256=digest, space=_LPS_MM)
    return {"file": f"{FOLDER}/{place.name}", "landmarks": f"{FOLDER}/{landmarks.name}"}


VolumeTable = Mapping[str, object]
"""Entry `[[volume]]` of case.toml."""
