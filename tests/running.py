"""A whole stream on a thread of its own: source, engine, encoder and sink in one process."""

from __future__ import annotations

import threading
from contextlib import closing

from stereocast.engine.session import Session
from stereocast.runtime import wire
from stereocast.runtime.address import Address
from stereocast.runtime.encode.x264 import X264Config, X264Encoder
from stereocast.runtime.pacing import PacedSource
from stereocast.runtime.sink.zmq_router import RouterSink
from stereocast.runtime.source import Source
from stereocast.runtime.stream import Stream

PATIENCE_S = 20.0


class Running:
    """A stream on a thread of its own; `failure` is what its loop raised."""

    def __init__(
        self, source: Source, address: Address, *, strip: bool = False, realtime: bool = False
    ) -> None:
        info = source.info
        self.session = Session((info.height, info.width))
        height, width = self.session.layout.packed_size(info.height, info.width)
        self._encoder = X264Encoder(X264Config(), width=width, height=height, fps=info.fps)
        self.paced = PacedSource(source, realtime=realtime)
        described = wire.Stream(
            codec="h264", codec_string=self._encoder.codec_string, w=width, h=height,
            layout="full-sbs", fps=info.fps,
        )  # fmt: skip
        self._sink = RouterSink(address, described)
        self._stream = Stream(self.paced, self.session, self._encoder, self._sink, strip=strip)
        self.report = self._stream.report
        self.playback = self._stream.playback
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with closing(self.paced), closing(self._encoder), self._sink:
            try:
                self._stream.run(self.stop)
            except BaseException as failure:
                self.failure = failure

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def ended(self) -> bool:
        """Return whether it ends by itself within the patience of a test."""
        self._thread.join(PATIENCE_S)
        return not self._thread.is_alive()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join()
