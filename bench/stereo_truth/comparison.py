"""Every method on the same clips: the scores of each, averaged over the frames of a clip."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from stereocast.bench.stereo_truth import artefacts
from stereocast.bench.stereo_truth.clips import Clip
from stereocast.bench.stereo_truth.methods import BASELINES, OURS, Eye, Make, ours
from stereocast.bench.stereo_truth.scores import edge_band, psnr, ssim
from stereocast.training.scenes import TruthFrame

METRICS = (
    "psnr", "ssim", "visible_psnr", "occluded_psnr", "occluded_ssim", "outside_psnr", "edge_psnr",
    "flicker", "flicker_occluded", "leakage", "consistency_psnr", "cpu_ms",
)  # fmt: skip
"""What is scored; `Row.scores` has them all, NaN where a clip cannot tell."""

THE_TRUTH = "the true right eye"
"""A row of its own: how high consistency can get."""


@dataclass(frozen=True)
class Row:
    """The scores of one method on one clip, means over its frames."""

    depth: str
    clip: str
    method: str
    scores: Mapping[str, float]


class Clips(Protocol):
    """Whatever can give its clips, one after the other."""

    def clips(self) -> Iterator[Clip]:
        """Render or load the clips, one at a time."""


def run(
    clips: Clips,
    methods: Mapping[str, Make] | None = None,
    *,
    advance: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Return a row for every clip and method, and one for the truth itself.

    methods  compared beside one another; None: ours and every baseline
    advance  called after every frame of every clip
    """
    if methods is None:
        methods = {OURS: ours, **BASELINES}
    rows = []
    for clip in clips.clips():
        eyes = {name: make() for name, make in methods.items()}
        kept: dict[str, list[dict[str, float]]] = {name: [] for name in (*eyes, THE_TRUTH)}
        errors: dict[str, Tensor] = {}
        hidden: Tensor | None = None
        for frame, given in zip(clip.frames, clip.given, strict=True):
            judge = _Judge(frame, hidden)
            hidden = judge.hidden
            for name, (view, cpu_ms) in _views(eyes, frame, given).items():
                error = artefacts.error_levels(view, frame.right)
                scores = judge.scores(view, error, errors.get(name))
                errors[name] = error
                kept[name].append(scores | {"cpu_ms": cpu_ms})
            advance()
        rows += [Row(clip.depth, clip.name, name, mean_scores(f)) for name, f in kept.items()]
    return rows


def mean_scores(frames: list[dict[str, float]]) -> dict[str, float]:
    """Return the mean of every metric over the frames that have it; NaN where none has."""
    means = {}
    for name in METRICS:
        values = torch.tensor([frame[name] for frame in frames if name in frame])
        values = values[~values.isnan()].double()
        means[name] = float(values.mean())  # of nothing: NaN
    return means


def _views(
    eyes: Mapping[str, Eye], frame: TruthFrame, given: Tensor
) -> dict[str, tuple[Tensor, float]]:
    views = {THE_TRUTH: (frame.right, 0.0)}
    for name, eye in eyes.items():
        began = time.process_time()
        view, _ = eye(frame.left, given)
        views[name] = view, (time.process_time() - began) * 1e3
    return views


class _Judge:
    """Scores right eyes of one frame; masks that all methods share are made once."""

    def __init__(self, frame: TruthFrame, hidden_before: Tensor | None) -> None:
        self._frame = frame
        self.hidden = frame.occluded > artefacts.HIDDEN
        self._now_or_before = None if hidden_before is None else self.hidden | hidden_before
        self._visible = (1 - frame.occluded - frame.outside).clamp_min(0)
        self._edges = edge_band(frame.right_disparity)

    def scores(self, view: Tensor, error: Tensor, earlier: Tensor | None) -> dict[str, float]:
        """Return the scores of one view; those of flicker only if there is an earlier error."""
        frame = self._frame
        found = {
            "psnr": psnr(view, frame.right),
            "ssim": ssim(view, frame.right),
            "visible_psnr": psnr(view, frame.right, self._visible),
            "occluded_psnr": psnr(view, frame.right, frame.occluded),
            "occluded_ssim": ssim(view, frame.right, self.hidden),
            "outside_psnr": psnr(view, frame.right, frame.outside),
            "edge_psnr": psnr(view, frame.right, self._edges),
            "leakage": artefacts.leakage(view, frame.right, self.hidden, frame.right_disparity),
            "consistency_psnr": artefacts.consistency(
                view, frame.left, frame.disparity, frame.right_disparity
            ),
        }
        if earlier is not None and self._now_or_before is not None:
            found["flicker"] = artefacts.flicker(error, earlier)
            found["flicker_occluded"] = artefacts.flicker(error, earlier, self._now_or_before)
        return found
