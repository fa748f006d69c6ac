"""A contact sheet of rooms, for the eye that judges them: many left eyes, and some whole truths.

Writing pictures to disk is in png.py, the command line in __main__.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.training.scenes.clip import SceneClip
from stereocast.training.scenes.degraded import RealisticDepth
from stereocast.training.scenes.truth import TruthFrame

COLUMNS = 4
IN_FRONT, BEHIND = (255.0, 150.0, 40.0), (50.0, 130.0, 255.0)
FULL_COLOUR = 0.025
"""Disparity, as a share of the width, that is drawn in full colour."""


def contact_sheet(seeds: range, *, width: int = 320, whole: int = 3, index: int = 0) -> Tensor:
    """Draw the rooms of `seeds`, four to a row, [3, H, W] uint8.

    whole  how many of them also get a row of right eye, disparity, realistic disparity (orange in
           front of the screen, blue behind) and the right eye with hidden parts red, outside blue
    index  which frame is shown
    """
    height = width * 9 // 16
    cells: list[Tensor] = []
    rows: list[Tensor] = []
    for number, seed in enumerate(seeds):
        truth = SceneClip(seed, height=height, width=width).frame(index)
        cells.append(truth.left)
        if number < whole:
            rows += _whole_truth(truth, seed, index)
    blank = torch.zeros(3, height, width, dtype=torch.uint8)
    cells += [blank] * (-len(cells) % COLUMNS) + rows
    lines = [torch.cat(cells[i : i + COLUMNS], dim=2) for i in range(0, len(cells), COLUMNS)]
    return torch.cat(lines, dim=1)


def draw_disparity(disparity: Tensor) -> Tensor:
    """Return a disparity map [H, W] in colours, [3, H, W] uint8: black lies on the screen."""
    share = disparity / (FULL_COLOUR * disparity.shape[1])
    front, behind = share.clamp(0, 1), (-share).clamp(0, 1)
    colours = [front * near + behind * far for near, far in zip(IN_FRONT, BEHIND, strict=True)]
    return torch.stack(colours).to(torch.uint8)


def draw_masks(truth: TruthFrame) -> Tensor:
    """Return the right eye, darkened, hidden parts red and outside ones blue, [3, H, W] uint8."""
    red, blue = torch.tensor((255.0, 40.0, 40.0)), torch.tensor((60.0, 90.0, 255.0))
    picture = 0.35 * truth.right
    picture = torch.lerp(picture, red[:, None, None], truth.occluded)
    return torch.lerp(picture, blue[:, None, None], truth.outside).to(torch.uint8)


def _whole_truth(truth: TruthFrame, seed: int, index: int) -> list[Tensor]:
    realistic = RealisticDepth(seed).disparity(truth.disparity, index)
    maps = [draw_disparity(truth.disparity), draw_disparity(realistic)]
    return [truth.right, *maps, draw_masks(truth)]
