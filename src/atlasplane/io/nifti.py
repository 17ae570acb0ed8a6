"""A volume stored as NIfTI: RAS millimetres in the file, LPS millimetres with us."""

from __future__ import annotations

import gzip
import struct
import warnings
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadFile
from atlasplane.geometry.frames import LPS_FROM_RAS
from atlasplane.geometry.types import Array
from atlasplane.io.atomic import write_bytes
from atlasplane.io.digest import unreadable
from atlasplane.io.limits import limit
from atlasplane.io.volume_image import VolumeImage, check_grid

MAX_BYTES = limit("volume_bytes")
AIR_BELOW = -500.0
"""Only a volume in Hounsfield units has air this dark."""

_HEAD_BYTES, _OFFSET_AT = 348, 108
_SCANNER = 1
"""Form code of coordinates of the scanner."""
_DAMAGED = (EOFError, ValueError, TypeError, OverflowError, MemoryError, zlib.error)


def read_nifti(path: Path, *, name: str, hounsfield: bool | None = None) -> VolumeImage:
    """Grid of a NIfTI volume; greys are read when asked for.

    Parameters
    ----------
    hounsfield : bool, optional
        As stated; without it 8-bit greys are none, and others are when their first slice holds air.

    Raises
    ------
    BadFile
        When it is damaged, too large, not three-dimensional, not in mm, or does not say where right is.
    """
    image = _opened(path, name)
    shape = _shape(image, name)
    _check_space(image, name)
    affine = np.diag([*np.diag(LPS_FROM_RAS), 1.0]) @ np.asarray(image.affine, dtype=float)
    check_grid(affine, shape, name)
    load = partial(load_nifti, path, name=name)
    known = _looks_like_hounsfield(image, name) if hounsfield is None else hounsfield
    return VolumeImage(shape=shape, affine_lps=affine, hounsfield=known, load_voxels=load)


def load_nifti(path: Path, *, name: str) -> NDArray[np.generic]:
    """Greys of the volume, shape (i, j, k), slope and intercept applied; raises BadFile."""
    image = _opened(path, name)
    shape = _shape(image, name)
    return _greys(image, name, slice(None)).reshape(shape)


def one_slice(grey: NDArray[np.generic], mm_per_px: tuple[float, float]) -> bytes:
    """A film as .nii.gz of one slice: pixel [column, row] at LPS (column * width, row * height, 0) mm.

    Parameters
    ----------
    grey : array, shape (rows, columns)
    mm_per_px : (float, float)
        [column, row] size of a pixel.
    """
    width, height = mm_per_px
    stored = grey.astype(np.float32) if grey.dtype.kind == "f" else grey
    library: Any = nibabel
    image = library.Nifti1Image(np.ascontiguousarray(stored.T[:, :, None]), np.diag([-width, -height, 1, 1]))
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), mtime=0)


def write_volume(
    path: Path, voxels: NDArray[np.generic], affine_lps: Array, *, description: str = ""
) -> None:
    """Write a volume as .nii.gz, whole or not at all; raises OutputFailed.

    Parameters
    ----------
    voxels : array, shape (i, j, k)
        See `volume_bytes`.
    affine_lps : array, shape (4, 4)
        Voxel index to LPS mm.
    description : str
        Free text of the header, at most 79 ASCII characters.
    """
    write_bytes(path, volume_bytes(voxels, affine_lps, description=description))


