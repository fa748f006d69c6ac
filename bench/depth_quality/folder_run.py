"""Depth models on a clip from a folder: how true and how steady, beside flat cues and the prior."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stereocast.bench.depth_quality.folder_clip import FolderClip, load
from stereocast.bench.depth_quality.measures import Measures, alignment
from stereocast.bench.depth_quality.run import measured
from stereocast.bench.depth_quality.score import Told, means
from stereocast.bench.depth_quality.tables import score_table
from stereocast.bench.tiny_depth.scores import FARTHEST_M, NEAREST_M, absrel, line
from stereocast.engine.depth.stage import DepthInput, DepthStage
from stereocast.engine.errors import SourceError
from stereocast.engine.models import Output
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.stage import RefineInput, TemporalRefiner
from stereocast.runtime import machine

COLUMNS = ("AbsRel", "d1.25", "TAE", "TAE5")
FEWEST_POINTS = 100
"""A frame with fewer known depths is not scored."""
_FIRST_DT_S = 1 / 30

Opener = Callable[[str, tuple[int, int]], DepthStage[Any]]
"""From a model's name and the pictures' (H, W) to its depth stage."""


@dataclass(frozen=True)
class FolderPlan:
    """What to score.

    frames  the most that are read
    model   its depth is scored as it comes and steadied by `refine.mode = classic`
    """

    folder: Path
    layout: str
    frames: int
    model: str

    def methods(self) -> tuple[str, ...]:
        """Return every row's name, in order."""
        models = dict.fromkeys(("prior", self.model, f"{self.model}, classic"))
        return ("constant", "row ramp", *models)


def run(plan: FolderPlan, opener: Opener, told: Told) -> dict[str, Any]:
    """Return the report; `told` after each frame that is read, and after each method.

    Raises SourceError for a folder that cannot be read or scored.
    """
    clip = load(plan.folder, plan.layout, plan.frames, lambda: told("read"))
    rows: dict[str, Measures] = {}
    for method in plan.methods():
        rows[method] = score(clip, depths(clip, method, opener))
        told(method)
    known = sum(float(frame.depth_m.isfinite().float().mean()) for frame in clip.frames)
    report: dict[str, Any] = {
        "schema": "stereocast/bench-depth-folder/1",
        "machine": machine.facts(),
        "layout": plan.layout,
        "frames": len(clip.frames),
        "frames_with_pose": clip.posed,
        "size": list(clip.size),
        "share_known": known / len(clip.frames),
        "methods": rows,
    }
    report["markdown"] = f"{_heading(report)}\n\n{score_table(rows, COLUMNS)}"
    return {name: measured(part) for name, part in report.items()}


def depths(clip: FolderClip, method: str, opener: Opener) -> Tensor:
    """Return a method's inverse depth, up to scale and shift, float32 [T, H, W]."""
    height, width = clip.size
    if method == "constant":
        return torch.zeros(1, 1, 1).expand(len(clip.frames), height, width)
    if method == "row ramp":
        ramp = torch.linspace(0, 1, height)[None, :, None]
        return ramp.expand(len(clip.frames), height, width)
    name, _, steadied = method.partition(", ")
    stage = opener(name, clip.size)
    refiner = (
        TemporalRefiner(RefineConfig(), stage.grid, depth_output=stage.output) if steadied else None
    )
    state, memory, made = stage.init(), refiner and refiner.init(), []
    for index, frame in enumerate(clip.frames):
        passed = clip.seconds_before(index)
        if passed is None:
            state = stage.reset(state)
            memory = refiner.reset(memory) if refiner and memory else None
        dt = torch.tensor([passed or _FIRST_DT_S])
        state, depth = stage.step(state, DepthInput(frame.rgb, dt))
        if refiner and memory:
            memory, depth = refiner.step(memory, RefineInput(frame.rgb, depth, dt))
        whole = stage.to_frame(depth)
        metric = stage.output is Output.METRIC_DEPTH
        made.append(1 / whole.clamp_min(1e-3) if metric else whole.clone())
    return torch.stack(made)


def score(clip: FolderClip, inverse: Tensor) -> Measures:
    """Return AbsRel and δ1 of single frames, each fitted, and TAE of the clip, fitted once.

    inverse  [T, H, W], inverse depth up to scale and shift; fits are in disparity
    """
    rows = []
    for frame, each in zip(clip.frames, inverse, strict=True):
        valid = (frame.depth_m > NEAREST_M) & (frame.depth_m < FARTHEST_M)
        if int(valid.sum()) >= FEWEST_POINTS:
            error, near = absrel(each, frame.depth_m)
            rows.append({"AbsRel": error, "d1.25": near})
    if not rows:
        raise SourceError(
            f"no frame has {FEWEST_POINTS} depths between {NEAREST_M} and {FARTHEST_M:g} m; "
            "is the depth's unit that of the layout?"
        )
    log_depth = _fitted(clip, clip.on_grid(inverse))
    steady = {
        name: alignment(clip, clip.pairs, log_depth, step) if clip.pairs else math.nan
        for name, step in (("TAE", 1), ("TAE5", 5))
    }
    return means(rows) | steady


def _fitted(clip: FolderClip, inverse: Tensor) -> Tensor:
    """Return log metres [T, h, w] by one scale and shift for the whole clip."""
    truth = clip.log_depth.exp()
    valid = (truth > NEAREST_M) & (truth < FARTHEST_M) & inverse.isfinite()
    slope, offset = line(inverse[valid], 1 / truth[valid])
    return -(slope * inverse + offset).clamp(1 / FARTHEST_M, 1 / NEAREST_M).log().float()


def _heading(report: dict[str, Any]) -> str:
    height, width = report["size"]
    return (
        f"{report['frames']} frames of {width}×{height}, layout {report['layout']}: depth is known "
        f"of {report['share_known']:.1%} of the pixels, {report['frames_with_pose']} frames have a "
        "pose. AbsRel and d1.25: scale and shift fitted in disparity for each frame; TAE, in %: "
        "fitted once for the clip, frames from 4 on."
    )
