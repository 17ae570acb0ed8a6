"""The addresses of the server: each hands a request on, and nothing is worked out here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Body, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from atlasplane.anatomy.protocol import VOLUME
from atlasplane.core.errors import AtlasplaneError, BadInput, OutputFailed
from atlasplane.io.faults import validated
from atlasplane.io.volume_image import VolumeImage
from atlasplane.sources.film import PlanarImage
from atlasplane.web.bodies import (
    AngleBody,
    CalibrationBody,
    LengthBody,
    LiveBody,
    NewReading,
    ReadingBody,
    SettingsBody,
    SnapBody,
)
from atlasplane.web.bone_addresses import add_bones
from atlasplane.web.bone_jobs import BoneJobs
from atlasplane.web.bones import BoneRoom
from atlasplane.web.case_read import CaseReader
from atlasplane.web.desk import Desk, NotFound
from atlasplane.web.documents import (
    desk_document,
    film_document,
    film_summary,
    pixel_aspect,
    reading_json,
    stated_revision,
)
from atlasplane.web.free_text import angle_document, calibration_document, length_document
from atlasplane.web.grey import GreyImage, grey_image
from atlasplane.web.guard import Guard, error_answer
from atlasplane.web.live import LiveNumbers, without_numbers
from atlasplane.web.memory import Memory
from atlasplane.web.opened import OpenImage, open_place
from atlasplane.web.pages import page_file, picture
from atlasplane.web.registration import RegistrationRoom
from atlasplane.web.registration_addresses import add_registration
from atlasplane.web.saving import (
    Conflict,
    Drafts,
    is_finished,
    reading_from,
    readings_with,
    save_reading,
    visible_to,
)
from atlasplane.web.settings import store_settings
from atlasplane.web.snap import snap_document
from atlasplane.web.volumes import VolumeGreys, plane_from, slice_bytes, volume_document, volume_greys

PIXEL_BYTES = 512 << 20
"""Grey values of films that are kept, so that going back to one is quick."""
VOLUME_BYTES = 2 << 30
"""The same of volumes."""
Model = TypeVar("Model", bound=BaseModel)
Json = dict[str, Any]
JsonBody = Annotated[dict[str, Any], Body()]
IfMatch = Annotated[str, Header(alias="If-Match")]


@dataclass(slots=True, eq=False, kw_only=True)
class MarkServer:
    """What the server works with.

    Attributes
    ----------
    desk : the images
    token, port : see `Guard`
    observer : who marks, where the command line says so
    stop : ends the server
    jobs : segmentations that the page asks for
    """

    desk: Desk
    token: str
    port: int
    stop: Callable[[], None]
    observer: str | None = None
    jobs: BoneJobs = field(default_factory=BoneJobs)
    drafts: Drafts = field(default_factory=Drafts)
    bones: BoneRoom = field(init=False)
    registration: RegistrationRoom = field(init=False)
    reader: CaseReader = field(init=False)
    numbers: LiveNumbers = field(init=False)
    _greys: Memory[GreyImage] = field(
        default_factory=lambda: Memory(PIXEL_BYTES, lambda image: image.stored.nbytes)
    )

    _volumes: Memory[VolumeGreys] = field(
        default_factory=lambda: Memory(VOLUME_BYTES, lambda greys: greys.voxels.nbytes)
    )

    def __post_init__(self) -> None:
        self.bones = BoneRoom(desk=self.desk, jobs=self.jobs)
        self.reader = CaseReader(self.desk)
        self.numbers = LiveNumbers(self.reader)
        self.registration = RegistrationRoom(desk=self.desk, reader=self.reader)

    def desk_document(self) -> Json:
        """What lies on the desk; raises BadInput where its folder cannot be read."""
        return desk_document(self.desk, self.observer, self.reader.problem())

    def opened(self, id_: str, *, volume: bool = False) -> OpenImage:
        """An image of the desk; raises BadInput."""
        return open_place(self.desk, self.desk.place(id_, volume=volume))

    def grey(self, opened: OpenImage) -> GreyImage:
        """Its grey values; raises BadFile."""
        image = opened.image
        assert image is not None
        return self._greys.get(opened.sha256, None, lambda: grey_image(image.load_pixels()))

    def volume(self, opened: OpenImage) -> tuple[VolumeImage, VolumeGreys]:
        """A volume's grid and its grey values; raises BadInput."""
        image, name = self.desk.volume_image(opened.place), opened.place.name
        return image, self._volumes.get(opened.sha256, None, lambda: volume_greys(image, name))


