"""The comfort of many frames: what a report says of it. How a frame is scored, the engine knows."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from torch import Tensor

from stereocast.engine.stereo.score import ComfortReading


@dataclass
class ComfortAccount:
    """Means of every reading, and the worst score; readable any time."""

    frames: int = 0
    latest: float = 1.0
    worst: float = 1.0
    sums: ComfortReading = field(default_factory=lambda: ComfortReading(*[0.0] * 6))

    def add(self, reading: Tensor | None) -> None:
        """Account for one frame; None, which is no reading, counts nothing."""
        if reading is None:
            return
        values = ComfortReading.of(reading)
        self.sums = ComfortReading(
            *(getattr(self.sums, f.name) + getattr(values, f.name) for f in fields(values))
        )
        self.latest = values.score
        self.worst = min(self.worst, values.score)
        self.frames += 1

    @property
    def mean_score(self) -> float:
        """Mean score of the frames so far; 1 before the first."""
        return self.sums.score / self.frames if self.frames else 1.0

    def report(self) -> dict[str, object]:
        """Return the means under the names of `ComfortReading`, and `worst_score`."""
        count = max(1, self.frames)
        means = {f.name: round(getattr(self.sums, f.name) / count, 4) for f in fields(self.sums)}
        return {**means, "worst_score": round(self.worst, 4)} if self.frames else {}
