"""The thread that owns a stream's ROUTER socket: bytes in and out, and nothing decided.

ZeroMQ sockets belong to one thread, so packets reach it through a short queue and a wake-up call.
What to answer is runtime/host.py's business, what to send runtime/sink/zmq_router.py's.
"""

from __future__ import annotations

import socket as unix
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, replace
from pathlib import Path

import zmq

from stereocast.engine.errors import TransportError
from stereocast.runtime import curve as curve_keys
from stereocast.runtime import wire
from stereocast.runtime.address import Address, claim_folder, require_keys
from stereocast.runtime.host import Host
from stereocast.runtime.socket_options import receive_parts, set_common_options
from stereocast.runtime.viewer_sound import MOST_UNHEARD

TICK_MS = 50
MAX_QUEUED = 16
"""Messages between the engine and the socket; credit keeps it near one."""
MAX_BATCH = 64
"""Messages taken before frames get their turn again."""
SEND_BUFFER_BYTES = 256 * 1024
"""Small, so that the kernel cannot hide seconds of video from the credits."""
CONTROL_MESSAGES = 32 + MOST_UNHEARD
"""What may wait for a viewer beside its frames: answers, of which a join brings nine, and sound."""
DRAIN_MS = 1000
FAREWELL_MS = 1000
"""How long viewers may take to read what is under way when the stream ends."""


@dataclass(frozen=True)
class Outgoing:
    """A packed message and those it is for; a frame is charged to their credit.

    may_be_lost  it matters to nobody who does not read; anything else is a break in the stream
    """

    peers: tuple[bytes, ...]
    parts: list[bytes]
    is_frame: bool
    may_be_lost: bool = False


