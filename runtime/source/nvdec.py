"""A video file decoded by the NVIDIA chip: surfaces stay on the GPU and become RGB there.

PyAV reads the container and its times; PyNvVideoCodec (extra `nvcodec`) only decodes. What this
road does not do (seeking, scaling, turning, HDR, interlaced pictures) is refused with the reason,
and the caller decodes on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from av.bitstream import BitStreamFilterContext
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from stereocast.engine.errors import SourceError
from stereocast.engine.frame import Frame
from stereocast.engine.static import Place
from stereocast.kernels.preprocess import nv12_to_rgb
from stereocast.runtime.source import SourceInfo
from stereocast.runtime.source.container import OpenedContainer, open_container
from stereocast.runtime.source.decoder import Decoder, Picture
from stereocast.runtime.source.file import MAX_PIXELS
from stereocast.runtime.source.picture import Colour, colour_of, notes_on_colour, plan_geometry
from stereocast.runtime.source.timeline import SECOND_NS, Timeline, to_ns

_CODECS = {"h264": "H264", "hevc": "HEVC", "av1": "AV1", "libdav1d": "AV1", "vp9": "VP9"}
_TO_ANNEX_B = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}
_FORMATS = ("yuv420p", "yuvj420p", "yuv420p10le")


class NvdecSource:
    """A local file, every picture, in order, in the memory of `place`.

    info  as that of a file, but it cannot seek
    """

    def __init__(self, path: Path, place: Place) -> None:
        """Open the file and the chip's decoder. Raises SourceError that says why not."""
        self._path, self._place = path, place
        looked_at = _open(path)
        with closing(looked_at.container):
            first, fps = _first_picture(looked_at, path)
            self._colour = _accepted(first, looked_at, path)
            self._size = (first.frame.height, first.frame.width)
            self.info = _describe(looked_at, first, path, fps)
        self._opened = _open(path)  # anew: the first picture is decoded by the chip as well
        self._codec = self._opened.video.codec_context.name
        self._decoder = Surfaces(self._codec, gpu=place.device.index or 0)

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames whose pixels nobody else owns."""
        base = self._opened.video.time_base or Fraction(1, 90_000)
        times = Timeline(
            base, picture_ns=max(1, round(SECOND_NS / self.info.fps)), constant_rate=False
        )
        index = 0
        for data, pts in _packets(self._opened, self._codec):
            for surface, ticks in self._decoder.decode(data, pts):
                yield Frame(self._rgb(surface), times.place(ticks), index)
                index += 1

    def close(self) -> None:
        """Release the file and the decoder. May be called twice."""
        self._opened.container.close()
        self._decoder.close()

    def _rgb(self, surface: Tensor) -> Tensor:
        """Convert on the default stream, which waits for the decoder's; the pool is finite."""
        default = torch.cuda.default_stream(self._place.device)
        with self._place.entered(), torch.cuda.stream(default):
            return nv12_to_rgb(
                surface, self._size, matrix=self._colour.matrix, full_range=self._colour.full_range
            )


class Surfaces:
    """One decoder of the chip: coded packets in, surfaces out, in display order, without delay."""

    def __init__(self, codec: str, *, gpu: int) -> None:
        """Raise SourceError where the package, the driver or the chip will not."""
        self._library = _library()
        try:
            kind = getattr(self._library.cudaVideoCodec, _CODECS[codec])
            self._decoder: Any = self._library.CreateDecoder(
                gpuid=gpu,
                codec=kind,
                usedevicememory=True,
                latency=self._library.DisplayDecodeLatencyType.LOW,
            )
        except Exception as error:  # its exceptions share nothing but this
            raise SourceError(f"NVDEC refuses {codec}: {_words(error)}") from error

    def decode(self, data: bytes, pts: int) -> list[tuple[Tensor, int]]:
        """Return the surfaces that are due, and their times as they were given.

        data  one access unit in Annex B; empty: what is left. Surfaces are [h·3/2, w], NV12 or
              P016, valid until the next call.
        """
        unit = np.frombuffer(data, np.uint8)
        packet = self._library.PacketData()
        packet.bsl_data, packet.bsl = int(unit.ctypes.data), len(data)
        packet.pts = pts
        packet.decode_flag = self._library.VideoPacketFlag.ENDOFPICTURE
        try:
            frames = self._decoder.Decode(packet)
            return [(from_dlpack(frame), int(frame.getPTS())) for frame in frames]
        except Exception as error:  # as above
            raise SourceError(f"NVDEC fails at time {pts}: {_words(error)}") from error

    def close(self) -> None:
        """Free the decoder. May be called twice."""
        self._decoder = None


