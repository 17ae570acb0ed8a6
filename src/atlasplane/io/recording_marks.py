"""First bytes of recordings, by which their reader is chosen and by which they are told from other files."""

from __future__ import annotations

EDF_MARK = b"0       "
BDF_MARK = b"\xffBIOSEMI"
HDF5_MARK = b"\x89HDF\r\n\x1a\n"
TRIGNO_MARK = b"Label:"
OPENSIGNALS_MARK = b"# OpenSignals Text File Format"
BIOSPPY_MARK = b"# Simple Text Format"
DATALOG_MARK = b"File Name:"
RECORDING_MARKS = (
    *(EDF_MARK, BDF_MARK, HDF5_MARK),
    *(TRIGNO_MARK, OPENSIGNALS_MARK, BIOSPPY_MARK, DATALOG_MARK),
)
