"""Files decoded by the chip of an NVIDIA GPU: pictures stay in its memory and become RGB there.

Two roads lead there: `nvdec` through PyNvVideoCodec, `nvdec-ffmpeg` through FFmpeg's own decoders.
FFmpeg reads the container on both, so that times, seeking and damage are what they are on the CPU.
What no road does (scaling, turning, HDR, interlaced pictures) is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from torch.utils.dlpack import from_dlpack

from stereocast.engine.errors import SourceError
from stereocast.engine.static import Place
from stereocast.kernels.preprocess import nv12_to_rgb, pairs_to_rgb
from stereocast.runtime.source.container import OpenedContainer, open_container
from stereocast.runtime.source.decoder import Codec, Decoded, Decoder
from stereocast.runtime.source.file import FileSource
from stereocast.runtime.source.file_options import FileOptions
from stereocast.runtime.source.nvdec import CODECS, AccessUnits, Nvdec, ffmpeg_device
from stereocast.runtime.source.picture import Colour, colour_of, plan_geometry
from stereocast.runtime.source.road import ChipError, Road

_FORMATS = ("yuv420p", "yuvj420p", "yuv420p10le")


@dataclass(frozen=True)
class Look:
    """A stream's first picture as the CPU decodes it: what is said of the others as well."""

    frame: VideoFrame
    colour: Colour
    codec: str

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of every picture."""
        return self.frame.height, self.frame.width


class NvdecRoad:
    """NVDEC through PyNvVideoCodec."""

    notes: tuple[str, ...] = ("decoded on the GPU (NVDEC)",)

    def __init__(self, place: Place) -> None:
        self._place = place

    def open(self, path: Path, options: FileOptions) -> tuple[OpenedContainer, Codec]:
        """Open the file and a session of the chip's decoder. Raises SourceError."""
        look = look_at(path, options)
        opened = open_container(path, max_pixels=options.max_pixels, threads=1)
        try:
            return opened, NvdecCodec(opened.video, look, self._place)
        except BaseException:
            opened.container.close()
            raise


