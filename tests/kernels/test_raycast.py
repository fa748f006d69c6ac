"""The ray caster: geometry, light-free truths of stereo, and reference = native."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.raycast import (
    Camera,
    Scene,
    disparity_px,
    gallery,
    raycast,
    raycast_colours,
    reference,
)
from stereocast.kernels.raycast.primitives import Finish, Row, box, card, rectangle, shadow, sphere
from stereocast.kernels.raycast.textures import noise, pyramid, ramp
from tests.closeness import assert_close_off_edges

FOCAL_PX = 40.0
WHITE, CLOUDS, HOLED = 0, 1, 2


@pytest.fixture(scope="module")
def sheets() -> Tensor:
    g = torch.Generator().manual_seed(5)
    clouds = torch.stack([0.5 + 0.18 * noise(64, (4, 4), g, 3) for _ in range(3)])
    mask = ramp(noise(64, (3, 3), g, 2), -0.1, 0.1)
    white = torch.ones(3, 64, 64)
    return torch.stack([pyramid(white), pyramid(clouds), pyramid(clouds, mask)])


def scene(rows: list[Row], sheets: Tensor, *, ambient: float = 1.0, diffuse: float = 0.0) -> Scene:
    return Scene(
        primitives=torch.tensor(rows),
        textures=sheets,
        shadows=torch.tensor([shadow((0.2, 1.0, 4.0), (0.5, 0.2), softness_m=0.5, strength=0.6)]),
        light=torch.tensor([[0.5, -1.5, 2.0], [diffuse] * 3, [ambient] * 3, [12.0, 34.0, 56.0]]),
    )


def camera(width: int, height: int, *, yaw: float = 0.0, x: float = 0.0) -> Camera:
    c, s = math.cos(yaw), math.sin(yaw)
    return Camera(
        position=torch.tensor([x, 0.0, 0.0]),
        orientation=torch.tensor([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]]),
        focal_px=torch.tensor(FOCAL_PX),
        principal_px=torch.tensor([width / 2, height / 2]),
    )


def wall(z: float, finish: Finish, half_m: float = 50.0) -> Row:
    return rectangle((-half_m, -half_m, z), (2 * half_m, 0, 0), (0, 2 * half_m, 0), finish)


def furnished(sheets: Tensor) -> Scene:
    """One of everything: a room corner, a turned box, spheres, a card, shadows and a lamp."""
    rows = [
        wall(9.0, Finish(CLOUDS, (30.0, 30.0), corner_m=0.8)),
        rectangle((-6, 1.0, 0.5), (12, 0, 0), (0, 0, 9), Finish(CLOUDS, (6, 4.5), 0.5, True)),
        *box((-0.8, 0.5, 5.0), (1.0, 1.0, 0.7), Finish(CLOUDS), yaw=0.6),
        sphere((0.9, 0.2, 4.0), 0.7, Finish(CLOUDS), spin=0.5),
        sphere((0.1, -0.9, 6.0), 0.3, Finish(WHITE, glow=0.9)),
        *box((1.6, 0.0, 3.1), (0.05, 2.0, 0.05), Finish(CLOUDS, (1, 20)), yaw=0.2),
        card((-1.0, -0.8, 2.2), (0.8, 0.2, 0), (-0.2, 0.8, 0.1), Finish(HOLED)),
    ]
    return scene(rows, sheets, ambient=0.3, diffuse=1.4)


def id_edges(ids: Tensor) -> Tensor:
    """Pixels that touch another id, and their neighbours."""
    edges = torch.zeros_like(ids, dtype=torch.float32)
    across, down = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
    edges[:, 1:] += across
    edges[:, :-1] += across
    edges[1:] += down
    edges[:-1] += down
    return torch.nn.functional.max_pool2d(edges[None], 3, 1, 1)[0] > 0


needs_native = pytest.mark.skipif(
    native.serving() is None, reason="the native module was not built"
)


@needs_native
@pytest.mark.parametrize(("height", "width"), [(17, 23), (90, 161), (1, 1)])
@pytest.mark.parametrize("yaw", [0.0, 0.21])
def test_native_equals_reference(sheets: Tensor, height: int, width: int, yaw: float) -> None:
    view, eye = furnished(sheets), camera(width, height, yaw=yaw, x=0.1)
    rgb, depth, ids = raycast(view, eye, height=height, width=width)
    rgb_ref, depth_ref, ids_ref = reference.raycast(view, eye.table(), height=height, width=width)
    edges, flips = id_edges(ids_ref), height * width // 1000
    assert_close_off_edges(ids, ids_ref, edges, 0, flips)
    assert_close_off_edges(1 / depth, 1 / depth_ref, edges, 1e-6, flips)
    # A texel's mip level may flip where the footprint is at the border between two.
    level_flips = ((rgb.int() - rgb_ref.int()).abs().amax(dim=0) > 1) & ~edges
    assert int(level_flips.sum()) <= flips
    assert_close_off_edges(rgb, rgb_ref, edges | level_flips, 1, 4 * flips)


@needs_native
def test_native_equals_reference_on_the_gallery() -> None:
    view = gallery.scene_at(1.5, gallery.paint(64))
    eye = gallery.camera_at(1.5, height=72, width=128)
    rgb, depth, ids = raycast(view, eye, height=72, width=128)
    rgb_ref, depth_ref, ids_ref = reference.raycast(view, eye.table(), height=72, width=128)
    edges = id_edges(ids_ref)
    assert_close_off_edges(ids, ids_ref, edges, 0, 9)
    assert_close_off_edges(1 / depth, 1 / depth_ref, edges, 1e-6, 9)
    assert_close_off_edges(rgb, rgb_ref, edges, 1, 30)


def test_nothing_hit_is_background_at_infinity(sheets: Tensor) -> None:
    view = scene([wall(-3.0, Finish(WHITE))], sheets)
    rgb, depth, ids = raycast(view, camera(23, 17), height=17, width=23)
    assert (depth == math.inf).all()
    assert (ids == -1).all()
    assert (rgb == torch.tensor([12, 34, 56])[:, None, None]).all()


def test_nearer_hides_farther_in_any_order(sheets: Tensor) -> None:
    near, far = wall(2.0, Finish(WHITE), half_m=0.29), wall(5.0, Finish(CLOUDS))
    eye = camera(23, 17)
    _, depth, ids = raycast(scene([near, far], sheets), eye, height=17, width=23)
    _, depth_turned, ids_turned = raycast(scene([far, near], sheets), eye, height=17, width=23)
    assert torch.equal(depth, depth_turned)
    assert torch.equal(ids, 1 - ids_turned)
    expected = torch.where(ids == 0, 2.0, 5.0)
    assert torch.allclose(depth, expected)
    assert int((ids == 0).sum()) == 11 * 11  # 5.8 px to each side of a pixel's centre


def test_inverse_depth_of_a_plane_is_linear(sheets: Tensor) -> None:
    floor = rectangle((-60, 1.2, 0.1), (120, 0, 0), (0, 0, 300), Finish(CLOUDS, (60, 150)))
    _, depth, ids = raycast(scene([floor], sheets), camera(23, 40, yaw=0.3), height=40, width=23)
    rows = (1 / depth)[24:].double()
    assert (ids[24:] == 0).all()
    assert (rows[:, 2:] - 2 * rows[:, 1:-1] + rows[:, :-2]).abs().max() < 2e-7
    assert (rows[2:] - 2 * rows[1:-1] + rows[:-2]).abs().max() < 2e-7
    # Row y sees the floor where Z = f·1.2 / (y + ½ − cy), whatever the yaw.
    y = torch.arange(24, 40) + 0.5 - 20
    assert torch.allclose(depth[24:, 11].double(), FOCAL_PX * 1.2 / y.double(), rtol=1e-5)


def test_spheres_silhouette_is_where_geometry_says(sheets: Tensor) -> None:
    height, width, centre, radius = 81, 121, torch.tensor([0.7, -0.3, 4.0]), 0.9
    row = sphere((0.7, -0.3, 4.0), radius, Finish(CLOUDS))
    _, depth, ids = raycast(scene([row], sheets), camera(width, height), height=height, width=width)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    ray = torch.stack(
        [(x + 0.5 - width / 2) / FOCAL_PX, (y + 0.5 - height / 2) / FOCAL_PX, torch.ones(x.shape)]
    )
    ray = ray / ray.norm(dim=0)
    along = (ray * centre[:, None, None]).sum(0)
    missed_by = (centre @ centre - along**2).clamp_min(0).sqrt()
    assert torch.equal(ids == 0, missed_by <= radius)
    chord = (radius**2 - missed_by**2).clamp_min(0).sqrt()
    hit = ids == 0
    assert torch.allclose(depth[hit], ((along - chord) * ray[2])[hit], rtol=1e-4)


def test_card_shows_what_is_behind_its_holes(sheets: Tensor) -> None:
    leaf = card((-1, -1, 2), (2, 0, 0), (0, 2, 0), Finish(HOLED))
    rows = [leaf, wall(5.0, Finish(WHITE))]
    _, depth, ids = raycast(scene(rows, sheets), camera(39, 39), height=39, width=39)
    share = float((ids == 0).float().mean())
    assert 0.3 < share < 0.8
    assert torch.allclose(depth, torch.where(ids == 0, 2.0, 5.0))


def test_other_eye_of_a_wall_is_an_exact_shift(sheets: Tensor) -> None:
    view = scene([wall(4.0, Finish(CLOUDS, (80, 80)))], sheets, ambient=0.3, diffuse=1.2)
    left = camera(64, 32)
    baseline_m = 0.5  # f·b·(1/4 − 1/10) = 3 px
    right = left.other_eye(baseline_m=baseline_m, convergence_m=10.0)
    eyes = [raycast(view, eye, height=32, width=64) for eye in (left, right)]
    disparity = disparity_px(eyes[0][1], left, baseline_m=baseline_m, convergence_m=10.0)
    assert torch.allclose(disparity, torch.tensor(3.0), atol=1e-5)
    difference = (eyes[0][0][..., 3:].int() - eyes[1][0][..., :-3].int()).abs()
    assert int(difference.max()) <= 1


def test_silhouette_is_mixed_by_coverage(sheets: Tensor) -> None:
    # The edge runs through pixel 12 at a quarter of its width: 40·x/2 + 11.5 = 12.25.
    near = rectangle((-9, -9, 2.0), (9 + 0.75 / 20, 0, 0), (0, 18, 0), Finish(WHITE))
    rgb, _, ids = raycast(scene([near], sheets), camera(23, 17), height=17, width=23)
    assert (ids[:, :12] == 0).all() and (ids[:, 12:] == -1).all()
    background = torch.tensor([12.0, 34.0, 56.0])
    expected = (0.25 * 255 + 0.75 * background).round()[:, None]
    assert (rgb[:, :, 12].float() - expected).abs().max() <= 1
    assert (rgb[:, :, 11] == 255).all()
    assert (rgb[:, :, 13].float() == background[:, None]).all()


def test_light_falls_off_and_shadows_darken(sheets: Tensor) -> None:
    floor = rectangle((-6, 1.0, 0.5), (12, 0, 0), (0, 0, 9), Finish(WHITE, shadowed=True))
    view = scene([floor], sheets, ambient=0.2, diffuse=0.8)
    clear = replace(view, shadows=view.shadows[:0])
    eye = camera(41, 41)
    shaded = raycast(view, eye, height=41, width=41)[0][0].int()
    lit = raycast(clear, eye, height=41, width=41)[0][0].int()
    assert (shaded <= lit).all()
    assert int((lit - shaded).max()) > 20
    assert int(lit[40, 25]) > int(lit[24, 25]) + 20  # the light stands over the near floor


def test_distant_texture_does_not_alias(sheets: Tensor) -> None:
    far = scene([wall(400.0, Finish(CLOUDS, (400, 400)), half_m=400.0)], sheets)
    rgb, _, _ = raycast(far, camera(33, 33), height=33, width=33)
    assert float(rgb.float().std(dim=(1, 2)).max()) < 2  # ten repetitions a pixel: an even grey


@pytest.mark.parametrize("threads", [2, 5])
def test_thread_count_changes_nothing(sheets: Tensor, threads: int) -> None:
    view, eye = furnished(sheets), camera(123, 77, yaw=0.1)
    module = native.serving()
    before = module.threads() if module else 1
    try:
        native.set_threads(1)
        one = raycast(view, eye, height=77, width=123)
        native.set_threads(threads)
        many = raycast(view, eye, height=77, width=123)
    finally:
        native.set_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(one, many, strict=True))


@pytest.mark.parametrize("height", [1, 2, 3, 17, 33, 77])
def test_colours_alone_are_the_same_colours(sheets: Tensor, height: int) -> None:
    view, eye = furnished(sheets), camera(61, height, yaw=0.1)
    rgb, _, _ = raycast(view, eye, height=height, width=61)
    assert torch.equal(raycast_colours(view, eye, height=height, width=61), rgb)


def test_wrong_arguments_are_refused_with_a_reason(sheets: Tensor) -> None:
    view, eye = furnished(sheets), camera(23, 17)
    bad_texture = view.primitives.clone()
    bad_texture[0, 1] = 7
    for broken, reason in [
        (replace(view, primitives=view.primitives[:, :9]), r"primitives must be \[P, 16\]"),
        (replace(view, textures=view.textures[:, :-1]), r"textures must be \[T"),
        (replace(view, light=view.light.double()), "must be float32"),
        (replace(view, primitives=bad_texture), "texture below 3"),
    ]:
        with pytest.raises(ValueError, match=reason):
            raycast(broken, eye, height=17, width=23)
    with pytest.raises(ValueError, match="got 0×23"):
        raycast(view, eye, height=0, width=23)
