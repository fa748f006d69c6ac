"""How near a made right eye comes to the true one in a single frame: PSNR and SSIM by region.

What needs more than one frame or more than colours (flicker, leaks, consistency) is in artefacts.py.
Pictures are [3, H, W] uint8, masks [H, W]; a region without pixels scores NaN.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

PEAK = 255.0
BOX_PX = 7
EDGE_STEP_PX = 1.0
"""Neighbours whose disparities differ by more than this many pixels are a depth edge."""

_LUMA = (0.299, 0.587, 0.114)
_C1, _C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


def psnr(made: Tensor, truth: Tensor, weight: Tensor | None = None) -> float:
    """Return the PSNR in dB over all three colours, peak 255.

    weight  [H, W], how much every pixel counts; None: all the same

    Infinite where both agree; NaN where the weights sum to less than half a pixel.
    """
    squared = (made.double() - truth.double()).square().mean(dim=0)
    if weight is None:
        error = float(squared.mean())
    else:
        total = float(weight.double().sum())
        if total < 0.5:
            return math.nan
        error = float((squared * weight.double()).sum()) / total
    return math.inf if error == 0 else 10 * math.log10(PEAK**2 / error)


def luma(picture: Tensor) -> Tensor:
    """Return the BT.601 luma of [3, H, W] as float64 [H, W], 0 to 255."""
    weights = torch.tensor(_LUMA, dtype=torch.float64)
    return torch.einsum("c,chw->hw", weights, picture.double())


def similarity_map(made: Tensor, truth: Tensor, window: Tensor) -> Tensor:
    """Return the SSIM of two grey pictures [H, W] at every place where `window` fits inside.

    window  [k, k] float64, k odd, sums to 1; the result is [H − k + 1, W − k + 1]

    Moments are those of the window itself (no n / (n − 1) correction).
    Source: Wang et al. 2004, "Image quality assessment: from error visibility to structural
    similarity".
    """
    a, b = made.double(), truth.double()
    stacked = torch.stack((a, b, a * a, b * b, a * b))[:, None]
    rows, columns = window.sum(dim=1), window.sum(dim=0)  # both windows used here are separable
    moments = torch.conv2d(stacked, columns.reshape(1, 1, 1, -1))
    moments = torch.conv2d(moments, rows.reshape(1, 1, -1, 1))[:, 0]
    mean_a, mean_b = moments[0], moments[1]
    variance_a = moments[2] - mean_a.square()
    variance_b = moments[3] - mean_b.square()
    covariance = moments[4] - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    return likeness / ((mean_a.square() + mean_b.square() + _C1) * (variance_a + variance_b + _C2))


def box_window(size: int = BOX_PX) -> Tensor:
    """Return a flat window [size, size] that sums to 1."""
    return torch.full((size, size), 1 / size**2, dtype=torch.float64)


def gaussian_window(size: int = 11, sigma: float = 1.5) -> Tensor:
    """Return a Gaussian window [size, size] that sums to 1."""
    axis = torch.arange(size, dtype=torch.float64) - size // 2
    bell = torch.exp(-axis.square() / (2 * sigma**2))
    bell = bell / bell.sum()
    return bell[:, None] * bell


def ssim(made: Tensor, truth: Tensor, region: Tensor | None = None) -> float:
    """Return the SSIM of luma in 7 × 7 boxes: the mean over boxes centred in `region` bool [H, W].

    Boxes that do not fit into the picture do not count.
    """
    values = similarity_map(luma(made), luma(truth), box_window())
    if region is None:
        return float(values.mean())
    margin = BOX_PX // 2
    inner = region[margin:-margin, margin:-margin]
    return float(values[inner].mean())


def edge_band(disparity: Tensor) -> Tensor:
    """Return [H, W] bool: what lies near a step of the true disparity float32 [H, W].

    Near: at most W / 160 pixels away (4 at 640, 8 at 1280) in either direction.
    """
    sideways = (disparity[:, 1:] - disparity[:, :-1]).abs() > EDGE_STEP_PX
    down = (disparity[1:] - disparity[:-1]).abs() > EDGE_STEP_PX
    edges = torch.zeros_like(disparity)
    edges[:, 1:] += sideways
    edges[:, :-1] += sideways
    edges[1:] += down
    edges[:-1] += down
    reach = max(1, round(disparity.shape[1] / 160))
    size = 2 * reach + 1
    band = max_pool2d(edges[None], size, stride=1, padding=reach)[0]
    return band > 0
