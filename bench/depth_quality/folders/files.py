"""Files that somebody else wrote: read whole, bounded, and checked number by number."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from stereocast.bench.depth_quality.folders.frame import pinhole
from stereocast.engine.errors import SourceError

MAX_BYTES = 1 << 28
MAX_FRAMES = 200_000


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes. Raises SourceError."""
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise SourceError(f"{path}: larger than {MAX_BYTES >> 20} MiB, no file of this kind is")
        return path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path}: cannot be read: {error.strerror}; is the folder whole?"
        ) from None


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text that are neither empty nor comments. Raises SourceError."""
    try:
        text = read_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise SourceError(
            f"{path}: expected lines of text, got other bytes; fetch it anew"
        ) from None
    return [line for line in map(str.strip, text.splitlines()) if line and line[0] != "#"]


def numbers(path: Path, words: Sequence[str], count: int) -> list[float]:
    """Return `count` words as numbers, infinities and NaN among them. Raises SourceError."""
    try:
        found = [float(word) for word in words]
    except ValueError:
        found = []
    if len(found) != count:
        got = " ".join(words)[:60]
        raise SourceError(f"{path}: expected {count} numbers, got '{got}'; is the file whole?")
    return found


def inside(listing: Path, name: object) -> Path:
    """Return the file that a list names, in the list's folder. Raises SourceError."""
    fine = isinstance(name, str) and name != "" and "\0" not in name
    if not fine or Path(str(name)).is_absolute() or ".." in Path(str(name)).parts:
        got = str(name)[:60]
        raise SourceError(f"{listing}: expected files of its folder, got {got!r}; correct it")
    return listing.parent / str(name)


def matrix(path: Path, rows: int = 4) -> Tensor:
    """Return the float64 [rows, 4] of a text file of numbers. Raises SourceError."""
    words = " ".join(read_lines(path)).split()
    return torch.tensor(numbers(path, words, 4 * rows), dtype=torch.float64).view(rows, 4)


def pose_or_none(pose: Tensor) -> Tensor | None:
    """Return a pose [4, 4], None where its numbers are no rigid motion: trackers lose their way."""
    turn = pose[:3, :3]
    if not pose.isfinite().all():
        return None
    rigid = torch.allclose(turn @ turn.T, torch.eye(3, dtype=torch.float64), atol=1e-2)
    return pose if rigid and bool(torch.linalg.det(turn) > 0) else None


def positive_pinhole(path: Path, fx: float, fy: float, cx: float, cy: float) -> Tensor:
    """Return intrinsics, see `frame.pinhole`. Raises SourceError where they cannot be."""
    values = (fx, fy, cx, cy)
    if not (all(map(math.isfinite, values)) and min(fx, fy) >= 1 and max(map(abs, values)) < 1e6):
        said = " ".join(f"{value:g}" for value in values)
        raise SourceError(f"{path}: expected fx fy cx cy in pixels, got {said}; correct the file")
    return pinhole(fx, fy, cx, cy)


def pictures_in(folder: Path, *suffixes: str) -> list[Path]:
    """Return a folder's files with these endings, by their numbers, then names."""
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in suffixes]
    except OSError as error:
        raise SourceError(
            f"{folder}: cannot be listed: {error.strerror}; is the folder whole?"
        ) from None
    if not found or len(found) > MAX_FRAMES:
        wanted = " or ".join(suffixes)
        raise SourceError(f"{folder}: expected 1 to {MAX_FRAMES} files {wanted}, got {len(found)}")
    return sorted(found, key=lambda path: (number_of(path), path.name))


def number_of(path: Path) -> int:
    """Return the last number in a file's name, 0 without one."""
    found = re.findall(r"[0-9]{1,12}", path.stem)
    return int(found[-1]) if found else 0
