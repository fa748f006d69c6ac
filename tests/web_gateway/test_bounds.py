"""However many come and go: bounded connections, no thread left behind, an undisturbed stream."""

from __future__ import annotations

import asyncio
import errno
import socket
import statistics
import threading
import time
from contextlib import ExitStack

import httpx
from starlette.types import Message
from starlette.websockets import WebSocket

from stereocast.runtime.address import Address
from stereocast.runtime.web.board import Board
from stereocast.runtime.web.engine_line import EnginePlace
from stereocast.runtime.web.limits import GatewayLimits
from stereocast.runtime.web.metrics import Metrics
from stereocast.runtime.web.viewer_socket import House, serve_viewer
from tests.patience import PATIENCE_S, eventually, soonest
from tests.strip_stream import StripServer
from tests.web_gateway.conftest import Browser, Serve

GRANT = '{"t":"credit","n":8}'
NAGLE_S = 0.04
"""As long Linux keeps the acknowledgement back that the algorithm waits for."""


def rate(browser: Browser, pictures: int = 40) -> float:
    """Return the pictures per second of the next few."""
    began_s = time.monotonic()
    for _ in range(pictures):
        browser.binary()
        browser.say(t="credit", n=1)
    return pictures / (time.monotonic() - began_s)


def crowd_of(count: int, port: int, stack: ExitStack) -> list[socket.socket]:
    """Knock so many times at once, and wait for no answer: some will never get one."""
    crowd = []
    for _ in range(count):
        crowd.append(stack.enter_context(socket.socket()))
        crowd[-1].setblocking(False)
        assert crowd[-1].connect_ex(("127.0.0.1", port)) in (0, errno.EINPROGRESS)
    return crowd


def is_held(connection: socket.socket) -> bool:
    """Return whether the gateway has neither refused nor hung up on this one.

    A kernel that has no room believes a caller who speaks sooner than one who only knocks.
    """
    try:
        connection.send(b"G")
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_two_hundred_connections_are_bounded_and_disturb_nobody(
    serve: Serve, address: Address
) -> None:
    gateway = serve(max_connections=40)
    with StripServer(address, frames=100_000), gateway.watch() as browser:
        slowdowns = []
        for _ in range(3):  # a moment of another program must not look like the crowd's doing
            quiet = rate(browser)
            with ExitStack() as stack:
                crowd = crowd_of(200, gateway.port, stack)
                slowdowns.append(quiet / rate(browser))
                eventually(lambda crowd=crowd: sum(map(is_held, crowd)) <= 40)
            if slowdowns[-1] < 2:
                break
        assert min(slowdowns) < 2, slowdowns
    eventually(lambda: httpx.get(f"{gateway.origin}/healthz").status_code == 200)


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
        eventually(lambda: threads() == 0)
        # A visitor is struck off the list a moment after its thread has gone.
        eventually(lambda: gateway.http.get("/api/status").json()["viewers"] == [])


def test_who_takes_nothing_is_hung_up_on_and_little_waits_for_it(address: Address) -> None:
    """A browser that grants without reading makes frames pile up, but only so many."""
    board, metrics = Board(), Metrics()

    async def visit(send_within_s: float) -> None:
        said = [{"type": "websocket.connect"}]

        async def receive() -> Message:
            await asyncio.sleep(0.01)
            return said.pop() if said else {"type": "websocket.receive", "text": GRANT}

        async def send(message: Message) -> None:
            if message["type"] == "websocket.send":
                await asyncio.sleep(3 * PATIENCE_S)

        scope = {"type": "websocket", "subprotocols": ["scst.1"], "headers": []}
        limits = GatewayLimits(send_within_s=send_within_s)
        house = House(EnginePlace(address), limits, board, metrics)
        await serve_viewer(WebSocket(scope, receive, send), house)

    def refused(why: str) -> float:
        name = "stereocast_web_viewers_refused_total"
        return metrics.registry.get_sample_value(name, {"why": why}) or 0

    with StripServer(address, frames=100_000):
        for visits in range(1, 6):  # in a second a busy machine may make too few frames to pile up
            began_s = time.monotonic()
            asyncio.run(visit(2.0 ** (visits - 1)))
            assert time.monotonic() - began_s < 2 * PATIENCE_S
            assert (board.viewers, refused("slow")) == (0, visits)
            if refused("backlog"):
                break
        assert refused("backlog")


def test_small_frames_are_not_held_back(serve: Serve, address: Address) -> None:
    """Nagle's algorithm would make a frame wait 40 ms for the info before it to be acknowledged."""
    gateway = serve()
    with StripServer(address, frames=100_000), gateway.watch() as browser:

        def wait_s() -> float:
            """Return the median from an info's coming to its frame's."""
            waits_s = []
            for _ in range(10):
                browser.text("info")
                info_s = time.monotonic()
                browser.binary()
                waits_s.append(time.monotonic() - info_s)
                browser.say(t="credit", n=1)
            return statistics.median(waits_s)

        for _ in range(2):
            wait_s()  # a young connection is acknowledged at once, with or without the algorithm
        assert soonest(5, NAGLE_S / 2, wait_s) <= NAGLE_S / 2
