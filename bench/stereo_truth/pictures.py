"""What was compared, to look at: a contact sheet with enlarged silhouettes, and maps of the error.

Scores say how much is wrong; these say what. The contact sheet shows two scenes abreast, each as
left eye, true right eye and what the methods made, under them the same enlarged where most is
hidden from the left eye. The maps show the true right eye and the error of every method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from stereocast.bench.stereo_truth.clips import Clip
from stereocast.bench.stereo_truth.comparison import Clips
from stereocast.bench.stereo_truth.methods import Make
from stereocast.engine.errors import ConfigError
from stereocast.training.scenes.png import save_png

CELL = (180, 320)
ENLARGED = 4
CROPS = 2
FULL_COLOUR_LEVELS = 96.0
"""Error that is drawn white in the maps; half of it is red."""


def save_pictures(
    folder: Path,
    clips: Clips,
    methods: Mapping[str, Make],
    *,
    depth: str,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Path, Path]:
    """Write the contact sheet and the error maps of the last frame of every clip; return both.

    methods  drawn side by side after the left and the true right eye
    depth    names the files
    advance  called after every clip

    Raises ConfigError where the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot make this folder: {error.strerror}") from None
    sheet, maps = [], []
    for clip in clips.clips():
        views = last_views(clip, methods)
        sheet.append(torch.cat(list(_contact_rows(clip, views)), dim=1))
        maps.append(_error_row(clip, views))
        advance()
    paths = folder / f"contact-{depth}.png", folder / f"errors-{depth}.png"
    for path, blocks in zip(paths, (_two_abreast(sheet), maps), strict=True):
        save_png(torch.cat(blocks, dim=1), path)
    return paths


def last_views(clip: Clip, methods: Mapping[str, Make]) -> list[Tensor]:
    """Return what every method makes of the clip's last frame, after all the frames before."""
    views = []
    for make in methods.values():
        eye = make()
        for frame, given in zip(clip.frames, clip.given, strict=True):
            view, _ = eye(frame.left, given)
        views.append(view)
    return views


def heat(made: Tensor, truth: Tensor) -> Tensor:
    """Return the largest colour error of [3, H, W] u8 pictures: black, red, yellow, white."""
    error = (made.float() - truth.float()).abs().amax(dim=0) / FULL_COLOUR_LEVELS
    ramps = torch.stack((error * 2, error * 2 - 0.7, error * 2 - 1.4))
    return (ramps.clamp(0, 1) * 255).to(torch.uint8)


def crops_of(hidden: Tensor, size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the corners (y, x) of the windows of `size` that show most of `hidden` [H, W].

    The second one does not overlap the first.
    """
    left = hidden.clone()
    corners = []
    for _ in range(CROPS):
        sums = avg_pool2d(left[None], size, stride=1)[0]
        y, x = divmod(int(sums.argmax()), sums.shape[1])
        corners.append((y, x))
        left[y : y + size[0], x : x + size[1]] = 0
    return corners


def _contact_rows(clip: Clip, views: list[Tensor]) -> Iterator[Tensor]:
    truth = clip.frames[-1]
    pictures = [truth.left, truth.right, *views]
    yield torch.cat([_fitted(picture) for picture in pictures], dim=2)
    rows, columns = (min(c // ENLARGED, n) for c, n in zip(CELL, truth.occluded.shape, strict=True))
    for y, x in crops_of(truth.occluded, (rows, columns)):
        parts = [picture[:, y : y + rows, x : x + columns] for picture in pictures]
        yield torch.cat([_fitted(_enlarged(part)) for part in parts], dim=2)


def _two_abreast(blocks: list[Tensor]) -> list[Tensor]:
    filled = blocks if len(blocks) % 2 == 0 else [*blocks, torch.zeros_like(blocks[0])]
    return [torch.cat(pair, dim=2) for pair in zip(filled[::2], filled[1::2], strict=True)]


def _error_row(clip: Clip, views: list[Tensor]) -> Tensor:
    truth = clip.frames[-1].right
    height = truth.shape[1]
    gap = torch.full((3, height, 4), 128, dtype=torch.uint8)
    cells = [truth, *(heat(view, truth) for view in views)]
    row = torch.cat([part for cell in cells for part in (cell, gap)], dim=2)
    return torch.cat((row, torch.full((3, 4, row.shape[2]), 128, dtype=torch.uint8)), dim=1)


def _enlarged(picture: Tensor) -> Tensor:
    return picture.repeat_interleave(ENLARGED, dim=1).repeat_interleave(ENLARGED, dim=2)


def _fitted(picture: Tensor) -> Tensor:
    """Return the picture at the size of a cell, with a thin frame of grey around it."""
    shrunk = torch.nn.functional.interpolate(picture[None].float(), size=CELL, mode="area")[0]
    cell = shrunk.round().clamp(0, 255).to(torch.uint8)
    return torch.nn.functional.pad(cell, (2, 2, 2, 2), value=128)
