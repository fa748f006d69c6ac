"""Hand a packed surface to PyAV without copying it where PyAV allows that. Needs no torch."""

from __future__ import annotations

import av
import numpy as np
from numpy.typing import NDArray


def packed_size(surface: NDArray[np.uint8]) -> tuple[int, int]:
    """Return (height, width) of the picture in an I420 surface [H·3/2, W]."""
    return surface.shape[0] * 2 // 3, surface.shape[1]


def video_frame(surface: NDArray[np.uint8]) -> av.VideoFrame:
    """View an I420 surface [H·3/2, W] uint8 as a yuv420p picture tagged BT.709 limited.

    The picture shares the surface's memory where PyAV can express it (H a multiple of 4, rows
    without gaps); the surface must then stay unchanged until the encoder has taken it.
    """
    height, width = packed_size(surface)
    surface = np.ascontiguousarray(surface)
    if height % 4 == 0:
        picture = av.VideoFrame.from_numpy_buffer(surface, "yuv420p")
    else:
        # from_numpy_buffer derives the height from the rows and rounds it to a multiple of 4.
        picture = _copied(surface.reshape(-1), height, width)
    picture.colorspace = 1  # ITU-T H.273 code point of BT.709
    picture.color_range = 1  # FFmpeg's number for limited range
    return picture


def _copied(i420: NDArray[np.uint8], height: int, width: int) -> av.VideoFrame:
    picture = av.VideoFrame(width, height, "yuv420p")
    start = 0
    for plane in picture.planes:
        target = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        size = plane.height * plane.width
        rows = i420[start : start + size].reshape(plane.height, plane.width)
        target[: plane.height, : plane.width] = rows
        start += size
    return picture
