"""One decoded picture as a PNG file. Which picture, and when, is the session's choice."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.runtime.watch.view import Pixels


def check_path(path: Path, *, overwrite: bool) -> None:
    """Raise ConfigError where a snapshot could not, or should not, be written to `path`."""
    if path.suffix.lower() != ".png":
        raise ConfigError(f"--snapshot writes PNG: name the file something.png, not {path.name!r}")
    if not path.parent.is_dir():
        raise ConfigError(f"--snapshot {path}: there is no folder {path.parent}; create it first")
    if path.exists() and not overwrite:
        raise ConfigError(f"--snapshot {path}: exists already; add --overwrite or name another")


def save_png(pixels: Pixels, path: Path) -> None:
    """Write RGB pixels [H, W, 3]; EncodeError where the disk refuses.

    The file appears under its name only when it is complete.
    """
    encoder = VideoCodecContext.create("png", "w")
    image = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    encoder.width, encoder.height, encoder.pix_fmt = image.width, image.height, "rgb24"
    encoder.time_base = image.time_base = Fraction(1)
    data = b"".join(bytes(packet) for packet in (*encoder.encode(image), *encoder.encode(None)))
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise EncodeError(f"cannot write the snapshot {path}: {error.strerror}") from error
