"""Pause and seek for everybody who watches: any viewer may ask, and all are told who did.

Decides what a wish means and what is said about it. The source's clock is runtime/pacing.py, what
viewers see meanwhile is runtime/stream.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stereocast.runtime.pacing import PacedSource
from stereocast.runtime.wire import Notice, Quality

SPACING_NS = 500_000_000
"""Between two notices on one matter: who drags a slider seeks many times a second."""


@dataclass
class PlaybackCounts:
    """What viewers asked for.

    pauses, seeks  how often they were obeyed
    refused        wishes that the source cannot fulfil
    repeats        pictures coded again for a viewer who came while the stream stood still
    """

    pauses: int = 0
    seeks: int = 0
    refused: int = 0
    repeats: int = 0


class Playback:
    """Obeys wishes to pause and to seek, the last one first, and says so.

    is_paused  whether the stream is to stand still
    """

    def __init__(self, source: PacedSource, tell: Callable[[Notice], None]) -> None:
        """Steer `source`; `tell` brings a notice to all viewers."""
        self.is_paused = False
        self.counts = PlaybackCounts()
        self._source = source
        self._tell = tell
        self._untold: dict[str, Notice] = {}
        self._told_ns: dict[str, int] = {}
        self._paused_by = ""

    def obey(self, viewer: str, wish: Quality) -> None:
        """Do what a viewer wishes of the source; what it does not mention stays as it is."""
        if wish.paused is not None and wish.paused != self.is_paused:
            self._pause(viewer, wish.paused)
        if wish.seek_s is not None:
            self._seek(viewer, wish.seek_s)

    def welcome(self) -> None:
        """Tell once more that the stream is paused: somebody came who cannot know it."""
        if self.is_paused:
            self._say("pause", "paused", f"paused by {self._paused_by}")

    def abandon(self) -> None:
        """Go on: the last viewer has left, and the next one shall not have to find out how."""
        if self.is_paused:
            self.is_paused = False
            self._source.pause(False)
            self._untold.clear()

    def tick(self, now_ns: int) -> None:
        """Send the notices whose time has come, on each matter the newest."""
        for matter in tuple(self._untold):
            told_ns = self._told_ns.get(matter)
            if told_ns is None or now_ns - told_ns >= SPACING_NS:
                self._told_ns[matter] = now_ns
                self._tell(self._untold.pop(matter))

    def _pause(self, viewer: str, is_paused: bool) -> None:
        if not self._source.can_pause:
            self._refuse("a live source cannot be paused; it goes on for everybody")
            return
        self.is_paused = is_paused
        self._source.pause(is_paused)
        if is_paused:
            self.counts.pauses += 1
            self._paused_by = viewer
            self._say("pause", "paused", f"paused by {viewer}")
        else:
            self._say("pause", "resumed", f"resumed by {viewer}")

    def _seek(self, viewer: str, position_s: float) -> None:
        if not self._source.can_seek:
            kind = "a live source" if self._source.info.live else "this file has no index and"
            self._refuse(f"{kind} cannot be sought in; it goes on as it is")
            return
        length_ns = self._source.info.seekable_ns or 0
        position_s = min(position_s, length_ns / 1e9)
        if not self._source.seek(position_s):
            self._refuse("the file has come to its end; start the stream again to see it anew")
            return
        self.counts.seeks += 1
        self._say("seek", "seek", f"{viewer} went to {_clock(position_s)}")

    def _refuse(self, text: str) -> None:
        self.counts.refused += 1
        self._say("refused", "refused", text, level="warning")

    def _say(self, matter: str, code: str, text: str, *, level: str = "info") -> None:
        self._untold[matter] = Notice(level=level, code=code, text=text)


def _clock(position_s: float) -> str:
    minutes, seconds = divmod(int(position_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
