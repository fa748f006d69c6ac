"""Whom and what a RouterSink refuses, and that nobody else suffers from it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from stereocast.engine.errors import TransportError
from stereocast.runtime import wire
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.client import StreamClient
from stereocast.runtime.encode import Packet
from stereocast.runtime.sink.router_thread import CONTROL_MESSAGES
from stereocast.runtime.sink.zmq_router import RouterSink
from stereocast.runtime.viewers import ViewerLimits
from tests.patience import PATIENCE_S, eventually
from tests.streams import PATIENCE_MS, STREAM, RawPeer, next_frame, write


def test_a_stream_nobody_can_name_is_refused(address: Address) -> None:
    odd = wire.Stream(codec="h266", codec_string="?", w=2, h=2, layout="full-sbs", fps=1)
    with pytest.raises(TransportError, match="codecs are h264, mjpeg"):
        RouterSink(address, odd)


def test_an_address_in_use_is_refused_and_undisturbed(sink: RouterSink) -> None:
    with pytest.raises(TransportError, match="a stream is running there"):
        RouterSink(sink.address, STREAM)
    with StreamClient(sink.address, name="watch") as client:
        assert client.welcome.session


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with (
        RouterSink(parse_address("tcp://127.0.0.1:0", folder=tmp_path), STREAM) as sink,
        pytest.raises(TransportError, match="Address already in use"),
    ):
        RouterSink(sink.address, STREAM)


def test_an_address_is_free_again_after_close(address: Address) -> None:
    for _ in range(3):
        with RouterSink(address, STREAM), StreamClient(address, name="watch"):
            pass


def test_a_socket_left_by_a_dead_server_is_no_obstacle(address: Address) -> None:
    assert address.socket_path is not None
    address.socket_path.parent.mkdir(mode=0o700)
    address.socket_path.touch()
    with RouterSink(address, STREAM) as sink, StreamClient(sink.address, name="watch"):
        assert sink.viewers == 1


def test_an_open_port_without_keys_is_refused(tmp_path: Path) -> None:
    everywhere = parse_address("tcp://*:0", folder=tmp_path)
    with pytest.raises(TransportError, match="keys"):
        RouterSink(everywhere, STREAM)
    with pytest.raises(TransportError, match="keys"):
        StreamClient(everywhere, name="watch")


def test_nobody_there_is_one_clear_line(address: Address) -> None:
    with pytest.raises(TransportError, match=r"nobody answered within 0\.1 s"):
        StreamClient(address, name="watch", connect_timeout_s=0.1)


def test_a_full_house_is_one_clear_line(address: Address) -> None:
    with (
        RouterSink(address, STREAM, limits=ViewerLimits(max_viewers=1)) as sink,
        StreamClient(sink.address, name="first"),
        pytest.raises(TransportError, match="refused: all 1 places are taken"),
    ):
        StreamClient(sink.address, name="second")


def hello(**fields: Any) -> list[bytes]:
    return wire.pack(wire.Hello(client_id="c", name="n", **fields))


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (hello(ver_min=2, ver_max=3), "ver"),
        (hello(codecs=("av1",)), "codec"),
        (hello(layouts=("top-bottom",)), "layout"),
        (hello(max_w=33), "size"),
        (wire.pack(wire.Ping(t1=1)), "hello"),
    ],
)
def test_who_cannot_watch_is_told_why(raw: RawPeer, parts: list[bytes], code: str) -> None:
    answer = raw.ask(*parts)
    assert isinstance(answer, wire.End) and answer.code == code


@pytest.mark.parametrize(
    ("parts", "code"),
    [([b"Z", b"\x80"], "type"), ([b"C", b"\xc1"], "malformed"), ([b"P"] * 70, "malformed")],
)
def test_nonsense_is_answered_with_a_notice(raw: RawPeer, parts: list[bytes], code: str) -> None:
    answer = raw.ask(*parts)
    assert isinstance(answer, wire.Notice) and answer.code == code


def test_a_flood_is_not_answered_and_not_a_problem_for_others(
    sink: RouterSink, raw: RawPeer
) -> None:
    with StreamClient(sink.address, name="watch") as client:
        began_s = time.monotonic()
        for _ in range(3000):
            raw.socket.send_multipart([b"C", b"\x81\xa1n\x01"])
        for seq in range(20):
            assert sink.wait_for_credit(PATIENCE_S)
            write(sink, seq)
            client.grant(1, next_frame(client).seq)

        def faults() -> int:
            return sum(n for name, n in sink.counters.items() if "fault" in name)

        eventually(lambda: faults() >= 3000)
        # Two hundred may come each second, and the flood took this long at most.
        rationed = 3000 - 200 * (2 + time.monotonic() - began_s)
        assert sink.counters["fault flood"] >= rationed


def test_an_oversized_message_costs_its_sender_the_connection_only(
    sink: RouterSink, raw: RawPeer
) -> None:
    with StreamClient(sink.address, name="watch") as client:
        raw.socket.send_multipart([b"C", b"x" * 70_000])
        write(sink, 0)
        assert next_frame(client).seq == 0
        assert not raw.socket.poll(50)


@pytest.fixture
def mute() -> Iterator[zmq.Socket[bytes]]:
    """A peer whose socket holds as little as it can, so that nobody reads for it."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
        for option, value in ((zmq.LINGER, 0), (zmq.RCVHWM, 1), (zmq.RCVBUF, 4096)):
            peer.setsockopt(option, value)
        yield peer


def test_a_viewer_that_never_reads_blocks_neither_engine_nor_close(
    address: Address, mute: zmq.Socket[bytes]
) -> None:
    with RouterSink(address, STREAM) as sink:
        mute.connect(address.url)
        mute.send_multipart(hello(credit=8))
        assert sink.wait_for_credit(PATIENCE_S)
        data, took_s = bytes(100_000), []
        # As many as its socket may hold here, and more.
        for seq in range(ViewerLimits().max_credit + CONTROL_MESSAGES + 40):
            mute.send_multipart(wire.pack(wire.Credit(n=8)), zmq.NOBLOCK)
            sink.wait_for_credit(0.05)
            began = time.monotonic()
            sink.write(Packet(data, 0, True), seq=seq, t_capture_ns=0)
            took_s.append(time.monotonic() - began)
        assert sink.counters["drop send"] > 0
        assert sorted(took_s)[-5] < 0.5  # of four moments another program may have had its part
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE_S


def test_after_a_restart_of_the_server_the_viewer_joins_again(address: Address) -> None:
    first = RouterSink(address, STREAM)
    client = StreamClient(address, name="watch")
    old = client.welcome.session
    first.close()
    assert isinstance(client.receive(PATIENCE_MS), wire.End)
    with RouterSink(address, STREAM) as second:
        again = client.receive(PATIENCE_MS)
        assert isinstance(again, wire.Welcome) and again.session == client.welcome.session != old
        write(second, 0)
        assert next_frame(client).is_keyframe
        client.close()
