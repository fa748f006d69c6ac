"""The settings of the refiner's training, from a TOML file; every key is a field."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from stereocast.engine.errors import ConfigError
from stereocast.engine.refine.config import CORES
from stereocast.training.refine_clips import ClipShape
from stereocast.training.scenes.seeds import TRAINING_SEEDS, VALIDATION_SEEDS

FIRST_HELD_OUT_SEED = VALIDATION_SEEDS.start
LAST_TRAINING_SEED = TRAINING_SEEDS[-1]


@dataclass(frozen=True)
class TeacherSettings:
    """A depth network whose own errors the refiner learns from, beside those that are specified.

    model   `tiny`; or `vda-small`, `vda-base` or `vda-large` for who has the checkpoint
    share   of the steps; each of them sees one clip
    clips   rendered worlds, with the seeds from first_clip on
    height, width  of a clip: what the network sees
    crop_height, crop_width  of what a step sees, multiples of 4
    temporal, reach  of the loss in its steps, see `LossWeights`
    weight  of its steps: their errors are larger, and would decide alone
    """

    model: str = "tiny"
    share: float = 0.25
    clips: int = 96
    first_clip: int = 30_000
    height: int = 140
    width: int = 252
    crop_height: int = 96
    crop_width: int = 128
    temporal: float = 8.0
    reach: float = 0.05
    weight: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ConfigError(f"teacher: its share must be between 0 and 1, got {self.share:g}")
        if not (self.reach > 0 and self.weight > 0):
            raise ConfigError(
                f"teacher: reach and weight must be above 0, got {self.reach:g} and {self.weight:g}"
            )
        _check_clips(self, "teacher: ")


@dataclass(frozen=True)
class RefinerSettings:
    """How the refiner is trained.

    core          `mamba` or `none`
    seed          of weights, order and teachers
    steps         in all
    clips         rendered worlds, with the seeds from first_clip on
    clip_frames, height, width  of a clip
    crop_height, crop_width     of what a step sees, multiples of 4
    batch         clips in a step
    window, burn_in  frames with loss, and frames before them without
    early_window  frames with loss in the first half of the steps
    rate, decay, warm_up, clip_gradient  of AdamW under a cosine
    average       decay of the mean of the weights, which is what is kept
    own_share     share of steps whose teacher says its error itself; else the proxy serves
    detected      share of cuts that the scene detector is taken to see
    temporal, new weights of the temporal loss, and of pixels whose depth has just changed
    save_steps    steps between checkpoints
    teacher       None: only specified errors
    """

    core: str = "mamba"
    seed: int = 1
    steps: int = 1500
    clips: int = 160
    first_clip: int = 20_000
    clip_frames: int = 24
    height: int = 96
    width: int = 128
    crop_height: int = 48
    crop_width: int = 64
    batch: int = 3
    window: int = 12
    early_window: int = 8
    burn_in: int = 4
    rate: float = 2e-3
    decay: float = 1e-4
    warm_up: int = 30
    clip_gradient: float = 1.0
    average: float = 0.99
    own_share: float = 0.6
    detected: float = 0.8
    temporal: float = 6.0
    new: float = 1.0
    save_steps: int = 100
    teacher: TeacherSettings | None = None

    def __post_init__(self) -> None:
        if self.core not in CORES:
            raise ConfigError(f"core: '{self.core}' is not one of {', '.join(CORES)}")
        if min(self.steps, self.batch, self.window, self.early_window) < 1:
            raise ConfigError("steps, batch and windows must be at least 1")
        if self.burn_in + max(self.window, self.early_window) > self.clip_frames:
            raise ConfigError(
                f"burn_in and window need {self.burn_in + self.window} frames, "
                f"and a clip has {self.clip_frames}"
            )
        _check_clips(self)

    @property
    def shape(self) -> ClipShape:
        """Frames, rows and columns of a clip."""
        return ClipShape(self.clip_frames, self.height, self.width)

    @property
    def teacher_shape(self) -> ClipShape:
        """Frames, rows and columns of a clip that the teacher sees. It must be set."""
        assert self.teacher is not None
        return ClipShape(self.clip_frames, self.teacher.height, self.teacher.width)

    def window_at(self, step: int) -> int:
        """Return how many frames of a step have a loss."""
        return self.early_window if step < self.steps // 2 else self.window


def read_settings(path: Path, **changes: object) -> RefinerSettings:
    """Read a TOML file of `RefinerSettings`; `changes` that are not None replace what it says.

    Raises ConfigError that names the key.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from None
    teacher = table.pop("teacher", None)
    if teacher is not None:
        if not isinstance(teacher, dict):
            raise ConfigError(f"{path}: teacher must be a table, got {teacher!r}")
        _check_types(TeacherSettings, teacher, f"{path}: [teacher]")
        teacher = TeacherSettings(**teacher)
    _check_types(RefinerSettings, table, f"{path}:")
    chosen = {key: value for key, value in changes.items() if value is not None}
    return RefinerSettings(**table | chosen, teacher=teacher)


def _check_types(kind: Any, table: Mapping[str, object], place: str) -> None:
    known = {entry.name: type(entry.default) for entry in fields(kind) if entry.name != "teacher"}
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{place} there is no '{key}'; known are {', '.join(known)}")
        if type(value) is not known[key] and not (known[key] is float and type(value) is int):
            raise ConfigError(f"{place} {key} must be {known[key].__name__}, got {value!r}")


def _check_clips(settings: RefinerSettings | TeacherSettings, place: str = "") -> None:
    if settings.clips < 1:
        raise ConfigError(f"{place}clips must be at least 1, got {settings.clips}")
    if settings.crop_height % 4 or settings.crop_width % 4:
        raise ConfigError(f"{place}crop_height and crop_width must be multiples of 4")
    if settings.crop_height > settings.height or settings.crop_width > settings.width:
        raise ConfigError(f"{place}a crop must fit into the picture")
    if settings.first_clip + settings.clips - 1 > LAST_TRAINING_SEED:
        raise ConfigError(f"{place}training may see worlds up to {LAST_TRAINING_SEED}, no further")
