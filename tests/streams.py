"""Small streams over real sockets, and a peer that says whatever it is told to."""

from __future__ import annotations

import time

import zmq

from stereocast.runtime import wire
from stereocast.runtime.address import Address
from stereocast.runtime.client import StreamClient
from stereocast.runtime.encode import Packet
from stereocast.runtime.sink.zmq_router import RouterSink
from tests.patience import PATIENCE_S

PATIENCE_MS = round(PATIENCE_S * 1e3)
STREAM = wire.Stream(
    codec="h264", codec_string="avc1.42c01f", w=34, h=18, layout="half-sbs", fps=30.0
)


def packet(seq: int, *, is_key: bool) -> Packet:
    return Packet(data=b"%d" % seq * 9, pts_ns=seq * 33_000_000, is_keyframe=is_key)


def write(sink: RouterSink, seq: int, *, is_key: bool | None = None) -> int:
    is_key = sink.key_wanted() if is_key is None else is_key
    return sink.write(packet(seq, is_key=is_key), seq=seq, t_capture_ns=time.monotonic_ns())


def next_frame(client: StreamClient) -> wire.FrameMessage:
    message = client.receive(PATIENCE_MS)
    assert isinstance(message, wire.FrameMessage), message
    return message


class RawPeer:
    """A DEALER socket that says whatever it is told to."""

    def __init__(self, address: Address) -> None:
        self.context = zmq.Context()
        self.socket: zmq.Socket[bytes] = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDTIMEO, PATIENCE_MS)
        self.socket.connect(address.url)

    def ask(self, *parts: bytes) -> wire.ServerMessage:
        self.socket.send_multipart(parts)
        assert self.socket.poll(PATIENCE_MS), "no answer"
        return wire.parse_server(self.socket.recv_multipart())

    def close(self) -> None:
        self.socket.close()
        self.context.term()