def mark_app(server: MarkServer) -> ASGIApp:
    """The server's pages behind their guard."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_faults(app)
    _add_page(app, server)
    _add_films(app, server)
    _add_readings(app, server)
    _add_numbers(app, server)
    _add_volumes(app, server)
    add_bones(app, server.bones)
    add_registration(app, server.registration)
    return Guard(app, server.port, server.token)


def _add_page(app: FastAPI, server: MarkServer) -> None:
    @app.get("/")
    def index() -> Response:
        return page_file("static/index.html")

    @app.get("/static/{name:path}")
    def static(name: str) -> Response:
        return page_file(f"static/{name}")

    @app.get("/api/pictures/{view}/{name}.svg")
    def pictures(view: str, name: str) -> Response:
        return picture(view, name)

    @app.get("/api/desk")
    def desk() -> Response:
        return JSONResponse(server.desk_document())

    @app.post("/api/quit")
    def leave() -> Response:
        server.stop()
        return JSONResponse({})


def _add_films(app: FastAPI, server: MarkServer) -> None:
    @app.get("/api/films/{id_}")
    def film(id_: str, observer: str | None = None, blind: bool = False) -> Response:
        opened = server.opened(id_)
        server.drafts.show(opened)
        return JSONResponse(_film(server, opened, observer, blind=blind))

    @app.get("/api/films/{id_}/pixels")
    def pixels(id_: str, request: Request) -> Response:
        opened = server.opened(id_)
        tag = f'"{opened.sha256}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(
            server.grey(opened).stored.tobytes(),
            media_type="application/octet-stream",
            headers=headers,
        )


def _film(server: MarkServer, opened: OpenImage, observer: str | None, *, blind: bool = False) -> Json:
    grey = server.grey(opened)
    window = {
        "low": grey.window[0],
        "high": grey.window[1],
        "data_low": grey.data[0],
        "data_high": grey.data[1],
    }
    readings = visible_to(server.drafts.all_of(opened), opened.place.view, observer, blind=blind)
    document = film_document(opened, window, readings, server.drafts.next_id(opened))
    return document


def _add_readings(app: FastAPI, server: MarkServer) -> None:
    for kind, volume in (("films", False), ("volumes", True)):
        _add_readings_of(app, server, kind, volume=volume)


def _add_readings_of(app: FastAPI, server: MarkServer, kind: str, *, volume: bool) -> None:
    @app.post(f"/api/{kind}/{{id_}}/readings")
    def begin(id_: str, body: JsonBody) -> Response:
        wanted = checked(NewReading, body)
        opened = server.opened(id_, volume=volume)
        reading = server.drafts.begin(opened, wanted.observer, blinded=wanted.blinded)
        return JSONResponse(reading_json(reading))

    @app.put(f"/api/{kind}/{{id_}}/readings/{{reading}}")
    def save(id_: str, reading: str, body: JsonBody, if_match: IfMatch = "") -> Response:
        wanted = checked(ReadingBody, {**body, "id": reading})
        seen = if_match.removeprefix("W/").strip('"')
        try:
            revision = save_reading(server.desk, server.drafts, id_, wanted, seen, volume=volume)
        except Conflict as conflict:
            current = server.drafts.find(server.opened(id_, volume=volume), reading)
            return _conflict(conflict, None if current is None else reading_json(current))
        saved_at = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        return JSONResponse({"revision": revision, "saved_at": saved_at}, headers={"ETag": f'"{revision}"'})


def _conflict(conflict: Conflict, current: Json | None) -> Response:
    return error_answer(
        409,
        file=conflict.file,
        what=conflict.what,
        remedy=conflict.remedy,
        conflict=conflict.kind,
        current=current,
    )


def _add_numbers(app: FastAPI, server: MarkServer) -> None:
    @app.post("/api/films/{id_}/live")
    def live(id_: str, body: JsonBody) -> Response:
        return Response(to_json(_live(server, id_, checked(LiveBody, body))), media_type="application/json")

    @app.post("/api/films/{id_}/snap")
    def snap(id_: str, body: JsonBody) -> Response:
        wanted = checked(SnapBody, body)
        return JSONResponse(snap_document(server.grey(server.opened(id_)).stored, wanted))

    @app.post("/api/films/{id_}/angle")
    def angle(id_: str, body: JsonBody) -> Response:
        return JSONResponse(angle_document(_stated(server.opened(id_)), checked(AngleBody, body)))

    @app.post("/api/films/{id_}/length")
    def length(id_: str, body: JsonBody) -> Response:
        return JSONResponse(length_document(_stated(server.opened(id_)), checked(LengthBody, body)))

    @app.post("/api/films/{id_}/calibration")
    def calibration(id_: str, body: JsonBody) -> Response:
        opened, wanted = server.opened(id_), checked(CalibrationBody, body)
        return JSONResponse(calibration_document(_stated(opened), wanted, pixel_aspect(opened)))

    @app.put("/api/films/{id_}/settings")
    def settings(id_: str, body: JsonBody, if_match: IfMatch = "") -> Response:
        wanted = checked(SettingsBody, body)
        try:
            opened = store_settings(server.desk, id_, wanted, if_match.removeprefix("W/").strip('"'))
        except Conflict as conflict:
            place = server.desk.place(id_)
            return _conflict(conflict, {"visit_revision": stated_revision(place)})
        summary = film_summary(opened.place, opened)
        return JSONResponse(summary | {"visit_revision": stated_revision(opened.place)})


def _add_volumes(app: FastAPI, server: MarkServer) -> None:
    @app.get("/api/volumes/{id_}")
    def volume(id_: str, observer: str | None = None, blind: bool = False) -> Response:
        opened = server.opened(id_, volume=True)
        server.drafts.show(opened)
        image, greys = server.volume(opened)
        readings = visible_to(server.drafts.all_of(opened), VOLUME, observer, blind=blind)
        following = server.drafts.next_id(opened)
        return JSONResponse(
            volume_document(opened, image, greys, [reading_json(r) for r in readings], following)
        )

    @app.get("/api/volumes/{id_}/slice")
    def piece(id_: str, centre: str, right: str, down: str, width: int, height: int, mm: float) -> Response:
        plane = plane_from(centre, right, down, size=(width, height), mm_per_px=mm)
        opened = server.opened(id_, volume=True)
        _, greys = server.volume(opened)
        assert opened.marked.index_from_lps is not None
        return Response(
            slice_bytes(greys, opened.marked.index_from_lps, plane),
            media_type="application/octet-stream",
            headers={"X-Offset": f"{greys.offset:.0f}"},
        )


def _live(server: MarkServer, id_: str, body: LiveBody) -> Json:
    opened = server.opened(id_)
    if opened.film is None or opened.unread is not None:
        return without_numbers(opened.problem)
    known = server.drafts.find(opened, body.reading)
    try:
        reading = reading_from(body, known, length=2)
        readings = readings_with(opened, reading)
    except BadInput as fault:
        return without_numbers(fault)
    if reading.blinded and not is_finished(reading, opened.place.view):
        readings = tuple(each for each in readings if each.id == reading.id)
    film = replace(opened.film, readings=readings)
    return server.numbers.document(opened, film, reading.id, full=body.full)


def _stated(opened: OpenImage) -> PlanarImage:
    """The film with its scale; raises what keeps it from being one."""
    if opened.film is None:
        raise opened.problem or NotFound(opened.place.name, "is no film", "Load the page again")
    return opened.film


def checked(model: type[Model], body: Json) -> Model:
    """What the page sent as a typed table; raises BadInput."""
    return validated(model, body, name="request")


def _add_faults(app: FastAPI) -> None:
    @app.exception_handler(AtlasplaneError)
    def wrong(_request: Request, fault: AtlasplaneError) -> Response:
        status = 404 if isinstance(fault, NotFound) else 507 if isinstance(fault, OutputFailed) else 422
        return error_answer(status, file=fault.file, what=fault.what, remedy=fault.remedy)

    @app.exception_handler(RequestValidationError)
    def unreadable(_request: Request, _fault: RequestValidationError) -> Response:
        return error_answer(422, file="request", what="is not what this address takes", remedy="Send JSON")

    @app.exception_handler(HTTPException)
    def other(_request: Request, fault: HTTPException) -> Response:
        return error_answer(
            fault.status_code, file="request", what=str(fault.detail), remedy="Load the page again"
        )

    @app.exception_handler(Exception)
    def ours(_request: Request, fault: Exception) -> Response:
        what = f"our fault ({type(fault).__name__})"
        return error_answer(500, file="atlasplane", what=what, remedy="Nothing was changed; tell us")


def to_json(document: Json) -> bytes:
    """JSON of a document, without numbers that JSON does not know."""
    return json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
