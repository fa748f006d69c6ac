"""A stream between a RouterSink and its viewers, over real sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from stereocast.engine.errors import TransportError
from stereocast.engine.layout import Layout
from stereocast.runtime import wire
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.client import StreamClient, Sync
from stereocast.runtime.encode import Packet
from stereocast.runtime.sink.zmq_router import RouterSink
from stereocast.runtime.viewers import ViewerLimits

STREAM = wire.Stream(
    codec="h264", codec_string="avc1.42c01f", w=34, h=18, layout="half-sbs", fps=30.0
)


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return parse_address("", folder=tmp_path / "s")


@pytest.fixture
def sink(address: Address) -> Iterator[RouterSink]:
    with RouterSink(address, STREAM) as opened:
        yield opened


def packet(seq: int, *, is_key: bool) -> Packet:
    return Packet(data=b"%d" % seq * 9, pts_ns=seq * 33_000_000, is_keyframe=is_key)


def write(sink: RouterSink, seq: int, *, is_key: bool | None = None) -> int:
    is_key = sink.key_wanted() if is_key is None else is_key
    return sink.write(packet(seq, is_key=is_key), seq=seq, t_capture_ns=time.monotonic_ns())


def next_frame(client: StreamClient) -> wire.FrameMessage:
    message = client.receive(3000)
    assert isinstance(message, wire.FrameMessage), message
    return message


class RawPeer:
    """A DEALER socket that says whatever it is told to."""

    def __init__(self, address: Address) -> None:
        self.context = zmq.Context()
        self.socket: zmq.Socket[bytes] = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDTIMEO, 5000)
        self.socket.connect(address.url)

    def ask(self, *parts: bytes) -> wire.ServerMessage:
        self.socket.send_multipart(parts)
        assert self.socket.poll(3000), "no answer"
        return wire.parse_server(self.socket.recv_multipart())

    def close(self) -> None:
        self.socket.close()
        self.context.term()


@pytest.fixture
def raw(sink: RouterSink) -> Iterator[RawPeer]:
    peer = RawPeer(sink.address)
    yield peer
    peer.close()


def test_every_frame_arrives_whole_and_in_order(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="watch") as client:
        sync, received = Sync(), []
        for seq in range(0, 90, 3):
            assert sink.wait_for_credit(3.0)
            write(sink, seq)
            frame = next_frame(client)
            assert sync.accept(frame)
            client.grant(1, frame.seq, 0)
            received.append(frame)
    assert [frame.seq for frame in received] == list(range(0, 90, 3))
    assert [frame.dep for frame in received] == [0] + [3] * 29
    assert all(frame.payload == b"%d" % frame.seq * 9 for frame in received)
    assert all(frame.t_capture_ns <= frame.t_send_ns for frame in received)
    assert sink.counters["frames_sent"] == 30


def test_over_tcp_a_free_port_is_found_and_works(tmp_path: Path) -> None:
    with RouterSink(parse_address("tcp://127.0.0.1:0", folder=tmp_path), STREAM) as sink:
        assert not sink.address.url.endswith("*")
        with StreamClient(sink.address, name="watch") as client:
            write(sink, 0)
            assert next_frame(client).is_keyframe


def test_the_welcome_describes_the_stream(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="watch") as client:
        welcome = client.welcome
    assert (welcome.codec_string, welcome.w, welcome.h, welcome.layout) == (
        "avc1.42c01f",
        34,
        18,
        "half-sbs",
    )
    assert welcome.limits["max_credit"] == 8


def test_stage_stamps_travel_with_the_frame(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="watch") as client:
        sink.write(
            packet(0, is_key=True), seq=0, t_capture_ns=5, stamps={"decoded": 7, "packed": 9}
        )
        frame = next_frame(client)
    assert frame.stamps == {"decoded": 7, "packed": 9} and frame.t_capture_ns == 5


def test_a_joining_viewer_wakes_the_waiting_engine(sink: RouterSink) -> None:
    woken: list[bool] = []
    engine = threading.Thread(target=lambda: woken.append(sink.wait_for_credit(20.0)))
    engine.start()
    with StreamClient(sink.address, name="watch"):
        engine.join(3.0)
        assert woken == [True]


def test_without_credit_the_engine_waits_in_vain(sink: RouterSink) -> None:
    assert not sink.wait_for_credit(0.01)
    with StreamClient(sink.address, name="watch", credit=1):
        assert sink.wait_for_credit(3.0)
        write(sink, 0)
        assert not sink.wait_for_credit(0.05)


def test_closing_frees_a_waiting_engine(sink: RouterSink) -> None:
    woken: list[bool] = []
    engine = threading.Thread(target=lambda: woken.append(sink.wait_for_credit(20.0)))
    engine.start()
    sink.close()
    engine.join(3.0)
    assert woken == [False]


def test_the_clock_of_the_same_machine_is_found(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="watch") as client:
        client.receive(50)
        estimate = client.clock.estimate()
    assert estimate is not None
    assert abs(estimate.offset_ns) <= estimate.error_ns


def test_quality_wishes_reach_the_application(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="den") as client:
        client.send_quality(strength=3.0, convergence=0.5)
        deadline = time.monotonic() + 3
        events = sink.events()
        while len(events) < 2 and time.monotonic() < deadline:
            events += sink.events()
    assert [(event.viewer, type(event.message)) for event in events] == [
        ("den", wire.Hello),
        ("den", wire.Quality),
    ]
    assert events[1].message == wire.Quality(strength=3.0, convergence=0.5)


def test_a_viewer_that_left_is_no_longer_served(sink: RouterSink) -> None:
    StreamClient(sink.address, name="watch").close()
    deadline = time.monotonic() + 3
    while sink.viewers and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sink.viewers == 0 and write(sink, 0) == 0


def test_a_reconfigured_stream_starts_anew_with_a_key_frame(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="watch", credit=8) as client:
        write(sink, 0)
        assert next_frame(client).epoch == 1
        sink.reconfigure(
            wire.Stream(codec="mjpeg", codec_string="mjpeg", w=17, h=9, layout="full-sbs", fps=5)
        )
        assert sink.key_wanted()
        assert write(sink, 1, is_key=False) == 0
        assert write(sink, 2) == 1
        news = client.receive(3000)
        assert isinstance(news, wire.Reconfig) and client.welcome is news
        frame = next_frame(client)
    assert (news.codec, news.w) == ("mjpeg", 17)
    assert (frame.codec, frame.epoch, frame.seq) == (wire.Codec.MJPEG, 2, 2)
    assert frame.is_keyframe and frame.dep == 0


def test_a_key_request_is_granted(address: Address) -> None:
    with (
        RouterSink(address, STREAM, limits=ViewerLimits(min_key_spacing_ns=0)) as sink,
        StreamClient(sink.address, name="watch", credit=8) as client,
    ):
        write(sink, 0)
        last = next_frame(client).seq
        client.request_key("decoder failed", last)
        deadline = time.monotonic() + 3
        while not sink.key_wanted() and time.monotonic() < deadline:
            time.sleep(0.005)
        write(sink, 1)
        assert next_frame(client).is_keyframe


def test_a_busy_viewer_reads_the_last_frame_and_the_end(address: Address) -> None:
    sink = RouterSink(address, STREAM)
    closing = threading.Thread(target=sink.close)
    with StreamClient(address, name="watch") as client:
        write(sink, 0)
        closing.start()
        time.sleep(0.2)  # what it has not read when the server disconnects would be lost
        assert next_frame(client).seq == 0
        end = client.receive(3000)
    assert isinstance(end, wire.End) and end.code == "eos"
    closing.join()
    sink.close()


def test_closing_waits_for_a_viewer_that_never_reads_only_a_second(address: Address) -> None:
    sink = RouterSink(address, STREAM)
    with StreamClient(address, name="watch"):
        began = time.monotonic()
        sink.close()
        assert 0.5 < time.monotonic() - began < 2.5


def test_a_closed_sink_takes_no_packets(sink: RouterSink) -> None:
    sink.close()
    with pytest.raises(TransportError, match="is closed"):
        write(sink, 0, is_key=True)


def test_frame_numbers_must_grow(sink: RouterSink) -> None:
    write(sink, 4, is_key=True)
    with pytest.raises(TransportError, match="frame 4 came after frame 4"):
        write(sink, 4, is_key=True)


def test_a_gap_too_long_for_the_header_breaks_the_chain(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="watch", credit=8):
        assert write(sink, 0) == 1
        assert write(sink, 65536, is_key=False) == 0
        assert sink.key_wanted()


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
        for _ in range(3000):
            raw.socket.send_multipart([b"C", b"\x81\xa1n\x01"])
        for seq in range(20):
            assert sink.wait_for_credit(3.0)
            write(sink, seq)
            client.grant(1, next_frame(client).seq)
        deadline = time.monotonic() + 5
        while sum(n for name, n in sink.counters.items() if "fault" in name) < 3000:
            assert time.monotonic() < deadline, sink.counters
            time.sleep(0.01)
    assert sink.counters["fault flood"] >= 2000


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
        assert sink.wait_for_credit(3.0)
        data, longest_s = bytes(100_000), 0.0
        for seq in range(80):
            mute.send_multipart(wire.pack(wire.Credit(n=8)), zmq.NOBLOCK)
            sink.wait_for_credit(0.05)
            began = time.monotonic()
            sink.write(Packet(data, 0, True), seq=seq, t_capture_ns=0)
            longest_s = max(longest_s, time.monotonic() - began)
        assert sink.counters["drop send"] > 0
        assert longest_s < 0.5
        began = time.monotonic()
    assert time.monotonic() - began < 4.0


def test_after_a_restart_of_the_server_the_viewer_joins_again(address: Address) -> None:
    first = RouterSink(address, STREAM)
    client = StreamClient(address, name="watch")
    old = client.welcome.session
    first.close()
    assert isinstance(client.receive(3000), wire.End)
    with RouterSink(address, STREAM) as second:
        again = client.receive(5000)
        assert isinstance(again, wire.Welcome) and again.session == client.welcome.session != old
        write(second, 0)
        assert next_frame(client).is_keyframe
        client.close()


def frame(seq: int, dep: int, *, epoch: int = 1) -> wire.FrameMessage:
    flags = wire.Flag.LAST_OF_AU | (wire.Flag(0) if dep else wire.Flag.KEY)
    parts = wire.pack(
        wire.FrameMessage(
            codec=wire.Codec.H264,
            epoch=epoch,
            seq=seq,
            src_pts_ns=0,
            t_capture_ns=0,
            t_send_ns=0,
            w=2,
            h=2,
            layout=Layout.FULL_SBS,
            dep=dep,
            payload=b"",
            flags=flags,
        )
    )
    message = wire.parse_server(parts)
    assert isinstance(message, wire.FrameMessage)
    return message


def test_a_gap_in_numbers_is_no_loss_of_sync() -> None:
    sync = Sync()
    assert all(sync.accept(frame(seq, dep)) for seq, dep in ((3, 0), (4, 1), (9, 5), (11, 2)))


def test_a_missing_reference_is_a_loss_of_sync_until_a_key_frame() -> None:
    sync = Sync()
    verdicts = [
        sync.accept(frame(seq, dep)) for seq, dep in ((3, 0), (6, 1), (7, 1), (8, 0), (9, 1))
    ]
    assert verdicts == [True, False, False, True, True]


def test_another_epoch_needs_its_own_key_frame() -> None:
    sync = Sync()
    assert sync.accept(frame(3, 0))
    assert not sync.accept(frame(4, 1, epoch=2))


def test_a_key_frame_is_asked_for_twice_a_second_until_it_comes() -> None:
    sync = Sync()
    asked = [sync.key_due(now_ms * 1_000_000) for now_ms in (0, 100, 499, 500, 700, 1001)]
    assert asked == [True, False, False, True, False, True]
    sync.accept(frame(0, 0))
    assert not sync.key_due(9_000_000_000)
    sync.lose()
    assert sync.key_due(9_000_000_001)


@pytest.mark.slow
def test_live_a_slow_viewer_first_and_a_fast_one_second(sink: RouterSink) -> None:
    shown: dict[str, list[tuple[float, float]]] = {"slow": [], "fast": []}
    errors: list[int] = []
    stop = threading.Event()

    def watch(name: str, need_s: float) -> None:
        with StreamClient(sink.address, name=name) as client:
            sync = Sync()
            while not stop.is_set():
                message = client.receive(200)
                if isinstance(message, wire.FrameMessage):
                    if not sync.accept(message):
                        errors.append(message.seq)
                    stop.wait(need_s)
                    now_ns = time.monotonic_ns()
                    shown[name].append((now_ns / 1e9, (now_ns - message.t_capture_ns) / 1e9))
                    client.grant(1, message.seq)

    def stream() -> None:
        began = time.monotonic()
        last = -1
        while not stop.is_set():
            seq = int((time.monotonic() - began) * 30)
            if seq == last or not sink.wait_for_credit(0.2):
                stop.wait(0.001)
                continue
            write(sink, last := seq)

    threads = [threading.Thread(target=watch, args=("slow", 0.1)), threading.Thread(target=stream)]
    for thread in threads:
        thread.start()
    time.sleep(2.0)
    threads.append(threading.Thread(target=watch, args=("fast", 0.004)))
    threads[-1].start()
    joined_s = time.monotonic()
    time.sleep(8.0)
    stop.set()
    for thread in threads:
        thread.join()
    steady = [at for at, _ in shown["fast"] if joined_s + 2 <= at < joined_s + 7]
    assert len(steady) >= 28 * 5
    assert max(age for _, age in shown["slow"]) <= 0.3
    assert not errors
