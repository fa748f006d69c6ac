"""Rooms: drawn from the seed alone, of the statistics that were asked for, with two true eyes."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from stereocast.engine.errors import ConfigError
from stereocast.training.scenes import SceneClip, TruthFrame
from stereocast.training.scenes.layout import BALLS, FLAT_SHEETS, draw_room
from stereocast.training.scenes.patterns import PATTERNS

SEEDS = range(12)


def clip(seed: int, height: int = 90, width: int = 160, **options) -> SceneClip:
    return SceneClip(seed, height=height, width=width, **options)


@pytest.fixture(scope="module")
def rooms() -> list[SceneClip]:
    return [clip(seed, 135, 240) for seed in SEEDS]


@pytest.fixture(scope="module")
def frames(rooms) -> list[TruthFrame]:
    return [room.frame(0) for room in rooms]


@pytest.fixture(scope="module")
def later_frames(rooms) -> list[TruthFrame]:
    return [room.frame(15) for room in rooms]


def equal(one: TruthFrame, two: TruthFrame) -> bool:
    return all(torch.equal(getattr(one, f.name), getattr(two, f.name)) for f in fields(one))


def at_left_columns(image: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Sample an image [C, H, W] linearly at the columns [H, W] of its pixels."""
    first = columns.floor().clamp(0, image.shape[2] - 2)
    share = columns - first
    taps = [torch.gather(image, 2, (first.long() + i).expand(len(image), -1, -1)) for i in range(2)]
    return torch.lerp(*taps, share)


def visible(frame: TruthFrame) -> torch.Tensor:
    return (frame.occluded == 0) & (frame.outside == 0)


def test_a_frame_follows_from_seed_and_index_alone():
    played = clip(4)
    for index in (0, 7, 3):
        frame = played.frame(index)
    assert equal(frame, clip(4).frame(3))


def test_another_seed_is_another_room():
    assert not torch.equal(clip(1).frame(0).depth_m, clip(2).frame(0).depth_m)