class NvdecCodec:
    """A stream's packets through sessions of the chip's decoder."""

    def __init__(self, stream: VideoStream, look: Look, place: Place) -> None:
        """Raise ChipError where the package, the driver or the chip will not."""
        self._stream, self._look, self._place = stream, look, place
        on_gpu = place.device.type == "cuda"
        self._own: Any = torch.cuda.Stream(place.device) if on_gpu else None  # type: ignore[no-untyped-call]
        self._begin()

    def _begin(self) -> None:
        self._units = AccessUnits(self._stream)
        self._session = Nvdec(self._look.codec, gpu=self._place.device.index or 0)
        self._hidden: set[int | None] = set()

    def decode(self, packet: Packet[VideoStream]) -> Sequence[Decoded]:
        """Return what is due. Raises av.FFmpegError for a damaged packet, else ChipError."""
        pictures: list[Decoded] = []
        if packet.size == 0:
            return self._pictures(b"", None)
        for unit in self._units.of(packet):
            if unit.is_discard:  # before the beginning that an edit list tells
                self._hidden.add(unit.pts)
            pictures += self._pictures(bytes(unit), unit.pts)
        return pictures

    def restart(self) -> None:
        """Begin a new session: nothing of the old one can come out of it."""
        self._session.close()
        self._begin()

    def close(self) -> None:
        """Free the session. May be called twice."""
        self._session.close()

    def _pictures(self, data: bytes, pts: int | None) -> list[Decoded]:
        look, decoded = self._look, []
        with self._reading():
            for surface, time in self._session.decode(data, pts):
                if time is not None and time in self._hidden:
                    self._hidden.discard(time)
                    continue
                pixels = from_dlpack(surface)
                require_size((pixels.shape[0] * 2 // 3, pixels.shape[1]), look)
                rgb = nv12_to_rgb(
                    pixels, look.size, matrix=look.colour.matrix, full_range=look.colour.full_range
                )
                decoded.append(Decoded(look.frame, time, rgb=rgb))
        return decoded

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Read surfaces on a stream of our own, and wait: the next call may overwrite them."""
        with self._place.entered(), torch.cuda.stream(self._own) if self._own else nullcontext():
            yield
        if self._own is not None:
            self._own.synchronize()


class FfmpegRoad:
    """The same chip through FFmpeg, which needs nothing but a driver."""

    notes: tuple[str, ...] = ("decoded on the GPU (NVDEC, through FFmpeg)",)

    def __init__(self, place: Place) -> None:
        self._place = place

    def open(self, path: Path, options: FileOptions) -> tuple[OpenedContainer, Codec]:
        """Open the file with decoders on the GPU. Raises SourceError."""
        look = look_at(path, options)
        chip = ffmpeg_device(self._place.device.index or 0)
        opened = open_container(path, max_pixels=options.max_pixels, threads=1, chip=chip)
        if not _is_on_chip(opened.video):
            opened.container.close()
            raise ChipError(f"FFmpeg decodes {look.codec} on the CPU alone")
        return opened, FfmpegCodec(opened.video, look, self._place)


class FfmpegCodec:
    """A stream's packets through FFmpeg's decoder on the GPU.

    It writes surfaces in the device's default stream, and there they are read.
    """

    def __init__(self, stream: VideoStream, look: Look, place: Place) -> None:
        self._stream, self._look, self._place = stream, look, place

    def decode(self, packet: Packet[VideoStream]) -> Sequence[Decoded]:
        """Return what is due. Raises av.FFmpegError for a damaged packet, else ChipError."""
        return [self._picture(frame) for frame in self._stream.decode(packet)]

    def restart(self) -> None:
        """Do nothing: a container that seeks empties its decoders."""

    def close(self) -> None:
        """Do nothing: a container closes its decoders."""

    def _picture(self, frame: VideoFrame) -> Decoded:
        look, device = self._look, self._place.device
        if frame.format.name != "cuda" and device.type == "cuda":
            raise ChipError(f"FFmpeg decoded a picture into {frame.format.name} on the CPU")
        if frame.interlaced_frame:
            raise ChipError("a picture is interlaced")
        require_size((frame.height, frame.width), look)
        default = torch.cuda.default_stream(device) if device.type == "cuda" else None
        with self._place.entered(), torch.cuda.stream(default) if default else nullcontext():
            # Capsules: these planes know no streams, and torch would ask for one.
            luma, pairs = (from_dlpack(plane.__dlpack__()) for plane in frame.planes)
            rgb = pairs_to_rgb(
                luma, pairs, matrix=look.colour.matrix, full_range=look.colour.full_range
            )
        # The frame itself is not kept: the chip has few surfaces.
        return Decoded(look.frame, frame.pts, frame.is_corrupt, rgb)


ROADS: dict[str, Callable[[Place], Road]] = {"nvdec": NvdecRoad, "nvdec-ffmpeg": FfmpegRoad}
"""The ladder, best first: what decodes on a GPU before the CPU does."""


def open_on_chip(
    names: Sequence[str], path: Path, options: FileOptions, place: Place,
    *, tell: Callable[[str], None],
) -> FileSource | None:  # fmt: skip
    """Open a file on the first road of `names` that decodes its first picture; None: on no road.

    tell  hears why a road was not taken, and if the chip gives up later
    """
    for name in names:
        try:
            return FileSource(path, options=options, road=ROADS[name](place), tell=tell)
        except SourceError as error:
            tell(f"{name} does not decode here: {error}")
    return None


def look_at(path: Path, options: FileOptions) -> Look:
    """Decode the first picture on the CPU. Raises ChipError for what no road does."""
    opened = open_container(path, max_pixels=options.max_pixels, threads=1)
    with closing(opened.container):
        video = opened.video
        decoder = Decoder(opened.container, video, name=str(path), skip_damage=False)
        first = next(decoder.pictures(), None)
        if first is None:
            raise SourceError(f"{path}: no picture can be decoded")
        aspect = video.sample_aspect_ratio or Fraction(1)
        look = Look(first.frame, colour_of(first.frame, video.codec_context.name),
                    video.codec_context.name)  # fmt: skip
    _require(look, aspect, options, path)
    return look


def _require(look: Look, aspect: Fraction, options: FileOptions, path: Path) -> None:
    frame = look.frame
    geometry, _ = plan_geometry(frame, aspect=aspect, max_height=options.max_height, name=str(path))
    scaled = (geometry.scaled_width, geometry.scaled_height) != (frame.width, frame.height)
    reasons = {
        f"its codec is {look.codec}": look.codec not in CODECS,
        f"its pixels are {frame.format.name}": frame.format.name not in _FORMATS,
        "its sides are odd": frame.width % 2 != 0 or frame.height % 2 != 0,
        "it is to be turned": geometry.quarter_turns != 0,
        "it is to be resampled": scaled,
        "it is interlaced": frame.interlaced_frame,
        "it is HDR or of wide gamut": look.colour.transfer is not None,
    }
    for reason, holds in reasons.items():
        if holds:
            raise ChipError(f"{path}: is not decoded on the GPU: {reason}")


def _is_on_chip(stream: VideoStream) -> bool:
    return stream.codec_context.is_hwaccel


def require_size(size: tuple[int, int], look: Look) -> None:
    """Raise ChipError for a picture of another size; surfaces may have some more rows."""
    height, width = look.size
    if not (height <= size[0] < height + 64 and width <= size[1] < width + 64):
        raise ChipError(f"the picture's size changes from {width}x{height} to {size[1]}x{size[0]}")
