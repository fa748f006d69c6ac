"""Whatever peers send, the server lives, and a viewer beside them never notices."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import zmq

from stereocast.runtime import wire
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.client import StreamClient, Sync
from stereocast.runtime.encode import Packet
from stereocast.runtime.sink.zmq_router import RouterSink
from stereocast.runtime.viewers import ViewerLimits
from tests.patience import PATIENCE_S, eventually

STREAM = wire.Stream(
    codec="h264", codec_string="avc1.42c01f", w=34, h=18, layout="half-sbs", fps=30
)
FRAMES_PER_S = 100
VALID: list[wire.ClientMessage] = [
    wire.Hello(client_id="f", name="fuzz", credit=8),
    wire.Credit(n=3, last_seq=4),
    wire.KeyRequest(reason="fuzz", last_good_seq=2),
    wire.Ping(t1=9),
    wire.Stats(histograms={"age": (1, 2)}),
    wire.Quality(strength=1.0),
    wire.Bye(),
]


def fuzzed(rng: random.Random) -> list[bytes]:
    """One message: nonsense, a broken or a repeated good one, too many parts, or too long."""
    parts = wire.pack(rng.choice(VALID))
    match rng.randrange(8):
        case 0:
            return [rng.randbytes(rng.randrange(80)) for _ in range(rng.randrange(1, 6))]
        case 1:
            return [bytes([rng.randrange(256)]), parts[1]]
        case 2:
            return parts * rng.randrange(2, 30)
        case 3:
            return parts[:1]
        case 4:
            return [parts[0], rng.randbytes(rng.choice((4096, 4097, 60_000)))]
        case 5:
            return parts
        case _:
            body = bytearray(parts[1])
            for _ in range(rng.randrange(1, 4)):
                body[rng.randrange(len(body))] = rng.randrange(256)
            return [parts[0], bytes(body)]


class Stream:
    """Writes numbered frames for as long as it runs, at most FRAMES_PER_S."""

    def __init__(self, sink: RouterSink) -> None:
        self.written = 0
        self._sink = sink
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(1 / FRAMES_PER_S):
            if self._sink.wait_for_credit(0.1):
                frame = Packet(b"%d" % self.written * 400, 0, self._sink.key_wanted())
                self._sink.write(frame, seq=self.written, t_capture_ns=time.monotonic_ns())
                self.written += 1


class GoodViewer:
    """Watches from the first frame on and keeps a record of every disturbance."""

    def __init__(self, address: Address) -> None:
        self.seen: list[int] = []
        self.disturbances: list[str] = []
        self._client = StreamClient(address, name="good", credit=8)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        sync = Sync()
        with self._client as client:
            while (message := client.receive(100)) or not self._stop.is_set():
                if isinstance(message, wire.FrameMessage):
                    if not sync.accept(message) or message.payload != b"%d" % message.seq * 400:
                        self.disturbances.append(f"frame {message.seq}")
                    self.seen.append(message.seq)
                    client.grant(1, message.seq)
                elif message is not None:
                    self.disturbances.append(repr(message))
            if client.damaged:
                self.disturbances.append(client.last_damage)


class Fuzzer:
    """Sends fuzzed messages under changing identities, and garbage below the protocol too."""

    def __init__(self, address: Address, seed: int) -> None:
        self._address = address
        self._rng = random.Random(seed)
        self._context = zmq.Context()
        self._socket = self._connect()

    def send(self, count: int) -> None:
        for _ in range(count):
            if self._rng.random() < 0.002:
                self._socket.close()
                self._socket = self._connect()
            self._forget_answers()
            if self._rng.random() < 0.002:
                self._send_garbage()
            if self._rng.random() < 0.0005:
                self._socket.send_multipart([b"C", bytes(70_000)])
            self._socket.send_multipart(fuzzed(self._rng))

    def close(self) -> None:
        self._socket.close()
        self._context.term()

    def _connect(self) -> zmq.Socket[bytes]:
        peer: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        peer.setsockopt(zmq.LINGER, 1000)
        peer.setsockopt(zmq.SNDTIMEO, int(PATIENCE_S * 1000))
        peer.connect(self._address.url)
        return peer

    def _forget_answers(self) -> None:
        """Throw away what came back.

        A libzmq socket full of unread messages does not notice that its peer has hung up on it,
        and would never connect again.
        """
        while self._socket.poll(0):
            self._socket.recv_multipart()

    def _send_garbage(self) -> None:
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(str(self._address.socket_path))
            raw.sendall(self._rng.randbytes(200))


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[RouterSink]:
    # Nobody is rationed here, so that every message is read and not only the first two hundred.
    limits = ViewerLimits(messages_per_s=1e9)
    with RouterSink(parse_address("", folder=tmp_path / "s"), STREAM, limits=limits) as opened:
        yield opened


def disturb(sink: RouterSink, messages: int, seed: int) -> None:
    """Let a good viewer watch while fuzzed messages come in; fail if it missed anything."""
    with ExitStack() as running:
        good = GoodViewer(sink.address)
        running.callback(good.stop)
        stream = Stream(sink)
        running.callback(stream.stop)
        with closing(Fuzzer(sink.address, seed)) as fuzzer:
            fuzzer.send(messages)
        before = stream.written
        eventually(lambda: stream.written >= before + 20)
    faults = sum(count for name, count in sink.counters.items() if name.startswith("fault"))
    assert good.disturbances == []
    assert good.seen == list(range(stream.written))
    assert stream.written >= before + 20
    assert faults > messages // 4  # the fuzz arrived


def test_two_thousand_fuzzed_messages_disturb_nobody(sink: RouterSink) -> None:
    disturb(sink, 2_000, seed=1)


@pytest.mark.slow
def test_a_hundred_thousand_fuzzed_messages_disturb_nobody(sink: RouterSink) -> None:
    disturb(sink, 100_000, seed=2)
