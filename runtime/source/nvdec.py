"""The chip's decoder of NVIDIA: sessions of PyNvVideoCodec (extra `nvcodec`), and FFmpeg's device.

Needs no torch: what a surface's pixels mean, chip.py knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.codec.hwaccel import HWAccel
from av.packet import Packet
from av.video.stream import VideoStream

from stereocast.runtime.source.road import ChipError

CODECS = {"h264": "H264", "hevc": "HEVC", "av1": "AV1", "libdav1d": "AV1", "vp9": "VP9"}
"""FFmpeg's names of what the chip decodes, and the package's."""

CONTAINER = "in a container with NVIDIA_DRIVER_CAPABILITIES=compute,utility,video"
_TO_ANNEX_B = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}
_NO_TIME = -(2**63)  # what FFmpeg, and so the package's own demuxer, writes where there is none


class Nvdec:
    """One session of the chip's decoder: access units in, surfaces out, in display order."""

    def __init__(self, codec: str, *, gpu: int) -> None:
        """Raise ChipError where the package, the driver or the chip will not."""
        self._library = library()
        try:
            # Display order with the delay that the stream's own order asks for. The package's modes
            # of lower latency are not for streams with B-frames, and most files have them.
            self._decoder: Any = self._library.CreateDecoder(
                gpuid=gpu,
                codec=getattr(self._library.cudaVideoCodec, CODECS[codec]),
                usedevicememory=True,
                latency=self._library.DisplayDecodeLatencyType.NATIVE,
            )
        except Exception as error:  # its exceptions share nothing but this
            raise ChipError(f"NVDEC refuses {codec}: {words(error)}") from error

    def decode(self, data: bytes, pts: int | None) -> Sequence[tuple[Any, int | None]]:
        """Return the surfaces that are due, and their times as they were given.

        data  one access unit in Annex B; empty: what is left. Surfaces export DLPack: [h·3/2, w],
              NV12 or P016, valid until the next call. Raises ChipError.
        """
        unit = np.frombuffer(data, np.uint8)
        packet = self._library.PacketData()
        packet.bsl_data, packet.bsl = int(unit.ctypes.data), len(data)
        packet.pts = _NO_TIME if pts is None else pts
        try:
            surfaces = self._decoder.Decode(packet)
            return [(surface, _time(surface.getPTS())) for surface in surfaces]
        except Exception as error:  # as above
            raise ChipError(f"NVDEC fails at time {pts}: {words(error)}") from error

    def close(self) -> None:
        """Free the session. May be called twice."""
        self._decoder = None


class AccessUnits:
    """A container's packets in the form that the chip reads."""

    def __init__(self, stream: VideoStream) -> None:
        wanted = _TO_ANNEX_B.get(stream.codec_context.name)
        self._change = BitStreamFilterContext(wanted, stream) if wanted else None

    def of(self, packet: Packet[VideoStream]) -> Sequence[Packet[VideoStream]]:
        """Return its access units. Raises av.FFmpegError for a packet that is damaged."""
        return self._change.filter(packet) if self._change else (packet,)


def capabilities(gpu: int) -> dict[str, dict[str, int]]:
    """Return what the driver says of the chip's decoder, codec by codec. Raises ChipError."""
    package = library()
    try:
        return {
            name: dict(
                package.GetDecoderCaps(gpuid=gpu, codec=getattr(package.cudaVideoCodec, name))
            )
            for name in sorted(set(CODECS.values()))
        }
    except Exception as error:  # as above
        raise ChipError(f"NVDEC tells nothing of itself: {words(error)}") from error


def ffmpeg_device(gpu: int) -> HWAccel:
    """Return FFmpeg's NVIDIA device: no way back to the CPU, pictures stay in the GPU's memory.

    Raises ChipError where there is none.
    """
    device = HWAccel("cuda", device=str(gpu), allow_software_fallback=False, is_hw_owned=True)
    try:
        av.CodecContext.create("h264", "r", hwaccel=device)
    except (av.FFmpegError, OSError, NotImplementedError) as error:
        raise ChipError(
            f"FFmpeg opens no NVIDIA device ({getattr(error, 'strerror', None) or words(error)}); "
            f"it needs NVIDIA's driver, {CONTAINER}"
        ) from error
    return device


def library() -> Any:
    """Import the package. Raises ChipError that says what to install."""
    try:
        import PyNvVideoCodec
    except ImportError:
        raise ChipError("NVDEC needs PyNvVideoCodec: pip install 'stereocast[nvcodec]'") from None
    except Exception as error:  # without a driver's encoder library it raises RuntimeError
        raise ChipError(
            f"NVDEC: PyNvVideoCodec finds no driver ({words(error)}); it is seen {CONTAINER}"
        ) from error
    return PyNvVideoCodec


def words(error: Exception) -> str:
    """Return the first line of what an error says, or its kind."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _time(pts: int) -> int | None:
    return None if pts == _NO_TIME else int(pts)
