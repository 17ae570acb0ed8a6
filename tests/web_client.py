"""The mark server on a free port, in a thread of the test, and a browser's part of the talk."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlasplane.web.bone_jobs import BoneJobs
from atlasplane.web.desk import Desk
from atlasplane.web.desks import case_desk
from atlasplane.web.serve import listening


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """A page that was opened with the token."""

    port: int
    token: str
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        entered = self.ask("GET", f"/?token={self.token}")
        assert entered.status == 303
        self.headers = {"Cookie": entered.headers["set-cookie"].split(";")[0], "X-Atlasplane": "1"}

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """One request; `If_Match` stands for If-Match. A body of bytes is sent as it is."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        kind = {} if sent is None else {"Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, sent, {**self.headers, **kind, **named})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def post(self, path: str, body: object) -> Any:
        answer = self.ask("POST", path, body)
        assert answer.status == 200, answer.body
        return answer.json

    def film(self, view: str, visit: int = 0) -> str:
        """Address of a film."""
        films = self.get("/api/desk")["visits"][visit]["films"]
        return "/api/films/" + next(film["id"] for film in films if film["view"] == view)

    def save(self, address: str, reading: Mapping[str, Any], revision: str | None) -> Answer:
        path = f"{address}/readings/{reading['id']}"
        return self.ask("PUT", path, reading, If_Match=f'"{revision or "none"}"')


def client_of(address: str) -> Client:
    """A page at the printed address."""
    parts = urllib.parse.urlsplit(address)
    assert parts.hostname == "127.0.0.1" and parts.port is not None
    return Client(parts.port, urllib.parse.parse_qs(parts.query)["token"][0])


@contextmanager
def serving(
    desk: Desk | Path, *, observer: str | None = None, jobs: BoneJobs | None = None
) -> Iterator[Client]:
    """A running server; it is asked to end at the end."""
    server = listening(
        desk if isinstance(desk, Desk) else case_desk(desk), port=0, observer=observer, jobs=jobs
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    client = client_of(server.address)
    try:
        yield client
    finally:
        client.ask("POST", "/api/quit", {})
        thread.join(timeout=20)
        assert not thread.is_alive()
