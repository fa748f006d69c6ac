"""What a live stream has done so far: its loop writes, anybody may read."""

from __future__ import annotations

from dataclasses import dataclass, field

from stereocast.runtime.comfort import ComfortAccount
from stereocast.runtime.latency import StageAccount
from stereocast.runtime.refine import RefineAccount


@dataclass
class StreamReport:
    """What a stream has done so far; written by its loop, readable any time.

    poisoned  frames whose remembered state was no number; it was forgotten, and they done again
    refits    how often the rig was built anew because the source's pictures changed their size
    encoder_failures  encoders that failed and were replaced
    still_ns  how long it stood still between its pictures because a viewer had paused it
    """

    account: StageAccount = field(default_factory=StageAccount)
    frames_out: int = 0
    keyframes: int = 0
    bytes_out: int = 0
    cuts: int = 0
    refits: int = 0
    encoder_failures: int = 0
    poisoned: int = 0
    comfort: ComfortAccount = field(default_factory=ComfortAccount)
    refine: RefineAccount = field(default_factory=RefineAccount)
    drops: dict[str, int] = field(default_factory=lambda: {"credit": 0, "busy": 0, "deadline": 0})
    first_ns: int = 0
    last_ns: int = 0
    still_ns: int = 0

    @property
    def fps(self) -> float:
        """Pictures sent per second, from the first to the last, pauses left out."""
        span_ns = self.last_ns - self.first_ns - self.still_ns
        return (self.frames_out - 1) * 1e9 / span_ns if span_ns > 0 else 0.0
