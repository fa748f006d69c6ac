"""A contact sheet of worlds: each picture over its inverse depth, warm near, cold far."""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.training.scenes.world.clip import WorldClip

COLUMNS = 8
NEAR, MIDDLE, FAR = (255.0, 235.0, 130.0), (200.0, 50.0, 80.0), (15.0, 10.0, 50.0)


def world_sheet(
    seeds: range, *, width: int = 252, index: int = 0, kind: str | None = None
) -> Tensor:
    """Draw the worlds of `seeds`, eight to a row, [3, H, W] uint8."""
    height = width * 5 // 9
    cells = []
    for seed in seeds:
        frame = WorldClip(seed, height, width, kind).frame(index)
        cells.append(torch.cat([frame.rgb, draw_nearness(frame.depth_m)], dim=1))
    blank = torch.zeros(3, 2 * height, width, dtype=torch.uint8)
    cells += [blank] * (-len(cells) % COLUMNS)
    lines = [torch.cat(cells[i : i + COLUMNS], dim=2) for i in range(0, len(cells), COLUMNS)]
    return torch.cat(lines, dim=1)


def draw_nearness(depth_m: Tensor) -> Tensor:
    """Return 1 / depth [H, W] in colours, its nearest 2 % white-hot, [3, H, W] uint8."""
    nearness = 1 / depth_m
    top = torch.quantile(nearness.flatten(), 0.98).clamp_min(1e-6)
    share = (nearness / top).clamp(0, 1).sqrt()
    low, high = (2 * share).clamp(0, 1), (2 * share - 1).clamp(0, 1)
    colours = [
        far + (middle - far) * low + (near - middle) * high
        for near, middle, far in zip(NEAR, MIDDLE, FAR, strict=True)
    ]
    return torch.stack(colours).to(torch.uint8)
