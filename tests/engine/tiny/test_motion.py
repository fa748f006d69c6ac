"""What the built-in network is told of motion: parallax, without the camera's turning."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from stereocast.engine.depth.tiny import motion

HEIGHT, WIDTH = 18, 32
SURE = torch.ones(1, 1, HEIGHT, WIDTH)


def places() -> tuple[Tensor, Tensor]:
    x = torch.arange(WIDTH) - (WIDTH - 1) / 2
    y = torch.arange(HEIGHT) - (HEIGHT - 1) / 2
    return x.expand(HEIGHT, WIDTH), y[:, None].expand(HEIGHT, WIDTH)


def texture(height: int, width: int) -> Tensor:
    coarse = torch.rand(1, 1, height // 4, width // 4, generator=torch.Generator().manual_seed(3))
    fine = interpolate(coarse, size=(height, width), mode="bicubic")[0, 0]
    return (fine.clamp(0, 1) * 255).to(torch.uint8)


def near_square() -> Tensor:
    """Inverse depth: 1 in a square below the middle, 0 around it."""
    depth = torch.zeros(HEIGHT, WIDTH)
    depth[10:16, 8:20] = 1
    return depth


def test_a_turning_camera_shows_no_parallax():
    x, y = places()
    turned = torch.stack((3.0 - 0.02 * y, -1.5 + 0.02 * x))[None]
    channels = motion.cues(turned, SURE)
    assert channels[:, 2:4].abs().max() < 0.05
    assert channels[:, 5].max() < 0.05


def test_what_is_near_stands_out_whichever_way_the_camera_goes():
    for direction in ((4.0, 0.0), (-4.0, 0.0), (0.0, 3.0), (2.0, -2.0)):
        flow = near_square() * torch.tensor(direction)[:, None, None] + torch.tensor(1.5)
        axial = motion.cues(flow[None], SURE)[0, 2]
        both = torch.stack((axial.flatten(), near_square().flatten()))
        assert torch.corrcoef(both)[0, 1] > 0.95, direction  # the median rounds the corners


def test_moving_forward_is_seen_radially():
    x, y = places()
    depth = 0.5 + near_square()
    flow = -0.2 * torch.stack((x, y)) * depth
    both = torch.stack((motion.cues(flow[None], SURE)[0, 3].flatten(), depth.flatten()))
    assert torch.corrcoef(both)[0, 1] > 0.8
    backward = torch.stack((motion.cues(-flow[None], SURE)[0, 3].flatten(), depth.flatten()))
    assert torch.corrcoef(backward)[0, 1] > 0.8


def test_wrong_matches_here_and_there_change_nothing():
    flow = near_square() * torch.tensor((3.0, 1.0))[:, None, None]
    wrong = flow.clone()
    wrong[:, 3::4, 2::4] = 24.0
    assert torch.allclose(
        motion.cues(wrong[None], SURE)[0, 2:], motion.cues(flow[None], SURE)[0, 2:], atol=0.2
    )


def test_specks_are_gone_by_the_median_of_nine():
    flow = torch.randn(2, 2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(5))
    grown = pad(flow, (1, 1, 1, 1), mode="replicate")
    sorted_out = grown.unfold(2, 3, 1).unfold(3, 3, 1).flatten(4).median(dim=4).values
    assert torch.equal(motion.without_specks(flow), sorted_out)


def test_doubtful_motion_does_not_move_the_camera():
    flow = torch.full((1, 2, HEIGHT, WIDTH), 2.0)
    flow[:, :, :6] = 30.0
    sure = SURE.clone()
    sure[:, :, :6] = 0
    assert torch.allclose(motion.camera_motion(flow, sure), torch.tensor(2.0), atol=1e-3)


def test_a_picture_that_moves_is_matched_and_trusted():
    picture = texture(72, 128)
    flow, sure = motion.match(picture, picture.roll(6, dims=1))
    inside = (slice(None), slice(4, -4), slice(8, -8))
    assert torch.allclose(flow[0][inside[1:]], torch.tensor(-6.0), atol=0.3)
    assert sure[inside].median() > 0.5
    _, lost = motion.match(255 - picture, picture)
    assert 1 - lost[inside].median() > 5 * (1 - sure[inside].median())


def test_nothing_moves_where_nothing_moves():
    picture = texture(72, 128)
    flow, sure = motion.match(picture, picture)
    assert flow.abs().max() == 0
    channels = motion.cues(flow[None], sure[None])
    assert channels[:, :4].abs().max() < 1e-3 and channels[:, 5].max() < 1e-3
    assert motion.change(picture[None], picture[None]).abs().max() == 0


def test_every_channel_is_bounded():
    wild = 35 * torch.randn(3, 2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    channels = motion.cues(wild, torch.rand(3, 1, HEIGHT, WIDTH))
    assert channels.isfinite().all() and channels.abs().max() <= 4


def test_early_frames_are_compared_with_the_first():
    rows = [motion.lagged_rows(torch.tensor([index])).tolist() for index in (1, 2, 3, 6, 13)]
    assert rows == [[0, 0, 0], [0, 0, 1], [1, 0, 2], [4, 0, 5], [5, 1, 0]]
