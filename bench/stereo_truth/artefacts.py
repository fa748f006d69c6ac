"""What viewers complain about, as numbers: flicker, leaking foreground, eyes that disagree.

Pictures are [3, H, W] uint8, masks and maps [H, W]; where nothing can be judged the score is NaN.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stereocast.bench.stereo_truth.scores import PEAK

HIDDEN = 0.5
"""A pixel of the right eye counts as disoccluded where more than this share is hidden."""

_DIFFERENT_LEVELS = 32.0  # distance of colours below which foreground and truth look alike
_INSIDE_PX = 2  # the outermost pixels of a silhouette are mixed with what is behind it
_STEP_PX = 1.0
_SAME_POINT_PX = 0.5


def error_levels(made: Tensor, truth: Tensor) -> Tensor:
    """Return made − truth as float32 [3, H, W], in 8-bit levels."""
    return made.float() - truth.float()


def flicker(error: Tensor, earlier: Tensor, region: Tensor | None = None) -> float:
    """Return how much the error changed since the frame before: mean |Δ| in 8-bit levels.

    A picture that moves does not flicker; an error that comes and goes does.

    error, earlier  float32 [3, H, W], made − truth of this frame and of the one before
    region          bool [H, W], where to look; None: everywhere
    """
    change = (error - earlier).abs().mean(dim=0)
    return float(change.mean() if region is None else change[region].mean())


def leakage(made: Tensor, truth: Tensor, hidden: Tensor, disparity: Tensor) -> float:
    """Return the share of disoccluded pixels that show the colour of the object beside them.

    In a right eye the object stands at the left end of a disocclusion. A pixel leaks if its colour
    is nearer to that object's (in the truth, two pixels inside its silhouette) than to the true
    one. Only pixels whose true colour is clearly another than the object's can tell.

    hidden     bool [H, W], disoccluded pixels inside the left eye's frame
    disparity  float32 [H, W], the true one of the right eye
    """
    columns = torch.arange(hidden.shape[1]).expand(hidden.shape)
    beside = torch.where(hidden, -1, columns).cummax(dim=1).values - _INSIDE_PX
    index = beside.clamp_min(0)
    in_front = disparity.gather(1, index) - disparity > _STEP_PX
    foreground = truth.float().gather(2, index.expand_as(truth))
    true, shown = truth.float(), made.float()
    is_telling = (true - foreground).norm(dim=0) > _DIFFERENT_LEVELS
    judged = hidden & (beside >= 0) & in_front & is_telling
    leaks = (shown - foreground).norm(dim=0) < (shown - true).norm(dim=0)
    return float(leaks[judged].double().mean())


def consistency(made: Tensor, left: Tensor, disparity: Tensor, right_disparity: Tensor) -> float:
    """Return how well the made right eye agrees with the left one, as PSNR in dB.

    Every point of the left eye that the right eye sees too is looked up in the made right eye, at
    its true place, by linear interpolation: that alone costs some dB, so compare with the score of
    the true right eye.

    disparity, right_disparity  float32 [H, W], the true ones at either eye's pixels
    """
    width = disparity.shape[1]
    place = torch.arange(width, dtype=torch.float32) - disparity
    floor = place.floor()
    share = (place - floor).clamp(0, 1)
    first = floor.long().clamp(0, width - 1)
    second = (first + 1).clamp_max(width - 1)
    is_seen = (place >= 0) & (place <= width - 1)
    for index in (first, second):
        is_seen &= (right_disparity.gather(1, index) - disparity).abs() < _SAME_POINT_PX
    shown = made.float()
    a, b = (shown.gather(2, index.expand_as(made)) for index in (first, second))
    squared = (a + (b - a) * share - left.float()).square().mean(dim=0)[is_seen].double()
    if squared.numel() == 0:
        return math.nan
    error = float(squared.mean())
    return math.inf if error == 0 else 10 * math.log10(PEAK**2 / error)
