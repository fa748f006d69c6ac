"""Letting frames out at their time: a source on its own thread, behind a slot of one."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from stereocast.engine.frame import Frame
from stereocast.runtime.mailbox import Mailbox
from stereocast.runtime.source import Source

_LATE_NS = 100_000_000  # a file that is this late starts its clock anew instead of rushing


@dataclass(frozen=True)
class Captured:
    """A frame and the first moments of its journey, time.monotonic_ns().

    t_capture_ns  when it was due in the scene, or in a file played in real time. None: it has no
                  such moment, because its clock waits for the engine; its journey begins when the
                  engine takes it
    t_dequeue_ns  when the source began to make it; for a file, which decodes ahead, when it was due
    """

    frame: Frame
    t_capture_ns: int | None
    t_dequeue_ns: int


class PacedSource:
    """Run a source at its own speed and leave its frames in `box`.

    Of a live source the newest frame wins and the others are counted as dropped; of any other every
    frame waits for the engine, and the clock waits with it. `realtime` treats a file as live.

    waits   whether every frame waits for the engine
    frames  how many were let out so far
    missed  how many a live source had no time to make: it runs on a later clock from there on
    """

    def __init__(self, source: Source, *, realtime: bool = False) -> None:
        self._source = source
        self._live = source.info.live
        self.waits = not (self._live or realtime)
        self.box: Mailbox[Captured] = Mailbox(latest=not self.waits)
        self.frames = 0
        self.missed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    def start(self) -> None:
        """Begin to capture."""
        self._thread.start()

    def close(self) -> None:
        """Stop capturing and close the source. May be called twice."""
        self._stop.set()
        self.box.close()
        if self._thread.is_alive():
            self._thread.join()
        self._source.close()

    def _run(self) -> None:
        try:
            if self._live:
                self._emit_live()
            else:
                self._emit_file()
        except BaseException as failure:  # handed to the engine's thread, which raises it
            self.box.close(failure)
        else:
            self.box.close()

    def _emit_live(self) -> None:
        """Make each frame when it is due, which is what a camera would do.

        A scene that takes longer to make than a frame lasts would fall behind for ever: what was
        missed is counted, and the clock of the scene is moved on by it.
        """
        start_ns = time.monotonic_ns()
        interval_ns = round(1e9 / self._source.info.fps)
        frames = iter(self._source)
        due_ns = start_ns
        while self._sleep_until(due_ns):
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
        start_ns: int | None = None
        for frame in self._source:
            now_ns = time.monotonic_ns()
            is_late = start_ns is not None and now_ns - (start_ns + frame.pts_ns) > _LATE_NS
            if start_ns is None or is_late:
                start_ns = now_ns - frame.pts_ns
            due_ns = start_ns + frame.pts_ns
            if not self._sleep_until(due_ns):
                return
            captured_ns = None if self.waits else due_ns
            if not self.box.put(Captured(frame, captured_ns, due_ns)):
                return
            self.frames += 1

    def _sleep_until(self, moment_ns: int) -> bool:
        """Wait for a moment; return False if the source was closed meanwhile."""
        pause_s = (moment_ns - time.monotonic_ns()) / 1e9
        return not self._stop.wait(pause_s) if pause_s > 0 else not self._stop.is_set()
