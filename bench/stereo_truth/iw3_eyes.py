"""iw3's right eye as methods to compare: bare, as it ships, and with stronger silhouettes."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from stereocast.bench.stereo_truth.hole_fills import dilate
from stereocast.bench.stereo_truth.iw3_edges import as_shipped
from stereocast.bench.stereo_truth.iw3_warp import right_eye
from stereocast.bench.stereo_truth.methods import (
    DILATION_PX,
    PEAK,
    Make,
    dilation_px,
    levels,
    stateless,
)

IW3_BARE = "iw3 forward fill"
IW3 = "iw3 as shipped"
IW3_DILATED = "iw3 + dilation 13"
IW3_DILATED_SCALED = "iw3 + dilation 13 at 720p"

_LEAST_SPAN_PX = 1e-3


def bare(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Warp and fill, with the disparity as it comes."""
    return _made(left, *_normalised(disparity))


def shipped(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Dilate edges by 2 at the depth network's size, then warp and fill: iw3's own settings."""
    nearness, span, lowest = _normalised(disparity)
    return _made(left, as_shipped(nearness), span, lowest)


def dilated(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Widen near things by 13 × 13 px instead."""
    return bare(left, dilate(disparity, DILATION_PX))


def dilated_scaled(left: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor | None]:
    """Widen near things by what 13 px at 720 rows are at this height."""
    return bare(left, dilate(disparity, dilation_px(left.shape[1])))


def _normalised(disparity: Tensor) -> tuple[Tensor, float, float]:
    """Return nearness in 0..1, the range of disparities and the smallest one, in pixels."""
    low, high = float(disparity.min()), float(disparity.max())
    span = max(high - low, _LEAST_SPAN_PX)
    return (disparity - low) / span, span, low


def _made(
    left: Tensor, nearness: Tensor, span: float, lowest: float
) -> tuple[Tensor, Tensor | None]:
    made = right_eye(left.float() / PEAK, nearness, shift_px=span, convergence=-lowest / span)
    return levels(made.filled * PEAK), made.mask > 0


IW3_BASELINES: Mapping[str, Make] = {
    IW3_BARE: stateless(bare),
    IW3: stateless(shipped),
    IW3_DILATED: stateless(dilated),
    IW3_DILATED_SCALED: stateless(dilated_scaled),
}
