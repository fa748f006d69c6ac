"""What decodes pictures on this machine: each decoder is tried on one picture. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np

from stereocast.engine.errors import EncodeError
from stereocast.runtime.encode.probe import ProbeResult
from stereocast.runtime.encode.x264 import X264Config, X264Encoder
from stereocast.runtime.source.nvdec import Nvdec, ffmpeg_device
from stereocast.runtime.source.road import ChipError

_HEIGHT, _WIDTH = 144, 256  # NVDEC takes nothing much smaller


def describe(gpu: int = 0) -> list[ProbeResult]:
    """Try every decoder there is on one grey picture in H.264, best first."""
    ladder: dict[str, Callable[[bytes, int], str]] = {
        "nvdec": _nvdec,
        "nvdec-ffmpeg": _ffmpeg,
        "cpu": _cpu,
    }
    try:
        data = _coded()
    except EncodeError as error:
        return [ProbeResult(name, False, f"no picture to try it on: {error}") for name in ladder]
    return [_tried(name, decode, data, gpu) for name, decode in ladder.items()]


def _tried(name: str, decode: Callable[[bytes, int], str], data: bytes, gpu: int) -> ProbeResult:
    try:
        return ProbeResult(name, True, decode(data, gpu))
    except ChipError as error:
        return ProbeResult(name, False, str(error))
    except av.FFmpegError as error:
        return ProbeResult(name, False, f"FFmpeg does not decode a picture ({error.strerror})")


def _coded() -> bytes:
    encoder = X264Encoder(X264Config(), width=_WIDTH, height=_HEIGHT, fps=30.0)
    try:
        grey = np.full((_HEIGHT * 3 // 2, _WIDTH), 128, np.uint8)
        return encoder.encode_surface(grey, pts_ns=0, keyframe=True).data
    finally:
        encoder.close()


def _nvdec(data: bytes, gpu: int) -> str:
    session = Nvdec("h264", gpu=gpu)
    try:
        # An empty unit asks for what is left.
        if not [*session.decode(data, 0), *session.decode(b"", None)]:
            raise ChipError("NVDEC: no picture came out of one that went in")
    finally:
        session.close()
    return "PyNvVideoCodec, pictures stay on the GPU"


def _ffmpeg(data: bytes, gpu: int) -> str:
    context = av.CodecContext.create("h264", "r", hwaccel=ffmpeg_device(gpu))
    frames = [*context.decode(av.Packet(data)), *context.decode(None)]
    if not frames or frames[0].format.name != "cuda":
        raise ChipError("FFmpeg's NVIDIA decoder gave no picture in the GPU's memory")
    return "FFmpeg, pictures stay on the GPU"


def _cpu(data: bytes, gpu: int) -> str:
    context = av.CodecContext.create("h264", "r")
    frames = [*context.decode(av.Packet(data)), *context.decode(None)]
    if not frames:
        raise ChipError("FFmpeg gave no picture")
    return f"FFmpeg {av.ffmpeg_version_info}, PyAV {av.__version__}"
