"""The refiner over many frames: what a report says of it. What a frame says, the engine knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CLAMP_ALERT = 0.15
"""Share of pixels over a second that hit the bound above which it is too tight for the depth."""
_PREFIX = "refine_"


@dataclass
class RefineAccount:
    """Means and worst values of every `RefineReading`; readable any time."""

    frames: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)
    clamp_alerts: int = 0

    def add(self, facts: Mapping[str, float]) -> None:
        """Account for one frame's facts; without refinement there are none, and nothing counts."""
        reading = {
            name.removeprefix(_PREFIX): value
            for name, value in facts.items()
            if name.startswith(_PREFIX)
        }
        if not reading:
            return
        self.frames += 1
        for name, value in reading.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.most[name] = max(self.most.get(name, 0.0), value)
        self.clamp_alerts += reading["clamped"] > CLAMP_ALERT

    def report(self) -> dict[str, float]:
        """Return means of gain and clamped share, the worst second, and counts; {} without any."""
        if not self.frames:
            return {}
        return {
            "mean_gain": round(self.sums["gain"] / self.frames, 4),
            "mean_clamped": round(self.sums["clamped"] / self.frames, 4),
            "worst_clamped": round(self.most["clamped"], 4),
            "frames_clamped_too_often": self.clamp_alerts,
            "drift_alerts": round(self.sums["anchored"]),
            "restarts": round(self.sums["restarted"]),
        }
