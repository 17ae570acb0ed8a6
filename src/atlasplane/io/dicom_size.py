"""The size of a DICOM image, held against the caps and what is really stored before anything is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlasplane.core.errors import BadFile
from atlasplane.io.codestream import codestream_head
from atlasplane.io.limits import limit

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from atlasplane.io.dicom_guard import Skeleton

JPEG12 = "1.2.840.10008.1.2.4.51"
"""JPEG Extended: up to 12 bits a sample."""
_FORMATS = {
    "1.2.840.10008.1.2.4.50": "jpeg",
    JPEG12: "jpeg",
    "1.2.840.10008.1.2.4.57": "jpeg",
    "1.2.840.10008.1.2.4.70": "jpeg",
    "1.2.840.10008.1.2.4.80": "jpeg-ls",
    "1.2.840.10008.1.2.4.81": "jpeg-ls",
    "1.2.840.10008.1.2.4.90": "jpeg2000",
    "1.2.840.10008.1.2.4.91": "jpeg2000",
    "1.2.840.10008.1.2.4.201": "jpeg2000",
    "1.2.840.10008.1.2.4.202": "jpeg2000",
    "1.2.840.10008.1.2.4.203": "jpeg2000",
}


def checked_shape(header: Dataset, skeleton: Skeleton, frames: int, name: str) -> tuple[int, int]:
    """(rows, columns) of an image whose stated size is possible, allowed, and that of what is stored.

    Raises
    ------
    BadFile
        When it is none of them; no pixel is decoded.
    """
    rows, columns = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
    samples, bits = int(header.get("SamplesPerPixel") or 1), int(header.get("BitsAllocated") or 0)
    stored = int(header.get("BitsStored") or bits)
    if not skeleton.pixel_bytes:
        raise BadFile(name, "holds no image", "Export the film with its image")
    possible = rows > 0 and columns > 0 and samples in (1, 3) and bits in (8, 16, 32) and 1 <= stored <= bits
    if not possible:
        size = f"{columns} x {rows} pixels, {samples} samples of {stored}/{bits} bits"
        what = f"states an impossible image ({size})"
        raise BadFile(name, what, "Export it again")
    if rows * columns > limit("image_pixels") or max(rows, columns) > limit("image_side"):
        what = f"has {columns} x {rows} pixels, the limit is {limit('image_pixels')}"
        raise BadFile(name, what, "Export it at a lower resolution")
    if str(header.get("PhotometricInterpretation", "")) == "PALETTE COLOR":
        raise BadFile(name, "is stored with a colour table", "Export it in grey")
    if skeleton.is_packed:
        _check_codestream(skeleton, (rows, columns), samples, name)
    else:
        subsampled = "422" in str(header.get("PhotometricInterpretation", ""))
        needed = rows * columns * frames * (2 if subsampled else samples) * bits // 8
        if skeleton.pixel_bytes < needed:
            what = f"is cut off: {skeleton.pixel_bytes} of {needed} bytes of pixels"
            raise BadFile(name, what, "Copy or export it again")
    return rows, columns


def _check_codestream(skeleton: Skeleton, shape: tuple[int, int], samples: int, name: str) -> None:
    """Hold what the compressed image says of itself against the header: a codec believes the image."""
    head = codestream_head(skeleton.codestream)
    expected = _FORMATS.get(skeleton.transfer_syntax)
    if (None if head is None else head.format) != expected:
        raise BadFile(
            name,
            "is not compressed in the way that its header says (transfer syntax)",
            "Export it again, uncompressed",
        )
    if head is not None and (head.rows, head.columns, head.samples) != (*shape, samples):
        said = f"{head.columns} x {head.rows} pixels of {head.samples} samples"
        what = f"says {shape[1]} x {shape[0]} pixels of {samples} samples, but its compressed image {said}"
        raise BadFile(name, what, "Export it again, uncompressed")
