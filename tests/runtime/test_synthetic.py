"""The built-in source: its options, its determinism, and the truth of its other eye."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from stereocast.engine.errors import SourceError
from stereocast.kernels import native
from stereocast.runtime.source.synthetic import SyntheticSource, parse_options

needs_native = pytest.mark.skipif(
    native.serving() is None, reason="the reference takes minutes for such pictures"
)


@pytest.fixture(scope="module")
def source() -> SyntheticSource:
    return SyntheticSource("testsrc:?size=320x180&fps=30&frames=3")


def warp_back(right: Tensor, disparity: Tensor) -> Tensor:
    """Fetch left(x) from right(x − d), bilinear, [3, H, W] float."""
    height, width = disparity.shape
    x = torch.arange(width) - disparity
    first = x.floor().clamp(0, width - 2).long()
    share = (x - first).clamp(0, 1)
    rows = torch.arange(height)[:, None]
    image = right.float()
    return image[:, rows, first] * (1 - share) + image[:, rows, first + 1] * share


def unoccluded(disparity: Tensor) -> Tensor:
    """Left pixels, off depth edges, whose partner is inside the picture and not hidden."""
    height, width = disparity.shape
    x = torch.arange(width) - disparity
    column = x.round().long()
    inside = (column >= 1) & (column < width - 1)
    nearest = torch.full((height, width + 2), -1e9)
    target = column.clamp(-1, width) + 1
    nearest.scatter_reduce_(1, target, disparity, "amax")
    hidden_by = torch.nn.functional.max_pool2d(nearest[None], (1, 3), 1, (0, 1))[0]
    visible = disparity > hidden_by.gather(1, target) - 0.5
    pooled = torch.nn.functional.max_pool2d
    spread = pooled(disparity[None], 5, 1, 2)[0] + pooled(-disparity[None], 5, 1, 2)[0]
    return inside & visible & (spread < 1.0)


@needs_native
@pytest.mark.parametrize("index", [0, 45, 1000])
def test_left_is_right_moved_by_the_disparity(index: int) -> None:
    source = SyntheticSource("testsrc:?size=640x360")
    truth = source.stereo_truth(index)
    visible = unoccluded(truth.disparity)
    assert float(visible.float().mean()) > 0.75
    error = (warp_back(truth.right, truth.disparity) - truth.left.float()).abs().mean(dim=0)
    moved = (warp_back(truth.right, truth.disparity + 1) - truth.left.float()).abs().mean(dim=0)
    assert float(error[visible].median()) < 1.0
    assert float(error[visible].mean()) < 0.5 * float(moved[visible].mean())
    strength = float(truth.disparity.max() - truth.disparity.min()) / 640
    assert 0.025 < strength < 0.08


@needs_native
def test_source_delivers_the_left_eye(source: SyntheticSource) -> None:
    assert torch.equal(source.frame(7).rgb, source.stereo_truth(7).left)


@needs_native
def test_any_index_is_the_same_picture_whenever_it_is_rendered(source: SyntheticSource) -> None:
    first = source.frame(40).rgb.clone()
    source.frame(3)
    assert torch.equal(source.frame(40).rgb, first)
    again = SyntheticSource("testsrc:?size=320x180")
    assert torch.equal(again.frame(40).rgb, first)
    assert not torch.equal(again.frame(41).rgb, first)


@needs_native
def test_time_not_the_frame_rate_moves_the_scene() -> None:
    slow = SyntheticSource("testsrc:?size=64x36&fps=25")
    fast = SyntheticSource("testsrc:?size=64x36&fps=50")
    assert torch.equal(slow.frame(11).rgb, fast.frame(22).rgb)


@needs_native
def test_frames_count_up_and_end_where_asked(source: SyntheticSource) -> None:
    frames = list(source)
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.pts_ns for frame in frames] == [0, 33_333_333, 66_666_666]
    assert all(frame.rgb.shape == (3, 180, 320) for frame in frames)
    assert len({frame.rgb.data_ptr() for frame in frames}) == 3
    source.close()
    source.close()
    assert len(list(source)) == 3


def test_info_says_what_was_asked(source: SyntheticSource) -> None:
    info = source.info
    assert (info.width, info.height, info.fps, info.frames) == (320, 180, 30.0, 3)
    assert info.live and info.duration_ns == 100_000_000 and info.time_base == Fraction(1, 30)


def test_default_is_720p_at_30_without_end() -> None:
    options = parse_options("testsrc:")
    assert (options.width, options.height, options.fps) == (1280, 720, 30)
    assert options.frames is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("testsrc:?sise=1x1", "unknown option 'sise'; valid options: size=.*fps=.*frames="),
        ("testsrc:?size=640", "size must be WIDTHxHEIGHT"),
        ("testsrc:?size=8x8", "16..8192"),
        ("testsrc:?fps=0", "fps must be in 1..1000"),
        ("testsrc:?fps=30/0", "fps must be"),
        ("testsrc:?frames=-1", "frames must be a whole number"),
        ("testsrc:?frames", "frames must be"),
        ("testsrc:640x360", "not a test source"),
        ("file.mp4", "not a test source"),
    ],
)
def test_bad_address_is_one_clear_line(address: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse_options(address)
    assert "\n" not in str(caught.value)


def test_broadcast_rates_are_exact() -> None:
    assert parse_options("testsrc:?fps=30000/1001").fps == Fraction(30000, 1001)
    assert parse_options("testsrc:?fps=29.97").fps == Fraction(2997, 100)
