"""A live source in trouble: the stream to the viewers lives on, and tells them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from stereocast.engine.errors import SourceError
from stereocast.runtime import wire
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.client import StreamClient
from stereocast.runtime.source.live.recipe import SourceConfig, read_address
from stereocast.runtime.source.live.source import LiveSource
from stereocast.runtime.watch.session import WatchSession
from tests.running import Running
from tests.senders import Broadcast, HttpSender, Relay, TcpSender

PATIENCE_S = 40.0
CONFIG = SourceConfig(open_s=30.0, stall_s=1.0, gap_s=0.5)

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return parse_address(f"ipc://{tmp_path / 's' / 'stream'}", folder=tmp_path)


class Watched:
    """A stream from a TCP source behind a relay, and a viewer that watches it."""

    def __init__(self, address: Address, stack: ExitStack, what: Broadcast) -> None:
        self.sender = TcpSender(what)
        stack.callback(self.sender.close)
        self.relay = Relay(self.sender.port)
        stack.callback(self.relay.close)
        self.source = LiveSource(read_address(self.relay.url, CONFIG), config=CONFIG)
        self.running = stack.enter_context(Running(self.source, address))
        self.client = stack.enter_context(StreamClient(address, name="test"))
        self.notices: list[str] = []
        self.session = WatchSession(self.client, [], on_notice=self.notices.append)

    def until(self, is_true: Callable[[], bool]) -> None:
        """Watch until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_true():
            assert time.monotonic() < deadline, f"{self.session.counts}, {self.notices}"
            self.session.run(seconds=0.1)

    def see(self, count: int) -> None:
        """Watch `count` more pictures."""
        wanted = self.session.counts.shown + count
        self.until(lambda: self.session.counts.shown >= wanted)


@pytest.fixture
def watch(address: Address) -> Iterator[Callable[..., Watched]]:
    with ExitStack() as stack:
        yield lambda what=None: Watched(address, stack, what or Broadcast())


def test_another_size_reaches_the_viewer_without_a_new_connection(watch) -> None:
    watched = watch(Broadcast(then=(64, 96), switch_at=45))
    watched.see(3)
    before = watched.client.welcome
    watched.until(lambda: watched.running.report.refits == 1)
    watched.see(3)
    after = watched.client.welcome
    assert (before.w, before.h) == (320, 96)
    assert isinstance(after, wire.Reconfig)
    assert (after.w, after.h) == (192, 64)
    assert after.session == before.session
    assert watched.session.counts.decode == 0


def test_a_source_that_stalls_is_called_again_and_the_viewer_is_told(watch) -> None:
    watched = watch()
    watched.see(3)
    watched.relay.stall()
    watched.until(lambda: any("source is away" in text for text in watched.notices))
    assert "nothing came for 1 s" in "".join(watched.notices)
    watched.see(1)  # the last picture comes again, and says how long nothing else has
    shown = watched.session.counts.shown
    watched.relay.drop()
    watched.relay.flow()
    watched.until(lambda: "the source is back" in watched.notices)
    watched.see(3)
    assert watched.session.counts.shown > shown
    assert watched.session.counts.decode == 0
    assert watched.running.failure is None
    # So long a gap is a new beginning: what was remembered was forgotten.
    assert watched.running.paced.turn >= 1
    assert watched.sender.connections >= 2


@pytest.mark.slow
def test_a_viewer_who_comes_while_the_source_is_away_sees_its_last_picture(watch, address) -> None:
    watched = watch()
    watched.see(3)
    watched.relay.stall()
    watched.until(lambda: bool(watched.notices))
    with StreamClient(address, name="late") as late:
        session = WatchSession(late, [])
        session.run(seconds=PATIENCE_S, frames=1)
    assert session.counts.shown == 1
    assert watched.running.paced.absence is not None


@pytest.mark.slow
def test_cut_connections_delay_and_too_little_bandwidth_end_nothing(watch) -> None:
    watched = watch()
    for trouble in (
        lambda relay: relay.drop(),
        lambda relay: setattr(relay, "delay_s", 0.1),
        lambda relay: setattr(relay, "bytes_per_s", 20_000),
    ):
        watched.see(3)
        trouble(watched.relay)
    watched.see(3)
    watched.relay.delay_s, watched.relay.bytes_per_s = 0.0, 0
    watched.see(10)
    assert watched.running.failure is None
    assert watched.session.counts.decode == 0


@pytest.mark.slow
def test_smaller_pictures_reach_the_viewer_without_a_new_connection(watch) -> None:
    watched = watch()
    watched.see(3)
    watched.running.paced.shrink(0.75)
    watched.until(lambda: watched.running.report.refits == 1)
    watched.see(3)
    assert (watched.client.welcome.w, watched.client.welcome.h) == (240, 72)
    watched.running.paced.shrink(1.0)
    watched.until(lambda: watched.running.report.refits == 2)
    watched.see(3)
    assert (watched.client.welcome.w, watched.client.welcome.h) == (320, 96)
    assert watched.session.counts.decode == 0


def test_nobody_there_is_one_line() -> None:
    with pytest.raises(SourceError, match=r"tcp://127\.0\.0\.1:1: cannot be opened: Connection"):
        LiveSource(read_address("tcp://127.0.0.1:1", CONFIG), config=CONFIG)


@pytest.mark.slow
def test_who_accepts_and_says_nothing_is_given_up_after_the_open_time() -> None:
    config = SourceConfig(open_s=3.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SourceError, match=r"no picture came within 3 s"):
            LiveSource(read_address(url, config), config=config)


@pytest.mark.slow
def test_a_web_page_is_no_video_and_the_error_says_what_to_write() -> None:
    sender = HttpSender()
    sender.files["/page"] = ("text/html", b"<html><body>hello</body></html>")
    try:
        with pytest.raises(SourceError, match=r"write web:http"):
            LiveSource(read_address(sender.url("/page"), CONFIG), config=CONFIG)
    finally:
        sender.close()
