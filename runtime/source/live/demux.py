"""Live media through FFmpeg: open without long probing, decode at once, never end on damage."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from stereocast.engine.errors import SourceError
from stereocast.runtime.mailbox import Closed, Mailbox
from stereocast.runtime.sound.sender import SoundSender
from stereocast.runtime.source.container import reason
from stereocast.runtime.source.decoder import DEFAULT_FPS, MAX_REFUSED_PACKETS, Picture
from stereocast.runtime.source.deinterlace import Deinterlacer
from stereocast.runtime.source.live.recipe import Recipe
from stereocast.runtime.source.live.slots import MAX_PIXELS
from stereocast.runtime.source.timeline import SECOND_NS, Timeline, to_ns

_LATE_NS = 500_000_000
"""What plays by its own times and is later than this starts its clock anew."""
_MAX_STREAMS = 32
_AHEAD = 128
"""Packets of pictures that are read before they are due: their sound may lie two seconds on."""
_SEGMENTED = frozenset({"hls", "dash"})


@dataclass(frozen=True)
class LivePicture:
    """A decoded picture and when it was taken; see `SlotPicture`."""

    frame: VideoFrame
    pts_ns: int
    t_capture_ns: int
    rotation: int
    aspect: tuple[int, int]


@dataclass(frozen=True)
class OpenedStream:
    """A live stream, opened.

    ends      its end is an end, as of a film on a web server
    is_paced  it comes faster than it plays, so its own times say when
    audio     the sound that belongs to the pictures
    """

    container: InputContainer
    video: VideoStream
    audio: AudioStream | None
    shown: str
    fps: float
    ends: bool
    is_paced: bool
    notes: tuple[str, ...]

    def pictures(self, sound: SoundSender | None = None) -> Iterator[LivePicture]:
        """Yield pictures as they come, or when they are due. Raises SourceError where it breaks.

        sound  what takes the packets of sound that lie between those of pictures
        """
        timeline = Timeline(
            self.video.time_base or Fraction(1, 90_000),
            picture_ns=max(1, round(SECOND_NS / self.fps)),
            constant_rate=False,
        )
        deinterlacer = Deinterlacer(threads=1)
        pace = _Pace() if self.is_paced else None
        aspect = self.video.sample_aspect_ratio or Fraction(1)
        for frame, came_ns in self._frames(sound):
            pts = frame.pts
            placed_ns = timeline.place(pts)
            for picture in deinterlacer.push(Picture(frame, placed_ns)):
                taken_ns = _taken_ns(pts, self.video.time_base, came_ns)
                if pace is not None:
                    taken_ns = pace.wait(picture.pts_ns)
                if sound is not None and pts is not None and self.video.time_base is not None:
                    moved_ns = to_ns(pts, self.video.time_base) - placed_ns
                    sound.picture(picture.pts_ns + moved_ns, taken_ns)
                yield LivePicture(
                    picture.frame, picture.pts_ns, taken_ns, round(frame.rotation),
                    (aspect.numerator, aspect.denominator),
                )  # fmt: skip

    def _frames(self, sound: SoundSender | None) -> Iterator[tuple[VideoFrame, int]]:
        """Yield decoded frames, and when their packet came in."""
        refused, has_begun = 0, False
        packets = self._packets(sound)
        if self.is_paced and sound is not None:
            packets = _ahead(packets)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.EOFError, IndexError):
                return  # IndexError: see Decoder._demux
            except av.FFmpegError as error:
                raise SourceError(f"{self.shown}: broke off: {reason(error)}") from error
            came_ns = time.monotonic_ns()
            try:
                frames = self.video.decode(packet)
            except av.FFmpegError as error:
                refused += 1
                if refused >= MAX_REFUSED_PACKETS:
                    raise SourceError(
                        f"{self.shown}: {refused} packets in a row cannot be decoded: "
                        f"{reason(error)}"
                    ) from error
                continue
            for frame in frames:
                refused = 0
                # Who joins in the middle of a group of pictures sees grey until it ends.
                has_begun = has_begun or not frame.is_corrupt
                if has_begun:
                    yield frame, came_ns

    def _packets(self, sound: SoundSender | None) -> Iterator[Packet[VideoStream]]:
        """Yield the packets of pictures; give those of sound away."""
        if sound is None or self.audio is None:
            yield from self.container.demux(self.video)
            return
        for packet in self.container.demux(self.video, self.audio):
            if packet.stream_index == self.video.index:
                yield cast("Packet[VideoStream]", packet)
            elif packet.size:
                sound.put(cast("Packet[AudioStream]", packet))


def _ahead(packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
    """Read packets on a thread of its own, a few seconds before they are wanted."""
    box: Mailbox[Packet[VideoStream]] = Mailbox(latest=False, capacity=_AHEAD)

    def read() -> None:
        try:
            for packet in packets:
                if not box.put(packet):
                    return
        except Exception as failure:  # raised by `take`, where the pictures are decoded
            box.close(failure)
        else:
            box.close()

    threading.Thread(target=read, name="demux", daemon=True).start()
    try:
        while True:
            packet = box.take()
            assert packet is not None
            yield packet
    except Closed:
        return
    finally:
        box.close()


def open_stream(recipe: Recipe) -> OpenedStream:
    """Open what a recipe names. Raises SourceError in one line."""
    options = {
        **recipe.options,
        "max_pixels": str(MAX_PIXELS),
        "max_streams": str(_MAX_STREAMS),
    }
    try:
        container = av.open(
            recipe.url, format=recipe.format or None, options=options, metadata_errors="replace"
        )
    except (av.FFmpegError, OSError) as error:
        raise SourceError(f"{recipe.shown}: cannot be opened: {_why(recipe, error)}") from error
    videos = [stream for stream in container.streams.video if _is_decodable(stream)]
    if not videos:
        container.close()
        raise SourceError(f"{recipe.shown}: brings no video that can be decoded")
    best = container.streams.best("video")
    video = next((stream for stream in videos if stream == best), videos[0])
    if video.width * video.height > MAX_PIXELS:
        container.close()
        raise SourceError(
            f"{recipe.shown}: {video.width}x{video.height} is more than {MAX_PIXELS} pixels"
        )
    video.thread_type = "SLICE"
    video.codec_context.thread_count = 1
    video.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    segmented = bool(_SEGMENTED & set(container.format.name.split(",")))
    # A length is known of what lies somewhere, not of what is made while it is read.
    has_length = recipe.url.startswith("http") and (container.size or 0) > 0 and not segmented
    ends = recipe.ends or has_length or (segmented and (container.duration or 0) > 0)
    audio = container.streams.best("audio", related=video)
    return OpenedStream(
        container,
        video,
        audio if isinstance(audio, AudioStream) and _is_decodable(audio) else None,
        recipe.shown,
        _fps(video),
        ends,
        has_length or segmented or recipe.ends,
        (),
    )


def _is_decodable(stream: VideoStream | AudioStream) -> bool:
    return getattr(stream, "codec_context", None) is not None


def _fps(video: VideoStream) -> float:
    fps = float(video.average_rate or video.guessed_rate or DEFAULT_FPS)
    return fps if 1 <= fps <= 1000 else DEFAULT_FPS


def _why(recipe: Recipe, error: BaseException) -> str:
    text = reason(error)
    if recipe.format == "x11grab":
        return f"{text}; is an X server running, and DISPLAY set? (Wayland alone has none)"
    if recipe.format == "v4l2":
        return f"{text}; is a camera there (ls /dev/video*), and free?"
    if isinstance(error, av.InvalidDataError) and recipe.url.startswith("http"):
        return f"{text}; if it is a page with a video, write web:{recipe.shown}"
    return text


def _taken_ns(pts: int | None, unit: Fraction | None, came_ns: int) -> int:
    """Return when a picture was taken: what a device's own clock says, or when it came in.

    Cameras count in this machine's monotonic clock, screens in its wall clock; anything else does
    not fall into the second before now.
    """
    if pts is None or unit is None:
        return came_ns
    pts_ns = int(pts * unit * SECOND_NS)
    for now_ns in (time.monotonic_ns(), time.time_ns()):
        age_ns = now_ns - pts_ns
        if 0 <= age_ns < SECOND_NS:
            return time.monotonic_ns() - age_ns
    return came_ns


class _Pace:
    """Lets pictures out at their own times, and starts the clock anew when that fell behind."""

    def __init__(self) -> None:
        self._start_ns: int | None = None

    def wait(self, pts_ns: int) -> int:
        """Wait until a picture is due; return that moment."""
        now_ns = time.monotonic_ns()
        if self._start_ns is None or now_ns - (self._start_ns + pts_ns) > _LATE_NS:
            self._start_ns = now_ns - pts_ns
        due_ns = self._start_ns + pts_ns
        time.sleep(max(0, due_ns - now_ns) / 1e9)
        return due_ns
