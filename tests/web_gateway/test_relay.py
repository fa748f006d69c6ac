"""What a browser gets of a stream, and what its words do to the engine."""

from __future__ import annotations

import struct
import time

import pytest

from stereocast.runtime import wire
from stereocast.runtime.address import Address
from stereocast.runtime.client import StreamClient
from tests.patience import eventually, soonest
from tests.strip_stream import StripServer
from tests.web_gateway.conftest import Serve, seq_of


def test_a_browser_is_welcomed_and_gets_a_key_frame_first(serve: Serve, address: Address) -> None:
    with StripServer(address, frames=10_000), serve().watch() as browser:
        frame = browser.binary()
        assert browser.socket.subprotocol == "scst.1"
        welcome, info = browser.texts[0], browser.texts[-1]
        assert (welcome["t"], welcome["codec"], welcome["layout"]) == (
            "welcome", "h264", "full-sbs",
        )  # fmt: skip
        assert (info["t"], info["seq"]) == ("info", seq_of(frame))
        assert info["facts"]["holes_share"] == 0.25
        assert int(info["stamps"]["t0"]) > 0
        assert frame[5] & wire.Flag.KEY


def test_a_late_joiner_sees_a_key_frame_within_half_a_second(
    serve: Serve, address: Address
) -> None:
    gateway = serve()
    with StripServer(address, frames=10_000), gateway.watch() as first:
        for _ in range(20):
            first.binary()
            first.say(t="credit", n=1)

        def join_s() -> float:
            began_s = time.monotonic()
            with gateway.watch() as late:
                assert late.binary()[5] & wire.Flag.KEY
                return time.monotonic() - began_s

        assert soonest(5, 0.5, join_s) <= 0.5


def test_frames_pass_byte_for_byte(serve: Serve, address: Address) -> None:
    """A browser gets what a viewer of our own gets, but for the moment of sending."""
    native: dict[int, bytes] = {}
    relayed: dict[int, bytes] = {}
    with (
        StripServer(address, frames=10_000),
        serve().watch() as browser,
        StreamClient(address, name="native", credit=8) as client,
    ):
        while len(set(native) & set(relayed)) < 5:
            message = client.receive(50)
            if isinstance(message, wire.FrameMessage):
                native[message.seq] = message.header + message.payload
                assert wire.pack(message)[1] == message.header
                client.grant(1)
            data = browser.binary()
            relayed[seq_of(data)] = data
            browser.say(t="credit", n=1)
    sent_at = slice(32, 40)
    for seq in set(native) & set(relayed):
        ours, theirs = bytearray(native[seq]), bytearray(relayed[seq])
        ours[sent_at] = theirs[sent_at] = bytes(8)
        assert ours == theirs


def test_no_frame_comes_without_credit(serve: Serve, address: Address) -> None:
    with StripServer(address, frames=10_000), serve().watch() as browser:
        browser.binary()
        browser.binary()
        with pytest.raises(TimeoutError):
            while True:
                browser.socket.recv(0.3)
        browser.say(t="credit", n=1, last_seq=1, age_us=12_000, queue=0)
        assert browser.binary()
        with pytest.raises(TimeoutError):
            while True:
                browser.socket.recv(0.3)


def test_depth_comes_to_who_asked(serve: Serve, address: Address) -> None:
    with StripServer(address, frames=10_000), serve().watch() as browser:
        browser.say(t="depth", on=True)
        while True:
            browser.say(t="credit", n=1)
            message = browser.binary(b"SC")
            if message[:4] == b"SCDP":
                break
        magic, seq, width, height, zero = struct.unpack("<4sIHHI", message[:16])
        assert (magic, width, height, zero) == (b"SCDP", 7, 5, 0)
        assert message[16:] == bytes(range(0, 245, 7))
        assert seq == browser.texts[-1]["seq"]


def test_pings_are_answered_with_the_engines_clock(serve: Serve, address: Address) -> None:
    with StripServer(address, frames=10_000), serve().watch() as browser:
        browser.binary()
        before_ns = time.monotonic_ns()
        browser.say(t="ping", t1=123.5)
        pong = browser.text("pong")
        after_ns = time.monotonic_ns()
        assert pong["t1"] == 123.5
        assert before_ns <= int(pong["t2_ns"]) <= int(pong["t3_ns"]) <= after_ns
        assert pong["err_us"] == 0  # the engine is on this machine: one clock


def test_wishes_reach_the_engine(serve: Serve, address: Address) -> None:
    with StripServer(address, frames=10_000) as server, serve().watch() as browser:
        browser.binary()
        browser.say(t="quality", strength=4.5)
        browser.say(t="playback", paused=True, seek_s=2.5)
        heard: list[wire.Quality] = []

        def has_heard_two() -> bool:
            heard.extend(
                event.message
                for event in server.sink.events()
                if isinstance(event.message, wire.Quality) and event.message.depth is None
            )
            return len(heard) >= 2

        eventually(has_heard_two)
        assert heard[0].strength == 4.5
        assert (heard[1].paused, heard[1].seek_s) == (True, 2.5)


def test_the_stream_comes_back_with_the_engine(serve: Serve, address: Address) -> None:
    gateway = serve()
    with StripServer(address, frames=10_000), gateway.watch() as browser:
        browser.binary()
        sessions = {browser.texts[0]["session"]}

    def return_s() -> float:
        with gateway.watch() as browser:
            assert browser.text("notice")["code"] == "waiting"
            with StripServer(address, frames=10_000):
                began_s = time.monotonic()
                session = browser.text("welcome")["session"]
                assert session not in sessions
                sessions.add(session)
                assert browser.binary()[5] & wire.Flag.KEY
                return time.monotonic() - began_s

    assert soonest(3, 2.0, return_s) <= 2.0


def test_the_end_of_the_stream_is_told(serve: Serve, address: Address) -> None:
    gateway = serve()
    with StripServer(address, frames=10, waits=True), gateway.watch() as browser:
        for _ in range(2):
            browser.binary()
        browser.say(t="credit", n=8)
        end = browser.text("end")
        assert (end["code"], end["again"]) == ("eos", True)
        assert browser.closed()[0] == 1000
