"""A stream between a RouterSink and its viewers, over real sockets."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from stereocast.engine.errors import TransportError
from stereocast.runtime import wire
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.client import StreamClient, Sync
from stereocast.runtime.host import ViewerEvent
from stereocast.runtime.sink.zmq_router import RouterSink
from stereocast.runtime.viewers import ViewerLimits
from tests.patience import PATIENCE_S, eventually
from tests.streams import PATIENCE_MS, STREAM, next_frame, packet, write


def test_every_frame_arrives_whole_and_in_order(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="watch") as client:
        sync, received = Sync(), []
        for seq in range(0, 90, 3):
            assert sink.wait_for_credit(PATIENCE_S)
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
        extension = wire.Extension(stamps={"decoded": 7, "packed": 9})
        sink.write(packet(0, is_key=True), seq=0, t_capture_ns=5, extension=extension)
        frame = next_frame(client)
    assert frame.stamps == {"decoded": 7, "packed": 9} and frame.t_capture_ns == 5


def test_a_joining_viewer_wakes_the_waiting_engine(sink: RouterSink) -> None:
    woken: list[bool] = []
    engine = threading.Thread(target=lambda: woken.append(sink.wait_for_credit(2 * PATIENCE_S)))
    engine.start()
    with StreamClient(sink.address, name="watch"):
        engine.join(PATIENCE_S)
        assert woken == [True]


def test_without_credit_the_engine_waits_in_vain(sink: RouterSink) -> None:
    assert not sink.wait_for_credit(0.01)
    with StreamClient(sink.address, name="watch", credit=1):
        assert sink.wait_for_credit(PATIENCE_S)
        write(sink, 0)
        assert not sink.wait_for_credit(0.05)


def test_closing_frees_a_waiting_engine(sink: RouterSink) -> None:
    woken: list[bool] = []
    engine = threading.Thread(target=lambda: woken.append(sink.wait_for_credit(2 * PATIENCE_S)))
    engine.start()
    sink.close()
    engine.join(PATIENCE_S)
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
        events: list[ViewerEvent] = []
        eventually(lambda: events.extend(sink.events()) or len(events) >= 2)
    assert [(event.viewer, type(event.message)) for event in events] == [
        ("den", wire.Hello),
        ("den", wire.Quality),
    ]
    assert events[1].message == wire.Quality(strength=3.0, convergence=0.5)


def test_a_viewer_that_left_is_no_longer_served(sink: RouterSink) -> None:
    StreamClient(sink.address, name="watch").close()
    eventually(lambda: sink.viewers == 0)
    assert write(sink, 0) == 0


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
        news = client.receive(PATIENCE_MS)
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
        eventually(sink.key_wanted)
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
        end = client.receive(PATIENCE_MS)
    assert isinstance(end, wire.End) and end.code == "eos"
    closing.join()
    sink.close()


def test_closing_waits_for_a_viewer_that_never_reads_only_a_second(address: Address) -> None:
    sink = RouterSink(address, STREAM)
    with StreamClient(address, name="watch"):
        began = time.monotonic()
        sink.close()
        assert 0.5 < time.monotonic() - began < PATIENCE_S


def test_a_closed_sink_takes_no_packets(sink: RouterSink) -> None:
    sink.close()
    with pytest.raises(TransportError, match="is closed"):
        write(sink, 0, is_key=True)


def test_frame_numbers_must_grow(sink: RouterSink) -> None:
    write(sink, 4, is_key=True)
    with pytest.raises(TransportError, match="frame 3 came after frame 4"):
        write(sink, 3, is_key=True)


def test_a_picture_may_be_shown_again_only_by_a_key_frame(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="watch", credit=8) as client:
        for seq, is_key in ((4, True), (4, True), (5, False)):
            assert write(sink, seq, is_key=is_key) == 1
        frames = [next_frame(client) for _ in range(3)]
        with pytest.raises(TransportError, match="frame 5 came after frame 5"):
            write(sink, 5, is_key=False)
    assert [(frame.seq, frame.dep) for frame in frames] == [(4, 0), (4, 0), (5, 1)]


def test_a_gap_too_long_for_the_header_breaks_the_chain(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="watch", credit=8):
        assert write(sink, 0) == 1
        assert write(sink, 65536, is_key=False) == 0
        assert sink.key_wanted()


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
    # A second stolen by other programs is not the slow viewer's doing; it would take every one.
    seconds = Counter(int(at - joined_s) for at, _ in shown["fast"])
    assert statistics.median(seconds[second] for second in range(2, 7)) >= 28
    # Without bounds its pictures would be seconds old by now.
    assert statistics.median(age for _, age in shown["slow"]) <= 0.3
    assert not errors
