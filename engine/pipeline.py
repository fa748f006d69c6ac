"""A frame's journey through the engine: the page to read first.

rgb ──► scene: a cut? ─► reset of everything remembered
 ├────► depth ─► refine ─┐        inverse depth, or metres, on the network grid [h, w]
 └──────────────────► stereo ─► pack ─► one picture for the encoder, both eyes in it
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from stereocast.engine.depth.stage import DepthInput, DepthStage
from stereocast.engine.packing import PackInput, PackStage, PackState
from stereocast.engine.refine.stage import RefineInput, RefineStage
from stereocast.engine.scene import SceneStage, SceneState
from stereocast.engine.stage import prime
from stereocast.engine.stereo import StereoStage
from stereocast.engine.stereo.disparity import StereoInput
from stereocast.engine.stereo.stage import StereoState


@dataclass(frozen=True)
class Input:
    """What one step consumes.

    rgb       u8 [3, H, W]
    controls  float32 [4], as `stereocast.engine.stereo.Controls`
    dt        float32 [1], seconds since the frame before; 0 for the first
    strip     int64 [2], source and encoder counter for the barcode; None: no barcode
    is_between  depth may be moved from the frame before; a cut wants it estimated all the same
    """

    rgb: Tensor
    controls: Tensor
    dt: Tensor
    strip: Tensor | None = None
    is_between: bool = False


@dataclass(frozen=True)
class TemporalState:
    """All that a cut resets; what exchangeable stages remember is their own business."""

    depth: Any
    refine: Any
    stereo: StereoState
    pack: PackState


@dataclass(frozen=True)
class PipelineState:
    """The scene detector's own memory, and what it resets."""

    scene: SceneState
    temporal: TemporalState


@dataclass(frozen=True)
class Result:
    """What one step produces; both may live in buffers that the next step overwrites.

    surface  u8 [H'·3/2, W'], I420, both eyes
    depth    float32 [h, w], refined, on the network grid
    comfort  float32 [6], see `stereo.score.ComfortReading`
    reading  float32 [4], see `stereo.stage.StereoState`
    cut      bool [1], whether a new scene begins
    refine   float32 [5], see `refine.watch.RefineReading`; None: depth is not refined
    """

    surface: Tensor
    depth: Tensor
    comfort: Tensor
    reading: Tensor
    cut: Tensor
    refine: Tensor | None


ResetOn = Callable[[Tensor, TemporalState], TemporalState]
"""The executor's way to reset: from the cut flag bool [1] and the state, the state to go on."""

Mark = Callable[[str], None]
"""Called with a stage's name when it is done, so that whoever owns a clock can read it."""


@dataclass(frozen=True)
class Pipeline:
    """The fixed composition of stages."""

    scene: SceneStage
    depth: DepthStage[Any]
    refine: RefineStage[Any]
    stereo: StereoStage
    pack: PackStage

    def init(self) -> PipelineState:
        """Return the state before the first frame."""
        temporal = TemporalState(
            self.depth.init(), self.refine.init(), self.stereo.init(), self.pack.init()
        )
        return PipelineState(self.scene.init(), temporal)

    def reset(self, state: TemporalState) -> TemporalState:
        """Forget every frame, in place.

        No second copy of a state is kept for this: depth has its own way, which need not touch its
        hundreds of megabytes, and the rest is small.
        """
        return TemporalState(
            self.depth.reset(state.depth),
            self.refine.reset(state.refine),
            prime(state.stereo, self.stereo.init()),
            prime(state.pack, self.pack.init()),
        )

    def step(
        self, state: PipelineState, x: Input, *, reset_on: ResetOn, mark: Mark
    ) -> tuple[PipelineState, Result]:
        """Return the new state, the packed picture and the depth it was made with."""
        scene_state, cut = self.scene.step(state.scene, x.rgb)
        old = reset_on(cut, state.temporal)
        is_between = x.is_between and old is state.temporal
        depth_input = DepthInput(x.rgb, x.dt, is_between)
        depth_state, depth = self.depth.step(old.depth, depth_input)
        mark("depth")
        refine_state, depth = self.refine.step(old.refine, RefineInput(x.rgb, depth, x.dt))
        mark("refine")
        stereo_input = StereoInput(x.rgb, depth, x.controls, x.dt)
        stereo_state, eyes = self.stereo.step(old.stereo, stereo_input)
        pack_input = PackInput(x.rgb, eyes, depth, x.dt, x.strip)
        pack_state, surface = self.pack.step(old.pack, pack_input)
        mark("warp")
        temporal = TemporalState(depth_state, refine_state, stereo_state, pack_state)
        result = Result(
            surface, depth, stereo_state.comfort, stereo_state.reading, cut,
            self.refine.reading(refine_state),
        )  # fmt: skip
        return PipelineState(scene_state, temporal), result
