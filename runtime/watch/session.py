"""One viewer's life on one stream: receive, check, decode, hand out, grant credit.

Owns the order of things and the counts. What happens to a good picture is outputs.py, how it came
over the network is runtime/client.py, what is printed is runtime/cli/watch.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from av.video.frame import VideoFrame

from stereocast.engine.errors import TransportError
from stereocast.runtime.client import StreamClient, Sync
from stereocast.runtime.clock import ClockEstimate, believed
from stereocast.runtime.latency import StageAccount, stamps_from_extension
from stereocast.runtime.watch.decode import Decoder
from stereocast.runtime.watch.outputs import Heard, Output, Shown
from stereocast.runtime.watch.pace import Pace
from stereocast.runtime.wire import (
    MAX_SEQ,
    End,
    Flag,
    FrameMessage,
    Notice,
    SoundMessage,
    Welcome,
)

POLL_MS = 20
LOST_AFTER_NS = 3_000_000_000
"""A living server answers a PING every half second."""

_T_CAPTURE, _T_SEND, _T_RECEIVE, _T_VIEW_DECODE, _T_PRESENT = 0, 7, 8, 9, 10


class Ending(StrEnum):
    """Why a viewer stopped, where nothing went wrong."""

    END_OF_STREAM = "the stream ended"
    LIMIT = "as long as asked"
    FINISHED = "done"
    STOPPED = "stopped"


@dataclass
class Counts:
    """What became of the frames.

    received    frames that came in undamaged
    shown       frames that were decoded and handed out
    skipped     source frames that the server never sent, seen as gaps in the numbers
    desync      frames thrown away because what they build upon is missing here
    decode      frames that the decoder refused, although nothing was missing
    key_requests, restarts   keyframes asked for; times the stream began anew
    """

    received: int = 0
    shown: int = 0
    skipped: int = 0
    desync: int = 0
    decode: int = 0
    key_requests: int = 0
    restarts: int = 0


class WatchSession:
    """Watches one stream until it ends, a limit is reached or somebody says stop.

    counts, account, pace   may be read at any time; account holds only honest one-way times
    untold_ages             frames whose age the clocks could not tell to a quarter
    first_ns, last_ns       when the first and the last shown picture were decoded
    """

    def __init__(
        self,
        client: StreamClient,
        outputs: Sequence[Output],
        *,
        slow_ms: float = 0.0,
        on_tick: Callable[[WatchSession], None] | None = None,
        on_notice: Callable[[str], None] | None = None,
    ) -> None:
        """Prepare to watch.

        slow_ms    sleep this long over each picture, to play a slow viewer
        on_tick    called many times a second, for a status line
        on_notice  called with what the server wants the user to know
        """
        self.client = client
        self.counts = Counts()
        self.account = StageAccount()
        self.pace = Pace()
        self.untold_ages = 0
        self.first_ns = self.last_ns = 0
        self._outputs = outputs
        self._slow_s = slow_ms / 1000
        self._on_tick, self._on_notice = on_tick, on_notice
        self._sync = Sync()
        self._decoder: Decoder | None = None
        self._epoch = 0
        self._newest_seq: int | None = None
        self._damaged_before = 0
        self._last_good_seq: int | None = None
        self._is_stopping = False

    def stop(self) -> None:
        """Ask `run` to return soon; safe to call from a signal handler."""
        self._is_stopping = True

    def run(self, *, seconds: float | None = None, frames: int | None = None) -> Ending:
        """Watch until something ends it.

        seconds, frames  limits: time since this call, and pictures shown
        Raises TransportError where the server vanishes or refuses; what the outputs raise passes.
        """
        deadline_ns = None if seconds is None else time.monotonic_ns() + int(seconds * 1e9)
        while True:
            message = self.client.receive(POLL_MS)
            if isinstance(message, FrameMessage):
                self._take(message)
            elif isinstance(message, SoundMessage):
                self._hear(message)
            elif isinstance(message, End):
                return _ending(message, self.client)
            elif isinstance(message, Welcome):
                self._begin_anew()
            elif isinstance(message, Notice) and self._on_notice:
                self._on_notice(message.text)
            elif message is None:
                self._check_alive()
            for output in self._outputs:
                output.idle()
            if self._on_tick:
                self._on_tick(self)
            if self._is_stopping:
                return Ending.STOPPED
            if any(output.is_finished for output in self._outputs):
                return Ending.FINISHED
            if frames is not None and self.counts.shown >= frames:
                return Ending.LIMIT
            if deadline_ns is not None and time.monotonic_ns() >= deadline_ns:
                return Ending.LIMIT

    def fps(self) -> float:
        """Return the mean rate of all shown pictures; 0 until there are two."""
        duration_ns = self.last_ns - self.first_ns
        return (self.counts.shown - 1) * 1e9 / duration_ns if duration_ns > 0 else 0.0

    def clock(self) -> ClockEstimate | None:
        """Return how the server's clock reads here; None while nobody knows."""
        return believed(self.client.clock.estimate(), is_local=self.client.address.is_local)

    def _take(self, frame: FrameMessage) -> None:
        received_ns = self.client.received_ns
        self.counts.received += 1
        self._count_gap(frame)
        picture = self._decode(frame)
        age_ns = None
        if picture is not None:
            decoded_ns = time.monotonic_ns()
            age_ns = self._age_ns(frame, decoded_ns)
            self.last_ns = decoded_ns
            self.first_ns = self.first_ns or decoded_ns
            self.counts.shown += 1
            self._last_good_seq = frame.seq
            self.pace.add(decoded_ns, age_ns)
            shown = Shown(frame, picture, self.pace, age_ns)
            presented_ns = None
            for output in self._outputs:
                output.take(shown)
                if output.presents:
                    presented_ns = time.monotonic_ns()
            self._account(frame, received_ns, decoded_ns, presented_ns)
            if self._slow_s:
                time.sleep(self._slow_s)
        age_us = max(0, age_ns) // 1000 if age_ns is not None else None
        self.client.grant(1, frame.seq, age_us)

    def _hear(self, sound: SoundMessage) -> None:
        clock = self.clock()
        captured_ns = None if clock is None else sound.t_capture_ns - clock.offset_ns
        for output in self._outputs:
            output.hear(Heard(sound, self.client.received_ns, captured_ns))

    def _decode(self, frame: FrameMessage) -> VideoFrame | None:
        if not self._sync.accept(frame):
            self.counts.desync += 1
            self._request_key("desync")
            return None
        codec = frame.codec.name.lower()
        if self._decoder is None or self._decoder.codec != codec or frame.epoch != self._epoch:
            self._decoder, self._epoch = Decoder(codec), frame.epoch
        picture = self._decoder.decode(frame.payload)
        if picture is None or (picture.width, picture.height) != (frame.w, frame.h):
            self.counts.decode += 1
            self._sync.lose()
            self._request_key("decode")
            return None
        return picture

    def _request_key(self, reason: str) -> None:
        if self._sync.key_due(time.monotonic_ns()):
            self.counts.key_requests += 1
            self.client.request_key(reason, self._last_good_seq)

    def _count_gap(self, frame: FrameMessage) -> None:
        damaged = self.client.damaged - self._damaged_before
        self._damaged_before = self.client.damaged
        if self._newest_seq is not None and not frame.flags & Flag.DISCONT:
            # What came damaged was sent, though its number is missing here.
            self.counts.skipped += max(0, frame.seq - self._newest_seq - 1 - damaged)
        self._newest_seq = None if frame.seq == MAX_SEQ else frame.seq

    def _begin_anew(self) -> None:
        self.counts.restarts += 1
        self._sync = Sync()
        self._decoder = None
        self._newest_seq = self._last_good_seq = None

    def _check_alive(self) -> None:
        silence_ns = time.monotonic_ns() - self.client.received_ns
        if silence_ns > LOST_AFTER_NS:
            raise TransportError(
                f"{self.client.address.url}: the server vanished, nothing came for "
                f"{silence_ns / 1e9:.0f} s; start watch again when the stream is back"
            )

    def _age_ns(self, frame: FrameMessage, now_ns: int) -> int | None:
        clock = self.clock()
        return clock.one_way_ns(frame.t_capture_ns, now_ns) if clock else None

    def _account(
        self, frame: FrameMessage, received_ns: int, decoded_ns: int, presented_ns: int | None
    ) -> None:
        clock = self.clock()
        end_ns = presented_ns or decoded_ns
        if clock is None or clock.one_way_ns(frame.t_capture_ns, end_ns) is None:
            self.untold_ages += 1
            return
        stamps = stamps_from_extension(frame.stamps)
        stamps[_T_CAPTURE] = frame.t_capture_ns
        stamps[_T_SEND] = frame.t_send_ns
        stamps[_T_RECEIVE] = received_ns + clock.offset_ns
        stamps[_T_VIEW_DECODE] = decoded_ns + clock.offset_ns
        if presented_ns is not None:
            stamps[_T_PRESENT] = presented_ns + clock.offset_ns
        self.account.add(stamps)


def _ending(message: End, client: StreamClient) -> Ending:
    if message.code == "eos":
        return Ending.END_OF_STREAM
    raise TransportError(f"{client.address.url} ended: {message.text or message.code}")
