"""How many threads each part of a live process gets: few, passive, and printed by `doctor`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from stereocast.engine.errors import ConfigError


@dataclass(frozen=True)
class ThreadsConfig:
    """Threads by part; 0 means: as many as this process may really use."""

    native: int = 0
    """The pool of the native kernels (the caller included)."""
    torch: int = 1
    """PyTorch's own pool. Its idle threads spin and eat the cores of the encoder."""
    encode: int = 0
    """Slices that x264 encodes side by side."""
    decode: int = 0
    """Slices that the source's decoder works on side by side."""

    def __post_init__(self) -> None:
        for name in ("native", "torch", "encode", "decode"):
            value = getattr(self, name)
            if not 0 <= value <= 256:
                raise ConfigError(f"threads.{name} must be in [0, 256], got {value}")

    def resolved(self, cores: int) -> ThreadsConfig:
        """Return the counts with every 0 replaced: `cores`, at most 8 for the codecs."""
        codec = min(cores, 8)
        return ThreadsConfig(
            native=self.native or cores,
            torch=self.torch or cores,
            encode=self.encode or codec,
            decode=self.decode or codec,
        )


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many cores this process may use: its affinity, capped by its cgroup quota."""
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return allowed
    if quota == "max":
        return allowed
    return max(1, min(allowed, round(int(quota) / int(period))))


def apply(config: ThreadsConfig) -> ThreadsConfig:
    """Set the process's pools, keep freed frames in the process, and return the resolved counts."""
    import torch  # only processes that run the engine have it

    from stereocast.kernels import native

    resolved = config.resolved(usable_cores())
    torch.set_num_threads(resolved.torch)
    native.set_threads(resolved.native)
    native.retain_freed_memory()
    return resolved
