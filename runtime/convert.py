"""Turn a whole source into a 3D file: every frame, in order; decode, engine and encoder overlap."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from stereocast.engine.errors import SourceError
from stereocast.engine.frame import Frame, StereoFrame
from stereocast.engine.session import Session
from stereocast.runtime.comfort import ComfortAccount
from stereocast.runtime.encode.download import on_host
from stereocast.runtime.latency import Histogram
from stereocast.runtime.mailbox import Closed, Mailbox
from stereocast.runtime.refine import RefineAccount
from stereocast.runtime.sink.depth import DepthMap, DepthProducts
from stereocast.runtime.sink.file import FileSink
from stereocast.runtime.source import Source

_AHEAD = 3  # frames that may wait between two threads
_PATIENCE_S = 0.5


@dataclass
class ConversionReport:
    """What a conversion has done so far; `partial` says why it ended early, if it did."""

    frames_in: int = 0
    frames_out: int = 0
    cuts: int = 0
    partial: str | None = None
    comfort: ComfortAccount = field(default_factory=ComfortAccount)
    refine: RefineAccount = field(default_factory=RefineAccount)
    total: Histogram = field(default_factory=Histogram)
    stages: dict[str, Histogram] = field(
        default_factory=lambda: {name: Histogram() for name in ("decode", "engine", "encode")}
    )


class Conversion:
    """One conversion: one thread decodes, the caller's runs the engine, another one encodes.

    depth  where the depth of every frame goes as well; None: nowhere
    """

    def __init__(
        self, source: Source, session: Session, sink: FileSink, *,
        depth: DepthProducts | None = None,
    ) -> None:  # fmt: skip
        self._source = source
        self._session = session
        self._sink = sink
        self._depth = depth or None
        self._frames: Mailbox[Frame] = Mailbox(latest=False, capacity=_AHEAD)
        self._pictures: Mailbox[StereoFrame] = Mailbox(latest=False, capacity=_AHEAD)
        self._began_ns: dict[int, int] = {}  # by frame index, from decoding to writing
        self._failure: BaseException | None = None
        self.report = ConversionReport()

    def run(self, stop: threading.Event, *, on_frame: Callable[[], None]) -> None:
        """Convert to the end of the source, or until `stop` is set.

        on_frame  called after each frame of the engine
        A source that breaks in the middle ends the conversion there: what came before is written,
        and `report.partial` says what happened. Raises EncodeError if the file cannot be written,
        and SourceError if not one frame could be read.
        """
        decoder = threading.Thread(target=self._decode, name="decode", daemon=True)
        encoder = threading.Thread(target=self._encode, name="encode", daemon=True)
        decoder.start()
        encoder.start()
        try:
            self._run_engine(stop, on_frame)
            self._pictures.close()
            encoder.join()
        finally:
            self._frames.close()
            self._pictures.close()
            decoder.join()
            encoder.join()
        if self._failure is not None:
            raise self._failure

    def _run_engine(self, stop: threading.Event, on_frame: Callable[[], None]) -> None:
        while self._failure is None and not stop.is_set():
            try:
                frame = self._frames.take(_PATIENCE_S)
            except Closed:
                return
            except SourceError as error:
                if self.report.frames_in == 0:
                    raise
                self.report.partial = str(error)
                return
            if frame is None:
                continue
            began_ns = time.monotonic_ns()
            picture = self._session.step(frame, keep_depth=self._depth is not None)
            if self._session.on_gpu:  # the next step overwrites what lies there
                picture = on_host(picture)
            self.report.stages["engine"].add(time.monotonic_ns() - began_ns)
            self.report.cuts = self._session.cuts
            self.report.comfort.add(picture.comfort)
            self.report.refine.add(picture.facts)
            self._pictures.put(picture)
            on_frame()

    def _decode(self) -> None:
        began_ns = time.monotonic_ns()
        try:
            for frame in self._source:
                self._began_ns[frame.index] = began_ns
                self.report.stages["decode"].add(time.monotonic_ns() - began_ns)
                self.report.frames_in += 1
                if not self._frames.put(frame):
                    return
                began_ns = time.monotonic_ns()
        except BaseException as failure:  # the engine's thread raises it after the frames before it
            self._frames.close(failure)
        else:
            self._frames.close()

    def _encode(self) -> None:
        try:
            while True:
                picture = self._pictures.take()
                if picture is None:
                    continue
                began_ns = time.monotonic_ns()
                self._sink.write(picture)
                now_ns = time.monotonic_ns()
                self.report.stages["encode"].add(now_ns - began_ns)
                self._write_depth(picture)
                self.report.total.add(now_ns - self._began_ns.pop(picture.index))
                self.report.frames_out += 1
        except Closed:
            return
        except BaseException as failure:  # raised by `run`
            self._failure = failure
            self._pictures.close()

    def _write_depth(self, picture: StereoFrame) -> None:
        if self._depth is None or picture.depth is None:
            return
        began_ns = time.monotonic_ns()
        self._depth.write(DepthMap(picture.depth.numpy(), picture.pts_ns, picture.index))
        stage = self.report.stages.setdefault("depth file", Histogram())
        stage.add(time.monotonic_ns() - began_ns)
