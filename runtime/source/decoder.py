"""From packets to decoded pictures: start position, damaged packets, presentation times.

Knows neither RGB nor what is done with a picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Protocol

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.container import reason
from stereocast.runtime.source.timeline import SECOND_NS, Timeline, to_ns

if TYPE_CHECKING:  # decoders are tried without torch
    from torch import Tensor

# This many packets in a row without a picture: the stream is beyond help (10 s at 25 per second).
MAX_REFUSED_PACKETS = 250
# A seek may land late (MPEG-TS, open GOPs): then it is repeated from further back.
_STEPS_BACK_NS = (0, 10 * SECOND_NS, 60 * SECOND_NS)
DEFAULT_FPS = 25.0


@dataclass(frozen=True)
class Decoded:
    """What a codec made of a packet.

    frame  its pixels on the host; with `rgb` only what is said of them: size, colours
    pts    its time as the container counts, None where it has none
    rgb    [3, H, W] uint8 in the memory of a GPU, if it was decoded there
    """

    frame: VideoFrame
    pts: int | None
    is_corrupt: bool = False
    rgb: Tensor | None = None


class Codec(Protocol):
    """Packets in, pictures out, in display order."""

    def decode(self, packet: Packet[VideoStream]) -> Sequence[Decoded]:
        """Return what is due; an empty packet asks for what is left. Raises av.FFmpegError."""

    def restart(self) -> None:
        """Forget what is inside: the next packet comes from elsewhere in the stream."""

    def close(self) -> None:
        """Free it. May be called twice."""


class HostCodec:
    """FFmpeg's own decoder of a stream, on the CPU."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream

    def decode(self, packet: Packet[VideoStream]) -> Sequence[Decoded]:
        """Return what is due; an empty packet asks for what is left. Raises av.FFmpegError."""
        return [
            Decoded(frame, frame.pts, frame.is_corrupt) for frame in self._stream.decode(packet)
        ]

    def restart(self) -> None:
        """Do nothing: a container that seeks empties its decoders."""

    def close(self) -> None:
        """Do nothing: a container closes its decoders."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture and its repaired time; `frame.pts` is not used after this point.

    has_time  whether the container told it
    rgb       as that of `Decoded`
    """

    frame: VideoFrame
    pts_ns: int
    has_time: bool = True
    rgb: Tensor | None = None


class Decoder:
    """Decode one video stream, in display order, from an exact picture on.

    codec            what decodes; None: FFmpeg, on the CPU
    decoded          pictures the codec has returned
    decode_errors    packets it refused
    damaged          pictures it returned with parts invented
    timeline         presentation times, repairs and gaps
    """

    def __init__(
        self, container: InputContainer, stream: VideoStream, *, name: str, skip_damage: bool,
        codec: Codec | None = None,
    ) -> None:  # fmt: skip
        self._container = container
        self._stream = stream
        self._codec = codec or HostCodec(stream)
        self._name = name
        self._skip_damage = skip_damage
        self.time_base = stream.time_base or Fraction(1, 90_000)
        self.fps = float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
        # Durations of packets say nothing here: reordered pictures carry each other's.
        self._constant_rate = stream.average_rate == stream.base_rate
        self._restart()

    def _restart(self) -> None:
        self.decoded = 0
        self.decode_errors = 0
        self.damaged = 0
        self.timeline = Timeline(
            self.time_base,
            picture_ns=max(1, round(SECOND_NS / self.fps)),
            constant_rate=self._constant_rate,
        )
        self._packets = 0
        self._last_ns = 0
        self._refused_in_a_row = 0
        self._fatal: SourceError | None = None

    def pictures(self) -> Iterator[Picture]:
        """Yield every picture from the current position.

        A packet that the decoder refuses is skipped before the first picture (a stream cut out of a
        longer one begins like that) and as the very last of the file. Between pictures it means
        that what follows is built on a picture nobody has: with skip_damage it is skipped too,
        otherwise the source ends there. Raises SourceError with the number of the picture.
        """
        for packet in self._demux():
            if packet.size > 0:
                if self._fatal is not None:
                    raise self._fatal
                self._packets += 1
            try:
                pictures = self._codec.decode(packet)
            except av.FFmpegError as error:
                self._refuse(error)
                continue
            for picture in pictures:
                self._refused_in_a_row = 0
                self.decoded += 1
                self.damaged += picture.is_corrupt
                has_time = picture.pts is not None
                pts_ns = self.timeline.place(picture.pts)
                self._last_ns = pts_ns
                yield Picture(picture.frame, pts_ns, has_time, picture.rgb)

    def _demux(self) -> Iterator[Packet[VideoStream]]:
        try:
            yield from self._container.demux(self._stream)
        except (av.EOFError, IndexError):
            # IndexError: PyAV 18 stumbles, when it flushes decoders at the end of the file, over
            # streams that appeared after opening (MPEG-TS). Ours came first and is flushed.
            return
        except av.FFmpegError as error:
            raise self._broken(f"cannot be read on: {reason(error)}") from error

    def _refuse(self, error: av.FFmpegError) -> None:
        self.decode_errors += 1
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= MAX_REFUSED_PACKETS:
            raise self._broken(
                f"{MAX_REFUSED_PACKETS} packets in a row cannot be decoded: {reason(error)}"
            ) from error
        if self.decoded > 0 and not self._skip_damage:
            # Raised only if another packet follows: a cut-off last packet is a normal end.
            self._fatal = self._broken(f"damaged: {reason(error)}")
            self._fatal.__cause__ = error

    def _broken(self, what: str) -> SourceError:
        place = f"at picture {self.decoded}, after {self._last_ns / SECOND_NS:.3f} s"
        return SourceError(f"{self._name}: {place}: {what}")

    def check_complete(self) -> None:
        """Raise SourceError if an MP4's index lists packets that the file no longer holds.

        Only for a stream that was read from its beginning to its end.
        """
        promised = len(self._stream.index_entries)
        is_mp4 = "mp4" in self._container.format.name.split(",")
        if is_mp4 and self._packets < promised:
            raise self._broken(
                f"the file ends early: it holds {self._packets} of {promised} pictures"
            )

    def seek(self, target_ns: int) -> Iterator[Picture] | None:
        """Yield the pictures from `target_ns` of the stream's own clock on, to the picture.

        Goes to a key picture at or before the target and drops what comes too early. Returns None
        where the container cannot do that: then it has to be opened again and read from its
        beginning, see `from_time`.
        """
        for back_ns in _STEPS_BACK_NS:
            ticks = int(Fraction(target_ns - back_ns, SECOND_NS) / self.time_base)
            self._restart()
            try:
                self._container.seek(ticks, stream=self._stream)
            except av.FFmpegError:
                return None
            self._codec.restart()
            pictures = self.pictures()
            first = next(pictures, None)
            if first is not None and first.has_time and first.pts_ns <= target_ns:
                return self.from_time(target_ns, chain((first,), pictures))
        return None

    def from_time(self, target_ns: int, pictures: Iterator[Picture]) -> Iterator[Picture]:
        """Drop pictures before `target_ns`, with one tick of grace: containers round times."""
        begin_ns = target_ns - to_ns(1, self.time_base)
        return (picture for picture in pictures if picture.pts_ns >= begin_ns)
