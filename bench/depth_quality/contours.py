"""`python -m stereocast.bench.depth_quality.contours`: how much of the errors lies at contours.

A teacher's contours shift by parts of a pixel. Beside a far sky that is more than any bound on a
refiner lets it move depth, so part of a teacher's error cannot be refined away: `bound` is the
truth, as near as that bound lets an answer come to it. `exact motion` is the filter along the
motion of everything that rests, from exact depth and poses instead of from pictures.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor
from torch.nn.functional import max_pool2d

from stereocast.bench.depth_quality.clips import HeldOut, ScoredClip
from stereocast.bench.depth_quality.measures import (
    FIRST_FRAME,
    Measures,
    alignment,
    confidence_of,
)
from stereocast.bench.depth_quality.methods import RAW, Answer, Method, Options, classic, net, raw
from stereocast.bench.depth_quality.run import built_in_weights
from stereocast.bench.depth_quality.score import means
from stereocast.bench.depth_quality.tables import score_table
from stereocast.engine.errors import StereocastError
from stereocast.engine.refine.scales import MetricScale
from stereocast.engine.refine.step import Tuning
from stereocast.engine.refine.weights import load_network
from stereocast.kernels import refine
from stereocast.training.corruption import Teacher
from stereocast.training.progress import progress
from stereocast.training.refine_clips import ClipShape, RefineClip
from stereocast.training.scenes.poses import pixels, world_points
from stereocast.training.scenes.seeds import VALIDATION_SEEDS

SHAPE = ClipShape(64, 96, 128)
STEEP = 0.05
"""Exact log depth that changes by more from pixel to pixel is a contour, …"""
REACH = 2
"""… and so is what lies within so many pixels of it."""


def bounded(clip: RefineClip, teacher: Teacher, options: Options) -> Answer:
    """Return the truth, as near as the refiner's bound lets an answer come to it."""
    tuning, depth = Tuning(), teacher.log_depth
    limits = (tuning.alpha, MetricScale.nearest_m, tuning.gamma)
    reach = refine.bound(depth, confidence_of(teacher.sigma), limits)
    return Answer(depth + (clip.log_depth - depth).clamp(-reach, reach))


def exact_motion(clip: RefineClip, teacher: Teacher, options: Options) -> Answer:
    """Return the filter's answer along the exact motion of what rests."""
    flow = torch.zeros_like(clip.flow)
    height, width = clip.log_depth.shape[1:]
    for index in range(1, clip.frames):
        if not clip.cut[index]:
            points = world_points(clip.camera(index), clip.log_depth[index].exp())
            x, y = pixels(clip.camera(index - 1), points)[1]
            moved = x - torch.arange(width) - 0.5, y - torch.arange(height)[:, None] - 0.5
            flow[index] = torch.stack(moved)[:, ::2, ::2].clamp(-width, width)
    return classic()(replace(clip, flow=flow), teacher, options)


def at_contours(log_depth: Tensor) -> Tensor:
    """Return where exact log depth [T, h, w] is at a contour, bool."""
    steep = (refine.slope(log_depth) > STEEP).float()[:, None]
    return max_pool2d(steep, 2 * REACH + 1, 1, REACH)[:, 0] > 0


def split(scored: ScoredClip, answer: Answer) -> Measures:
    """Return AbsRel and TAE, at contours and elsewhere; the parts of AbsRel sum to the whole."""
    clip, depth = scored.clip, answer.log_depth
    near = at_contours(clip.log_depth)
    error = (depth - clip.log_depth).expm1().abs()[FIRST_FRAME:]
    late = near[FIRST_FRAME:]
    rest = {pair: seen & ~near[pair[0]] for pair, seen in scored.pairs.items()}
    edge = {pair: seen & near[pair[0]] for pair, seen in scored.pairs.items()}
    return {
        "contours": float(late.float().mean()),
        "AbsRel, at contours": float((error * late).mean()),
        "AbsRel, elsewhere": float((error * ~late).mean()),
        "TAE, at contours": alignment(clip, edge, depth, 1),
        "TAE, elsewhere": alignment(clip, rest, depth, 1),
    }


def contours(
    worlds: Annotated[int, typer.Option(min=1, help="Worlds of the validation.")] = 8,
    cache: Annotated[Path | None, typer.Option(help="Keep rendered worlds here.")] = None,
) -> None:
    """Print which share of the errors of teacher, filter and shipped networks lies at contours.

    \b
    python -m stereocast.bench.depth_quality.contours
    """
    torch.set_num_threads(1)
    methods: dict[str, Method] = {RAW: raw, "bound": bounded, "classic": classic()}
    methods["classic, exact motion"] = exact_motion
    for core, path in built_in_weights().items():
        methods[f"net, {core}"] = net(load_network(core, path))
    with tempfile.TemporaryDirectory() as draft:
        held_out = HeldOut(cache or Path(draft), SHAPE, worlds, VALIDATION_SEEDS.start)
        with progress("worlds", worlds) as rendered:
            clips = held_out.load(lambda: rendered(""))
    rows: dict[str, list[Measures]] = {name: [] for name in methods}
    with progress("methods", worlds * len(methods)) as scored:
        for clip in clips:
            for name, method in methods.items():
                rows[name].append(split(clip, method(clip.clip, clip.teacher, Options())))
                scored("")
    table = {name: means(each) for name, each in rows.items()}
    print(score_table(table, tuple(table[RAW])))


if __name__ == "__main__":
    try:
        typer.run(contours)
    except StereocastError as error:
        sys.exit(f"error: {error}")
