"""Points of one frame in another one, by exact poses: what temporal alignment is measured with."""

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
    points = world_points(clip.camera(source), log_depth[source].exp())
    z, (x, y) = pixels(clip.camera(target), points)
    ahead = z > 1e-3
    height, width = log_depth.shape[1:]
    inside = ahead & (x > 0.5) & (x < width - 0.5) & (y > 0.5) & (y < height - 0.5)
    places = torch.stack((2 * x / width - 1, 2 * y / height - 1), -1)[None]
    there = grid_sample(
        log_depth[target][None, None], places, mode="bilinear", padding_mode="border",
        align_corners=False,
    )[0, 0]  # fmt: skip
    nothing = torch.tensor(torch.nan)
    return torch.where(inside, z.clamp_min(1e-3).log(), nothing), torch.where(
        inside, there, nothing
    )


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
