"""Decoded pictures as JPEG files: one eye, both, anaglyph or depth."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from stereocast.engine.errors import ConfigError
from stereocast.engine.layout import Layout, View
from stereocast.runtime.watch.view import Pixels, check_view, view_pixels, view_size
from stereocast.runtime.wire import DepthMap

MAX_WIDTH_PX = 1920
QUANTISER = 4
"""FFmpeg's step; about quality 85 of libjpeg."""


class PreviewView(StrEnum):
    """What a preview shows."""

    LEFT = "left"
    RIGHT = "right"
    SBS = "sbs"
    ANAGLYPH = "anaglyph"
    DEPTH = "depth"


class FirstView(StrEnum):
    """What of a source's first frame can be had."""

    RGB = "rgb"
    DEPTH = "depth"
    SBS = "sbs"


def picture_jpeg(picture: VideoFrame, layout: Layout, view: PreviewView) -> bytes:
    """Return a view of a decoded picture as a JPEG file, at most MAX_WIDTH_PX wide.

    Raises ConfigError where the layout has no eyes to make this view from.
    """
    kind = View(view)
    check_view(kind, layout)
    width, height = view_size(kind, layout, picture.width, picture.height)
    if width > MAX_WIDTH_PX:
        width, height = MAX_WIDTH_PX, max(2, round(height * MAX_WIDTH_PX / width))
    even = (width - width % 2, height - height % 2)
    return jpeg(view_pixels(picture, layout, kind, size=even))


def packed_jpeg(picture: VideoFrame, layout: Layout) -> bytes:
    """Return a picture as it came, for layouts whose eyes cannot be told apart."""
    return jpeg(view_pixels(picture, layout, View.PACKED))


def depth_jpeg(depth: DepthMap) -> bytes:
    """Return a depth map in grey, near is white."""
    grey = np.frombuffer(depth.data, np.uint8).reshape(depth.h, depth.w)
    even = grey[: depth.h - depth.h % 2 or None, : depth.w - depth.w % 2 or None]
    return jpeg(np.repeat(even[:, :, None], 3, axis=2))


def jpeg(pixels: Pixels) -> bytes:
    """Compress RGB pixels [H, W, 3] in the colours that every JPEG reader expects."""
    image = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    # JPEG files have BT.601 coefficients and full range by convention (JFIF 1.02).
    picture = image.reformat(
        format="yuv420p",
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.JPEG,
    )
    encoder = VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuv420p"
    encoder.time_base = picture.time_base = Fraction(1)
    encoder.sample_aspect_ratio = Fraction(1)
    encoder.color_range = int(ColorRange.JPEG)
    encoder.qmin = encoder.qmax = QUANTISER
    encoder.thread_count = 1
    try:
        return b"".join(bytes(packet) for packet in encoder.encode(picture))
    except av.FFmpegError as error:
        raise ConfigError(
            f"a picture of {image.width}×{image.height} is no JPEG: {error}"
        ) from None
