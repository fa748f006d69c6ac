"""The settings of a training, from a TOML file; every key is a field and must be known."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from stereocast.engine.errors import ConfigError
from stereocast.training.scenes.seeds import TRAINING_SEEDS, VALIDATION_SEEDS

FIRST_HELD_OUT_SEED = VALIDATION_SEEDS.start
LAST_TRAINING_SEED = TRAINING_SEEDS[-1]
"""Seeds of worlds that training may see, and from where on it must not."""


@dataclass(frozen=True)
class Phase:
    """A part of the training: pictures of height × width, ± `jitter` of both sides.

    share   of all steps
    clips   in a batch
    frames  the last of each clip, that are seen at once; what lies before gives motion
    """

    height: int
    width: int
    share: float
    clips: int
    frames: int = 1
    jitter: float = 0.0

    def __post_init__(self) -> None:
        fits = min(self.height, self.width) >= 32 and min(self.clips, self.frames) >= 1
        if not fits or not 0 < self.share <= 1:
            raise ConfigError(
                f"training: a phase needs sides >= 32, clips and frames >= 1 and a share in "
                f"(0, 1], got {self}"
            )


@dataclass(frozen=True)
class TinySettings:
    """How the built-in network is trained.

    seed                 of weights, order and augmentation
    steps                in all
    rate                 greatest learning rate; warm-up, then a cosine to `last_rate` of it
    average              decay of the mean of the weights, which is what is kept
    gradient, late_gradient  weight of `gradient_loss`, in the last third the latter
    temporal             weight of `temporal_loss`
    still_share          share of clips in which every frame is a first one
    no_flow_share        share of clips without motion channels
    least_crop           least share of a picture's sides that is seen
    save_steps           steps between checkpoints
    """

    phases: tuple[Phase, ...]
    steps: int
    seed: int = 1
    rate: float = 1.2e-3
    last_rate: float = 0.01
    decay: float = 0.01
    warm_up: int = 100
    average: float = 0.998
    gradient: float = 0.1
    late_gradient: float = 0.5
    temporal: float = 0.5
    still_share: float = 0.15
    no_flow_share: float = 0.15
    least_crop: float = 0.85
    save_steps: int = 200

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.phases or abs(sum(p.share for p in self.phases) - 1) > 1e-6:
            raise ConfigError(
                "training: steps must be >= 1 and the shares of the phases must sum to 1, got "
                f"{self.steps} and {[phase.share for phase in self.phases]}"
            )

    def phase_at(self, step: int) -> Phase:
        """Return the phase of a step."""
        end = 0.0
        for phase in self.phases:
            end += phase.share
            if step < round(end * self.steps):
                return phase
        return self.phases[-1]


def read_settings(path: Path) -> TinySettings:
    """Read a TOML file of `TinySettings`, the phases as tables `[[phases]]`.

    Raises ConfigError that names the key.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from None
    phases = tuple(_made(Phase, each, path) for each in table.pop("phases", ()))
    settings: TinySettings = _made(TinySettings, table | {"phases": phases}, path)
    return settings


def _made(kind: Any, table: dict[str, Any], path: Path) -> Any:
    known = [field.name for field in fields(kind)]
    for key in table:
        if key not in known:
            raise ConfigError(f"{path}: there is no '{key}'; known are {', '.join(known)}")
    try:
        return kind(**table)
    except TypeError as error:
        raise ConfigError(f"{path}: {str(error).partition('__init__() ')[2]}") from None
