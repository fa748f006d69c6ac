"""How the picture moves, as channels for the network: what renders and real pictures share.

Block matching gives the motion from the newest frame to two earlier ones. What the camera's turning
explains, one shift and one roll for the whole picture, is taken out; the rest is parallax. Along
its dominant axis, and radially from the centre, parallax is inverse depth up to a factor, and up to
a sign, which is chosen so that lower rows are nearer, as they mostly are.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from stereocast.engine.depth.tiny.memory import row_of
from stereocast.kernels.flow import block_matching, reproject

LAGS = (2, 6)
"""Frames between the newest one and those that it is compared with. The first frames of a stream
are compared with the very first."""
PICTURES = max(LAGS)
"""Rows in the ring of pictures."""
CHANNELS_PER_LAG = 6
CHANNELS = len(LAGS) * CHANNELS_PER_LAG + 1
"""Per lag: motion x and y, parallax along its axis, radial parallax, confidence, amount of
parallax; then the change since the frame before."""

_ROUNDS = 3  # of re-weighting
_OUTLIER_PX = 0.5  # from the camera's motion; what is farther counts less and less
_NOISE_PX = 0.1  # of parallax: what block matching invents
_NOISE = 2 / 255  # of a picture
_MOTION_UNIT_PX = 8.0
_CHANGE_UNIT = 1 / 8
_LIMIT = 4.0  # of every channel


def small_grey(image: Tensor) -> Tensor:
    """Return images [N, 3, h, w] in [0, 1] in grey at half size: u8 [N, ⌈h/2⌉, ⌈w/2⌉]."""
    grey = (image[:, 0] + 2 * image[:, 1] + image[:, 2])[:, None]
    small = avg_pool2d(grey, 2, ceil_mode=True)[:, 0]
    return (small * (255 / 4) + 0.5).to(torch.uint8)


def lagged_rows(index: Tensor) -> Tensor:
    """Return the rows of the ring of pictures for each lag and the frame before: int64 [3]."""
    ages = (*LAGS, 1)
    return torch.cat([row_of(index - index.clamp_max(age), PICTURES) for age in ages])


def match(earlier: Tensor, newest: Tensor) -> tuple[Tensor, Tensor]:
    """Return the motion from the newest picture to an earlier one, and how far to trust it.

    earlier, newest  u8 [h, w]
    returns          float32 [2, ⌈h/2⌉, ⌈w/2⌉], pixels of these pictures, and [1, ⌈h/2⌉, ⌈w/2⌉] in
                     [0, 1]: texture that is there against what the motion leaves unexplained
    """
    flow = block_matching(earlier[None], newest[None])
    moved, _ = reproject(earlier[None], flow)
    now, then = newest.float() / 255, moved[0].float() / 255
    unexplained = (now - then).abs()
    across = pad(now.diff(dim=1).abs(), (0, 1))
    down = pad(now.diff(dim=0).abs(), (0, 0, 0, 1))
    both = torch.stack((unexplained, across + down))[None]
    error, texture = avg_pool2d(both, 2, ceil_mode=True)[0]
    return flow, (texture / (texture + error + _NOISE))[None]


def cues(flow: Tensor, confidence: Tensor) -> Tensor:
    """Return the six channels of one lag, [N, 6, h, w].

    flow        [N, 2, h, w], pixels
    confidence  [N, 1, h, w] in [0, 1]
    """
    x, y = _places(flow)
    flow = without_specks(flow)
    parallax = flow - camera_motion(flow, confidence)
    # The mean size, not its square's: one wrong match must not make all others small.
    spread = _mean(parallax.square().sum(1, keepdim=True).sqrt(), confidence)  # [N, 1, 1, 1]
    unit = spread + _NOISE_PX
    axial = _along_axis(parallax, confidence) / unit
    axial = axial * _soft_sign(axial, y - _mean(y, confidence), confidence)
    radial = (parallax[:, :1] * x + parallax[:, 1:] * y) / (x * x + y * y + 0.1) / unit
    radial = radial * _soft_sign(radial, torch.ones_like(radial), confidence)
    amount = torch.log1p(spread / _NOISE_PX).expand_as(confidence)
    channels = (flow / _MOTION_UNIT_PX, axial, radial, confidence, amount)
    return torch.cat(channels, dim=1).clamp(-_LIMIT, _LIMIT)


def change(before: Tensor, newest: Tensor) -> Tensor:
    """Return how far pictures u8 [N, h, w] differ, as a channel [N, 1, ⌈h/2⌉, ⌈w/2⌉]."""
    apart = (newest.float() - before.float()).abs()[:, None] / 255
    return (avg_pool2d(apart, 2, ceil_mode=True) / _CHANGE_UNIT).clamp_max(_LIMIT)


def without_specks(flow: Tensor) -> Tensor:
    """Return motion [N, C, h, w] with each value replaced by the median of the 3×3 around it.

    The median of nine is the median of three values: the greatest of the least of its rows, the
    median of their medians, the least of their greatest. Ten times as fast as sorting.
    """
    height, width = flow.shape[2:]
    grown = pad(flow, (1, 1, 1, 1), mode="replicate")
    rows = []
    for down in range(3):
        a, b, c = (grown[..., down : down + height, right : right + width] for right in range(3))
        rows.append((a.minimum(b).minimum(c), _middle(a, b, c), a.maximum(b).maximum(c)))
    least, middle, greatest = zip(*rows, strict=True)
    return _middle(
        least[0].maximum(least[1]).maximum(least[2]),
        _middle(*middle),
        greatest[0].minimum(greatest[1]).minimum(greatest[2]),
    )


def _middle(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Return the median of three."""
    return a.minimum(b).maximum(a.maximum(b).minimum(c))


