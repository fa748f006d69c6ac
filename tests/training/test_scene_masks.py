"""Masks of the right eye: proved on scenes whose holes are known, and by casting every ray."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stereocast.kernels.raycast import Camera, Scene, raycast
from stereocast.kernels.raycast.primitives import Finish, Row, rectangle, sphere
from stereocast.kernels.raycast.textures import pyramid
from stereocast.training.scenes import SceneClip
from stereocast.training.scenes.clip import FINER
from stereocast.training.scenes.visibility import hidden_from_left

CONVERGENCE_M, WALL_M = 4.0, 16.0


def masks(rows: list[Row], height: int = 33, width: int = 200) -> tuple[Tensor, Tensor]:
    """Hidden and outside samples of a handmade scene where d = 80 px · m / Z − 20 px."""
    scene = Scene(
        primitives=torch.tensor(rows),
        textures=torch.stack([pyramid(torch.full((3, 8, 8), 0.5))]),
        shadows=torch.zeros(0, 10),
        light=torch.tensor([(0.0, -1.0, 0.0), (2.0,) * 3, (0.5,) * 3, (0.0,) * 3]),
    )
    left = Camera(
        position=torch.zeros(3),
        orientation=torch.eye(3),
        focal_px=torch.tensor(200.0),
        principal_px=torch.tensor([width / 2, height / 2]),
    )
    right = left.other_eye(baseline_m=0.4, convergence_m=CONVERGENCE_M)
    left_ids = raycast(scene, left, height=height, width=width)[2]
    _, depth, ids = raycast(scene, right, height=height, width=width)
    return hidden_from_left(
        scene, (left, right), left_ids=left_ids, right_depth=depth, right_ids=ids
    )


def facing(x: float, wide: float, z: float) -> Row:
    """A tall rectangle across the optical axis, from x to x + wide."""
    return rectangle((x, -50.0, z), (wide, 0.0, 0.0), (0.0, 100.0, 0.0), Finish(0))


WALL = facing(-50.0, 100.0, WALL_M)  # d = −15 px


def test_a_wall_behind_the_screen_is_outside_at_the_left_border_only():
    hidden, outside = masks([WALL])
    assert not hidden.any()
    assert torch.equal(outside, torch.arange(200).expand(33, 200) < 15)


def test_a_wall_before_the_screen_is_outside_at_the_right_border_only():
    hidden, outside = masks([facing(-50.0, 100.0, 2.0)])  # d = +20 px
    assert not hidden.any()
    assert torch.equal(outside, torch.arange(200).expand(33, 200) >= 180)


def test_a_foreground_object_opens_a_hole_as_wide_as_its_disparity_on_its_right():
    # d = +20 px against −15 px: left columns 50 to 125, right columns 30 to 105.
    hidden, _ = masks([WALL, facing(-0.5, 0.75, 2.0)])
    expected = torch.zeros(33, 200, dtype=torch.bool)
    expected[:, 105 : 105 + 35] = True
    assert torch.equal(hidden, expected)


def test_where_there_is_no_wall_the_hole_reaches_to_infinity():
    hidden, outside = masks([facing(-0.5, 0.75, 2.0)])  # d = −20 px where nothing is hit
    expected = torch.zeros(33, 200, dtype=torch.bool)
    expected[:, 105 : 105 + 40] = True
    assert torch.equal(hidden, expected)
    assert torch.equal(outside, torch.arange(200).expand(33, 200) < 20)


def test_a_thin_object_hides_no_more_than_its_own_width():
    hidden, _ = masks([WALL, facing(0.0, 0.1, 2.0)])  # left columns 100 to 110
    columns = torch.nonzero(hidden[0])[:, 0]
    assert columns.tolist() == list(range(115, 125))  # 100 + 15 to 110 + 15


def test_a_sphere_hides_what_the_formula_of_tangents_says():
    hidden, _ = masks([WALL, sphere((0.0, 0.0, 3.0), 0.3, Finish(0))])
    row = hidden[16]  # through the centre, where the outline is at angle ± asin(r / |c|)
    slope = math.tan(math.asin(0.3 / 3.0))
    left_end = 100 + 200 * slope  # the outline seen from the left eye, columns
    # The other end of the shade on the wall is covered for the right eye by the sphere itself.
    angle = math.asin(0.3 / math.hypot(3.0, 0.4)) - math.atan2(0.4, 3.0)
    first, last = 120 + 200 * math.tan(angle), left_end + 15
    columns = torch.nonzero(row)[:, 0]
    assert abs(int(columns[0]) - first) <= 1 and abs(int(columns[-1]) + 1 - last) <= 1
    assert len(columns) == int(columns[-1]) - int(columns[0]) + 1


@pytest.mark.parametrize(("seed", "index"), [(0, 0), (5, 6), (11, 3)])
def test_masks_equal_those_of_casting_every_ray_against_everything(seed, index):
    clip = SceneClip(seed, height=108, width=192)
    truth = clip.frame(index)
    hidden, outside = cast_everything(clip, index)
    occluded, off = (
        torch.nn.functional.avg_pool2d(mask.float()[None], FINER)[0] for mask in (hidden, outside)
    )
    assert torch.equal(off, truth.outside)
    # A fiftieth of what is hidden: slivers of posts that no left sample meets, and the card, whose
    # outline the ray caster reads from a coarser sheet in so small a picture.
    assert float((occluded - truth.occluded).abs().mean()) < 0.02 * float(occluded.mean())


def test_masks_are_soft_and_exclude_each_other():
    truth = SceneClip(2, height=90, width=160).frame(0)
    for mask in (truth.occluded, truth.outside):
        assert set(mask.unique().tolist()) <= {0.0, 0.25, 0.5, 0.75, 1.0}
    assert ((truth.occluded > 0) & (truth.occluded < 1)).any()
    assert float((truth.occluded + truth.outside).amax()) <= 1


def test_outside_lies_where_the_left_frame_ends():
    truth = SceneClip(2, height=90, width=160).frame(0)
    column = torch.arange(160) + 0.5 + truth.right_disparity
    clearly_in, clearly_out = (column > 1) & (column < 159), (column < -1) | (column > 161)
    assert clearly_out.any()
    assert float(truth.outside[clearly_in].mean()) < 1e-3
    assert float(truth.outside[clearly_out].mean()) > 0.98


def cast_everything(clip: SceneClip, index: int) -> tuple[Tensor, Tensor]:
    """Masks in world axes and doubles: the first hit of each right ray, then the way to the left.

    Uses neither the ray caster nor its pictures; slow, and obvious.
    """
    left, right = clip.eyes_at(index, finer=FINER)
    rows, textures = clip.scene_at(index).primitives.double(), clip.scene_at(index).textures
    height, width = FINER * clip.height, FINER * clip.width
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    picture = torch.stack([x, y], dim=-1).double()
    xy = (picture - right.principal_px.double()) / right.focal_px.double()
    rays = torch.cat([xy, torch.ones_like(xy[..., :1])], dim=-1) @ right.orientation.double()
    origin = right.position.double()
    reach = torch.stack([hit(row, textures, origin, rays) for row in rows]).amin(dim=0)
    points = origin + reach[..., None] * rays
    eye = left.position.double()
    way = points - eye
    shares = torch.stack([hit(row, textures, eye, way) for row in rows]).amin(dim=0)
    seen = way @ left.orientation.double().T
    column = left.focal_px.double() * seen[..., 0] / seen[..., 2] + left.principal_px[0].double()
    outside = (column < 0) | (column >= width)
    return (shares < 1 - 1e-3) & ~outside, outside


def hit(row: Tensor, textures: Tensor, origin: Tensor, rays: Tensor) -> Tensor:
    """The multiple of each ray at which it first meets the primitive, inf where it never does."""
    place, u, v = row[2:5], row[5:8], row[8:11]
    never = torch.full(rays.shape[:2], torch.inf, dtype=torch.float64)
    if row[0] == 1:
        a, b = (rays * rays).sum(-1), (rays * (place - origin)).sum(-1)
        root2 = b * b - a * ((place - origin) @ (place - origin) - u @ u)
        nearest = (b - root2.clamp_min(0).sqrt()) / a
        return torch.where((root2 >= 0) & (nearest > 0), nearest, never)
    normal = torch.linalg.cross(u, v)
    reach = (normal @ (place - origin)) / (rays @ normal)
    on = origin + reach[..., None] * rays - place
    s, t = on @ u / (u @ u), on @ v / (v @ v)
    inside = (reach > 1e-6) & (s >= 0) & (s <= 1) & (t >= 0) & (t <= 1)
    if row[0] == 2:
        inside &= opaque(textures[int(row[1])], s, t)
    return torch.where(inside, reach, never)


def opaque(texture: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Alpha, linear between texels of the finest sheet, against one half."""
    side = texture.shape[1] - 1
    alpha = texture[:side, :side, 3].double()[None, None]
    grid = torch.stack([2 * s - 1, 2 * t - 1], dim=-1)[None].clamp(-1, 1)
    return torch.nn.functional.grid_sample(alpha, grid, align_corners=False)[0, 0] >= 128
