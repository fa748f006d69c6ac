"""Which part of a video file is read, and how; how much of it that is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stereocast.engine.errors import ConfigError
from stereocast.runtime.source.container import MAX_PIXELS, OpenedContainer
from stereocast.runtime.source.timeline import SECOND_NS

LATEST_START_S = 1e9  # in nanoseconds it still fits FFmpeg's 64 bits


@dataclass(frozen=True)
class FileOptions:
    """Which part of a file is read, and how."""

    start_s: float = 0.0
    """Seconds after the file's first picture; the first one delivered is the first at or after."""
    frames: int | None = None
    """Stop after so many delivered pictures."""
    max_fps: float | None = None
    """Drop pictures, by their times, until no more than this many a second remain."""
    max_height: int | None = None
    """Scale pictures down to at most so many rows; sizes become even."""
    max_pixels: int = MAX_PIXELS
    """Refuse larger pictures: a small file can hold one that fills the memory."""
    skip_damage: bool = False
    """Go on after a packet in the middle that cannot be decoded, instead of ending there."""
    threads: int = 1
    """Slice threads of the decoder."""

    def __post_init__(self) -> None:
        if not 0 <= self.start_s <= LATEST_START_S:
            raise ConfigError(f"start_s must be in [0, {LATEST_START_S:g}], got {self.start_s}")
        if self.max_fps is not None and not (math.isfinite(self.max_fps) and self.max_fps > 0):
            raise ConfigError(f"max_fps must be above 0, got {self.max_fps}")
        for name, value, least in (
            ("frames", self.frames, 1),
            ("max_height", self.max_height, 16),
            ("max_pixels", self.max_pixels, 1),
            ("threads", self.threads, 1),
        ):
            if value is not None and value < least:
                raise ConfigError(f"{name} must be at least {least}, got {value}")


def promised_frames(opened: OpenedContainer, options: FileOptions) -> int | None:
    """Return how many pictures will be delivered; None where the index does not tell."""
    shown = opened.indexed_pictures
    if shown is None or options.start_s > 0 or options.max_fps is not None:
        return None
    return shown if options.frames is None else min(shown, options.frames)


def delivered_ns(opened: OpenedContainer, options: FileOptions, fps: float) -> int | None:
    """Return how long what is delivered lasts; None where the container does not tell."""
    if opened.duration_ns is None:
        return None
    rest_ns = max(0, opened.duration_ns - round(options.start_s * SECOND_NS))
    if options.frames is None:
        return rest_ns
    return min(rest_ns, round(options.frames / fps * SECOND_NS))
