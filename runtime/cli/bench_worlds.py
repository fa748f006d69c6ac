"""`stereocast bench depth-quality` on rendered worlds: errors as specified, or a network's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stereocast.runtime.cli.progress import progress
from stereocast.runtime.cli.sessions import depth_files

if TYPE_CHECKING:
    from stereocast.bench.depth_quality.clips import HeldOut
    from stereocast.engine.depth.stage import DepthStage

_DRAWN = 4  # worlds at most


@dataclass(frozen=True)
class Wanted:
    """What the user asked for.

    count, frames, size  of the worlds; size is (width, height)
    weights              of networks by name; empty: the shipped ones
    pictures             folder for pictures; None: none
    tuning               worlds that tuning may look at, instead of those that are for scores
    """

    count: int
    frames: int
    size: tuple[int, int]
    weights: Mapping[str, Path]
    pictures: Path | None
    tuning: bool = False

    def held_out(self, folder: Path) -> HeldOut:
        """Return the worlds, kept in a folder."""
        from stereocast.bench.depth_quality.clips import HeldOut
        from stereocast.training.refine_clips import ClipShape
        from stereocast.training.scenes.seeds import SCORE_SEEDS, VALIDATION_SEEDS

        shape = ClipShape(self.frames, self.size[1], self.size[0])
        seeds = VALIDATION_SEEDS if self.tuning else SCORE_SEEDS
        return HeldOut(folder, shape, self.count, seeds.start)

    def few(self, folder: Path) -> HeldOut:
        """Return those that are drawn."""
        return replace(self.held_out(folder), count=min(self.count, _DRAWN))


def score_specified(wanted: Wanted, folder: Path, *, long: int, proxy: bool) -> dict[str, Any]:
    """Return the report on a teacher with specified errors; `folder` keeps the worlds."""
    import torch

    from stereocast.bench.depth_quality import run as bench
    from stereocast.bench.depth_quality.clips import HeldOut
    from stereocast.training.refine_clips import ClipShape
    from stereocast.training.scenes.seeds import DRIFT_SEEDS

    torch.set_num_threads(1)
    width, height = wanted.size
    plan = bench.Plan(
        held_out=wanted.held_out(folder),
        long=HeldOut(folder, ClipShape(300, height, width), long, DRIFT_SEEDS.start)
        if long
        else None,
        weights=wanted.weights or bench.built_in_weights(),
        proxy=proxy,
    )
    with progress("depth quality", plan.steps(), unit="clips") as advance:
        report = bench.run(plan, lambda _: advance())
    if wanted.pictures is not None:
        clips = wanted.few(folder).load(lambda: None)
        _say(bench.draw(plan, wanted.pictures, clips))
    return report


def score_network(wanted: Wanted, folder: Path, model: str) -> dict[str, Any]:
    """Return the report on a network's own errors; `folder` keeps the worlds."""
    import torch

    from stereocast.bench.depth_quality import network_run as bench
    from stereocast.bench.depth_quality.run import built_in_weights

    torch.set_num_threads(1)
    weights = wanted.weights or built_in_weights()
    plan = bench.NetworkPlan(wanted.held_out(folder), model, weights)
    with progress("depth quality", plan.steps(), unit="clips") as advance:
        report = bench.run(plan, opened, lambda _: advance())
    if wanted.pictures is not None:
        clips = wanted.few(folder).load(lambda: None)
        _say(bench.draw(plan, opened, wanted.pictures, clips))
    return report


def opened(model: str, grid: tuple[int, int]) -> DepthStage[Any]:
    """Return the depth stage of a model that is here, for pictures of just its grid."""
    from stereocast.engine.session import DepthConfig
    from stereocast.runtime.depth import open_depth

    config = DepthConfig(model=model, height=grid[0], width=grid[1], fit=False)
    return open_depth(config, grid, depth_files(1)).stage


def _say(files: list[Path]) -> None:
    for file in files:
        typer.echo(str(file), err=True)
