"""A video file as a source: every picture, in order, with its own time.

The order of work is decided here; container.py opens, decoder.py decodes, deinterlace.py and
picture.py make pixels; road.py and chip.py tell where that is done. Sound is not read: who
wants it re-opens `path` (`audio_codec` says whether there is any).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
from torch import Tensor

from stereocast.engine.errors import SourceError
from stereocast.engine.frame import Frame
from stereocast.runtime.source import SourceInfo
from stereocast.runtime.source.container import MAX_PIXELS, reason
from stereocast.runtime.source.decoder import Decoder, Picture
from stereocast.runtime.source.deinterlace import Deinterlacer
from stereocast.runtime.source.file_options import (
    LATEST_START_S,
    FileOptions,
    delivered_ns,
    promised_frames,
)
from stereocast.runtime.source.picture import (
    Geometry,
    PictureConverter,
    notes_on_colour,
    plan_geometry,
)
from stereocast.runtime.source.road import ChipError, HostRoad, Road
from stereocast.runtime.source.timeline import SECOND_NS, RateLimit, to_ns

__all__ = ["LATEST_START_S", "MAX_PIXELS", "FileOptions", "FileSource"]


class FileSource:
    """A local video file.

    info         known after opening, from the container's header and the first picture
    audio_codec  codec of the audio that belongs to the video, None without audio
    path         the container, for whoever wants its audio
    """

    info: SourceInfo
    audio_codec: str | None
    path: Path

    def __init__(
        self, path: str | Path, *, options: FileOptions | None = None, road: Road | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        """Open the file and decode its first picture. Raises SourceError in one line.

        road  what decodes; None: the CPU. A GPU's decoder that gives up later is replaced by the
              CPU, which `tell` hears at once and `remarks` repeat
        """
        self.path = Path(path)
        self._options = options = options or FileOptions()
        self._road, self._tell = road or HostRoad(), tell
        self._gave_up: str | None = None
        self._open()
        self._origin_ns = to_ns(self._opened.video.start_time or 0, self._decoder.time_base)
        self._counted: Counter[str] = Counter()
        try:
            self._pictures = self._decoder.pictures()
            if options.start_s > 0:
                self._pictures = self._from_time(self._at(options.start_s))
            first = self._first_picture()
            self._pictures = chain((first,), self._pictures)
            geometry, notes = plan_geometry(
                first.frame,
                aspect=self._opened.video.sample_aspect_ratio or Fraction(1),
                max_height=options.max_height,
                name=str(self.path),
            )
            notes += notes_on_colour(first.frame) + self._road.notes
            self.info = self._describe(first, geometry, self._opened.notes + notes)
        except BaseException:
            self._shut()
            raise
        self._before_ns = first.pts_ns
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
        self._opened, self._codec = self._road.open(self.path, self._options)
        self._decoder = Decoder(
            self._opened.container,
            self._opened.video,
            name=str(self.path),
            skip_damage=self._options.skip_damage,
            codec=self._codec,
        )

    def _shut(self) -> None:
        self._codec.close()
        self._opened.container.close()

    def _at(self, position_s: float) -> int:
        return self._origin_ns + round(position_s * SECOND_NS)

    def _from_time(self, target_ns: int) -> Iterator[Picture]:
        pictures = self._decoder.seek(target_ns)
        if pictures is not None:
            return pictures
        self._shut()
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

    def _describe(self, first: Picture, geometry: Geometry, notes: tuple[str, ...]) -> SourceInfo:
        options, video = self._options, self._opened.video
        if "1" in (video.metadata.get("alpha_mode"), video.metadata.get("ALPHA_MODE")):
            notes += ("alpha channel ignored",)
        if first.frame.interlaced_frame:
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
            frames=promised_frames(self._opened, options),
            duration_ns=delivered_ns(self._opened, options, fps),
            start_ns=first.pts_ns,
            origin_ns=self._origin_ns,
            # Without times in the file a position would mean reading it from its beginning.
            seekable_ns=self._opened.duration_ns if first.has_time else None,
            notes=notes,
        )

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
        counted = tuple(f"{text}: {report[key]}" for key, text in texts.items() if report[key])
        return counted if self._gave_up is None else (self._gave_up, *counted)

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
        target_ns = self._at(min(max(position_s, 0.0), last_s))
        self._before_ns = target_ns - to_ns(1, self._decoder.time_base)
        try:
            self._pictures = self._from_time(target_ns)
        except ChipError as error:
            self._pictures = self._on_host(error)
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
        if picture.rgb is not None:
            return picture.rgb
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
            for picture in self._decoded():
                yield from self._deinterlacer.push(picture)
        except SourceError:
            yield from self._deinterlacer.flush()
            raise
        yield from self._deinterlacer.flush()

    def _decoded(self) -> Iterator[Picture]:
        """Yield pictures; where a GPU's decoder gives up, the CPU goes on after the last one."""
        try:
            for picture in self._pictures:
                self._before_ns = picture.pts_ns + 1
                yield picture
            return
        except ChipError as error:
            self._pictures = self._on_host(error)
        yield from self._pictures

    def _on_host(self, error: ChipError) -> Iterator[Picture]:
        seconds = (self._before_ns - self._origin_ns) / SECOND_NS
        self._gave_up = f"from {seconds:.1f} s on the CPU decodes: {error}"
        if self._tell is not None:
            self._tell(self._gave_up)
        self._counted += self._decoder_counts()
        self._shut()
        self._road, self._is_whole = HostRoad(), False
        self._open()
        before_ns = self._before_ns
        pictures = self._from_time(before_ns)
        return (picture for picture in pictures if picture.pts_ns >= before_ns)

    def close(self) -> None:
        """Release the file and the decoder. May be called twice."""
        if not self._closed:
            self._closed = True
            self._shut()
