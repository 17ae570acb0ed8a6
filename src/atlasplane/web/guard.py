"""Who may speak to the server: this computer, the page that was opened with the token, and nobody else.

Another page in the same browser reaches 127.0.0.1 too. So every request must name the right host (no DNS
rebinding) and carry the token as a cookie of this very page; a request that changes something must also come
from the page's origin with a header that a foreign page cannot send without being asked about.
"""

from __future__ import annotations

import os
import secrets
import traceback
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DEBUG = "ATLASPLANE_DEBUG"
MAX_BODY = 4 << 20
"""Bytes of a request; the longest reading has a few hundred kB."""
_TOO_LARGE = f"is larger than {MAX_BODY >> 20} MB"
_READS = ("GET", "HEAD")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """The gate in front of the pages.

    Attributes
    ----------
    app : what answers when the request may pass
    port : of this server
    token : secret of this run; whoever opened the printed address has it
    """

    app: ASGIApp
    port: int
    token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        refused = self._refusal(scope)
        if refused is not None:
            await refused(scope, receive, _with_headers(send))
            return
        try:
            await self.app(scope, _Capped(receive), _with_headers(send))
        except Exception as fault:  # it was answered as ours; what it speaks of stays out of every log
            if os.environ.get(DEBUG) == "1":
                traceback.print_exception(fault)

    @property
    def cookie(self) -> str:
        """Cookies are shared by all ports of a host; the name tells two servers apart."""
        return f"atlasplane_{self.port}"

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        if headers.get("host") not in hosts:
            return _refused(
                403, "the request names another host", "Open the address that the program printed"
            )
        if scope["method"] not in _READS:
            if headers.get("origin") not in (None, *(f"http://{host}" for host in hosts)):
                return _refused(403, "the request comes from another page", "Use the page of this program")
            if headers.get("x-atlasplane") != "1":
                return _refused(403, "the request does not come from this page", "Send X-Atlasplane: 1")
        entered = self._entered(scope)
        if entered is not None:
            return entered
        if not self._is_known(headers):
            return _refused(401, "this page was not opened with the program's token", _AGAIN)
        size = headers.get("content-length", "0")
        if not size.isdigit() or int(size) > MAX_BODY:
            return _refused(413, _TOO_LARGE, "Send less")
        return None

    def _entered(self, scope: Scope) -> Response | None:
        """The answer to the printed address: the token becomes a cookie and leaves the address."""
        if scope["path"] != "/" or scope["method"] != "GET":
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if given is None:
            return None
        if not self._is_token(given[0]):
            return _refused(401, "the token is not that of this server", _AGAIN)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
        return answer

    def _is_known(self, headers: Headers) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return self.cookie in cookies and self._is_token(cookies[self.cookie].value)

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self.token.encode())


_AGAIN = "Open the address that the program printed when it started"


class _Capped:
    """The body of a request, cut off where it exceeds `MAX_BODY`."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._seen = receive, 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > MAX_BODY:
            raise HTTPException(413, _TOO_LARGE)
        return message


def error_answer(status: int, *, file: str, what: str, remedy: str, **more: Any) -> JSONResponse:
    """The answer that says what is wrong, as `--json` does on the command line."""
    document = {"schema": "atlasplane.error/1", "file": file, "what": what, "remedy": remedy, **more}
    return JSONResponse(document, status_code=status)


def _refused(status: int, what: str, remedy: str) -> Response:
    return error_answer(status, file="request", what=what, remedy=remedy)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
