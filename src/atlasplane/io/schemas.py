"""JSON Schemas (2020-12) of everything that goes in and out, made from the models that read and check it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import BaseModel

from atlasplane.core.errors import BadInput
from atlasplane.io.faults import nearest
from atlasplane.io.models import CaseFile, VisitFile
from atlasplane.io.models_observers import ObserversFile, ObserversOutput
from atlasplane.io.models_readings import LandmarkFile
from atlasplane.io.models_recording import ChannelsFile
from atlasplane.io.models_records import ExamFile, LabsFile, ResponsesFile
from atlasplane.io.models_rectified import RectifiedFile
from atlasplane.io.models_registration import RegisterOutput
from atlasplane.io.models_segmentation import SeedsFile, SegmentationFile
from atlasplane.io.outputs import (
    AddOutput,
    CheckOutput,
    CompareOutput,
    DemoOutput,
    ErrorOutput,
    MeasureOutput,
    NewOutput,
    ReportOutput,
    SchemasOutput,
    SimulateOutput,
    TruthFile,
)
from atlasplane.io.outputs_add import AddFolderOutput
from atlasplane.io.outputs_batch import RegisterBatchOutput
from atlasplane.io.outputs_doctor import DoctorOutput
from atlasplane.io.outputs_exchange import ExportOutput, ImportOutput
from atlasplane.io.outputs_segment import SegmentOutput
from atlasplane.io.outputs_spasm import SpasmOutput

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MODELS: Mapping[str, type[BaseModel]] = MappingProxyType(
    {
        "case": CaseFile,
        "visit": VisitFile,
        "landmarks": LandmarkFile,
        "channels": ChannelsFile,
        "rectified": RectifiedFile,
        "segmentation": SegmentationFile,
        "seeds": SeedsFile,
        "exam": ExamFile,
        "responses": ResponsesFile,
        "labs": LabsFile,
        "measure": MeasureOutput,
        "check": CheckOutput,
        "compare": CompareOutput,
        "report": ReportOutput,
        "new": NewOutput,
        "add": AddOutput,
        "add-folder": AddFolderOutput,
        "demo": DemoOutput,
        "simulate": SimulateOutput,
        "schemas": SchemasOutput,
        "error": ErrorOutput,
        "truth": TruthFile,
        "observers": ObserversFile,
        "observer-study": ObserversOutput,
        "doctor": DoctorOutput,
        "export": ExportOutput,
        "import": ImportOutput,
        "segment": SegmentOutput,
        "register": RegisterOutput,
        "register-batch": RegisterBatchOutput,
        "spasm": SpasmOutput,
    }
)


def schema_names() -> tuple[str, ...]:
    """Names that `json_schema` knows."""
    return tuple(MODELS)


def json_schema(name: str) -> dict[str, object]:
    """The JSON Schema of ``atlasplane.NAME/1``.

    Raises
    ------
    BadInput
        When there is no such schema.
    """
    model = MODELS.get(name)
    if model is None:
        close = nearest(name, MODELS)
        remedy = f"Did you mean '{close}'?" if close else f"There are {', '.join(MODELS)}"
        raise BadInput(name, "is no schema of ours", remedy)
    return {"$schema": DIALECT, "$id": f"urn:atlasplane:{name}:1", **model.model_json_schema(by_alias=True)}
