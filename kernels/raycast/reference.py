"""The ray caster in plain PyTorch: every primitive over all pixels, nearest wins, then shade.

This is the definition that cpu.cpp follows operation by operation: set-up in float64, one float32
operation per step on pixels, integer texture weights, so that both agree off edges. Smoothing of
silhouettes is in reference_edges.py, texture sampling in reference_texture.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stereocast.kernels.raycast.reference_edges import ball_coverage, mix_edges, plane_coverage
from stereocast.kernels.raycast.reference_texture import mip_level, sample

if TYPE_CHECKING:
    from stereocast.kernels.raycast import Scene

FARTHEST = 1e-4
"""Smallest 1/Z that counts as a hit: 10 km."""
CORNER_STRENGTH = 0.45


class Rays:
    """The ray (X, Y, 1) of every pixel: exact dot products with it, linear in the pixel."""

    def __init__(self, camera: Tensor, height: int, width: int) -> None:
        camera = camera.double()
        self.position, self.axes = camera[0], camera[1:4]
        self.focal, self.centre_x, self.centre_y = camera[4].unbind()
        self.x = torch.arange(width, dtype=torch.float64, device=camera.device)[None, :]
        self.y = torch.arange(height, dtype=torch.float64, device=camera.device)[:, None]

    def place(self, point: Tensor) -> Tensor:
        """Return a world point in camera axes."""
        return self.axes @ (point.double() - self.position)

    def dot(self, n: Tensor) -> Tensor:
        """Return the coefficients (of x, of y, constant) of n·ray, [3] float64."""
        constant = (n[0] * (0.5 - self.centre_x) + n[1] * (0.5 - self.centre_y)) / self.focal + n[2]
        return torch.stack([n[0] / self.focal, n[1] / self.focal, constant])

    def exact(self, linear: Tensor) -> Tensor:
        """Evaluate a linear function on all pixels in float64."""
        return linear[0] * self.x + (linear[1] * self.y + linear[2])

    def single(self, linear: Tensor) -> Tensor:
        """Evaluate it as the kernels do: the row in float64, steps along the row in float32."""
        return (linear[1] * self.y + linear[2]).float() + linear[0].float() * self.x.float()


@dataclass(frozen=True)
class Surface:
    """One primitive seen from all pixels.

    inverse_depth  [H, W] float32, meaningful where `seen` [H, W] bool
    colour         gives [3, H, W] float32 in 0..255
    coverage       gives the share of each pixel inside its outline, [H, W] float64
    """

    inverse_depth: Tensor
    seen: Tensor
    colour: Callable[[], Tensor]
    coverage: Callable[[], Tensor]


def raycast(
    scene: Scene, camera: Tensor, *, height: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Render `scene` from the camera table [5, 3]; same result as raycast in __init__.py."""
    rays = Rays(camera, height, width)
    device = camera.device
    nearest = torch.zeros(height, width, device=device)
    ids = torch.full((height, width), -1, dtype=torch.int32, device=device)
    background = scene.light[3].to(torch.uint8)[:, None, None]
    rgb = background.repeat(1, height, width)
    surfaces = []
    for number, row in enumerate(scene.primitives):
        surface = CASTERS[int(row[0])](scene, row, rays)
        surfaces.append(surface)
        if surface is None:
            continue
        closer = surface.seen & (surface.inverse_depth > nearest)
        nearest = torch.where(closer, surface.inverse_depth, nearest)
        ids = torch.where(closer, number, ids)
        rgb = torch.where(closer, surface.colour(), rgb)
    depth = 1 / nearest
    coverages = {n: s.coverage for n, s in enumerate(surfaces) if s is not None}
    return mix_edges(rgb, depth, ids, coverages), depth, ids


