"""Rays × primitives → colour, depth and id: the renderer of test and training scenes.

The contract lives here; reference.py defines the result in plain PyTorch, cpu.cpp makes it fast.
What the scenes contain (primitives.py, textures.py, gallery.py) is built beside it.

World and camera axes: x right, y down, z forward, metres. Pixel (x, y) has its centre at
(x + ½, y + ½); the image origin is the top-left corner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.raycast import reference

PRIMITIVE_COLUMNS = 16
SHADOW_COLUMNS = 10


@dataclass(frozen=True)
class Scene:
    """Everything that can be seen, on one device.

    primitives  [P, 16] float32, one row each; primitives.py makes the rows:
                0 kind: 0 rectangle, 1 sphere, 2 card (a rectangle cut out by its texture's
                alpha), 3 ellipsoid
                1 texture (its number), 2:5 corner, or centre of the sphere,
                5:8 and 8:11 perpendicular edges, or two radii of the sphere, in metres,
                11:13 repetitions of the texture along the edges, up to 4096; in 11 of an
                ellipsoid the length of its third radius (first × second), metres,
                13 width in metres of the darkened border, 0 for none,
                14 above 0: the scene's shadows fall on it, 15 glow: least light it shows, in [0, 1]
    textures    [T, 2·S + log2 S, S + 1, 4] uint8 RGBA, S a power of two up to 1024, made by
                textures.pyramid. The mip level of size n begins in row 2·(S − n) + log2(S / n) and
                has n + 1 rows and columns, the last ones equal to the first; levels repeat. Spheres
                are unfolded as an octahedron, third axis (edge × edge) in the middle
    shadows     [K, 10] float32: rounded rectangles of shade: centre 0:3, unit direction 3:6, half
                length along it 6 and across 7, softness 8 (metres), strength 9 in [0, 1]
    light       [4, 3] float32: position in metres, diffuse RGB (metres: the gain at 1 m), ambient
                RGB gain, background RGB in 0..255 where no primitive is hit
    """

    primitives: Tensor
    textures: Tensor
    shadows: Tensor
    light: Tensor


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    position      [3] float32, metres
    orientation   [3, 3] float32, rows right, down and forward in world axes
    focal_px      [] float32
    principal_px  [2] float32 (x, y): where the optical axis meets the picture
    """

    position: Tensor
    orientation: Tensor
    focal_px: Tensor
    principal_px: Tensor

    def table(self) -> Tensor:
        """Return the camera as the [5, 3] float32 table that the kernels read."""
        intrinsics = torch.cat([self.focal_px.reshape(1), self.principal_px])
        return torch.cat([self.position[None], self.orientation, intrinsics[None]])

    def other_eye(self, *, baseline_m: float | Tensor, convergence_m: float) -> Camera:
        """Return the right eye of this left one: moved along x, picture shifted.

        A point at depth Z has disparity d = xL − xR = focal·baseline·(1/Z − 1/convergence).
        """
        shift = self.focal_px * baseline_m / convergence_m
        return replace(
            self,
            position=self.position + baseline_m * self.orientation[0],
            principal_px=self.principal_px + torch.stack([shift, torch.zeros_like(shift)]),
        )


def raycast(
    scene: Scene, camera: Camera, *, height: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Render what the camera sees: the nearest primitive along each pixel's ray.

    returns  rgb [3, H, W] uint8; depth [H, W] float32, metres along the optical axis, +inf where
             nothing is hit; ids [H, W] int32, the row of the primitive, −1 where nothing is hit

    Depth and ids are those of the pixel's centre; colours on silhouettes are mixed by coverage. The
    light does not depend on the viewer, so two eyes agree. At equal depth the first row wins. The
    same for any number of threads. Spheres that enclose the camera or reach behind it are not
    drawn; of an ellipsoid that reaches behind it, what lies in front is.
    Raises ValueError if a shape or a size is wrong, or a row names an unknown kind or texture.
    """
    _check(scene, height, width)
    tables = _tables(scene, camera)
    module = native.serving(*tables)
    if module is None:
        return reference.raycast(scene, tables[-1], height=height, width=width)
    rgb = torch.empty(3, height, width, dtype=torch.uint8)
    depth = torch.empty(height, width)
    ids = torch.empty(height, width, dtype=torch.int32)
    module.raycast(*tables, rgb, depth, ids)
    return rgb, depth, ids


def raycast_colours(scene: Scene, camera: Camera, *, height: int, width: int) -> Tensor:
    """Return the rgb of `raycast` alone, bit for bit, for less: no map leaves the cache."""
    _check(scene, height, width)
    tables = _tables(scene, camera)
    module = native.serving(*tables)
    if module is None:
        return reference.raycast(scene, tables[-1], height=height, width=width)[0]
    rgb = torch.empty(3, height, width, dtype=torch.uint8)
    module.raycast_colours(*tables, rgb)
    return rgb


def _tables(scene: Scene, camera: Camera) -> tuple[Tensor, ...]:
    tables = (scene.primitives, scene.textures, scene.shadows, scene.light, camera.table())
    return tuple(table.contiguous() for table in tables)


def disparity_px(
    depth: Tensor, camera: Camera, *, baseline_m: float | Tensor, convergence_m: float
) -> Tensor:
    """Return the exact d = xL − xR in pixels, [H, W] float32, of a depth map in metres."""
    reach = camera.focal_px * baseline_m
    return reach * (1 / depth - 1 / convergence_m)


def _check(scene: Scene, height: int, width: int) -> None:
    if not (1 <= height <= 16384 and 1 <= width <= 16384):
        raise ValueError(f"raycast: height and width must be in [1, 16384], got {height}×{width}")
    primitives, textures, shadows = scene.primitives, scene.textures, scene.shadows
    if primitives.ndim != 2 or primitives.shape[1] != PRIMITIVE_COLUMNS:
        raise ValueError(f"raycast: primitives must be [P, 16], got {list(primitives.shape)}")
    side = textures.shape[2] - 1 if textures.ndim == 4 else 0
    if side not in {2**n for n in range(11)} or textures.shape[1:] != (
        2 * side + side.bit_length() - 1,
        side + 1,
        4,
    ):
        raise ValueError(
            "raycast: textures must be [T, 2·S + log2 S, S + 1, 4], S a power of two up to 1024, "
            f"got {list(textures.shape)}"
        )
    if shadows.ndim != 2 or shadows.shape[1] != SHADOW_COLUMNS:
        raise ValueError(f"raycast: shadows must be [K, 10], got {list(shadows.shape)}")
    if scene.light.shape != (4, 3):
        raise ValueError(f"raycast: light must be [4, 3], got {list(scene.light.shape)}")
    if any(tensor.dtype != torch.float32 for tensor in (primitives, shadows, scene.light)):
        raise ValueError("raycast: primitives, shadows and light must be float32")
    if textures.dtype != torch.uint8:
        raise ValueError(f"raycast: textures must be uint8, got {textures.dtype}")
