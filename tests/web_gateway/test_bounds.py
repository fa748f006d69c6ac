"""However many come and go: bounded connections, no thread left behind, an undisturbed stream."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack

import httpx
import pytest

from stereocast.runtime.address import Address
from tests.strip_stream import StripServer
from tests.web_gateway.conftest import Browser, Serve


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


def test_credit_that_was_not_earned_ends_the_visit(serve: Serve, address: Address) -> None:
    """A browser that grants without reading makes frames pile up, but only so many."""
    gateway = serve(send_within_s=60.0)
    with StripServer(address, frames=100_000), gateway.watch(max_queue=1) as browser:
        deadline_s = time.monotonic() + 20
        while time.monotonic() < deadline_s:
            try:
                browser.say(t="credit", n=8)
            except Exception as error:
                assert "ConnectionClosed" in type(error).__name__, error
                break
            time.sleep(0.01)
        code, reason = browser.closed()
        assert (code, reason) == (1008, "granted more than it takes")


@pytest.mark.slow
def test_who_takes_nothing_is_hung_up_on(serve: Serve, address: Address) -> None:
    gateway = serve(send_within_s=1.0)
    with StripServer(address, frames=100_000), gateway.watch(max_queue=1) as browser:
        for _ in range(100):
            browser.say(t="credit", n=8)
            time.sleep(0.01)
        deadline_s = time.monotonic() + 20
        while time.monotonic() < deadline_s:
            if not gateway.http.get("/api/status").json()["viewers"]:
                return
            time.sleep(0.2)
        pytest.fail("the viewer kept its place")
