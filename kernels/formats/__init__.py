"""Pictures made for looking at: anaglyphs, depth as a picture, eye difference, half spheres.

Each returns one uint8 picture [3, H, W] that `stereocast.kernels.pack` puts into the encoder's
form. How eyes share a picture without being mixed is decided there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.formats import cuda, reference
from stereocast.kernels.formats.palette import Palette, palette
from stereocast.kernels.formats.recipe import Anaglyph, Recipe, recipe
from stereocast.kernels.formats.sphere import SphereMap, sphere_map
from stereocast.kernels.launch import serving

__all__ = [
    "Anaglyph",
    "Palette",
    "Recipe",
    "SphereMap",
    "anaglyph",
    "depth_picture",
    "difference",
    "half_sphere",
    "palette",
    "recipe",
    "sphere_map",
]


def anaglyph(left: Tensor, right: Tensor, recipe: Recipe) -> Tensor:
    """Return both eyes in one picture for red-cyan glasses, red on the left.

    left, right  [3, H, W] uint8 RGB; or float in 0..1, which is the definition
    returns      the same dtype and shape. In uint8 everything is whole numbers, equal on every
                 device and within 1 of the rounded definition

    Raises ValueError if the eyes differ in size or dtype.
    """
    _check_eyes(left, right)
    if left.dtype != torch.uint8:
        return reference.anaglyph(left, right, recipe)
    launcher = serving(left, right, recipe.matrix)
    if launcher is not None:
        return cuda.anaglyph(launcher, left, right, recipe)
    module = native.serving(left, right)
    if module is None:
        return reference.anaglyph_u8(left, right, recipe)
    mixed = torch.empty_like(left)
    module.anaglyph(left, right, recipe.mode, recipe.matrix, recipe.decode, recipe.encode, mixed)
    return mixed


def depth_picture(nearness: Tensor, size: tuple[int, int], palette: Tensor) -> Tensor:
    """Return nearness as a picture of another size, linearly interpolated.

    nearness  float32 [h, w], 0 far to 1 near; values beyond are shown as the nearest of these
    palette   uint8 [256, 3], RGB for 0 to 1
    returns   uint8 [3, H, W] for `size` = (H, W)

    Raises ValueError for other shapes or dtypes.
    """
    if nearness.dtype != torch.float32 or nearness.ndim != 2 or 0 in nearness.shape:
        raise ValueError(
            f"depth_picture needs float32 [h, w], got {nearness.dtype} {tuple(nearness.shape)}"
        )
    if palette.dtype != torch.uint8 or palette.shape != (256, 3):
        raise ValueError(f"depth_picture needs a palette uint8 [256, 3], got {palette.shape}")
    launcher = serving(nearness, palette)
    if launcher is not None:
        return cuda.depth_picture(launcher, nearness.contiguous(), size, palette)
    module = native.serving(nearness, palette)
    if module is None:
        return reference.depth_picture(nearness, size, palette)
    picture = torch.empty((3, *size), dtype=torch.uint8)
    module.depth_picture(nearness.contiguous(), palette, picture)
    return picture


def difference(left: Tensor, right: Tensor) -> Tensor:
    """Return twice the absolute difference of two uint8 eyes [3, H, W], at most 255.

    Raises ValueError if the eyes differ in size or are not uint8.
    """
    _check_eyes(left, right)
    if left.dtype != torch.uint8:
        raise ValueError(f"difference needs uint8 eyes, got {left.dtype}")
    launcher = serving(left, right)
    if launcher is not None:
        return cuda.difference(launcher, left, right)
    module = native.serving(left, right)
    if module is None:
        return reference.difference(left, right)
    apart = torch.empty_like(left)
    module.difference(left, right, apart)
    return apart


def half_sphere(picture: Tensor, sphere: SphereMap) -> Tensor:
    """Return a flat picture on the half sphere of VR180, bilinear, black around it.

    picture  uint8 [3, H, W], of the size that `sphere` was made for
    returns  uint8 [3, side, side]

    Raises ValueError for another dtype or shape.
    """
    if picture.dtype != torch.uint8 or picture.ndim != 3 or picture.shape[0] != 3:
        raise ValueError(
            f"half_sphere needs uint8 [3, H, W], got {picture.dtype} {tuple(picture.shape)}"
        )
    launcher = serving(picture, sphere.row_y)
    if launcher is not None:
        return cuda.half_sphere(launcher, picture.contiguous(), sphere)
    module = native.serving(picture)
    if module is None:
        return reference.half_sphere(picture, sphere)
    side = len(sphere.row_y)
    view = torch.empty((3, side, side), dtype=torch.uint8)
    places = sphere.column_x, sphere.column_secant, sphere.row_y
    module.half_sphere(picture.contiguous(), *places, sphere.middle_y, view)
    return view


def _check_eyes(left: Tensor, right: Tensor) -> None:
    if left.shape != right.shape or left.dtype != right.dtype:
        raise ValueError(
            f"two eyes of one size and dtype are needed, got {left.dtype} {tuple(left.shape)} "
            f"and {right.dtype} {tuple(right.shape)}"
        )
    if left.ndim != 3 or left.shape[0] != 3 or 0 in left.shape:
        raise ValueError(f"eyes are [3, H, W], got {tuple(left.shape)}")
    if not (left.is_contiguous() and right.is_contiguous()):
        raise ValueError("eyes must be contiguous: call .contiguous() first")