def volume_bytes(voxels: NDArray[np.generic], affine_lps: Array, *, description: str = "") -> bytes:
    """A volume as .nii.gz, without slope, with sform and qform of the grid, millimetres.

    Whole numbers are stored as they are, others in single precision. The same greys give the same bytes.
    Noise hardly packs, so the fastest packing is taken. Parameters as in `write_volume`.
    """
    library: Any = nibabel
    stored = voxels if voxels.dtype in (np.int16, np.uint8, np.int32) else voxels.astype(np.float32)
    affine = np.diag([*np.diag(LPS_FROM_RAS), 1.0]) @ np.asarray(affine_lps, dtype=float)
    image = library.Nifti1Image(stored, affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description.encode("ascii")
    # Some programs read the one form, some the other. A sheared grid has no qform: it gets the nearest.
    image.set_qform(affine, code=_SCANNER)
    image.set_sform(affine, code=_SCANNER)
    return gzip.compress(image.to_bytes(), compresslevel=1, mtime=0)


def _opened(path: Path, name: str) -> Any:
    """The image of a library without types; nothing but its header is read."""
    try:
        _check_offset(path, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = nibabel.load(path)
    except OSError as fault:
        raise unreadable(name, fault) from fault
    except (
        nibabel.filebasedimages.ImageFileError,
        nibabel.spatialimages.HeaderDataError,
        *_DAMAGED,
    ) as fault:
        raise BadFile(
            name, "is not a NIfTI volume", "Convert the scan to .nii.gz, or give its DICOM folder"
        ) from fault
    if not isinstance(image, nibabel.Nifti1Image):
        raise BadFile(name, "is not a NIfTI volume", "Convert the scan to .nii.gz, or give its DICOM folder")
    return image


def _check_offset(path: Path, name: str) -> None:
    """Refuse a file that holds much before its greys: the library would read or inflate all of it."""
    with path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
    opener = gzip.open if packed else open
    with opener(path, "rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return  # too short for a header: the library says so
    offsets = (struct.unpack_from(order + "f", head, _OFFSET_AT)[0] for order in "<>")
    sizes = (struct.unpack_from(order + "i", head)[0] for order in "<>")
    for offset, size in zip(offsets, sizes, strict=True):
        if size == _HEAD_BYTES and offset > limit("nifti_offset_bytes"):
            what = f"holds {offset / 2**20:.0f} MB before its greys"
            raise BadFile(name, what, "Convert the scan again without extensions")


def _shape(image: Any, name: str) -> tuple[int, int, int]:
    shape = tuple(int(n) for n in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3 or min(shape) < 2:
        sizes = " x ".join(str(n) for n in shape)
        raise BadFile(name, f"is no volume ({sizes} voxels)", "Give one three-dimensional scan")
    dtype = image.get_data_dtype()
    if dtype.kind not in "iuf":
        raise BadFile(name, f"holds {dtype} values, not greys", "Export the scan in grey")
    if shape[0] * shape[1] * shape[2] * dtype.itemsize > MAX_BYTES:
        raise BadFile(name, f"is larger than {MAX_BYTES >> 30} GB", "Cut the scan to head and neck")
    return shape[0], shape[1], shape[2]


def _check_space(image: Any, name: str) -> None:
    header = image.header
    if int(header["sform_code"]) <= 0 and int(header["qform_code"]) <= 0:
        what = "does not say where the patient's right is (sform and qform codes are 0)"
        raise BadFile(name, what, "Convert the scan again from its DICOM files")
    unit = header.get_xyzt_units()[0]
    if unit not in ("mm", "unknown"):
        raise BadFile(name, f"is in {unit}, not in mm", "Convert the scan again with millimetres")


def _looks_like_hounsfield(image: Any, name: str) -> bool:
    if image.get_data_dtype().itemsize == 1:
        return False
    return bool(_greys(image, name, slice(0, 1)).min() < AIR_BELOW)


def _greys(image: Any, name: str, slices: slice) -> NDArray[np.generic]:
    try:
        greys: NDArray[np.generic] = np.asarray(image.dataobj[:, :, slices])
    except OSError as fault:
        raise BadFile(name, "is cut off or damaged", "Copy or convert the scan again") from fault
    except _DAMAGED as fault:
        raise BadFile(name, "is cut off or damaged", "Copy or convert the scan again") from fault
    if not np.all(np.isfinite(greys)):
        raise BadFile(name, "holds greys that are no numbers", "Convert the scan again")
    return greys
