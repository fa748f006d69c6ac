"""Scene cuts: when the picture is another picture, nothing remembered of the old one holds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from stereocast.engine.errors import ConfigError

_THUMB = (18, 32)
_STRIDE = 4  # every 4th pixel each way is plenty for an 18×32 thumbnail


@dataclass(frozen=True)
class SceneConfig:
    """When a change of picture counts as a cut."""

    dissimilarity: float = 0.55
    """1 − correlation of successive thumbnails above which a cut is declared, in (0, 2]."""
    change: float = 0.02
    """Mean difference of successive thumbnails (0..1) below which a change is never a cut."""
    contrast: float = 0.02
    """Standard deviation of a thumbnail (0..1) below which it is blank and never a cut."""

    def __post_init__(self) -> None:
        if not 0 < self.dissimilarity <= 2:
            raise ConfigError(f"scene.dissimilarity must be in (0, 2], got {self.dissimilarity}")
        for name in ("change", "contrast"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"scene.{name} must be in [0, 1), got {getattr(self, name)}")


@dataclass(frozen=True)
class SceneState:
    """thumb float32 [3·18·32], the last picture with contrast; seen bool [1]: there is one."""

    thumb: Tensor
    seen: Tensor


class SceneStage:
    """Compare each picture with the one before by the correlation of small thumbnails.

    Correlation ignores brightness and contrast: flashes, fades and exposure changes are no cuts.
    Neither is a small thing that moves before nothing, which correlates with nothing but hardly
    changes the picture.
    Blank pictures (black between two scenes) are passed over: the scene after them is compared with
    the scene before them.
    """

    def __init__(self, config: SceneConfig | None = None) -> None:
        self._config = config or SceneConfig()

    def init(self) -> SceneState:
        """Return the state before the first frame."""
        size = 3 * _THUMB[0] * _THUMB[1]
        return SceneState(torch.zeros(size), torch.zeros(1, dtype=torch.bool))

    def step(self, state: SceneState, x: Tensor) -> tuple[SceneState, Tensor]:
        """Return whether rgb u8 [3, H, W] starts a new scene: bool [1]."""
        thumb = adaptive_avg_pool2d(x[:, ::_STRIDE, ::_STRIDE].float() / 255, _THUMB).flatten()
        centred = thumb - thumb.mean()
        spread = centred.square().mean().sqrt()
        before = state.thumb - state.thumb.mean()
        scale = (spread * before.square().mean().sqrt()).clamp_min(1e-6)
        correlation = (centred * before).mean() / scale
        contrasted = (spread > self._config.contrast).reshape(1)
        changed = (thumb - state.thumb).abs().mean() > self._config.change
        other = (1 - correlation > self._config.dissimilarity) & changed
        cut = contrasted & state.seen & other
        kept = torch.where(contrasted, thumb, state.thumb)
        return SceneState(kept, state.seen | contrasted), cut
