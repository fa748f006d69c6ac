"""Interlaced pictures to whole ones, frame for frame, with libavfilter's bwdif.

Combs would become depth edges, so pictures flagged interlaced never pass as they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import av
from av.filter.context import FilterContext

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.container import reason
from stereocast.runtime.source.decoder import Picture

_SETTINGS = "mode=send_frame:parity=auto:deint=interlaced"


class Deinterlacer:
    """One picture in, one picture out, one picture later; idle until the first interlaced one.

    deinterlaced  how many interlaced pictures came in
    """

    def __init__(self, *, threads: int) -> None:
        self.deinterlaced = 0
        self._pushed = 0
        self._threads = threads
        self._graph: av.filter.Graph | None = None
        self._ends: tuple[FilterContext, FilterContext] | None = None
        self._geometry: tuple[int, int, str] | None = None
        self._waiting: deque[Picture] = deque()

    def push(self, picture: Picture) -> Iterator[Picture]:
        """Take a picture and yield those that are finished."""
        frame = picture.frame
        self.deinterlaced += frame.interlaced_frame
        if self._ends is None and not frame.interlaced_frame:
            yield picture
            return
        geometry = (frame.width, frame.height, frame.format.name)
        if geometry != self._geometry:
            yield from self.flush()
        # The filter wants increasing times; the real ones wait in the queue.
        frame.pts = self._pushed
        self._pushed += 1
        self._waiting.append(picture)
        try:
            if self._ends is None:
                self._ends = self._build(frame)
                self._geometry = geometry
            self._ends[0].push(frame)
        except av.FFmpegError as error:
            raise SourceError(
                f"cannot deinterlace {frame.width}x{frame.height} {frame.format.name}:"
                f" {reason(error)}"
            ) from error
        yield from self._finished()

    def flush(self) -> Iterator[Picture]:
        """Yield what is still inside and become idle."""
        if self._ends is not None:
            self._ends[0].push(None)
            yield from self._finished()
        self.forget()

    def forget(self) -> None:
        """Become idle without yielding what is still inside."""
        self._graph = None
        self._ends = None
        self._geometry = None
        self._waiting.clear()

    def _build(self, frame: av.VideoFrame) -> tuple[FilterContext, FilterContext]:
        graph = av.filter.Graph()
        graph.threads = self._threads
        entry = graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=Fraction(1, 1000),
        )
        exit_ = graph.add("buffersink")
        graph.link_nodes(entry, graph.add("bwdif", _SETTINGS), exit_).configure()
        self._graph = graph
        return entry, exit_

    def _finished(self) -> Iterator[Picture]:
        assert self._ends is not None
        while True:
            try:
                frame = self._ends[1].pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(frame, av.VideoFrame)
            yield replace(self._waiting.popleft(), frame=frame)
