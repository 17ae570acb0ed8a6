"""A CT or CBCT stored as a folder of DICOM slices: one series, sorted by position, without gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut
from pydicom.pixels.utils import pixel_array

from atlasplane.core.errors import BadFile
from atlasplane.geometry.types import Array
from atlasplane.io.decode_process import allowance, decoded
from atlasplane.io.dicom_guard import Skeleton, scan
from atlasplane.io.dicom_header import Person, person
from atlasplane.io.dicom_parse import header_of, parsing
from atlasplane.io.dicom_size import checked_shape
from atlasplane.io.dicom_stream import as_plain, opened
from atlasplane.io.digest import unreadable
from atlasplane.io.limits import limit
from atlasplane.io.volume_image import VolumeImage, check_grid

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
MAX_SLICES = limit("volume_slices")
GAP = 0.1
"""A step between slices that is off by more than this share is a gap or a doubled slice."""
SAME_DIRECTION = 1e-3
_USED = [
    "SpecificCharacterSet",
    "SOPClassUID",
    "Modality",
    "SeriesInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "RescaleType",
]
_SIZE = [
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "BitsAllocated",
    "BitsStored",
    "PhotometricInterpretation",
    "NumberOfFrames",
]
_GREY = ["RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "PixelRepresentation"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Slice:
    path: Path
    series: str
    person: Person
    position: Array
    axes: Array
    spacing: tuple[float, float]
    size: tuple[int, int]
    hounsfield: bool
    packed: bool


def read_dicom_series(folder: Path, *, name: str, hounsfield: bool | None = None) -> VolumeImage:
    """Grid of a DICOM series; greys are read when asked for.

    The affine maps (column, row, slice); a tilted gantry shows as a shear.

    Raises
    ------
    BadFile
        When the folder holds no slices, several series or sizes, other images, or a gap; with the counts.
    """
    return series_of(_dicom_files(folder, name), name=name, hounsfield=hounsfield)


def series_of(files: Sequence[Path], *, name: str, hounsfield: bool | None = None) -> VolumeImage:
    """Grid of the slices of one series, in any order; raises as `read_dicom_series`."""
    _check_count(len(files), name)
    slices = [_slice(path, f"{name}/{path.name}") for path in files]
    _check_one_kind(slices, name)
    normal = np.cross(slices[0].axes[0], slices[0].axes[1])
    ordered = sorted(slices, key=lambda each: float(each.position @ normal))
    step = _step(ordered, normal, name)
    affine = _affine(ordered[0], step)
    shape = (*slices[0].size, len(slices))
    check_grid(affine, shape, name)
    return VolumeImage(
        shape=shape,
        affine_lps=affine,
        hounsfield=all(each.hounsfield for each in slices) if hounsfield is None else hounsfield,
        load_voxels=partial(_load, tuple(ordered), name=name),
        person=slices[0].person,
    )


def _dicom_files(folder: Path, name: str) -> list[Path]:
    """Files with the DICOM mark; others may lie beside them, but not under the name .dcm."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "DICOMDIR")
        marked = [path for path in files if _is_marked(path) or path.suffix.lower() == ".dcm"]
    except OSError as fault:
        raise unreadable(name, fault) from fault
    return marked


def _check_count(count: int, name: str) -> None:
    if not 2 <= count <= MAX_SLICES:
        what = f"holds {count} DICOM images, a volume has 2 to {MAX_SLICES}"
        raise BadFile(name, what, "Give the folder of one CT series")


