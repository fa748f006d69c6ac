"""What the gateway knows at the moment: the stream, its viewers, the newest frames. Thread-safe.

Filled by the lines to the engine, read by the routes. Numbers for Prometheus are in
runtime/web/metrics.py.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from stereocast.runtime import wire
from stereocast.runtime.clock import ClockEstimate

MAX_RECENT = 300
"""Frames that are remembered: ten seconds of film."""


@dataclass(frozen=True)
class FrameFacts:
    """What is known of one frame. latency_ms: capture to gateway; None if the clocks cannot tell"""

    seq: int
    is_keyframe: bool
    bytes: int
    latency_ms: float | None
    facts: dict[str, float]


@dataclass
class ViewerState:
    """One browser, as it describes itself; ages are from capture to shown."""

    number: int
    joined_s: float
    frames: int = 0
    bytes: int = 0
    fps: float | None = None
    age_p50_ms: float | None = None
    age_p95_ms: float | None = None
    decoder_queue: int | None = None
    drops: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """The board at one moment.

    degrade_step  how many steps the engine has gone down to keep up; None where it does not say
    degraded      what it gives up there, in its own words; empty where nobody has heard them
    """

    stream: wire.Welcome | None
    reachable: bool
    trouble: str
    clock_error_us: int | None
    restarts: int
    uptime_s: float
    viewers: tuple[ViewerState, ...]
    degrade_step: int | None
    degraded: str


class Board:
    """Remembers the state of the stream and its viewers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began_s = time.monotonic()
        self._stream: wire.Welcome | None = None
        self._reachable = False
        self._heard_s = 0.0
        self._trouble = "nobody has looked for the stream yet"
        self._clock_error_us: int | None = None
        self._restarts = 0
        self._viewers: dict[int, ViewerState] = {}
        self._numbers = 0
        self._degrade_step: int | None = None
        self._degraded = ""
        self._recent: deque[FrameFacts] = deque(maxlen=MAX_RECENT)

    def joined(self, stream: wire.Welcome) -> bool:
        """Note the stream that answered; return whether it is another one than before."""
        with self._lock:
            is_new = self._stream is None or self._stream.session != stream.session
            if is_new and self._stream is not None:
                self._restarts += 1
            if is_new:
                self._recent.clear()
                self._degrade_step, self._degraded = None, ""
            self._stream, self._reachable, self._trouble = stream, True, ""
            self._heard_s = time.monotonic()
            return is_new

    def changed(self, stream: wire.Welcome) -> None:
        """Note that the stream goes on differently."""
        with self._lock:
            self._stream = stream

    def told(self, code: str, text: str) -> None:
        """Note what the engine says of the steps it takes to keep up."""
        if code == "degrade":
            with self._lock:
                self._degraded = text

    def unreachable(self, trouble: str) -> None:
        """Note why there is no stream now."""
        with self._lock:
            self._reachable, self._trouble = False, trouble

    def frame(self, frame: wire.FrameMessage, now_ns: int, clock: ClockEstimate | None) -> bool:
        """Note a frame that came in; return whether it is the first time that it is seen."""
        latency_ns = clock.one_way_ns(frame.t_capture_ns, now_ns) if clock else None
        with self._lock:
            self._reachable, self._trouble = True, ""
            self._heard_s = time.monotonic()
            self._clock_error_us = None if clock is None else clock.error_ns // 1000
            if self._recent and frame.seq <= self._recent[-1].seq:
                return False
            step = frame.facts.get("degrade_step")
            self._degrade_step = None if step is None else int(step)
            self._recent.append(
                FrameFacts(
                    frame.seq,
                    frame.is_keyframe,
                    len(frame.payload),
                    None if latency_ns is None else latency_ns / 1e6,
                    dict(frame.facts),
                )
            )
            return True

    def enter(self) -> ViewerState:
        """Add a viewer."""
        with self._lock:
            self._numbers += 1
            state = ViewerState(self._numbers, time.monotonic())
            self._viewers[state.number] = state
            return state

    def leave(self, state: ViewerState) -> None:
        """Remove a viewer."""
        with self._lock:
            self._viewers.pop(state.number, None)

    @property
    def viewers(self) -> int:
        """How many browsers watch."""
        with self._lock:
            return len(self._viewers)

    def heard_within(self, seconds: float) -> bool:
        """Return whether the engine gave a sign of life lately."""
        with self._lock:
            return self._reachable and time.monotonic() - self._heard_s <= seconds

    def recent(self, n: int) -> list[FrameFacts]:
        """Return the newest n frames, oldest first."""
        with self._lock:
            return list(self._recent)[-n:]

    def look(self) -> Snapshot:
        """Return the state of now."""
        with self._lock:
            return Snapshot(
                stream=self._stream,
                reachable=self._reachable,
                trouble=self._trouble,
                clock_error_us=self._clock_error_us,
                restarts=self._restarts,
                uptime_s=time.monotonic() - self._began_s,
                viewers=tuple(self._viewers.values()),
                degrade_step=self._degrade_step,
                degraded=self._degraded if self._degrade_step else "",
            )
