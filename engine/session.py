"""One running stream: its state, its controls, and the eager executor."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.errors import ConfigError
from stereocast.engine.frame import Frame, StereoFrame
from stereocast.engine.layout import Layout
from stereocast.engine.models import find
from stereocast.engine.pipeline import Input, Mark, Pipeline, TemporalState
from stereocast.engine.refine.off import Unrefined
from stereocast.engine.scene import SceneConfig, SceneStage
from stereocast.engine.stage import prime
from stereocast.engine.stereo import Controls, StereoConfig, StereoStage

_LONGEST_STEP_S = 1.0  # a longer pause is a pause, not a fast scene


@dataclass(frozen=True)
class DepthConfig:
    """Which depth stage, on which grid."""

    model: str = "prior"
    """The depth stage: `prior` is the only one so far."""
    height: int = 140
    """Rows of the network grid."""
    width: int = 252
    """Columns of the network grid."""
    smoothing_s: float = 0.15
    """Time constant of the prior's smoothing, seconds."""

    def __post_init__(self) -> None:
        if self.model != "prior":
            raise ConfigError(f"depth.model: '{self.model}' is not one of 'prior'")
        if min(self.height, self.width) < 14 or max(self.height, self.width) > 2048:
            raise ConfigError(
                f"depth.height and depth.width must be in [14, 2048], "
                f"got {self.height} and {self.width}"
            )
        if self.smoothing_s < 0:
            raise ConfigError(f"depth.smoothing_s must be >= 0, got {self.smoothing_s}")


@dataclass(frozen=True)
class RefineConfig:
    """How depth is steadied."""

    mode: str = "off"
    """`off` is the only mode so far."""

    def __post_init__(self) -> None:
        if self.mode != "off":
            raise ConfigError(f"refine.mode: '{self.mode}' is not one of 'off'")


@dataclass(frozen=True)
class EngineConfig:
    """The settings of every stage."""

    scene: SceneConfig = field(default_factory=SceneConfig)
    depth: DepthConfig = field(default_factory=DepthConfig)
    refine: RefineConfig = field(default_factory=RefineConfig)
    stereo: StereoConfig = field(default_factory=StereoConfig)


def _silent(stage: str) -> None:
    """Take no time."""


class Session:
    """Run the pipeline frame by frame on the CPU.

    The executor is eager: it reads the scene stage's cut flag once per frame, the only host read in
    a step, and resets the same buffers when it is set.
    """

    executor = "eager"

    def __init__(
        self, frame_size: tuple[int, int], config: EngineConfig | None = None,
        *, layout: Layout = Layout.FULL_SBS,
    ) -> None:  # fmt: skip
        config = config or EngineConfig()
        depth = config.depth
        self.layout = layout
        self.frame_size = frame_size
        self.controls = config.stereo.controls()
        self.depth_output = find(depth.model).output
        self.cuts = 0
        self._pipeline = Pipeline(
            scene=SceneStage(config.scene),
            depth=PriorDepth(
                (depth.height, depth.width), frame_size=frame_size, smoothing_s=depth.smoothing_s
            ),
            refine=Unrefined(),
            stereo=StereoStage(frame_size, config.stereo),
            layout=layout,
        )
        self._state = self._pipeline.init()
        self._fresh = self._pipeline.init()
        self._last_pts_ns: int | None = None

    def step(
        self, frame: Frame, *, controls: Controls | None = None,
        strip: tuple[int, int] | None = None, mark: Mark = _silent, keep_depth: bool = False,
    ) -> StereoFrame:  # fmt: skip
        """Return both eyes of `frame`, packed.

        controls  what the viewer wants from this frame on; None: as before
        strip     source and encoder counter to stamp as a barcode; None: none
        mark      called with "depth", "refine" and "warp" as each is done
        keep_depth  put a copy of the depth, at the frame's size, into the answer

        Raises ValueError if the frame's size is not the session's.
        """
        if tuple(frame.rgb.shape) != (3, *self.frame_size):
            raise ValueError(
                f"this session is for frames of {self.frame_size}, got {tuple(frame.rgb.shape)}"
            )
        self.controls = controls or self.controls
        x = Input(
            rgb=frame.rgb,
            controls=self.controls.tensor(),
            dt=torch.tensor([self._elapsed_s(frame.pts_ns)]),
            strip=None if strip is None else torch.tensor(strip, dtype=torch.int64),
        )
        with torch.inference_mode():
            self._state, result = self._pipeline.step(
                self._state, x, reset_on=self._reset_on, mark=mark
            )
            # A copy: the stage's depth is state, or a buffer that the next step overwrites.
            depth = self._pipeline.depth.to_frame(result.depth).clone() if keep_depth else None
        return StereoFrame(result.surface, self.layout, frame.pts_ns, frame.index, depth)

    def reset(self) -> None:
        """Forget every frame seen: what follows is a new stream."""
        with torch.inference_mode():
            prime(self._state, self._fresh)
        self._last_pts_ns = None

    def _elapsed_s(self, pts_ns: int) -> float:
        last = self._last_pts_ns
        self._last_pts_ns = pts_ns
        if last is None:
            return 0.0
        return min(max((pts_ns - last) / 1e9, 0.0), _LONGEST_STEP_S)

    def _reset_on(self, cut: Tensor, state: TemporalState) -> TemporalState:
        if not bool(cut):
            return state
        self.cuts += 1
        return prime(state, self._fresh.temporal)
