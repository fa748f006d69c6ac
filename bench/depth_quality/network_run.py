"""Refiners of a depth network's own errors on held-out worlds: inverse depth without a unit.

Beside them what smooths it, with the settings that were tuned on specified errors, and what only
steadies scale and shift, as the stereo stage does without a refiner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stereocast.bench.depth_quality.clips import HeldOut, ScoredClip
from stereocast.bench.depth_quality.measures import Measures, measure
from stereocast.bench.depth_quality.methods import Answer, Method, Options, tuned_smoothing
from stereocast.bench.depth_quality.run import measured, named_networks
from stereocast.bench.depth_quality.score import Told, means
from stereocast.bench.depth_quality.strips import depth_strips, time_slices
from stereocast.bench.depth_quality.tables import score_table
from stereocast.bench.tiny_depth.scores import FARTHEST_M, NEAREST_M, line
from stereocast.engine.depth.stage import DepthStage
from stereocast.engine.errors import ConfigError
from stereocast.engine.models import Output
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.network import RefineNetwork
from stereocast.engine.refine.reliability import calibration_of
from stereocast.engine.refine.scales import FLOOR
from stereocast.engine.refine.stage import RefineInput, TemporalRefiner
from stereocast.engine.stereo.steady import Steady
from stereocast.runtime import machine
from stereocast.training.corruption import Teacher
from stereocast.training.refine_clips import RefineClip
from stereocast.training.scenes.png import save_png
from stereocast.training.teachers import DT_S, said

COLUMNS = (
    "AbsRel", "d1.25", "RMSE log", "TGM", "flicker", "TAE", "TAE5", "AbsRel moving", "AbsRel band",
    "AbsRel after cut", "OPW", "pop px",
)  # fmt: skip
CLASSIC = "classic"
_HORIZON_M = 0.999 * FARTHEST_M  # what is farther is sky, or nearly
_DT = torch.tensor([DT_S])

Opener = Callable[[str, tuple[int, int]], DepthStage[Any]]
"""From a model's name and the pictures' (H, W) to its depth stage."""
Steadier = Callable[[RefineClip, Tensor], Tensor]
"""From a clip and what the network says of it to steadier inverse depth, both [T, h, w]."""


@dataclass(frozen=True)
class NetworkPlan:
    """What to compare.

    held_out  the clips
    model     the network whose depth is steadied
    weights   files of refiners' networks by name; a name begins with its core
    """

    held_out: HeldOut
    model: str
    weights: Mapping[str, Path]

    def methods(self) -> dict[str, Steadier]:
        """Return every row, in order. Raises ConfigError for a network's name."""
        methods: dict[str, Steadier] = {
            self.model: lambda _, depth: depth,
            "scale and shift": steadied_scale,
        }
        smoothing = tuned_smoothing()
        methods |= {name: partial(_smoothed, method) for name, method in smoothing.items()}
        methods[CLASSIC] = partial(_refined, self.model, None)
        for name, network in named_networks(self.weights).items():
            methods[f"net, {name}"] = partial(_refined, self.model, network)
        return methods

    def steps(self) -> int:
        """Return how often `told` will be called."""
        return self.held_out.count * (1 + len(self.methods()))


def run(plan: NetworkPlan, opener: Opener, told: Told) -> dict[str, Any]:
    """Return the report; `told` with what was done, see `NetworkPlan.steps`."""
    shape, methods = plan.held_out.shape, plan.methods()
    stage = _opened(plan, opener)
    rows: dict[str, list[Measures]] = {name: [] for name in methods}
    for scored in plan.held_out.load(lambda: told("rendered")):
        depth = said(stage, scored.clip)
        raw = fitted(scored.clip, depth)
        judged = replace(scored, teacher=Teacher(raw, torch.zeros_like(raw)))
        for name, method in methods.items():
            answer = Answer(fitted(scored.clip, method(scored.clip, depth)))
            values = measure(judged, answer)
            rows[name].append({column: values[column] for column in COLUMNS})
            told(name)
    table = {name: means(each) for name, each in rows.items()}
    report: dict[str, Any] = {
        "schema": "stereocast/bench-depth-network/1",
        "machine": machine.facts(),
        "model": plan.model,
        "clips": plan.held_out.count,
        "frames": shape.frames,
        "size": [shape.height, shape.width],
        "first_seed": plan.held_out.first,
        "methods": table,
        "markdown": f"{_heading(plan)}\n\n{score_table(table, COLUMNS)}",
    }
    return {name: measured(part) for name, part in report.items()}