def _is_marked(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _slice(path: Path, name: str) -> _Slice:
    skeleton = scan(path, name=name)
    with parsing(name, "has a DICOM header that cannot be used", "Export the series again"):
        return _slice_of(header_of(path, [*_USED, *_SIZE, *_GREY], name=name), skeleton, path, name)


def _slice_of(header: Dataset, skeleton: Skeleton, path: Path, name: str) -> _Slice:
    if str(header.get("SOPClassUID", "")) != CT_CLASS:
        what = f"is not a single CT slice (modality {header.get('Modality', 'not stated')})"
        remedy = (
            "Export the CT as single slices, or convert it to NIfTI; films belong to a visit (atlasplane add)"
        )
        raise BadFile(name, what, remedy)
    rows, columns = checked_shape(header, skeleton, 1, name)
    if int(header.get("SamplesPerPixel") or 1) != 1:
        raise BadFile(name, "is a slice in colour", "Export the CT in grey")
    axes = np.array([float(v) for v in header.ImageOrientationPatient]).reshape(2, 3)
    position = np.array([float(v) for v in header.ImagePositionPatient])
    between_rows, between_columns = (float(v) for v in header.PixelSpacing)
    square = np.allclose(axes @ axes.T, np.eye(2), atol=1e-3)
    if not square or position.shape != (3,) or not np.all(np.isfinite(position)):
        raise BadFile(name, "has an impossible position or orientation", "Export the series again")
    return _Slice(
        path=path,
        series=str(header.get("SeriesInstanceUID", "")),
        person=person(header),
        position=position,
        axes=axes,
        spacing=(between_columns, between_rows),
        size=(columns, rows),
        hounsfield=str(header.get("RescaleType", "HU")) == "HU" and "RescaleIntercept" in header,
        packed=skeleton.is_packed,
    )


def _check_one_kind(slices: list[_Slice], name: str) -> None:
    again = "Give the folder of one CT series"
    series = Counter(each.series for each in slices)
    if len(series) > 1:
        counts = ", ".join(str(count) for count in series.values())
        raise BadFile(name, f"holds {len(series)} series ({counts} images)", again)
    sizes = Counter((*each.size, *each.spacing) for each in slices)
    if len(sizes) > 1:
        counts = ", ".join(str(count) for count in sizes.values())
        raise BadFile(name, f"holds images of {len(sizes)} sizes or spacings ({counts} images)", again)
    turned = sum(not np.allclose(each.axes, slices[0].axes, atol=SAME_DIRECTION) for each in slices)
    if turned:
        raise BadFile(name, f"holds {turned} of {len(slices)} images in another orientation", again)
    others = sum(each.person.differs_from(slices[0].person) for each in slices)
    if others:
        raise BadFile(name, f"holds {others} of {len(slices)} images of another patient", again)


def _step(ordered: list[_Slice], normal: Array, name: str) -> Array:
    """Vector from a slice to the next, LPS mm."""
    places = np.array([each.position for each in ordered])
    depths = places @ normal
    gaps = np.diff(depths)
    usual = float(np.median(gaps))
    if usual <= 0 or np.any(gaps < GAP * usual):
        doubled = int(np.sum(gaps < max(GAP * usual, 1e-6)))
        raise BadFile(name, f"holds {doubled} slices at the place of another", "Export the series once")
    wide = gaps[np.abs(gaps / usual - 1) > GAP]
    if len(wide):
        missing = int(np.sum(np.rint(wide / usual) - 1))
        what = f"has {len(wide)} uneven steps between {len(ordered)} slices (about {missing} slices missing)"
        raise BadFile(name, what, "Copy or export the whole series")
    step: Array = (places[-1] - places[0]) / (len(ordered) - 1)
    return step


def _affine(first: _Slice, step: Array) -> Array:
    affine = np.eye(4)
    affine[:3, 0] = first.axes[0] * first.spacing[0]
    affine[:3, 1] = first.axes[1] * first.spacing[1]
    affine[:3, 2] = step
    affine[:3, 3] = first.position
    return affine


def _load(slices: tuple[_Slice, ...], *, name: str) -> NDArray[np.generic]:
    """Greys, shape (columns, rows, slices), rescaled; compressed slices are decoded in another process."""
    return np.stack([_values(each, name).T for each in slices], axis=2)


def _values(each: _Slice, name: str) -> NDArray[np.generic]:
    if not each.packed:
        return slice_values(each.path, name=name)
    allowed = allowance(each.size[0] * each.size[1], file_bytes=each.path.stat().st_size)
    return decoded(f"{__name__}:{slice_values.__name__}", each.path, name=name, allowed=allowed)


def slice_values(path: Path, *, name: str) -> NDArray[np.generic]:
    """Rescaled greys of one slice, shape (rows, columns), decoded in this process; raises BadFile."""
    with parsing(name, "has slices that cannot be decoded", "Export the series uncompressed"):
        header = header_of(path, _GREY, name=name)
        with as_plain(opened(path, name=name)) as stream:
            return _rescaled(np.asarray(pixel_array(stream)), header)


def _rescaled(stored: NDArray[np.generic], header: Dataset) -> NDArray[Any]:
    values = np.asarray(apply_modality_lut(stored, header), dtype=float)
    whole = np.rint(values)
    fits = np.array_equal(values, whole) and abs(whole).max(initial=0) < np.iinfo(np.int16).max
    return whole.astype(np.int16) if fits else values.astype(np.float32)
