"""Scene cuts: declared in the frame where they happen, and only there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError
from stereocast.engine.scene import SceneConfig, SceneStage


def scene(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 9, 16, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(90, 160), mode="bilinear")[0]
    return (smooth * 255).to(torch.uint8)


def cuts(pictures: list[Tensor]) -> list[int]:
    stage = SceneStage()
    state, found = stage.init(), []
    for index, picture in enumerate(pictures):
        state, cut = stage.step(state, picture)
        if bool(cut):
            found.append(index)
    return found


def test_the_first_frame_is_no_cut():
    assert cuts([scene(1)]) == []


def test_a_cut_is_found_in_its_frame():
    assert cuts([scene(1)] * 3 + [scene(2)] * 3 + [scene(3)] * 2) == [3, 6]


def test_motion_is_no_cut():
    assert cuts([scene(1).roll(shift, 2) for shift in range(0, 40, 4)]) == []


def test_a_flash_and_a_fade_are_no_cuts():
    picture = scene(1).float()
    flash = [picture, picture * 0.4 + 150, picture]
    fade = [picture * share for share in torch.linspace(1, 0, 12)]
    back = [picture * share for share in torch.linspace(0, 1, 12)]
    assert cuts([frame.clamp(0, 255).to(torch.uint8) for frame in flash + fade + back]) == []


def test_another_scene_after_black_is_a_cut_at_its_first_visible_frame():
    black = torch.zeros(3, 90, 160, dtype=torch.uint8)
    assert cuts([scene(1), black, black, scene(2), scene(2)]) == [3]


def test_a_small_thing_that_moves_before_nothing_is_no_cut():
    pictures = [torch.zeros(3, 90, 160, dtype=torch.uint8) for _ in range(6)]
    for index, picture in enumerate(pictures):
        picture[:, 40:48, 20 * index : 20 * index + 8] = 200
    assert cuts(pictures) == []


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match=r"scene\.dissimilarity"):
        SceneConfig(dissimilarity=0)
