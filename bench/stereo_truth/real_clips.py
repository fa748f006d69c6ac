"""Real stereo clips: the right eye of the camera is the truth, matched disparity the depth.

The recipe is §7 of the README beside the outside data; our own matching stands in for the one used
there, so that rows that depend on it differ a little. What is on disk is read in real_pairs.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from stereocast.bench.stereo_truth import flat_cues
from stereocast.bench.stereo_truth.comparison import METHODS, Row
from stereocast.bench.stereo_truth.methods import CONSTANT, COPY, RAMP, Make
from stereocast.bench.stereo_truth.real_pairs import MOTORCYCLE, NAMES, Pair, pairs
from stereocast.bench.stereo_truth.scores import inner_ssim, psnr

MATCHED = "matched"
ORACLE = "plain renderer (oracle)"
MARGIN_PX = 24

PUBLISHED_ORACLE_DB = {
    "google_plaza": 26.65,
    "congo yaw0": 24.84,
    "congo yaw90": 26.54,
    "iceland yaw0": 37.81,
    MOTORCYCLE: 21.61,
}
"""PSNR that the oracle reaches in that README, with its own matching."""

_SCORES = ("psnr", "ssim", "cpu_ms")


def run_real(
    folder: Path,
    methods: Mapping[str, Make] = METHODS,
    *,
    advance: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Return a row for every real clip under `folder`/stereo and every method, and the oracle's.

    Copy, constant and ramp are fitted to known disparities only and drawn by the plain renderer,
    as is the oracle. Raises ConfigError if a file is missing.
    """
    rows = (run_clip(folder, name, methods, advance=advance) for name in NAMES)
    return [row for clip in rows for row in clip]


def run_clip(
    folder: Path,
    name: str,
    methods: Mapping[str, Make],
    *,
    advance: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Return the rows of one real clip; its frames lie 20 apart, so each is a start of its own."""
    kept: dict[str, list[tuple[float, float, float]]] = {}
    for pair in pairs(folder, name):
        given = pair.completed()
        for method, view in _flat_views(pair, given):
            kept.setdefault(method, []).append((*_scores(view, pair.right), math.nan))
        for method, make in methods.items():
            if method not in (COPY, CONSTANT, RAMP):
                began = time.process_time()
                view, _ = make()(pair.left, given)
                cpu_ms = (time.process_time() - began) * 1e3
                kept.setdefault(method, []).append((*_scores(view, pair.right), cpu_ms))
        advance()
    rows = []
    for method, scores in kept.items():
        means = torch.tensor(scores, dtype=torch.float64).mean(dim=0).tolist()
        rows.append(Row(MATCHED, name, method, dict(zip(_SCORES, means, strict=True))))
    return rows


def _flat_views(pair: Pair, given: Tensor) -> Iterator[tuple[str, Tensor]]:
    cues = {
        COPY: torch.zeros_like(given),
        CONSTANT: flat_cues.constant_shift(pair.disparity, pair.valid),
        RAMP: flat_cues.row_ramp(pair.disparity, pair.valid),
        ORACLE: given,
    }
    for name, disparity in cues.items():
        yield name, flat_cues.draw(pair.left, disparity)[0]


def _scores(made: Tensor, truth: Tensor) -> tuple[float, float]:
    inner = slice(MARGIN_PX, -MARGIN_PX)
    level = psnr(made[:, inner, inner], truth[:, inner, inner])
    return level, inner_ssim(made, truth, MARGIN_PX)
