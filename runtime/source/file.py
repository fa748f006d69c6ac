"""A video file as a source: every picture, in order, with its own time.

The order of work is decided here; container.py opens, decoder.py decodes, deinterlace.py and
picture.py make pixels. Audio is not read: a converter re-opens `path` for it (`audio_codec` says
whether there is any).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
from torch import Tensor

from stereocast.engine.errors import ConfigError, SourceError
from stereocast.engine.frame import Frame
from stereocast.runtime.source import SourceInfo
from stereocast.runtime.source.container import OpenedContainer, open_container, reason
from stereocast.runtime.source.decoder import Decoder, Picture
from stereocast.runtime.source.deinterlace import Deinterlacer
from stereocast.runtime.source.picture import (
    Geometry,
    PictureConverter,
    notes_on_colour,
    plan_geometry,
)
from stereocast.runtime.source.timeline import SECOND_NS, RateLimit, to_ns

MAX_PIXELS = 8192 * 4320
LATEST_START_S = 1e9  # in nanoseconds it still fits FFmpeg's 64 bits


@dataclass(frozen=True)
class FileOptions:
    """Which part of a file is read, and how."""

    start_s: float = 0.0
    """Seconds after the file's first picture; the first one delivered is the first at or after."""
    frames: int | None = None
    """Stop after so many delivered pictures."""
    max_fps: float | None = None
    """Drop pictures, by their times, until no more than this many a second remain."""
    max_height: int | None = None
    """Scale pictures down to at most so many rows; sizes become even."""
    max_pixels: int = MAX_PIXELS
    """Refuse larger pictures: a small file can hold one that fills the memory."""
    skip_damage: bool = False
    """Go on after a packet in the middle that cannot be decoded, instead of ending there."""
    threads: int = 1
    """Slice threads of the decoder."""

    def __post_init__(self) -> None:
        if not 0 <= self.start_s <= LATEST_START_S:
            raise ConfigError(f"start_s must be in [0, {LATEST_START_S:g}], got {self.start_s}")
        if self.max_fps is not None and not (math.isfinite(self.max_fps) and self.max_fps > 0):
            raise ConfigError(f"max_fps must be above 0, got {self.max_fps}")
        for name, value, least in (
            ("frames", self.frames, 1),
            ("max_height", self.max_height, 16),
            ("max_pixels", self.max_pixels, 1),
            ("threads", self.threads, 1),
        ):
            if value is not None and value < least:
                raise ConfigError(f"{name} must be at least {least}, got {value}")