def camera_motion(flow: Tensor, confidence: Tensor) -> Tensor:
    """Return the motion that a turning camera explains, like `flow`: a shift and a small roll.

    Least squares, re-weighted against what stands out.
    """
    x, y = _places(flow)
    weight, fitted = confidence, torch.zeros_like(flow)
    for _ in range(_ROUNDS):
        u, v = flow[:, :1], flow[:, 1:]
        mean_x, mean_y, mean_u, mean_v = (_mean(part, weight) for part in (x, y, u, v))
        across, down = x - mean_x, y - mean_y
        turned = _mean(across * (v - mean_v) - down * (u - mean_u), weight)
        roll = turned / (_mean(across * across + down * down, weight) + 1e-6)
        fitted = torch.cat((mean_u - roll * down, mean_v + roll * across), dim=1)
        apart = (flow - fitted).square().sum(1, keepdim=True).sqrt()
        weight = confidence * _OUTLIER_PX / (_OUTLIER_PX + apart)
    return fitted


def _along_axis(parallax: Tensor, weight: Tensor) -> Tensor:
    """Return the component of vectors [N, 2, h, w] along the axis they mostly lie on."""
    u, v = parallax[:, :1], parallax[:, 1:]
    twice = torch.atan2(2 * _mean(u * v, weight), _mean(u * u - v * v, weight) + 1e-9)
    return u * torch.cos(twice / 2) + v * torch.sin(twice / 2)


def _soft_sign(values: Tensor, like: Tensor, weight: Tensor) -> Tensor:
    """Return about 1 where values go with `like`, -1 where against, between where neither."""
    both = _mean(values * like, weight)
    size = (_mean(values * values, weight) * _mean(like * like, weight)).sqrt() + 1e-6
    share = both / size
    return share / (share.abs() + 0.05)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    total = (values * weight).sum((2, 3), keepdim=True)
    return total / (weight.sum((2, 3), keepdim=True) + 1e-6)


def _places(like: Tensor) -> tuple[Tensor, Tensor]:
    """Return x and y of each cell [1, 1, h, w] from the centre, in half heights."""
    height, width = like.shape[2:]
    x = torch.arange(width, device=like.device) - (width - 1) / 2
    y = torch.arange(height, device=like.device) - (height - 1) / 2
    x, y = x.expand(height, width) * 2 / height, y[:, None].expand(height, width) * 2 / height
    return x[None, None], y[None, None]
