"""A film stored as DICOM: CR, DX or secondary capture, of one frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from atlasplane.core.errors import BadFile
from atlasplane.io.dicom_guard import Skeleton, scan
from atlasplane.io.dicom_header import HeaderStatement, statement
from atlasplane.io.dicom_parse import header_of, parsing
from atlasplane.io.image_film import MAX_PIXELS, luminance
from atlasplane.sources.film import PixelArray

FILM_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.1",  # CR
        "1.2.840.10008.5.1.4.1.1.1.1",  # DX, for presentation
        "1.2.840.10008.5.1.4.1.1.1.1.1",  # DX, for processing
        "1.2.840.10008.5.1.4.1.1.7",  # secondary capture
        "1.2.840.10008.5.1.4.1.1.7.2",  # secondary capture, grey byte
        "1.2.840.10008.5.1.4.1.1.7.3",  # secondary capture, grey word
        "1.2.840.10008.5.1.4.1.1.7.4",  # secondary capture, colour
        "1.2.840.10008.5.1.4.1.1.12.1",  # angiographic unit, single frame
        "1.2.840.10008.5.1.4.1.1.12.2",  # fluoroscopic unit, single frame
    }
)

_USED = [
    "SpecificCharacterSet",
    "SOPClassUID",
    "Modality",
    "AcquisitionDate",
    "AcquisitionTime",
    "ContentDate",
    "ContentTime",
    "StudyDate",
    "StudyTime",
    "TimezoneOffsetFromUTC",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
    "EstimatedRadiographicMagnificationFactor",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "ViewPosition",
    "PatientOrientation",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomFilm:
    """A DICOM film whose pixels are not read yet: (rows, columns), and what its header states."""

    shape: tuple[int, int]
    stated: HeaderStatement


def read_dicom_film(path: Path, *, name: str) -> DicomFilm:
    """Header of a DICOM film; no pixel is decoded.

    Raises
    ------
    BadFile
        When the file is damaged, hostile, no film, or of several frames.
    """
    skeleton = scan(path, name=name)
    with parsing(name, "has a DICOM header that cannot be read", "Export the film again"):
        header = header_of(path, _USED)
        _check_film(header, name)
        shape = _checked_shape(header, skeleton, name)
        return DicomFilm(shape=shape, stated=statement(header, name=name))


def load_dicom_pixels(path: Path, *, name: str, voi: bool = False) -> PixelArray:
    """Grey values, shape (rows, columns), bright = more attenuation.

    Parameters
    ----------
    voi : bool
        Apply the header's own display window as well (for showing, not for measuring).

    Raises
    ------
    BadFile
        When the file is damaged or its compression cannot be decoded.
    """
    read_dicom_film(path, name=name)
    with parsing(name, "has pixel data that cannot be decoded", "Export it again, uncompressed"):
        header = pydicom.dcmread(path)
        grey = luminance(np.asarray(pixel_array(header)))
        rescaled = _is_rescaled(header)
        grey = np.asarray(apply_modality_lut(grey, header)) if rescaled else grey
        shown = np.asarray(apply_voi_lut(grey, header)) if voi else grey
        return _bright_bone(shown, header, stored=not (rescaled or voi))


def _check_film(header: Dataset, name: str) -> None:
    sop_class = str(header.get("SOPClassUID", ""))
    if sop_class not in FILM_CLASSES:
        modality = str(header.get("Modality", "")) or "other"
        kind = UID(sop_class).name if sop_class else "no SOP class"
        article = "an" if modality[0] in "AEFHILMNORSX" else "a"
        what = f"is {article} {modality} image, not a film ({kind})"
        if modality == "CT":
            raise BadFile(name, what, "A CT belongs under [[volume]] in case.toml")
        raise BadFile(name, what, "Give a CR, DX or secondary capture image")
    if int(header.get("NumberOfFrames") or 1) != 1:
        raise BadFile(
            name,
            f"holds {header.NumberOfFrames} frames, a film has one",
            "Export the one frame that is meant",
        )


def _checked_shape(header: Dataset, skeleton: Skeleton, name: str) -> tuple[int, int]:
    rows, columns = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
    samples, bits = int(header.get("SamplesPerPixel") or 1), int(header.get("BitsAllocated") or 0)
    if rows < 1 or columns < 1 or samples not in (1, 3) or bits not in (8, 16, 32):
        what = f"states an impossible image ({columns} x {rows} pixels, {samples} samples of {bits} bits)"
        raise BadFile(name, what, "Export the film again")
    if rows * columns > MAX_PIXELS:
        raise BadFile(
            name,
            f"has {columns} x {rows} pixels, the limit is {MAX_PIXELS}",
            "Export it at a lower resolution",
        )
    if str(header.get("PhotometricInterpretation", "")) == "PALETTE COLOR":
        raise BadFile(name, "is stored with a colour table", "Export it in grey")
    if not skeleton.pixel_bytes:
        raise BadFile(name, "holds no pixel data", "Export the film with its image")
    subsampled = "422" in str(header.get("PhotometricInterpretation", ""))
    needed = rows * columns * (2 if subsampled else samples) * bits // 8
    if skeleton.is_native and skeleton.pixel_bytes < needed:
        raise BadFile(
            name, f"is cut off: {skeleton.pixel_bytes} of {needed} bytes of pixels", "Copy or export it again"
        )
    return rows, columns


def _is_rescaled(header: Dataset) -> bool:
    identity = float(header.get("RescaleSlope") or 1) == 1 and float(header.get("RescaleIntercept") or 0) == 0
    return "ModalityLUTSequence" in header or not identity


def _bright_bone(grey: NDArray[np.generic], header: Dataset, *, stored: bool) -> PixelArray:
    """Turn MONOCHROME1 (low = white) round: about the range of the stored bits, else of the values."""
    if header.PhotometricInterpretation != "MONOCHROME1":
        return grey
    if not stored:
        values = grey.astype(float)
        return np.asarray(values.max() + values.min() - values)
    signed = header.PixelRepresentation == 1
    top = -1 if signed else (1 << int(header.BitsStored)) - 1
    return np.asarray(top - grey.astype(np.int64)).astype(grey.dtype)
