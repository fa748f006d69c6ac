"""The network grid takes the shape of the picture."""

from __future__ import annotations

import pytest

from stereocast.engine.depth.grid import fitted_grid
from stereocast.engine.session import DepthConfig


@pytest.mark.parametrize(
    ("cells", "size", "grid"),
    [
        (140 * 252, (720, 1280), (140, 252)),
        (140 * 252, (1280, 720), (252, 140)),
        (252 * 448, (2160, 3840), (252, 448)),
        (140 * 252, (480, 640), (168, 224)),
        (518 * 924, (1080, 1920), (518, 924)),
    ],
)
def test_the_grid_follows_the_picture(cells, size, grid):
    assert fitted_grid(cells, size) == grid


@pytest.mark.parametrize("size", [(100, 100), (817, 1920), (1920, 817), (360, 480), (768, 1366)])
def test_shape_and_number_of_cells_are_nearly_kept(size):
    height, width = fitted_grid(140 * 252, size)
    assert height % 14 == width % 14 == 0
    assert height * width == pytest.approx(140 * 252, rel=0.12)
    assert width / height == pytest.approx(size[1] / size[0], rel=0.08)


@pytest.mark.parametrize("size", [(1, 8192), (8192, 1), (2, 2)])
def test_extreme_pictures_still_have_a_grid(size):
    height, width = fitted_grid(2048 * 2048, size)
    assert 14 <= height <= 2044
    assert 14 <= width <= 2044


def test_a_grid_that_is_demanded_exactly_is_not_fitted():
    config = DepthConfig(height=140, width=252, fit=False)
    assert config.grid_for((1280, 720)) == (140, 252)
