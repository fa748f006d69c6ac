"""Highlights on glossy surfaces: what light a lacquer mirrors, added to colours alone.

They move with the eye and not with the surface, as in real pictures: two eyes see them apart.
Source: Blinn 1977, "Models of light reflection for computer synthesized pictures" (half vector).
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.raycast import Camera, Scene
from stereocast.kernels.raycast.primitives import ELLIPSOID, SPHERE


def with_highlights(
    rgb: Tensor, depth_m: Tensor, rows: Tensor, scene: Scene, camera: Camera, gloss: Tensor
) -> Tensor:
    """Return rgb [3, H, W] uint8 with the lamp's highlights added.

    rows   [H, W] int32, the primitive that each pixel sees, −1 for none
    gloss  [T, 2] float32 per texture: strength in [0, 1], 0 for dull; exponent
    """
    table = scene.primitives
    shine = torch.cat([gloss[table[:, 1].long()], torch.zeros(1, 2)])[rows.long()]
    lit = torch.nonzero(shine[..., 0].reshape(-1) > 0)[:, 0]
    if len(lit) == 0:
        return rgb
    width = rgb.shape[2]
    pixel = torch.stack([lit % width, lit // width], dim=1) + 0.5
    xy = (pixel - camera.principal_px) / camera.focal_px
    rays = torch.cat([xy, torch.ones(len(lit), 1)], dim=1) @ camera.orientation
    points = camera.position + rays * depth_m.reshape(-1)[lit, None]
    normal = _normals(table, rows.reshape(-1)[lit].long(), points)
    to_light = scene.light[0] - points
    to_light = to_light / to_light.norm(dim=1, keepdim=True)
    to_eye = -rays / rays.norm(dim=1, keepdim=True)
    # Planes have two sides: the one that is seen counts.
    normal = normal * (normal * to_eye).sum(dim=1, keepdim=True).sign()
    half = to_light + to_eye
    half = half / half.norm(dim=1, keepdim=True).clamp_min(1e-6)
    cosine = (normal * half).sum(dim=1).clamp_min(0) * ((normal * to_light).sum(dim=1) > 0)
    strength, exponent = shine.reshape(-1, 2)[lit].unbind(dim=1)
    added = torch.zeros(rgb.shape[1] * width)
    added[lit] = 255 * strength * cosine.pow(exponent)
    return (rgb + added.reshape(1, -1, width)).clamp_max_(255).to(torch.uint8)


def _normals(table: Tensor, numbers: Tensor, points: Tensor) -> Tensor:
    """Return the unit normals of primitives, rows `numbers` [N] of a table, at points [N, 3]."""
    u, v = table[:, 5:8], table[:, 8:11]
    across = torch.linalg.cross(u, v)
    across = across / across.norm(dim=1, keepdim=True)
    normals: Tensor = across[numbers]
    is_egg = table[:, 0] == ELLIPSOID
    curved = torch.nonzero((is_egg | (table[:, 0] == SPHERE))[numbers])[:, 0]
    number = numbers[curved]
    away = points[curved] - table[number, 2:5]
    third = torch.where(is_egg, table[:, 11], u.norm(dim=1))
    # The gradient of Σ (away·axis / radius)², axis by axis.
    gradient = torch.zeros_like(away)
    for axis, length2 in (
        (u, u.square().sum(1) ** 2),
        (v, v.square().sum(1) ** 2),
        (across, third**2),
    ):
        scaled = (axis / length2[:, None])[number]
        gradient += (away * axis[number]).sum(1, keepdim=True) * scaled
    normals[curved] = gradient / gradient.norm(dim=1, keepdim=True)
    return normals
