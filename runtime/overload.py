"""Keeping a live stream young: frames let pass before work, rungs of the ladder put into force.

What to give up is runtime/ladder.py. A session with other settings is built beside the stream, on
a thread of its own, and takes over when it is ready.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from stereocast.engine.errors import StereocastError
from stereocast.engine.session import Session
from stereocast.runtime.ladder import Deadline, Ladder, Rung, Workload
from stereocast.runtime.mailbox import Mailbox
from stereocast.runtime.pacing import Captured, PacedSource
from stereocast.runtime.wire import Notice

SessionBuilder = Callable[[tuple[int, int], Rung], Session]
"""Makes a session for frames of (H, W) on a rung; may take seconds."""


class Overload:
    """Watches one live stream and lightens its work.

    steps  the rungs it changed to, with the frame before which it did, the last hundred
    """

    def __init__(
        self, source: PacedSource, ladder: Ladder, build: SessionBuilder,
        tell: Callable[[Notice], None],
    ) -> None:  # fmt: skip
        self.ladder = ladder
        self.steps: list[tuple[int, str]] = []
        self._source = source
        self._build = build
        self._tell = tell
        self._interval_ns = round(1e9 / source.info.fps)
        self._workload = Workload()
        self._deadline = Deadline()
        self._sessions: Mailbox[Session] = Mailbox(latest=True)
        self._builder: threading.Thread | None = None
        self._frames = 0
        self._frame_size = (source.info.height, source.info.width)

    @property
    def report(self) -> dict[str, object]:
        """What was given up, for a report."""
        ladder = self.ladder
        return {
            "rung": ladder.rung.name,
            "index": ladder.index,
            "downs": ladder.downs,
            "ups": ladder.ups,
            "steps": [list(step) for step in self.steps],
        }

    @property
    def facts(self) -> dict[str, float]:
        """What viewers and metrics are told with each frame: the step it stands on, 0 for none."""
        return {"degrade_step": float(self.ladder.index)}

    @property
    def status(self) -> str:
        """What is given up, for a status line; empty where nothing is."""
        return f" · {self.ladder.rung.name}" if self.ladder.index else ""

    @property
    def may_move_depth(self) -> bool:
        """Whether depth need not be estimated in the next frame."""
        return self._frames % self.ladder.rung.depth_every != 0

    def lets_pass(self, captured: Captured, now_ns: int) -> bool:
        """Return whether to do no work on a frame: it is left out, or a younger one is near."""
        self._frame_size = (captured.frame.rgb.shape[1], captured.frame.rgb.shape[2])
        every = self.ladder.rung.take_every
        if every > 1 and captured.frame.index % every:
            return True
        if captured.t_capture_ns is None:
            return False
        age_ns = now_ns - captured.t_capture_ns
        return self._deadline.skips(age_ns, self._workload.p90_ns(), self._interval_ns * every)

    def done(self, work_ns: int, now_ns: int) -> None:
        """Note the work on a frame, and step where it is time to."""
        self._frames += 1
        self._workload.add(work_ns)
        p90_ns = self._workload.p90_ns()
        is_building = self._builder is not None and self._builder.is_alive()
        if p90_ns == 0 or is_building or not self._sessions.is_empty:
            return
        before = self.ladder.rung
        load = p90_ns / (self._interval_ns * before.take_every)
        rung = self.ladder.observe(load, now_ns)
        if rung is not None:
            self._change(before, rung)

    def new_session(self) -> Session | None:
        """Return the session of a new rung, once it is ready; its frame size may be the old one."""
        if self._sessions.is_empty:
            return None
        self._workload.clear()
        return self._sessions.take(0.0)

    def close(self) -> None:
        """Wait for what is being built. May be called twice."""
        if self._builder is not None:
            self._builder.join()

    def _change(self, before: Rung, rung: Rung) -> None:
        self._workload.clear()
        self.steps = [*self.steps[-99:], (self._frames, rung.name)]
        place = f"step {self.ladder.index} of {self.ladder.height}"
        level = "warning" if self.ladder.index else "info"
        text = f"to keep up: {rung.name} ({place})" if self.ladder.index else rung.name
        self._tell(Notice(level=level, code="degrade", text=text))
        if rung.scale != before.scale:
            self._source.shrink(rung.scale)
        if _engine_part(rung) != _engine_part(before):
            self._builder = threading.Thread(
                target=self._build_session, args=(rung,), name="rung", daemon=True
            )
            self._builder.start()

    def _build_session(self, rung: Rung) -> None:
        try:
            self._sessions.put(self._build(self._frame_size, rung))
        except StereocastError as error:  # what runs goes on as it is
            text = "".join(c if c.isprintable() else "?" for c in str(error))[:300]
            self._tell(Notice(level="warning", code="degrade", text=f"not possible: {text}"))


def _engine_part(rung: Rung) -> tuple[object, ...]:
    return rung.simple_fill, rung.grid_share, rung.depth_every
