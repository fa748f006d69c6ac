"""A viewer's end of a stream: joins, receives, grants credit, asks for key frames, keeps the clock.

Decodes nothing and shows nothing. Imports no torch. One thread at a time may use a client.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import zmq

from stereocast.engine.errors import StreamRefused, TransportError
from stereocast.engine.layout import Layout
from stereocast.runtime import curve as curve_keys
from stereocast.runtime import wire
from stereocast.runtime.address import Address, claim_folder, require_keys
from stereocast.runtime.clock import OffsetEstimator
from stereocast.runtime.socket_options import receive_parts, set_common_options

PING_INTERVAL_NS = 500_000_000
PING_BURST = 8
HELLO_INTERVAL_NS = 500_000_000
KEY_REQUEST_INTERVAL_NS = 500_000_000
CLOSE_LINGER_MS = 200
"""How long BYE may take to leave."""


class Sync:
    """Tells which frames can be decoded: each one needs exactly the one that it depends on."""

    def __init__(self) -> None:
        self.last_seq: int | None = None
        self._epoch: int | None = None
        self._asked_ns: int | None = None

    def accept(self, frame: wire.FrameMessage) -> bool:
        """Return whether to decode this frame; if so it counts as decoded."""
        follows = frame.epoch == self._epoch and frame.seq - frame.dep == self.last_seq
        if not frame.is_keyframe and not follows:
            self.last_seq = None
            return False
        self.last_seq, self._epoch, self._asked_ns = frame.seq, frame.epoch, None
        return True

    def lose(self) -> None:
        """Note that the decoder failed: only a key frame helps now."""
        self.last_seq = None

    def key_due(self, now_ns: int) -> bool:
        """Return whether to ask for a key frame now: out of sync, and not asked for half a second.

        True counts as asked.
        """
        if self.last_seq is not None:
            return False
        if self._asked_ns is not None and now_ns - self._asked_ns < KEY_REQUEST_INTERVAL_NS:
            return False
        self._asked_ns = now_ns
        return True


class StreamClient:
    """A connection to one stream. Close it, or use it in a `with` statement.

    welcome      the stream's description; replaced when the server reconfigures or restarts
    clock        the server's clock against this process's time.monotonic_ns()
    received_ns  time.monotonic_ns() at which the last message that `receive` returned came in
    damaged      messages thrown away because they broke the protocol; last_damage says how
    """

    def __init__(
        self,
        address: Address,
        *,
        name: str,
        credit: int = 2,
        want_audio: bool = False,
        curve: Path | None = None,
        connect_timeout_s: float = 5.0,
        wake: int | None = None,
    ) -> None:
        """Connect and wait for WELCOME.

        credit  frames that may be under way at once, 0 (none before the first grant) to 8
        want_audio  receive SOUND, too
        curve   the viewer's folder of keys (stereocast.runtime.curve), needed off this machine
        wake    a file descriptor; when it has something to read, nothing is waited for
        Raises TransportError if nobody answers in time, StreamRefused if the server says no.
        """
        require_keys(address, has_keys=curve is not None)
        claim_folder(address)
        self.address = address
        self.clock = OffsetEstimator()
        self.received_ns = 0
        self.damaged = 0
        self.last_damage = ""
        self._hello = wire.Hello(
            client_id=secrets.token_hex(8),
            name=name,
            codecs=tuple(codec.name.lower() for codec in wire.Codec),
            layouts=tuple(layout.value for layout in Layout),
            want_audio=want_audio,
            credit=credit,
        )
        self._wake = wake
        self._wants_depth = False
        self._next_ping_ns = 0
        self._next_hello_ns = 0
        keys = curve_keys.load_client_keys(curve) if curve else None
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        if wake is not None:
            self._poller.register(wake, zmq.POLLIN)
        try:
            set_common_options(self._socket, max_part_bytes=wire.MAX_PAYLOAD_BYTES)
            if keys:
                curve_keys.join(self._socket, keys)
            self._socket.connect(address.url)
            self.welcome = self._join(connect_timeout_s)
        except zmq.ZMQError as wrong:
            self._shut(0)
            raise TransportError(f"{address.url}: cannot connect: {wrong.strerror}") from wrong
        except BaseException:
            self._shut(0)
            raise

    def receive(self, timeout_ms: int) -> wire.ServerMessage | None:
        """Return the next message, or None if timeout_ms passed without one.

        PONGs feed `clock` and are not returned. After the server lost sight of this client, it
        introduces itself again, and the new WELCOME is returned: its first FRAME is a key frame.
        Raises WireError if the server speaks another version.
        """
        deadline_ns = time.monotonic_ns() + timeout_ms * 1_000_000
        while True:
            message = self._take()
            if message is not None and (kept := self._sort(message)) is not None:
                return kept
            self._ping_if_due()
            now_ns = time.monotonic_ns()
            if message is None and now_ns >= deadline_ns:
                return None
            if message is None and self._wait(min(deadline_ns, self._next_ping_ns) - now_ns):
                return None

    def grant(
        self, n: int, last_seq: int | None = None, age_us: int | None = None, queue: int = 0
    ) -> None:
        """Let the server send n more frames; say which came last and how old it was when shown.

        queue  frames that wait in the viewer's decoder
        """
        self._send(wire.Credit(n=n, last_seq=last_seq, age_us=age_us, queue=queue))
        self._ping_if_due()

    def request_key(self, reason: str, last_good_seq: int | None = None) -> None:
        """Ask for a key frame, because the chain of pictures is broken."""
        self._send(wire.KeyRequest(reason=reason, last_good_seq=last_good_seq))

    def ping(self) -> None:
        """Ask for the server's clock; happens by itself every half second while receiving."""
        self._send(wire.Ping(t1=time.monotonic_ns()))

    def send_quality(
        self,
        *,
        strength: float | None = None,
        convergence: float | None = None,
        comfort: float | None = None,
        balance: float | None = None,
        paused: bool | None = None,
        seek_s: float | None = None,
        depth: bool | None = None,
    ) -> None:
        """Wish other eyes, a pause or another place; None leaves it as it is.

        paused, seek_s  for everybody who watches; where the source cannot, a NOTICE says so
        depth           whether this client's frames bring their depth from now on
        """
        if depth is not None:
            self._wants_depth = depth
        self._send(
            wire.Quality(
                strength=strength, convergence=convergence, comfort=comfort, balance=balance,
                paused=paused, seek_s=seek_s, depth=depth,
            )
        )  # fmt: skip

    def close(self) -> None:
        """Say BYE and disconnect. May be called twice."""
        if not self._socket.closed:
            self._send(wire.Bye())
            self._shut(CLOSE_LINGER_MS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _join(self, timeout_s: float) -> wire.Welcome:
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        self._send(self._hello)
        while (left_ns := deadline_ns - time.monotonic_ns()) > 0:
            if self._wait(left_ns):
                raise TransportError(f"{self.address.url}: was told to stop before it answered")
            message = self._take()
            if isinstance(message, wire.End):
                raise StreamRefused(f"{self.address.url} refused: {message.text or message.code}")
            if isinstance(message, wire.Welcome):
                self._burst()
                return message
        keys = " (or its keys do not match these)" if self._socket.mechanism == zmq.CURVE else ""
        raise TransportError(
            f"{self.address.url}: nobody answered within {timeout_s:g} s{keys}; "
            "is a stream running there?"
        )

    def _sort(self, message: wire.ServerMessage) -> wire.ServerMessage | None:
        """Deal with what is the client's own business; return what its user must see."""
        if isinstance(message, wire.Pong):
            self.clock.add(message.t1, message.t2, message.t3, self.received_ns)
            return None
        if isinstance(message, wire.End) and message.code == wire.UNKNOWN_PEER:
            # Every message that a forgotten client sent is answered so; one HELLO is enough.
            if self.received_ns >= self._next_hello_ns:
                self._next_hello_ns = self.received_ns + HELLO_INTERVAL_NS
                self._send(self._hello)
            return None
        if isinstance(message, wire.Welcome):
            if type(message) is wire.Welcome:
                self.clock = OffsetEstimator()
                self._burst()
                if self._wants_depth:
                    self.send_quality(depth=True)
            self.welcome = message
        return message

    def _take(self) -> wire.ServerMessage | None:
        try:
            parts = receive_parts(self._socket, max_parts=4)
        except zmq.Again:
            return None
        self.received_ns = time.monotonic_ns()
        try:
            return wire.parse_server(parts)
        except wire.WireError as wrong:
            if wrong.code == "ver":
                raise
            self.damaged += 1
            self.last_damage = str(wrong)
            if parts[0] == wire.FrameMessage.TYPE:
                # The server counts it as under way until its credit comes back.
                self._send(wire.Credit(n=1))
            return None

    def _send(self, message: wire.ClientMessage) -> bool:
        try:
            self._socket.send_multipart(wire.pack(message), zmq.NOBLOCK)
        except zmq.Again:
            return False  # nobody took the last thousand; after such a break HELLO says all anew
        return True

    def _wait(self, duration_ns: int) -> bool:
        """Wait for a message; return whether `wake` has something to read."""
        ready = dict(self._poller.poll(_round_up_ms(duration_ns)))
        return self._wake in ready

    def _ping_if_due(self) -> None:
        now_ns = time.monotonic_ns()
        if now_ns >= self._next_ping_ns:
            self._next_ping_ns = now_ns + PING_INTERVAL_NS
            self.ping()

    def _burst(self) -> None:
        for _ in range(PING_BURST):
            self.ping()
        self._next_ping_ns = time.monotonic_ns() + PING_INTERVAL_NS

    def _shut(self, linger_ms: int) -> None:
        self._socket.close(linger=linger_ms)
        self._context.term()


def _round_up_ms(duration_ns: int) -> int:
    return max(0, -(-duration_ns // 1_000_000))
