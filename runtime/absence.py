"""Telling viewers that a live source is away, for how long, and that it is back."""

from __future__ import annotations

from collections.abc import Callable

from stereocast.engine.badge import away_words
from stereocast.runtime.pacing import PacedSource
from stereocast.runtime.wire import Notice

SPACING_NS = 5_000_000_000
_NANO = 1_000_000_000


class AbsenceTeller:
    """Says once that the source went, every few seconds for how long, and once that it came back.

    is_away  whether it is away; its last picture stands still meanwhile
    """

    def __init__(self, source: PacedSource, tell: Callable[[Notice], None]) -> None:
        self.is_away = False
        self._source = source
        self._tell = tell
        self._told_ns = 0

    def badge(self, now_ns: int) -> str:
        """Return what the picture that stands still is to say; nothing in the first second."""
        absence = self._source.absence
        seconds = 0 if absence is None else (now_ns - absence.since_ns) // _NANO
        return away_words(seconds) if seconds > 0 else ""

    def tick(self, now_ns: int) -> None:
        """Say what there is to say."""
        absence = self._source.absence
        if absence is None:
            if self.is_away:
                self.is_away = False
                self._tell(Notice(level="info", code="source-back", text="the source is back"))
            return
        if self.is_away and now_ns - self._told_ns < SPACING_NS:
            return
        self.is_away, self._told_ns = True, now_ns
        seconds = (now_ns - absence.since_ns) // _NANO
        reason = "".join(c if c.isprintable() else "?" for c in absence.reason)[:300]
        text = f"the source is away for {seconds} s ({reason}); it is called again"
        self._tell(Notice(level="warning", code="source-away", text=text))
