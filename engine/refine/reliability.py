"""How wrong a teacher is where: its own estimate, or a proxy that was calibrated for it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from pathlib import Path

from torch import Tensor

from stereocast.engine.errors import ConfigError
from stereocast.kernels.refine import slope

CALIBRATIONS = Path(__file__).resolve().parents[2] / "configs" / "reliability"
"""One JSON for each teacher that training/calibrate measured."""
SCHEMA = "stereocast/reliability/1"


@dataclass(frozen=True)
class Reliability:
    """The expected error, in log units: a line in what a frame shows, fitted by training/calibrate.

    The defaults are cautious ones for teachers that nobody calibrated.
    """

    constant: float = 0.012
    """Error where depth is smooth and does not change."""
    slope: float = 0.05
    """Error per log unit per pixel of the depth's slope."""
    change: float = 0.5
    """Error per log unit by which the teacher differs from itself one frame before."""
    own: float = 0.0
    """Error per unit of the teacher's own estimate, where it has one."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"reliability: {entry.name} must be >= 0, got {value}")

    def sigma(self, teacher: Tensor, change: Tensor, own: Tensor | None = None) -> Tensor:
        """Return the expected error [B, h, w].

        teacher  [B, h, w], log depth
        change   [B, h, w], its change since the frame before, moved along and without what
                 changed as a whole
        own      [B, h, w], the teacher's own estimate; None: it has none
        """
        expected = self.constant + self.slope * slope(teacher) + self.change * change.abs()
        return expected if own is None else expected + self.own * own


def calibration_of(model: str, folder: Path = CALIBRATIONS) -> Reliability | None:
    """Return how wrong a model is where; None: nobody measured it.

    Raises ConfigError for a file that is no calibration.
    """
    path = folder / f"{model}.json"
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema is {document['schema']!r}")
        return Reliability(
            **{each.name: float(document[each.name]) for each in fields(Reliability)}
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: this is no calibration of schema {SCHEMA} ({error!r})"
        ) from None
