"""The warp beside a recorded bilinear splat, where both must be the same function.

The vectors are the outputs of another program with known border defects: its last row and its first
and last columns are left out. Where two surfaces land on one pixel it mixes them, this warp does
not; where the disparity changes along the row it spreads colours, this warp interpolates.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from stereocast.kernels import forward_warp

INNER = (slice(0, -1), slice(1, -1))


def vectors(folder, name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return image, disparity, the splatted right view, and the share of it that is open."""
    with np.load(folder / "stereo" / f"sc_{name}.npz") as stored:
        return tuple(
            torch.from_numpy(stored[key]).float().contiguous()
            for key in ("image", "disp", "right", "occ")
        )


@pytest.mark.parametrize("name", ["const0", "const2p5"])
def test_at_constant_disparity_colours_and_holes_are_those_of_a_splat(golden, name):
    image, disparity, right, occluded = vectors(golden, name)
    view, holes = forward_warp(image, disparity)
    covered = (occluded < 1e-5)[INNER]
    assert covered.float().mean() > 0.9
    assert not holes[INNER][covered].any()
    assert holes[INNER][occluded[INNER] > 1 - 1e-5].all()
    assert_close(view[:, *INNER][:, covered], right[:, *INNER][:, covered], atol=2e-6, rtol=0)


def test_whole_pixel_disparities_move_single_pixels_like_a_splat(golden):
    image, disparity, right, _ = vectors(golden, "integers")
    view, holes = forward_warp(image, disparity)
    height, width = disparity.shape
    landed = torch.zeros(height, width + 32)  # how many source pixels land on each target
    target = (torch.arange(width) - disparity).long() + 16
    landed.scatter_add_(1, target, torch.ones_like(disparity))
    landed = landed[:, 16:-16]
    single = (landed == 1)[INNER]
    assert single.float().mean() > 0.7
    assert not holes[INNER][single].any()
    assert_close(view[:, *INNER][:, single], right[:, *INNER][:, single], atol=2e-6, rtol=0)


def test_on_a_smooth_surface_the_holes_are_those_of_a_splat(golden):
    image, disparity, right, occluded = vectors(golden, "fractional")
    view, holes = forward_warp(image, disparity)
    assert torch.equal(holes[INNER], (occluded > 0.5)[INNER])
    seen = (occluded < 1e-5)[INNER]
    difference = (view - right)[:, *INNER][:, seen].abs()
    assert difference.mean() < 0.02
