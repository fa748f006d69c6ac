"""The measures of one clip: how true a method's depth is, where, and how steady.

All in log depth where nothing is said; frames from 4 on count, so that every method has a history.
TAE rewards who does not move, OPW who blurs: no measure stands alone.
Source: TAE and TGM as in Video-Depth-Anything (Chen et al. 2025), on the masks that exact scenes
allow, TAE sampled bilinearly; OPW as in NVDS (Wang et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor

from stereocast.bench.depth_quality.clips import ScoredClip
from stereocast.bench.depth_quality.methods import Answer
from stereocast.engine.refine.motion import carried
from stereocast.training.scenes.poses import Posed, carried_depth

FIRST_FRAME = 4
SURE = 0.6
"""Confidence above which a teacher counts as sure."""
BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Edges of the table by confidence."""
_AFTER_CUT = 4
_SMALL_CHANGE = 0.05
_MEDIAN_FRAMES = 30
_BASELINE_PX = 10.0  # of the product measure: parallax of a thing at one metre, pixels at this size

Measures = dict[str, float]


def measure(scored: ScoredClip, answer: Answer) -> Measures:
    """Return every measure of one method on one clip; NaN where a clip has nothing to measure."""
    return (
        truth(scored, answer.log_depth)
        | _steadiness(scored, answer.log_depth)
        | _drift(scored, answer.log_depth)
        | _restraint(scored, answer)
    )


def confidence_of(sigma: Tensor) -> Tensor:
    """Return the confidence that a said error stands for."""
    return torch.exp(-sigma / 0.02).clamp(0.02, 1)


def by_confidence(scored: ScoredClip, answer: Answer) -> list[Measures]:
    """Return AbsRel, RMSE in log, temporal variance and mean change in bins of confidence."""
    confidence = confidence_of(scored.teacher.sigma)[FIRST_FRAME:]
    error = (answer.log_depth - scored.clip.log_depth)[FIRST_FRAME:]
    flicker = answer.log_depth.diff(dim=0) - scored.clip.log_depth.diff(dim=0)
    flicker = flicker[FIRST_FRAME - 1 :]
    change = (answer.log_depth - scored.teacher.log_depth)[FIRST_FRAME:].abs()
    rows = []
    for low, high in pairwise(BINS):
        inside = (confidence > low) & (confidence <= high)
        rows.append(
            {
                "pixels": float(inside.float().mean()),
                "AbsRel": _mean(error.expm1().abs(), inside),
                "RMSE": math.sqrt(_mean(error.square(), inside)),
                "variance": _mean(flicker.square(), inside),
                "change": _mean(change, inside),
            }
        )
    return rows


def truth(scored: ScoredClip, log_depth: Tensor) -> Measures:
    """Return how far log depth [T, h, w] is from the truth, over all and where it is hard."""
    clip = scored.clip
    error = (log_depth - clip.log_depth).expm1().abs()
    late = torch.zeros(error.shape, dtype=torch.bool)
    late[FIRST_FRAME:] = True
    sure = confidence_of(scored.teacher.sigma) > SURE
    wrong = (log_depth - clip.log_depth).abs()
    after = torch.zeros_like(late)
    for index in clip.cut.nonzero().flatten().tolist():
        after[index : index + _AFTER_CUT] = True
    return {
        "AbsRel": _mean(error, late),
        "d1.05": _mean((wrong < math.log(1.05)).float(), late),
        "d1.25": _mean((wrong < math.log(1.25)).float(), late),
        "RMSE log": math.sqrt(_mean(wrong.square(), late)),
        "AbsRel moving": _mean(error, late & scored.moving),
        "AbsRel band": _mean(error, late & scored.band),
        "AbsRel sure": _mean(error, late & sure),
        "AbsRel after cut": _mean(error, after),
    }


