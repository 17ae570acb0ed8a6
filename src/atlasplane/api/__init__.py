"""The verbs: what the command line calls and what a Python user calls.

case = atlasplane.load("case")
measured = case.measure()
comparison = case.compare()
paths = case.report(pdf=True)
"""

from __future__ import annotations

from atlasplane.api.cases import LoadedCase, check, comparison_findings, load
from atlasplane.api.quantities import only_quantities
from atlasplane.api.recordings import check_spasm_outputs, spasm, write_spasm_annotations, write_spasm_report
from atlasplane.api.rows import COLUMNS
from atlasplane.api.scans import SegmentedVolume, register, segment

__all__ = [
    "load",
    "check",
    "LoadedCase",
    "COLUMNS",
    "comparison_findings",
    "only_quantities",
    "segment",
    "SegmentedVolume",
    "register",
    "check_spasm_outputs",
    "spasm",
    "write_spasm_annotations",
    "write_spasm_report",
]
