"""How wrong a teacher is where, for a filter in time: a line in what a frame shows.

What counts is the error that changes: how much more two frames differ than they should, at points
that both see, by exact poses, after scale and shift of each frame were fitted to the truth. A fixed
error is none of it. Errors of networks last over frames, and a filter that takes them for white
noise trusts a teacher too much: for errors of memory ρ (AR(1)) the mean of n frames is as uncertain
as that of white ones which are larger by √((1+ρ)/(1−ρ) − 2ρ(1−ρⁿ)/(n(1−ρ)²)). These are written, n
being about the filter's own memory. The line is by non-negative least squares on means of groups of
pixels, so that few large errors do not decide.

Source: Bartlett 1946 for the variance of means of correlated series.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stereocast.engine.depth.stage import DepthInput, DepthStage
from stereocast.engine.models import Output
from stereocast.engine.refine.reliability import SCHEMA, Reliability
from stereocast.engine.refine.scales import FLOOR
from stereocast.kernels.raycast import Camera
from stereocast.kernels.refine import slope
from stereocast.training.refine_clips import FARTHEST_M, NEAREST_M
from stereocast.training.scenes import WorldClip
from stereocast.training.scenes.poses import looked_up, seen_by_both
from stereocast.training.scenes.world.clip import CAMERAS
from stereocast.training.teachers import DT_S

FIRST_SEED = 80_000
"""Worlds for calibration: training may have seen them, scores never use them."""
LAGS = (1, 2, 4, 8, 16)
"""Frames between those whose errors are compared."""
HORIZON = LAGS[-1]
"""Frames that a filter remembers, more or less; the line is fitted to what changes within them."""
FEWEST_FRAMES = 22
_SETTLED = 4  # first frames, in which a teacher that remembers is still another one
_GROUPS = 64
_THINNED = 7  # every so manieth point is enough
_DT = torch.tensor([DT_S])
_MEMORIES = 98  # in hundredths


@dataclass(frozen=True)
class Calibration:
    """The fit, and what it was made of.

    flicker      mean |error| that changes within `HORIZON`, of all pixels, log units
    memory       ρ of these errors from frame to frame
    correlation  of the expected error with the true one, over all pixels
    """

    reliability: Reliability
    clips: int
    frames: int
    flicker: float
    memory: float
    correlation: float

    def to_json(self, model: str) -> str:
        """Return the text of the artefact."""
        facts = {
            "schema": SCHEMA, "model": model, **asdict(self.reliability), "clips": self.clips,
            "frames": self.frames, "flicker": round(self.flicker, 5), "memory": self.memory,
            "correlation": round(self.correlation, 3),
        }  # fmt: skip
        return json.dumps(facts, indent=2) + "\n"


@dataclass(frozen=True)
class Shot:
    """What a teacher says of a world, and what is so; maps float32 [T, h, w].

    said   log depth in the teacher's measure
    error  of it, each frame's scale and shift fitted
    exact  log metres
    """

    said: Tensor
    error: Tensor
    exact: Tensor
    cameras: tuple[Camera, ...]

    def camera(self, index: int) -> Camera:
        """Return the camera of a frame."""
        return self.cameras[index]

    def differences(self, lag: int) -> Tensor:
        """Return |change of the error| / √2, slope and change of what is said, [3, n]."""
        columns = [torch.zeros(3, 0)]
        steep = slope(self.said)
        for late in range(_SETTLED + lag, len(self.said)):
            seen = seen_by_both(self, self.exact, late, late - lag)
            before = looked_up(self, self.exact, self.error[late - lag], late, late - lag)[1]
            wrong = (self.error[late] - before).abs() / math.sqrt(2)
            said = looked_up(self, self.exact, self.said[late - 1], late, late - 1)[1]
            change = self.said[late] - said
            change = (change - change.nanmedian()).abs()
            points = torch.stack((wrong, steep[late], change))[:, seen]
            columns.append(points[:, points.isfinite().all(0)][:, ::_THINNED])
        return torch.cat(columns, 1)


def calibrate(
    stage: DepthStage[Any], *, clips: int, frames: int, told: Callable[[], None]
) -> Calibration:
    """Measure a teacher on `clips` worlds before cameras of every kind; `told` after each."""
    columns: dict[int, list[Tensor]] = {lag: [] for lag in LAGS}
    for number in range(clips):
        shot = seen_by(stage, FIRST_SEED + number, CAMERAS[number % len(CAMERAS)], frames)
        for lag in LAGS:
            columns[lag].append(shot.differences(lag))
        told()
    tables = {lag: torch.cat(each, 1) for lag, each in columns.items()}
    sizes = {lag: float(table[0].mean()) for lag, table in tables.items()}
    memory = memory_of(sizes)
    error, steep, change = tables[HORIZON]
    fit = _fit(lasting(memory) * error, steep, change)
    expected = fit.constant + fit.slope * steep + fit.change * change
    pair = torch.corrcoef(torch.stack((error, expected)))[0, 1].nan_to_num()
    return Calibration(fit, clips, frames, sizes[HORIZON], memory, float(pair))


def write(calibration: Calibration, model: str, folder: Path) -> Path:
    """Write the artefact of a model and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{model}.json"
    path.write_text(calibration.to_json(model), encoding="utf-8")
    return path