def _steadiness(scored: ScoredClip, log_depth: Tensor) -> Measures:
    clip = scored.clip
    change, exact = log_depth.diff(dim=0), clip.log_depth.diff(dim=0)
    wrong = (change - exact).abs()
    uncut = ~clip.cut[1:, None, None]
    counted = uncut & (exact.abs() < _SMALL_CHANGE)
    counted[: FIRST_FRAME - 1] = False
    still = scored.still[1:].clone()
    still[: FIRST_FRAME - 1] = False
    return {
        "TGM": _mean(wrong, counted),
        "flicker": _mean(wrong, still),
        "TAE": alignment(scored.clip, scored.pairs, log_depth, 1),
        "TAE5": alignment(scored.clip, scored.pairs, log_depth, 5),
        "OPW": _warped(scored, log_depth),
        "pop px": _pop(log_depth, still),
    }


def alignment(
    clip: Posed, pairs: Mapping[tuple[int, int], Tensor], log_depth: Tensor, step: int
) -> float:
    """Return TAE in %: how far depth, carried by exact poses, is from the depth found there.

    pairs  which points of a frame another one sees, bool [h, w] by source and target
    """
    errors = []
    for (source, target), seen in pairs.items():
        if abs(source - target) == step and min(source, target) >= FIRST_FRAME:
            expected, found = carried_depth(clip, log_depth, source, target)
            counted = seen & expected.isfinite()
            errors.append(_mean((expected - found).expm1().abs(), counted))
    kept = [error for error in errors if math.isfinite(error)]
    return 100 * sum(kept) / len(kept) if kept else math.nan


def _warped(scored: ScoredClip, log_depth: Tensor) -> float:
    """Return OPW of metres: change along the motion, where the picture agrees."""
    clip, errors = scored.clip, []
    for index in range(FIRST_FRAME, clip.frames):
        if clip.cut[index]:
            continue
        flow = clip.flow[index][None]
        before = carried(log_depth[index - 1].exp()[None, None], flow)[0][0, 0]
        picture = carried(clip.picture[index - 1][None], flow)[0][0].float()
        difference = ((picture - clip.picture[index].float()) / 255).square().sum(0)
        agreed = torch.exp(-50 * difference)
        errors.append(float((agreed * (log_depth[index].exp() - before).abs()).mean()))
    return sum(errors) / len(errors) if errors else math.nan


def _pop(log_depth: Tensor, still: Tensor) -> float:
    """Return the largest change of parallax, px, that 99.9 % of static pixels stay below."""
    change = (_BASELINE_PX * (-log_depth).exp()).diff(dim=0).abs()[still]
    return float(change.sort().values[int(0.999 * (len(change) - 1))]) if len(change) else math.nan


def _drift(scored: ScoredClip, log_depth: Tensor) -> Measures:
    """Return the mean offset to the teacher, its slope over 300 frames, and its largest median."""
    offset = (log_depth - scored.teacher.log_depth).flatten(1).median(1).values[FIRST_FRAME:]
    time = torch.arange(len(offset)).float()
    time = time - time.mean()
    slope = float((time * offset).sum() / time.square().sum().clamp_min(1e-9))
    windows = offset.unfold(0, min(_MEDIAN_FRAMES, len(offset)), 1).median(1).values
    return {
        "bias": abs(float(offset.mean())),
        "drift": abs(slope) * 300,
        "worst median": float(windows.abs().max()),
    }


def _restraint(scored: ScoredClip, answer: Answer) -> Measures:
    if answer.change is None or answer.hits is None:
        return {"clamped": math.nan, "corr": math.nan}
    change = answer.change[FIRST_FRAME:].abs().flatten()
    doubt = 1 - confidence_of(scored.teacher.sigma)[FIRST_FRAME:].flatten()
    pair = torch.corrcoef(torch.stack((change, doubt)))[0, 1]
    return {"clamped": float(answer.hits[FIRST_FRAME:].float().mean()), "corr": float(pair)}


def _mean(values: Tensor, where: Tensor) -> float:
    count = int(where.sum())
    return float(values[where].double().mean()) if count else math.nan
