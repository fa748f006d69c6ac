"""Where pictures come from: the contract of a source, and the choice of one by its address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:  # the processes that read live sources have no torch
    from stereocast.engine.frame import Frame
    from stereocast.runtime.sound.listener import Sound


@dataclass(frozen=True)
class SourceInfo:
    """What is known of a source once it is open.

    width, height  of the upright frames it delivers, square pixels
    fps            average rate, for rate control and display only; pts_ns is the truth
    frames         how many will come, None when the source cannot promise it
    duration_ns    None when unknown
    start_ns       presentation time of the first frame
    live           True: newest frame wins; False: every frame counts
    origin_ns      presentation time from which positions in the source are counted
    seekable_ns    how long the source is for `seek`, None where it cannot seek
    time_base      unit in which the source counts presentation time, for writing files
    notes          what was decided on the user's behalf, said aloud once
    """

    address: str
    width: int
    height: int
    fps: float
    live: bool
    time_base: Fraction
    frames: int | None = None
    duration_ns: int | None = None
    start_ns: int = 0
    origin_ns: int = 0
    seekable_ns: int | None = None
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """An opened source. Iterate once; close always."""

    info: SourceInfo

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames with strictly increasing pts_ns; raise SourceError where it breaks."""

    def close(self) -> None:
        """Release files, decoders and threads. May be called twice."""


@runtime_checkable
class SeekableSource(Source, Protocol):
    """A source that can go on elsewhere, if its `info.seekable_ns` says so."""

    def seek(self, position_s: float) -> Iterator[Frame]:
        """Return the frames from a position on; they replace those that were not read yet.

        position_s  seconds after `info.origin_ns`, brought into the source's length
        Indices grow on, times begin anew. Call it between two frames, on the thread that reads.
        Raises SourceError where the source cannot.
        """


@runtime_checkable
class SoundedFile(Protocol):
    """A source that is a file, which whoever wants its sound may open again.

    audio_codec  codec of the sound that belongs to the pictures, None without sound
    """

    path: Path
    audio_codec: str | None


@runtime_checkable
class SoundedSource(Protocol):
    """A live source that may bring sound with its pictures."""

    def sound(self) -> Sound | None:
        """Return its sound, None where it has none. Call it once, after opening."""


@dataclass(frozen=True)
class Arrival:
    """A picture that came by itself; it becomes a frame only if somebody wants it.

    t_capture_ns  time.monotonic_ns() when it was taken
    turn          how often the source had begun anew before it, after a gap or a change of size
    read          return its frame, or None if a newer picture has taken its place
    """

    t_capture_ns: int
    turn: int
    read: Callable[[], Frame | None]


@dataclass(frozen=True)
class Absence:
    """A source that is away: since when (time.monotonic_ns()), why, and that it is called again."""

    since_ns: int
    reason: str


@runtime_checkable
class ArrivingSource(Source, Protocol):
    """A live source whose pictures come when they come: a camera, a screen, the network.

    absence    why nothing comes at the moment; None while pictures come
    reconnects  how often it came back
    """

    absence: Absence | None
    reconnects: int

    def shrink(self, share: float) -> None:
        """Deliver pictures at a share of their size, 1 for all of it, from the next one read on."""

    def arrivals(self) -> Iterator[Arrival]:
        """Yield what comes, until the source ends; waits, also for its return. Iterate once.

        Raises SourceError where calling it again is of no use.
        """
