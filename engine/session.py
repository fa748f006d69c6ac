"""One running stream: its controls, its clock, what is told of every frame; executors run it."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, cast

import torch

from stereocast.engine.depth.grid import fitted_grid
from stereocast.engine.depth.prior import PriorDepth
from stereocast.engine.depth.stage import DepthStage
from stereocast.engine.depth.vda.stage import MemoryPolicy, SinkPolicy
from stereocast.engine.eager import EagerStep, Executor
from stereocast.engine.errors import ConfigError
from stereocast.engine.frame import Frame, StereoFrame
from stereocast.engine.graph import CapturedStep, device_loss_told
from stereocast.engine.layout import Layout
from stereocast.engine.packing import FormatsConfig, PackStage
from stereocast.engine.pipeline import Input, Mark, Pipeline, PipelineState
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.off import Unrefined
from stereocast.engine.refine.stage import RefineStage, TemporalRefiner
from stereocast.engine.refine.watch import RefineReading
from stereocast.engine.runner import RUNNERS
from stereocast.engine.scene import SceneConfig, SceneStage
from stereocast.engine.static import Place, StaticStep
from stereocast.engine.stereo import Controls, StereoConfig, StereoStage
from stereocast.engine.stereo.metric import inverse_depth
from stereocast.engine.thumbnail import thumbnail

_MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LONGEST_STEP_S = 1.0  # a longer pause is a pause, not a fast scene


@dataclass(frozen=True)
class DepthConfig:
    """Which depth stage, on which grid."""

    model: str = "prior"
    """`prior`, or the name of a model that is on this machine; who builds its stage, looks."""
    height: int = 140
    """Rows of the network grid."""
    width: int = 252
    """Columns of the network grid."""
    fit: bool = True
    """Whether the grid takes the picture's shape, with about as many cells as height × width."""
    smoothing_s: float = 0.15
    """Time constant of the smoothing of what sees one picture at a time, seconds."""
    precision: str = "fp32"
    """Of exported networks: `fp32`, or `int8`, less exact and a third cheaper on CPUs."""
    runner: str = "auto"
    """Of a network: `torch`; on CPUs `onnx`; on GPUs `tensorrt`, a plan that is built when it is
    first wanted. `auto`: `onnx`; on GPUs a plan that is there, else `torch`."""
    sink: str = "official"
    """What a model that remembers makes of black or title frames, see `vda.MemoryPolicy`."""
    max_rate_hz: float = 0.0
    """Most frames a second that such a model remembers; 0: every frame."""

    def __post_init__(self) -> None:
        if not _MODEL_NAME.fullmatch(self.model):
            raise ConfigError(
                f"depth.model: '{self.model}' cannot name a model: see 'stereocast models list'"
            )
        if min(self.height, self.width) < 14 or max(self.height, self.width) > 2048:
            raise ConfigError(
                f"depth.height and depth.width must be in [14, 2048], "
                f"got {self.height} and {self.width}"
            )
        if self.smoothing_s < 0:
            raise ConfigError(f"depth.smoothing_s must be >= 0, got {self.smoothing_s}")
        if self.precision not in ("fp32", "int8"):
            raise ConfigError(f"depth.precision: '{self.precision}' is not one of fp32, int8")
        if self.runner not in RUNNERS:
            known = ", ".join(RUNNERS)
            raise ConfigError(f"depth.runner: '{self.runner}' is not one of {known}")
        if self.max_rate_hz < 0:
            raise ConfigError(f"depth.max_rate_hz must be >= 0, got {self.max_rate_hz}")
        self.memory()

    def grid_for(self, frame_size: tuple[int, int]) -> tuple[int, int]:
        """Return rows and columns of the network grid for frames of `frame_size` = (H, W)."""
        if not self.fit:
            return self.height, self.width
        return fitted_grid(self.height * self.width, frame_size)

    def memory(self) -> MemoryPolicy:
        """Return what a model that remembers is told."""
        return MemoryPolicy(cast("SinkPolicy", self.sink), self.max_rate_hz or None)


@dataclass(frozen=True)
class EngineConfig:
    """The settings of every stage."""

    scene: SceneConfig = field(default_factory=SceneConfig)
    depth: DepthConfig = field(default_factory=DepthConfig)
    refine: RefineConfig = field(default_factory=RefineConfig)
    stereo: StereoConfig = field(default_factory=StereoConfig)
    formats: FormatsConfig = field(default_factory=FormatsConfig)


def _silent(stage: str) -> None:
    """Take no time."""


