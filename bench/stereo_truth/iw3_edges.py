"""iw3's edge dilation: near things grow a little, in proportion to how strong their edges are.

Source: nagadomi/nunif (MIT) iw3/dilation.py at d23721f, as stereo.md §3 of the design describes it;
equal to its output (tests/bench/test_stereo_truth_iw3.py).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d, pad

NETWORK_ROWS = 392
"""Short side of the depth network's picture, where iw3 dilates."""
ITERATIONS = 2

_BLUR = ((21, 31, 21), (31, 48, 31), (21, 31, 21))  # of 256


def dilate_edges(nearness: Tensor, *, across: int, down: int) -> Tensor:
    """Grow near things by about a pixel per iteration.

    nearness      float32 [H, W]
    across, down  iterations; as many as both have in common go in both directions at once
    """
    both = min(across, down)
    windows = [(3, 3)] * both + [(3, 1)] * (down - both) + [(1, 3)] * (across - both)
    for window in windows:
        strength = _edge_strength(nearness)
        grown = _largest(_blurred(nearness), window)
        nearness = nearness * (1 - strength) + grown * strength
    return nearness


def as_shipped(nearness: Tensor) -> Tensor:
    """Dilate [H, W] as iw3 does by default: scaled to the network's size, twice, scaled back."""
    height, width = nearness.shape
    scale = NETWORK_ROWS / min(height, width)
    size = (round(height * scale), round(width * scale))
    small = _resized(nearness, size)
    return _resized(dilate_edges(small, across=ITERATIONS, down=ITERATIONS), (height, width))


def _resized(nearness: Tensor, size: tuple[int, int]) -> Tensor:
    is_smaller = size[0] < nearness.shape[0]
    return interpolate(
        nearness[None, None], size=size, mode="bilinear", align_corners=False, antialias=is_smaller
    )[0, 0]


def _largest(values: Tensor, window: tuple[int, int]) -> Tensor:
    margin = (window[0] // 2, window[1] // 2)
    return max_pool2d(values[None], window, stride=1, padding=margin)[0]


def _blurred(values: Tensor) -> Tensor:
    kernel = torch.tensor(_BLUR, dtype=torch.float32) / 256
    padded = pad(values[None, None], (1, 1, 1, 1), mode="replicate")
    return torch.conv2d(padded, kernel[None, None])[0, 0]


def _edge_strength(values: Tensor) -> Tensor:
    """Return the local range, standardised, limited to 3 deviations and scaled to 0..1."""
    local = _largest(values, (3, 3)) + _largest(-values, (3, 3))
    centred = local - local.mean()
    deviation = centred.square().mean().sqrt()
    limited = (centred / (deviation + 1e-6)).clamp(-3, 3)
    low, high = limited.amin(), limited.amax()
    return (limited - low) / (high - low + 1e-6)