def memory_of(sizes: Mapping[int, float]) -> float:
    """Return the memory ρ of errors, in hundredths, from sizes of their differences by lag.

    size² · (1 − ρ^lag) is fitted, least squares of logarithms.
    """

    def misfit(hundredths: int) -> float:
        rho = hundredths / 100
        logs = [math.log(size) - 0.5 * math.log(1 - rho**lag) for lag, size in sizes.items()]
        mean = sum(logs) / len(logs)
        return sum((each - mean) ** 2 for each in logs)

    return min(range(_MEMORIES + 1), key=misfit) / 100


def lasting(memory: float) -> float:
    """Return how much larger white errors are whose mean over `HORIZON` is as uncertain."""
    end = 2 * memory * (1 - memory**HORIZON) / (HORIZON * (1 - memory) ** 2)
    return math.sqrt((1 + memory) / (1 - memory) - end)


@torch.no_grad()
def seen_by(stage: DepthStage[Any], seed: int, camera: str, frames: int) -> Shot:
    """Return the first shot of a world, `frames` at most."""
    height, width = stage.grid
    world = WorldClip(seed, height, width, camera=camera)
    state, maps, truth, cameras = stage.init(), [], [], []
    for index in range(frames):
        if world.shot_at(index) != world.shot_at(0):
            break
        frame = world.frame(index)
        state, depth = stage.step(state, DepthInput(frame.rgb, _DT))
        maps.append(depth.clone())
        truth.append(frame.depth_m.clamp(NEAREST_M, FARTHEST_M))
        cameras.append(frame.camera)
    metres = torch.stack(truth)
    said, exact = _in_measure(torch.stack(maps), metres, stage.output)
    return Shot(said, said - exact, metres.log(), tuple(cameras))


def _in_measure(maps: Tensor, metres: Tensor, output: Output) -> tuple[Tensor, Tensor]:
    """Return what is said and what is so as log depth, the latter fitted to each frame."""
    if output is Output.METRIC_DEPTH:
        said, exact = maps.clamp_min(1e-3).log(), metres.log()
        offset = (said - exact).flatten(1).median(1).values
        return said, exact + offset[:, None, None]
    inverse = 1 / metres
    centred = inverse - inverse.mean((1, 2), keepdim=True)
    middle = maps.mean((1, 2), keepdim=True)
    slopes = (centred * (maps - middle)).sum((1, 2), keepdim=True)
    slopes = slopes / centred.square().sum((1, 2), keepdim=True).clamp_min(1e-12)
    low, high = maps[0].min(), maps[0].max()
    spread = (high - low).clamp_min(1e-6)

    def log_depth(values: Tensor) -> Tensor:
        return -(values - low + FLOOR * spread).clamp_min(FLOOR / 4 * spread).log()

    return log_depth(maps), log_depth(middle + slopes * centred)


def _fit(error: Tensor, steep: Tensor, change: Tensor) -> Reliability:
    """Return the line, no part of it negative."""
    rows = torch.stack((torch.ones_like(error), steep, change, error), 1)
    grouped = []
    for key in (steep, change):
        order = key.argsort()
        usable = len(order) // _GROUPS * _GROUPS
        grouped.append(rows[order[:usable]].reshape(_GROUPS, -1, 4).mean(1))
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
