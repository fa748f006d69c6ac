"""Live H.264 through libx264: one picture in, one access unit out, no delay.

Files are written by the file sink with other settings; nothing here seeks, buffers or muxes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
from av.codec.context import Flags, ThreadType
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.engine.layout import Layout
from stereocast.runtime.encode.download import Download
from stereocast.runtime.encode.h264_bits import find_sps
from stereocast.runtime.encode.surface import packed_size, video_frame
from stereocast.runtime.packet import Packet
from stereocast.runtime.stereo_tags import tags

if TYPE_CHECKING:  # doctor tries this encoder without torch
    from stereocast.engine.frame import StereoFrame

PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
)

COLOUR_OPTIONS = {
    "color_primaries": "bt709",
    "color_trc": "bt709",
    "colorspace": "bt709",
    "color_range": "tv",
    # The pack kernel averages 2×2 blocks, so chroma sits in their centre, not at H.264's left.
    "chroma_sample_location": "center",
}
"""FFmpeg options that say how the pack kernel's colours are meant."""


@dataclass(frozen=True)
class X264Config:
    """Tunables of the live H.264 encoder."""

    preset: str = "ultrafast"
    """x264's speed preset; superfast needs about a third more CPU and a third of the bits."""
    bitrate_kbps: int = 0
    """Mean rate; 0 derives it from size and frame rate (20 Mb/s at 2560×720, 30 fps)."""
    vbv_frames: float = 1.5
    """Size of the rate buffer in mean pictures, 1 to 2: what keeps a key picture small."""

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ConfigError(
                f"x264.preset must be one of {', '.join(PRESETS)}, got {self.preset!r}"
            )
        if self.bitrate_kbps != 0 and not 50 <= self.bitrate_kbps <= 2_000_000:
            raise ConfigError(
                f"x264.bitrate_kbps must be 0 or in [50, 2000000], got {self.bitrate_kbps}"
            )
        if not 1.0 <= self.vbv_frames <= 30.0:
            raise ConfigError(f"x264.vbv_frames must be in [1, 30], got {self.vbv_frames}")


def default_bitrate_kbps(width: int, height: int, fps: float) -> int:
    """Choose a mean rate for a picture size: 20 Mb/s at 2560×720, 30 fps.

    It grows with the square root of the pixel rate, because bigger pictures need fewer bits per
    pixel: 30 Mb/s at 3840×1080, 30 fps.
    """
    reference = 2560 * 720 * 30
    return max(500, round(20_000 * math.sqrt(width * height * fps / reference)))


class X264Encoder:
    """The live H.264 encoder.

    Every key picture is a true IDR that carries its parameter sets; there are no others than the
    first and the requested ones.

    threads       slices of a picture coded at once: more shorten the delay, never add any
    layout        what the stream says of its pictures, where H.264 has a word for it
    codec_string  read from the parameter set that x264 really wrote
    description   settings in words, for doctor and the session's report
    """

    codec = "h264"

    def __init__(
        self, config: X264Config, *, width: int, height: int, fps: float, threads: int = 1,
        layout: Layout = Layout.FULL_SBS,
    ) -> None:  # fmt: skip
        self._name = f"x264 {width}×{height} at {fps:g} fps"
        if width < 16 or height < 16 or width % 2 or height % 2:
            raise EncodeError(f"{self._name}: sizes must be even and at least 16; pad the picture.")
        if not (math.isfinite(fps) and 0 < fps <= 1000):
            raise EncodeError(f"{self._name}: the frame rate must be above 0 and at most 1000.")
        kbps = config.bitrate_kbps or default_bitrate_kbps(width, height, fps)
        rate = Fraction(fps).limit_denominator(1001)
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.framerate, context.time_base = rate, 1 / rate
        # Without SLICE FFmpeg switches x264 to frame threads, each of which delays one picture.
        context.thread_count, context.thread_type = threads, ThreadType.SLICE
        # Only so that the parameter sets are known before the first picture; they stay in the
        # stream as well, because repeat-headers asks for them.
        context.flags |= Flags.global_header
        context.options = _options(config, kbps, fps, layout)
        try:
            context.open()
            self.codec_string = find_sps(context.extradata or b"").codec_string
        except (av.FFmpegError, ValueError) as error:
            raise EncodeError(
                f"{self._name} with preset {config.preset} and {kbps} kb/s: "
                f"x264 refuses ({error.__class__.__name__})."
            ) from error
        self._context: VideoCodecContext | None = context
        self._pictures = 0
        self._download = Download()
        self.description = (
            f"x264 {config.preset}, {kbps} kb/s, rate buffer "
            f"{config.vbv_frames:g} pictures, {threads} slices"
        )

    def encode(self, frame: StereoFrame, *, keyframe: bool = False) -> Packet:
        """Compress one picture; `keyframe` makes it an IDR.

        Raises EncodeError if the size is not the encoder's, or x264 fails.
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
        picture = video_frame(surface)
        # A plain count, not the source's clock: rate control must not see its jumps and gaps.
        picture.pts, picture.time_base = self._pictures, self._context.time_base
        picture.pict_type = PictureType.I if keyframe else PictureType.NONE
        try:
            packets = self._context.encode(picture)
        except av.FFmpegError as error:
            raise EncodeError(
                f"{self._name}: picture {self._pictures} failed ({error})."
            ) from error
        assert len(packets) == 1, "zerolatency without B-frames gives one access unit per picture"
        self._pictures += 1
        return Packet(bytes(packets[0]), pts_ns, packets[0].is_keyframe)

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self._context = None


def _options(config: X264Config, kbps: int, fps: float, layout: Layout) -> dict[str, str]:
    buffer_kbit = max(1, round(kbps / fps * config.vbv_frames))
    parameters = (
        f"bitrate={kbps}",
        f"vbv-maxrate={kbps}",
        f"vbv-bufsize={buffer_kbit}",
        "keyint=infinite",
        "scenecut=0",
        "bframes=0",
        "repeat-headers=1",
        *tags(layout).x264_parameters,
    )
    return {
        "preset": config.preset,
        "tune": "zerolatency",
        "forced-idr": "1",
        "x264-params": ":".join(parameters),
        **COLOUR_OPTIONS,
    }
