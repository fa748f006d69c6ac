"""Worlds: drawn from the seed alone, exact in depth and pose, alive; weather is only colour."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError
from stereocast.kernels.raycast import Camera, raycast
from stereocast.training.scenes import WorldClip
from stereocast.training.scenes.world import CAMERAS, KINDS
from stereocast.training.scenes.world.clip import INDOORS, SHARES

HEIGHT, WIDTH = 70, 126


def clip(seed: int, **options) -> WorldClip:
    return WorldClip(seed, HEIGHT, WIDTH, **options)


def points(depth_m: Tensor, camera: Camera) -> Tensor:
    """Return what each pixel sees, in the world, [H, W, 3] float64."""
    height, width = depth_m.shape
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    rays = torch.stack(
        [
            (x - camera.principal_px[0]) / camera.focal_px,
            (y - camera.principal_px[1]) / camera.focal_px,
            torch.ones_like(x),
        ],
        dim=-1,
    ).double()
    return (rays * depth_m[..., None]) @ camera.orientation.double() + camera.position.double()


def projected(world: Tensor, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
    """Return column, row (pixel units, centres at integers) and depth of points in a camera."""
    local = (world - camera.position.double()) @ camera.orientation.double().T
    z = local[..., 2]
    x = local[..., 0] / z * camera.focal_px + camera.principal_px[0] - 0.5
    y = local[..., 1] / z * camera.focal_px + camera.principal_px[1] - 0.5
    return x, y, z


def agreement(depths: tuple[Tensor, Tensor], cameras: tuple[Camera, Camera]) -> float:
    """Return the share of one picture's points that another depth map confirms at their place."""
    x, y, z = projected(points(depths[0], cameras[0]), cameras[1])
    column, row = x.round().long(), y.round().long()
    height, width = depths[1].shape
    inside = (z > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    inside &= torch.isfinite(depths[0])
    seen = depths[1][row.clamp(0, height - 1), column.clamp(0, width - 1)].double()
    # On slanted ground half a pixel changes depth by much: the pixel's neighbourhood may confirm.
    close = (seen / z - 1).abs() < 0.06
    return float((close & inside).sum() / inside.sum())


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_follows_from_seed_and_index_alone(kind):
    played = clip(4, kind=kind)
    for index in (0, 9, 3):
        frame = played.frame(index)
    again = clip(4, kind=kind).frame(3)
    assert torch.equal(frame.rgb, again.rgb) and torch.equal(frame.depth_m, again.depth_m)
    assert torch.equal(frame.ids, again.ids)
    assert torch.equal(frame.camera.table(), again.camera.table())


@pytest.mark.parametrize("kind", KINDS)
def test_depth_agrees_with_the_pose_of_the_camera(kind):
    """What moves, and what one of the two views hides, may differ; nothing else."""
    for seed in (1, 2):
        made = clip(seed, kind=kind, camera="truck")
        frames = [made.frame(index) for index in (0, 4)]
        depths = frames[0].depth_m, frames[1].depth_m
        share = agreement(depths, (frames[0].camera, frames[1].camera))
        assert share > 0.85, f"{kind} {seed}: {share}"


def test_both_eyes_see_the_same_world():
    for kind in KINDS:
        eyes = clip(3, kind=kind).eyes(2)
        assert eyes.left.shape == eyes.right.shape == (3, HEIGHT, WIDTH)
        share = agreement((eyes.left_depth_m, eyes.right_depth_m), eyes.cameras)
        assert share > 0.85, f"{kind}: {share}"
        assert torch.equal(eyes.cameras[0].orientation, eyes.cameras[1].orientation)


def test_the_left_eye_is_the_frame_itself():
    made = clip(3)
    assert torch.equal(made.eyes(5).left_depth_m, made.frame(5).depth_m)


def test_things_move_before_a_camera_that_stands_still():
    moving = 0
    for seed in range(8):
        made = clip(seed, kind="field", camera="static")
        frames = [made.frame(index) for index in (0, 20)]
        assert torch.equal(frames[0].camera.table(), frames[1].camera.table())
        moving += not torch.equal(frames[0].depth_m, frames[1].depth_m)
    assert moving >= 3


@pytest.mark.parametrize("motion", [name for name in CAMERAS if name != "static"])
def test_every_camera_but_a_static_one_moves(motion):
    made = clip(1, kind="room", camera=motion)
    assert made.motion == motion
    tables = [made.camera_at(index).table() for index in (0, 15)]
    assert not torch.equal(*tables)


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_clip_stays_where_there_is_something_to_see(kind):
    made = clip(6, kind=kind, camera="walk")
    for index in (0, 150, 299, 600):
        frame = made.frame(index)
        assert float(torch.isinf(frame.depth_m).float().mean()) < 0.9
        nearest = float(frame.depth_m.flatten().quantile(0.5))
        assert nearest > 0.25, f"{kind} {index}: half of the picture is nearer than {nearest} m"


def test_kinds_are_drawn_in_their_shares():
    drawn = Counter(clip(seed).kind for seed in range(1500))
    for kind, (share, _) in SHARES.items():
        assert abs(drawn[kind] / 1500 - share) < 0.04, kind
    assert abs(sum(drawn[kind] for kind in INDOORS) / 1500 - 0.55) < 0.04


def test_one_clip_of_seven_is_cut_and_says_where():
    clips = [clip(seed) for seed in range(400)]
    share = sum(made.shot_frames > 0 for made in clips) / 400
    assert 0.09 < share < 0.21
    made = next(made for made in clips if made.shot_frames)
    cut = made.shot_frames
    assert made.frame(cut).cut and not made.frame(cut - 1).cut and not made.frame(0).cut
    before, after = made.frame(cut - 1), made.frame(cut)
    assert not torch.allclose(before.depth_m, after.depth_m, rtol=0.2)


def test_weather_changes_colours_and_never_depth():
    for seed in range(6):
        made = clip(seed, kind="street")
        frame = made.frame(1)
        rgb, depth, _ = raycast(made.scene_at(1), made.camera_at(1), height=HEIGHT, width=WIDTH)
        near = torch.isfinite(frame.depth_m)
        assert torch.equal(depth[near], frame.depth_m[near])
        assert not torch.equal(rgb, frame.rgb)


def test_the_sky_is_infinitely_far():
    frame = clip(1, kind="field").frame(0)
    assert torch.equal(torch.isinf(frame.depth_m), frame.ids < 0)
    assert torch.isinf(frame.depth_m).any()


@pytest.mark.parametrize("options", [{"kind": "moon"}, {"camera": "crane"}])
def test_unknown_names_are_refused_with_those_that_exist(options):
    with pytest.raises(ConfigError, match="must be one of"):
        clip(0, **options).frame(0)
