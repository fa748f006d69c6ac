"""Worlds: drawn from the seed alone, exact in depth and pose, alive; weather is only colour."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError
from stereocast.kernels.raycast import Camera, raycast
from stereocast.training.scenes import WorldClip
from stereocast.training.scenes.seeds import TRAINING_SEEDS, VALIDATION_SEEDS
from stereocast.training.scenes.world import CAMERAS, KINDS
from stereocast.training.scenes.world.clip import INDOORS, SHARES
from stereocast.training.scenes.world.gloss import with_highlights
from stereocast.training.scenes.world.lens import compressed, softened

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


def confirmed(
    depths: tuple[Tensor, Tensor], cameras: tuple[Camera, Camera]
) -> tuple[Tensor, Tensor, Tensor]:
    """Look for the points of one depth map in another one.

    returns  which are in the other picture [H, W] bool, which of these it confirms within a pixel,
             and the flat index of the pixel where each lies
    """
    x, y, z = projected(points(depths[0], cameras[0]), cameras[1])
    column, row = x.round().long(), y.round().long()
    height, width = depths[1].shape
    inside = (z > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    inside &= torch.isfinite(depths[0])
    column, row = column.clamp(0, width - 1), row.clamp(0, height - 1)
    close = torch.zeros_like(inside)
    # On slanted ground and thin things half a pixel changes depth by much: neighbours may confirm.
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            seen = depths[1][(row + dy).clamp(0, height - 1), (column + dx).clamp(0, width - 1)]
            close |= (seen.double() / z - 1).abs() < 0.03
    return inside, close & inside, row * width + column


def agreement(depths: tuple[Tensor, Tensor], cameras: tuple[Camera, Camera]) -> float:
    """Return the share of one picture's points that another depth map confirms."""
    inside, close, _ = confirmed(depths, cameras)
    return float(close.sum() / inside.sum())


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
        assert share > 0.9, f"{kind} {seed}: {share}"


@pytest.mark.parametrize("kind", KINDS)
def test_both_eyes_see_the_same_world_in_the_same_colours(kind):
    eyes = clip(3, kind=kind).eyes(2)
    assert eyes.left.shape == eyes.right.shape == (3, HEIGHT, WIDTH)
    assert torch.equal(eyes.cameras[0].orientation, eyes.cameras[1].orientation)
    depths = eyes.left_depth_m, eyes.right_depth_m
    inside, close, there = confirmed(depths, eyes.cameras)
    assert float(close.sum() / inside.sum()) > 0.85
    left = eyes.left.reshape(3, -1)[:, close.reshape(-1)]
    right = eyes.right.reshape(3, -1)[:, there[close]]
    aside = eyes.right.reshape(3, -1)[:, there.flip(1)[close]]
    error, chance = ((left.int() - x.int()).abs().float().mean() for x in (right, aside))
    assert float(error) < 0.5 * float(chance)


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
    assert abs(sum(drawn[kind] for kind in INDOORS) / 1500 - 0.56) < 0.04


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


def test_bars_cover_colours_where_they_were_asked_for():
    plain, barred = clip(5, kind="room"), clip(5, kind="room", bars=True)
    frames = [made.frame(2) for made in (plain, barred)]
    hidden = frames[1].ids == -2
    assert 0.05 < float(hidden.float().mean()) < 0.7
    assert not (frames[0].ids == -2).any()
    assert (frames[1].rgb[:, hidden] == barred.bars.level).all()
    assert torch.equal(frames[1].rgb[:, ~hidden], frames[0].rgb[:, ~hidden])
    assert torch.equal(frames[0].depth_m, frames[1].depth_m)


def test_highlights_follow_the_eye_and_only_brighten():
    made = clip(1, kind="tabletop")
    scene, camera = made.scene_at(0), made.camera_at(0)
    rgb, depth, rows = raycast(scene, camera, height=HEIGHT, width=WIDTH)
    glossy = torch.tensor([[0.8, 20.0]]).expand(len(scene.textures), 2)
    shining = with_highlights(rgb, depth, rows, scene, camera, glossy)
    assert (shining >= rgb).all() and not torch.equal(shining, rgb)
    dull = with_highlights(rgb, depth, rows, scene, camera, 0 * glossy)
    assert torch.equal(dull, rgb)


def test_compression_rounds_and_finer_steps_change_less():
    picture = 255 * torch.rand(3, 21, 37, generator=torch.Generator().manual_seed(1))
    errors = [(compressed(picture, step) - picture).abs().mean() for step in (1e-3, 4.0, 20.0)]
    assert float(errors[0]) < 0.01 < float(errors[1]) < float(errors[2])
    assert compressed(picture, 4.0).shape == picture.shape


def test_softness_leaves_an_even_picture_as_it_is():
    even = torch.full((3, 9, 11), 77.0)
    assert torch.allclose(softened(even, 1.0), even)


def test_seeds_for_training_and_for_judging_are_disjoint():
    assert max(TRAINING_SEEDS) < min(VALIDATION_SEEDS)


@pytest.mark.parametrize("options", [{"kind": "moon"}, {"camera": "crane"}])
def test_unknown_names_are_refused_with_those_that_exist(options):
    with pytest.raises(ConfigError, match="must be one of"):
        clip(0, **options).frame(0)
