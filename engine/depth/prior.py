"""A geometric prior instead of a depth network: what a picture's layout alone says about depth.

Three cues that hold for most pictures taken by an upright camera: what stands lower in the picture
is nearer (a ground plane seen from above); haze takes saturation with distance; the far background
is blurred. No learning and no objects: the honest baseline that every depth model has to beat.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from stereocast.engine.depth.picture import PictureDepth
from stereocast.engine.models import Output
from stereocast.engine.runner import TensorSpec, TorchRunner

ROW, SATURATION, SHARPNESS = 0.7, 0.18, 0.12
"""Weights of the cues; they sum to 1. The row dominates because it misleads least often."""

_LUMA = (0.2126, 0.7152, 0.0722)


class PriorNetwork(nn.Module):
    """Map image float32 [3, h, w] in [0, 1] to inverse depth [h, w] in about [0, 1], near = 1."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        row = torch.linspace(0, 1, height)[:, None].expand(height, width)
        self.register_buffer("row", row.contiguous(), persistent=False)
        self.row: Tensor
        self.radius = max(1, height // 14)

    def forward(self, image: Tensor) -> Tensor:
        """Combine the cues; those that depend on colour are smoothed along the picture's edges."""
        luma = _LUMA[0] * image[0] + _LUMA[1] * image[1] + _LUMA[2] * image[2]
        saturation = image.amax(0) - image.amin(0)
        across = pad(luma.diff(dim=1).abs(), (0, 1))
        down = pad(luma.diff(dim=0).abs(), (0, 0, 0, 1))
        sharpness = (across + down).sqrt()
        cues = (SATURATION * _squash(saturation) + SHARPNESS * _squash(sharpness)) / 2
        smooth = _guided_filter(luma, cues, self.radius)
        return ROW * self.row + (SATURATION + SHARPNESS) / 2 + smooth


def _squash(cue: Tensor) -> Tensor:
    """Map a cue to [-1, 1] around its own mean, so that no picture is all near or all far."""
    centred = cue - cue.mean()
    spread = centred.square().mean().sqrt().clamp_min(1e-3)
    return torch.tanh(centred / (2 * spread))


def _box(values: Tensor, radius: int) -> Tensor:
    """Mean over a (2·radius + 1)² window, cut off at the borders; values [C, h, w].

    By running sums: the cost does not depend on the radius.
    """
    for axis in (1, 2):
        size = values.shape[axis]
        index = torch.arange(size)
        begin, end = (index - radius).clamp_min(0), (index + radius + 1).clamp_max(size)
        before = (0, 0, 1, 0) if axis == 1 else (1, 0)
        total = pad(values.cumsum(axis), before)
        shape = (-1, 1) if axis == 1 else (-1,)
        window = total.index_select(axis, end) - total.index_select(axis, begin)
        values = window / (end - begin).reshape(shape)
    return values


def _guided_filter(guide: Tensor, values: Tensor, radius: int, epsilon: float = 8e-3) -> Tensor:
    """Smooth `values` [h, w] but keep the edges of `guide` [h, w].

    Source: He, Sun, Tang 2010, "Guided image filtering", eq. 5, 6 and 8, with a grey guide.
    """
    stack = torch.stack((guide, values, guide * values, guide * guide))
    mean_guide, mean_values, mean_product, mean_square = _box(stack, radius).unbind()
    slope = (mean_product - mean_guide * mean_values) / (
        mean_square - mean_guide * mean_guide + epsilon
    )
    offset = mean_values - slope * mean_guide
    slope, offset = _box(torch.stack((slope, offset)), radius).unbind()
    return slope * guide + offset


class PriorDepth(PictureDepth):
    """The depth stage of the prior: inverse depth in about [0, 1], near = 1."""

    def __init__(
        self, grid: tuple[int, int], *, frame_size: tuple[int, int] | None = None,
        smoothing_s: float = 0.15,
    ) -> None:  # fmt: skip
        """Take frame_size (H, W) for `to_frame`; None: as the grid."""
        runner = TorchRunner(
            PriorNetwork(*grid),
            inputs=(TensorSpec("image", (3, *grid)),),
            outputs=(TensorSpec("inverse_depth", grid),),
        )
        super().__init__(
            runner,
            output=Output.RELATIVE_INVERSE,
            frame_size=frame_size or grid,
            smoothing_s=smoothing_s,
        )
