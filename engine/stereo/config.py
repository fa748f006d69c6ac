"""The settings of the stereo stage, and which values are possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from stereocast.engine.errors import ConfigError
from stereocast.engine.stereo.comfort import Display
from stereocast.engine.stereo.controls import AUTO, Controls
from stereocast.engine.stereo.eyes import EyesConfig
from stereocast.kernels.fill import FillLevel

_RANGES = {
    "range_response_s": (0.1, 60.0),
    "convergence_s": (0.05, 60.0),
    "edge_slope": (0.0, 2.0),
    "budget_front_percent": (0.1, 20.0),
    "budget_behind_percent": (0.1, 20.0),
    "budget_front_arcmin": (1.0, 600.0),
    "budget_behind_arcmin": (1.0, 600.0),
    "budget_speed_arcmin_s": (1.0, 6000.0),
    "knee": (0.0, 0.95),
    "display_hfov_deg": (1.0, 170.0),
    "display_distance_m": (0.1, 1000.0),
    "eye_distance_m": (0.01, 0.2),
    "hfov_deg": (1.0, 170.0),
    "baseline_m": (0.0, 10.0),
}


@dataclass(frozen=True)
class StereoConfig:
    """Where the controls start, how depth is followed, and what eyes may be asked to do."""

    strength: float = Controls.strength
    """Total parallax range in % of the eye's width, 0 to 10; metres: 2.5 is the true scale."""
    convergence: float | str = "auto"
    """Nearness that lies on the screen, 0 to 1 (metres: 1/m), or `auto`."""
    comfort: float = Controls.comfort
    """How strictly the budgets are kept, 0 to 1."""
    balance: float = Controls.balance
    """1: the left eye is the source, 0: the right, 0.5: half to either."""
    steady: bool = True
    """Whether jitter of the depth's scale and shift is taken out."""
    bars: bool = True
    """Whether black bars are looked for."""
    fill_level: int = 2
    """How holes are filled: 1 from their row, 2 from all around."""
    memory: bool = True
    """Whether holes first take what earlier frames saw behind things."""
    range_response_s: float = 0.8
    """Within which a lasting change of the range of relative depth is followed to 97 %."""
    convergence_s: float = 0.5
    """Time constant of the automatic convergence."""
    edge_slope: float = 0.75
    """How fast parallax may rise from the left and right edge, px per px; 0: as it likes."""
    budget_front_percent: float = 3.0
    """Most parallax in front of the screen, in % of the eye's width."""
    budget_behind_percent: float = 3.0
    """Most parallax behind the screen, likewise."""
    budget_front_arcmin: float = 60.0
    """Most parallax in front of the screen as an angle on the display."""
    budget_behind_arcmin: float = 60.0
    """Most parallax behind the screen, likewise."""
    budget_speed_arcmin_s: float = 60.0
    """Mean change of parallax that counts as fast in the comfort score."""
    knee: float = 0.7
    """Share of a budget up to which parallax is left as it is, 0 to 0.95."""
    display_hfov_deg: float = 60.0
    """Angle that the picture's width fills for the viewer."""
    display_distance_m: float = 2.0
    """How far the display, or the headset's virtual screen, is away."""
    eye_distance_m: float = 0.063
    """Distance of the viewer's eyes; more parallax behind the screen would make them diverge."""
    hfov_deg: float = 60.0
    """Horizontal field of view of the camera, for depth in metres."""
    baseline_m: float = 0.063
    """Distance of the two cameras at strength 2.5, for depth in metres."""

    def __post_init__(self) -> None:
        self.controls()
        if self.fill_level not in (1, 2):
            raise ConfigError(f"stereo.fill_level must be 1 or 2, got {self.fill_level}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"stereo.{name} must be in [{low:g}, {high:g}], got {value}")

    def controls(self) -> Controls:
        """Return the controls a session starts with."""
        wanted = self.convergence
        if wanted != "auto" and (isinstance(wanted, str) or not 0 <= wanted <= 1):
            raise ConfigError(f"stereo.convergence must be 'auto' or in [0, 1], got {wanted!r}")
        convergence = AUTO if isinstance(wanted, str) else wanted
        return Controls(self.strength, convergence, self.comfort, self.balance)

    def eyes(self) -> EyesConfig:
        """Return how the holes of both eyes are filled."""
        return EyesConfig(cast("FillLevel", self.fill_level), self.memory)

    def display(self) -> Display:
        """Return where the viewer sees the picture."""
        return Display(self.display_hfov_deg, self.display_distance_m, self.eye_distance_m)
