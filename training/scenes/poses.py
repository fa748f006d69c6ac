"""Points of one frame in another one, by exact poses: what steadiness is measured with."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from stereocast.kernels.raycast import Camera

SEEN = 0.03
"""Largest difference of exact log depths, carried and there, of a point that both frames see."""


class Posed(Protocol):
    """A clip whose cameras are known."""

    def camera(self, index: int) -> Camera:
        """Return the camera of a frame."""


def carried_depth(
    clip: Posed, log_depth: Tensor, source: int, target: int
) -> tuple[Tensor, Tensor]:
    """Return what frame `source` expects of `target`, and what stands there, both log [h, w].

    log_depth  [T, h, w], of the method

    Every pixel of the source is put into space with its own depth and looked up in the target,
    bilinearly; NaN where that is outside the picture or behind the camera.
    """
    z, there = looked_up(clip, log_depth, log_depth[target], source, target)
    return torch.where(there.isnan(), there, z.clamp_min(1e-3).log()), there


def looked_up(
    clip: Posed, log_depth: Tensor, values: Tensor, source: int, target: int
) -> tuple[Tensor, Tensor]:
    """Return how far points of frame `source` are from camera `target`, and the values there.

    log_depth  [T, h, w], that puts the source's points into space
    values     [h, w], a map of the target, looked up bilinearly
    returns    metres along the target's axis, and values, [h, w] each; the latter NaN where a point
               is outside the picture or behind the camera
    """
    points = world_points(clip.camera(source), log_depth[source].exp())
    z, (x, y) = pixels(clip.camera(target), points)
    height, width = values.shape
    inside = (z > 1e-3) & (x > 0.5) & (x < width - 0.5) & (y > 0.5) & (y < height - 0.5)
    places = torch.stack((2 * x / width - 1, 2 * y / height - 1), -1)[None]
    there = grid_sample(
        values[None, None], places, mode="bilinear", padding_mode="border", align_corners=False
    )[0, 0]
    return z, torch.where(inside, there, torch.tensor(torch.nan))


def seen_by_both(clip: Posed, exact: Tensor, source: int, target: int) -> Tensor:
    """Return which points of frame `source` are seen in `target`, too, bool [h, w].

    exact  log depth [T, h, w], NaN where it is unknown: nothing is seen there
    """
    expected, there = carried_depth(clip, exact, source, target)
    return (expected - there).abs() < SEEN


def pixels(camera: Camera, points: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return, of the world's points [h, w, 3], depth along the axis and x and y in the picture."""
    seen = (points - camera.position) @ camera.orientation.T
    z = seen[..., 2]
    x, y = (seen[..., i] / z * camera.focal_px + camera.principal_px[i] for i in (0, 1))
    return z, (x, y)


def world_points(camera: Camera, depth: Tensor) -> Tensor:
    """Return the world's points [h, w, 3], metres, of a depth map [h, w] along the axis."""
    height, width = depth.shape
    x = (torch.arange(width) + 0.5 - camera.principal_px[0]) / camera.focal_px
    y = (torch.arange(height) + 0.5 - camera.principal_px[1]) / camera.focal_px
    rays = torch.stack((x.expand(height, width), y[:, None].expand(height, width)), -1)
    rays = torch.cat((rays, torch.ones(height, width, 1)), -1)
    points: Tensor = rays * depth[..., None] @ camera.orientation + camera.position
    return points
