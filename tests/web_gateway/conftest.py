"""A gateway on a free port of loopback, and browsers as programs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from stereocast.runtime import wire
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.web.access import Access, OneTimeToken, Sessions
from stereocast.runtime.web.app import GatewayOptions, build
from stereocast.runtime.web.certificate import now as time_of_day
from stereocast.runtime.web.certificate import own_certificate
from stereocast.runtime.web.engine_line import EnginePlace
from stereocast.runtime.web.limits import GatewayLimits
from stereocast.runtime.web.server import GatewayServer, listen
from tests.cli.conftest import inside, start, stereocast  # noqa: F401  # the same commands
from tests.patience import PATIENCE_S, eventually

PAGE = "<!doctype html><title>page</title>"


@dataclass
class Gateway:
    """A gateway at work."""

    port: int
    scheme: str
    token: OneTimeToken | None
    http: httpx.Client

    @property
    def origin(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @contextmanager
    def watch(self, **options: Any) -> Iterator[Browser]:
        """Join as a browser would."""
        headers = {"Origin": self.origin, **options.pop("headers", {})}
        with connect(
            f"ws://127.0.0.1:{self.port}/stream",
            additional_headers=headers,
            **{
                "subprotocols": ["scst.1"],
                "compression": None,
                "max_size": None,
                "open_timeout": PATIENCE_S,
                "close_timeout": 2,
                **options,
            },
        ) as socket:
            yield Browser(socket)


class Browser:
    """One WebSocket; `next` skips what was not asked for."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.texts: list[dict[str, Any]] = []

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def text(self, kind: str) -> dict[str, Any]:
        """Wait for a JSON message of this kind."""
        while True:
            message = self.socket.recv(PATIENCE_S)
            if isinstance(message, str):
                self.texts.append(json.loads(message))
                if self.texts[-1]["t"] == kind:
                    return self.texts[-1]

    def binary(self, magic: bytes = b"SCST") -> bytes:
        """Wait for a binary message; the JSON before it is in `texts`."""
        while True:
            message = self.socket.recv(PATIENCE_S)
            if isinstance(message, str):
                self.texts.append(json.loads(message))
            elif message.startswith(magic):
                return message

    def closed(self) -> tuple[int, str]:
        """Wait until the gateway hangs up; return code and reason."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s and self.socket.close_code is None:
            try:
                self.socket.recv(0.2)
            except TimeoutError:
                continue
            except ConnectionClosed:
                break
        return self.socket.close_code or 0, self.socket.close_reason or ""


def seq_of(message: bytes) -> int:
    return int(wire.HEADER.unpack(message[: wire.HEADER.size])[5])


Serve = Callable[..., Gateway]


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return parse_address("", folder=tmp_path / "s")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "page"
    (folder / "inner").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "main.js").write_text("export {};")
    (folder / "notes.txt").write_text("not for you")
    (folder / "inner" / "deep.js").write_text("not for you")
    (tmp_path / "outside.js").write_text("not for you")
    return folder


@pytest.fixture
def serve(address: Address, page: Path, tmp_path: Path) -> Iterator[Serve]:
    """Start a gateway: serve(lan=False, tls=False, **limits)."""
    with closing_all() as add:

        def start(*, lan: bool = False, tls: bool = False, **limits: Any) -> Gateway:
            bounds = replace(GatewayLimits(), **limits)
            scheme = "https" if tls else "http"
            token = OneTimeToken() if lan else None
            sessions = Sessions(b"s" * 32) if lan else None
            names = ("localhost", "127.0.0.1")
            certificate = own_certificate(tmp_path / "tls", names, time_of_day()) if tls else None
            app = build(
                GatewayOptions(
                    EnginePlace(address),
                    Access(["stereo.local"], scheme=scheme, sessions=sessions),
                    token=token,
                    limits=bounds,
                    page=page,
                )
            )
            opened = listen(["127.0.0.1"], 0)
            port = opened[0].getsockname()[1]
            server = GatewayServer(app, certificate=certificate, limits=bounds)
            thread = threading.Thread(target=server.serve_on, args=[opened])
            thread.start()

            def stop() -> None:
                server.should_exit = True
                thread.join()

            add(stop)
            eventually(lambda: server.started)
            http = httpx.Client(
                base_url=f"{scheme}://127.0.0.1:{port}", verify=False, timeout=PATIENCE_S
            )
            add(http.close)
            return Gateway(port, scheme, token, http)

        yield start


@contextmanager
def closing_all() -> Iterator[Callable[[Callable[[], None]], None]]:
    closers: list[Callable[[], None]] = []
    try:
        yield closers.append
    finally:
        for close in reversed(closers):
            close()
