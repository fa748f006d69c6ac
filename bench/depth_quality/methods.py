"""Every way to steady a teacher's depth: ours and the baselines that it has to beat.

All see the same pictures, motion and teacher, frame by frame, and answer with log metres.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from stereocast.engine.refine.network import RefineNetwork
from stereocast.engine.refine.reliability import Reliability
from stereocast.engine.refine.scales import MetricScale
from stereocast.engine.refine.step import Observation, Refiner, Tuning
from stereocast.training.corruption import Teacher
from stereocast.training.refine_clips import RefineClip
from stereocast.training.teachers import DT_S

TUNED = Path(__file__).with_name("baselines.json")
"""Settings of the smoothing baselines, written by `python -m stereocast.bench.depth_quality`."""
GATES = (2, 3, 4)
RAW, STRONG = "raw teacher", "classic, MC + zero motion, gate 4"
_RESTING = Reliability(constant=0.0, slope=0.0, change=0.0, own=1.0)


@dataclass(frozen=True)
class Answer:
    """What a method made of a clip, float32 [T, h, w].

    log_depth  log metres
    change     answer − aligned teacher; None for methods without a bound
    hits       bool, where the bound was hit; None likewise
    """

    log_depth: Tensor
    change: Tensor | None = None
    hits: Tensor | None = None


@dataclass(frozen=True)
class Options:
    """What a run of the step is told.

    sees_cuts  whether the scene detector sees cuts
    proxy      whether the teacher says nothing of its error, so that the proxy serves
    """

    sees_cuts: bool = True
    proxy: bool = False


Method = Callable[[RefineClip, Teacher, Options], Answer]


def raw(clip: RefineClip, teacher: Teacher, options: Options) -> Answer:
    """Return the teacher."""
    return Answer(teacher.log_depth)


def ema(share: float) -> Method:
    """Return exponential smoothing that keeps `share` of the history."""

    def run(clip: RefineClip, teacher: Teacher, options: Options) -> Answer:
        answers = [teacher.log_depth[0]]
        for index in range(1, clip.frames):
            keep = 0.0 if clip.cut[index] and options.sees_cuts else share
            answers.append(torch.lerp(teacher.log_depth[index], answers[-1], keep))
        return Answer(torch.stack(answers))

    return run


def bilateral(share: float, deviation: float, picture_deviation: float) -> Method:
    """Return smoothing whose history counts less where depth or picture have changed.

    share              of the history where nothing has changed
    deviation          change of log depth at which it counts e^−½ as much
    picture_deviation  change of grey, of 1, at which it does
    """

    def run(clip: RefineClip, teacher: Teacher, options: Options) -> Answer:
        grey = clip.picture.float().mean(1) / 255
        answers = [teacher.log_depth[0]]
        for index in range(1, clip.frames):
            if clip.cut[index] and options.sees_cuts:
                answers.append(teacher.log_depth[index])
                continue
            depth = (teacher.log_depth[index] - answers[-1]) / deviation
            picture = (grey[index] - grey[index - 1]) / picture_deviation
            keep = share * torch.exp(-(depth.square() + picture.square()) / 2)
            answers.append(torch.lerp(teacher.log_depth[index], answers[-1], keep))
        return Answer(torch.stack(answers))

    return run


def classic(*, motion: bool = True, gate: int = 4) -> Method:
    """Return the filter; without motion everything is taken to rest."""

    def run(clip: RefineClip, teacher: Teacher, options: Options) -> Answer:
        flow = clip.flow if motion else torch.zeros_like(clip.flow)
        return _refined(replace(clip, flow=flow), teacher, options, gate=gate)

    return run


def plain_motion(gate: int = 4) -> Method:
    """Return the filter along motion that was matched without preferring rest."""
    from stereocast.kernels.flow import block_matching

    def run(clip: RefineClip, teacher: Teacher, options: Options) -> Answer:
        flow = torch.zeros_like(clip.flow)
        for index in range(1, clip.frames):
            flow[index] = block_matching(
                clip.picture[index - 1], clip.picture[index], still_gate=0.0
            )
        return _refined(replace(clip, flow=flow), teacher, options, gate=gate)

    return run


def net(network: RefineNetwork) -> Method:
    """Return the filter that a network corrects."""

    def run(clip: RefineClip, teacher: Teacher, options: Options) -> Answer:
        return _refined(clip, teacher, options, network=network)

    return run


def smoothing(settings: Iterable[tuple[float, ...]]) -> dict[str, Method]:
    """Return exponential smoothing (share,) and bilateral (share, deviation, of the picture)."""
    methods: dict[str, Method] = {}
    for setting in settings:
        said = ", ".join(f"{number:g}" for number in setting)
        if len(setting) == 1:
            methods[f"EMA {said}"] = ema(*setting)
        else:
            methods[f"bilateral {said}"] = bilateral(*setting)
    return methods


def tuned_smoothing() -> dict[str, Method]:
    """Return exponential and bilateral smoothing with the settings of `TUNED`."""
    tuned = json.loads(TUNED.read_text(encoding="utf-8"))
    return smoothing([tuple(each) for each in tuned["ema"] + tuned["bilateral"]])


def baselines() -> dict[str, Method]:
    """Return everything that needs no weights, by name; the raw teacher first."""
    methods: dict[str, Method] = {RAW: raw}
    methods |= tuned_smoothing()
    methods["classic, no MC"] = classic(motion=False)
    methods["classic, MC"] = plain_motion()
    methods |= {f"classic, MC + zero motion, gate {gate}": classic(gate=gate) for gate in GATES}
    return methods


@torch.no_grad()
def _refined(
    clip: RefineClip, teacher: Teacher, options: Options, *, gate: int = 4,
    network: RefineNetwork | None = None,
) -> Answer:  # fmt: skip
    tuning = Tuning(gate=gate, reliability=Reliability() if options.proxy else _RESTING)
    refiner = Refiner(MetricScale(), tuning, network)
    height, width = clip.log_depth.shape[1:]
    memory = refiner.init(1, (height, width))
    results = []
    for index in range(clip.frames):
        if clip.cut[index] and options.sees_cuts:
            memory = replace(memory, frames=torch.zeros_like(memory.frames))
        observation = Observation(
            teacher.log_depth[index][None].exp(), clip.picture[index][None],
            clip.flow[index][None], torch.full((1,), DT_S), torch.ones(1),
            None if options.proxy else teacher.sigma[index][None],
        )  # fmt: skip
        memory, refined = refiner.step(memory, observation)
        results.append(refined)
    return Answer(
        torch.cat([each.answer for each in results]),
        torch.cat([each.change for each in results]),
        torch.cat([each.hits for each in results]),
    )
