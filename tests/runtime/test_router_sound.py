"""Sound between a RouterSink and its viewers, over real sockets."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import pytest

from stereocast.engine.errors import TransportError
from stereocast.runtime import wire
from stereocast.runtime.client import StreamClient
from stereocast.runtime.packet import SoundPacket
from stereocast.runtime.sink.zmq_router import RouterSink
from tests.patience import PATIENCE_S
from tests.streams import PATIENCE_MS, STREAM, next_frame, write

PACKET = SoundPacket(b"opus", pts_ns=5, samples=960, channels=2)


def next_sound(client: StreamClient) -> wire.SoundMessage:
    while True:
        message = client.receive(PATIENCE_MS)
        assert message is not None
        if isinstance(message, wire.SoundMessage):
            return message


def test_sound_comes_whole_and_in_order_to_who_asked(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="ears", want_audio=True) as client:
        for number in range(20):
            packet = replace(PACKET, pts_ns=number, pre_skip=312 if number == 0 else 0)
            assert sink.write_sound(packet, epoch=3, t_capture_ns=100 + number) == 1
        sounds = [next_sound(client) for _ in range(20)]
    assert [sound.seq for sound in sounds] == list(range(20))
    assert [sound.src_pts_ns for sound in sounds] == list(range(20))
    assert [sound.t_capture_ns for sound in sounds] == list(range(100, 120))
    assert {(s.epoch, s.channels, s.samples, s.payload) for s in sounds} == {(3, 2, 960, b"opus")}
    assert [sound.pre_skip for sound in sounds] == [312] + [0] * 19
    assert all(sound.t_send_ns > 0 for sound in sounds)
    assert sink.counters["sound_sent"] == 20


def test_who_did_not_ask_hears_nothing_and_sees_every_frame(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="deaf") as client:
        assert sink.write_sound(PACKET, epoch=1, t_capture_ns=1) == 0
        write(sink, 0)
        assert next_frame(client).seq == 0
    assert sink.counters["sound_sent"] == 0


def test_sound_needs_no_credit_and_costs_none(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="ears", credit=1, want_audio=True) as client:
        write(sink, 0)
        for _ in range(10):
            sink.write_sound(PACKET, epoch=1, t_capture_ns=1)
        assert [next_sound(client).seq for _ in range(10)] == list(range(10))
        assert not sink.wait_for_credit(0)


def test_a_viewer_that_does_not_read_loses_the_oldest_sound_and_no_frame(sink: RouterSink) -> None:
    with StreamClient(sink.address, name="ears", want_audio=True) as client:
        written = itertools.count()

        def write_until_some_is_lost() -> bool:
            sink.write_sound(replace(PACKET, pts_ns=next(written)), epoch=1, t_capture_ns=1)
            return sink.counters.get("drop sound", 0) > 0

        deadline_s = time.monotonic() + PATIENCE_S
        while not write_until_some_is_lost():
            assert time.monotonic() < deadline_s
        write(sink, 0)
        last = next(written) - 1
        heard, frame = [-1], None
        while frame is None or heard[-1] != last:
            message = client.receive(PATIENCE_MS)
            assert message is not None
            if isinstance(message, wire.SoundMessage):
                heard.append(message.src_pts_ns)
            elif isinstance(message, wire.FrameMessage):
                frame = message
    assert frame.is_keyframe and heard == sorted(heard)
    assert len(heard) - 1 + sink.counters["drop sound"] == last + 1


def test_sound_for_a_closed_sink_is_an_error(sink: RouterSink) -> None:
    sink.close()
    with pytest.raises(TransportError, match="closed"):
        sink.write_sound(PACKET, epoch=1, t_capture_ns=1)


def test_the_welcome_says_that_there_is_sound(sink: RouterSink) -> None:
    sink.reconfigure(replace(STREAM, audio=wire.Audio(channels=1)))
    with StreamClient(sink.address, name="ears", want_audio=True) as client:
        assert client.welcome.audio == wire.Audio(channels=1)
