"""Live H.264 by the encoder of an NVIDIA chip, where it has one (A100, H100 and H200 have none).

`NvencEncoder` reads surfaces in the GPU's memory, through PyNvVideoCodec (extra `nvcodec`);
`NvencHostEncoder` takes them over the host, through FFmpeg, and needs nothing but a driver. Both
are believed only after they have coded a picture, see `probe`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.runtime.encode.download import Download
from stereocast.runtime.encode.h264_bits import find_sps
from stereocast.runtime.encode.planes import DeviceSurface
from stereocast.runtime.encode.surface import packed_size, video_frame
from stereocast.runtime.encode.x264 import COLOUR_OPTIONS, default_bitrate_kbps
from stereocast.runtime.packet import Packet

if TYPE_CHECKING:  # doctor tries these encoders without torch
    from stereocast.engine.frame import StereoFrame

_ENDLESS = 0xFFFFFFFF  # pictures between key pictures nobody asked for: NVENC's word for never
_LONGEST_GOP = 2**31 - 1  # the same for FFmpeg


@dataclass(frozen=True)
class NvencConfig:
    """Tunables of both encoders."""

    preset: int = 2
    """1 (fastest) to 7 (best); 1 to 3 keep a picture's time below that of the engine."""
    bitrate_kbps: int = 0
    """Mean rate; 0 derives it from size and frame rate, as for x264."""
    vbv_frames: float = 1.5
    """Size of the rate buffer in mean pictures, 1 to 2: what keeps a key picture small."""
    gpu: int = 0
    """Number of the GPU."""

    def __post_init__(self) -> None:
        if not 1 <= self.preset <= 7:
            raise ConfigError(f"nvenc.preset must be in [1, 7], got {self.preset}")
        if self.bitrate_kbps != 0 and not 50 <= self.bitrate_kbps <= 2_000_000:
            raise ConfigError(
                f"nvenc.bitrate_kbps must be 0 or in [50, 2000000], got {self.bitrate_kbps}"
            )
        if not 1.0 <= self.vbv_frames <= 30.0:
            raise ConfigError(f"nvenc.vbv_frames must be in [1, 30], got {self.vbv_frames}")
        if self.gpu < 0:
            raise ConfigError(f"nvenc.gpu must be >= 0, got {self.gpu}")