class RouterThread:
    """Serves one ROUTER socket until `stop`.

    address   where it is bound; a port that was left open is filled in
    failure   what stopped the thread before its time, or None
    counters  frames_sent, bytes_sent (of frames) and sound_sent (packets), each viewer counted
    state     guards the host, the queue and the counters; notified when a frame is wanted
    """

    def __init__(
        self, address: Address, host: Host, *, state: threading.Condition, curve: Path | None
    ) -> None:
        """Bind and start; raise TransportError if the address is taken, or not private enough."""
        require_keys(address, has_keys=curve is not None)
        keys = curve_keys.load_server_keys(curve) if curve else None
        claim_folder(address)
        _refuse_if_taken(address)
        self.failure: Exception | None = None
        self.counters: Counter[str] = Counter(frames_sent=0, bytes_sent=0, sound_sent=0)
        self._host = host
        self._state = state
        self._queue: deque[Outgoing] = deque()
        self._is_stopping = False
        self._context = zmq.Context()
        self._authenticator = None
        self._router: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        self._waker: zmq.Socket[bytes] = self._context.socket(zmq.PAIR)
        self._wakened: zmq.Socket[bytes] = self._context.socket(zmq.PAIR)
        try:
            set_common_options(self._router, max_part_bytes=wire.MAX_CONTROL_BYTES)
            self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
            # libzmq 4.3 aborts the process when a heartbeat falls due on a connection that broke
            # while its messages waited unread, which a flood can bring about (its issue 4364).
            # Viewers send heartbeats and PINGs themselves, and who is silent is forgotten.
            self._router.setsockopt(zmq.HEARTBEAT_IVL, 0)
            self._router.setsockopt(zmq.SNDHWM, host.viewers.limits.max_credit + CONTROL_MESSAGES)
            self._router.setsockopt(zmq.SNDBUF, SEND_BUFFER_BYTES)
            if keys:
                self._authenticator = curve_keys.serve(self._router, keys)
            self._router.bind(address.url)
            self._waker.bind("inproc://wake")
            self._wakened.connect("inproc://wake")
        except zmq.ZMQError as wrong:
            self._free()
            raise TransportError(
                f"{address.url}: cannot offer a stream there: {wrong.strerror}; name another"
            ) from wrong
        except BaseException:
            self._free()
            raise
        self.address = address
        if address.socket_path is None:
            # Only the port: the host comes back as a mapped IPv6 address that nobody asked for.
            port = self._router.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2]
            self.address = replace(address, url=f"{address.url.rpartition(':')[0]}:{port}")
        self._thread = threading.Thread(target=self._run, name="stereocast-router", daemon=True)
        self._thread.start()

    def enqueue(self, outgoing: Outgoing) -> None:
        """Hand a message over; call with `state` held. Where too many wait, the oldest is lost."""
        if len(self._queue) >= MAX_QUEUED:
            oldest = self._queue.popleft()
            if oldest.is_frame:
                self._host.viewers.not_sent(oldest.peers)
        self._queue.append(outgoing)
        self._wake()

    def enqueue_sound(self, parts: list[bytes], duration_ns: int) -> int:
        """Hand a packet of sound over, for all who asked; call with `state` held.

        Returns how many they are.
        """
        listeners = self._host.viewers.put_sound(parts, duration_ns)
        if listeners:
            self._wake()
        return listeners

    def stop(self) -> None:
        """Send what is queued and EOS, within two seconds, and free the address; call once."""
        with self._state:
            self._is_stopping = True
            self._wake()
        self._thread.join()
        self._free()

    def _wake(self) -> None:
        try:
            self._waker.send(b"", zmq.NOBLOCK)
        except zmq.Again:
            return  # a thousand calls already wait: it will wake

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        poller.register(self._wakened, zmq.POLLIN)
        try:
            while not self._is_stopping:
                ready = dict(poller.poll(TICK_MS))
                while self._wakened in ready and self._wakened.poll(0):
                    self._wakened.recv()
                self._send_queued()
                self._send_sound()
                if self._router in ready:
                    self._take_messages()
                with self._state:
                    self._host.tick(time.monotonic_ns())
                    if self._host.viewers.may_encode():
                        self._state.notify_all()
            self._send_queued()
            self._send_sound()
            self._say_goodbye()
        except Exception as failure:
            with self._state:
                self.failure = failure
                self._state.notify_all()

    def _take_messages(self) -> None:
        for _ in range(MAX_BATCH):
            try:
                peer, *parts = receive_parts(self._router, max_parts=4)
            except zmq.Again:
                return
            now_ns = time.monotonic_ns()
            with self._state:
                answer = self._host.receive(peer, parts, now_ns)
            if isinstance(answer, wire.Pong):
                answer = replace(answer, t3=time.monotonic_ns())
            if answer is not None:
                self._send(peer, wire.pack(answer))

    def _send_queued(self) -> None:
        while True:
            with self._state:
                if not self._queue:
                    return
                outgoing = self._queue.popleft()
            parts = outgoing.parts
            if outgoing.is_frame:
                parts = wire.stamp_send_time(parts, time.monotonic_ns())
            refused = [peer for peer in outgoing.peers if not self._send(peer, parts)]
            with self._state:
                if outgoing.is_frame:
                    sent = len(outgoing.peers) - len(refused)
                    self.counters["frames_sent"] += sent
                    self.counters["bytes_sent"] += sent * len(parts[2])
                    self._host.viewers.not_sent(refused)
                elif not outgoing.may_be_lost:
                    # It would misread what follows; forgotten, it has to join again.
                    for peer in refused:
                        self._host.lost(peer, time.monotonic_ns())

    def _send_sound(self) -> None:
        """Send each viewer the sound that waits for it, as far as it reads."""
        with self._state:
            viewers = self._host.viewers
            waiting = [(peer, viewers[peer]) for peer in viewers.want_sound()]
        for peer, viewer in waiting:
            queue = viewer.sound
            assert queue is not None
            while True:
                with self._state:
                    oldest = queue.take(viewer.heard_ns)
                if oldest is None:
                    break
                is_sent = self._send(peer, wire.stamp_send_time(oldest[0], time.monotonic_ns()))
                with self._state:
                    self.counters["sound_sent"] += is_sent
                    if not is_sent:
                        queue.put_back(oldest)
                        break

    def _send(self, peer: bytes, parts: list[bytes]) -> bool:
        try:
            self._router.send_multipart([peer, *parts], zmq.NOBLOCK)
        except zmq.Again:
            return False  # it does not read; the caller accounts for it
        except zmq.ZMQError as wrong:
            if wrong.errno != zmq.EHOSTUNREACH:
                raise
            with self._state:
                self._host.lost(peer, time.monotonic_ns())
            return False
        return True

    def _say_goodbye(self) -> None:
        """Tell every viewer that the stream has ended; wait a little for them to say BYE.

        A busy viewer reads its last frames and the EOS late; its BYE says that it has them.
        """
        farewell = wire.pack(wire.End(code="eos", text="the stream has ended"))
        with self._state:
            peers = self._host.viewers.peers()
        for peer in peers:
            self._send(peer, farewell)
        deadline_ns = time.monotonic_ns() + FAREWELL_MS * 1_000_000
        while self._host.viewers.peers() and time.monotonic_ns() < deadline_ns:
            if self._router.poll(TICK_MS):
                self._take_messages()

    def _free(self) -> None:
        self._waker.close(linger=0)
        self._wakened.close(linger=0)
        self._router.close(linger=DRAIN_MS)
        if self._authenticator is not None:
            self._authenticator.stop()
        self._context.term()


def _refuse_if_taken(address: Address) -> None:
    """See that no living server owns the socket's file: ZeroMQ would take the name away from it."""
    if address.socket_path is None or not address.socket_path.exists():
        return
    with unix.socket(unix.AF_UNIX) as probe:
        try:
            probe.connect(str(address.socket_path))
        except OSError:
            return  # left behind by a server that died
    raise TransportError(f"{address.url}: a stream is running there; name another, or stop it")
