"""A frame's facts, and its depth as a small picture."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import interpolate

from stereocast.engine import thumbnail as thumbnails
from stereocast.engine.frame import Frame
from stereocast.engine.session import Session


def ramp(rows: int, columns: int) -> torch.Tensor:
    return torch.linspace(2, 6, columns).repeat(rows, 1)


def test_a_thumbnail_goes_from_far_0_to_near_255() -> None:
    small = thumbnails.thumbnail(ramp(3, 5), torch.tensor([2.0, 6.0]))
    assert small.dtype == torch.uint8
    assert small.tolist() == [[0, 64, 128, 191, 255]] * 3


def test_what_lies_beyond_the_ends_is_cut_off() -> None:
    small = thumbnails.thumbnail(ramp(1, 5), torch.tensor([3.0, 5.0]))
    assert small.tolist() == [[0, 0, 128, 255, 255]]


def test_flat_depth_is_mid_grey() -> None:
    inverse = torch.full((4, 6), 0.7)
    small = thumbnails.thumbnail(inverse, torch.tensor([0.7, 0.7]))
    assert small.unique().tolist() == [128]


@pytest.mark.parametrize("size", [(140, 252), (518, 924), (924, 518), (2044, 28), (1, 1)])
def test_a_thumbnail_keeps_its_shape_and_its_limits(size: tuple[int, int]) -> None:
    rows, columns = thumbnails.thumbnail(torch.zeros(size), torch.tensor([0.0, 1.0])).shape
    assert max(rows, columns) <= thumbnails.THUMBNAIL_SIDE
    assert rows * columns <= thumbnails.THUMBNAIL_CELLS
    assert rows / columns == pytest.approx(size[0] / size[1], rel=0.05)


def test_a_session_says_the_facts_and_gives_a_thumbnail_to_who_asks() -> None:
    session = Session((48, 64))
    rgb = torch.randint(0, 255, (3, 48, 64), generator=torch.Generator().manual_seed(0))
    frame = Frame(rgb.to(torch.uint8), 0, 0)
    plain = session.step(frame)
    deep = session.step(frame, with_thumbnail=True)
    assert plain.thumbnail is None and deep.thumbnail is not None
    assert deep.thumbnail.min() == 0 and deep.thumbnail.max() == 255
    assert {name for name in plain.facts if not name.startswith("refine_")} == {
        "depth_near", "depth_far", "convergence", "holes_share", "comfort", "cut",
    }  # fmt: skip
    assert plain.facts["depth_near"] > plain.facts["depth_far"]
    assert 0 <= plain.facts["convergence"] <= 1
    assert 0 <= plain.facts["holes_share"] < 0.5
    assert 0 < plain.facts["comfort"] <= 1


def test_a_cut_is_a_fact_of_its_frame_alone() -> None:
    session = Session((48, 64))
    coarse = torch.rand(2, 3, 6, 8, generator=torch.Generator().manual_seed(1))
    scenes = (interpolate(coarse, size=(48, 64), mode="bilinear") * 255).to(torch.uint8)
    pictures = [scenes[0]] * 3 + [scenes[1]] * 3
    cuts = [
        session.step(Frame(rgb, n * 40_000_000, n)).facts["cut"] for n, rgb in enumerate(pictures)
    ]
    assert cuts == [0, 0, 0, 1, 0, 0]
    assert session.cuts == 1
