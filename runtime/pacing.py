"""Letting frames out at their time: a source on its own thread, behind a slot of one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from stereocast.engine.frame import Frame
from stereocast.runtime.mailbox import Mailbox
from stereocast.runtime.sound.play_line import PlayLine
from stereocast.runtime.source import Absence, Arrival, ArrivingSource, SeekableSource, Source

_LATE_NS = 100_000_000  # a file that is this late starts its clock anew instead of rushing
_END_LOOK_S = 0.02  # how often a file that was read to its end looks whether its last frame is gone


@dataclass(frozen=True)
class Captured:
    """A frame and the first moments of its journey, time.monotonic_ns().

    t_capture_ns  when it was due in the scene, or in a file played in real time. None: it has no
                  such moment, because its clock waits for the engine; its journey begins when the
                  engine takes it
    t_dequeue_ns  when the source began to make it; for a file, which decodes ahead, when it was
                  due; for what comes by itself, when it was wanted
    turn          how many seeks, or gaps of a live source, came before it
    """

    frame: Frame
    t_capture_ns: int | None
    t_dequeue_ns: int
    turn: int = 0


class PacedSource:
    """Run a source at its own speed and leave its frames in `box`.

    Of a live source the newest frame wins and the others are counted as dropped; of any other every
    frame waits for the engine, and the clock waits with it. `realtime` treats a file as live.

    waits   whether every frame waits for the engine
    frames  how many were let out so far
    missed  how many a live source had no time to make: it runs on a later clock from there on
    turn    how many seeks were asked for, or gaps met
    stale   frames let out that a seek or a pause made useless before the engine took them
    play    where the playing of a file stands, for its sound
    """

    def __init__(self, source: Source, *, realtime: bool = False) -> None:
        self.info = source.info
        self._source = source
        self._seekable = _seekable(source)
        self.waits = not (source.info.live or realtime)
        self._arriving = source if isinstance(source, ArrivingSource) else None
        self.box: Mailbox[Captured | Arrival] = Mailbox(latest=not self.waits)
        self.frames = 0
        self.missed = 0
        self.turn = self.stale = 0
        self.play = PlayLine()
        self._changed = threading.Condition()
        self._is_closed = self._is_over = self._is_paused = False
        self._target_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    @property
    def can_pause(self) -> bool:
        """Whether the source can wait; a live one cannot."""
        return not self.info.live

    @property
    def can_seek(self) -> bool:
        """Whether the source can go on elsewhere."""
        return self._seekable is not None

    @property
    def absence(self) -> Absence | None:
        """Why nothing comes from a live source at the moment; None while pictures come."""
        return None if self._arriving is None else self._arriving.absence

    @property
    def reconnects(self) -> int:
        """How often a live source was away and came back."""
        return 0 if self._arriving is None else self._arriving.reconnects

    @property
    def can_shrink(self) -> bool:
        """Whether the source can deliver smaller pictures."""
        return self._arriving is not None

    def shrink(self, share: float) -> None:
        """Let pictures come at a share of their size from now on, as far as the source can."""
        if self._arriving is not None:
            self._arriving.shrink(share)

    def start(self) -> None:
        """Begin to capture."""
        self._thread.start()

    def pause(self, is_paused: bool) -> None:
        """Let no frame out, or go on: a paused file does not end either.

        The first frame of the file and of each seek comes all the same, so that it can be seen.
        """
        if not self.waits and not is_paused:
            self.stale += self.box.clear()  # as old as the pause
        self.play.pause(is_paused)
        with self._changed:
            self._is_paused = is_paused
            self._changed.notify_all()

    def seek(self, position_s: float) -> bool:
        """Go on from another position; of several requests the last one counts.

        Returns False if that cannot be: of this source, or because it has come to its end.
        """
        with self._changed:
            if self._seekable is None or self._is_over or self._is_closed:
                return False
            self.turn += 1
            self._target_s = position_s
            self._changed.notify_all()
        # The thread may be waiting for room; what it then puts is of an earlier turn.
        self.stale += self.box.clear()
        return True

    def take(self, timeout_s: float) -> Captured | None:
        """Return the next frame, or None: nothing came in time, or only what a seek made stale.

        Raises as `Mailbox.take` does. For the thread that seeks.
        """
        captured = self.box.take(timeout_s)
        if isinstance(captured, Arrival):
            return self._receive(captured)
        if captured is not None and captured.turn != self.turn:
            self.stale += 1
            return None
        if captured is not None and self.waits:
            # This very moment is its capture; in real time that was when it was let out.
            pts_ns, due_ns = captured.frame.pts_ns, captured.t_dequeue_ns
            self.play.takes(pts_ns, due_ns, time.monotonic_ns())
        return captured

    def _receive(self, arrival: Arrival) -> Captured | None:
        """Make a frame of what came; that costs time, so it is done only for what is wanted."""
        dequeued_ns = time.monotonic_ns()
        frame = arrival.read()
        if frame is None:
            self.stale += 1
            return None
        self.turn = arrival.turn
        return Captured(frame, arrival.t_capture_ns, dequeued_ns, arrival.turn)

    def close(self) -> None:
        """Stop capturing and close the source. May be called twice."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self.play.close()
        self.box.close()
        if self._arriving is not None:
            self._source.close()  # its thread may be waiting for a picture that never comes
        if self._thread.is_alive():
            self._thread.join()
        self._source.close()

    def _run(self) -> None:
        try:
            if self._arriving is not None:
                self._emit_arrivals(self._arriving)
            elif self.info.live:
                self._emit_live()
            else:
                self._emit_file()
        except BaseException as failure:  # handed to the engine's thread, which raises it
            self._end()
            self.box.close(failure)
        else:
            self._end()
            self.box.close()

    def _end(self) -> None:
        with self._changed:
            self._is_over = True

    def _emit_arrivals(self, source: ArrivingSource) -> None:
        """Let each picture out the moment it comes."""
        for arrival in source.arrivals():
            if not self.box.put(arrival):
                return
            self.frames += 1

    def _emit_live(self) -> None:
        """Make each frame when it is due, which is what a camera would do.

        A scene that takes longer to make than a frame lasts would fall behind for ever: what was
        missed is counted, and the clock of the scene is moved on by it.
        """
        start_ns = time.monotonic_ns()
        interval_ns = round(1e9 / self.info.fps)
        frames = iter(self._source)
        due_ns = start_ns
        while self._may_go(due_ns, 0, in_pause=False):
            began_ns = time.monotonic_ns()
            missed = (began_ns - due_ns) // interval_ns
            if missed > 0:
                self.missed += missed
                start_ns += missed * interval_ns
                due_ns += missed * interval_ns
            frame = next(frames, None)
            if frame is None or not self.box.put(Captured(frame, due_ns, began_ns)):
                return
            self.frames += 1
            due_ns = start_ns + frame.pts_ns + interval_ns

    def _emit_file(self) -> None:
        """Decode one frame ahead and let it out at its presentation time."""
        frames, turn = iter(self._source), 0
        start_ns: int | None = None
        is_first = True
        while not self._is_closed:
            if turn != self.turn:
                frames, turn = self._turned()
                start_ns, is_first = None, True
            frame = next(frames, None)
            if frame is None:
                if self._has_ended(turn):
                    return
                continue
            self.play.awaits(frame.pts_ns, turn)
            if start_ns is None:
                start_ns = time.monotonic_ns() - frame.pts_ns
            due_ns = start_ns + frame.pts_ns
            if not self._may_go(due_ns, turn, in_pause=is_first):
                continue
            now_ns = time.monotonic_ns()
            if now_ns - due_ns > _LATE_NS:
                start_ns, due_ns = now_ns - frame.pts_ns, now_ns
            self.play.lets_out(frame.pts_ns, due_ns)
            if not self.waits:
                self.play.takes(frame.pts_ns, due_ns, due_ns)
            captured_ns = None if self.waits else due_ns
            if not self.box.put(Captured(frame, captured_ns, due_ns, turn)):
                return
            self.frames += 1
            is_first = False

    def _turned(self) -> tuple[Iterator[Frame], int]:
        """Do the seek that was asked for last; return its frames and the number of its turn."""
        with self._changed:
            position_s, turn = self._target_s, self.turn
        assert self._seekable is not None and position_s is not None
        return self._seekable.seek(position_s), turn

    def _may_go(self, due_ns: int, turn: int, *, in_pause: bool) -> bool:
        """Wait until a frame is due, and for the end of a pause unless it may go `in_pause`.

        Returns False if nobody wants it any more: the source was closed, or sought elsewhere.
        """
        with self._changed:
            while not self._is_closed and self.turn == turn:
                left_s = (due_ns - time.monotonic_ns()) / 1e9
                if self._is_paused and not in_pause:
                    self._changed.wait()
                elif left_s > 0:
                    self._changed.wait(left_s)
                else:
                    return True
            return False

    def _has_ended(self, turn: int) -> bool:
        """Wait at the end of a file; return False if a seek leads away from it.

        Until its last frame is taken and no pause holds it, a viewer may still go back.
        """
        with self._changed:
            while not self._is_closed and self.turn == turn:
                if not self._is_paused and (self.box.is_empty or not self.waits):
                    self._is_over = True
                    return True
                self._changed.wait(_END_LOOK_S)
            return self._is_closed


def _seekable(source: Source) -> SeekableSource | None:
    if isinstance(source, SeekableSource) and source.info.seekable_ns is not None:
        return source
    return None
