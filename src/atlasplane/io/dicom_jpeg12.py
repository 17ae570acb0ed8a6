"""JPEG of 12 bits a sample: the DICOM library hands it to none of its decoders, the codec beneath one can."""

from __future__ import annotations

from pathlib import Path

import gdcm
import numpy as np
from numpy.typing import NDArray


def stored_values(path: Path, *, shape: tuple[int, int], frame: int) -> NDArray[np.uint16]:
    """Values of one frame of a grey 12-bit JPEG file, shape (rows, columns).

    Parameters
    ----------
    shape : (rows, columns)
        As the header states.
    frame : int
        The first is 1.

    Raises
    ------
    ValueError
        When the file cannot be decoded, or not to this size.
    """
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise ValueError("the codec refuses it")
    image = reader.GetImage()
    buffer = image.GetBuffer()
    content = buffer.encode("utf-8", "surrogateescape") if isinstance(buffer, str) else bytes(buffer)
    values = np.frombuffer(content, dtype=np.uint16)
    rows, columns = shape
    frames = values[: len(values) // (rows * columns) * rows * columns].reshape(-1, rows, columns)
    if image.GetPixelFormat().GetBitsAllocated() != 16 or len(frames) < frame:
        raise ValueError("its size is not that of its header")
    chosen: NDArray[np.uint16] = frames[frame - 1].copy()
    return chosen
