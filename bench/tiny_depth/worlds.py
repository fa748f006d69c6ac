"""Scores on rendered worlds that training has not seen: static cameras and moving ones, apart."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

import torch

from stereocast.bench.tiny_depth.methods import GRID, METHODS, Streams
from stereocast.bench.tiny_depth.scores import absrel, flicker
from stereocast.training.scenes import WorldClip
from stereocast.training.scenes.seeds import SCORE_SEEDS
from stereocast.training.scenes.world.clip import CAMERAS

FIRST_SEED = SCORE_SEEDS.start
FRAMES = 24
SCORED = (11, 17, 23)
"""Frames of a clip that are compared with the truth; a clip counts once, with their mean."""
STEADY = 20
"""The last frames of a clip, whose flicker is measured: the memory is full."""
STATIC = "static"
MOVING = tuple(name for name in CAMERAS if name not in (STATIC, "pan"))
"""Cameras that change their place: a camera that only turns sees no parallax."""


def run(
    streams: Streams,
    count: int,
    *,
    first: int = FIRST_SEED,
    told: Callable[[], None],
    frames: int = FRAMES,
) -> dict[str, dict[str, dict[str, float]]]:
    """Return group → method → mean score over `count` worlds each, and the static flicker.

    Scores: `absrel`, `delta1`, and for static cameras `flicker`.
    """
    groups = {
        "static": [(first + number, STATIC) for number in range(count)],
        "moving": [(first + 1000 + n, MOVING[n % len(MOVING)]) for n in range(count)],
    }
    report = {}
    for group, clips in groups.items():
        scores = []
        for seed, camera in clips:
            scores.append(_scored(streams, seed, camera, frames))
            told()
        report[group] = _means(scores)
    return report


def _scored(
    streams: Streams, seed: int, camera: str, length: int
) -> Mapping[str, Mapping[str, float]]:
    """Return method → scores of one world; of a clip that cuts, the first shot is scored."""
    clip = WorldClip(seed, height=GRID[0], width=GRID[1], camera=camera)
    shot = [index for index in range(length) if clip.shot_at(index) == 0]
    frames = [clip.frame(index) for index in shot]
    truth = torch.stack([frame.depth_m for frame in frames])
    scored = [index for index in SCORED if index < len(frames)] or [len(frames) - 1]
    result = {}
    for method in METHODS:
        stream = streams.make(method, GRID)
        depths = torch.stack([stream(frame.rgb).clone() for frame in frames])
        pairs = [absrel(depths[index], truth[index]) for index in scored]
        result[method] = {
            "absrel": statistics.mean(pair[0] for pair in pairs),
            "delta1": statistics.mean(pair[1] for pair in pairs),
        }
        if camera == STATIC:
            result[method]["flicker"] = flicker(depths[-STEADY:], truth[-STEADY:])
    return result


def _means(
    scores: Sequence[Mapping[str, Mapping[str, float]]],
) -> dict[str, dict[str, float]]:
    return {
        method: {
            name: statistics.mean(each[method][name] for each in scores)
            for name in scores[0][method]
        }
        for method in METHODS
    }
