"""What can be done with each decoded picture: record, measure, save one, show.

The session hands every good picture to every output, in order, and never asks what they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from av.video.frame import VideoFrame

from stereocast.engine.errors import EncodeError
from stereocast.runtime.packet import Packet
from stereocast.runtime.sink.record import Recorder
from stereocast.runtime.watch import measure, snapshot
from stereocast.runtime.watch.decode import luma
from stereocast.runtime.watch.pace import Pace
from stereocast.runtime.wire import FrameMessage


@dataclass(frozen=True)
class Shown:
    """One good picture.

    frame    the message that it came in
    picture  its pixels
    pace     rate and ages of the stream right now, for captions
    """

    frame: FrameMessage
    picture: VideoFrame
    pace: Pace


class Output(Protocol):
    """Somewhere for pictures to go."""

    is_finished: bool
    """True when it wants the whole viewer to end: its window was closed, its one picture saved."""
    presents: bool
    """True where a person sees the picture when `take` returns."""

    def take(self, shown: Shown) -> None:
        """Use one picture. Takes as long as it takes: the server waits for the credit."""

    def idle(self) -> None:
        """Do what cannot wait for a picture; called many times a second."""

    def close(self) -> None:
        """Finish what was begun. May be called twice."""


class Record:
    """Writes the packets as they came into a file, from the first keyframe on."""

    is_finished = False
    presents = False

    def __init__(self, path: Path, *, fps: float, extradata: bytes) -> None:
        self._path, self._fps, self._extradata = path, fps, extradata
        self._recorder: Recorder | None = None
        self._shape: tuple[object, ...] = ()
        self.frames = 0

    def take(self, shown: Shown) -> None:
        """Append one packet; EncodeError where the stream's codec or size changed meanwhile."""
        frame = shown.frame
        shape = (frame.codec.name.lower(), frame.w, frame.h, frame.layout)
        if self._recorder is None:
            self._shape = shape
            self._recorder = Recorder(
                self._path,
                codec=frame.codec.name.lower(),
                width=frame.w,
                height=frame.h,
                fps=self._fps,
                layout=frame.layout,
                extradata=self._extradata,
            )
        if shape != self._shape:
            raise EncodeError(
                f"the stream changed from {_words(self._shape)} to {_words(shape)}, which one file "
                f"cannot hold; {self._path} is finished after {self.frames} frames. "
                "Start watch again with another file."
            )
        self._recorder.write(Packet(frame.payload, frame.src_pts_ns, frame.is_keyframe))
        self.frames += 1

    def idle(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Write what a player needs to find its way in the file."""
        if self._recorder is not None:
            self._recorder.close()


class Measure:
    """Reads the latency strips."""

    is_finished = False
    presents = False

    def __init__(self) -> None:
        self.strips = measure.StripCounts()

    def take(self, shown: Shown) -> None:
        """Judge one picture."""
        self.strips.judge(luma(shown.picture), shown.frame.layout, seq=shown.frame.seq)

    def idle(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing to finish."""


class Snapshot:
    """Saves one picture: the first, or with `last` the one before the end."""

    presents = False

    def __init__(self, path: Path, *, last: bool, ends_watch: bool) -> None:
        snapshot.check_path(path)
        self._path, self._last, self._ends_watch = path, last, ends_watch
        self._waiting: VideoFrame | None = None
        self.is_saved = False
        self.is_finished = False

    def take(self, shown: Shown) -> None:
        """Save the picture, or keep it until a later one comes."""
        if self._last:
            self._waiting = shown.picture
        elif not self.is_saved:
            self._save(shown.picture)

    def idle(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Save the picture that was kept."""
        if self._waiting is not None:
            picture, self._waiting = self._waiting, None
            self._save(picture)

    def _save(self, picture: VideoFrame) -> None:
        snapshot.save_png(picture, self._path)
        self.is_saved = True
        self.is_finished = self._ends_watch


def _words(shape: tuple[object, ...]) -> str:
    codec, width, height, layout = shape
    return f"{codec} {width}×{height} {layout}"
