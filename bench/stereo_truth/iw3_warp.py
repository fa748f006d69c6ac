"""The forward warp of iw3, and its row-wise fill, in our own words: the strongest live baseline.

Every pixel is written to the column left and to the column right of where it lands, the nearest
last; both pictures are blended. Pixels whose source lies to the wrong side of their neighbour's are
background seen through stretched foreground: they count as holes too ("layered" ones).
Source: nagadomi/nunif (MIT) iw3/forward_warp.py at d23721f, as stereo.md §3 of the design describes
it; equal to its output (tests/bench/test_stereo_truth_iw3.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d, pad

from stereocast.bench.stereo_truth.hole_fills import fill_from_right

REACH_PX = 100
"""As far as the original's loops get: holes are filled from at most so many pixels away."""

_LEAST_SHARE = 1e-5


@dataclass(frozen=True)
class Iw3View:
    """One eye as iw3 makes it.

    filled  float32 [3, H, W] in 0..1
    raw     the same with holes left at 0
    mask    float32 [H, W]: 1 a hole, 0.5 a layered hole, 0 a written pixel
    """

    filled: Tensor
    raw: Tensor
    mask: Tensor


def right_eye(image: Tensor, nearness: Tensor, *, shift_px: float, convergence: float) -> Iw3View:
    """Make the right eye: pixels move left by shift_px · (nearness − convergence).

    image     float32 [3, H, W] in 0..1
    nearness  float32 [H, W] in 0..1
    shift_px  a share of the width: for two synthetic eyes half of the divergence, for one all of it
    """
    view, source = _moved(image, nearness, -shift_px, convergence)
    return _without_holes(view, source)


def left_eye(image: Tensor, nearness: Tensor, *, shift_px: float, convergence: float) -> Iw3View:
    """Make the left eye: pixels move right; otherwise as `right_eye`."""
    view, source = _moved(image, nearness, shift_px, convergence)
    width = source.shape[1]
    mirrored = torch.where(source.isneginf(), source, width - 1 - source)  # rises again
    made = _without_holes(view.flip(-1), mirrored.flip(-1))
    return Iw3View(made.filled.flip(-1), made.raw.flip(-1), made.mask.flip(-1))


def _moved(
    image: Tensor, nearness: Tensor, shift_px: float, convergence: float
) -> tuple[Tensor, Tensor]:
    """Return the moved picture and the columns its pixels came from; −inf in holes."""
    width = nearness.shape[1]
    margin = int(2 * abs(shift_px) + 2)  # continued borders: nothing tears there
    layers = pad(image[None], (margin, margin, 0, 0), mode="replicate")[0]
    depth = pad(nearness[None, None], (margin, margin, 0, 0), mode="replicate")[0, 0]
    columns = torch.arange(depth.shape[1], dtype=torch.float32).expand(depth.shape)
    place = columns + (depth * shift_px - shift_px * convergence)
    warped = _warped(torch.cat((layers, columns[None])), depth, place)
    warped = warped[:, :, margin : margin + width]
    source = warped[3]
    return warped[:3], torch.where(source < 0, -torch.inf, source - margin)


def _without_holes(view: Tensor, source: Tensor) -> Iw3View:
    holes = source.isneginf()
    layered = _is_out_of_order(fill_from_right(source[None], holes, reach_px=REACH_PX)[0])
    layered &= ~holes
    mask = torch.where(layered, 0.5, holes.float())
    is_open = holes | layered
    raw = view.masked_fill(is_open, 0)
    return Iw3View(fill_from_right(raw, is_open, reach_px=REACH_PX), raw, mask)


def _warped(layers: Tensor, depth: Tensor, place: Tensor) -> Tensor:
    """Write `layers` [C, H, W] to columns `place`, nearest on top; −1 where nothing was written."""
    height, width = depth.shape
    place = place.clamp(0, width - 1)
    floor, ceil = place.floor(), place.ceil()
    ceil_share = (place - floor).clamp(_LEAST_SHARE, 1 - _LEAST_SHARE).flatten()
    order = depth.flatten().argsort(stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(order.numel())
    rows = torch.arange(height)[:, None] * width
    total = torch.zeros(height * width)
    mixed = torch.zeros(layers.shape[0], height * width)
    for column, share in ((floor, 1 - ceil_share), (ceil, ceil_share)):
        target = (rows + column.long()).flatten()
        winner = torch.full_like(rank, -1).scatter_reduce_(0, target, rank, "amax")
        is_written = winner >= 0
        source = order[winner.clamp_min(0)]
        weight = share[source] * is_written
        mixed += layers.flatten(1)[:, source] * weight
        total += weight
    blended = torch.where(total > 0, mixed / total, -1.0)
    return blended.reshape(layers.shape)


def _is_out_of_order(source: Tensor) -> Tensor:
    """Return where a source column [H, W] is smaller than one that is used further to the left.

    The original moves larger columns to the right, one pixel per sweep, until none is out of order.
    """
    before = pad(source[:, :-1], (REACH_PX, 0), value=-torch.inf)
    return source < max_pool1d(before, REACH_PX, stride=1)
