"""How depth is steadied in time."""

from __future__ import annotations

from dataclasses import dataclass

from stereocast.engine.errors import ConfigError
from stereocast.engine.runner import RUNNERS
from stereocast.kernels.refine import GATES

MODES = ("off", "classic", "net")
CORES = ("mamba", "none")


@dataclass(frozen=True)
class RefineConfig:
    """Which refiner, and how far it may go."""

    mode: str = "classic"
    """`classic` filters depth in time; `net` lets a network correct that; `off` passes it on."""
    core: str = "mamba"
    """Of the network: `mamba` remembers features, `none` only what the filter remembers."""
    runner: str = "auto"
    """Of the network, as `depth.runner`; `auto` prefers PyTorch where the scan is native."""
    gate: int = 4
    """2, 3 or 4: what counts as news. 2 keeps detail of what moves, 4 calms most."""
    bound: float = 0.12
    """Farthest from the estimate at full doubt, as a share of depth; above 0 to 1."""
    trust: float = 0.3
    """Share of the bound that is left where the estimate is sure; above 0 to 1."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"refine.mode: '{self.mode}' is not one of {', '.join(MODES)}")
        if self.core not in CORES:
            raise ConfigError(f"refine.core: '{self.core}' is not one of {', '.join(CORES)}")
        if self.runner not in RUNNERS:
            known = ", ".join(RUNNERS)
            raise ConfigError(f"refine.runner: '{self.runner}' is not one of {known}")
        if self.gate not in GATES:
            raise ConfigError(f"refine.gate must be 2, 3 or 4, got {self.gate}")
        for name in ("bound", "trust"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"refine.{name} must be in (0, 1], got {getattr(self, name)}")