def draw(plan: NetworkPlan, opener: Opener, folder: Path, clips: list[ScoredClip]) -> list[Path]:
    """Write x-t slices and depth strips of the clips and return the files."""
    methods, stage = plan.methods(), _opened(plan, opener)
    shown = [name for name in methods if name in (plan.model, CLASSIC) or name.startswith("net")]
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for scored in clips:
        depth = said(stage, scored.clip)
        answers: dict[str, Method] = {}
        for name in shown:
            answer = Answer(fitted(scored.clip, methods[name](scored.clip, depth)))
            answers[name] = partial(_known, answer)
        for name, made in (("slices", time_slices), ("strips", depth_strips)):
            path = folder / f"{name}-{plan.model}-{scored.seed}-{scored.clip.motion}.png"
            save_png(made(scored, answers, Options()), path)
            files.append(path)
    return files


def fitted(clip: RefineClip, inverse: Tensor) -> Tensor:
    """Return log metres [T, h, w] by one scale and shift for each shot.

    Least squares in disparity, on what is nearer than 80 m.
    """
    starts = [0, *[cut for cut in clip.cut.nonzero().flatten().tolist() if cut > 0], clip.frames]
    shots = []
    for begin, end in pairwise(starts):
        shot, truth = inverse[begin:end], clip.log_depth[begin:end].exp()
        near = truth < _HORIZON_M
        slope, offset = line(shot[near], 1 / truth[near])
        shots.append((slope * shot + offset).clamp(1 / FARTHEST_M, 1 / NEAREST_M).float())
    return -torch.cat(shots).log()


@torch.no_grad()
def steadied_scale(clip: RefineClip, depth: Tensor) -> Tensor:
    """Return depth whose scale and shift as a whole are steadied, and nothing else."""
    steady, answers = Steady(), []
    state = steady.init()
    for index in range(clip.frames):
        if clip.cut[index]:
            state = steady.init()
        state, answer = steady.step(state, depth[index].clone(), _DT)
        answers.append(answer)
    return torch.stack(answers)


def _smoothed(method: Method, clip: RefineClip, depth: Tensor) -> Tensor:
    """Return what a smoothing of log depth makes of it."""
    floor = FLOOR * (depth.amax() - depth.amin()) - depth.amin()
    log_depth = -(depth + floor).log()
    teacher = Teacher(log_depth, torch.zeros_like(log_depth))
    return (-method(clip, teacher, Options()).log_depth).exp() - floor


@torch.no_grad()
def _refined(model: str, network: RefineNetwork | None, clip: RefineClip, depth: Tensor) -> Tensor:
    """Return what the product's stage makes of it."""
    stage = TemporalRefiner(
        RefineConfig(), (depth.shape[1], depth.shape[2]), depth_output=Output.RELATIVE_INVERSE,
        reliability=calibration_of(model), corrector=network,
    )  # fmt: skip
    state, answers = stage.init(), []
    for index in range(clip.frames):
        if clip.cut[index]:
            state = stage.reset(state)
        state, answer = stage.step(state, RefineInput(clip.picture[index], depth[index], _DT))
        answers.append(answer.clone())
    return torch.stack(answers)


def _opened(plan: NetworkPlan, opener: Opener) -> DepthStage[Any]:
    grid = (plan.held_out.shape.height, plan.held_out.shape.width)
    stage = opener(plan.model, grid)
    if stage.output is not Output.RELATIVE_INVERSE or stage.grid != grid:
        raise ConfigError(
            f"{plan.model}: wanted is a network of inverse depth without a unit whose grid is the "
            f"pictures' own, {grid[1]}×{grid[0]}; got {stage.output}, "
            f"{stage.grid[1]}×{stage.grid[0]}: --size chooses another"
        )
    return stage


def _known(answer: Answer, clip: RefineClip, teacher: Teacher, options: Options) -> Answer:
    return answer


def _heading(plan: NetworkPlan) -> str:
    shape = plan.held_out.shape
    return (
        f"{plan.model}, streamed over {plan.held_out.count} held-out worlds × {shape.frames} "
        f"frames at {shape.width}×{shape.height}, seeds from {plan.held_out.first} on. Scale and "
        "shift are fitted once for each shot, in disparity; smoothing has the settings that were "
        "tuned on specified errors. Means over worlds; frames from 4 on."
    )
