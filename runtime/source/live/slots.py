"""The newest pictures of a reader process, in memory that both processes see.

A ring of slots in an anonymous file: it has no name that could be left behind, and costs only the
pages that were written. The writer never waits. The reader copies a picture out and then looks
whether it was overwritten meanwhile; then there is a newer one. Formats are planar; whatever else
a decoder gives is brought to one of them by the writer.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from stereocast.engine.errors import SourceError

SLOTS = 4
MAX_PIXELS = 8192 * 4320
SLOT_BYTES = 3 * MAX_PIXELS + 4096
"""Room for 8 bits 4:4:4 or 16 bits 4:2:0 of the largest picture."""
MEMORY_BYTES = SLOTS * SLOT_BYTES

_HEAD = struct.Struct("<QqQII16sBBBBhII")
_PIXELS_AT = 128
_PLANAR = re.compile(r"(yuv[j]?(444|422|420)p|gray)(\d+le)?|gbrp")
_MAX_ASPECT = 1 << 16


@dataclass(frozen=True)
class SlotPicture:
    """A picture as the reader process left it.

    number  of all pictures of that process, from 1
    pts_ns  its time on the source's clock, repaired
    t_capture_ns  time.monotonic_ns() when it was taken, or came in
    rotation  degrees counter-clockwise that make it upright
    aspect  width and height of a pixel
    """

    frame: VideoFrame
    number: int
    pts_ns: int
    t_capture_ns: int
    rotation: int = 0
    aspect: tuple[int, int] = (1, 1)


def make_memory() -> int:
    """Return the descriptor of a new, empty ring; a child gets it by inheritance."""
    memory = os.memfd_create("stereocast-pictures", os.MFD_CLOEXEC)
    os.ftruncate(memory, MEMORY_BYTES)
    return memory


class SlotWriter:
    """The one who writes pictures."""

    def __init__(self, memory: int) -> None:
        self._memory = mmap.mmap(memory, MEMORY_BYTES)
        self._reformatter = VideoReformatter()

    def write(self, picture: SlotPicture) -> None:
        """Leave a picture in its slot. Raises SourceError for one that has no room there."""
        frame = picture.frame
        if not _PLANAR.fullmatch(frame.format.name):
            frame = self._reformatter.reformat(frame, format=_planar_format(frame), threads=1)
        planes = list(_planes(frame))
        if sum(plane.nbytes for plane in planes) > SLOT_BYTES - _PIXELS_AT:
            raise SourceError(f"pictures of {frame.width}x{frame.height} are too large")
        base = picture.number % SLOTS * SLOT_BYTES
        # 0 first: a reader that finds it knows that the pixels are in flux.
        struct.pack_into("<Q", self._memory, base, 0)
        at = base + _PIXELS_AT
        for plane in planes:
            room = np.frombuffer(self._memory, np.uint8, plane.nbytes, at).reshape(plane.shape)
            room[:] = plane
            at += plane.nbytes
        source = picture.frame  # the tags of what was decoded, not of what swscale made of it
        head = (
            picture.pts_ns, picture.t_capture_ns, frame.width, frame.height,
            frame.format.name.encode(), source.colorspace, source.color_range, source.color_trc,
            source.color_primaries, picture.rotation, *picture.aspect,
        )  # fmt: skip
        _HEAD.pack_into(self._memory, base, 0, *head)
        struct.pack_into("<Q", self._memory, base, picture.number)


class SlotReader:
    """The one who copies pictures out."""

    def __init__(self, memory: int) -> None:
        self._memory = mmap.mmap(memory, MEMORY_BYTES)

    def read(self, number: int) -> SlotPicture | None:
        """Return a copy of picture `number`; None if a newer one has taken its slot.

        The writer is not trusted: it may have decoded anything. Raises SourceError where what it
        left is no picture.
        """
        base = number % SLOTS * SLOT_BYTES
        found, pts_ns, t_capture_ns, width, height, name, *tags = _HEAD.unpack_from(
            self._memory, base
        )
        if found != number:
            return None
        frame = _empty_frame(width, height, name.rstrip(b"\0"))
        at = base + _PIXELS_AT
        for plane in _planes(frame):
            plane[:] = np.frombuffer(self._memory, np.uint8, plane.nbytes, at).reshape(plane.shape)
            at += plane.nbytes
        if struct.unpack_from("<Q", self._memory, base)[0] != number:
            return None
        frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = tags[:4]
        rotation, across, down = tags[4:]
        is_known = 0 < across < _MAX_ASPECT and 0 < down < _MAX_ASPECT
        aspect = (across, down) if is_known else (1, 1)
        return SlotPicture(frame, number, pts_ns, t_capture_ns, rotation, aspect)

    def close(self) -> None:
        """Give the memory back. May be called twice."""
        self._memory.close()


def _empty_frame(width: int, height: int, name: bytes) -> VideoFrame:
    text = name.decode("ascii", "replace")
    if not (0 < width * height <= MAX_PIXELS and _PLANAR.fullmatch(text)):
        raise SourceError(f"the reader left a picture of {width}x{height} {text!r}")
    frame = VideoFrame(width, height, text)
    if sum(plane.nbytes for plane in _planes(frame)) > SLOT_BYTES - _PIXELS_AT:
        raise SourceError(f"the reader left a picture of {width}x{height} {text!r}")
    return frame


def _planar_format(frame: VideoFrame) -> str:
    if frame.format.is_rgb or frame.format.has_palette:
        return "gbrp"
    deep = frame.format.components[0].bits > 8
    return "yuv444p12le" if deep else "yuv444p"


def _planes(frame: VideoFrame) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the bytes of each plane [rows, bytes in a row], without what pads its rows."""
    size = 1 if frame.format.components[0].bits <= 8 else 2
    for plane in frame.planes[: len(frame.format.components)]:
        rows = np.frombuffer(cast(bytes, plane), np.uint8).reshape(-1, plane.line_size)
        yield rows[: plane.height, : plane.width * size]
