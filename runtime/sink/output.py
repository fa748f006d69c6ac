"""What every written file has in common: its shape, its container and its way into the folder.

A file is written under a hidden name beside the final one and renamed when it is complete, so that
a name never stands for half a video. Imports no torch: the viewer records with it.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from stereocast.engine.errors import EncodeError
from stereocast.engine.layout import Layout
from stereocast.runtime.stereo_tags import tags

CONTAINERS = {".mkv": "matroska", ".mp4": "mp4", ".mov": "mov"}
"""File suffix → FFmpeg's name of the container."""


@dataclass(frozen=True)
class VideoShape:
    """What a container must know of its pictures before the first one.

    width, height  of the packed picture, both eyes together, even
    fps            nominal rate; the times of the pictures are their own
    time_base      unit in which the file should count time (Matroska counts milliseconds anyway)
    start_ns       moment of the source that becomes 0 in the file, for pictures and sound alike;
                   None: the source's own 0
    """

    width: int
    height: int
    fps: float
    layout: Layout
    time_base: Fraction = Fraction(1, 1000)
    start_ns: int | None = None

    def __post_init__(self) -> None:
        if self.width < 2 or self.height < 2 or self.width % 2 or self.height % 2:
            raise EncodeError(
                f"file: pictures must have even sizes of at least 2, "
                f"got {self.width}×{self.height}; pad them."
            )
        if not (math.isfinite(self.fps) and 0 < self.fps <= 1000):
            raise EncodeError(f"file: the rate must be above 0 and at most 1000, got {self.fps}.")
        if self.time_base <= 0:
            raise EncodeError(f"file: the time base must be positive, got {self.time_base}.")

    @property
    def comment(self) -> str:
        """What a file says of its layout: StereoMode and st3d cannot tell half from full."""
        order = tags(self.layout).order
        return f"stereocast {self.layout}, {order}" if order else f"stereocast {self.layout}"

    @property
    def rate(self) -> Fraction:
        """The nominal rate as a fraction that containers can store."""
        return Fraction(self.fps).limit_denominator(1001)

    def ticks(self, time_ns: int) -> int:
        """Convert nanoseconds to the nearest count of the time base."""
        return round(Fraction(time_ns, 1_000_000_000) / self.time_base)


def suggested_name(path: Path, layout: Layout) -> Path:
    """Name the 3D version of a video so that headset players recognise its layout.

    clip.webm becomes clip_LRF_Full_SBS.mkv, or _HSBS, _TB, …; a suffix that can be written is kept.
    """
    suffix = path.suffix if path.suffix.lower() in CONTAINERS else ".mkv"
    return path.with_name(f"{path.stem}{tags(layout).name}{suffix}")


def container_for(path: Path) -> str:
    """Return FFmpeg's container name for a file; raise EncodeError for an unknown suffix."""
    try:
        return CONTAINERS[path.suffix.lower()]
    except KeyError:
        raise EncodeError(
            f"{path}: cannot write {path.suffix or 'a file without suffix'}; "
            f"choose one of {', '.join(CONTAINERS)}."
        ) from None


def reason(error: av.FFmpegError | OSError) -> str:
    """Say in a few words why FFmpeg or the system failed."""
    return error.strerror or type(error).__name__


class PartialFile:
    """A file under construction.

    path       where it will stand
    temporary  where it stands until `commit`
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        """Check that the file can be made at all.

        Raises EncodeError when the folder is missing or closed to us, or the name is taken.
        """
        self.path = path
        self.temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
        self._overwrite = overwrite
        folder = path.parent
        if not folder.is_dir():
            raise EncodeError(f"{path}: there is no folder {folder}; create it first.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise EncodeError(f"{path}: the folder {folder} is not writable; choose another.")
        self._check_name()

    def commit(self) -> None:
        """Give the finished file its final name; raise EncodeError when that is impossible."""
        self._check_name()
        try:
            os.replace(self.temporary, self.path)
        except OSError as error:
            raise EncodeError(
                f"{self.path}: cannot be given its name ({reason(error)}); "
                f"the finished file is {self.temporary}."
            ) from error

    def discard(self) -> None:
        """Remove what was written. May be called twice."""
        self.temporary.unlink(missing_ok=True)

    def _check_name(self) -> None:
        if self.path.is_dir():
            raise EncodeError(f"{self.path}: is a folder; name a file.")
        if self.path.exists() and not self._overwrite:
            raise EncodeError(f"{self.path}: exists already; choose another name or overwrite it.")
