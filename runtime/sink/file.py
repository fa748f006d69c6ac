"""Write a 3D video file: every picture at its own time, the source's sound beside it.

Coding is libx264 set for throughput, not for delay. The sound is audio.py's business, the way into
the folder output.py's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.codec.context import ThreadType
from av.container import OutputContainer
from av.video.stream import VideoStream

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.engine.frame import StereoFrame
from stereocast.runtime.encode.surface import video_frame
from stereocast.runtime.encode.x264 import COLOUR_OPTIONS, PRESETS
from stereocast.runtime.sink.audio import AudioFrom, AudioTrack, SoundPacket
from stereocast.runtime.sink.output import PartialFile, VideoShape, container_for, reason
from stereocast.runtime.sink.stereo_metadata import mark_stereo, matroska_stereo_mode
from stereocast.runtime.stereo_tags import tags

_NANO = 1_000_000_000


@dataclass(frozen=True)
class FileConfig:
    """Tunables of written files."""

    preset: str = "superfast"
    """x264's speed preset."""
    crf: float = 20.0
    """x264's quality: 0 (lossless) to 51; 18 is hard to tell from the original."""

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ConfigError(
                f"file.preset must be one of {', '.join(PRESETS)}, got {self.preset!r}"
            )
        if not 0 <= self.crf <= 51:
            raise ConfigError(f"file.crf must be in [0, 51], got {self.crf}")


