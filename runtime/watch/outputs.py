"""What can be done with each decoded picture: record, measure, save one, show.

The session hands every good picture to every output, in order, and never asks what they do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from av.video.frame import VideoFrame

from stereocast.engine.errors import EncodeError, StereocastError
from stereocast.engine.layout import View
from stereocast.runtime.packet import Packet
from stereocast.runtime.sink.output import VideoShape
from stereocast.runtime.sink.record import Recorder
from stereocast.runtime.watch import measure, snapshot
from stereocast.runtime.watch.decode import luma
from stereocast.runtime.watch.pace import Pace
from stereocast.runtime.watch.sound import SoundAccount
from stereocast.runtime.watch.view import layout_of, view_pixels
from stereocast.runtime.wire import FrameMessage, SoundMessage, Stream

UNKNOWN_FPS = 30.0
"""Nominal rate where the server knows none; each picture keeps its own time anyway."""


@dataclass(frozen=True)
class Shown:
    """One good picture.

    frame    the message that it came in
    picture  its pixels
    pace     rate and ages of the stream right now, for captions
    age_ns   how old it was when it was decoded; None where the clocks cannot tell
    """

    frame: FrameMessage
    picture: VideoFrame
    pace: Pace
    age_ns: int | None = None


@dataclass(frozen=True)
class Heard:
    """One packet of sound.

    received_ns   when it came in, on this process's clock
    t_capture_ns  as in the message, on this process's clock; None while nobody knows
    """

    sound: SoundMessage
    received_ns: int
    t_capture_ns: int | None


class Output(Protocol):
    """Somewhere for pictures to go."""

    is_finished: bool
    """True when it wants the whole viewer to end: its window was closed, its one picture saved."""
    presents: bool
    """True where a person sees the picture when `take` returns."""

    def take(self, shown: Shown) -> None:
        """Use one picture. Takes as long as it takes: the server waits for the credit."""

    def hear(self, heard: Heard) -> None:
        """Use one packet of sound."""

    def idle(self) -> None:
        """Do what cannot wait for a picture; called many times a second."""

    def close(self) -> None:
        """Finish what was begun. May be called twice."""


class Record:
    """Writes the packets as they came into a Matroska file, from the first keyframe on."""

    is_finished = False
    presents = False

    def __init__(self, path: Path, stream: Stream, *, overwrite: bool) -> None:
        """Open the file for what the server's WELCOME describes.

        Raises EncodeError where the name is taken and `overwrite` is not set, or cannot be written.
        """
        self.path = path
        self.is_complete = False
        self._shape = (stream.codec, stream.w, stream.h, stream.layout)
        shape = VideoShape(
            width=stream.w,
            height=stream.h,
            fps=stream.fps or UNKNOWN_FPS,
            layout=layout_of(stream.layout),
        )
        self._recorder = Recorder(
            path, codec=stream.codec, video=shape, audio=stream.audio, overwrite=overwrite
        )

    @property
    def frames(self) -> int:
        """How many packets were written."""
        return self._recorder.packets

    def take(self, shown: Shown) -> None:
        """Append one packet; EncodeError where the stream's codec or shape changed meanwhile."""
        frame = shown.frame
        shape = (frame.codec.name.lower(), frame.w, frame.h, frame.layout.value)
        if shape != self._shape:
            raise EncodeError(
                f"the stream changed from {_words(self._shape)} to {_words(shape)}, which one file "
                f"cannot hold; {self.path} ends after {self.frames} frames. "
                "Start watch again with another file."
            )
        packet = Packet(frame.payload, frame.src_pts_ns, frame.is_keyframe)
        self._recorder.write(packet, t_capture_ns=frame.t_capture_ns)

    @property
    def sounds(self) -> int:
        """How many packets of sound were written."""
        return self._recorder.sounds

    def hear(self, heard: Heard) -> None:
        """Append one packet of sound when its pictures are written."""
        self._recorder.hear(heard.sound)

    def idle(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Give the finished file its name; EncodeError where not one picture came."""
        self._recorder.close()
        self.is_complete = True


class Measure:
    """Reads the latency strips, and sees whether sound comes in time."""

    is_finished = False
    presents = False

    def __init__(self) -> None:
        self.strips = measure.StripCounts()
        self.sound = SoundAccount()

    def take(self, shown: Shown) -> None:
        """Judge one picture."""
        if shown.age_ns is not None:
            self.sound.picture(shown.age_ns, time.monotonic_ns())
        self.strips.judge(luma(shown.picture), shown.frame.layout, seq=shown.frame.seq)

    def hear(self, heard: Heard) -> None:
        """Judge one packet of sound."""
        self.sound.add(heard.sound, heard.received_ns, heard.t_capture_ns)

    def idle(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing to finish."""


class Snapshot:
    """Saves one picture: the first, or with `last` the one before the end."""

    presents = False

    def __init__(
        self, path: Path, *, last: bool, ends_watch: bool, view: View = View.PACKED
    ) -> None:
        """Prepare; with `ends_watch` the viewer has nothing left to do once it is saved."""
        self.path, self._last, self._ends_watch, self._view = path, last, ends_watch, view
        self._waiting: Shown | None = None
        self.is_saved = False
        self.is_finished = False

    def take(self, shown: Shown) -> None:
        """Save the picture, or keep it until a later one comes."""
        if self._last:
            self._waiting = shown
        elif not self.is_saved:
            self._save(shown)

    def hear(self, heard: Heard) -> None:
        """A picture is silent."""

    def idle(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Save the picture that was kept; EncodeError where not one came."""
        if self._waiting is not None:
            shown, self._waiting = self._waiting, None
            self._save(shown)
        if not self.is_saved:
            raise EncodeError(f"no picture came, so {self.path} was not written")

    def _save(self, shown: Shown) -> None:
        pixels = view_pixels(shown.picture, shown.frame.layout, self._view)
        snapshot.save_png(pixels, self.path)
        self.is_saved = True
        self.is_finished = self._ends_watch


@dataclass(frozen=True)
class Outputs:
    """The outputs of one viewer; None for what nobody asked for."""

    measure: Measure | None = None
    window: Output | None = None
    snapshot: Snapshot | None = None
    record: Record | None = None

    def chosen(self) -> list[Output]:
        """Return those that are there, in the order in which they get each picture."""
        every = (self.measure, self.window, self.snapshot, self.record)
        return [output for output in every if output is not None]

    @contextmanager
    def closed(self, complain: Callable[[str], None]) -> Iterator[None]:
        """Close all of them on leaving, also where one refuses.

        The first error passes; what goes wrong after it is handed to `complain`.
        """
        first: BaseException | None = None
        try:
            yield
        except BaseException as error:
            first = error
        for output in self.chosen():
            try:
                output.close()
            except StereocastError as error:
                if first is None:
                    first = error
                else:
                    complain(str(error))
        if first is not None:
            raise first


def _words(shape: tuple[str, int, int, str]) -> str:
    codec, width, height, layout = shape
    return f"{codec} {width}×{height} {layout}"
