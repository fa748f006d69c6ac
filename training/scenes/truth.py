"""What is known about one instant of a rendered scene."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class TruthFrame:
    """Both eyes of one instant, and what a second eye made from the left one cannot know.

    left, right      [3, H, W] uint8, anti-aliased
    disparity        [H, W] float32, d = xL − xR in pixels at the left eye's pixel centres, > 0 in
                     front of the screen
    right_disparity  [H, W] float32, likewise at the right eye's pixel centres
    depth_m          [H, W] float32, metres along the left eye's optical axis
    occluded         [H, W] float32 in [0, 1], on the right eye: the share of the pixel that is
                     hidden from the left eye by something nearer
    outside          [H, W] float32 in [0, 1], on the right eye: the share that lies outside the
                     left eye's frame
    """

    left: Tensor
    right: Tensor
    disparity: Tensor
    right_disparity: Tensor
    depth_m: Tensor
    occluded: Tensor
    outside: Tensor
