"""Motion JPEG: the fallback that every viewer can show, at several times the bits of H.264."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.runtime.encode.download import Download
from stereocast.runtime.encode.surface import packed_size, video_frame
from stereocast.runtime.packet import Packet

if TYPE_CHECKING:  # doctor tries this encoder without torch
    from stereocast.engine.frame import StereoFrame


@dataclass(frozen=True)
class JpegConfig:
    """Tunables of the JPEG encoder."""

    quality: int = 85
    """1 to 100, about as libjpeg counts."""

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ConfigError(f"jpeg.quality must be in [1, 100], got {self.quality}")

    @property
    def quantiser(self) -> int:
        """FFmpeg's step, 1 (best) to 31, whose table is on average as coarse as libjpeg's."""
        q = self.quality
        percent = 5000 / q if q < 50 else 200 - 2 * q
        # Mean of libjpeg's luma table is 57; FFmpeg scales a table of mean 27 by step / 8.
        return min(31, max(1, round(percent / 100 * 57 / 27 * 8)))


class JpegEncoder:
    """One JPEG per picture, each a key picture, in the colours that every JPEG reader expects.

    JPEG files have BT.601 coefficients and full range by convention (JFIF 1.02), so the BT.709
    limited surface is converted. `threads` slices of a picture are coded at once.
    """

    codec = "mjpeg"
    codec_string = "mjpeg"

    def __init__(
        self, config: JpegConfig, *, width: int, height: int, fps: float, threads: int = 1
    ) -> None:
        self._name = f"mjpeg {width}×{height}"
        if width < 2 or height < 2 or width % 2 or height % 2:
            raise EncodeError(f"{self._name}: sizes must be even and at least 2; pad the picture.")
        if not (math.isfinite(fps) and 0 < fps <= 1000):
            raise EncodeError(f"{self._name}: the frame rate must be above 0 and at most 1000.")
        rate = Fraction(fps).limit_denominator(1001)
        context = av.CodecContext.create("mjpeg", "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.framerate, context.time_base = rate, 1 / rate
        context.sample_aspect_ratio = Fraction(1)  # FFmpeg writes the JFIF marker only with it
        context.color_range = int(ColorRange.JPEG)
        context.thread_count, context.thread_type = threads, "SLICE"
        # A fixed step: PyAV cannot set the quality of single pictures, which FFmpeg would ask for.
        context.qmin = context.qmax = config.quantiser
        try:
            context.open()
        except av.FFmpegError as error:
            raise EncodeError(f"{self._name}: the JPEG encoder refuses ({error}).") from error
        self._context: VideoCodecContext | None = context
        self._reformatter = VideoReformatter()
        self._threads = threads
        self._pictures = 0
        self._download = Download()
        self.description = f"mjpeg quality {config.quality}, {threads} slices"

    def encode(self, frame: StereoFrame, *, keyframe: bool = False) -> Packet:
        """Compress one picture; every packet is a key picture, asked for or not.

        Raises EncodeError if the size is not the encoder's, or FFmpeg fails.
        """
        surface = self._download(frame.surface)
        return self.encode_surface(surface, pts_ns=frame.pts_ns, keyframe=keyframe)

    def encode_surface(
        self, surface: NDArray[np.uint8], *, pts_ns: int, keyframe: bool = False
    ) -> Packet:
        """Compress one I420 surface [H·3/2, W]; otherwise as `encode`."""
        if self._context is None:
            raise EncodeError(f"{self._name}: the encoder is closed; build a new one.")
        height, width = packed_size(surface)
        if (width, height) != (self._context.width, self._context.height):
            raise EncodeError(
                f"{self._name}: got a picture of {width}×{height}; build an encoder for that size."
            )
        picture = self._reformatter.reformat(
            video_frame(surface),
            format="yuv420p",
            src_colorspace=Colorspace.ITU709,
            dst_colorspace=Colorspace.ITU601,
            src_color_range=ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.BILINEAR,
            threads=self._threads,
        )
        picture.pts, picture.time_base = self._pictures, self._context.time_base
        try:
            packets = self._context.encode(picture)
        except av.FFmpegError as error:
            raise EncodeError(
                f"{self._name}: picture {self._pictures} failed ({error})."
            ) from error
        assert len(packets) == 1, "JPEG has no delay"
        self._pictures += 1
        return Packet(bytes(packets[0]), pts_ns, True)

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self._context = None
