"""What is asked of a gateway at work and must not be granted."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from stereocast.runtime.address import Address
from stereocast.runtime.web.limits import GatewayLimits
from tests.patience import PATIENCE_S
from tests.strip_stream import StripServer
from tests.web_gateway.conftest import PAGE, Serve

CLOSED_PATHS = ("/api/status", "/api/frames", "/metrics", "/snapshot.jpg", "/preview.mjpeg",
                "/first-frame", "/openapi.json", "/nothing")  # fmt: skip


def test_without_a_session_there_is_only_the_page(serve: Serve) -> None:
    http = serve(lan=True, tls=True).http
    for path in CLOSED_PATHS:
        answer = http.get(path)
        assert (answer.status_code, "no session" in answer.text) == (401, True), path
    assert http.get("/").text == PAGE
    assert http.get("/static/main.js").status_code == 200
    assert http.get("/healthz").json()["ok"] is True


def test_a_token_opens_the_door_once(serve: Serve) -> None:
    gateway = serve(lan=True, tls=True)
    assert gateway.token is not None
    first = gateway.token.text
    headers = {"Origin": gateway.origin}
    wrong = gateway.http.post("/api/session", json={"token": "wrong"}, headers=headers)
    assert (wrong.status_code, wrong.headers.get("set-cookie")) == (403, None)
    right = gateway.http.post("/api/session", json={"token": first}, headers=headers)
    assert right.status_code == 204
    cookie = right.headers["set-cookie"]
    assert cookie.startswith("__Host-stereocast=")
    for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/", "Max-Age=604800"):
        assert word.lower() in cookie.lower()
    assert gateway.http.get("/api/frames").status_code == 200
    stranger = httpx.Client(base_url=gateway.origin, verify=False)
    with stranger:
        assert stranger.post("/api/session", json={"token": first}).status_code == 403
        assert stranger.get("/api/frames").status_code == 401


@pytest.mark.parametrize("body", [{}, {"token": 1}, {"token": "x" * 200}, [], "x"])
def test_malformed_tokens_are_no_server_errors(serve: Serve, body: object) -> None:
    assert serve(lan=True).http.post("/api/session", json=body).status_code == 422


def test_foreign_sites_and_rebound_names_are_refused(serve: Serve) -> None:
    http = serve().http
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ):
        assert http.get("/snapshot.jpg", headers=headers).status_code == 403, headers
        assert http.get("/", headers=headers).status_code == 403, headers
    assert http.get("/", headers={"Host": "stereo.local"}).status_code == 200


def test_a_foreign_page_cannot_open_the_stream(serve: Serve) -> None:
    gateway = serve()
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
        with pytest.raises(InvalidStatus) as refused, gateway.watch(headers=headers):
            pass
        assert refused.value.response.status_code == 403


def test_a_page_without_a_session_is_told_so(serve: Serve) -> None:
    with serve(lan=True).watch() as browser:
        code, reason = browser.closed()
        assert code == 1008
        assert "open the link" in reason


def test_the_subprotocol_is_wanted(serve: Serve) -> None:
    with serve().watch(subprotocols=None) as browser:
        assert browser.closed() == (1008, "the subprotocol is scst.1")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../outside.js", "/static/..%2foutside.js", "/static/%2e%2e/outside.js",
        "/static/inner/deep.js", "/static/inner", "/static/", "/static", "/static/notes.txt",
        "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/main.js%00", "/static/.",
        "/static/..\\outside.js", "//etc/passwd", "/docs", "/redoc",
    ],
)  # fmt: skip
def test_only_the_files_of_the_page_are_served(serve: Serve, path: str) -> None:
    gateway = serve()
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE_S) as raw:
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        raw.sendall(head.encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.split(b" ", 2)[1] == b"404"
    assert b"not for you" not in answer


def test_every_answer_carries_the_security_headers(serve: Serve) -> None:
    http = serve(lan=True).http
    for path in ("/", "/static/main.js", "/nothing", "/api/status", "/healthz"):
        headers = http.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "xr-spatial-tracking=(self)" in headers["permissions-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "server" not in headers


def test_bodies_are_bounded(serve: Serve) -> None:
    http = serve(lan=True).http
    answer = http.post("/api/session", content=b"x" * 5000)
    assert answer.status_code == 413
    with pytest.raises(httpx.HTTPError):  # grown without a word in the head: hung up on
        http.post("/api/session", content=iter([b"x" * 1000] * 20)).raise_for_status()


MALFORMED = {
    "not json": "nonsense", "a list": "[]", "no kind": "{}", "an unknown kind": '{"t":"root"}',
    "a credit of text": '{"t":"credit","n":"many"}', "too much credit": '{"t":"credit","n":900}',
    "no number": '{"t":"ping","t1":NaN}', "a negative seek": '{"t":"playback","seek_s":-1}',
    "endless": '{"t":"quality","strength":Infinity}',
    "deep": '{"t":"stats","drops":' + '{"a":' * 500 + "1" + "}" * 500 + "}",
}  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_messages_end_the_visit_not_the_stream(
    serve: Serve, address: Address, text: str
) -> None:
    gateway = serve()
    with StripServer(address, frames=10_000):
        with gateway.watch() as browser:
            browser.socket.send(text)
            assert browser.closed()[0] == 1008
        with gateway.watch() as next_one:
            next_one.binary()


def test_oversized_and_binary_messages_and_floods_end_the_visit(serve: Serve) -> None:
    gateway = serve()
    with gateway.watch() as browser:
        browser.socket.send('{"t":"key","reason":"' + "x" * 5000 + '"}')
        assert browser.closed()[0] == 1009
    with gateway.watch() as browser:
        browser.socket.send(b"\x00" * 16)
        assert browser.closed()[0] == 1008
    with gateway.watch() as browser:
        end_s = time.monotonic() + PATIENCE_S
        with suppress(ConnectionClosed):  # hung up on in mid-sentence
            while time.monotonic() < end_s:
                browser.say(t="key", reason="")
        assert browser.closed() == (1008, "too many messages")


def test_the_ninth_viewer_is_asked_to_come_later(serve: Serve, address: Address) -> None:
    gateway = serve(max_viewers=1)
    with StripServer(address, frames=10_000), gateway.watch() as first:
        first.binary()
        with gateway.watch() as second:
            assert second.closed() == (1013, "all 1 places are taken")
        first.say(t="credit", n=1)
        first.binary()


def test_who_is_slow_to_ask_is_hung_up_on(serve: Serve) -> None:
    gateway = serve(request_within_s=0.3, keep_alive_s=0)
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE_S) as raw:
        began_s = time.monotonic()
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        with suppress(ConnectionResetError):  # as an aborted connection may look
            assert raw.recv(1) == b""
        assert time.monotonic() - began_s < GatewayLimits().request_within_s
