"""The DICOM library behind a door: it parses only scanned files, in silence, and fails only as a bad file.

Its warnings and errors quote values of the header, and a header holds names: none of them leaves this door.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from atlasplane.core.errors import AtlasplaneError, BadFile
from atlasplane.io.dicom_stream import as_plain, opened


@contextmanager
def parsing(name: str, what: str, remedy: str) -> Iterator[None]:
    """Silence the library, and turn whatever it raises into one BadFile; errors of ours pass."""
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except AtlasplaneError:
        raise
    except Exception:  # parser and decoders raise whatever a damaged file leads them to
        raise BadFile(name, what, remedy) from None
    finally:
        logger.disabled = before


def header_of(path: Path, tags: Sequence[str], *, name: str) -> Dataset:
    """The named elements of a scanned file, without its pixels; call it inside `parsing`."""
    with as_plain(opened(path, name=name)) as stream:
        return pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=list(tags))
