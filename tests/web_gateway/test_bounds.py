"""However many come and go: bounded connections, no thread left behind, an undisturbed stream."""

from __future__ import annotations

import asyncio
import socket
import statistics
import threading
import time
from contextlib import ExitStack

import httpx
from starlette.types import Message
from starlette.websockets import WebSocket

from stereocast.runtime import wire
from stereocast.runtime.address import Address
from stereocast.runtime.web.board import Board
from stereocast.runtime.web.engine_line import EnginePlace
from stereocast.runtime.web.limits import GatewayLimits
from stereocast.runtime.web.metrics import Metrics
from stereocast.runtime.web.viewer_socket import House, serve_viewer
from tests.strip_stream import StripServer
from tests.web_gateway.conftest import Browser, Serve

GRANT = '{"t":"credit","n":8}'


def shown_in(browser: Browser, seconds: float) -> int:
    count, end_s = 0, time.monotonic() + seconds
    while time.monotonic() < end_s:
        browser.binary()
        browser.say(t="credit", n=1)
        count += 1
    return count


def test_two_hundred_connections_are_bounded_and_disturb_nobody(
    serve: Serve, address: Address
) -> None:
    gateway = serve(max_connections=40)
    with StripServer(address, frames=100_000), gateway.watch() as browser, ExitStack() as stack:
        quiet = shown_in(browser, 1)
        crowd = [
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 5))
            for _ in range(200)
        ]
        crowded = shown_in(browser, 1)
        alive = 0
        for connection in crowd:
            connection.settimeout(0.02)
            try:
                alive += connection.recv(1) != b""
            except TimeoutError:
                alive += 1
            except ConnectionError:
                continue
        assert alive <= 40
        assert crowded > quiet / 2
    assert httpx.get(f"{gateway.origin}/healthz").status_code == 200


def test_a_hundred_visits_leave_no_thread(serve: Serve, address: Address) -> None:
    gateway = serve()

    def visit() -> None:
        with gateway.watch() as browser:
            browser.text("welcome")

    def threads() -> int:
        return sum(thread.name.startswith("line ") for thread in threading.enumerate())

    with StripServer(address, frames=100_000):
        for _ in range(100):
            visit()
        deadline_s = time.monotonic() + 5
        while threads() and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert threads() == 0
        assert gateway.http.get("/api/status").json()["viewers"] == []


def test_who_takes_nothing_is_hung_up_on_and_little_waits_for_it(address: Address) -> None:
    """A browser that grants without reading makes frames pile up, but only so many."""
    limits = GatewayLimits(send_within_s=1.0)
    house = House(EnginePlace(address), limits, Board(), Metrics())
    said = [{"type": "websocket.connect"}]

    async def receive() -> Message:
        await asyncio.sleep(0.01)
        return said.pop() if said else {"type": "websocket.receive", "text": GRANT}

    async def send(message: Message) -> None:
        if message["type"] == "websocket.send":
            await asyncio.sleep(60)

    async def visit() -> None:
        scope = {"type": "websocket", "subprotocols": ["scst.1"], "headers": []}
        await serve_viewer(WebSocket(scope, receive, send), house)

    with StripServer(address, frames=100_000):
        began_s = time.monotonic()
        asyncio.run(visit())
    assert time.monotonic() - began_s < 5
    assert house.board.viewers == 0
    text = house.metrics.text().decode()
    assert 'stereocast_web_viewers_refused_total{why="slow"} 1.0' in text
    assert 'stereocast_web_viewers_refused_total{why="backlog"}' in text


def test_small_frames_are_not_held_back(serve: Serve, address: Address) -> None:
    """Nagle's algorithm would make a frame wait 40 ms for the info before it to be acknowledged."""
    gateway = serve()
    ages_ms = []
    with StripServer(address, frames=100_000), gateway.watch() as browser:
        for _ in range(40):
            header = wire.HEADER.unpack_from(browser.binary())
            ages_ms.append((time.monotonic_ns() - header[8]) / 1e6)
            browser.say(t="credit", n=1)
    assert statistics.median(ages_ms) < 20
