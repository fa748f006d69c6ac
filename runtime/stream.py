"""The only loop of a live stream: newest frame in, both eyes coded, out to the viewers."""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from dataclasses import asdict, replace

from stereocast.engine.badge import with_badge
from stereocast.engine.errors import EncodeError
from stereocast.engine.frame import StereoFrame
from stereocast.runtime.absence import AbsenceTeller
from stereocast.runtime.capture import CaptureWriter, Done
from stereocast.runtime.encode import Packet
from stereocast.runtime.mailbox import Closed
from stereocast.runtime.overload import Overload
from stereocast.runtime.pacing import Captured, PacedSource
from stereocast.runtime.playback import Playback
from stereocast.runtime.rig import Rig, RigBuilder
from stereocast.runtime.sink.zmq_router import RouterSink
from stereocast.runtime.soundness import step_soundly
from stereocast.runtime.stream_report import StreamReport
from stereocast.runtime.wire import DepthMap, Extension, Hello, Quality

_PATIENCE_S = 0.1  # how often a stream that waits looks whether it should stop
_TRUST_FRAMES = 100  # an encoder that fails again within so many makes way for a lesser one
_STILL_S = 0.02  # how often a paused one looks for wishes


class Stream:
    """One live stream. `run` returns when the source ends or `stop` is set.

    strip  stamp the barcode of the latency measurement into both eyes
    build  makes the rig for another size of frame; None: the size cannot change
    overload  what lightens the work of a live source that the engine cannot keep up with
    capture  where each step of the engine is kept
    The stream owns the rig from now on: close it.
    """

    def __init__(
        self, source: PacedSource, rig: Rig, sink: RouterSink,
        *, build: RigBuilder | None = None, overload: Overload | None = None,
        capture: CaptureWriter | None = None, strip: bool = False,
    ) -> None:  # fmt: skip
        self._source = source
        self._rig = rig
        self._build = build
        self._overload = overload
        self._capture = capture
        self._sink = sink
        self._strip = strip
        self._trusted_from = 0
        self._controls = rig.session.controls
        self._playback = Playback(source, sink.tell)
        self._absence = AbsenceTeller(source, sink.tell)
        self._shown: StereoFrame | None = None
        self._shown_turn: int | None = None
        self._badge = ""
        self._still_since_ns: int | None = None
        self.report = StreamReport()
        self.playback = self._playback.counts

    @property
    def is_paused(self) -> bool:
        """Whether a viewer has paused it."""
        return self._playback.is_paused

    @property
    def is_away(self) -> bool:
        """Whether its live source is away, and the last picture stands still."""
        return self._absence.is_away

    @property
    def given_up(self) -> str:
        """What it gives up to keep up, for a status line; empty where nothing."""
        return self._overload.status if self._overload is not None else ""

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        if self._overload is not None:
            self._overload.close()
        self._rig.close()

    def run(self, stop: threading.Event) -> None:
        """Convert and send until the source ends or `stop` is set; raise what the source raised.

        A frame is taken only when the viewer that sets the pace wants one: what nobody would see is
        dropped before any work is done on it. While a viewer has paused the stream, none is taken.
        """
        self._source.start()
        box = self._source.box
        dropped = 0
        while not stop.is_set():
            self._obey_viewers()
            self._absence.tick(time.monotonic_ns())
            if self._stands_still():
                self._show_again()
                stop.wait(_STILL_S)
                continue
            waited = not self._sink.wait_for_credit(0)
            if waited and not self._sink.wait_for_credit(_PATIENCE_S):
                if self._is_over():
                    box.check()
                    return
                continue
            try:
                captured = self._source.take(_PATIENCE_S)
            except Closed:
                return
            cause = "credit" if waited else "busy"
            self.report.drops[cause] += box.dropped - dropped
            dropped = box.dropped
            if captured is not None and self._lets_pass(captured):
                self.report.drops["deadline"] += 1
            elif captured is not None:
                self._convert(captured)
            elif self._absence.is_away:
                self._show_again()

    def _is_over(self) -> bool:
        """Return whether nothing will come that anybody waits for."""
        box = self._source.box
        if box.is_finished:
            return True
        # The last frame of a file is for whoever comes, that of a live source for who is there.
        return not self._source.waits and box.is_closed and self._sink.viewers == 0

    def _stands_still(self) -> bool:
        """Return whether the stream is paused, and the picture where it is was shown."""
        return self._playback.is_paused and self._shown_turn == self._source.turn

    def _convert(self, captured: Captured) -> None:
        """Take one frame through the engine and the encoder to the viewers."""
        report, frame = self.report, captured.frame
        has_turned = captured.turn != (self._shown_turn or 0)
        self._fit((frame.rgb.shape[1], frame.rgb.shape[2]))
        session = self._rig.session
        if has_turned:
            session.reset()
        taken_ns = time.monotonic_ns()
        captured_ns = captured.t_capture_ns
        if captured_ns is None:
            captured_ns, moments = taken_ns, [taken_ns] * 3
        else:
            moments = [captured_ns, captured.t_dequeue_ns, taken_ns]
        known = len(moments)
        strip = (frame.index, report.frames_out) if self._strip else None
        may_move = self._overload is not None and self._overload.may_move_depth

        def step() -> StereoFrame:
            del moments[known:]  # of a step that came to nothing
            return session.step(
                frame,
                controls=self._controls,
                strip=strip,
                mark=lambda _: moments.append(time.monotonic_ns()),
                # Who comes in a pause may ask for the depth of the picture that stands still.
                with_thumbnail=self._source.can_pause or self._sink.depth_wanted(),
                may_move_depth=may_move,
            )

        stereo, was_poisoned = step_soundly(session, step)
        report.poisoned += was_poisoned
        if self._capture is not None:
            self._capture.add(
                Done(
                    session, frame, stereo, captured_ns, self._controls, strip, may_move,
                    is_reset=has_turned or was_poisoned,
                )
            )  # fmt: skip
        packet = self._encode(stereo, is_key=has_turned or self._sink.key_wanted())
        moments.append(time.monotonic_ns())
        self._send(packet, stereo, moments, is_discontinuous=has_turned)
        moments.append(time.monotonic_ns())
        self._shown, self._shown_turn, self._badge = stereo, captured.turn, ""
        self._account(packet, moments)
        if self._overload is not None:
            self._overload.done(moments[-1] - taken_ns, moments[-1])
        self.report.comfort.add(stereo.comfort)
        self.report.refine.add(stereo.facts)

    def _fit(self, frame_size: tuple[int, int]) -> None:
        """See that the rig is for frames of this size."""
        lighter = self._overload.new_session() if self._overload is not None else None
        if lighter is not None and lighter.frame_size == self._rig.session.frame_size:
            self._rig = replace(self._rig, session=lighter)
        if frame_size == self._rig.session.frame_size or self._build is None:
            return
        self._change_to(self._build(frame_size))
        self.report.refits += 1

    def _lets_pass(self, captured: Captured) -> bool:
        """Return whether no work is to be done on a frame; the first one of a turn is wanted."""
        if self._overload is None or captured.turn != (self._shown_turn or 0):
            return False
        return self._overload.lets_pass(captured, time.monotonic_ns())

    def _encode(self, stereo: StereoFrame, *, is_key: bool) -> Packet:
        """Code a picture; an encoder that fails is replaced, and left out if it fails again.

        Raises EncodeError where none is left.
        """
        try:
            return self._rig.encoder.encode(stereo, keyframe=is_key)
        except EncodeError:
            if self._build is None:
                raise
        while True:
            again = self.report.frames_out < self._trusted_from
            self.report.encoder_failures += 1
            self._trusted_from = self.report.frames_out + _TRUST_FRAMES
            # With the session that there is: another would take seconds to begin on a GPU.
            session = self._rig.session
            self._change_to(self._build(session.frame_size, session=session, lower=again))
            with suppress(EncodeError):
                return self._rig.encoder.encode(stereo, keyframe=True)

    def _change_to(self, rig: Rig) -> None:
        """Go on with another rig; viewers get RECONFIG, and then a key picture."""
        self._rig.close()
        self._rig = rig
        self._sink.reconfigure(replace(rig.stream, controls=asdict(self._controls)))
        self._shown = None

    def _send(
        self, packet: Packet, stereo: StereoFrame, moments: list[int], *,
        is_discontinuous: bool = False,
    ) -> None:  # fmt: skip
        """Hand a packet and what is known of its picture to the viewers."""
        position_s = max(0, stereo.pts_ns - self._source.info.origin_ns) / 1e9
        given_up = {} if self._overload is None else self._overload.facts
        facts = {"position_s": position_s, **stereo.facts, **given_up}
        extension = Extension(
            stamps={f"t{number}": moment for number, moment in enumerate(moments)},
            facts={name: value for name, value in facts.items() if math.isfinite(value)},
            depth=_depth_map(stereo),
        )
        self._sink.write(
            packet,
            seq=stereo.index,
            t_capture_ns=moments[0],
            extension=extension,
            is_discontinuous=is_discontinuous,
        )

    def _account(self, packet: Packet, moments: list[int]) -> None:
        report = self.report
        report.account.add(dict(enumerate(moments)))
        if self._still_since_ns is not None:
            report.still_ns += moments[0] - self._still_since_ns
            self._still_since_ns = None
        report.first_ns = report.first_ns or moments[-1]
        report.last_ns = moments[-1]
        report.frames_out += 1
        report.keyframes += packet.is_keyframe
        report.bytes_out += len(packet.data)
        report.cuts = self._rig.session.cuts

    def _show_again(self) -> None:
        """Send the picture that stands still to viewers who came or stumbled meanwhile.

        It is coded anew as a key picture, and nothing of it is measured: it is as old as the pause.
        Of a source that is away it says so, anew every second, at a time of its own.
        """
        now_ns = time.monotonic_ns()
        self._still_since_ns = self._still_since_ns or now_ns
        is_news = (badge := self._absence.badge(now_ns)) != self._badge
        shown, is_missed = self._shown, self._sink.key_wanted()
        if shown is None or not ((is_news or is_missed) and self._sink.wait_for_credit(0)):
            return
        self._badge = badge
        if badge:
            pts_ns = shown.pts_ns + now_ns - self.report.last_ns
            shown = with_badge(replace(shown, pts_ns=pts_ns), badge)
        packet = self._rig.encoder.encode(shown, keyframe=True)
        self._send(packet, shown, [now_ns])
        self.playback.repeats += is_missed
        self.report.bytes_out += len(packet.data)

    def _obey_viewers(self) -> None:
        """Take over what viewers have asked for; the last one wins."""
        for event in self._sink.events():
            if isinstance(event.message, Quality):
                self._controls = self._controls.adjusted(vars(event.message))
                self._sink.describe_controls(asdict(self._controls))
                self._playback.obey(event.viewer, event.message)
            elif isinstance(event.message, Hello):
                self._playback.welcome()
        if self._playback.is_paused and self._sink.viewers == 0:
            self._playback.abandon()
        self._playback.tick(time.monotonic_ns())


def _depth_map(stereo: StereoFrame) -> DepthMap | None:
    small = stereo.thumbnail
    if small is None:
        return None
    return DepthMap(w=small.shape[1], h=small.shape[0], data=small.cpu().numpy().tobytes())
