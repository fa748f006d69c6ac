"""A line to the engine that stays up: a thread with a StreamClient, which joins again and again.

What comes in goes to a listener, in this thread; what others want said is posted to it. What is
done with frames is decided elsewhere.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stereocast.engine.errors import StreamRefused, TransportError
from stereocast.runtime import wire
from stereocast.runtime.address import Address
from stereocast.runtime.client import StreamClient
from stereocast.runtime.clock import ClockEstimate, believed

JOIN_WITHIN_S = 1.0
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 1.0
LOST_AFTER_NS = 2_000_000_000
"""A living engine answers a PING every half second."""
MAX_POSTED = 256

_POLL_MS = 250


@dataclass(frozen=True)
class EnginePlace:
    """Where the engine is, and the keys that it wants to see."""

    address: Address
    curve: Path | None = None


class Listener(Protocol):
    """Hears what happens on a line; every call comes from the line's own thread."""

    def joined(self, client: StreamClient, stream: wire.Welcome) -> None:
        """Learn of the stream: on joining, and when the engine began anew."""

    def changed(self, stream: wire.Reconfig) -> None:
        """Learn that the stream goes on differently, with a key frame."""

    def frame(self, client: StreamClient, frame: wire.FrameMessage) -> None:
        """Take a frame."""

    def notice(self, level: str, code: str, text: str) -> None:
        """Hear news of the engine, or that it is not there."""

    def ended(self, code: str, text: str) -> None:
        """Hear that the stream ended (`eos`) or the engine refused; the line is down then."""


class EngineLine:
    """One connection to the engine, kept up from `start` until `stop` or the stream's end.

    clock  how the engine's clock reads here, None while nobody knows; for any thread
    """

    def __init__(
        self, place: EnginePlace, listener: Listener, *, name: str, credit: int,
        hear: Callable[[wire.SoundMessage], None] | None = None,
    ) -> None:  # fmt: skip
        """Prepare a line; hear  takes the sound, in the line's thread; without it none is sent."""
        self.clock: ClockEstimate | None = None
        self._place, self._listener = place, listener
        self._name, self._credit, self._hear = name, credit, hear
        self._posted: deque[Callable[[StreamClient], None]] = deque()
        self._is_joined = False
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._wake: int | None = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name=f"line {name}", daemon=True)

    def start(self) -> None:
        """Begin to join; from now on the listener, which must know this line, is called."""
        self._thread.start()

    def post(self, command: Callable[[StreamClient], None]) -> bool:
        """Have something said on the line soon; False where too much waits already."""
        if len(self._posted) >= MAX_POSTED:
            return False
        self._posted.append(command)
        if self._is_joined:
            self._rouse()
        return True

    def stop(self) -> None:
        """Ask the thread to leave; returns at once."""
        self._stopping.set()
        self._rouse()

    def join(self) -> None:
        """Wait until the thread has left, which is soon after `stop`."""
        self._thread.join()

    @property
    def is_up(self) -> bool:
        """Whether the thread is at work."""
        return self._thread.is_alive()

    def _rouse(self) -> None:
        with self._lock:
            if self._wake is not None:
                os.eventfd_write(self._wake, 1)

    def _run(self) -> None:
        wake = self._wake
        try:
            self._stay_joined()
        finally:
            with self._lock:
                self._wake = None
            if wake is not None:
                os.close(wake)

    def _stay_joined(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stopping.is_set():
            try:
                client = StreamClient(
                    self._place.address,
                    name=self._name,
                    credit=self._credit,
                    want_audio=self._hear is not None,
                    curve=self._place.curve,
                    connect_timeout_s=JOIN_WITHIN_S,
                    wake=self._wake,
                )
            except StreamRefused as refused:
                self._listener.ended("refused", str(refused))
                return
            except TransportError as error:
                if self._stopping.is_set():
                    return
                self._listener.notice("warning", "waiting", str(error))
                self._stopping.wait(wait_s)
                wait_s = min(LONGEST_WAIT_S, 2 * wait_s)
                continue
            wait_s = FIRST_WAIT_S
            with client:
                try:
                    if self._follow(client):
                        return
                except TransportError as error:
                    self._listener.notice("warning", "lost", str(error))
                finally:
                    self._is_joined = False

    def _follow(self, client: StreamClient) -> bool:
        """Hand on what comes; return whether it is over, False if the engine is to be sought anew.

        A server that restarts at the same address is found by the client itself.
        """
        self._posted.clear()  # what was meant for an engine that is gone
        self._is_joined = True
        self._listener.joined(client, client.welcome)
        is_lost = False
        while not self._stopping.is_set():
            message = client.receive(_POLL_MS)
            self.clock = believed(client.clock.estimate(), is_local=client.address.is_local)
            self._say_posted(client)
            if isinstance(message, wire.FrameMessage):
                self._listener.frame(client, message)
            elif isinstance(message, wire.SoundMessage):
                if self._hear is not None:
                    self._hear(message)
            elif isinstance(message, wire.End):
                self._listener.ended(message.code, message.text)
                return True
            elif isinstance(message, wire.Reconfig):
                self._listener.changed(message)
            elif isinstance(message, wire.Welcome):
                self._listener.joined(client, message)
            elif isinstance(message, wire.Notice):
                self._listener.notice(message.level, message.code, message.text)
            silent_ns = time.monotonic_ns() - client.received_ns
            if silent_ns <= LOST_AFTER_NS:
                is_lost = False
            elif not is_lost:
                is_lost = True
                self._listener.notice("warning", "lost", "the engine does not answer; waiting")
        return True

    def _say_posted(self, client: StreamClient) -> None:
        """Say what was posted; the bell is silenced first, so that no later post is missed."""
        if self._wake is not None:
            with suppress(BlockingIOError):  # nobody rang
                os.eventfd_read(self._wake)
        while self._posted:
            self._posted.popleft()(client)