def test_drawing_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    clip(5).frame(1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_larger_picture_shows_the_same_room():
    small, large = clip(6, 45, 80).frame(2), clip(6, 135, 240).frame(2)
    # Three times as large: pixel 1 + 3n of the large picture has the centre of pixel n.
    same = torch.isclose(large.depth_m[1::3, 1::3], small.depth_m, rtol=1e-3, atol=0)
    assert float(same.float().mean()) > 0.995  # the card's outline is read from another mip level


def test_shapes_and_types_are_those_of_the_contract(frames):
    for image in (frames[0].left, frames[0].right):
        assert image.shape == (3, 135, 240) and image.dtype == torch.uint8
    for name in ("disparity", "right_disparity", "depth_m", "occluded", "outside"):
        values = getattr(frames[0], name)
        assert values.shape == (135, 240) and values.dtype == torch.float32, name


def test_a_third_of_four_metres_is_at_five_percent_and_infinity_behind_by_half_of_it(frames):
    for frame in frames:
        expected = 240 * (0.1 / frame.depth_m - 0.025)
        torch.testing.assert_close(frame.disparity, expected, rtol=1e-4, atol=1e-4)


def test_disparity_runs_as_far_as_in_the_scenes_of_the_figures(frames):
    share = [frame.disparity / 240 for frame in frames]
    assert all(-0.0215 < float(d.amin()) < -0.019 for d in share)
    assert 0.012 < float(torch.stack([d.amax() for d in share]).mean()) < 0.025


def test_four_to_seven_percent_of_the_right_eye_are_occluded(frames, later_frames):
    for moment in (frames, later_frames):
        shares = torch.stack([frame.occluded.mean() for frame in moment])
        assert 0.045 < float(shares.mean()) < 0.065
        assert float(((shares > 0.035) & (shares < 0.085)).float().mean()) > 0.85


def test_about_one_and_a_half_percent_lie_outside(frames):
    assert 0.011 < float(torch.stack([f.outside.mean() for f in frames]).mean()) < 0.017


def test_every_room_is_lit_coloured_and_entered(frames):
    """No picture is dark, blown out, flat or grey, and nothing stands before the lens."""
    for frame in frames:
        colours = frame.left.float()
        assert 60 < float(colours.mean()) < 150 and float(colours.std()) > 25
        assert float((colours == 255).float().mean()) < 0.03
        assert float((colours.amax(0) - colours.amin(0)).mean()) > 15
        assert float(frame.depth_m.amin()) > 1.2 and float(frame.depth_m.amax()) < 25


def test_patterns_share_the_sheets_equally():
    assert FLAT_SHEETS % len(PATTERNS) == 0 and BALLS % len(PATTERNS) == 0
    room = draw_room(3)
    assert len(room.sheets) == FLAT_SHEETS + BALLS + 1
    assert len({sheet.numpy().tobytes() for sheet in room.sheets}) == len(room.sheets)


def test_half_of_the_spheres_move_at_most_three_centimetres():
    for seed in range(2):
        moving = 0
        for ball in draw_room(seed).balls:
            places = torch.tensor([ball.centre.at(frame) for frame in range(150)])
            steps = (places[1:] - places[:-1]).abs()
            assert float(steps.amax()) <= 0.03
            moving += int(float(steps.amax()) > 0.005)
        assert moving == 2


def test_a_drifting_camera_goes_forward_by_one_and_a_half_centimetres():
    forward = draw_room(2).eye.z
    z = torch.tensor([forward.at(frame) for frame in range(12)])
    torch.testing.assert_close(z[1:] - z[:-1], torch.full((11,), 0.015), rtol=0.1, atol=0)


def test_what_rests_stays_still_before_a_static_camera():
    still, drifting = (
        [clip(3, camera=camera).frame(index).left for index in (0, 9)]
        for camera in ("static", "drift")
    )
    kept = [float((a == b).all(0).float().mean()) for a, b in (still, drifting)]
    assert 0.6 < kept[0] < 0.999 and kept[1] < 0.3


def test_a_static_camera_stands_where_the_drift_begins():
    assert equal(clip(3, camera="static").frame(0), clip(3, camera="drift").frame(0))


def test_the_right_eye_sees_the_colours_that_the_left_one_sees():
    """Where the point falls on a left pixel's centre there is no resampling to blame."""
    for seed in (0, 1):
        frame = clip(seed, 180, 320).frame(3)
        columns = torch.arange(320) + frame.right_disparity
        on_centre = visible(frame) & ((columns - columns.round()).abs() < 0.02)
        error = (at_left_columns(frame.left.float(), columns) - frame.right)[:, on_centre]
        assert on_centre.sum() > 1000
        assert float(error.abs().mean()) < 1.0  # levels of 255
        assert float((error.abs() > 8).float().mean()) < 0.02


def test_resampling_the_left_eye_gives_the_right_one_where_it_is_visible():
    frame = clip(1, 360, 640).frame(5)
    columns = torch.arange(640) + frame.right_disparity
    error = (at_left_columns(frame.left.float(), columns) - frame.right)[:, visible(frame)]
    assert float(10 * torch.log10(255**2 / error.square().mean())) > 35
    hidden = frame.occluded == 1
    wrong = (at_left_columns(frame.left.float(), columns) - frame.right)[:, hidden]
    assert float(wrong.square().mean()) > 20 * float(error.square().mean())


def test_both_disparities_describe_the_same_points():
    frame = clip(7, 180, 320).frame(0)
    columns = torch.arange(320) + frame.right_disparity
    there = at_left_columns(frame.disparity[None], columns)[0]
    gap = (there - frame.right_disparity).abs()[visible(frame)]
    # The rest are pixels whose neighbour in the left eye lies beyond a silhouette.
    assert float((gap < 0.02).float().mean()) > 0.96


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": 4}, "height and width must be in"),
        ({"camera": "handheld"}, "camera must be 'drift' or 'static'"),
        ({"seed": -1}, "must not be negative"),
    ],
)
def test_impossible_wishes_are_refused_in_one_line(options, message):
    with pytest.raises(ConfigError, match=message):
        clip(**{"seed": 0, **options})
