"""DICOM files made in the test: a small film, and what can be wrong with one."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CR = "1.2.840.10008.5.1.4.1.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT = "1.2.840.10008.1.2.1"


def film(path: Path, grey: np.ndarray | None = None, **elements: object) -> Path:
    """Write a small CR film; keyword arguments set elements, None removes one."""
    grey = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30) if grey is None else grey
    header = Dataset()
    header.SOPClassUID = CR
    header.SOPInstanceUID = generate_uid()
    header.Modality = "CR"
    header.PatientName = "Planted^Name"
    header.PatientID = "PLANTED-ID"
    header.AcquisitionDate, header.AcquisitionTime = "20260302", "091000"
    header.TimezoneOffsetFromUTC = "+0100"
    header.Rows, header.Columns = grey.shape[:2]
    header.SamplesPerPixel = 1 if grey.ndim == 2 else 3
    header.PhotometricInterpretation = "MONOCHROME2" if grey.ndim == 2 else "RGB"
    if grey.ndim == 3:
        header.PlanarConfiguration = 0
    header.BitsAllocated = header.BitsStored = 8 * grey.dtype.itemsize
    header.HighBit = header.BitsStored - 1
    header.PixelRepresentation = int(grey.dtype.kind == "i")
    header.PixelData = grey.tobytes()
    header["PixelData"].VR = "OW"
    for keyword, value in elements.items():
        if value is None:
            header.pop(keyword, None)
        else:
            setattr(header, keyword, value)
    return _save(path, header)


def ct_slice(path: Path, z_mm: float, **elements: object) -> Path:
    """Write one axial CT slice of 6 x 4 voxels, 0.5 x 0.8 mm."""
    grey = np.full((4, 6), 1000, np.uint16)
    grey[0, 0] = 24
    return film(path, grey, **{**slice_elements(z_mm), **elements})


def slice_elements(z_mm: float) -> dict[str, object]:
    """What makes a slice of an axial CT."""
    return {
        "SOPClassUID": CT,
        "Modality": "CT",
        "SeriesInstanceUID": "1.2.3.4",
        "ImagePositionPatient": [-10.0, -20.0, z_mm],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [0.8, 0.5],
        "RescaleIntercept": -1024,
        "RescaleSlope": 1,
    }


def nested(path: Path, depth: int) -> Path:
    """Write a film whose header holds sequences of undefined length, one inside the other."""
    film(path)
    head, pixels = _split(path)
    opened = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    closed = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    path.write_bytes(head + opened * depth + closed * depth + pixels)
    return path


def with_elements(path: Path, count: int) -> Path:
    """Put many small private elements into a film's header."""
    head, pixels = _split(path)
    small = b"".join(
        struct.pack("<HH2sH", 0x0029, 0x1000 + n % 0xE000, b"LO", 2) + b"ab" for n in range(count)
    )
    path.write_bytes(head + small + pixels)
    return path


def deflate_bomb(path: Path, megabytes: int = 64) -> Path:
    """Write a file whose few kilobytes inflate to one huge element."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    pieces = [packer.compress(struct.pack("<HH2sHI", 0x0008, 0x2111, b"UT", 0, megabytes << 20))]
    pieces += [packer.compress(b" " * (1 << 20)) for _ in range(megabytes)]
    path.write_bytes(b"".join([_meta(DEFLATED), *pieces, packer.flush()]))
    return path


def deflated_film(path: Path, grey: np.ndarray) -> Path:
    """Write a small film whose data set is deflated, as the standard allows."""
    film(path, grey)
    content = path.read_bytes()
    at = content.index(struct.pack("<HH2s", 0x0008, 0x0016, b"UI"))
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    path.write_bytes(_meta(DEFLATED) + packer.compress(content[at:]) + packer.flush())
    return path


def raw(path: Path, body: bytes, syntax: str = EXPLICIT) -> Path:
    """Write a file with the marks of DICOM and the given body."""
    path.write_bytes(_meta(syntax) + body)
    return path


def _save(path: Path, header: Dataset) -> Path:
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.get("SOPClassUID", CR)
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.save_as(path, enforce_file_format=True)
    return path


def _meta(syntax: str) -> bytes:
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = struct.pack("<HH2sH", 0x0002, 0x0010, b"UI", len(uid)) + uid
    length = struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(element))
    return b"\0" * 128 + b"DICM" + length + element


def _split(path: Path) -> tuple[bytes, bytes]:
    """Bytes before and from the pixel data."""
    content = path.read_bytes()
    at = content.rindex(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    return content[:at], content[at:]


def huge(path: Path, syntax: str = EXPLICIT) -> Path:
    """Write a film that claims 65535 x 20000 pixels and holds a few bytes."""
    film(path, Rows=20000, Columns=65535)
    return relabelled(path, syntax)


def relabelled(path: Path, syntax: str) -> Path:
    """State another transfer syntax than the one in which the file is stored."""
    content = path.read_bytes()
    at = content.index(struct.pack("<HH2s", 0x0008, 0x0016, b"UI"))
    path.write_bytes(_meta(syntax) + content[at:])
    return path


def packed(path: Path, codestream: bytes, syntax: str, grey: np.ndarray, **elements: object) -> Path:
    """Write a film whose pixel data are one compressed image; the header describes `grey`."""
    film(path, grey, **elements)
    head, _ = _split(path)
    body = codestream + b"\0" * (len(codestream) % 2)
    fragments = (
        struct.pack("<HHI", 0xFFFE, 0xE000, 0)
        + struct.pack("<HHI", 0xFFFE, 0xE000, len(body))
        + body
        + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    )
    path.write_bytes(head + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + fragments)
    return relabelled(path, syntax)
