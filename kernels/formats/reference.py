"""Display formats in plain PyTorch: floats define them, whole numbers are what kernels equal."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, pad

from stereocast.kernels.formats.recipe import (
    ENCODE_STEPS,
    POWER_STEPS,
    Recipe,
    encoded,
    linear,
)
from stereocast.kernels.formats.sphere import SphereMap


def anaglyph(left: Tensor, right: Tensor, recipe: Recipe) -> Tensor:
    """Mix float eyes [3, H, W] in 0..1: the definition."""
    if recipe.mode == 3:
        (green, blue), (right_green, right_blue) = _lifted(left), _lifted(right)
        red = (0.75 * green + 0.25 * blue).clamp_min(0) ** (1 / 1.6)
        return torch.stack((red, right_green, right_blue)).clamp(0, 1)
    matrix = recipe.matrix.to(left.dtype) / 1000
    eyes = [left, right] if recipe.mode == 0 else [linear(left), linear(right)]
    parts = [
        torch.einsum("ij,jhw->ihw", matrix[:, 3 * i : 3 * i + 3], eye) for i, eye in enumerate(eyes)
    ]
    if recipe.mode == 1:
        parts = [part.clamp(0, 1) for part in parts]
    mixed = (parts[0] + parts[1]).clamp(0, 1)
    return mixed if recipe.mode == 0 else encoded(mixed)


def _lifted(eye: Tensor) -> tuple[Tensor, Tensor]:
    red, green, blue = eye
    return green + 0.45 * (red - green).clamp_min(0), blue + 0.25 * (red - blue).clamp_min(0)


def anaglyph_u8(left: Tensor, right: Tensor, recipe: Recipe) -> Tensor:
    """Mix uint8 eyes [3, H, W] in whole numbers; within 1 of the rounded definition."""
    if recipe.mode == 3:
        return _wimmer2_u8(left.long(), right.long(), recipe)
    matrix = recipe.matrix.long()
    eyes = [left.long(), right.long()]
    if recipe.mode > 0:
        eyes = [recipe.decode.long()[eye] for eye in eyes]
    parts = [(matrix[:, 3 * i : 3 * i + 3, None, None] * eye).sum(1) for i, eye in enumerate(eyes)]
    full = 1000 * (255 if recipe.mode == 0 else ENCODE_STEPS)
    if recipe.mode == 1:
        parts = [part.clamp(0, full) for part in parts]
    mixed = ((parts[0] + parts[1]).clamp(0, full) + 500) // 1000
    return mixed.to(torch.uint8) if recipe.mode == 0 else recipe.encode[mixed]


def _wimmer2_u8(left: Tensor, right: Tensor, recipe: Recipe) -> Tensor:
    def lifted(eye: Tensor) -> tuple[Tensor, Tensor]:
        red, green, blue = eye
        more_green, more_blue = (red - green).clamp_min(0), (red - blue).clamp_min(0)
        return 100 * green + 45 * more_green, 100 * blue + 25 * more_blue

    (green, blue), channels = lifted(left), lifted(right)
    index = ((75 * green + 25 * blue) * POWER_STEPS + 1_275_000) // 2_550_000
    right_codes = [((channel + 50) // 100).to(torch.uint8) for channel in channels]
    return torch.stack((recipe.encode[index], *right_codes))


def depth_picture(nearness: Tensor, size: tuple[int, int], palette: Tensor) -> Tensor:
    """Enlarge nearness float32 [h, w] and colour it by `palette` uint8 [256, 3]."""
    top, bottom, down = _taps(nearness.shape[0], size[0])
    first, second, across = _taps(nearness.shape[1], size[1])
    lines = _between(nearness[top], nearness[bottom], down[:, None])
    values = _between(lines[:, first], lines[:, second], across)
    index = (values.clamp(0, 1) * 255 + 0.5).int()
    return palette[index.long()].permute(2, 0, 1).contiguous()


def _taps(count: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    place = (torch.arange(size) + 0.5) * (count / size) - 0.5
    place = place.clamp(0, count - 1)
    first = place.floor().long()
    return first, (first + 1).clamp_max(count - 1), place - first


def _between(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    return first + (second - first) * share


def difference(left: Tensor, right: Tensor) -> Tensor:
    """Return twice the absolute difference of uint8 eyes, at most 255."""
    return ((left.int() - right.int()).abs() * 2).clamp_max(255).to(torch.uint8)


def half_sphere(picture: Tensor, sphere: SphereMap) -> Tensor:
    """Sample a uint8 picture [3, H, W] bilinearly; black outside of it."""
    height, width = picture.shape[1:]
    x = sphere.column_x[None].expand(len(sphere.row_y), -1)
    y = sphere.row_y[:, None] * sphere.column_secant + sphere.middle_y
    inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    x, y = (torch.where(inside, place, 0.0) for place in (x, y))
    left, top = x.floor(), y.floor()
    columns = [(left + step).clamp(0, width - 1).long() for step in (0, 1)]
    rows = [(top + step).clamp(0, height - 1).long() for step in (0, 1)]
    values = picture.float()
    upper, lower = (
        _between(values[:, row, columns[0]], values[:, row, columns[1]], x - left) for row in rows
    )
    return ((_between(upper, lower, y - top) + 0.5).int() * inside).to(torch.uint8)


def side_by_side(first: Tensor, second: Tensor) -> Tensor:
    """Put float pictures [3, H, W] beside each other; cross-eyed when the right eye is first."""
    return torch.cat((first, second), dim=2)


def top_bottom(first: Tensor, second: Tensor) -> Tensor:
    """Put float pictures [3, H, W] above each other."""
    return torch.cat((first, second), dim=1)


def squeezed(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a float picture [3, H, W] in 0..1 by the antialiased bicubic filter, a = -0.5."""
    return interpolate(
        picture[None], size=size, mode="bicubic", antialias=True, align_corners=False
    )[0].clamp(0, 1)


def half_sphere_bicubic(picture: Tensor, *, scale: float = 1.5) -> Tensor:
    """Return VR180 as another open program draws it: here to check the sampling maths.

    picture  float [3, H, W]. It is padded to a square of `scale` × its longer edge whose borders
    lie at tan(angle) = ± scale, and sampled with both ends on pixel centres, bicubic, zero outside.
    """
    height, width = picture.shape[1:]
    side = int(max(height, width) * scale)
    above, before = (side - height) // 2, (side - width) // 2
    sides = (before, side - width - before, above, side - height - above)
    angle = torch.linspace(-1, 1, side, dtype=torch.float64) * (math.pi / 2)
    x = (angle.tan() / scale).expand(side, side)
    y = angle.tan()[:, None] / angle.cos() / scale
    grid = torch.stack((x, y), dim=-1).to(picture.dtype)[None]
    return grid_sample(
        pad(picture, sides)[None], grid, mode="bicubic", padding_mode="zeros", align_corners=True
    )[0].clamp(0, 1)
