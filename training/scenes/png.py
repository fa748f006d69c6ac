"""One picture as a PNG file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from torch import Tensor

from stereocast.engine.errors import ConfigError


def save_png(picture: Tensor, path: Path) -> None:
    """Write [3, H, W] uint8 RGB to `path`, over what is there.

    Raises ConfigError where the disk refuses.
    """
    frame = VideoFrame.from_ndarray(picture.movedim(0, -1).contiguous().numpy(), format="rgb24")
    encoder = VideoCodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "rgb24"
    encoder.time_base = frame.time_base = Fraction(1)
    data = b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; name another file") from error
