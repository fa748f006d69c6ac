"""How many threads each part of a live process gets: few, passive, and printed by `doctor`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from stereocast.engine.errors import ConfigError

_MOST = 64  # the kernels wait for memory long before
_MOST_FOR_CODECS = 8  # more slices cost bits, more frame threads memory


@dataclass(frozen=True)
class ThreadsConfig:
    """Threads by part; 0 means: as many as this process may really use."""

    native: int = 0
    """The pool of the native kernels (the caller included)."""
    torch: int = 1
    """PyTorch's own pool. Its idle threads spin and eat the cores of the encoder."""
    networks: int = 0
    """The pool of ONNX Runtime, whose idle threads sleep."""
    encode: int = 0
    """Slices of a live picture, or pictures of a file, that are coded side by side."""
    decode: int = 0
    """Slices that the source's decoder works on side by side."""

    def __post_init__(self) -> None:
        for name in ("native", "torch", "networks", "encode", "decode"):
            value = getattr(self, name)
            if not 0 <= value <= _MOST:
                raise ConfigError(f"threads.{name} must be in [0, {_MOST}], got {value}")

    def resolved(self, cores: int) -> ThreadsConfig:
        """Return the counts with every 0 replaced: `cores`, at most 64, for the codecs 8."""
        pool, codec = min(cores, _MOST), min(cores, _MOST_FOR_CODECS)
        return ThreadsConfig(
            native=self.native or pool,
            torch=self.torch or pool,
            networks=self.networks or pool,
            encode=self.encode or codec,
            decode=self.decode or codec,
        )


def usable_cores(
    cgroups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> int:
    """Return how many cores this process may use: its affinity, capped by its cgroups' quotas.

    A quota of any group above its own holds as well. Quotas that cannot be read are none: cgroup
    version 2 is understood, of version 1 what a container shows as its own.
    """
    shares = [_share(group) for group in _groups(cgroups, membership)]
    shares.append(_share_v1(cgroups / "cpu"))
    limit = min((share for share in shares if share is not None), default=None)
    allowed = len(os.sched_getaffinity(0))
    return allowed if limit is None else max(1, min(allowed, round(limit)))


def _groups(root: Path, membership: Path) -> list[Path]:
    """Return the folders of the process's cgroup and of all above it."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return [root]
    own = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    # A path that leads upwards belongs to a group outside of this container.
    parts = [] if ".." in Path(own).parts else Path(own).parts
    return [root.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]


def _share(group: Path) -> float | None:
    """Return the cores that a version 2 group may use, None without a limit."""
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _share_v1(group: Path) -> float | None:
    """Return the cores that a version 1 group may use, None without a limit."""
    try:
        quota = int((group / "cpu.cfs_quota_us").read_text())
        period = int((group / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 else None


def apply(config: ThreadsConfig) -> ThreadsConfig:
    """Set the process's pools, keep freed frames in the process, and return the resolved counts."""
    import torch  # only processes that run the engine have it

    from stereocast.kernels import native

    resolved = config.resolved(usable_cores())
    torch.set_num_threads(resolved.torch)
    native.set_threads(resolved.native)
    native.retain_freed_memory()
    return resolved
