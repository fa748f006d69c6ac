"""The built-in source `testsrc:`: one fixed moving 3D scene; other eye and disparity are known.

What is in the scene and how it is drawn is in kernels/raycast; here are only the address, the
options and the clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from urllib.parse import parse_qsl

from torch import Tensor

from stereocast.engine.errors import SourceError
from stereocast.engine.frame import Frame
from stereocast.kernels import raycast
from stereocast.kernels.raycast import Camera, Scene, gallery
from stereocast.runtime.source import SourceInfo

SCHEME = "testsrc:"
OPTIONS = "size=1280x720, fps=30, frames=90"
NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class StereoTruth:
    """Both eyes of one instant.

    left, right  [3, H, W] uint8; left is what the source delivers
    disparity    [H, W] float32, d = xL − xR in pixels at the left eye's pixel centres, > 0 in front
                 of the screen
    """

    left: Tensor
    right: Tensor
    disparity: Tensor


@dataclass(frozen=True)
class SyntheticOptions:
    """What may follow `testsrc:?`; frames None means without end."""

    width: int = 1280
    height: int = 720
    fps: Fraction = Fraction(30)
    frames: int | None = None


class SyntheticSource:
    """The left eye of the scene, frame by frame, as fast as it is asked for.

    Any index can be rendered directly; the same index is always the same picture. `frames`, if
    given, ends it there. Raises SourceError for an option it does not know or cannot use.
    """

    def __init__(self, address: str = SCHEME, *, frames: int | None = None) -> None:
        options = parse_options(address)
        if frames is not None:
            options = replace(options, frames=min(frames, options.frames or frames))
        self.options = options
        self._textures = gallery.paint(512 if options.width > 640 else 256)
        fps, frames = self.options.fps, self.options.frames
        self.info = SourceInfo(
            address=address,
            width=self.options.width,
            height=self.options.height,
            fps=float(fps),
            live=True,
            time_base=1 / fps,
            frames=frames,
            duration_ns=None if frames is None else _pts_ns(frames, fps),
        )

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames from index 0 on."""
        index = 0
        while self.options.frames is None or index < self.options.frames:
            yield self.frame(index)
            index += 1

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""

    def frame(self, index: int) -> Frame:
        """Render one frame directly."""
        rgb = raycast.raycast_colours(
            self.scene_at(index),
            self.camera_at(index),
            height=self.options.height,
            width=self.options.width,
        )
        return Frame(rgb=rgb, pts_ns=_pts_ns(index, self.options.fps), index=index)

    def scene_at(self, index: int) -> Scene:
        """Return what stands where in the frame."""
        return gallery.scene_at(self._seconds(index), self._textures)

    def camera_at(self, index: int) -> Camera:
        """Return the left eye of the frame."""
        return gallery.camera_at(
            self._seconds(index), height=self.options.height, width=self.options.width
        )

    def stereo_truth(self, index: int) -> StereoTruth:
        """Render both true eyes and the exact disparity of the left one."""
        left, right, disparity = gallery.stereo_pair(
            self.scene_at(index),
            self.camera_at(index),
            height=self.options.height,
            width=self.options.width,
        )
        return StereoTruth(left=left, right=right, disparity=disparity)

    def _seconds(self, index: int) -> float:
        return float(index / self.options.fps)


def parse_options(address: str) -> SyntheticOptions:
    """Read `testsrc:` or `testsrc:?size=640x360&fps=60&frames=90`.

    Raises SourceError for anything else, naming what may be written.
    """
    rest = address.removeprefix(SCHEME)
    if not address.startswith(SCHEME) or (rest and not rest.startswith("?")):
        raise SourceError(f"{address}: not a test source; write testsrc: or testsrc:?{OPTIONS}")
    options = SyntheticOptions()
    width, height, fps, frames = options.width, options.height, options.fps, options.frames
    for key, value in parse_qsl(rest[1:], keep_blank_values=True):
        if key == "size":
            width, height = _size(address, value)
        elif key == "fps":
            fps = _fps(address, value)
        elif key == "frames":
            frames = _whole(address, key, value, 1_000_000_000)
        else:
            raise SourceError(f"{address}: unknown option '{key}'; valid options: {OPTIONS}")
    return SyntheticOptions(width, height, fps, frames)


def _size(address: str, value: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", value)
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (16 <= width <= 8192 and 16 <= height <= 8192):
        raise SourceError(
            f"{address}: size must be WIDTHxHEIGHT with both in 16..8192, got '{value}'"
        )
    return width, height


def _fps(address: str, value: str) -> Fraction:
    if re.fullmatch(r"\d{1,5}(\.\d{1,3})?|\d{1,6}/\d{1,4}", value):
        number, _, unit = value.partition("/")
        if unit == "" or int(unit) > 0:
            fps = Fraction(number) / int(unit or 1)
            if 1 <= fps <= 1000:
                return fps
    raise SourceError(f"{address}: fps must be in 1..1000, like 30 or 30000/1001, got '{value}'")


def _whole(address: str, key: str, value: str, limit: int) -> int:
    if re.fullmatch(r"\d{1,10}", value) and 1 <= int(value) <= limit:
        return int(value)
    raise SourceError(f"{address}: {key} must be a whole number in 1..{limit}, got '{value}'")


def _pts_ns(index: int, fps: Fraction) -> int:
    return int(index * NS_PER_S / fps)
