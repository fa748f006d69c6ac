"""Depth as a product: the maps that the eyes were made with, as arrays, pictures or a video.

    npz    arrays.py    one file, everything as numbers
    png16  pictures.py  a folder of 16-bit grey PNGs and a JSON file that says how to read them
    exr    pictures.py  a folder of OpenEXR files, one float channel
    mkv    video.py     a video to look at: a perceptual colour map, with a legend

Like every file we write, each appears under its name only when it is complete. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.engine.models import Output

PERCEPTUAL = ("inferno", "magma", "plasma", "viridis", "cividis")
"""Colour maps in which equal steps of depth look equally large, dark to bright."""


class DepthFormat(StrEnum):
    """How depth is written."""

    NPZ = "npz"
    PNG16 = "png16"
    EXR = "exr"
    MKV = "mkv"


@dataclass(frozen=True)
class DepthFileConfig:
    """Tunables of written depth."""

    colours: str = "inferno"
    """Colour map of the video; near is bright."""
    range_s: float = 2.0
    """Time constant with which the video's colours follow the nearest and farthest depth."""

    def __post_init__(self) -> None:
        if self.colours not in PERCEPTUAL:
            raise ConfigError(
                f"depth_file.colours: '{self.colours}' is not one of {', '.join(PERCEPTUAL)}"
            )
        if self.range_s < 0:
            raise ConfigError(f"depth_file.range_s must be >= 0, got {self.range_s}")


@dataclass(frozen=True)
class DepthTarget:
    """What is wanted: a format, and the file or folder to write."""

    format: DepthFormat
    path: Path

    @classmethod
    def parse(cls, text: str, *, beside: Path) -> DepthTarget:
        """Read "FORMAT" or "FORMAT:PATH"; without a path it stands beside the 3D file `beside`.

        Raises ConfigError for an unknown format.
        """
        name, _, path = text.partition(":")
        if name not in list(DepthFormat):
            raise ConfigError(
                f"--depth {text}: write one of {', '.join(DepthFormat)}, "
                f"or FORMAT:PATH as in npz:depth.npz"
            )
        form = DepthFormat(name)
        is_folder = form in (DepthFormat.PNG16, DepthFormat.EXR)
        suffix = f"_depth_{form}" if is_folder else f"_depth.{form}"
        return cls(form, Path(path) if path else beside.with_name(f"{beside.stem}{suffix}"))


@dataclass(frozen=True)
class DepthShape:
    """What a sink must know of the maps before the first one.

    fps, time_base  as of the source
    output, model   what the numbers mean, and what they come from
    start_ns        moment of the source that becomes 0, as in the 3D file
    """

    height: int
    width: int
    fps: float
    time_base: Fraction
    output: Output
    model: str
    start_ns: int = 0

    @property
    def unit(self) -> str:
        """The unit of the numbers, empty where they have none."""
        return "m" if self.output is Output.METRIC_DEPTH else ""


@dataclass(frozen=True)
class DepthMap:
    """values float32 [H, W]; pts_ns and index are those of the picture."""

    values: NDArray[np.float32]
    pts_ns: int
    index: int


class DepthSink(Protocol):
    """One product under construction."""

    def write(self, depth: DepthMap) -> None:
        """Take the next map; raise EncodeError where it cannot be written."""

    def close(self) -> None:
        """Finish, and give the product its name; raise EncodeError where that fails."""

    def abort(self) -> None:
        """Remove what was written. May be called twice, and after `close`, which it leaves."""


class DepthProducts:
    """All depth products of one conversion, opened together and written together."""

    def __init__(
        self, targets: Sequence[DepthTarget], shape: DepthShape, *,
        config: DepthFileConfig | None = None, overwrite: bool = False,
    ) -> None:  # fmt: skip
        """Open every target.

        Raises EncodeError in one line where one cannot be made, MissingDependency where its package
        is not installed; then none is left behind.
        """
        self._shape = shape
        self._sinks: list[DepthSink] = []
        try:
            for target in targets:
                self._sinks.append(_open(target, shape, config or DepthFileConfig(), overwrite))
        except BaseException:
            self.abort()
            raise

    def __bool__(self) -> bool:
        return bool(self._sinks)

    def write(self, depth: DepthMap) -> None:
        """Write the next map to every product; see `DepthSink.write`."""
        size = (self._shape.height, self._shape.width)
        if depth.values.shape != size:
            raise EncodeError(
                f"depth {depth.index} is {depth.values.shape}, not {size} like the pictures"
            )
        if not np.isfinite(depth.values).all():
            raise EncodeError(f"depth {depth.index} has values that are no finite numbers")
        timed = replace(depth, pts_ns=depth.pts_ns - self._shape.start_ns)
        for sink in self._sinks:
            sink.write(timed)

    def close(self) -> None:
        """Finish every product."""
        for sink in self._sinks:
            sink.close()

    def abort(self) -> None:
        """Remove every unfinished product."""
        for sink in self._sinks:
            sink.abort()


def _open(
    target: DepthTarget, shape: DepthShape, config: DepthFileConfig, overwrite: bool
) -> DepthSink:
    """Import what the format needs, and only that."""
    if target.format is DepthFormat.NPZ:
        from stereocast.runtime.sink.depth.arrays import NpzSink

        return NpzSink(target.path, shape, overwrite=overwrite)
    if target.format is DepthFormat.MKV:
        from stereocast.runtime.sink.depth.video import ColouredSink

        return ColouredSink(target.path, shape, config, overwrite=overwrite)
    from stereocast.runtime.sink.depth.pictures import ExrSink, PngSink

    kind = PngSink if target.format is DepthFormat.PNG16 else ExrSink
    return kind(target.path, shape, overwrite=overwrite)
