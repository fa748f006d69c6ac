"""Which size the network gets, and what it sees."""

from __future__ import annotations

import json

import pytest
import torch

from stereocast.engine.depth.vda.preprocess import (
    effective_input_size,
    network_size,
    normalise,
    to_frame,
    to_input,
)
from stereocast.engine.errors import ConfigError
from tests.engine.vda.pictures import arrays


@pytest.mark.parametrize(
    ("frame", "grid"),
    [
        ((1080, 1920), (518, 924)),
        ((480, 640), (518, 686)),
        ((1920, 1080), (924, 518)),
        ((518, 518), (518, 518)),
    ],
)
def test_sizes_of_common_frames(frame, grid):
    assert network_size(frame, 518) == grid


def test_wide_frames_get_a_smaller_grid():
    """2.4:1 costs no more than 16:9; the side is rounded half to even, in patches."""
    assert effective_input_size((1080, 1920), 518) == 518
    assert effective_input_size((800, 1920), 518) == round(int(518 * 1.777 / 2.4) / 14) * 14 == 378
    # int(70 · 1.777 / 1.7773…) would be 69.98; at a ratio of 3.55 it is 35, two and a half patches.
    assert effective_input_size((100, 355), 70) == 28


def test_both_sides_are_multiples_of_a_patch_and_none_is_too_short():
    for height in range(20, 200, 7):
        for width in range(20, 200, 11):
            grid = network_size((height, width), 56)
            shorter = effective_input_size((height, width), 56)
            assert all(side % 14 == 0 and side >= shorter for side in grid)


def test_the_rule_is_the_official_one(golden):
    rows = json.loads((golden / "vda" / "resize_rule.json").read_text())
    assert len(rows) == 192
    for row in rows:
        frame, size = (row["frame_h"], row["frame_w"]), row["input_size"]
        assert effective_input_size(frame, size) == row["effective_input_size"], row
        assert network_size(frame, size) == (row["net_h"], row["net_w"]), row


@pytest.mark.parametrize("case", ["up", "down", "wide", "tall"])
def test_the_network_sees_what_the_official_program_shows_it(case, golden):
    """5.4e-5 is what OpenCV's bicubic and PyTorch's differ by when shrinking 2.6 times."""
    file = arrays(golden / "vda" / "preprocess.npz")
    frame, expected = file[f"{case}_frame"], file[f"{case}_net"]
    grid = network_size((frame.shape[0], frame.shape[1]), int(file[f"{case}_input_size"]))
    image = normalise(to_input(frame.permute(2, 0, 1)[None], grid))[0]
    assert (image - expected).abs().max() <= 6e-5


def test_overshoots_are_kept():
    step = torch.zeros(1, 3, 4, 8, dtype=torch.uint8)
    step[..., 4:] = 255
    image = to_input(step, (14, 28))
    assert image.min() < 0 and image.max() > 1


def test_a_frame_of_the_networks_size_is_not_resampled(generator):
    frame = torch.randint(0, 256, (1, 3, 14, 28), dtype=torch.uint8, generator=generator)
    assert torch.allclose(to_input(frame, (14, 28)) * 255, frame.float())


def test_depth_reaches_the_frame_corner_on_corner(generator):
    depth = torch.rand(1, 14, 28, generator=generator)
    full = to_frame(depth, (37, 51))
    assert full.shape == (1, 37, 51)
    assert torch.equal(full[0, ::36, ::50], depth[0, ::13, ::27])


def test_too_small_a_size_is_refused():
    with pytest.raises(ConfigError, match="use a larger input_size"):
        network_size((1080, 1920), 13)
    with pytest.raises(ConfigError, match="at least one pixel"):
        network_size((0, 1920), 518)