def _open(path: Path) -> OpenedContainer:
    return open_container(path, max_pixels=MAX_PIXELS, threads=1)


def _first_picture(opened: OpenedContainer, path: Path) -> tuple[Picture, float]:
    decoder = Decoder(opened.container, opened.video, name=str(path), skip_damage=False)
    first = next(decoder.pictures(), None)
    if first is None:
        raise SourceError(f"{path}: no picture can be decoded")
    return first, decoder.fps


def _accepted(first: Picture, opened: OpenedContainer, path: Path) -> Colour:
    """Return the colours, or raise SourceError for what this road does not do."""
    frame, video = first.frame, opened.video
    aspect = video.sample_aspect_ratio or Fraction(1)
    geometry, _ = plan_geometry(frame, aspect=aspect, max_height=None, name=str(path))
    colour = colour_of(frame, video.codec_context.name)
    is_scaled = (geometry.scaled_width, geometry.scaled_height) != (frame.width, frame.height)
    reasons = {
        f"its codec is {video.codec_context.name}": video.codec_context.name not in _CODECS,
        f"its pixels are {frame.format.name}": frame.format.name not in _FORMATS,
        "it is to be turned": geometry.quarter_turns != 0,
        "its pixels are not square": is_scaled,
        "it is interlaced": frame.interlaced_frame,
        "it is HDR or of wide gamut": colour.transfer is not None,
    }
    for reason, holds in reasons.items():
        if holds:
            raise SourceError(f"{path}: is not decoded on the GPU: {reason}")
    return colour


def _describe(opened: OpenedContainer, first: Picture, path: Path, fps: float) -> SourceInfo:
    base = opened.video.time_base or Fraction(1, 90_000)
    return SourceInfo(
        address=str(path),
        width=first.frame.width,
        height=first.frame.height,
        fps=fps,
        live=False,
        time_base=base,
        duration_ns=opened.duration_ns,
        start_ns=first.pts_ns,
        origin_ns=to_ns(opened.video.start_time or 0, base),
        notes=(*opened.notes, *notes_on_colour(first.frame), "decoded on the GPU (NVDEC)"),
    )


def _packets(opened: OpenedContainer, codec: str) -> Iterator[tuple[bytes, int]]:
    """Yield access units in the form the chip reads, with their times; an empty one at the end."""
    wanted = _TO_ANNEX_B.get(codec)
    change = BitStreamFilterContext(wanted, opened.video) if wanted else None
    try:
        for packet in opened.container.demux(opened.video):
            if packet.size == 0:
                continue
            for unit in change.filter(packet) if change else (packet,):
                yield bytes(unit), unit.pts or 0
    except av.FFmpegError as error:
        raise SourceError(f"{opened.container.name}: cannot be read on: {error}") from error
    yield b"", 0


def _library() -> Any:
    try:
        import PyNvVideoCodec
    except ImportError:
        raise SourceError("NVDEC needs PyNvVideoCodec: pip install 'stereocast[nvcodec]'") from None
    except Exception as error:  # without a driver's encoder library it raises RuntimeError
        raise SourceError(
            f"NVDEC: PyNvVideoCodec finds no driver ({_words(error)}); in a container set "
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility,video"
        ) from error
    return PyNvVideoCodec


def _words(error: Exception) -> str:
    """Return the first line of what an error says, or its kind."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
