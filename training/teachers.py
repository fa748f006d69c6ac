"""Depth networks as teachers: opened on a grid of one's choice, and what they say of clips."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stereocast.engine.depth.stage import DepthInput, DepthStage
from stereocast.engine.errors import ConfigError
from stereocast.engine.models import Output
from stereocast.training import checkpoint
from stereocast.training.refine_clips import ClipCache, ClipShape, RefineClip

BUILT_IN = ("prior", "tiny")
VDA = {"vda-small": "vits", "vda-base": "vitb", "vda-large": "vitl"}
"""Relative Video-Depth-Anything, for who has the official checkpoint, by encoder."""
DT_S = 1 / 30


def open_teacher(model: str, grid: tuple[int, int], weights: Path | None = None) -> DepthStage[Any]:
    """Return the stage of a model for pictures of just its grid (h, w), without smoothing.

    weights  the official checkpoint of a `VDA` model; None for those that are built in

    Raises ConfigError for a model that is not known, or lacks weights; WeightsError for others.
    """
    if model in VDA:
        return _vda(model, grid, weights)
    if weights is not None:
        raise ConfigError(f"teacher {model}: it brings its own weights; leave {weights} out")
    if model == "prior":
        from stereocast.engine.depth.prior import PriorDepth

        return PriorDepth(grid, smoothing_s=0.0)
    if model == "tiny":
        from stereocast.engine.depth import tiny
        from stereocast.engine.runner import TorchRunner

        step = tiny.TinyStep(tiny.load_network(), grid)
        runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
        return tiny.TinyStage(runner, frame_size=grid)
    known = ", ".join((*BUILT_IN, *VDA))
    raise ConfigError(f"teacher: there is no model '{model}'; known are {known}")


def _vda(model: str, grid: tuple[int, int], weights: Path | None) -> DepthStage[Any]:
    from stereocast.engine.depth import vda
    from stereocast.engine.depth.streamed import StreamedDepth

    if weights is None:
        raise ConfigError(f"teacher {model}: name its official checkpoint: --weights FILE")
    network = vda.build(VDA[model], checkpoint.load(weights))
    stage = vda.DepthStage(network, frame_size=grid, grid=grid)
    return StreamedDepth(stage, output=Output.RELATIVE_INVERSE)


class SaidCache:
    """What a teacher says of rendered clips: asked once, then read; the clips lie beside it.

    folder   of the clips
    shape    of the clips; their pictures have the size of the teacher's grid
    model    and weights: as for `open_teacher`
    """

    def __init__(
        self, folder: Path, shape: ClipShape, model: str, weights: Path | None = None
    ) -> None:
        self._folder, self._shape = folder, shape
        self._clips = ClipCache(folder, shape)
        self._stage = open_teacher(model, (shape.height, shape.width), weights)
        self._name = f"{model}-{_fingerprint(model, weights)}"

    def clip(self, seed: int) -> tuple[RefineClip, Tensor]:
        """Return the clip of a seed and the teacher's depth of it, float32 [T, h, w]."""
        clip, path = self._clips.clip(seed), self._path(seed)
        if not path.exists():
            checkpoint.save(path, {"depth": said(self._stage, clip)})
        depth: Tensor = checkpoint.load(path)["depth"]
        return clip, depth

    def _path(self, seed: int) -> Path:
        shape = self._shape
        size = f"{shape.frames}x{shape.height}x{shape.width}"
        return self._folder / f"said-{self._name}-{seed}-{size}.clip"


@torch.no_grad()
def said(stage: DepthStage[Any], clip: RefineClip) -> Tensor:
    """Return a network's depth float32 [T, h, w] of a clip, streamed; it forgets at cuts."""
    state, maps, dt = stage.init(), [], torch.tensor([DT_S])
    for picture, cut in zip(clip.picture, clip.cut.tolist(), strict=True):
        if cut:
            state = stage.reset(state)
        state, depth = stage.step(state, DepthInput(picture, dt))
        maps.append(depth.clone())
    return torch.stack(maps)


def _fingerprint(model: str, weights: Path | None) -> str:
    """Return a name for weights, so that what others said is not taken for theirs."""
    if model == "tiny":
        from stereocast.engine.depth.tiny.weights import BUILT_IN as TINY_WEIGHTS

        weights = TINY_WEIGHTS
    return hashlib.sha256(weights.read_bytes()).hexdigest()[:8] if weights else "built-in"
