"""Training the built-in network: it learns, and it can be stopped anywhere and continued."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from stereocast.engine.errors import ConfigError
from stereocast.training.data import ClipShards, write_shard
from stereocast.training.settings import Phase, TinySettings, read_settings
from stereocast.training.tiny import TinyTraining, learning_rate, train
from stereocast.training.tiny_batches import Ahead, example, order

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGS = [
    REPOSITORY / "configs" / "training" / f"tiny{part}.toml" for part in ("", "-finish", "-stream")
]
SETTINGS = TinySettings(
    phases=(Phase(32, 48, 0.5, 4), Phase(40, 64, 0.5, 3, frames=2, jitter=0.2)), steps=40,
    warm_up=5, average=0.5, save_steps=4,
)  # fmt: skip


def made_clips(folder: Path, count: int = 8) -> ClipShards:
    """A bright near half below a dark far one that drift past each other: easy to learn."""
    generator = torch.Generator().manual_seed(7)
    rgb = torch.randint(0, 60, (count, 4, 3, 48, 80), generator=generator, dtype=torch.uint8)
    depth = torch.full((count, 4, 48, 80), 9.0)
    for clip in range(count):
        edge = 14 + 2 * (clip % 8)
        rgb[clip, :, :, edge:] += 150
        depth[clip, :, edge:] = 2.0
        depth[clip, :, :6] = torch.inf
    write_shard(folder, "made", rgb, depth, {})
    return ClipShards(folder)


def test_the_loss_falls(tmp_path: Path):
    training = TinyTraining(replace(SETTINGS, steps=100), made_clips(tmp_path))
    losses = [training.step().depth for _ in range(16)]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])


def test_a_checkpoint_continues_exactly(tmp_path: Path):
    clips = made_clips(tmp_path / "clips")
    whole = TinyTraining(SETTINGS, clips)
    wanted = [whole.step() for _ in range(6)]
    first = TinyTraining(SETTINGS, clips)
    train(first, tmp_path / "run", told=lambda *_: None, until=4)
    second = TinyTraining(SETTINGS, clips)
    second.restore(tmp_path / "run" / "checkpoint.pt")
    assert [second.step() for _ in range(2)] == wanted[4:]
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, second.average.state_dict()[name]), name
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 4
    assert (tmp_path / "run" / "weights-000004.safetensors").stat().st_size <= 5_000_000


def test_another_seed_does_not_continue(tmp_path: Path):
    clips = made_clips(tmp_path)
    training = TinyTraining(SETTINGS, clips)
    training.save(tmp_path / "a.pt")
    with pytest.raises(ConfigError, match="another seed"):
        TinyTraining(replace(SETTINGS, seed=2), clips).restore(tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(b"no checkpoint")
    with pytest.raises(ConfigError, match="cannot use it"):
        training.restore(tmp_path / "b.pt")


def test_every_epoch_has_each_clip_once():
    numbers = [number for step in range(11) for number in order(1, 4 * step, 4, total=11)]
    epochs = [numbers[first : first + 11] for first in range(0, 44, 11)]
    assert all(sorted(epoch) == list(range(11)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_what_is_made_ahead_is_what_the_step_would_have_made(tmp_path: Path):
    training = TinyTraining(SETTINGS, made_clips(tmp_path))
    with Ahead(training.example) as ahead:
        for step in (0, 1, 2):
            ready, wanted = ahead.take(step, further=step < 2), training.example(step)
            assert torch.equal(ready.image, wanted.image)
            assert torch.equal(ready.target, wanted.target)
            assert torch.equal(ready.motion, wanted.motion)


def test_a_single_frame_has_motion_from_the_frames_before(tmp_path: Path):
    settings = replace(SETTINGS, still_share=0.0, no_flow_share=0.0)
    shown = example(settings, made_clips(tmp_path), step=0)
    assert shown.target.shape[1] == 1 and shown.visible.all()
    assert shown.motion.flatten(1).abs().sum(1).min() > 0
    still = example(replace(settings, still_share=1.0), made_clips(tmp_path), step=0)
    assert not still.motion.any() and not still.visible.any()
    assert torch.equal(still.image, shown.image)


def test_the_rate_warms_up_and_fades():
    rates = [learning_rate(SETTINGS, step) for step in range(40)]
    assert max(rates) <= SETTINGS.rate and rates[0] < rates[3]
    assert all(later <= earlier for earlier, later in pairwise(rates[5:]))
    assert rates[-1] < 0.03 * SETTINGS.rate


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_committed_settings_are_read_and_every_phase_comes(path: Path):
    settings = read_settings(path)
    phases = [settings.phase_at(step) for step in range(settings.steps)]
    assert tuple(dict.fromkeys(phases)) == settings.phases


def test_a_setting_nobody_knows_is_named(tmp_path: Path):
    path = tmp_path / "a.toml"
    path.write_text("steps = 3\nlearning_rate = 1\n")
    with pytest.raises(ConfigError, match="there is no 'learning_rate'; known are phases, steps"):
        read_settings(path)
    path.write_text("steps = 3\n[[phases]]\nheight = 64\n")
    with pytest.raises(ConfigError, match="missing 3 required"):
        read_settings(path)


def test_no_training_setting_names_real_pictures():
    """Committed weights see rendered worlds only; folders come from the command line."""
    paths = sorted((REPOSITORY / "configs" / "training").glob("*.toml"))
    assert set(CONFIGS) <= set(paths)
    for path in paths:
        text = path.read_text()
        assert "shared" not in text and "/data" not in text and "data/" not in text, path
    for path in CONFIGS:
        assert not any(isinstance(value, str) for value in vars(read_settings(path)).values())
