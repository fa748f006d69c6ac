"""How wrong a teacher is where: its flicker on worlds at rest, as a line in what a frame shows.

What counts is what a filter in time can remove: how far a pixel is from its own median over the
clip, after scale and shift were steadied. A fixed error is none of it. The fit is by non-negative
least squares on means of groups of pixels, so that few large errors do not decide.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stereocast.engine.depth.stage import DepthInput, DepthStage
from stereocast.engine.models import Output
from stereocast.engine.refine.reliability import Reliability
from stereocast.engine.stereo.steady import samples_of
from stereocast.kernels.refine import slope
from stereocast.training.scenes import WorldClip

SCHEMA = "stereocast/reliability/1"
FIRST_SEED = 80_000
"""Worlds for calibration: training may have seen them, scores never use them."""
_SETTLED = 4  # first frames, in which a teacher that remembers is still another one
_GROUPS = 64
_DT = torch.tensor([1 / 30])
_FLOOR = 0.25  # as engine/refine/scales.py, of the range


@dataclass(frozen=True)
class Calibration:
    """The fit, and what it was made of.

    flicker      mean |error| of all pixels, log units
    correlation  of the expected error with the true one, over all pixels
    """

    reliability: Reliability
    clips: int
    frames: int
    flicker: float
    correlation: float

    def to_json(self, model: str) -> str:
        """Return the text of the artefact."""
        facts = {
            "schema": SCHEMA, "model": model, **asdict(self.reliability), "clips": self.clips,
            "frames": self.frames, "flicker": round(self.flicker, 5),
            "correlation": round(self.correlation, 3),
        }  # fmt: skip
        return json.dumps(facts, indent=2) + "\n"


def calibrate(
    stage: DepthStage[Any], *, clips: int, frames: int, told: Callable[[], None]
) -> Calibration:
    """Measure a teacher on `clips` worlds before a camera at rest; `told` after each."""
    columns: list[Tensor] = []
    for seed in range(FIRST_SEED, FIRST_SEED + clips):
        columns.append(_seen(_maps(stage, seed, frames)))
        told()
    error, steep, change = torch.cat(columns, 1)
    fit = _fit(error, steep, change)
    expected = fit.constant + fit.slope * steep + fit.change * change
    pair = torch.corrcoef(torch.stack((error, expected)))[0, 1].nan_to_num()
    return Calibration(fit, clips, frames, float(error.mean()), float(pair))


def write(calibration: Calibration, model: str, folder: Path) -> Path:
    """Write the artefact of a model and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{model}.json"
    path.write_text(calibration.to_json(model), encoding="utf-8")
    return path


@torch.no_grad()
def _maps(stage: DepthStage[Any], seed: int, frames: int) -> Tensor:
    """Return log depth [T, h, w] of a world, without what wobbles as a whole."""
    height, width = stage.grid
    world = WorldClip(seed, height, width, camera="static")
    state, maps, before = stage.init(), [], -1
    for index in range(frames):
        if world.shot_at(index) != max(before, 0):
            break  # another world: one shot is enough
        before = world.shot_at(index)
        state, depth = stage.step(state, DepthInput(world.frame(index).rgb, _DT))
        maps.append(depth.clone())
    return _steadied(torch.stack(maps), stage.output)


def _steadied(maps: Tensor, output: Output) -> Tensor:
    """Return depth as log depth, every frame's scale and shift fitted to the first one's."""
    if output is Output.METRIC_DEPTH:
        logs = maps.clamp_min(1e-3).log()
        return logs - (logs - logs[:1]).flatten(1).median(1).values[:, None, None]
    first = samples_of(maps[0])
    fitted = []
    for each in maps:
        sample = samples_of(each)
        centred = sample - sample.mean()
        scale = (centred * (first - first.mean())).sum() / centred.square().sum().clamp_min(1e-12)
        fitted.append((each - sample.mean()) * scale + first.mean())
    low, high = first.min(), first.max()
    spread = (high - low).clamp_min(1e-6)
    floored = (torch.stack(fitted) - low + _FLOOR * spread).clamp_min(_FLOOR / 4 * spread)
    return -floored.log()


def _seen(maps: Tensor) -> Tensor:
    """Return error, slope and change [3, n] of every pixel of the settled frames."""
    error = (maps - maps.median(0).values).abs()
    change = maps.diff(dim=0).abs()
    late = slice(_SETTLED, None)
    return torch.stack(
        (error[1:][late].flatten(), slope(maps)[1:][late].flatten(), change[late].flatten())
    )


def _fit(error: Tensor, steep: Tensor, change: Tensor) -> Reliability:
    """Return the line, no part of it negative."""
    rows = [torch.stack((torch.ones_like(error), steep, change, error), 1)]
    grouped = []
    for key in (steep, change):
        order = key.argsort()
        usable = len(order) // _GROUPS * _GROUPS
        grouped.append(rows[0][order[:usable]].reshape(_GROUPS, -1, 4).mean(1))
    table = torch.cat(grouped).double()
    active = [0, 1, 2]
    while active:
        solution = torch.linalg.lstsq(table[:, active], table[:, 3:]).solution[:, 0]
        if bool((solution >= 0).all()):
            break
        active.pop(int(solution.argmin()))
    parts = [0.0, 0.0, 0.0]
    for place, value in zip(active, solution.tolist(), strict=True):
        parts[place] = round(value, 5)
    return Reliability(*parts)
