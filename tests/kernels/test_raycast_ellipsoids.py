"""Ellipsoids of the ray caster: where geometry says, lit as spheres are, cut by the eye's plane."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.raycast import Scene, raycast, reference
from stereocast.kernels.raycast.primitives import Finish, Row, ellipsoid, rectangle, sphere
from stereocast.kernels.raycast.textures import noise, pyramid
from tests.closeness import assert_close_off_edges
from tests.kernels.test_raycast import camera, id_edges, needs_native

WALL = rectangle((-50, -50, 9.0), (100, 0, 0), (0, 100, 0), Finish(0, (60, 60)))
TURNED = ((0.6, 0.3, 0.1), (-0.15, 0.3, 0.0))
"""Two perpendicular radii that lie in no plane of the axes."""


@pytest.fixture(scope="module")
def sheets() -> Tensor:
    g = torch.Generator().manual_seed(5)
    return torch.stack([pyramid(0.5 + 0.18 * noise(64, (4, 4), g, 3).expand(3, -1, -1))])


def scene(rows: list[Row], sheets: Tensor) -> Scene:
    return Scene(
        primitives=torch.tensor(rows),
        textures=sheets,
        shadows=torch.zeros(0, 10),
        light=torch.tensor([[0.5, -1.5, 2.0], [1.4] * 3, [0.3] * 3, [12.0, 34.0, 56.0]]),
    )


def many(sheets: Tensor) -> Scene:
    rows = [
        WALL,
        ellipsoid((0.4, 0.1, 3.0), *TURNED, 0.9, Finish(0)),
        ellipsoid((-1.0, -0.5, 5.0), (0.2, 0, 0), (0, 1.2, 0), 0.2, Finish(0, glow=0.7)),
        ellipsoid((-0.2, 0.9, 2.2), (0.5, 0, 0), (0, 0.05, 0), 0.5, Finish(0)),
        ellipsoid((1.5, 0.2, -0.5), (0.4, 0, 0), (0, 0.6, 0), 4.0, Finish(0)),
    ]
    return scene(rows, sheets)


@needs_native
@pytest.mark.parametrize(("height", "width"), [(17, 23), (90, 161)])
@pytest.mark.parametrize("yaw", [0.0, 0.35, -0.5])
def test_native_equals_reference(sheets: Tensor, height: int, width: int, yaw: float) -> None:
    view, eye = many(sheets), camera(width, height, yaw=yaw, x=0.1)
    rgb, depth, ids = raycast(view, eye, height=height, width=width)
    rgb_ref, depth_ref, ids_ref = reference.raycast(view, eye.table(), height=height, width=width)
    edges, flips = id_edges(ids_ref), height * width // 1000
    assert_close_off_edges(ids, ids_ref, edges, 0, flips)
    assert_close_off_edges(1 / depth, 1 / depth_ref, edges, 1e-6, flips)
    level_flips = ((rgb.int() - rgb_ref.int()).abs().amax(dim=0) > 1) & ~edges
    assert int(level_flips.sum()) <= flips
    assert_close_off_edges(rgb, rgb_ref, edges | level_flips, 1, 4 * flips)


def test_a_round_ellipsoid_is_a_sphere(sheets: Tensor) -> None:
    ball = sphere((0.3, -0.2, 3.0), 0.8, Finish(0), spin=0.4)
    one, two = tuple(ball[5:8]), tuple(ball[8:11])
    egg = ellipsoid((0.3, -0.2, 3.0), one, two, 0.8, Finish(0))
    eye = camera(61, 47, yaw=0.1)
    rgb, depth, ids = (
        torch.stack(maps)
        for maps in zip(
            *(raycast(scene([WALL, row], sheets), eye, height=47, width=61) for row in (ball, egg)),
            strict=True,
        )
    )
    assert int((ids[0] != ids[1]).sum()) == 0
    assert torch.allclose(depth[0], depth[1], rtol=1e-5)
    # Mip levels of the two are chosen by slightly different footprints towards the border.
    assert float(((rgb[0].int() - rgb[1].int()).abs() > 2).float().mean()) < 0.01


@pytest.mark.parametrize("centre", [(0.4, 0.1, 3.0), (1.2, 0.2, 0.3)])
def test_depth_lies_on_the_quadric(sheets: Tensor, centre: tuple[float, float, float]) -> None:
    """Each hit solves the equation of the surface; each miss has no solution before the eye."""
    height, width, eye = 61, 83, camera(83, 61)
    row = ellipsoid(centre, *TURNED, 0.9, Finish(0))
    _, depth, ids = raycast(scene([row], sheets), eye, height=height, width=width)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    ray = torch.stack(
        [(x + 0.5 - width / 2) / 40, (y + 0.5 - height / 2) / 40, torch.ones_like(x)], dim=-1
    ).double()
    u, v = (torch.tensor(edge, dtype=torch.float64) for edge in TURNED)
    across = torch.linalg.cross(u, v)
    inverse = torch.stack([u / (u @ u), v / (v @ v), across / across.norm() / 0.9])
    e, q = ray @ inverse.T, inverse @ torch.tensor(centre, dtype=torch.float64)
    a, b, c = e.square().sum(-1), e @ q, q @ q - 1
    inside = b * b - a * c
    expected = (inside >= 0) & (b > 0)
    assert int(expected.sum()) > 100
    assert torch.equal(ids == 0, expected)
    nearest = (b - inside.clamp_min(0).sqrt()) / a
    assert torch.allclose(depth[expected].double(), nearest[expected], rtol=2e-4)


def test_an_ellipsoid_around_or_behind_the_eye_is_not_drawn(sheets: Tensor) -> None:
    around = ellipsoid((0, 0, 0.5), (1.0, 0, 0), (0, 1.0, 0), 1.0, Finish(0))
    behind = ellipsoid((0, 0, -3.0), (1.0, 0, 0), (0, 1.0, 0), 1.0, Finish(0))
    _, depth, ids = raycast(scene([around, behind], sheets), camera(23, 17), height=17, width=23)
    assert (ids == -1).all() and (depth == math.inf).all()


def test_the_side_towards_the_light_is_brighter(sheets: Tensor) -> None:
    white = torch.stack([pyramid(torch.ones(3, 64, 64))])
    flat = ellipsoid((0.0, 0.0, 4.0), (1.5, 0, 0), (0, 0.5, 0), 0.8, Finish(0))
    rgb, _, ids = raycast(scene([flat], white), camera(61, 41), height=41, width=61)
    column = rgb[0, :, 33].int()[ids[:, 33] == 0]
    assert int(column[2]) > int(column[-3]) + 20  # the lamp hangs above


@pytest.mark.parametrize("threads", [2, 5])
def test_thread_count_changes_nothing(sheets: Tensor, threads: int) -> None:
    view, eye = many(sheets), camera(123, 77, yaw=0.1)
    module = native.serving()
    before = module.threads() if module else 1
    try:
        native.set_threads(1)
        one = raycast(view, eye, height=77, width=123)
        native.set_threads(threads)
        several = raycast(view, eye, height=77, width=123)
    finally:
        native.set_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(one, several, strict=True))
