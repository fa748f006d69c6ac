"""The launches of the CUDA form; kernel.cu says what they compute."""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.formats.recipe import Recipe
from stereocast.kernels.formats.sphere import SphereMap
from stereocast.kernels.launch import TILE, Launcher, tiles
from stereocast.kernels.signatures import Argument

_OP = "formats"


def anaglyph(launcher: Launcher, left: Tensor, right: Tensor, recipe: Recipe) -> Tensor:
    """Return both eyes in one picture u8 [3, H, W]."""
    mixed = torch.empty_like(left)
    _run(
        launcher, "stereocast_formats_anaglyph", mixed, left, right, *mixed.shape[1:], recipe.mode,
        recipe.matrix, recipe.decode, recipe.encode, mixed,
    )  # fmt: skip
    return mixed


def depth_picture(
    launcher: Launcher, nearness: Tensor, size: tuple[int, int], palette: Tensor
) -> Tensor:
    """Return nearness as a picture u8 [3, H, W]."""
    (rows, columns), (height, width) = nearness.shape, size
    picture = palette.new_empty(3, height, width)
    _run(
        launcher, "stereocast_formats_depth_picture", picture, nearness, rows, columns,
        rows / height, columns / width, palette, height, width, picture,
    )  # fmt: skip
    return picture


def difference(launcher: Launcher, left: Tensor, right: Tensor) -> Tensor:
    """Return twice the difference of the eyes."""
    apart = torch.empty_like(left)
    _run(launcher, "stereocast_formats_difference", apart, left, right, *apart.shape[1:], apart)
    return apart


def half_sphere(launcher: Launcher, picture: Tensor, sphere: SphereMap) -> Tensor:
    """Return a picture on the half sphere, u8 [3, side, side]."""
    side = len(sphere.row_y)
    view = picture.new_empty(3, side, side)
    _run(
        launcher, "stereocast_formats_half_sphere", view, picture, *picture.shape[1:],
        sphere.column_x, sphere.column_secant, sphere.row_y, sphere.middle_y, side, view,
    )  # fmt: skip
    return view


def _run(launcher: Launcher, kernel: str, made: Tensor, *args: Argument) -> None:
    """Give every pixel of the picture `made` a thread."""
    height, width = made.shape[1:]
    launcher.launch(_OP, kernel, grid=tiles(height, width), block=TILE, args=args)
