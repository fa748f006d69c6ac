"""Scores on real stereo clips: the left eye's depth against the disparity both eyes agree on.

Every frame of a clip is streamed; every twentieth is scored, as `stereo_truth.real_pairs` says.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from stereocast.bench.stereo_truth.real_pairs import MOTORCYCLE, NAMES, Pair, left_eyes, pairs
from stereocast.bench.tiny_depth.methods import METHODS, Streams
from stereocast.bench.tiny_depth.scores import absrel, disparity_error, resized

WIDTH_PX = 320
"""Errors are told for pictures of this width."""

PROBE = {
    "google_plaza": ("error_px", 0.661),
    "congo yaw0": ("error_px", 1.255),
    "congo yaw90": ("error_px", 0.898),
    "iceland yaw0": ("error_px", 1.403),
    MOTORCYCLE: ("absrel", 0.138),
}
"""What a one-hour probe of a single-frame network reached, with another matching."""
PROBES_RAMP = {
    "google_plaza": 0.709,
    "congo yaw0": 1.375,
    "congo yaw90": 1.101,
    "iceland yaw0": 1.371,
    MOTORCYCLE: 0.141,
}
"""The row ramp by that matching: of both, the share is what can be compared."""

_FOCAL_BASELINE_PX_M, _OFFSET_PX, _FULL_WIDTH_PX = 994.978 * 0.193001, 31.086, 741


def run(
    streams: Streams, folder: Path, *, told: Callable[[], None]
) -> dict[str, dict[str, dict[str, float]]]:
    """Return clip → method → mean `error_px` at 320 wide, and mean `r`.

    folder  holds stereo/ with the clips. Raises ConfigError if one is missing.
    """
    report = {}
    for name in NAMES:
        known = list(pairs(folder, name))
        eyes = [known[0].left] if name == MOTORCYCLE else list(left_eyes(folder, name))
        report[name] = {
            method: _scored(name, streams.make(method, _size(known)), eyes, known)
            for method in METHODS
        }
        told()
    return report


def _size(known: list[Pair]) -> tuple[int, int]:
    height, width = known[0].disparity.shape
    return height, width


def _scored(
    name: str, stream: Callable[[Tensor], Tensor], eyes: list[Tensor], known: list[Pair]
) -> dict[str, float]:
    """Stream all left eyes; score those that a pair is known of."""
    waiting, found = list(known), []
    for rgb in eyes:
        depth = stream(rgb)
        if waiting and torch.equal(rgb, waiting[0].left):
            pair = waiting.pop(0)
            cue = resized(depth, (pair.disparity.shape[0], pair.disparity.shape[1]))
            found.append(disparity_error(cue, pair.disparity, pair.valid))
    scale = WIDTH_PX / known[0].disparity.shape[1]
    scores = {
        "error_px": scale * statistics.mean(each[0] for each in found),
        "r": statistics.mean(each[1] for each in found),
    }
    if name == MOTORCYCLE:
        cue = resized(depth, _size(known))
        scores["absrel"], scores["delta1"] = absrel(cue, _metres(known[0]))
    return scores


def _metres(pair: Pair) -> Tensor:
    """Return the motorcycle's depth, metres, 0 where unknown; §4 of the README beside the data."""
    disparity = pair.disparity * (_FULL_WIDTH_PX / pair.disparity.shape[1])
    return torch.where(pair.valid, _FOCAL_BASELINE_PX_M / (disparity + _OFFSET_PX), 0.0)
