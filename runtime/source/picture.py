"""From a decoder's picture to a Frame's pixels: size, colour, orientation.

Decides what to do by metadata; the arithmetic on pixels is swscale's and the kernels'.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import torch
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from stereocast.engine.errors import SourceError
from stereocast.kernels import preprocess
from stereocast.kernels.preprocess import Matrix, Transfer

MIN_SIDE_PX = 16

# Numbers of ITU-T H.273, which FFmpeg uses: matrix, transfer, primaries.
_MATRICES: dict[int, Matrix] = {
    1: "bt709",
    4: "bt601",
    5: "bt601",
    6: "bt601",
    7: "bt709",
    9: "bt2020",
    10: "bt2020",
}
_HDR: dict[int, Transfer] = {16: "pq", 18: "hlg"}
_BT2020_PRIMARIES = 9
# Layouts the kernels read as they are; everything else goes through swscale first.
_DIRECT = re.compile(r"(yuv[ja]?(444|422|420)p|gray)(\d+le)?")


@dataclass(frozen=True)
class Geometry:
    """How coded pictures become upright ones with square pixels.

    coded_width, coded_height  what is decoded, before it is turned
    scaled_width, scaled_height  what it is resampled to, before it is turned
    quarter_turns  counter-clockwise turns that make it upright
    """

    coded_width: int
    coded_height: int
    scaled_width: int
    scaled_height: int
    quarter_turns: int

    @property
    def upright(self) -> tuple[int, int]:
        """(height, width) of what is delivered."""
        size = (self.scaled_height, self.scaled_width)
        return (size[1], size[0]) if self.quarter_turns % 2 else size


def plan_geometry(
    frame: VideoFrame, *, aspect: Fraction, max_height: int | None, name: str,
    rotation: int | None = None,
) -> tuple[Geometry, tuple[str, ...]]:  # fmt: skip
    """Decide size and orientation from the first picture; return the notes that belong to it.

    aspect    width of a pixel divided by its height; what is resampled gets even sizes
    rotation  degrees counter-clockwise that make it upright; None: what the picture says
    Raises SourceError for pictures below 16 pixels a side, before or after scaling.
    """
    notes = []
    width, height = frame.width, frame.height
    _require_size(width, height, name)
    rotation = frame.rotation if rotation is None else rotation
    turns = round(rotation / 90) % 4
    if turns:
        notes.append(f"turned by {rotation} degrees counter-clockwise, as its metadata asks")
    elif rotation:
        notes.append(f"rotation by {rotation} degrees ignored: not a quarter turn")
    scaled_width, scaled_height = width, height
    if aspect != 1 and Fraction(1, 4) <= aspect <= 4:
        scaled_width = _even(width * aspect)
        notes.append(f"pixels of {aspect.numerator}:{aspect.denominator} resampled to square ones")
    upright_height = scaled_width if turns % 2 else scaled_height
    if max_height is not None and upright_height > max_height:
        shrink = Fraction(max_height - max_height % 2, upright_height)
        scaled_width, scaled_height = _even(scaled_width * shrink), _even(scaled_height * shrink)
        notes.append(f"scaled down to {max_height} rows")
    _require_size(scaled_width, scaled_height, name)
    return Geometry(width, height, scaled_width, scaled_height, turns), tuple(notes)


def _even(length: Fraction) -> int:
    return 2 * round(length / 2)


def _require_size(width: int, height: int, name: str) -> None:
    if min(width, height) < MIN_SIDE_PX:
        raise SourceError(
            f"{name}: picture too small ({width}x{height}); {MIN_SIDE_PX} pixels a side are needed"
        )


@dataclass(frozen=True)
class Colour:
    """How codes become light."""

    matrix: Matrix
    full_range: bool
    transfer: Transfer | None
    """None: already BT.709-like SDR."""


BT601_CODECS = frozenset({"vp8", "mjpeg"})
"""Codecs whose own specification (RFC 6386, JFIF) says BT.601, at every size."""


def colour_of(frame: VideoFrame, codec: str = "") -> Colour:
    """Read a picture's colour tags.

    An unspecified matrix is the codec's own where it has one (`BT601_CODECS`), else BT.709 from 720
    rows on and BT.601 below.
    """
    is_bt709 = frame.height >= 720 and codec not in BT601_CODECS
    untagged: Matrix = "bt709" if is_bt709 else "bt601"
    transfer = _HDR.get(frame.color_trc)
    if transfer is None and frame.color_primaries == _BT2020_PRIMARIES:
        transfer = "sdr"
    is_full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return Colour(_MATRICES.get(frame.colorspace, untagged), is_full, transfer)


def notes_on_colour(frame: VideoFrame) -> tuple[str, ...]:
    """Say what is done to colours that a viewer would otherwise wonder about."""
    notes = []
    transfer = colour_of(frame).transfer
    if transfer in ("pq", "hlg"):
        notes.append(f"HDR ({transfer.upper()}, BT.2020) tone-mapped to BT.709 SDR")
    elif transfer == "sdr":
        notes.append("BT.2020 colours converted to BT.709")
    if any(component.is_alpha for component in frame.format.components):
        notes.append("alpha channel ignored")
    return tuple(notes)


class PictureConverter:
    """Turn decoded pictures into upright RGB of one size.

    size_changes  pictures whose coded size differed from the first one's
    """

    def __init__(self, geometry: Geometry, *, codec: str = "") -> None:
        self.size_changes = 0
        self._codec = codec
        self._geometry = geometry
        self._scaler = VideoReformatter()
        self._unpacker = VideoReformatter()

    def convert(self, frame: VideoFrame) -> Tensor:
        """Return [3, H, W] uint8, full range, BT.709 primaries."""
        geometry = self._geometry
        colour = colour_of(frame, self._codec)
        size = (frame.width, frame.height)
        self.size_changes += size != (geometry.coded_width, geometry.coded_height)
        target = (geometry.scaled_width, geometry.scaled_height)
        if size != target:
            shrinks = target[0] * target[1] < size[0] * size[1]
            frame = self._scaler.reformat(
                frame,
                width=target[0],
                height=target[1],
                interpolation=Interpolation.AREA if shrinks else Interpolation.BICUBIC,
                threads=1,
            )
        if frame.format.is_rgb or frame.format.has_palette:
            rgb = self._from_rgb(frame, colour)
        else:
            rgb = self._from_yuv(frame, colour)
        return preprocess.orient(rgb, geometry.quarter_turns)

    def _from_rgb(self, frame: VideoFrame, colour: Colour) -> Tensor:
        planar = self._unpacker.reformat(frame, format="gbrp", threads=1)
        green, blue, red = (from_dlpack(plane) for plane in planar.planes[:3])
        rgb = torch.stack((red, green, blue))
        if colour.transfer is not None:
            return preprocess.tone_map(rgb.to(torch.float32) / 255.0, transfer=colour.transfer)
        return rgb

    def _from_yuv(self, frame: VideoFrame, colour: Colour) -> Tensor:
        bits = frame.format.components[0].bits
        if not _DIRECT.fullmatch(frame.format.name) or any(
            plane.line_size <= 0 for plane in frame.planes
        ):
            wanted = "yuv444p" if bits <= 8 else "yuv444p12le"
            frame = self._unpacker.reformat(frame, format=wanted, threads=1)
            bits = frame.format.components[0].bits
        planes = [from_dlpack(plane) for plane in frame.planes[:3]]
        if len(planes) < 3:  # grey: neutral chroma, at the cost of a quarter of the picture
            height, width = planes[0].shape
            neutral = torch.full(((height + 1) // 2, (width + 1) // 2), 1 << (bits - 1))
            planes = [planes[0], *(2 * [neutral.to(planes[0].dtype)])]
        y, u, v = planes
        if colour.transfer is None:
            return preprocess.yuv_to_rgb(
                y, u, v, matrix=colour.matrix, full_range=colour.full_range, bits=bits
            )
        signal = preprocess.yuv_to_signal(
            y, u, v, matrix=colour.matrix, full_range=colour.full_range, bits=bits
        )
        return preprocess.tone_map(signal, transfer=colour.transfer)
