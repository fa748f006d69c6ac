"""The ways to a right eye that are compared: ours and the baselines, behind one small interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from stereocast.bench.stereo_truth import flat_cues
from stereocast.bench.stereo_truth.hole_fills import (
    dilate,
    fill_from_background,
    fill_from_right,
)
from stereocast.bench.stereo_truth.splat import splat
from stereocast.engine.stereo.second_eye import SecondEye

Eye = Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]]
"""Left eye u8 [3, H, W] and disparity float32 [H, W] in; right eye u8 and holes bool [H, W] out.

Called once per frame, in order. Methods that never leave holes return None for them.
"""
Make = Callable[[], Eye]
"""What starts a method afresh: once per clip."""

OURS = "stereocast"
COPY, CONSTANT, RAMP = "copy of the left eye", "constant shift", "row ramp"
BACKWARD = "naive backward warp"
SPLAT_BLACK = "splat, holes black"
SPLAT_RIGHT, SPLAT = "splat + right-nearest", "splat + background-nearest"
DILATED = "dilation 13 + splat + nearest"
DILATED_SCALED = "dilation 13 at 720p + splat + nearest"

DILATION_PX = 13
_DILATION_ROWS = 720
_COVERED = 0.5


def ours() -> Eye:
    """Start the product's second eye; what it remembers lasts as long as the clip."""
    eye, state = None, None

    def step(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
        nonlocal eye, state
        if eye is None or state is None:
            eye = SecondEye((left.shape[1], left.shape[2]))
            state = eye.init()
        state, view, holes = eye.step(state, left, disparity)
        # The next step may reuse the memory of what it gave us.
        return view.clone(), holes.clone()

    return step


def dilation_px(height: int) -> int:
    """Return the odd width nearest to 13 px at 720 rows, for pictures of `height` rows."""
    return 2 * round((DILATION_PX * height / _DILATION_ROWS - 1) / 2) + 1


def copied(left: Tensor, _disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Show the left eye twice."""
    return left.clone(), None


def shifted(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Move the whole picture by the median disparity."""
    return flat_cues.draw(left, flat_cues.constant_shift(disparity))[0], None


def ramped(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Use the ramp down the rows that fits the disparity best."""
    return flat_cues.draw(left, flat_cues.row_ramp(disparity))[0], None


def sampled_backward(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Take every pixel from where the left eye's disparity at that very pixel points."""
    width = disparity.shape[1]
    place = (torch.arange(width) + disparity).clamp(0, width - 1)
    floor = place.floor().long().clamp_max(width - 2)
    a, b = (left.float().gather(2, (floor + tap).expand_as(left)) for tap in (0, 1))
    return levels(a + (b - a) * (place - floor)), None


def splatted_black(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Splat, and leave what nothing reached as dark as it comes out."""
    view, _, coverage = splat(left.float(), disparity)
    return levels(view), coverage < _COVERED


def splatted_right(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Splat, and fill holes from the right."""
    view, _, coverage = splat(left.float(), disparity)
    holes = coverage < _COVERED
    return levels(fill_from_right(view, holes)), holes


def splatted(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Splat, and fill holes from the side that is farther away."""
    view, seen, coverage = splat(left.float(), disparity)
    holes = coverage < _COVERED
    return levels(fill_from_background(view, holes, seen)), holes


def dilated_splat(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Widen near things by 13 × 13 px, then splat and fill."""
    return splatted(left, dilate(disparity, DILATION_PX))


def dilated_splat_scaled(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Widen near things by what 13 px at 720 rows are at this height, then splat and fill."""
    return splatted(left, dilate(disparity, dilation_px(left.shape[1])))


def levels(picture: Tensor) -> Tensor:
    """Round colours to u8, 0 to 255."""
    return picture.round().clamp(0, 255).to(torch.uint8)


def stateless(eye: Eye) -> Make:
    """Return what starts a method without memory."""
    return lambda: eye


BASELINES: Mapping[str, Make] = {
    COPY: stateless(copied),
    CONSTANT: stateless(shifted),
    RAMP: stateless(ramped),
    BACKWARD: stateless(sampled_backward),
    SPLAT_BLACK: stateless(splatted_black),
    SPLAT_RIGHT: stateless(splatted_right),
    SPLAT: stateless(splatted),
    DILATED: stateless(dilated_splat),
    DILATED_SCALED: stateless(dilated_splat_scaled),
}
