"""The only loop of a live stream: newest frame in, both eyes coded, out to the viewers."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from stereocast.engine.session import Session
from stereocast.runtime.comfort import ComfortAccount
from stereocast.runtime.encode import Encoder
from stereocast.runtime.latency import StageAccount
from stereocast.runtime.mailbox import Closed
from stereocast.runtime.pacing import Captured, PacedSource
from stereocast.runtime.sink.zmq_router import RouterSink
from stereocast.runtime.wire import Quality

_PATIENCE_S = 0.1  # how often a stream that waits looks whether it should stop


@dataclass
class StreamReport:
    """What a stream has done so far; written by its loop, readable any time."""

    account: StageAccount = field(default_factory=StageAccount)
    frames_out: int = 0
    keyframes: int = 0
    bytes_out: int = 0
    cuts: int = 0
    comfort: ComfortAccount = field(default_factory=ComfortAccount)
    drops: dict[str, int] = field(default_factory=lambda: {"credit": 0, "busy": 0})
    first_ns: int = 0
    last_ns: int = 0

    @property
    def fps(self) -> float:
        """Pictures sent per second, from the first to the last."""
        span_ns = self.last_ns - self.first_ns
        return (self.frames_out - 1) * 1e9 / span_ns if span_ns > 0 else 0.0


class Stream:
    """One live stream. `run` returns when the source ends or `stop` is set.

    strip  stamp the barcode of the latency measurement into both eyes
    """

    def __init__(
        self, source: PacedSource, session: Session, encoder: Encoder, sink: RouterSink,
        *, strip: bool = False,
    ) -> None:  # fmt: skip
        self._source = source
        self._session = session
        self._encoder = encoder
        self._sink = sink
        self._strip = strip
        self._controls = session.controls
        self.report = StreamReport()

    def run(self, stop: threading.Event) -> None:
        """Convert and send until the source ends or `stop` is set; raise what the source raised.

        A frame is taken only when the viewer that sets the pace wants one: what nobody would see is
        dropped before any work is done on it.
        """
        self._source.start()
        box = self._source.box
        dropped = 0
        while not stop.is_set():
            waited = not self._sink.wait_for_credit(0)
            if waited and not self._sink.wait_for_credit(_PATIENCE_S):
                if self._is_over():
                    box.check()
                    return
                continue
            self._obey_viewers()
            try:
                captured = box.take(_PATIENCE_S)
            except Closed:
                return
            cause = "credit" if waited else "busy"
            self.report.drops[cause] += box.dropped - dropped
            dropped = box.dropped
            if captured is not None:
                self._convert(captured)

    def _is_over(self) -> bool:
        """Return whether nothing will come that anybody waits for."""
        box = self._source.box
        if box.is_finished:
            return True
        # The last frame of a file is for whoever comes, that of a live source for who is there.
        return not self._source.waits and box.is_closed and self._sink.viewers == 0

    def _convert(self, captured: Captured) -> None:
        """Take one frame through the engine and the encoder to the viewers."""
        report, frame = self.report, captured.frame
        taken_ns = time.monotonic_ns()
        captured_ns = captured.t_capture_ns
        if captured_ns is None:
            captured_ns, moments = taken_ns, [taken_ns] * 3
        else:
            moments = [captured_ns, captured.t_dequeue_ns, taken_ns]
        stereo = self._session.step(
            frame,
            controls=self._controls,
            strip=(frame.index, report.frames_out) if self._strip else None,
            mark=lambda _: moments.append(time.monotonic_ns()),
        )
        packet = self._encoder.encode(stereo, keyframe=self._sink.key_wanted())
        moments.append(time.monotonic_ns())
        stamps = {f"t{number}": moment for number, moment in enumerate(moments)}
        self._sink.write(packet, seq=frame.index, t_capture_ns=moments[0], stamps=stamps)
        moments.append(time.monotonic_ns())
        report.account.add(dict(enumerate(moments)))
        report.first_ns = report.first_ns or moments[-1]
        report.last_ns = moments[-1]
        report.frames_out += 1
        report.keyframes += packet.is_keyframe
        report.bytes_out += len(packet.data)
        report.cuts = self._session.cuts
        report.comfort.add(stereo.comfort)

    def _obey_viewers(self) -> None:
        """Take over the eye parameters that viewers have asked for; the last one wins."""
        for event in self._sink.events():
            if isinstance(event.message, Quality):
                self._controls = self._controls.adjusted(vars(event.message))
