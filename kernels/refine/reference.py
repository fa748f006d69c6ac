"""The refiner's arithmetic per pixel in plain PyTorch: the definition of all its forms.

Every function works on any number of maps [B, h, w] and lets gradients through, so that training
runs what the product runs. Letters are those of the filter: R variance of the teacher, P of the
history, S of their difference, K the gain.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

SIGMA_0 = 0.02
"""Error in log depth at which confidence is 1/e."""
LEAST_CONFIDENCE = 0.02
CONFIDENCE_MEMORY = 0.8
"""Share of the confidence before in the one now, where there is a history."""
STEP_VARIANCE = 0.004**2
"""What a nominal frame (1/30 s) adds to the variance of the history."""
LEAST_GAIN, MOST_GAIN = 0.01, 0.995
TUKEY, MAD_TO_SIGMA = 4.685, 1.4826
"""Spreads beyond which a residual says nothing; from the median residual to a spread."""
CELL = 4
"""Pixels each way of a cell of the low grid."""


def picture_error(moved: Tensor, picture: Tensor, inside: Tensor) -> Tensor:
    """Average as `stereocast.kernels.refine.picture_error` says."""
    difference = (moved.float() - picture.float()).abs().mean(1) / 255
    error = avg_pool2d(pad(difference, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return torch.where(inside, error, 1.0)


def slope(values: Tensor) -> Tensor:
    """Return |∂x| + |∂y| of maps [B, h, w] by central differences, edges continued."""
    wide = pad(values, (1, 1, 1, 1), mode="replicate")
    across = wide[:, 1:-1, 2:] - wide[:, 1:-1, :-2]
    down = wide[:, 2:, 1:-1] - wide[:, :-2, 1:-1]
    return (across.abs() + down.abs()) / 2


def confidence(sigma: Tensor, before: Tensor, history: Tensor) -> Tensor:
    """Map and smooth as `stereocast.kernels.refine.confidence` says."""
    now = torch.exp(-sigma / SIGMA_0).clamp(LEAST_CONFIDENCE, 1)
    return torch.lerp(now, before, CONFIDENCE_MEMORY * history.clamp(0, 1))


def teacher_variance(confidence: Tensor) -> Tensor:
    """Return R, the variance of the teacher's log depth at that confidence."""
    return (0.004 - SIGMA_0 * confidence.log()).square()


def predict(
    history: Tensor, teacher: Tensor, variance: Tensor, confidence: Tensor, error: Tensor,
    frames: Tensor, gate: tuple[float, float],
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Weigh as `stereocast.kernels.refine.predict` says."""
    grown = variance + frames.view(-1, 1, 1) * STEP_VARIANCE + (0.4 * error).square()
    total = grown + teacher_variance(confidence)
    gain = grown / total
    surprise = (history - teacher).abs() / (gate[0] * total.sqrt() + gate[1])
    opened = 1 - (1 - gain) * torch.exp(-3 * (surprise - 1).clamp_min(0))
    return opened.clamp(LEAST_GAIN, MOST_GAIN), grown


def bound(teacher: Tensor, confidence: Tensor, limits: tuple[float, float, float]) -> Tensor:
    """Return B, how far in log units the answer may be from the teacher; limits α, β (m), γ."""
    alpha, beta, gamma = limits
    reach = torch.full_like(teacher, alpha)
    if beta > 0:
        reach = reach.maximum(beta * torch.exp(-teacher))
    return reach * (gamma + 1 - confidence)


def fuse(
    history: Tensor, teacher: Tensor, grown: Tensor, gain: Tensor, length: Tensor, limit: Tensor,
    correction: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Blend as `stereocast.kernels.refine.fuse` says."""
    wanted = (1 - gain) * (history - teacher)
    if correction is not None:
        gain = torch.sigmoid(torch.logit(gain) + correction[:, 0])
        wanted = (1 - gain) * (history - teacher) + 0.05 * correction[:, 1]
    answer = teacher + limit * torch.tanh(wanted / limit)
    return answer, (1 - gain) * grown, (length + 1) * (1 - gain), wanted.abs() > limit


def features(
    teacher: Tensor, history: Tensor, confidence: Tensor, error: Tensor, length: Tensor,
    luma: tuple[Tensor, Tensor],
) -> Tensor:  # fmt: skip
    """Pool as `stereocast.kernels.refine.features` says."""
    innovation = 10 * (history - teacher)
    now, before = luma
    planes = torch.stack(
        (
            teacher, confidence, innovation, innovation.abs(), 10 * error,
            5 * slope(teacher), now, 5 * (now - before), length / 8,
        ),
        dim=1,
    )  # fmt: skip
    height, width = teacher.shape[-2:]
    right, below = -width % CELL, -height % CELL
    return avg_pool2d(pad(planes, (0, right, 0, below), mode="replicate"), CELL)


def weighted_median(values: Tensor, weights: Tensor) -> Tensor:
    """Return the value [B] at half the weight of `values`, `weights` ≥ 0 [B, n]; 0 for no weight.

    Of two candidates the lower one.
    """
    order = values.argsort(dim=1, stable=True)
    running = weights.gather(1, order).cumsum(1)
    total = running[:, -1:]
    index = (running < total / 2).sum(1, keepdim=True).clamp_max(values.shape[1] - 1)
    middle = values.gather(1, order.gather(1, index))
    return torch.where(total > 0, middle, 0.0)[:, 0]


def robust_line(x: Tensor, y: Tensor, rounds: int) -> Tensor:
    """Fit as `stereocast.kernels.refine.robust_line` says."""
    residual = y - x
    residual = residual - residual.median()
    centre = x.mean()
    table = torch.stack((torch.ones_like(x), x - centre, y - centre))
    floor = 1e-4 * table[1].square().mean().sqrt() + torch.finfo(x.dtype).tiny
    for _ in range(rounds):
        sigma = MAD_TO_SIGMA * residual.abs().median() + floor
        share = (1 - (residual.abs() / sigma / TUKEY).square()).clamp_min(0).square()
        total, sum_x, sum_y, _, xx, xy, _, _, yy = ((table * share) @ table.T).flatten().unbind()
        mean_x, mean_y = sum_x / total, sum_y / total
        xx, xy, yy = xx / total - mean_x**2, xy / total - mean_x * mean_y, yy / total - mean_y**2
        tilt = yy - xx
        slope = (tilt + (tilt.square() + 4 * xy.square()).sqrt()) / (2 * xy)
        sure = (xy > 1e-3 * xx) & (slope > 0.5) & (slope < 2)
        slope = torch.where(sure, slope, 1.0)
        shift = mean_y - slope * mean_x
        residual = table[2] - slope * table[1] - shift
    trust = torch.where(sure, total / len(x), 0.0)
    return torch.stack((slope, shift + centre * (1 - slope), mean_x + centre, xx, trust))


def grey(picture: Tensor) -> Tensor:
    """Return the luma [B, h, w] in 0..1 of pictures u8 [B, 3, h, w], BT.709."""
    red, green, blue = picture.float().unbind(1)
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def variance_after_reset(confidence: Tensor) -> Tensor:
    """Return P of a first frame: almost no trust in it, so that the second one decides."""
    return 1e3 * teacher_variance(confidence)
