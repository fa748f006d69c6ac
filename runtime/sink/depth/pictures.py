"""Depth as a folder of numbered pictures: 16-bit PNG, or OpenEXR.

    depth_png16/000000.png … and depth.json      value = low + grey / 65535 · (high − low)
    depth_exr/000000.exr …                       channel Z in metres, or Y for relative depth

The number is that of the picture in its source. In PNG, metres always have low = 0 and high =
65.535, so a grey level is a millimetre and what is farther is white. Relative depth has no natural
range: it starts with that of the first map and some room, and where a later map exceeds it, it
grows, so that most maps share one range; depth.json has low and high of each.
"""

from __future__ import annotations

import json
import os
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from stereocast.engine.errors import EncodeError, MissingDependency
from stereocast.engine.models import Output
from stereocast.runtime.sink.depth import DepthMap, DepthShape
from stereocast.runtime.sink.output import PartialFile, reason

SCHEMA = "stereocast/depth/1"
_WHITE = 65535
_FARTHEST_M = 65.535
_ROOM = 0.25  # of the range, left free on both sides when it is chosen


class PartialFolder:
    """A folder under construction; like `PartialFile` it gets its name when it is complete."""

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        """Raise EncodeError where the folder cannot be made, or the name is taken."""
        self.path = path
        self.temporary = path.with_name(f".{path.name}.partial")
        self._overwrite = overwrite
        if path.exists() and not path.is_dir():
            raise EncodeError(f"{path}: is a file; name a folder.")
        if path.exists() and not overwrite and any(path.iterdir()):
            raise EncodeError(f"{path}: exists already; choose another name or overwrite it.")
        PartialFile(self.temporary)  # its parent must be there and writable
        self.discard()
        try:
            self.temporary.mkdir()
        except OSError as error:
            raise EncodeError(f"{path}: cannot be started ({reason(error)}).") from error

    def commit(self) -> None:
        """Give the folder its name, in the place of what was there."""
        try:
            if self.path.exists():
                shutil.rmtree(self.path)
            os.replace(self.temporary, self.path)
        except OSError as error:
            raise EncodeError(
                f"{self.path}: cannot be given its name ({reason(error)}); "
                f"the pictures are in {self.temporary}."
            ) from error

    def discard(self) -> None:
        """Remove what was written. May be called twice."""
        shutil.rmtree(self.temporary, ignore_errors=True)


class GreyRange:
    """The depth of black and of white: fixed for metres, growing where that must be."""

    def __init__(self, output: Output) -> None:
        self.low, self.high = 0.0, _FARTHEST_M
        self._fixed = output is Output.METRIC_DEPTH
        self._begun = False

    def include(self, values: NDArray[np.float32]) -> None:
        """Grow so that all values fit."""
        if self._fixed:
            return
        low, high = float(values.min()), float(values.max())
        if self._begun and self.low <= low and high <= self.high:
            return
        if self._begun:
            low, high = min(low, self.low), max(high, self.high)
        room = _ROOM * (high - low) or max(abs(high), 1.0)
        self.low, self.high, self._begun = low - room, high + room, True

    def grey(self, values: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Return grey levels [H, W]; what lies outside becomes black or white."""
        share = (values.astype(np.float64) - self.low) / (self.high - self.low)
        levels: NDArray[np.uint16] = np.rint(share.clip(0, 1) * _WHITE).astype(np.uint16)
        return levels


class PngSink:
    """A folder of 16-bit PNGs."""

    def __init__(self, path: Path, shape: DepthShape, *, overwrite: bool = False) -> None:
        """Raise EncodeError where the folder cannot be made."""
        self._shape = shape
        self._folder: PartialFolder | None = PartialFolder(path, overwrite=overwrite)
        self._path = path
        self._range = GreyRange(shape.output)
        self._frames: list[dict[str, object]] = []

    def write(self, depth: DepthMap) -> None:
        """Write one PNG; see `DepthSink`."""
        self._range.include(depth.values)
        name = f"{depth.index:06}.png"
        self._put(name, _png(self._range.grey(depth.values)))
        self._frames.append(
            {"file": name, "index": depth.index, "pts_ns": depth.pts_ns,
             "low": self._range.low, "high": self._range.high}
        )  # fmt: skip

    def close(self) -> None:
        """Write depth.json; see `DepthSink`."""
        shape = self._shape
        facts = {
            "schema": SCHEMA,
            "model": shape.model,
            "output": str(shape.output),
            "unit": shape.unit,
            "height": shape.height,
            "width": shape.width,
            "fps": shape.fps,
            "value": f"low + grey / {_WHITE} * (high - low)",
            "frames": self._frames,
        }
        if self._folder is not None:
            self._put("depth.json", (json.dumps(facts, indent=1) + "\n").encode())
            self._folder.commit()
            self._folder = None

    def abort(self) -> None:
        """See `DepthSink`."""
        if self._folder is not None:
            self._folder.discard()
            self._folder = None

    def _put(self, name: str, data: bytes) -> None:
        if self._folder is None:
            raise EncodeError(f"{self._path}: the folder is closed.")
        try:
            (self._folder.temporary / name).write_bytes(data)
        except OSError as error:
            raise EncodeError(f"{self._path}: cannot be written ({reason(error)}).") from error


class ExrSink:
    """A folder of OpenEXR files."""

    def __init__(self, path: Path, shape: DepthShape, *, overwrite: bool = False) -> None:
        """Raise MissingDependency without OpenEXR, EncodeError where the folder cannot be made."""
        try:
            import OpenEXR
        except ImportError:
            raise MissingDependency(
                "--depth exr needs the package OpenEXR: pip install 'stereocast[depth]'"
            ) from None
        self._openexr = OpenEXR
        self._shape = shape
        self._folder: PartialFolder | None = PartialFolder(path, overwrite=overwrite)
        self._path = path

    def write(self, depth: DepthMap) -> None:
        """Write one file; see `DepthSink`."""
        if self._folder is None:
            raise EncodeError(f"{self._path}: the folder is closed.")
        exr, shape = self._openexr, self._shape
        header = {
            "compression": exr.ZIP_COMPRESSION,
            "type": exr.scanlineimage,
            "comments": f"{shape.output}{f' in {shape.unit}' if shape.unit else ''}, {shape.model}",
            "pts_ns": str(depth.pts_ns),
        }
        channel = "Z" if shape.output is Output.METRIC_DEPTH else "Y"
        file = self._folder.temporary / f"{depth.index:06}.exr"
        try:
            with exr.File(header, {channel: np.ascontiguousarray(depth.values)}) as picture:
                picture.write(str(file))
        except (RuntimeError, OSError) as error:  # the library's own are RuntimeErrors
            raise EncodeError(f"{self._path}: cannot be written ({error}).") from error

    def close(self) -> None:
        """See `DepthSink`."""
        if self._folder is not None:
            self._folder.commit()
            self._folder = None

    def abort(self) -> None:
        """See `DepthSink`."""
        if self._folder is not None:
            self._folder.discard()
            self._folder = None


def _png(grey: NDArray[np.uint16]) -> bytes:
    encoder = VideoCodecContext.create("png", "w")
    encoder.height, encoder.width = grey.shape
    encoder.pix_fmt = "gray16be"
    picture = VideoFrame.from_ndarray(grey, format="gray16be")
    encoder.time_base = picture.time_base = Fraction(1)
    return b"".join(bytes(packet) for packet in (*encoder.encode(picture), *encoder.encode(None)))
