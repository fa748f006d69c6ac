"""What the left eye cannot know of the right eye's picture: hidden points, points off its frame.

Works on samples: the surface point behind each sample of the right picture is looked for in the
left one. Away from edges the left picture of ids decides; near them, and wherever something else is
seen, a ray is cast exactly through the point. How samples become soft masks is in clip.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.raycast import Camera, Scene
from stereocast.kernels.raycast.primitives import CARD, SPHERE
from stereocast.kernels.raycast.reference_texture import mip_level, sample

NEARER = 1e-3
"""An occluder is nearer than the point by more than this share of its distance."""


def hidden_from_left(
    scene: Scene,
    eyes: tuple[Camera, Camera],
    *,
    left_ids: Tensor,
    right_depth: Tensor,
    right_ids: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return which samples of the right eye the left one cannot see, and which lie off its frame.

    eyes         left and right; left_ids, right_ids [H, W] int32 and right_depth [H, W] float32
                 are the maps that raycast made with them
    returns      hidden and outside, [H, W] bool; never both: what is off the frame is outside

    An occluder so thin that no sample of the left picture meets it is overlooked.
    """
    height, width = right_ids.shape
    points = _in_left_picture(eyes, right_depth)
    outside = (points < 0) | (points >= width)
    # Samples left and right of where the point lands, as flat indices.
    before = (points - 0.5).floor().long().clamp_(0, width - 2)
    before += width * torch.arange(height)[:, None]
    seen = left_ids.reshape(-1)
    candidates = seen[before], seen[before + 1]
    differs = (candidates[0] != right_ids) | (candidates[1] != right_ids)
    doubtful = torch.nonzero((differs & ~outside).reshape(-1))[:, 0]
    table = _Table(scene, eyes[0])
    row, column = doubtful // width, points.reshape(-1)[doubtful]
    rays = torch.stack([column, row + 0.5], dim=-1)
    inverse_depth = 1 / right_depth.reshape(-1)[doubtful]
    covered = torch.zeros(len(doubtful), dtype=torch.bool)
    for ids in candidates:
        found = table.inverse_depth(ids.reshape(-1)[doubtful].long(), rays)
        covered |= found > inverse_depth * (1 + NEARER)
    hidden = torch.zeros(height * width, dtype=torch.bool)
    hidden[doubtful] = covered
    return hidden.reshape(height, width), outside


def _in_left_picture(eyes: tuple[Camera, Camera], right_depth: Tensor) -> Tensor:
    """Return the column (0 at the left border) where the left eye has each point of the right."""
    left, right = eyes
    baseline_m = torch.linalg.vector_norm(right.position - left.position)
    shift = right.principal_px[0] - left.principal_px[0]
    columns = torch.arange(right_depth.shape[1]) + (0.5 - shift)
    return torch.addcdiv(columns, left.focal_px * baseline_m, right_depth)


class _Table:
    """The scene's primitives in the axes of one eye, ready to be hit by single rays."""

    def __init__(self, scene: Scene, eye: Camera) -> None:
        axes, rows = eye.orientation, scene.primitives
        self.eye, self.textures = eye, scene.textures
        self.kind, self.texture = rows[:, 0], rows[:, 1].long()
        self.origin = (rows[:, 2:5] - eye.position) @ axes.T
        self.u, self.v = rows[:, 5:8] @ axes.T, rows[:, 8:11] @ axes.T
        self.repeats = rows[:, 11:13]

    def inverse_depth(self, ids: Tensor, pixels: Tensor) -> Tensor:
        """Return 1/Z where each ray hits the primitive of its id, 0 where it misses, [N].

        Id −1, nothing, is missed always.
        """
        xy = (pixels - self.eye.principal_px) / self.eye.focal_px
        rays = torch.cat([xy, torch.ones_like(xy[:, :1])], dim=-1)
        found = torch.zeros(len(ids))
        is_ball = self.kind[ids] == SPHERE
        balls, planes = torch.nonzero(is_ball)[:, 0], torch.nonzero(~is_ball)[:, 0]
        found[balls] = self._on_balls(ids[balls], rays[balls])
        found[planes] = self._on_planes(ids[planes], rays[planes])
        return torch.where(ids >= 0, found, 0.0)

    def _on_balls(self, ids: Tensor, rays: Tensor) -> Tensor:
        centre, radius2 = self.origin[ids], self.u.square().sum(-1)[ids]
        along = (centre * rays).sum(-1)
        k = centre.square().sum(-1) - radius2
        root2 = along * along - k * rays.square().sum(-1)
        return torch.where(root2 >= 0, (along + root2.clamp_min(0).sqrt()) / k, 0.0)

    def _on_planes(self, ids: Tensor, rays: Tensor) -> Tensor:
        normal = torch.linalg.cross(self.u, self.v)
        distance = (normal * self.origin).sum(-1)[ids]
        found = (normal[ids] * rays).sum(-1) / distance
        hit = rays / found[:, None] - self.origin[ids]
        s = (hit * (self.u / self.u.square().sum(-1, keepdim=True))[ids]).sum(-1)
        t = (hit * (self.v / self.v.square().sum(-1, keepdim=True))[ids]).sum(-1)
        inside = (s >= 0) & (s <= 1) & (t >= 0) & (t <= 1) & (found > 0)
        cards = torch.nonzero(inside & (self.kind[ids] == CARD))[:, 0]
        inside[cards] = self._is_opaque(ids[cards], s[cards], t[cards])
        return torch.where(inside, found, 0.0)

    def _is_opaque(self, ids: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Read the card's texture as the ray caster does, at the mip level of its middle."""
        side = self.textures.shape[2] - 1
        opaque = torch.zeros(len(ids), dtype=torch.bool)
        for number in sorted(set(ids.tolist())):
            here = torch.nonzero(ids == number)[:, 0]
            middle = self.origin[number] + (self.u[number] + self.v[number]) / 2
            edges = torch.stack([self.u[number], self.v[number]]).norm(dim=-1)
            texels = (self.repeats[number] * side / edges).max() * middle[2] / self.eye.focal_px
            level = mip_level((texels * texels).expand(len(here)), side)
            sides = self.repeats[number] * side
            texture = self.textures[self.texture[number]]
            alpha = sample(texture, s[here] * sides[0], t[here] * sides[1], level)[3]
            opaque[here] = alpha >= 128 * 256
        return opaque
