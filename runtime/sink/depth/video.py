"""Depth as a video to look at: colours, with a legend at the right.

H.264, so that everything plays it; the numbers themselves are in the other formats.
"""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer

from stereocast.engine.errors import EncodeError
from stereocast.runtime.encode.x264 import COLOUR_OPTIONS
from stereocast.runtime.sink.depth import DepthFileConfig, DepthMap, DepthShape
from stereocast.runtime.sink.depth.colours import Legend, Palette, SteadyRange
from stereocast.runtime.sink.output import PartialFile, container_for, reason

_NANO = 1_000_000_000
_BT709 = 1  # H.273's code point, and FFmpeg's number of limited range


class ColouredSink:
    """The colour video of one conversion."""

    def __init__(
        self, path: Path, shape: DepthShape, config: DepthFileConfig, *, overwrite: bool = False
    ) -> None:
        """Raise EncodeError where the file cannot be made, MissingDependency without packages."""
        self._shape = shape
        self._palette = Palette(config.colours, shape.output)
        self._legend = Legend(self._palette, height=shape.height, output=shape.output)
        self._range = SteadyRange(time_constant_s=config.range_s)
        self._last_ns: int | None = None
        self._last_tick: int | None = None
        container = container_for(path)
        self._file = PartialFile(path, overwrite=overwrite)
        self._output: OutputContainer | None = self._start(container)

    def write(self, depth: DepthMap) -> None:
        """Code one picture; see `DepthSink`."""
        if self._output is None:
            raise self._error("the file is closed")
        tick = round(Fraction(depth.pts_ns, _NANO) / self._shape.time_base)
        if self._last_tick is not None and tick <= self._last_tick:
            raise self._error(f"depth {depth.index} is not later than the one before it")
        elapsed_s = 0.0 if self._last_ns is None else (depth.pts_ns - self._last_ns) / _NANO
        picture = self._picture(depth, elapsed_s)
        picture.pts, picture.time_base = tick, self._shape.time_base
        self._mux(self._output, picture)
        self._last_ns, self._last_tick = depth.pts_ns, tick

    def close(self) -> None:
        """See `DepthSink`."""
        if self._output is None:
            return
        self._mux(self._output, None)
        try:
            self._output.close()
        except av.FFmpegError as error:
            raise self._error(f"cannot be finished ({reason(error)})") from error
        self._output = None
        self._file.commit()

    def abort(self) -> None:
        """See `DepthSink`."""
        if self._output is not None:
            # The file is removed on the next line, so its trailer may fail as it likes.
            with contextlib.suppress(av.FFmpegError):
                self._output.close()
            self._output = None
            self._file.discard()

    def _picture(self, depth: DepthMap, elapsed_s: float) -> av.VideoFrame:
        """Return colours and legend side by side, padded to even sizes, as BT.709 limited."""
        ends = self._range.follow(depth.values, elapsed_s=elapsed_s)
        painted = np.concatenate(
            (self._palette.paint(depth.values, ends), self._legend.strip(ends)), axis=1
        )
        odd = [(0, size % 2) for size in painted.shape[:2]]
        rgb = av.VideoFrame.from_ndarray(np.pad(painted, (*odd, (0, 0)), mode="edge"), "rgb24")
        return rgb.reformat(
            format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", interpolation="AREA"
        )

    def _start(self, container: str) -> OutputContainer:
        shape = self._shape
        try:
            output = av.open(str(self._file.temporary), "w", format=container)
            output.metadata["comment"] = f"stereocast depth, {shape.output}, {shape.model}"
            rate = Fraction(shape.fps).limit_denominator(1001)
            self._stream = output.add_stream("libx264", rate=rate)
            self._stream.width = shape.width + self._legend.width + shape.width % 2
            self._stream.height = shape.height + shape.height % 2
            self._stream.pix_fmt = "yuv420p"
            context = self._stream.codec_context
            context.time_base = shape.time_base
            context.options = {"preset": "superfast", "crf": "14", **COLOUR_OPTIONS}
            output.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            self._file.discard()
            raise self._error(f"cannot be started ({error})") from error
        return output

    def _mux(self, output: OutputContainer, picture: av.VideoFrame | None) -> None:
        if picture is not None:
            picture.colorspace = picture.color_range = _BT709
        try:
            output.mux(self._stream.encode(picture))
        except av.FFmpegError as error:
            raise self._error(f"cannot be written ({reason(error)})") from error

    def _error(self, what: str) -> EncodeError:
        return EncodeError(f"{self._file.path}: {what}.")
