"""Depth networks as the refiner's teachers: which can be opened, and what they say is kept."""

from __future__ import annotations

import pytest
import torch

from stereocast.engine.depth.vda.architecture import ARCHITECTURES
from stereocast.engine.depth.vda.network import VideoDepth
from stereocast.engine.errors import ConfigError, WeightsError
from stereocast.engine.models import Output
from stereocast.training import teachers
from stereocast.training.refine_clips import ClipShape
from stereocast.training.teachers import SaidCache, open_teacher, said

SHAPE = ClipShape(5, 32, 48)
SEED = 20_003


def test_what_a_teacher_says_is_kept_and_not_asked_again(tmp_path, monkeypatch) -> None:
    cache = SaidCache(tmp_path, SHAPE, "tiny")
    clip, depth = cache.clip(SEED)
    assert depth.shape == clip.log_depth.shape and (depth > 0).all()
    monkeypatch.setattr(teachers, "said", lambda *_: pytest.fail("asked again"))
    assert torch.equal(SaidCache(tmp_path, SHAPE, "tiny").clip(SEED)[1], depth)


def test_other_weights_are_asked_themselves(tmp_path, monkeypatch) -> None:
    SaidCache(tmp_path, SHAPE, "tiny").clip(SEED)
    monkeypatch.setattr(teachers, "_fingerprint", lambda *_: "others")
    SaidCache(tmp_path, SHAPE, "tiny").clip(SEED)
    assert len(list(tmp_path.glob("said-tiny-*"))) == 2


def test_a_teacher_forgets_at_a_cut(tmp_path) -> None:
    """After a cut it says what it says of a clip that begins there."""
    from dataclasses import replace

    clip, _ = SaidCache(tmp_path, SHAPE, "tiny").clip(SEED)
    stage = open_teacher("tiny", (32, 48))
    cut = torch.tensor([False, False, False, True, False])
    late = replace(clip, picture=clip.picture[3:], cut=torch.zeros(2, dtype=torch.bool))
    assert torch.equal(said(stage, replace(clip, cut=cut))[3:], said(stage, late))
    uncut = replace(clip, cut=torch.zeros(5, dtype=torch.bool))
    assert not torch.equal(said(stage, uncut)[3:], said(stage, late))


def test_video_depth_anything_teaches_whoever_has_its_checkpoint(tmp_path) -> None:
    torch.manual_seed(0)
    file = tmp_path / "video_depth_anything_vits.pth"
    torch.save(VideoDepth(ARCHITECTURES["vits"]).state_dict(), file)
    stage = open_teacher("vda-small", (28, 42), file)
    assert stage.output is Output.RELATIVE_INVERSE and stage.grid == (28, 42)
    clip, depth = SaidCache(tmp_path, ClipShape(2, 28, 42), "vda-small", file).clip(SEED)
    assert depth.shape == clip.log_depth.shape and depth.isfinite().all()


@pytest.mark.parametrize(
    ("model", "weights", "message"),
    [
        ("midas", None, "there is no model 'midas'; known are prior, tiny, vda-small"),
        ("vda-small", None, "name its official checkpoint"),
        ("tiny", "some.pth", "it brings its own weights"),
    ],
)
def test_teachers_that_cannot_be_are_refused(model, weights, message, tmp_path) -> None:
    with pytest.raises(ConfigError, match=message):
        open_teacher(model, (28, 42), weights and tmp_path / weights)


def test_files_that_are_no_checkpoint_are_refused(tmp_path) -> None:
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(ConfigError, match="it is no checkpoint"):
        open_teacher("vda-small", (28, 42), tmp_path / "text.pth")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="not the weights of vits"):
        open_teacher("vda-small", (28, 42), tmp_path / "other.pth")
