"""A volume by its content: a NIfTI file, or a folder of DICOM slices."""

from __future__ import annotations

from pathlib import Path

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.io.digest import unreadable
from atlasplane.io.volume_image import VolumeImage

NIFTI_ENDS = (".nii", ".nii.gz")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*")


def open_volume(path: Path, *, name: str | None = None, hounsfield: bool | None = None) -> VolumeImage:
    """Grid of a volume, quickly; greys are read when asked for.

    Parameters
    ----------
    hounsfield : bool, optional
        Whether the greys are Hounsfield units; without it the file is asked.

    Raises
    ------
    BadInput
        When it is neither, or is damaged.
    """
    name = name or path.as_posix()
    # Each format's library is loaded only for a file of that format.
    if path.is_dir():
        from atlasplane.io.dicom_series import read_dicom_series

        return read_dicom_series(path, name=name, hounsfield=hounsfield)
    if not path.exists():
        raise BadInput(name, "does not exist", "Check the name, or put the file there")
    if not path.name.lower().endswith(NIFTI_ENDS):
        _refuse_film(path, name)
        raise BadInput(
            name, "is neither a NIfTI file nor a folder of DICOM slices", "Convert the scan to .nii.gz"
        )
    from atlasplane.io.nifti import read_nifti

    return read_nifti(path, name=name, hounsfield=hounsfield)


def _refuse_film(path: Path, name: str) -> None:
    """Say so where a film, or one slice of a scan, is given as a volume."""
    try:
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError as fault:
        raise unreadable(name, fault) from fault
    if head[128:] == b"DICM":
        what = "is one DICOM image, not a volume"
        raise BadFile(name, what, "Give the folder that holds the whole CT series; a film belongs to a visit")
    if head.startswith(_PICTURES):
        raise BadFile(
            name, "is a picture, not a volume", "A film belongs to a visit: atlasplane add CASE FILE --view …"
        )
