"""What a viewer may turn while watching, and how fast the picture follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields, replace

import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError

AUTO = -1.0
"""As convergence: the stage finds it itself."""

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
    """Total parallax range in % of the eye's width, 0 to 10; of metric depth 2.5 is true scale."""
    convergence: float = AUTO
    """Nearness that lies on the screen: 0 brings everything out, 1 pushes everything in; AUTO.

    Of metric depth: one over the distance that lies on the screen, in 1/m.
    """
    comfort: float = 0.5
    """How strictly parallax is limited: 0 only where eyes would diverge, 0.5 to the budget, 1 to
    half of it."""
    balance: float = 0.5
    """Which eye is the source: 1 the left, 0 the right, 0.5 half the parallax to either."""

    def __post_init__(self) -> None:
        for field in fields(self):
            low, high = _RANGES[field.name]
            value = getattr(self, field.name)
            automatic = field.name == "convergence" and value == AUTO
            if not automatic and not low <= value <= high:
                raise ConfigError(
                    f"stereo.{field.name} must be in [{low:g}, {high:g}], got {value}"
                )

    def adjusted(self, wishes: Mapping[str, float | None]) -> Controls:
        """Return the controls with a viewer's wishes, each brought into its range.

        Keys that are no controls, and None, leave things as they are. A convergence below 0 asks
        for the automatic one.
        """
        values = {}
        for field in fields(self):
            wish = wishes.get(field.name)
            if wish is not None:
                low, high = _RANGES[field.name]
                automatic = field.name == "convergence" and wish < 0
                values[field.name] = AUTO if automatic else min(max(float(wish), low), high)
        return replace(self, **values)

    def tensor(self) -> Tensor:
        """Return the controls as float32 [4]."""
        return torch.tensor(astuple(self), dtype=torch.float32)


def slew(current: Tensor, wanted: Tensor, dt: Tensor) -> Tensor:
    """Move `current` [4] towards `wanted` [4], each control by no more than its rate times `dt`.

    dt  float32 [1], seconds. Sudden jumps of the whole scene hurt; a third of a second does not.
    """
    step = torch.cat([rate * dt for rate in _RATE_PER_S])
    return current + (wanted - current).clamp(-step, step)


def ranges() -> dict[str, tuple[float, float]]:
    """Return the lowest and the highest value of each control by its name."""
    return dict(_RANGES)
