"""Clips on disk, what is done to them, and what is asked for: every number where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stereocast.engine.errors import ConfigError
from stereocast.training.augment import _quantised, augment
from stereocast.training.data import ClipShards, write_shard
from stereocast.training.losses import depth_loss, gradient_loss, normalised, temporal_loss
from stereocast.training.render import LENGTH, moments, render_shards
from stereocast.training.scenes import WorldClip


def shard(folder: Path, name: str = "a", clips: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    rgb = torch.randint(0, 256, (clips, 4, 3, 40, 64), generator=generator, dtype=torch.uint8)
    depth = 1 + 9 * torch.rand(clips, 4, 40, 64, generator=generator)
    depth[:, :, 0] = torch.inf
    write_shard(folder, name, rgb, depth, {})
    return rgb, depth


def test_a_shard_is_read_as_it_was_written(tmp_path: Path):
    rgb, depth = shard(tmp_path)
    found, inverse = ClipShards(tmp_path).clip(1)
    assert torch.equal(found, rgb[1])
    assert torch.allclose(inverse, 1 / depth[1], atol=1e-3) and inverse[0, 0].max() == 0


def test_new_shards_are_taken_in(tmp_path: Path):
    shard(tmp_path)
    clips = ClipShards(tmp_path)
    assert not clips.look_again() and len(clips) == 2
    shard(tmp_path, "b", clips=3)
    assert clips.look_again() and len(clips) == 5


def test_a_folder_without_clips_says_what_makes_them(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"stereocast\.training clips"):
        ClipShards(tmp_path)


def test_a_window_keeps_picture_and_depth_together(tmp_path: Path):
    """Depth that is the picture's red channel still is after cutting, turning and scaling."""
    ramp = torch.linspace(0, 255, 64).expand(1, 4, 3, 40, 64).to(torch.uint8)
    write_shard(tmp_path, "a", ramp, 255 / ramp[:, :, 0].float().clamp_min(1), {})
    clips = ClipShards(tmp_path)
    for seed in range(6):
        batch = clips.batch([0], (32, 48), torch.Generator().manual_seed(seed), least=0.6)
        assert batch.rgb.shape == (1, 4, 3, 32, 48)
        seen = batch.rgb[:, :, 0].unflatten(-1, (24, 2)).mean(-1)[:, :, ::2]
        assert torch.allclose(seen, batch.inverse_depth, atol=0.03)


def test_about_half_of_the_clips_run_backwards(tmp_path: Path):
    shades = torch.tensor([10, 60, 120, 180], dtype=torch.uint8).view(1, 4, 1, 1, 1)
    write_shard(tmp_path, "a", shades.expand(1, 4, 3, 40, 64), torch.ones(1, 4, 40, 64), {})
    clips, back = ClipShards(tmp_path), 0
    for seed in range(12):
        first = clips.batch([0], (32, 48), torch.Generator().manual_seed(seed)).rgb[0, 0].mean()
        back += int(first > 0.5)
    assert 2 <= back <= 10


def test_clips_of_a_seed_are_the_same_and_without_cuts():
    for seed in range(900_000, 900_012):
        clip = WorldClip(seed, height=32, width=48)
        found = moments(seed, clip)
        assert found == moments(seed, WorldClip(seed, height=32, width=48))
        for frames in found:
            assert len(frames) == LENGTH and len({clip.shot_at(index) for index in frames}) == 1


def test_worlds_become_shards_once(tmp_path: Path):
    render_shards(tmp_path, range(0, 1), size=(32, 48), worlds=1)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    render_shards(tmp_path, range(0, 1), size=(32, 48), worlds=1)
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    rgb, inverse = ClipShards(tmp_path).clip(0)
    assert rgb.shape == (4, 3, 32, 48) and inverse.max() > 0


def test_training_and_held_out_seeds_do_not_mix(tmp_path: Path):
    for seeds in (range(99_990, 100_010), range(899_990, 900_010), range(0)):
        with pytest.raises(ConfigError, match="held out"):
            render_shards(tmp_path, seeds, size=(32, 48), worlds=5)


def test_augmented_pictures_are_pictures_and_differ():
    rgb = torch.rand(32, 2, 3, 36, 52, generator=torch.Generator().manual_seed(1))
    first = augment(rgb.clone(), torch.Generator().manual_seed(2))
    again = augment(rgb.clone(), torch.Generator().manual_seed(2))
    assert torch.equal(first.rgb, again.rgb)
    assert first.rgb.min() >= 0 and first.rgb.max() <= 1
    assert not torch.equal(first.rgb, augment(rgb, torch.Generator().manual_seed(3)).rgb)
    assert first.bars.any() and first.bars.float().mean() < 0.1
    assert first.rgb.masked_select(first.bars[:, :, None]).abs().max() == 0


def test_fine_steps_change_nothing_coarse_ones_leave_block_means():
    frames = torch.rand(4, 3, 20, 28, generator=torch.Generator().manual_seed(1))
    steps = torch.full((1, 1, 1, 1, 1), 1e-5)
    assert torch.allclose(_quantised(frames, steps, 4)[0], frames, atol=1e-3)
    grey = 0.1 * frames.mean(1, keepdim=True).expand(4, 3, 20, 28) + 0.4
    flat = _quantised(grey, torch.full_like(steps, 0.8), 4)[0]
    assert flat[0, 0, :8, :8].std() < 1e-3


def test_what_is_asked_for_knows_no_scale_and_no_shift():
    inverse = torch.rand(2, 4, 8, 12, generator=torch.Generator().manual_seed(1))
    known = torch.ones_like(inverse, dtype=torch.bool)
    known[:, :, :2] = False
    target = normalised(inverse, known)
    assert torch.allclose(target, normalised(3 * inverse + 5, known), atol=1e-4)
    assert target[:, :, :2].abs().max() == 0
    assert torch.allclose(target[known].abs().mean(), torch.tensor(1.0), atol=1e-4)


def test_losses_are_zero_for_the_truth_and_see_what_they_are_for():
    target = torch.randn(2, 4, 16, 24, generator=torch.Generator().manual_seed(1))
    for loss in (depth_loss, gradient_loss, temporal_loss):
        assert loss(target, target) == 0
    shifted = target + 1
    assert depth_loss(shifted, target) > 0.5
    assert gradient_loss(shifted, target) < 1e-6 and temporal_loss(shifted, target) < 1e-6
    still = target[:, :1].expand_as(target)
    flickering = still + torch.tensor([0.0, 1, 0, 1]).view(1, 4, 1, 1)
    assert temporal_loss(flickering, still) > 0.9
