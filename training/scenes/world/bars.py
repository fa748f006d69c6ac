"""Black bars around a picture, as films wider or narrower than the screen have them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stereocast.training.scenes.draws import Draws

BARS_STREAM = 13


@dataclass(frozen=True)
class Bars:
    """Shares of the height that are black above and below, and of the width left and right.

    level  how black they are, 0..255
    """

    rows: float = 0.0
    columns: float = 0.0
    level: int = 0

    def cover(self, image: Tensor, value: int) -> Tensor:
        """Return a copy of an image [..., H, W] with this value where bars are."""
        covered = image.clone()
        down, across = self.thickness_px(*image.shape[-2:])
        if down:
            covered[..., :down, :] = value
            covered[..., -down:, :] = value
        if across:
            covered[..., :across] = value
            covered[..., -across:] = value
        return covered

    def thickness_px(self, height: int, width: int) -> tuple[int, int]:
        """Return how many rows are black above, and how many columns on the left."""
        return round(self.rows * height), round(self.columns * width)


def draw_bars(seed: int) -> Bars:
    """Draw the bars of a clip: most films are wider than the screen, some clips are narrower."""
    draws, level = Draws(seed, BARS_STREAM), 0
    if draws.uniform(0, 1) < 0.2:
        level = draws.whole(1, 20)
    sort = draws.uniform(0, 1)
    if sort < 0.65:
        return Bars(rows=draws.uniform(0.04, 0.17), level=level)
    if sort < 0.9:
        return Bars(columns=draws.uniform(0.06, 0.3), level=level)
    return Bars(rows=draws.uniform(0.04, 0.12), columns=draws.uniform(0.04, 0.15), level=level)
