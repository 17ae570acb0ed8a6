"""The addresses of a film's registration."""

from __future__ import annotations

from typing import Literal

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from atlasplane.web.registration import RegistrationRoom


def add_registration(app: FastAPI, room: RegistrationRoom) -> None:
    """Add them."""

    @app.get("/api/films/{id_}/registration")
    def registration(id_: str) -> Response:
        return JSONResponse(room.document(id_))

    @app.get("/api/films/{id_}/registration/{kind}.png")
    def picture(id_: str, kind: Literal["difference", "checkerboard"]) -> Response:
        headers = {"Cache-Control": "private, no-store"}
        return Response(room.picture(id_, kind), media_type="image/png", headers=headers)