class FileSink:
    """An MKV, MP4 or MOV file that appears under its name only when it is complete.

    frames  pictures written
    notes   what was decided on the user's behalf or went wrong with the sound

    A picture's pts_ns becomes the nearest count of `video.time_base`, which is exact for times that
    come from it; MP4 and MOV keep that, Matroska rounds to milliseconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        video: VideoShape,
        config: FileConfig | None = None,
        audio: AudioFrom | None = None,
        threads: int = 0,
        overwrite: bool = False,
    ) -> None:
        """Open the file and write its header.

        threads  pictures coded at once; 0 lets x264 choose from the number of cores
        Raises EncodeError in one line: unknown suffix, missing or closed folder, name taken,
        x264 or the container refuses.
        """
        self.frames = 0
        self._shape = video
        self._config = config or FileConfig()
        self._threads = threads
        self._notes: list[str] = []
        self._container = container_for(path)
        self._file = PartialFile(path, overwrite=overwrite)
        self._last_tick: int | None = None
        self._last_ns = self._interval_ns = 0
        self._trim_end = audio is not None and audio.trim_end
        self._audio = AudioTrack(audio, start_ns=video.start_ns) if audio is not None else None
        if tags(video.layout).is_half_sphere and self._container == "matroska":
            self._notes.append(
                f"{path.name}: this Matroska file does not say that it is a half sphere, MP4 does; "
                "players go by the name"
            )
        self._output: OutputContainer | None = self._open()

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be said aloud, in the order it came up."""
        return (*self._notes, *(self._audio.notes if self._audio else ()))

    def write(self, frame: StereoFrame) -> None:
        """Code one picture, and copy the sound up to it.

        Raises EncodeError when the size is wrong, time does not advance or the disk refuses; the
        file is then abandoned with `abort`.
        """
        if self._output is None:
            raise self._error("the file is closed")
        tick = self._tick(frame)
        picture = video_frame(frame.surface.numpy())
        picture.pts, picture.time_base = tick, self._shape.time_base
        picture.duration = max(1, self._shape.ticks(round(_NANO / self._shape.fps)))
        if self._audio is not None:
            self._mux_sound(self._output, self._audio, self._audio.packets(frame.pts_ns))
        self._mux_pictures(self._output, picture)
        if self.frames:
            self._interval_ns = frame.pts_ns - self._last_ns
        self._last_tick, self._last_ns = tick, frame.pts_ns
        self.frames += 1

    def close(self, *, complete: bool = True) -> None:
        """Finish the file and give it its name; without `complete`, remove it. May be called twice.

        Raises EncodeError, and leaves no file, when there was no picture or the disk refuses.
        """
        if not complete:
            self.abort()
        if self._output is None:
            return
        try:
            if self.frames == 0:
                raise self._error("no picture came, so no file was made")
            self._finish(self._output)
            self._file.commit()
        except BaseException:
            self.abort()
            raise
        self._release()

    def abort(self) -> None:
        """Close and remove the unfinished file. May be called twice."""
        if self._output is None:
            return
        # The file is removed on the next line, so its trailer may fail as it likes.
        with contextlib.suppress(av.FFmpegError):
            self._output.close()
        self._file.discard()
        self._release()

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

    def _open(self) -> OutputContainer:
        audio = self._audio
        if audio is not None and audio.alive:
            try:
                return self._start(audio)
            except EncodeError:
                audio.alive = False
                self._notes.append(f"no sound: {self._file.path.suffix} does not take its stream")
        try:
            return self._start(None)
        except EncodeError:
            self._release()
            raise

    def _start(self, audio: AudioTrack | None) -> OutputContainer:
        try:
            output = av.open(
                str(self._file.temporary),
                "w",
                format=self._container,
                container_options=self._container_options(),
            )
            output.metadata["comment"] = self._shape.comment
            self._video = self._add_video(output)
            if audio is not None:
                audio.attach(output, self._file.path.suffix.lower())
            output.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            self._file.discard()
            raise self._error(f"cannot be started ({error})") from error
        return output

    def _container_options(self) -> dict[str, str]:
        if self._container == "matroska":
            # Sound that starts before 0 (a codec's run-in) must not push the pictures back.
            return {"avoid_negative_ts": "disabled"}
        # Start times are kept in this unit; FFmpeg's default of 1/1000 s would round them.
        denominator = self._shape.time_base.denominator
        return {"movie_timescale": str(denominator * -(-1000 // denominator))}

    def _add_video(self, output: OutputContainer) -> VideoStream:
        shape, config = self._shape, self._config
        stream = output.add_stream("libx264", rate=shape.rate)
        stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
        context = stream.codec_context
        context.time_base = shape.time_base
        context.thread_count, context.thread_type = self._threads, ThreadType.FRAME
        context.options = {
            "preset": config.preset,
            "crf": f"{config.crf:g}",
            "x264-params": ":".join(tags(shape.layout).x264_parameters),
            **COLOUR_OPTIONS,
        }
        stream.metadata.update(matroska_stereo_mode(shape.layout))
        return stream

    def _tick(self, frame: StereoFrame) -> int:
        shape = self._shape
        if (frame.width, frame.height) != (shape.width, shape.height):
            raise self._error(
                f"picture {frame.index} is {frame.width}×{frame.height}, "
                f"not {shape.width}×{shape.height}"
            )
        tick = shape.ticks(frame.pts_ns - (shape.start_ns or 0))
        if self._last_tick is not None and tick <= self._last_tick:
            raise self._error(
                f"picture {frame.index} at {frame.pts_ns} ns is not later than the one before it "
                f"in units of {shape.time_base} s"
            )
        return tick

    def _mux_pictures(self, output: OutputContainer, picture: av.VideoFrame | None) -> None:
        try:
            output.mux(self._video.encode(picture))
        except av.FFmpegError as error:
            raise self._error(f"cannot be written ({reason(error)})") from error

    def _mux_sound(
        self, output: OutputContainer, audio: AudioTrack, packets: Iterable[SoundPacket]
    ) -> None:
        try:
            for packet in packets:
                output.mux(packet)
        except OSError as error:  # the disk, which the pictures need as well
            raise self._error(f"cannot be written ({reason(error)})") from error
        except (av.FFmpegError, ValueError) as error:
            audio.fail(str(error))

    def _finish(self, output: OutputContainer) -> None:
        self._mux_pictures(output, None)
        if self._audio is not None:
            interval_ns = self._interval_ns or round(_NANO / self._shape.fps)
            until_ns = self._last_ns + interval_ns if self._trim_end else None
            self._mux_sound(output, self._audio, self._audio.packets(until_ns))
            self._mux_sound(output, self._audio, self._audio.finish())
        try:
            output.close()
        except av.FFmpegError as error:
            raise self._error(f"cannot be finished ({reason(error)})") from error
        if self._container != "matroska":
            try:
                mark_stereo(self._file.temporary, self._shape.layout)
            except EncodeError as error:
                self._notes.append(str(error))  # the video itself is whole

    def _release(self) -> None:
        self._output = None
        if self._audio is not None:
            self._audio.close()

    def _error(self, what: str) -> EncodeError:
        return EncodeError(f"{self._file.path}: {what}.")
