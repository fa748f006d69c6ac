"""Training of the refiner: the loss falls, a stopped training continues exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from stereocast.engine.errors import ConfigError
from stereocast.training.refine_batches import draw_batch
from stereocast.training.refine_clips import ClipCache
from stereocast.training.refine_settings import RefinerSettings, TeacherSettings, read_settings
from stereocast.training.refiner import RefinerTraining, train
from stereocast.training.teachers import SaidCache

SMALL = {
    "steps": 40, "clips": 1, "clip_frames": 6, "height": 24, "width": 32, "crop_height": 24,
    "crop_width": 32, "batch": 1, "window": 3, "early_window": 3, "burn_in": 2, "warm_up": 2,
    "own_share": 1.0, "save_steps": 2,
}  # fmt: skip

TEACHER = TeacherSettings(
    share=0.99, clips=1, height=32, width=48, crop_height=32, crop_width=48, first_clip=20_005
)  # fmt: skip


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> ClipCache:
    return ClipCache(tmp_path_factory.mktemp("clips"), RefinerSettings(**SMALL).shape)


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> SaidCache:
    settings = RefinerSettings(**SMALL, teacher=TEACHER)
    return SaidCache(tmp_path_factory.mktemp("said"), settings.teacher_shape, TEACHER.model)


def flat(training: RefinerTraining) -> torch.Tensor:
    parameters = [*training.network.parameters(), *training.average.parameters()]
    return torch.cat([parameter.detach().flatten() for parameter in parameters])


@pytest.mark.parametrize(
    ("core", "teacher"), [("mamba", None), ("none", None), ("mamba", TEACHER)],
    ids=["mamba", "none", "a network's own errors"],
)  # fmt: skip
def test_a_few_steps_lower_the_loss(core, teacher, clips, said) -> None:
    """On one batch drawn again and again: what is left to learn is then its own."""
    settings = RefinerSettings(**SMALL | {"core": core, "rate": 5e-3}, teacher=teacher)
    training = RefinerTraining(settings, clips, said)
    losses = []
    for _ in range(8):
        losses.append(training.step().total)
        training.taken = 0
        training._optimiser.param_groups[0]["lr"] = 5e-3
    assert min(losses[-3:]) < 0.97 * losses[0]


def test_steps_are_shared_between_specified_errors_and_a_network_s(clips, said) -> None:
    settings = RefinerSettings(**SMALL | {"teacher": replace(TEACHER, share=0.5)})
    kinds = [draw_batch(settings, clips, said, step).relative for step in range(60)]
    assert 15 < sum(kinds) < 45
    assert kinds == [draw_batch(settings, clips, said, step).relative for step in range(60)]


def test_windows_of_a_network_hold_one_shot(said) -> None:
    clip, _ = said.clip(TEACHER.first_clip)
    cut = replace(clip, cut=torch.ones(clip.frames, dtype=torch.bool))

    class AllCut:
        def clip(self, seed: int):
            return cut, clip.log_depth

    settings = RefinerSettings(**SMALL | {"teacher": TEACHER})
    with pytest.raises(ConfigError, match="none was found with 5 frames of one shot"):
        draw_batch(settings, None, AllCut(), 0)


@pytest.mark.parametrize("teacher", [None, replace(TEACHER, share=0.5)], ids=["specified", "tiny"])
def test_a_stopped_training_continues_bit_for_bit(teacher, clips, said, tmp_path) -> None:
    settings = RefinerSettings(**SMALL, teacher=teacher)
    whole = RefinerTraining(settings, clips, said)
    train(whole, tmp_path / "whole", told=lambda _: None, until=4)
    begun = RefinerTraining(settings, clips, said)
    train(begun, tmp_path / "parts", told=lambda _: None, until=2)
    continued = RefinerTraining(settings, clips, said)
    continued.restore(tmp_path / "parts" / "checkpoint.pt")
    assert continued.taken == 2
    train(continued, tmp_path / "parts", told=lambda _: None, until=4)
    assert torch.equal(flat(whole), flat(continued))


def test_a_teacher_that_is_named_must_be_there(clips) -> None:
    with pytest.raises(ConfigError, match="name a teacher, tiny"):
        RefinerTraining(RefinerSettings(**SMALL, teacher=TEACHER), clips)


def test_a_checkpoint_of_other_settings_is_refused(clips, tmp_path) -> None:
    training = RefinerTraining(RefinerSettings(**SMALL), clips)
    training.save(tmp_path / "checkpoint.pt")
    other = RefinerTraining(RefinerSettings(**SMALL | {"seed": 2}), clips)
    with pytest.raises(ConfigError, match="was begun with other settings"):
        other.restore(tmp_path / "checkpoint.pt")


def test_the_committed_settings_can_be_read_and_name_no_held_out_world() -> None:
    from pathlib import Path

    path = Path(__file__).resolve().parents[2] / "configs" / "training" / "refiner.toml"
    settings = read_settings(path, seed=3, core=None)
    assert settings.seed == 3 and settings.first_clip + settings.clips <= 100_000
    assert "shared" not in path.read_text() and "data/" not in path.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz = 3", "there is no 'stepz'"),
        ("steps = 'many'", "steps must be int"),
        ("core = 'gru'", "core: 'gru' is not one of mamba, none"),
        ("first_clip = 99_999", "no further"),
        ("crop_width = 50", "multiples of 4"),
        ("window = 30", "a clip has 24"),
        ("teacher = 3", "teacher must be a table"),
        ("[teacher]\nmodl = 'tiny'", "there is no 'modl'"),
        ("[teacher]\nshare = 1.5", "between 0 and 1"),
        ("[teacher]\nweight = 0", "reach and weight must be above 0"),
        ("[teacher]\nfirst_clip = 99_999", "no further"),
    ],
)
def test_settings_that_cannot_be_are_refused(text, message, tmp_path) -> None:
    (tmp_path / "refiner.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_settings(tmp_path / "refiner.toml")