class Session:
    """Run the pipeline frame by frame, on the CPU or where `place` says.

    The frame's facts are read last, when all is done or enqueued.

    executor  how the steps are run, in words
    on_gpu    whether surfaces lie in the memory of a GPU, where the next step overwrites them
    """

    def __init__(
        self, frame_size: tuple[int, int], config: EngineConfig | None = None,
        *, layout: Layout = Layout.FULL_SBS, depth: DepthStage[Any] | None = None,
        refine: RefineStage[Any] | None = None, place: Place | None = None,
    ) -> None:  # fmt: skip
        """Start a stream of frames of `frame_size` = (H, W).

        depth   the stage for `config.depth.model`, built by the caller; None: the prior, which
                alone needs no file
        refine  the stage for `config.refine`, likewise; None: one of those that need no file
        place   where all is done: on a CUDA device one graph per frame, on the CPU buffers that
                never move; `depth` and `refine` must be there. None: eagerly, on the CPU

        Raises ConfigError if the configuration wants another one then.
        """
        config = config or EngineConfig()
        self._place = place
        self.layout = layout
        self.frame_size = frame_size
        self.controls = config.stereo.controls()
        self.cuts = 0
        with place.entered() if place else nullcontext():
            depth = depth or _prior(config.depth, frame_size)
            self._pipeline = Pipeline(
                scene=SceneStage(config.scene),
                depth=depth,
                refine=refine or _filter(config.refine, depth),
                stereo=StereoStage(frame_size, _stereo(config), depth_output=depth.output),
                pack=PackStage(frame_size, layout, config.formats, depth_output=depth.output),
            )
        self.depth_output = depth.output
        self.refine = self._pipeline.refine
        self._executor = _executor(self._pipeline, place, frame_size)
        self.executor = self._executor.description
        self.on_gpu = place is not None and place.device.type == "cuda"
        self._last_pts_ns: int | None = None

    @property
    def _state(self) -> PipelineState:
        return self._executor.state

    def step(
        self, frame: Frame, *, controls: Controls | None = None,
        strip: tuple[int, int] | None = None, mark: Mark = _silent, keep_depth: bool = False,
        with_thumbnail: bool = False, may_move_depth: bool = False,
    ) -> StereoFrame:  # fmt: skip
        """Return both eyes of `frame`, packed, and its facts.

        Facts: `depth_near` and `depth_far`, the range of inverse depth in force; `convergence` in
        force; `holes_share` of the made views that nothing landed on; `comfort`, the score;
        `cut`, 1 where a new scene begins. Where depth is refined also `refine_` and a name of
        `RefineReading`.

        controls  what the viewer wants from this frame on; None: as before
        strip     source and encoder counter to stamp as a barcode; None: none
        mark      called with "depth", "refine" and "warp" as each is done
        keep_depth  put a copy of the depth, at the frame's size, into the answer
        with_thumbnail  put a small picture of the depth into the answer
        may_move_depth  a depth stage that can, may move its last depth instead of estimating

        Raises ValueError if the frame's size is not the session's.
        """
        if tuple(frame.rgb.shape) != (3, *self.frame_size):
            raise ValueError(
                f"this session is for frames of {self.frame_size}, got {tuple(frame.rgb.shape)}"
            )
        self.controls = controls or self.controls
        is_first = self._last_pts_ns is None
        x = Input(
            rgb=frame.rgb,
            controls=self.controls.tensor(),
            dt=torch.tensor([self._elapsed_s(frame.pts_ns)]),
            strip=None if strip is None else torch.tensor(strip, dtype=torch.int64),
            is_between=may_move_depth and not is_first,
        )
        with device_loss_told(), self._place.entered() if self._place else torch.inference_mode():
            result = self._executor.step(x, mark=mark)
            # A copy: the stage's depth is state, or a buffer that the next step overwrites.
            depth = self._pipeline.depth.to_frame(result.depth).clone() if keep_depth else None
            comfort = result.comfort.clone()
            inverse = inverse_depth(result.depth, self.depth_output)
            small = thumbnail(inverse, result.reading[:2]) if with_thumbnail else None
            # On a GPU the frame's one wait.
            numbers = torch.cat((result.reading, comfort[:1], result.cut.float())).tolist()
        far, near, convergence, holes_share, score, cut = numbers
        self.cuts += int(cut)
        facts = {
            "depth_near": near, "depth_far": far, "convergence": convergence,
            "holes_share": holes_share, "comfort": score, "cut": cut,
        }  # fmt: skip
        if result.refine is not None:
            refined = RefineReading.of(result.refine)._asdict()
            facts |= {f"refine_{name}": value for name, value in refined.items()}
        return StereoFrame(
            result.surface, self.layout, frame.pts_ns, frame.index, depth, comfort, facts, small
        )

    def reset(self) -> None:
        """Forget every frame seen: what follows is a new stream."""
        self._executor.reset()
        self._last_pts_ns = None

    def _elapsed_s(self, pts_ns: int) -> float:
        last = self._last_pts_ns
        self._last_pts_ns = pts_ns
        if last is None:
            return 0.0
        return min(max((pts_ns - last) / 1e9, 0.0), _LONGEST_STEP_S)


def _executor(pipeline: Pipeline, place: Place | None, frame_size: tuple[int, int]) -> Executor:
    if place is None:
        return EagerStep(pipeline)
    if place.captures:
        return CapturedStep(pipeline, place, frame_size=frame_size)
    return StaticStep(pipeline, place, frame_size=frame_size)


def _prior(config: DepthConfig, frame_size: tuple[int, int]) -> PriorDepth:
    if config.model != "prior":
        raise ConfigError(
            f"depth.model: '{config.model}' has weights: build its stage and hand it to the session"
        )
    return PriorDepth(
        config.grid_for(frame_size), frame_size=frame_size, smoothing_s=config.smoothing_s
    )


def _filter(config: RefineConfig, depth: DepthStage[Any]) -> RefineStage[Any]:
    if config.mode == "net":
        raise ConfigError("refine.mode: 'net' has weights: build its stage and hand it over")
    if config.mode == "off":
        return Unrefined()
    return TemporalRefiner(config, depth.grid, depth_output=depth.output)


def _stereo(config: EngineConfig) -> StereoConfig:
    """Return the stereo stage's settings: what is refined, was steadied as a whole already."""
    steady = config.stereo.steady and config.refine.mode == "off"
    return replace(config.stereo, steady=steady)
