"""PNG and JPEG pictures from bytes: refused where anything is missing, never half decoded."""

from __future__ import annotations

import zlib
from pathlib import Path

import av
import numpy as np
import torch
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from torch import Tensor

from stereocast.bench.depth_quality.folders.files import read_bytes
from stereocast.engine.errors import SourceError

MAX_PIXELS = 1 << 26
_PNG, _JPEG, _JPEG_END = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\xff\xd9"


def read_rgb(path: Path) -> Tensor:
    """Return a picture, u8 [3, H, W]. Raises SourceError."""
    pixels = torch.from_numpy(_decoded(path).to_ndarray(format="rgb24"))
    return pixels.permute(2, 0, 1).contiguous()


def read_grey16(path: Path) -> Tensor:
    """Return a PNG of 16-bit greys, int32 [H, W]. Raises SourceError for anything else."""
    frame = _decoded(path)
    if frame.format.name not in ("gray16be", "gray16le"):
        raise SourceError(
            f"{path}: expected depth as a PNG of 16-bit greys, got {frame.format.name}; "
            "write it without palette or colours"
        )
    return torch.from_numpy(frame.to_ndarray(format="gray16le").astype(np.int32))


def _decoded(path: Path) -> VideoFrame:
    data = read_bytes(path)
    if data.startswith(_PNG):
        codec = "png"
        _check_png(path, data)
    elif data.startswith(_JPEG):
        codec = "mjpeg"
        if not data.rstrip(b"\0").endswith(_JPEG_END):
            raise SourceError(f"{path}: the JPEG ends too early; fetch it anew")
    else:
        raise SourceError(f"{path}: expected a PNG or JPEG picture, got other bytes; fetch it anew")
    decoder = VideoCodecContext.create(codec, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(MAX_PIXELS), "err_detect": "explode"}
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except (av.FFmpegError, ValueError, MemoryError):
        frames = []
    if len(frames) != 1 or frames[0].is_corrupt:
        raise SourceError(f"{path}: the picture is damaged; fetch it anew")
    return frames[0]


def _check_png(path: Path, data: bytes) -> None:
    """Raise SourceError unless every chunk is whole and the last one is the end."""
    place, kind = len(_PNG), b""
    while place + 12 <= len(data) and kind != b"IEND":
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + 8 + length
        kind = data[place + 4 : place + 8]
        if zlib.crc32(data[place + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise SourceError(f"{path}: the PNG is damaged or cut off; fetch it anew")
        place = end + 4
    if kind != b"IEND":
        raise SourceError(f"{path}: the PNG ends too early; fetch it anew")
