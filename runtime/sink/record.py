"""Record a live stream into Matroska as it came: no decoding, no coding. Imports no torch.

The sound's place in time is record_sound.py's business.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import OutputContainer
from av.stream import Stream

from stereocast.engine.errors import EncodeError
from stereocast.runtime.packet import Packet
from stereocast.runtime.sink.output import PartialFile, VideoShape, reason
from stereocast.runtime.sink.record_sound import SoundTrack, SoundUnit
from stereocast.runtime.sink.stereo_metadata import matroska_stereo_mode
from stereocast.runtime.wire import Audio, SoundMessage

CODECS = ("h264", "mjpeg")
_NANO = 1_000_000_000


def check_recording(path: Path, *, overwrite: bool) -> PartialFile:
    """Return the way into the folder; nothing is written yet.

    Raises EncodeError in one line: suffix impossible, folder missing, name taken.
    """
    if path.suffix.lower() != ".mkv":
        raise EncodeError(f"{path}: recordings are Matroska files; name it .mkv.")
    return PartialFile(path, overwrite=overwrite)


class Recorder:
    """An MKV file of access units that appears under its name only when it is complete.

    packets  written
    skipped  before the first key picture, which nothing can show
    jumps    times the stream's clock went back (a looping source); the recording goes on without
             a gap there
    sounds, sounds_lost  packets of sound that were written, and that had no place in it

    The first picture's time becomes 0. H.264 must carry its parameter sets in every key picture,
    as the live encoder's does.
    """

    def __init__(
        self, path: Path, *, codec: str, video: VideoShape, audio: Audio | None = None,
        overwrite: bool = False,
    ) -> None:  # fmt: skip
        """Open the file.

        audio  the stream's sound; None: the file has none

        Raises EncodeError in one line: codec or suffix impossible, folder missing, name taken.
        """
        if codec not in CODECS:
            raise EncodeError(f"{path}: cannot record {codec!r}, only {' and '.join(CODECS)}.")
        self.packets = self.skipped = self.jumps = 0
        self._shape = video
        self._file = check_recording(path, overwrite=overwrite)
        self._offset_ns = 0
        self._last_ns: int | None = None
        try:
            # A sound that falls silent must not keep pictures from being written.
            options = {"max_interleave_delta": "1000000"}
            output = av.open(
                str(self._file.temporary), "w", format="matroska", container_options=options
            )
            output.metadata["comment"] = video.comment
            self._stream: Stream = output.add_mux_stream(
                codec, rate=video.rate, width=video.width, height=video.height
            )
            self._sound = SoundTrack(output, audio.channels) if audio is not None else None
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._error(f"cannot be started ({error})") from error
        self._stream.time_base = video.time_base
        self._stream.metadata.update(matroska_stereo_mode(video.layout))
        self._output: OutputContainer | None = output

    @property
    def sounds(self) -> int:
        """How many packets of sound were written."""
        return self._sound.written if self._sound is not None else 0

    @property
    def sounds_lost(self) -> int:
        """How many packets of sound had no place in the recording."""
        return self._sound.lost if self._sound is not None else 0

    def hear(self, sound: SoundMessage) -> None:
        """Keep a packet of sound until the pictures have come as far; without audio, ignore it."""
        if self._sound is not None and self._output is not None:
            self._sound.keep(sound)

    def write(self, packet: Packet, *, t_capture_ns: int = 0) -> None:
        """Append one access unit; units before the first key picture are counted and dropped.

        t_capture_ns  when its picture was captured, on the clock of the sound's

        Raises EncodeError when the disk refuses; `close` then keeps what was written before.
        """
        if self._output is None:
            raise self._error("the recording is closed")
        if self.packets == 0 and not packet.is_keyframe:
            self.skipped += 1
            return
        if self._sound is not None and self.packets:
            self._write_sound(self._sound.before(t_capture_ns, self._offset_ns))
        time_ns = self._place(packet.pts_ns)
        unit = av.Packet(packet.data)
        unit.stream = self._stream
        unit.time_base = self._shape.time_base
        unit.pts = unit.dts = self._shape.ticks(time_ns)
        unit.is_keyframe = packet.is_keyframe
        try:
            self._output.mux(unit)
        except av.FFmpegError as error:
            raise self._error(f"cannot be written ({reason(error)})") from error
        self._last_ns = time_ns
        self.packets += 1

    def _write_sound(self, units: list[SoundUnit]) -> None:
        assert self._output is not None
        try:
            for unit in units:
                self._output.mux(unit)
        except av.FFmpegError as error:
            raise self._error(f"cannot be written ({reason(error)})") from error

    def close(self, *, complete: bool = True) -> None:
        """Finish the file and give it its name; without `complete`, remove it. May be called twice.

        Raises EncodeError when no key picture came, and leaves no file; or when the disk refuses
        the end of it, and keeps what is there: it plays as far as it goes.
        """
        if not complete:
            self.abort()
        if self._output is None:
            return
        try:
            if self.packets == 0:
                raise self._error("no key picture came, so no file was made")
            if self._sound is not None:
                self._write_sound(self._sound.before(None, self._offset_ns))
            try:
                self._output.close()
            except av.FFmpegError as error:
                self._output = None
                self._file.commit()
                raise self._error(
                    f"cannot be finished ({reason(error)}); it is kept, and ends where it ends"
                ) from error
            self._file.commit()
        except BaseException:
            self.abort()
            raise
        self._output = None

    def abort(self) -> None:
        """Close and remove the unfinished file. May be called twice."""
        if self._output is None:
            return
        # The file is removed on the next line, so its trailer may fail as it likes.
        with contextlib.suppress(av.FFmpegError):
            self._output.close()
        self._file.discard()
        self._output = None

    def __enter__(self) -> Self:
        """Leave with `close`, or with `abort` when an exception passes."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(complete=kind is None)

    def _place(self, pts_ns: int) -> int:
        if self._last_ns is None:
            self._offset_ns = -pts_ns
            return 0
        time_ns = pts_ns + self._offset_ns
        if time_ns <= self._last_ns:
            self.jumps += 1
            if self._sound is not None:
                self._sound.turn()
            time_ns = self._last_ns + round(_NANO / self._shape.fps)
            self._offset_ns = time_ns - pts_ns
        return time_ns

    def _error(self, what: str) -> EncodeError:
        return EncodeError(f"{self._file.path}: {what}.")
