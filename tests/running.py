"""A whole stream on a thread of its own: source, engine, encoder and sink in one process."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from functools import partial

from stereocast.engine.session import DepthConfig, Session
from stereocast.runtime import wire
from stereocast.runtime.address import Address
from stereocast.runtime.cli.live_rig import lightened
from stereocast.runtime.config import Config
from stereocast.runtime.encode import Encoder
from stereocast.runtime.encode.x264 import X264Config, X264Encoder
from stereocast.runtime.ladder import Ladder, Rung
from stereocast.runtime.overload import Overload
from stereocast.runtime.pacing import PacedSource
from stereocast.runtime.rig import Rig
from stereocast.runtime.sink.zmq_router import RouterSink
from stereocast.runtime.source import Source
from stereocast.runtime.stream import Stream
from tests import patience

PATIENCE_S = patience.PATIENCE_S
GUESSING = Config(depth=DepthConfig(model="prior"))


def build_rig(
    frame_size: tuple[int, int], fps: float, *, session: Session | None = None, lower: bool = False
) -> Rig:
    session = session or Session(frame_size)
    height, width = session.layout.packed_size(*frame_size)
    encoder = X264Encoder(X264Config(), width=width, height=height, fps=fps)
    described = wire.Stream(
        codec="h264", codec_string=encoder.codec_string, w=width, h=height,
        layout="full-sbs", fps=fps,
    )  # fmt: skip
    return Rig(session, encoder, described)


def build_session(frame_size: tuple[int, int], rung: Rung) -> Session:
    return Session(frame_size, lightened(GUESSING, rung).engine())


class Running:
    """A stream on a thread of its own; `failure` is what its loop raised."""

    def __init__(
        self, source: Source, address: Address, *, strip: bool = False, realtime: bool = False,
        ladder: Ladder | None = None,
    ) -> None:  # fmt: skip
        info = source.info
        rig = build_rig((info.height, info.width), info.fps)
        self.session = rig.session
        self.paced = PacedSource(source, realtime=realtime)
        self._sink = RouterSink(address, rig.stream)
        build = partial(build_rig, fps=info.fps)
        if ladder is not None:
            self.overload = Overload(self.paced, ladder, build_session, self._sink.tell)
        self._stream = Stream(
            self.paced, rig, self._sink, build=build, strip=strip,
            overload=None if ladder is None else self.overload,
        )  # fmt: skip
        self.report = self._stream.report
        self.playback = self._stream.playback
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with closing(self.paced), closing(self._stream), self._sink:
            try:
                self._stream.run(self.stop)
            except BaseException as failure:
                self.failure = failure

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    @property
    def session_in_force(self) -> Session:
        return self._stream._rig.session

    def break_encoder(self, broken: Encoder) -> None:
        """Let the next pictures be coded by an encoder that fails."""
        self._stream._rig = replace(self._stream._rig, encoder=broken)

    @property
    def is_paused(self) -> bool:
        """Whether a viewer has paused it."""
        return self._stream.is_paused

    def ended(self) -> bool:
        """Return whether it ends by itself within the patience of a test."""
        self._thread.join(PATIENCE_S)
        return not self._thread.is_alive()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join()
