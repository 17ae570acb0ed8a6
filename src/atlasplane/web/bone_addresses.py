"""The addresses of the bones of a volume."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI
from fastapi.responses import JSONResponse, Response

from atlasplane.io.faults import validated
from atlasplane.web.bodies import DecisionBody, SeedsBody
from atlasplane.web.bones import BoneRoom
from atlasplane.web.guard import error_answer
from atlasplane.web.saving import Conflict
from atlasplane.web.volumes import plane_from

JsonBody = Annotated[dict[str, Any], Body()]


def add_bones(app: FastAPI, room: BoneRoom) -> None:
    """Add them."""

    @app.get("/api/volumes/{id_}/bones")
    def bones(id_: str) -> Response:
        return JSONResponse(room.document(id_))

    @app.get("/api/volumes/{id_}/bones/outlines")
    def cut(id_: str, centre: str, right: str, down: str, width: int, height: int, mm: float) -> Response:
        plane = plane_from(centre, right, down, size=(width, height), mm_per_px=mm)
        return JSONResponse({bone: at.ravel().tolist() for bone, at in room.outlines(id_, plane).items()})

    @app.put("/api/volumes/{id_}/bones/seeds")
    def seeds(id_: str, body: JsonBody) -> Response:
        room.save_seeds(id_, validated(SeedsBody, body, name="request"))
        return JSONResponse({})

    @app.post("/api/volumes/{id_}/bones/propose")
    def propose(id_: str, body: JsonBody) -> Response:
        room.propose(id_, validated(SeedsBody, body, name="request"))
        return JSONResponse(room.document(id_))

    @app.post("/api/volumes/{id_}/bones/cancel")
    def cancel(id_: str) -> Response:
        room.jobs.cancel(id_)
        return JSONResponse(room.document(id_))

    @app.post("/api/volumes/{id_}/bones/{decision}")
    def decide(id_: str, decision: Literal["accept", "reject", "withdraw"], body: JsonBody) -> Response:
        try:
            room.decide(id_, decision, validated(DecisionBody, body, name="request"))
        except Conflict as conflict:
            return error_answer(
                409, file=conflict.file, what=conflict.what, remedy=conflict.remedy, conflict=conflict.kind
            )
        return JSONResponse(room.document(id_))
