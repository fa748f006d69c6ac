"""Compressed pictures back to pixels, one in and one out, without delay.

Owns the viewer's decoder and the two views of a decoded picture that others need: its luma plane,
and RGB at any size. What is done with the pixels is decided elsewhere.
"""

from __future__ import annotations

from typing import Literal, cast

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from stereocast.engine.errors import TransportError

DECODERS: dict[str, Literal["h264", "mjpeg"]] = {"h264": "h264", "mjpeg": "mjpeg"}
"""Codec of the stream → FFmpeg's decoder for it."""

UNSPECIFIED_MATRIX = 2
"""ITU-T H.273, MatrixCoefficients: the stream does not say."""


class Decoder:
    """Decodes a live stream: one packet in, one picture out."""

    def __init__(self, codec: str) -> None:
        if codec not in DECODERS:
            raise TransportError(
                f"the server sends {codec!r}; this viewer decodes {', '.join(DECODERS)}. "
                "Update stereocast on this side or choose another codec on the other."
            )
        self.codec = codec
        self._context = VideoCodecContext.create(DECODERS[codec], "r")
        # Frame threads would add one picture of delay per thread.
        self._context.thread_count = 1
        self._context.flags |= Flags.low_delay

    def decode(self, data: bytes) -> VideoFrame | None:
        """Decode one access unit; None where it is damaged or does not give one whole picture.

        After None nothing decodes truthfully until the next keyframe: the decoder has forgotten
        its references.
        """
        if len(data) == 0:
            return None  # to FFmpeg an empty packet means the end of the stream
        try:
            pictures = self._context.decode(av.Packet(data))
        except av.FFmpegError:
            pictures = []
        if len(pictures) == 1 and not pictures[0].is_corrupt:
            return pictures[0]
        self._context.flush_buffers()
        return None


def luma(picture: VideoFrame) -> npt.NDArray[np.uint8]:
    """Return the luma plane [H, W] uint8 as a view that lives as long as the picture."""
    plane = picture.planes[0]
    # PyAV's planes export the buffer protocol, its stubs do not say so.
    data = np.frombuffer(cast(bytes, plane), np.uint8)
    return data.reshape(-1, plane.line_size)[: picture.height, : picture.width]


def rgb(picture: VideoFrame, width: int, height: int) -> VideoFrame:
    """Convert to full-range RGB of the given size, honouring the picture's colour tags.

    What is untagged is taken as BT.709 limited range, which is what stereocast sends.
    """
    tagged_range = picture.color_range != ColorRange.UNSPECIFIED
    tagged_matrix = picture.colorspace != UNSPECIFIED_MATRIX
    return picture.reformat(
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=picture.colorspace if tagged_matrix else Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=picture.color_range if tagged_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )
