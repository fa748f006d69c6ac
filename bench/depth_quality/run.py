"""The whole comparison of refiners on held-out worlds: tables, gates and pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from stereocast.bench.depth_quality.clips import HeldOut, ScoredClip
from stereocast.bench.depth_quality.gates import Scores, gates
from stereocast.bench.depth_quality.methods import RAW, STRONG, Method, Options, baselines, net
from stereocast.bench.depth_quality.score import Told, means, score
from stereocast.bench.depth_quality.strips import depth_strips, time_slices
from stereocast.bench.depth_quality.tables import bin_table, gate_table, score_table
from stereocast.engine.errors import ConfigError
from stereocast.engine.refine.config import CORES
from stereocast.engine.refine.network import RefineNetwork
from stereocast.engine.refine.weights import built_in, load_network
from stereocast.runtime import machine
from stereocast.training.scenes.png import save_png


@dataclass(frozen=True)
class Plan:
    """What to compare.

    held_out  the clips
    long      long clips for drift; None: not measured
    weights   files of networks by name; a name begins with its core
    proxy     whether the teacher says nothing of its errors
    """

    held_out: HeldOut
    long: HeldOut | None
    weights: Mapping[str, Path]
    proxy: bool = False

    def networks(self) -> dict[str, Method]:
        """Return the refiners with networks, by name. Raises ConfigError for a name."""
        networks = named_networks(self.weights)
        return {f"net, {name}": net(network) for name, network in networks.items()}

    def steps(self) -> int:
        """Return how often `told` will be called at most."""
        methods = len(baselines()) + len(self.weights)
        refiners = len(self.weights) + 1
        long = 0 if self.long is None else self.long.count * (len(self.weights) + 1)
        return self.held_out.count * (1 + methods + refiners) + long


def named_networks(weights: Mapping[str, Path]) -> dict[str, RefineNetwork]:
    """Return the networks of files; a name begins with its core, else ConfigError is raised."""
    networks = {}
    for name, path in weights.items():
        core = name.partition("-")[0]
        if core not in CORES:
            raise ConfigError(f"--weights {name}: a name begins with {' or '.join(CORES)}")
        networks[name] = load_network(core, path)
    return networks


def built_in_weights() -> dict[str, Path]:
    """Return the shipped networks that are there."""
    return {core: built_in(core) for core in CORES if built_in(core).is_file()}


def run(plan: Plan, told: Told) -> dict[str, Any]:
    """Return the report; `told` is called with what was done, see `Plan.steps`."""
    networks = plan.networks()
    clips = plan.held_out.load(lambda: told("rendered"))
    methods = baselines() | networks
    seen = Options(proxy=plan.proxy)
    table = score(clips, methods, seen, told)
    blind = score(
        _cut(clips), {RAW: methods[RAW], **networks}, replace(seen, sees_cuts=False), told
    )
    long: dict[str, Any] = {}
    if plan.long is not None:
        longer = plan.long.load(lambda: told("rendered, long"))
        long = score(longer, networks, seen, told).rows
    scores = Scores(
        *({name: means(rows) for name, rows in t.items()} for t in (table.rows, blind.rows, long))
    )
    judged = {}
    for core in CORES:
        names = [name for name in networks if name.startswith(f"net, {core}")]
        if names:
            judged[core] = gates(scores, names)
    shown = [RAW, STRONG, *networks]
    bins = {name: table.by_confidence(name) for name in shown}
    by_confidence = "\n\n".join(bin_table(name, each) for name, each in bins.items())
    report: dict[str, Any] = {
        "schema": "stereocast/bench-depth-quality/1",
        "machine": machine.facts(),
        "clips": len(clips),
        "frames": plan.held_out.shape.frames,
        "size": [plan.held_out.shape.height, plan.held_out.shape.width],
        "first_seed": plan.held_out.first,
        "teacher_says_its_error": not plan.proxy,
        "methods": {name: scores.rows[name] for name in methods},
        "cuts_unseen": dict(scores.unseen),
        "long_clips": dict(scores.long),
        "gates": {
            core: [asdict(g) | {"passed": g.passed} for g in each] for core, each in judged.items()
        },
        "by_confidence": bins,
        "markdown": f"{_heading(plan)}\n\n{markdown(scores, judged)}\n\n{by_confidence}",
    }
    return {name: measured(part) for name, part in report.items()}


def _cut(clips: list[ScoredClip]) -> list[ScoredClip]:
    """Return those with a cut, one at least; for the others seeing cuts makes no difference."""
    return [each for each in clips if bool(each.clip.cut.any())] or clips[:1]


def measured(part: Any) -> Any:
    """Return a part of the report with None for what could not be measured: JSON has no NaN."""
    if isinstance(part, float) and not math.isfinite(part):
        return None
    if isinstance(part, Mapping):
        return {name: measured(value) for name, value in part.items()}
    return [measured(value) for value in part] if isinstance(part, list) else part


def _heading(plan: Plan) -> str:
    shape, first = plan.held_out.shape, plan.held_out.first
    said = "says nothing of its errors" if plan.proxy else "says its errors, more or less"
    return (
        f"{plan.held_out.count} held-out worlds × {shape.frames} frames at "
        f"{shape.height}×{shape.width}, seeds from {first} on; the teacher {said}. Means over "
        "worlds; frames from 4 on."
    )


def markdown(scores: Scores, judged: Mapping[str, Any]) -> str:
    """Return the tables of scores and gates."""
    parts = [score_table(scores.rows)]
    parts += [f"Gates of `{core}`:\n\n{gate_table(each)}" for core, each in judged.items()]
    return "\n\n".join(parts)


def draw(plan: Plan, folder: Path, clips: list[ScoredClip]) -> list[Path]:
    """Write x-t slices and depth strips of the clips and return the files."""
    methods = baselines()
    shown = {name: methods[name] for name in (RAW, STRONG)} | plan.networks()
    options, files = Options(proxy=plan.proxy), []
    folder.mkdir(parents=True, exist_ok=True)
    for scored in clips:
        for name, made in (("slices", time_slices), ("strips", depth_strips)):
            path = folder / f"{name}-{scored.seed}-{scored.clip.motion}.png"
            save_png(made(scored, shown, options), path)
            files.append(path)
    return files
