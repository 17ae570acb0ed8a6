"""Who may speak to the mark server, and what it says to others."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlasplane.core.errors import OutputFailed
from atlasplane.web import serve
from atlasplane.web.desks import case_desk
from atlasplane.web.guard import MAX_BODY
from tests.bad_input.cases import make_case
from tests.web_client import Client, serving


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(make_case(tmp_path_factory.mktemp("guard") / "case")) as client:
        yield client


def test_it_listens_on_this_computer_alone(page: Client) -> None:
    other = socket.gethostbyname(socket.gethostname())
    if not other.startswith("127."):
        with pytest.raises(OSError):
            socket.create_connection((other, page.port), timeout=2).close()


def test_the_token_becomes_a_cookie_and_leaves_the_address(page: Client) -> None:
    entered = page.ask("GET", f"/?token={page.token}")
    assert entered.status == 303 and entered.headers["location"] == "/"
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and f"_{page.port}=" in cookie


@pytest.mark.parametrize(
    "path", ["/", "/static/api.js", "/api/desk", "/api/films/x", "/api/pictures/nasium/PL_R.svg"]
)
def test_without_the_token_nothing_is_shown(page: Client, path: str) -> None:
    refused = page.ask("GET", path, Cookie="")
    assert refused.status == 401 and refused.json["schema"] == "atlasplane.error/1"


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 43])
def test_a_wrong_token_does_not_enter(page: Client, token: str) -> None:
    wrong = page.ask("GET", f"/?token={token.encode().hex() if token == 'é' else token}", Cookie="")
    assert wrong.status == 401 and "set-cookie" not in wrong.headers
    assert (
        page.ask(
            "GET", "/api/desk", Cookie=f"atlasplane_{page.port}={token or 'x'}".encode().decode("latin-1")
        ).status
        == 401
    )


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:80", ""]
)
def test_another_host_is_refused(page: Client, host: str) -> None:
    assert page.ask("GET", "/api/desk", Host=host).status == 403


def test_this_host_by_its_name(page: Client) -> None:
    assert page.ask("GET", "/api/desk", Host=f"localhost:{page.port}").status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"])
def test_a_write_from_another_page_is_refused(page: Client, origin: str) -> None:
    assert page.ask("POST", "/api/films/x/live", {}, Origin=origin).status == 403


def test_a_write_needs_the_page_s_own_header(page: Client) -> None:
    assert page.ask("POST", "/api/films/x/live", {}, X_Atlasplane="").status == 403
    own = f"http://127.0.0.1:{page.port}"
    # Past the guard: the body is looked at before the film is.
    assert page.ask("POST", "/api/films/x/live", {}, Origin=own).status in (404, 422)


@pytest.mark.parametrize("path", ["/", "/api/desk", "/nothing", "/static/none.js"])
def test_every_answer_is_closed_to_other_pages(page: Client, path: str) -> None:
    headers = page.ask("GET", path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_what_the_api_says_is_not_kept(page: Client) -> None:
    assert page.ask("GET", "/api/desk").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%5capp.py",
        "/static//etc/passwd",
        "/static/",
        "/static/none.js",
        "/static/../../io/data/limits.toml",
        "/api/pictures/nasium/..%2f..%2fx.svg",
        "/api/films/..%2f..%2fcase.toml/pixels",
        "/openapi.json",
        "/docs",
    ],
)
def test_no_path_leads_out(page: Client, path: str) -> None:
    assert page.ask("GET", path).status == 404


def test_a_body_has_a_limit(page: Client) -> None:
    # By what is announced; nothing of it is sent.
    assert page.ask("POST", "/api/films/x/live", b"", Content_Length=str(MAX_BODY + 1)).status == 413


def test_a_body_of_unknown_length_has_the_same_limit(page: Client) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=30) as talk:
        head = [
            "POST /api/films/x/live HTTP/1.1",
            f"Host: 127.0.0.1:{page.port}",
            f"Cookie: {page.headers['Cookie']}",
            "X-Atlasplane: 1",
            "Content-Type: application/json",
            "Transfer-Encoding: chunked",
        ]
        talk.sendall("\r\n".join([*head, "", ""]).encode())
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            for _ in range(MAX_BODY // 0x10000 + 2):
                talk.sendall(piece)
            talk.sendall(b"0\r\n\r\n")
        except OSError:
            return  # the server closed the talk before all was sent
        assert b" 413 " in talk.recv(100)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe"])
def test_what_is_no_json_is_told_so(page: Client, body: bytes) -> None:
    refused = page.ask("POST", "/api/films/x/live", body)
    assert refused.status == 422 and refused.json["what"] and refused.json["remedy"]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        first.listen()
        yield int(first.getsockname()[1])


def test_a_taken_first_port_gives_the_next_one(
    tmp_path: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "FIRST_PORT", taken_port)
    next_one = serve.listening(case_desk(make_case(tmp_path / "case")))
    next_one.close()
    assert f":{taken_port}/" not in next_one.address


def test_a_port_that_was_asked_for_and_is_taken_says_so(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(OutputFailed, match=f"port {taken_port}: is taken.*--port"):
        serve.listening(case_desk(make_case(tmp_path / "case")), port=taken_port)


def test_no_free_port_at_all_says_so(
    tmp_path: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "FIRST_PORT", taken_port)
    monkeypatch.setattr(serve, "_TRIED", 1)
    with pytest.raises(OutputFailed, match="--port"):
        serve.listening(case_desk(make_case(tmp_path / "case")))


def test_a_server_that_starts_again_gets_its_port_back(tmp_path: Path) -> None:
    """Also while connections of the one before it are still being forgotten by the system."""
    desk = case_desk(make_case(tmp_path / "case"))
    with serving(desk) as page:
        assert page.ask("GET", "/api/desk").status == 200
        port = page.port
    again = serve.listening(desk, port=port)
    again.close()
    assert f":{port}/" in again.address
