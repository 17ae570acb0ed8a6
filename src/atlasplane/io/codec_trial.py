"""Whether the ways that films are packed can be unpacked on this computer: tried, not asked."""

from __future__ import annotations

import base64
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from atlasplane.core.errors import AtlasplaneError

SIZE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecTrial:
    """One way of packing, and why it failed; empty where the sample came out right."""

    name: str
    fault: str


def codec_trials() -> Iterator[CodecTrial]:
    """Decode a sample of each packing that the readers take, the last one in a process of its own."""
    from atlasplane.io.dicom_film import grey_of, load_dicom_pixels

    text = files("atlasplane.io").joinpath("data/codec_samples.toml").read_text(encoding="utf-8")
    samples = tomllib.loads(text)["sample"]
    expected = 8 * np.arange(SIZE)[:, None] + 4 * np.arange(SIZE)
    with tempfile.TemporaryDirectory(prefix="atlasplane-") as folder:
        path = Path(folder) / "sample.dcm"
        for each in samples:
            _write(path, each["syntax"], base64.b64decode(each["codestream"]))
            try:
                decoded = np.asarray(grey_of(path, name="sample")).astype(int)
                off = int(np.abs(decoded - expected).max())
                fault = "" if off <= each["tolerance"] else f"greys come out wrong, by up to {off}"
            except AtlasplaneError as wrong:
                fault = wrong.what
            yield CodecTrial(name=each["name"], fault=fault)
        try:
            load_dicom_pixels(path, name="sample")
            yield CodecTrial(name="guarded decoding", fault="")
        except (AtlasplaneError, OSError) as wrong:
            what = wrong.what if isinstance(wrong, AtlasplaneError) else type(wrong).__name__
            yield CodecTrial(name="guarded decoding", fault=what)


def _write(path: Path, syntax: str, codestream: bytes) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID, SecondaryCaptureImageStorage, generate_uid

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = UID(syntax)
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = SecondaryCaptureImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = generate_uid()
    image.Modality = "OT"
    image.Rows = image.Columns = SIZE
    image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
    image.PixelRepresentation, image.SamplesPerPixel = 0, 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.PixelData = encapsulate([codestream])
    image["PixelData"].VR = "OB"
    image.save_as(path, enforce_file_format=True)
