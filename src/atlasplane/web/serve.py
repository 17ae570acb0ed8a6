"""Running the server: on this computer alone, until somebody ends it."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

import uvicorn

from atlasplane.core.errors import OutputFailed
from atlasplane.io.decode_process import warm
from atlasplane.web.app import MarkServer, mark_app
from atlasplane.web.bone_jobs import BoneJobs
from atlasplane.web.desk import Desk

HOST = "127.0.0.1"
FIRST_PORT = 8323
"""Tried first where no port is asked for; the next free one follows."""
_TRIED = 50


@dataclass(frozen=True, slots=True)
class Listening:
    """A server that is ready.

    Attributes
    ----------
    address : with the token
    run : answers until the server ends
    close : gives the port back, where it is not run
    """

    address: str
    run: Callable[[], None]
    close: Callable[[], None]


def listening(
    desk: Desk, *, port: int | None = None, observer: str | None = None, jobs: BoneJobs | None = None
) -> Listening:
    """Take a port, and make the server that will answer on it.

    Parameters
    ----------
    port : int, optional
        Default the first free one from `FIRST_PORT` on.
    observer : str, optional
        Who marks.
    jobs : BoneJobs, optional
        What segments, in place of our own segmentation.

    Raises
    ------
    OutputFailed
        When the port asked for is taken, or none is free.
    """
    taken = _bound([port] if port is not None else range(FIRST_PORT, FIRST_PORT + _TRIED))
    number = int(taken.getsockname()[1])
    token = secrets.token_urlsafe(32)
    made = MarkServer(
        desk=desk,
        token=token,
        port=number,
        stop=lambda: None,
        observer=observer,
        jobs=jobs or BoneJobs(),
    )
    config = uvicorn.Config(
        mark_app(made),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    made.stop = stop
    return Listening(
        address=f"http://{HOST}:{number}/?token={token}",
        run=lambda: _run(server, taken, made),
        close=taken.close,
    )


def _run(server: uvicorn.Server, taken: socket.socket, made: MarkServer) -> None:
    """Answer until the end; the decoder starts and the desk is looked through meanwhile."""
    ahead = Thread(target=_look_ahead, args=(made,))
    ahead.start()
    try:
        server.run(sockets=[taken])
    finally:
        made.jobs.stop()
        ahead.join()


def _look_ahead(made: MarkServer) -> None:
    warm()
    with suppress(Exception):  # whoever asks for it meets the same fault, and is told
        made.desk_document()


def _bound(ports: Sequence[int]) -> socket.socket:
    """A socket on the first free one of these ports; 0 lets the system choose."""
    for port in ports:
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":
            # A server that starts again takes its port back, so that a page still open finds it. (On Windows
            # the option would let two programs share a port.)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((HOST, port))
        except OSError:
            found.close()
            continue
        found.listen(128)  # who comes before the server is ready waits
        return found
    if len(ports) == 1:
        raise OutputFailed(f"port {ports[0]}", "is taken by another program", "Name another one with --port")
    raise OutputFailed(f"ports {ports[0]} to {ports[-1]}", "are all taken", "Name another one with --port")