def _plane(scene: Scene, row: Tensor, rays: Rays) -> Surface | None:
    is_card = bool(row[0] == 2)
    texture = scene.textures[int(row[1])]
    origin = rays.place(row[2:5])
    u, v = rays.axes @ row[5:8].double(), rays.axes @ row[8:11].double()
    normal = torch.linalg.cross(u, v)
    distance = normal @ origin
    if distance == 0:
        return None
    side = texture.shape[1] - 1
    s_max, t_max = (row[11:13].double() * side).unbind()
    iz = rays.dot(normal / distance)
    s = s_max * (rays.dot(u / (u @ u)) - (u @ origin) / (u @ u) * iz)
    t = t_max * (rays.dot(v / (v @ v)) - (v @ origin) / (v @ v) * iz)
    sides = [s, s_max * iz - s, t, t_max * iz - t]
    beyond = rays.exact(iz) - FARTHEST
    seen = torch.stack([*(rays.exact(side) for side in sides), beyond]).amin(dim=0) >= 0

    inverse_depth = rays.single(iz)
    z = 1 / inverse_depth.clamp_min(FARTHEST)
    s_px = (rays.single(s) * z).clamp_min(0).minimum(s_max.float())
    t_px = (rays.single(t) * z).clamp_min(0).minimum(t_max.float())
    slopes = [
        ((f[axis].float() - px * iz[axis].float()) * z) ** 2
        for axis in (0, 1)
        for f, px in ((s, s_px), (t, t_px))
    ]
    rho2 = torch.maximum(slopes[0] + slopes[1], slopes[2] + slopes[3])
    texels = sample(texture, s_px, t_px, mip_level(rho2, side))
    if is_card:
        seen &= texels[3] >= 128 * 256

    def colour() -> Tensor:
        metres_s, metres_t = (u.norm() / s_max).float(), (v.norm() / t_max).float()
        border = torch.minimum(
            torch.minimum(s_px, s_max.float() - s_px) * metres_s,
            torch.minimum(t_px, t_max.float() - t_px) * metres_t,
        )
        inverse_corner = 1 / row[13] if row[13] > 0 else torch.tensor(1e6)
        corner = (1 - border * inverse_corner).clamp_min(0)
        shade = 1 - CORNER_STRENGTH * (corner * corner)
        p, q = s_px * metres_s, t_px * metres_t
        if row[14] > 0:
            shade = shade * _shadow(scene, row, p, q)
        to_light = rays.place(scene.light[0]) - origin
        # The lit side is the one that the light stands on; cards are lit on both.
        height = -distance.sign() * (to_light @ normal) / normal.norm()
        facing = (height.abs() if is_card else height.clamp_min(0)).float()
        dp = p - (to_light @ u / u.norm()).float()
        dq = q - (to_light @ v / v.norm()).float()
        lit = facing / (dp * dp + dq * dq + (height * height).float())
        return _tint(scene, row, texels, shade, lit)

    def coverage() -> Tensor:
        share = plane_coverage([(rays.exact(side), side) for side in sides])
        if is_card:
            texel_px = (1 / (rho2.double() + 1e-12).sqrt()).clamp_min(1)
            share = share * (0.5 + (texels[3] / 65280 - 0.5) * texel_px).clamp(0, 1)
        return share

    return Surface(inverse_depth, seen, colour, coverage)


def _shadow(scene: Scene, row: Tensor, p: Tensor, q: Tensor) -> Tensor:
    shade = torch.ones_like(p)
    u, v = row[5:8].double(), row[8:11].double()
    for table in scene.shadows:
        from_origin, heading = table[:3].double() - row[2:5].double(), table[3:6].double()
        dp, dq = p - (from_origin @ u / u.norm()).float(), q - (from_origin @ v / v.norm()).float()
        cosine, sine = (heading @ u / u.norm()).float(), (heading @ v / v.norm()).float()
        along = ((dp * cosine + dq * sine).abs() - table[6]).clamp_min(0) * (1 / table[8])
        across = ((dq * cosine - dp * sine).abs() - table[7]).clamp_min(0) * (1 / table[8])
        near = (1 - (along * along + across * across)).clamp_min(0)
        shade = shade * (1 - table[9] * (near * near))
    return shade


def _ball(scene: Scene, row: Tensor, rays: Rays) -> Surface | None:
    texture = scene.textures[int(row[1])]
    side = texture.shape[1] - 1
    centre = rays.place(row[2:5])
    u, v = rays.axes @ row[5:8].double(), rays.axes @ row[8:11].double()
    radius = u.norm()
    k = centre @ centre - radius * radius
    if k <= 0 or centre[2] <= radius:
        return None
    b = rays.dot(centre)
    ray_x, ray_y = (rays.dot(axis) for axis in torch.eye(3, dtype=torch.float64)[:2])
    discriminant = rays.exact(b) ** 2 - k * (rays.exact(ray_x) ** 2 + rays.exact(ray_y) ** 2 + 1)
    root = discriminant.clamp_min(0).float().sqrt()
    inverse_depth = (rays.single(b) + root) * (1 / k).float()

    def colour() -> Tensor:
        z = 1 / inverse_depth
        axes = torch.stack([u, v, torch.linalg.cross(u, v) / radius]) / radius
        n = torch.stack(
            [
                z * rays.single(rays.dot(axis / radius)) - (axis @ centre / radius).float()
                for axis in axes
            ]
        )
        cosine2 = root * root * (centre[2] ** 2 / (radius**2 * (centre @ centre))).float() + 0.02
        footprint = z * (side / (torch.pi * radius * rays.focal)).float()
        level = mip_level(footprint * footprint / cosine2, side)
        # Texel centres of the level lie on the border of the octahedron: nothing wraps around.
        texel = (1 << level).float()
        s, t = (_octahedron(n) * 0.5 + 0.5).clamp(0, 1) * (side - texel) + 0.5 * texel
        to_light = (axes @ (rays.place(scene.light[0]) - centre)).float()
        towards = (n * to_light[:, None, None]).sum(dim=0)
        r = radius.float()
        lit = (towards - r).clamp_min(0) / (to_light @ to_light - 2 * r * towards + r * r)
        return _tint(scene, row, sample(texture, s, t, level), torch.ones_like(lit), lit)

    def coverage() -> Tensor:
        return ball_coverage(
            discriminant,
            [
                rays.exact(b) * b[i] - k * rays.exact(ray) * ray[i]
                for i, ray in ((0, ray_x), (1, ray_y))
            ],
        )

    return Surface(inverse_depth, discriminant >= 0, colour, coverage)


