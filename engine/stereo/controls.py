"""What a viewer may turn while watching, and how fast the picture follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields, replace

import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError

_RANGES = {
    "strength": (0.0, 10.0),
    "convergence": (0.0, 1.0),
    "comfort": (0.0, 1.0),
    "balance": (0.0, 1.0),
}
_RATE_PER_S = (4.0, 0.8, 2.0, 1.0)  # how far each control may move in a second


@dataclass(frozen=True)
class Controls:
    """The wishes of a viewer; as a tensor float32 [4], in this order."""

    strength: float = 2.5
    """Total parallax range in % of the eye's width, 0 to 10."""
    convergence: float = 0.6
    """Nearness that lies on the screen: 0 brings everything out, 1 pushes everything in."""
    comfort: float = 0.5
    """How gently parallax is limited: 0 not at all, 1 to half the strength either way, at most."""
    balance: float = 0.5
    """Which eye is the source: 1 the left, 0 the right, 0.5 half the parallax to either."""

    def __post_init__(self) -> None:
        for field in fields(self):
            low, high = _RANGES[field.name]
            value = getattr(self, field.name)
            if not low <= value <= high:
                raise ConfigError(
                    f"stereo.{field.name} must be in [{low:g}, {high:g}], got {value}"
                )

    def adjusted(self, wishes: Mapping[str, float | None]) -> Controls:
        """Return the controls with a viewer's wishes, each brought into its range.

        Keys that are no controls, and None, leave things as they are.
        """
        values = {}
        for field in fields(self):
            wish = wishes.get(field.name)
            if wish is not None:
                low, high = _RANGES[field.name]
                values[field.name] = min(max(float(wish), low), high)
        return replace(self, **values)

    def tensor(self) -> Tensor:
        """Return the controls as float32 [4]."""
        return torch.tensor(astuple(self), dtype=torch.float32)


def slew(current: Tensor, wanted: Tensor, dt: Tensor) -> Tensor:
    """Move `current` [4] towards `wanted` [4], each control by no more than its rate times `dt`.

    dt  float32 [1], seconds. Sudden jumps of the whole scene hurt; a third of a second does not.
    """
    step = torch.tensor(_RATE_PER_S) * dt
    return current + (wanted - current).clamp(-step, step)


def ranges() -> dict[str, tuple[float, float]]:
    """Return the lowest and the highest value of each control by its name."""
    return dict(_RANGES)