class NvencEncoder:
    """NVENC on surfaces where they lie; the access unit alone leaves the GPU.

    Key pictures are IDR with parameter sets; there are none but the first and those asked for.

    on_host  take surfaces of the host, for a probe without torch
    """

    codec = "h264"

    def __init__(
        self, config: NvencConfig, *, width: int, height: int, fps: float, on_host: bool = False
    ) -> None:
        self._name = f"nvenc {width}×{height} at {fps:g} fps"
        self._size, self._kbps = (height, width), _rate(self._name, config, width, height, fps)
        self._frame_rate = Fraction(fps).limit_denominator(1001)
        self._vbv_frames, self._on_host = config.vbv_frames, on_host
        self._library = _library()
        try:
            self._encoder: Any = self._library.CreateEncoder(
                width, height, "YUV420", on_host, **self._settings(config)
            )
            self.codec_string = find_sps(bytes(self._encoder.GetSequenceParams())).codec_string
        except Exception as error:  # its exceptions share nothing but this
            raise EncodeError(f"{self._name}: NVENC refuses ({_words(error)})") from error
        self.description = f"nvenc P{config.preset}, {self._kbps} kb/s, surfaces stay on the GPU"

    def encode(self, frame: StereoFrame, *, keyframe: bool = False) -> Packet:
        """Compress one picture in the GPU's memory. Raises EncodeError."""
        surface = frame.surface
        if surface.device.type != "cuda":
            raise EncodeError(f"{self._name}: takes surfaces of the GPU, got {surface.device}")
        import torch

        torch.cuda.current_stream(surface.device).synchronize()  # NVENC has a stream of its own
        height, width = surface.shape[0] * 2 // 3, surface.shape[1]
        given = DeviceSurface(surface.data_ptr(), height, width)
        return self._coded(given, (height, width), frame.pts_ns, keyframe)

    def encode_surface(
        self, surface: NDArray[np.uint8], *, pts_ns: int, keyframe: bool = False
    ) -> Packet:
        """Compress one I420 surface [H·3/2, W] of the host; only with `on_host`."""
        return self._coded(np.ascontiguousarray(surface), packed_size(surface), pts_ns, keyframe)

    def reconfigure(self, bitrate_kbps: int) -> None:
        """Change the mean rate between two pictures, without a key picture. Raises EncodeError."""
        try:
            wanted = self._encoder.GetEncodeReconfigureParams()
            wanted.averageBitrate = wanted.maxBitRate = bitrate_kbps * 1000
            wanted.vbvBufferSize = wanted.vbvInitialDelay = self._buffer_bits(bitrate_kbps)
            self._encoder.Reconfigure(wanted)
        except Exception as error:  # as above
            raise EncodeError(f"{self._name}: no {bitrate_kbps} kb/s ({_words(error)})") from error
        self._kbps = bitrate_kbps

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self._encoder = None

    def _coded(self, given: Any, size: tuple[int, int], pts_ns: int, keyframe: bool) -> Packet:
        if self._encoder is None:
            raise EncodeError(f"{self._name}: the encoder is closed; build a new one.")
        if size != self._size:
            raise EncodeError(
                f"{self._name}: got a picture of {size[1]}×{size[0]}; build an encoder for it."
            )
        forced = (int(self._library.NV_ENC_PIC_FLAGS.FORCEIDR.value),) if keyframe else ()
        try:
            units = self._encoder.Encode(given, *forced)
        except Exception as error:  # as above
            raise EncodeError(f"{self._name}: a picture failed ({_words(error)})") from error
        data = b"".join(bytes(unit["data"]) for unit in units)
        if not data:
            raise EncodeError(f"{self._name}: NVENC kept a picture back, which must not happen")
        return Packet(data, pts_ns, _has_idr(data))

    def _settings(self, config: NvencConfig) -> dict[str, Any]:
        return {
            "gpu_id": config.gpu,
            "codec": "h264",
            "preset": f"P{config.preset}",
            "tuning_info": "ultra_low_latency",
            "rc": "cbr",
            "fps": max(1, round(float(self._frame_rate))),
            "bitrate": self._kbps * 1000,
            "maxbitrate": self._kbps * 1000,
            "vbvbufsize": self._buffer_bits(self._kbps),
            "vbvinit": self._buffer_bits(self._kbps),
            "bf": 0,
            "gop": _ENDLESS,
            "idrperiod": _ENDLESS,
            "repeatspspps": 1,
        }

    def _buffer_bits(self, kbps: int) -> int:
        return max(1, round(kbps * 1000 / float(self._frame_rate) * self._vbv_frames))