class FileSource:
    """A local video file.

    info         known after opening, from the container's header and the first picture
    audio_codec  codec of the audio that belongs to the video, None without audio
    path         the container, for whoever wants its audio
    """

    info: SourceInfo
    audio_codec: str | None
    path: Path

    def __init__(self, path: str | Path, *, options: FileOptions | None = None) -> None:
        """Open the file and decode its first picture. Raises SourceError in one line."""
        self.path = Path(path)
        self._options = options = options or FileOptions()
        self._open()
        self._origin_ns = to_ns(self._opened.video.start_time or 0, self._decoder.time_base)
        self._counted: Counter[str] = Counter()
        try:
            self._pictures = self._decoder.pictures()
            if options.start_s > 0:
                self._pictures = self._from_time(self._at(options.start_s))
            self._first = self._first_picture()
            self._pictures = chain((self._first,), self._pictures)
            geometry, notes = plan_geometry(
                self._first.frame,
                aspect=self._opened.video.sample_aspect_ratio or Fraction(1),
                max_height=options.max_height,
                name=str(self.path),
            )
            notes = self._opened.notes + notes + notes_on_colour(self._first.frame)
            self.info = self._describe(geometry, notes)
        except BaseException:
            self._opened.container.close()
            raise
        self.audio_codec = self._opened.audio_codec
        self._converter = PictureConverter(geometry, codec=self._opened.video.codec_context.name)
        self._deinterlacer = Deinterlacer(threads=options.threads)
        self._rate = None if options.max_fps is None else RateLimit(options.max_fps)
        self._dropped = 0
        self._index = 0
        self._delivered = 0
        self._is_whole = options.start_s == 0
        self._started = False
        self._closed = False

    def _open(self) -> None:
        options = self._options
        self._opened = open_container(
            self.path, max_pixels=options.max_pixels, threads=options.threads
        )
        self._decoder = Decoder(
            self._opened.container,
            self._opened.video,
            name=str(self.path),
            skip_damage=options.skip_damage,
        )

    def _at(self, position_s: float) -> int:
        return self._origin_ns + round(position_s * SECOND_NS)

    def _from_time(self, target_ns: int) -> Iterator[Picture]:
        pictures = self._decoder.seek(target_ns)
        if pictures is not None:
            return pictures
        self._opened.container.close()
        self._open()
        return self._decoder.from_time(target_ns, self._decoder.pictures())

    def _first_picture(self) -> Picture:
        picture = next(self._pictures, None)
        if picture is not None:
            return picture
        if self._options.start_s > 0 and self._decoder.decoded > 0:
            raise SourceError(f"{self.path}: start {self._options.start_s:g} s is after its end")
        raise SourceError(
            f"{self.path}: no picture can be decoded"
            f" ({self._decoder.decode_errors} damaged packets)"
        )

    def _describe(self, geometry: Geometry, notes: tuple[str, ...]) -> SourceInfo:
        options, video = self._options, self._opened.video
        if "1" in (video.metadata.get("alpha_mode"), video.metadata.get("ALPHA_MODE")):
            notes += ("alpha channel ignored",)
        if self._first.frame.interlaced_frame:
            notes += ("interlaced pictures are deinterlaced (bwdif)",)
        height, width = geometry.upright
        fps = self._decoder.fps
        if options.max_fps is not None and options.max_fps < fps:
            notes += (f"pictures dropped to keep {options.max_fps:g} a second of {fps:g}",)
            fps = options.max_fps
        return SourceInfo(
            address=str(self.path),
            width=width,
            height=height,
            fps=fps,
            live=False,
            time_base=self._decoder.time_base,
            frames=_promised_frames(self._opened, options),
            duration_ns=_duration_ns(self._opened, options, fps),
            start_ns=self._first.pts_ns,
            origin_ns=self._origin_ns,
            seekable_ns=self._seekable_ns(),
            notes=notes,
        )

    def _seekable_ns(self) -> int | None:
        # Without times in the file a position would mean reading it from its beginning.
        return None if self._first.frame.pts is None else self._opened.duration_ns

    def _decoder_counts(self) -> Counter[str]:
        return Counter(
            decoded=self._decoder.decoded,
            decode_errors=self._decoder.decode_errors,
            damaged_pictures=self._decoder.damaged,
            repaired_pts=self._decoder.timeline.repaired,
            gaps=self._decoder.timeline.gaps,
        )

    @property
    def report(self) -> dict[str, int]:
        """What happened so far, in counts; see the classes that count for their meaning."""
        now = self._decoder_counts()
        return {
            **{name: count + self._counted[name] for name, count in now.items()},
            "deinterlaced": self._deinterlacer.deinterlaced,
            "size_changes": self._converter.size_changes,
            "dropped_by_max_fps": self._dropped,
        }

    @property
    def remarks(self) -> tuple[str, ...]:
        """What has been met while reading and a person should know, in words."""
        report = self.report
        texts = {
            "decode_errors": "packets that could not be decoded",
            "damaged_pictures": "damaged pictures, their missing parts guessed by the decoder",
            "repaired_pts": "missing or backward presentation times, repaired",
            "gaps": "gaps in the presentation times",
            "size_changes": "pictures of another size, resampled to the first one's",
        }
        return tuple(f"{text}: {report[key]}" for key, text in texts.items() if report[key])

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames, once. Raises SourceError where the file is damaged."""
        if self._started:
            raise SourceError(f"{self.path}: a source can be read only once; open it again")
        self._started = True
        return self._frames()

    def seek(self, position_s: float) -> Iterator[Frame]:
        """Return the frames from a position on; see `SeekableSource.seek`."""
        length_ns = self.info.seekable_ns
        if length_ns is None:
            raise SourceError(f"{self.path}: has no index or no times, so nobody can seek in it")
        # The end itself would show nothing at all: go to the last picture instead.
        last_s = max(0, length_ns - round(SECOND_NS / self._decoder.fps)) / SECOND_NS
        self._counted += self._decoder_counts()
        self._pictures = self._from_time(self._at(min(max(position_s, 0.0), last_s)))
        self._deinterlacer.forget()
        if self._options.max_fps is not None:
            self._rate = RateLimit(self._options.max_fps)
        self._started, self._is_whole = True, False
        return self._frames()

    def _frames(self) -> Iterator[Frame]:
        limit = math.inf if self._options.frames is None else self._options.frames
        if self._delivered >= limit:
            return
        for picture in self._whole_pictures():
            index = self._index
            self._index += 1
            if self._rate is not None and not self._rate.keeps(picture.pts_ns):
                self._dropped += 1
                continue
            self._delivered += 1
            yield Frame(self._pixels(picture, index), picture.pts_ns, index)
            if self._delivered >= limit:
                return
        if self._is_whole:
            self._decoder.check_complete()

    def _pixels(self, picture: Picture, index: int) -> Tensor:
        try:
            return self._converter.convert(picture.frame)
        except av.FFmpegError as error:
            layout = picture.frame.format.name
            raise SourceError(
                f"{self.path}: at picture {index}: cannot read {layout} pixels: {reason(error)}"
            ) from error

    def _whole_pictures(self) -> Iterator[Picture]:
        """Yield deinterlaced pictures; what was decoded before an error comes before the error."""
        try:
            for picture in self._pictures:
                yield from self._deinterlacer.push(picture)
        except SourceError:
            yield from self._deinterlacer.flush()
            raise
        yield from self._deinterlacer.flush()

    def close(self) -> None:
        """Release the file and the decoder. May be called twice."""
        if not self._closed:
            self._closed = True
            self._opened.container.close()


def _promised_frames(opened: OpenedContainer, options: FileOptions) -> int | None:
    shown = opened.indexed_pictures
    if shown is None or options.start_s > 0 or options.max_fps is not None:
        return None
    return shown if options.frames is None else min(shown, options.frames)


def _duration_ns(opened: OpenedContainer, options: FileOptions, fps: float) -> int | None:
    if opened.duration_ns is None:
        return None
    rest_ns = max(0, opened.duration_ns - round(options.start_s * SECOND_NS))
    if options.frames is None:
        return rest_ns
    return min(rest_ns, round(options.frames / fps * SECOND_NS))