def _ellipsoid(scene: Scene, row: Tensor, rays: Rays) -> Surface | None:
    texture = scene.textures[int(row[1])]
    side = texture.shape[1] - 1
    centre = rays.place(row[2:5])
    u, v = rays.axes @ row[5:8].double(), rays.axes @ row[8:11].double()
    across = torch.linalg.cross(u, v)
    radii = torch.stack([u.norm(), v.norm(), row[11].double()])
    axes = torch.stack([u / radii[0], v / radii[1], across / across.norm()])
    q = axes @ centre / radii
    k = q @ q - 1
    if k <= 0:
        return None
    e = [rays.dot(axis / radius) for axis, radius in zip(axes, radii, strict=True)]
    b = q[0] * e[0] + q[1] * e[1] + q[2] * e[2]
    exact = torch.stack([rays.exact(linear) for linear in e])
    discriminant = rays.exact(b) ** 2 - k * exact.square().sum(dim=0)
    root = discriminant.clamp_min(0).float().sqrt()
    inverse_depth = (rays.single(b) + root) * (1 / k).float()

    def colour() -> Tensor:
        z = 1 / inverse_depth
        n = torch.stack([z * rays.single(e[i]) - q[i].float() for i in range(3)])
        radius = radii.prod() ** (1 / 3)
        cosine2 = discriminant.clamp_min(0).float() * (centre @ centre / (q @ q)).float() + 0.02
        footprint = z * (side / (torch.pi * radius * rays.focal)).float()
        level = mip_level(footprint * footprint / cosine2, side)
        texel = (1 << level).float()
        s, t = (_octahedron(n) * 0.5 + 0.5).clamp(0, 1) * (side - texel) + 0.5 * texel
        stretch = radii.float()[:, None, None]
        normal = n * (1 / stretch)
        away = (axes @ (rays.place(scene.light[0]) - centre)).float()[:, None, None] - n * stretch
        towards = (away * normal).sum(dim=0).clamp_min(0)
        lit = towards / (normal.square().sum(dim=0).sqrt() * away.square().sum(dim=0))
        return _tint(scene, row, sample(texture, s, t, level), torch.ones_like(lit), lit)

    def coverage() -> Tensor:
        gradient = [
            rays.exact(b) * b[i] - k * sum(rays.exact(axis) * axis[i] for axis in e) for i in (0, 1)
        ]
        return ball_coverage(discriminant, gradient)

    return Surface(inverse_depth, discriminant >= 0, colour, coverage)


def _octahedron(n: Tensor) -> Tensor:
    """Unfold directions [3, H, W] onto [-1, 1]², third axis in the middle, returns [2, H, W]."""
    flat = n[:2] / n.abs().sum(dim=0)
    folded = torch.copysign(1 - flat.flip(0).abs(), flat)
    return torch.where(n[2] < 0, folded, flat)


def _tint(scene: Scene, row: Tensor, texels: Tensor, shade: Tensor, lit: Tensor) -> Tensor:
    """Light the texels (8.8 fixed point) with ambient + diffuse · lit, [3, H, W] uint8."""
    diffuse, ambient = scene.light[1, :, None, None], scene.light[2, :, None, None]
    gain = torch.maximum(shade * (ambient + diffuse * lit), row[15]).clamp_max(1)
    fixed = (gain * 256 + 0.5).int()
    return ((texels[:3] * fixed) >> 16).to(torch.uint8)


CASTERS = (_plane, _ball, _plane, _ellipsoid)
"""By kind: rectangle, sphere, card, ellipsoid."""