class NvencHostEncoder:
    """NVENC through FFmpeg: pictures go up from the host, as the packets come down."""

    codec = "h264"

    def __init__(self, config: NvencConfig, *, width: int, height: int, fps: float) -> None:
        self._name = f"nvenc-host {width}×{height} at {fps:g} fps"
        kbps = _rate(self._name, config, width, height, fps)
        rate = Fraction(fps).limit_denominator(1001)
        try:
            context = av.CodecContext.create("h264_nvenc", "w")
            assert isinstance(context, VideoCodecContext)
            context.width, context.height, context.pix_fmt = width, height, "yuv420p"
            context.framerate, context.time_base = rate, 1 / rate
            context.bit_rate, context.gop_size, context.max_b_frames = kbps * 1000, _LONGEST_GOP, 0
            context.options = {
                "preset": f"p{config.preset}",
                "tune": "ull",
                "rc": "cbr",
                "zerolatency": "1",
                "delay": "0",
                "forced-idr": "1",
                "gpu": str(config.gpu),
                "bufsize": str(max(1, round(kbps * 1000 / fps * config.vbv_frames))),
                **COLOUR_OPTIONS,
            }
            context.open()
        except (av.FFmpegError, ValueError, OverflowError) as error:
            raise EncodeError(
                f"{self._name}: NVENC refuses ({_words(error)}); it needs a chip with the unit, "
                "and its driver"
            ) from error
        self._context: VideoCodecContext | None = context
        self._download, self._pictures = Download(), 0
        self.codec_string = "avc1.640033"  # until the first picture tells: High, level 5.1
        self.description = f"nvenc p{config.preset} through FFmpeg, {kbps} kb/s"

    def encode(self, frame: StereoFrame, *, keyframe: bool = False) -> Packet:
        """Compress one picture, wherever it lies. Raises EncodeError."""
        surface = self._download(frame.surface)
        return self.encode_surface(surface, pts_ns=frame.pts_ns, keyframe=keyframe)

    def encode_surface(
        self, surface: NDArray[np.uint8], *, pts_ns: int, keyframe: bool = False
    ) -> Packet:
        """Compress one I420 surface [H·3/2, W] of the host."""
        if self._context is None:
            raise EncodeError(f"{self._name}: the encoder is closed; build a new one.")
        picture = video_frame(surface)
        picture.pts, picture.time_base = self._pictures, self._context.time_base
        picture.pict_type = PictureType.I if keyframe else PictureType.NONE
        try:
            packets = self._context.encode(picture)
        except av.FFmpegError as error:
            raise EncodeError(f"{self._name}: a picture failed ({_words(error)})") from error
        if len(packets) != 1:
            raise EncodeError(f"{self._name}: {len(packets)} access units came for one picture")
        self._pictures += 1
        data = bytes(packets[0])
        if packets[0].is_keyframe:
            self.codec_string = find_sps(data).codec_string
        return Packet(data, pts_ns, packets[0].is_keyframe)

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self._context = None


def capabilities(gpu: int) -> dict[str, int]:
    """Return what the driver says of the chip's encoder of H.264. Raises EncodeError."""
    package = _library()
    try:
        return dict(package.GetEncoderCaps(gpuid=gpu, codec="h264"))
    except Exception as error:  # as above
        raise EncodeError(f"NVENC tells nothing of itself: {_words(error)}") from error


def _rate(name: str, config: NvencConfig, width: int, height: int, fps: float) -> int:
    """Return the mean rate, kb/s. Raises EncodeError for a size or rate that nothing takes."""
    if width < 160 or height < 64 or width % 2 or height % 2:
        raise EncodeError(f"{name}: sizes must be even and at least 160×64.")
    if not (math.isfinite(fps) and 0 < fps <= 1000):
        raise EncodeError(f"{name}: the frame rate must be above 0 and at most 1000.")
    return config.bitrate_kbps or default_bitrate_kbps(width, height, fps)


def _library() -> Any:
    try:
        import PyNvVideoCodec
    except Exception as error:  # without a driver it raises RuntimeError, not ImportError
        if isinstance(error, ImportError):
            raise EncodeError(
                "nvenc needs PyNvVideoCodec: pip install 'stereocast[nvcodec]'"
            ) from None
        raise EncodeError(
            f"nvenc: PyNvVideoCodec finds no driver ({_words(error)}); in a container set "
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility,video"
        ) from error
    return PyNvVideoCodec


def _has_idr(data: bytes) -> bool:
    """Whether an access unit in Annex B holds a slice of an IDR picture (unit type 5)."""
    start = data.find(b"\0\0\1")
    while start >= 0 and start + 3 < len(data):
        if data[start + 3] & 0x1F == 5:
            return True
        start = data.find(b"\0\0\1", start + 3)
    return False


def _words(error: Exception) -> str:
    """Return the first line of what an error says, or its kind; FFmpeg's without the call."""
    if isinstance(error, av.FFmpegError) and error.strerror:
        return str(error.strerror)
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
