"""The first picture of a stream, kept as JPEG files: a film before anybody plays it.

Takes exactly one frame of each engine's life, with its depth, and leaves.
"""

from __future__ import annotations

import threading

from stereocast.engine.errors import TransportError
from stereocast.runtime import wire
from stereocast.runtime.client import StreamClient
from stereocast.runtime.web.board import Board
from stereocast.runtime.web.engine_line import EngineLine, EnginePlace
from stereocast.runtime.web.pictures import (
    FirstView,
    PreviewView,
    depth_jpeg,
    packed_jpeg,
    picture_jpeg,
)
from stereocast.runtime.web.preview import PictureDecoder


class FirstFrame:
    """Fetches and keeps the first picture; a listener of the line that brings it."""

    def __init__(self, place: EnginePlace, board: Board) -> None:
        self._place, self._board = place, board
        self._changed = threading.Condition()
        self._line: EngineLine | None = None
        self._decoder = PictureDecoder()
        self._pictures: dict[FirstView, bytes] = {}
        self._session = ""

    def fetch(self) -> None:
        """Begin to look for the first picture of the engine that runs, or will run, there."""
        with self._changed:
            if self._line is None or not self._line.is_up:
                # Without credit nothing comes before the wish for depth has been heard.
                self._line = EngineLine(self._place, self, name="web first frame", credit=0)
                self._line.start()

    def fetch_anew(self) -> None:
        """Look again if the engine is another one than that of the kept picture."""
        stream = self._board.look().stream
        with self._changed:
            is_known = stream is None or stream.session == self._session
        if not is_known:
            self.fetch()

    def jpeg(self, view: FirstView, timeout_s: float) -> bytes:
        """Return the JPEG file; raise TransportError if it is not there in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._pictures, timeout_s)
            if view in self._pictures:
                return self._pictures[view]
            if self._pictures:
                raise TransportError(f"the stream has no {view} to show")
        raise TransportError("the stream has not sent a picture yet")

    def close(self) -> None:
        """Stop looking and wait until the thread is gone."""
        with self._changed:
            line, self._line = self._line, None
        if line is not None:
            line.stop()
            line.join()

    # What the line tells, in the line's thread.

    def joined(self, client: StreamClient, stream: wire.Welcome) -> None:
        """See Listener."""
        self._board.joined(stream)
        self._decoder = PictureDecoder()
        with self._changed:
            self._session = stream.session
        client.send_quality(depth=True)
        client.grant(1)

    def changed(self, stream: wire.Reconfig) -> None:
        """See Listener."""
        self._board.changed(stream)

    def frame(self, client: StreamClient, frame: wire.FrameMessage) -> None:
        """See Listener."""
        line = self._line
        self._board.frame(frame, client.received_ns, line.clock if line else None)
        picture = self._decoder.decode(client, frame)
        if picture is None:
            client.grant(1)
            return
        layout = frame.layout
        if layout.keeps_both_eyes:
            pictures = {
                FirstView.RGB: picture_jpeg(picture, layout, PreviewView.LEFT),
                FirstView.SBS: picture_jpeg(picture, layout, PreviewView.SBS),
            }
        else:
            pictures = {FirstView.RGB: packed_jpeg(picture, layout)}
        if frame.depth is not None:
            pictures[FirstView.DEPTH] = depth_jpeg(frame.depth)
        with self._changed:
            self._pictures = pictures
            self._changed.notify_all()
        if line is not None:
            line.stop()

    def notice(self, level: str, code: str, text: str) -> None:
        """See Listener."""
        if code in ("waiting", "lost"):
            self._board.unreachable(text)

    def ended(self, code: str, text: str) -> None:
        """See Listener."""
        self._board.unreachable(text or "the stream ended")
