"""A live source as the engine sees it: pictures while it lives, patience while it is away."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from stereocast.engine.errors import SourceError
from stereocast.engine.frame import Frame
from stereocast.runtime.sound.live import LiveSound
from stereocast.runtime.source import Absence, Arrival, SourceInfo
from stereocast.runtime.source.live.backoff import Backoff
from stereocast.runtime.source.live.child import ReaderChild
from stereocast.runtime.source.live.clock import RunClock
from stereocast.runtime.source.live.events import Failed, Opened, Picture
from stereocast.runtime.source.live.pixels import LivePixels
from stereocast.runtime.source.live.recipe import Recipe, SourceConfig
from stereocast.runtime.source.live.slots import SlotPicture, SlotReader, make_memory
from stereocast.runtime.source.timeline import RateLimit
from stereocast.runtime.wire import Audio

_LOOK_S = 0.1  # how often a source that waits looks whether it should stop
NANO = 1_000_000_000


@dataclass(frozen=True)
class LiveLimits:
    """What is taken of a live source; as in `FileOptions`."""

    frames: int | None = None
    max_fps: float | None = None
    max_height: int | None = None
    sound: bool = True
    """Whether its sound is wanted."""


class LiveSource:
    """One live source, read by a process of its own that is started anew when it dies or hangs.

    info        what the first picture and the source's own words told
    absence     why nothing comes at the moment; None while pictures come
    reconnects  how often it came back
    """

    def __init__(
        self, recipe: Recipe, *, config: SourceConfig | None = None,
        limits: LiveLimits | None = None,
    ) -> None:  # fmt: skip
        """Start its reader and wait for the first picture. Raises SourceError where none comes."""
        self._recipe = recipe
        self._config = config or SourceConfig()
        self._limits = limits or LiveLimits()
        self.absence: Absence | None = None
        self.reconnects = 0
        self._is_closed = False
        self._lock = threading.Lock()  # of the child: its reader may not be closed while it listens
        self._opened: Opened | None = None
        self._failure = ""
        self._is_over = False
        self._last_ns = time.monotonic_ns()
        self._clock = RunClock(gap_ns=round(self._config.gap_s * NANO))
        self._pixels = LivePixels(recipe.shown, max_height=self._limits.max_height)
        self._rate = None if self._limits.max_fps is None else RateLimit(self._limits.max_fps)
        self._memory = make_memory()
        self._reader = SlotReader(self._memory)
        # Whole packets or nothing, and what does not fit is lost at once: nobody waits for sound.
        self._heard, self._said = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._child = self._start_child()
        try:
            first = self._await_first()
            height, width = self._pixels.plan(first)
        except BaseException:
            self.close()
            raise
        self.info = self._describe(height, width)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest frame whenever it is asked for one."""
        for arrival in self.arrivals():
            frame = arrival.read()
            if frame is not None:
                yield frame

    def arrivals(self) -> Iterator[Arrival]:
        """Yield what comes; see `ArrivingSource`."""
        delivered, backoff = 0, Backoff()
        limit = self._limits.frames
        while not self._is_closed and (limit is None or delivered < limit):
            picture = self._next_picture(self._config.stall_s)
            if picture is None:
                if self._is_closed or self._has_ended:
                    return
                self._come_back(backoff)
                continue
            if self.absence is not None:
                self.absence = None
                self.reconnects += 1
            backoff.succeeded()
            self._last_ns = picture.t_capture_ns
            if self._rate is None or self._rate.keeps(picture.t_capture_ns):
                delivered += 1
                yield self._arrival(picture)

    def shrink(self, share: float) -> None:
        """Deliver pictures at a share of their size; see `ArrivingSource`."""
        self._pixels.shrink(share)

    def close(self) -> None:
        """End the reader. May be called twice, and while another thread waits for pictures."""
        if not self._is_closed:
            self._is_closed = True
            with self._lock:
                self._child.kill()
                os.close(self._memory)
            self._said.close()
            self._heard.close()

    def sound(self) -> LiveSound | None:
        """Return what its sound is; see `SoundedSource`."""
        channels = self._opened.channels if self._opened is not None else 0
        if not channels:
            return None
        return LiveSound(self._heard, Audio(channels=channels), self._clock.pts_at)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know of how it went."""
        if not self.reconnects:
            return ()
        times = "once" if self.reconnects == 1 else f"{self.reconnects} times"
        return (f"{self._recipe.shown} was away {times} and came back",)

    @property
    def reader_pid(self) -> int:
        """The number of the process that reads, for whoever must find it."""
        return self._child.pid

    @property
    def _has_ended(self) -> bool:
        return self._failure == "" and self._opened is not None and self._opened.ends

    def _arrival(self, picture: Picture) -> Arrival:
        place = self._clock.place(picture.t_capture_ns, picture.number)

        def read() -> Frame | None:
            slot = None if self._is_closed else self._reader.read(picture.number)
            if slot is None:
                return None
            return Frame(self._pixels.convert(slot), place.pts_ns, place.index)

        return Arrival(picture.t_capture_ns, place.turn, read)

    def _await_first(self) -> SlotPicture:
        """Return the first picture, which tells the size."""
        deadline_ns = time.monotonic_ns() + round(self._config.open_s * NANO)
        while (left_ns := deadline_ns - time.monotonic_ns()) > 0:
            picture = self._next_picture(left_ns / NANO)
            if picture is not None:
                slot = self._reader.read(picture.number)
                if slot is not None:
                    return slot
            elif self._is_over or not self._child.lives:
                why = self._failure or "brought no picture"
                shown = self._recipe.shown
                raise SourceError(why if why.startswith(shown) else f"{shown}: {why}")
        raise SourceError(
            f"{self._recipe.shown}: no picture came within {self._config.open_s:g} s; is it "
            "reachable, and does it send? (--set source.open_s=30 waits longer)"
        )

    def _next_picture(self, patience_s: float) -> Picture | None:
        """Return the newest picture; None: the reader has ended, or hangs."""
        if self._is_over:
            return None
        if not self._opened:
            patience_s = max(patience_s, self._config.open_s)
        self._failure = ""
        deadline_ns = time.monotonic_ns() + round(patience_s * NANO)
        while not self._is_closed:
            left_s = (deadline_ns - time.monotonic_ns()) / NANO
            if left_s <= 0:
                self._failure = f"nothing came for {patience_s:g} s"
                return None
            with self._lock:
                events = None if self._is_closed else self._child.listen(min(left_s, _LOOK_S))
                if events is None:
                    self._failure = "" if self._is_closed else self._child.how_it_ended()
                    return None
            newest = None
            for event in events:
                if isinstance(event, Opened):
                    self._opened = event
                elif isinstance(event, Picture):
                    newest = event
                else:  # what came before the end in the same breath is the last picture
                    self._failure = event.text if isinstance(event, Failed) else ""
                    self._is_over = True
            if newest is not None or self._is_over:
                return newest
        return None

    def _come_back(self, backoff: Backoff) -> None:
        """Note that it is away, wait, and start its reader again."""
        reason = self._failure or "the source ended"
        since_ns = self.absence.since_ns if self.absence else self._last_ns
        self.absence = Absence(since_ns, reason)
        with self._lock:
            self._child.kill()
        again_ns = time.monotonic_ns() + round(backoff.next_s() * NANO)
        while not self._is_closed and time.monotonic_ns() < again_ns:
            time.sleep(_LOOK_S)
        with self._lock:
            if not self._is_closed:
                self._opened, self._is_over = None, False
                self._child = self._start_child()

    def _start_child(self) -> ReaderChild:
        said = self._said.fileno() if self._limits.sound else -1
        return ReaderChild(self._recipe, self._memory, said)

    def _describe(self, height: int, width: int) -> SourceInfo:
        assert self._opened is not None
        fps, max_fps = self._opened.fps, self._limits.max_fps
        notes = self._opened.notes + self._pixels.notes
        if max_fps is not None and max_fps < fps:
            notes += (f"pictures dropped to keep {max_fps:g} a second of {fps:g}",)
            fps = max_fps
        return SourceInfo(
            address=self._recipe.shown,
            width=width,
            height=height,
            fps=fps,
            live=True,
            time_base=Fraction(1, NANO),
            notes=notes,
        )
