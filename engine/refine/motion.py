"""Moving what is remembered along the image motion, for one stream or for a batch in training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from stereocast.kernels.flow import reproject


def carried(values: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Return maps sampled bilinearly at p + flow, and where that lies inside the frame.

    values   [B, C, h, w] uint8 or float32, of the frame before
    flow     float32 [B, 2, ⌈h/2⌉, ⌈w/2⌉], pixels, see `kernels.flow.block_matching`
    returns  like `values`, edges continued, and bool [B, h, w]

    Where gradients must pass, PyTorch's own sampling does it; it differs by rounding
    (tests/engine/test_refine_step.py).
    """
    if torch.is_grad_enabled() and values.requires_grad:
        return _sampled(values, flow)
    moved = [reproject(one.contiguous(), along) for one, along in zip(values, flow, strict=True)]
    if len(moved) == 1:
        return moved[0][0][None], moved[0][1][None]
    return torch.stack([one for one, _ in moved]), torch.stack([inside for _, inside in moved])


def source_cells(flow: Tensor, cells: tuple[int, int], stale: Tensor) -> Tensor:
    """Return, for every cell of a coarse grid, the number of the cell that it lay in before.

    flow     float32 [B, 2, h', w'] in pixels of a grid 4 × as fine as `cells`
    cells    rows and columns of the coarse grid
    stale    bool [B], where nothing that was before is to be continued
    returns  int64 [B · rows · columns], numbers that count through the whole batch; −1: none

    Nearest neighbours: a cell's memory is moved whole, never mixed with another's.
    """
    batch, device = flow.shape[0], flow.device
    rows = torch.arange(cells[0], device=device)
    columns = torch.arange(cells[1], device=device)
    # The flow's own cells are 2 pixels wide, so the middle of a coarse cell is at 2 i + 1.
    at_rows = (2 * rows + 1).clamp_max(flow.shape[2] - 1)
    at_columns = (2 * columns + 1).clamp_max(flow.shape[3] - 1)
    steps = (flow[:, :, at_rows[:, None], at_columns[None]] / 4).round().long()
    column = (columns[None, None] + steps[:, 0]).clamp(0, cells[1] - 1)
    row = (rows[None, :, None] + steps[:, 1]).clamp(0, cells[0] - 1)
    first = torch.arange(batch, device=device)[:, None, None] * (cells[0] * cells[1])
    return torch.where(stale[:, None, None], -1, first + row * cells[1] + column).flatten()


def _sampled(values: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    height, width = values.shape[2:]
    device = values.device
    fine = flow.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, :height, :width]
    x = torch.arange(width, device=device) + fine[:, 0]
    y = torch.arange(height, device=device)[:, None] + fine[:, 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    places = torch.stack((2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1), dim=3)
    moved = grid_sample(values, places, mode="bilinear", padding_mode="border", align_corners=True)
    return moved, inside
