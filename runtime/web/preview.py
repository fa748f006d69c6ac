"""Decoded pictures for the simple previews: one line and one decoder for all who look.

Runs only while somebody looks, and a moment longer. Keeps the newest picture, never a queue. What
pictures look like is runtime/web/pictures.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from av.video.frame import VideoFrame

from stereocast.engine.errors import TransportError
from stereocast.engine.layout import Layout
from stereocast.runtime import wire
from stereocast.runtime.client import StreamClient, Sync
from stereocast.runtime.watch.decode import Decoder
from stereocast.runtime.web.board import Board
from stereocast.runtime.web.engine_line import EngineLine, EnginePlace
from stereocast.runtime.web.pictures import PreviewView, depth_jpeg, picture_jpeg

LINGER_S = 3.0
"""How long the line stays up when nobody looks: a series of snapshots is one viewer, not many."""
FIRST_CREDIT = 2


@dataclass(frozen=True)
class Picture:
    """One decoded picture; serial grows from picture to picture, across restarts too."""

    serial: int
    seq: int
    pixels: VideoFrame
    layout: Layout
    depth: wire.DepthMap | None


class PictureDecoder:
    """Frames in, pictures out; asks for a key frame when the chain is broken."""

    def __init__(self) -> None:
        self._sync = Sync()
        self._decoder: Decoder | None = None
        self._epoch = -1

    def decode(self, client: StreamClient, frame: wire.FrameMessage) -> VideoFrame | None:
        """Return the frame's picture, None if it cannot be decoded truthfully."""
        picture = None
        if self._sync.accept(frame):
            codec = frame.codec.name.lower()
            stale = self._decoder is None or frame.epoch != self._epoch
            if self._decoder is None or stale or self._decoder.codec != codec:
                self._decoder, self._epoch = Decoder(codec), frame.epoch
            picture = self._decoder.decode(frame.payload)
            if picture is None:
                self._sync.lose()
        if picture is None and self._sync.key_due(time.monotonic_ns()):
            client.request_key("preview")
        return picture


class Preview:
    """The newest picture, for as many as want it; a listener of the line that brings it."""

    def __init__(self, place: EnginePlace, board: Board) -> None:
        self._place, self._board = place, board
        self._changed = threading.Condition()
        self._line: EngineLine | None = None
        self._decoder = PictureDecoder()
        self._newest: Picture | None = None
        self._serial = 0
        self._watchers = 0
        self._idle_since_s = 0.0
        self._trouble = ""
        self._granted = 0
        self._jpegs: dict[PreviewView, tuple[int, bytes]] = {}
        self._painting = threading.Lock()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Keep pictures coming while the block runs."""
        with self._changed:
            self._watchers += 1
            if self._line is None or not self._line.is_up:
                self._trouble = ""
                self._decoder = PictureDecoder()
                self._line = EngineLine(self._place, self, name="web preview", credit=0)
                self._line.start()
            else:
                self._line.post(self._resume)
        try:
            yield
        finally:
            with self._changed:
                self._watchers -= 1
                self._idle_since_s = time.monotonic()

    def next_jpeg(self, view: PreviewView, after: int, timeout_s: float) -> tuple[int, bytes]:
        """Wait for a picture newer than serial `after`; return its serial and its JPEG file.

        Raises TransportError if none comes in time, ConfigError if the view cannot be had.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._trouble or self._is_wanted(view, after), timeout_s)
            picture = self._newest
            if picture is None or not self._is_wanted(view, after):
                raise TransportError(self._trouble or "no new picture came in time")
        with self._painting:  # the first of several who want the same paints it for all
            serial, data = self._jpegs.get(view, (0, b""))
            if serial < picture.serial:
                data = (
                    depth_jpeg(picture.depth)
                    if view is PreviewView.DEPTH and picture.depth is not None
                    else picture_jpeg(picture.pixels, picture.layout, view)
                )
                serial = picture.serial
                self._jpegs[view] = (serial, data)
            return serial, data

    def newest_serial(self) -> int:
        """Return the serial of the newest picture, 0 before the first."""
        with self._changed:
            return self._serial

    def tick(self) -> None:
        """Hang up when nobody has looked for a while; to be called now and then."""
        with self._changed:
            if self._line is None or self._watchers:
                return
            if time.monotonic() - self._idle_since_s > LINGER_S:
                self._line.stop()
                self._line, self._newest = None, None
                self._jpegs.clear()

    def close(self) -> None:
        """Hang up and wait until the thread is gone."""
        with self._changed:
            line, self._line = self._line, None
        if line is not None:
            line.stop()
            line.join()

    def _is_wanted(self, view: PreviewView, after: int) -> bool:
        picture = self._newest
        if picture is None or picture.serial <= after:
            return False
        return view is not PreviewView.DEPTH or picture.depth is not None

    # What the line tells or runs, in the line's thread.

    def _resume(self, client: StreamClient) -> None:
        """Let pictures come again, after a time in which nobody looked."""
        if self._granted < FIRST_CREDIT:
            client.grant(FIRST_CREDIT - self._granted)
            self._granted = FIRST_CREDIT

    def joined(self, client: StreamClient, stream: wire.Welcome) -> None:
        """See Listener."""
        self._decoder, self._granted = PictureDecoder(), FIRST_CREDIT
        self._board.joined(stream)
        # Without credit no frame came before the wish: each brings its depth, also when the stream
        # stands still and only one comes.
        client.send_quality(depth=True)
        client.grant(FIRST_CREDIT)

    def changed(self, stream: wire.Reconfig) -> None:
        """See Listener."""
        self._decoder = PictureDecoder()
        self._board.changed(stream)

    def frame(self, client: StreamClient, frame: wire.FrameMessage) -> None:
        """See Listener."""
        line = self._line
        self._board.frame(frame, client.received_ns, line.clock if line else None)
        picture = self._decoder.decode(client, frame)
        with self._changed:
            if picture is not None:
                self._serial += 1
                self._newest = Picture(self._serial, frame.seq, picture, frame.layout, frame.depth)
                self._trouble = ""
                self._changed.notify_all()
            is_watched = self._watchers > 0
        self._granted -= 1
        if is_watched:
            self._granted += 1
            client.grant(1, frame.seq)

    def notice(self, level: str, code: str, text: str) -> None:
        """See Listener."""
        if code in ("waiting", "lost"):
            self._board.unreachable(text)

    def ended(self, code: str, text: str) -> None:
        """See Listener."""
        with self._changed:
            self._trouble = text or "the stream ended"
            self._changed.notify_all()
