"""Disparity, controls and comfort: signs, ranges and what must not pump."""

from __future__ import annotations

import pytest
import torch

from stereocast.bench import pumping
from stereocast.engine.errors import ConfigError
from stereocast.engine.models import Output
from stereocast.engine.stage import prime
from stereocast.engine.stereo import Controls, SecondEye, StereoConfig, StereoStage
from stereocast.engine.stereo.controls import AUTO, slew
from stereocast.engine.stereo.disparity import DisparityStage, StereoInput

INVERSE = Output.RELATIVE_INVERSE
DT = torch.tensor([0.04])


def ramp(height: int = 14, width: int = 20) -> torch.Tensor:
    return torch.linspace(0, 1, height)[:, None].expand(height, width).contiguous()


def grid(
    depth: torch.Tensor, controls: Controls, config: StereoConfig | None = None, width: int = 100
) -> torch.Tensor:
    """Return the disparity of one picture without bars."""
    stage = DisparityStage((70, width), config or StereoConfig(), depth_output=INVERSE)
    rgb = torch.full((3, 70, width), 90, dtype=torch.uint8)
    _, answer = stage.step(stage.init(), StereoInput(rgb, depth, controls.tensor(), DT))
    return answer.disparity_px


def test_nearer_than_convergence_is_in_front_of_the_screen():
    disparity = grid(ramp(), Controls(strength=3, convergence=0.5, comfort=0))
    middle = disparity[:, 10]
    assert middle[-1] == pytest.approx(1.5, rel=0.05), "3 % of 100 px, half of it in front"
    assert middle[0] == pytest.approx(-1.5, rel=0.05)
    assert (middle.diff() >= 0).all()


@pytest.mark.parametrize("strength", [2.5, 10.0])
def test_parallax_keeps_its_budgets_whatever_the_strength(strength):
    config = StereoConfig(budget_front_percent=1.0, budget_behind_arcmin=30.0)
    disparity = grid(ramp(), Controls(strength=strength, convergence=0.5), config, width=1000)
    assert 7 < disparity.max() <= 10, "1 % of 1000 px"
    behind_px = 1000 * config.display().behind_share(30)
    assert 0.5 * behind_px < -disparity.min() <= behind_px


def stage_path(depths: list[torch.Tensor], dt: torch.Tensor = DT) -> torch.Tensor:
    stage = DisparityStage((70, 1000), StereoConfig(), depth_output=INVERSE)
    rgb, state, path = torch.full((3, 70, 1000), 90, dtype=torch.uint8), stage.init(), []
    for depth in depths:
        state, answer = stage.step(state, StereoInput(rgb, depth, Controls().tensor(), dt))
        path.append(answer.disparity_px)
    return torch.stack(path)


@pytest.mark.parametrize("flake", pumping.FLAKES)
def test_nothing_on_the_way_to_disparity_pumps(flake):
    """The gate of bench/pumping.py, for all stages together, in px of a range of 25."""
    scene = torch.rand(56, 100, generator=torch.Generator().manual_seed(0)) * 0.6
    disturbed = scene.clone()
    disturbed[:, : round(flake * 100)] = 1.0
    disturbed[0, 0] = 1.0
    path = stage_path([disturbed if index % 4 == 0 else scene for index in range(60)])
    static = path[20:, :, 50:]
    moved = (static - static.median(dim=0).values).abs().max()
    assert moved <= 25 * (0.002 if flake < 0.01 else 0.01)


def test_the_first_frame_after_a_reset_is_that_of_a_fresh_stage():
    scenes = [torch.rand(28, 40, generator=torch.Generator().manual_seed(n)) for n in range(2)]
    stage = DisparityStage((70, 100), StereoConfig(), depth_output=INVERSE)
    rgb, state = torch.full((3, 70, 100), 90, dtype=torch.uint8), stage.init()
    for _ in range(12):
        state, _ = stage.step(state, StereoInput(rgb, 50 * scenes[0], Controls().tensor(), DT))
    after = StereoInput(rgb, scenes[1], Controls().tensor(), DT)
    _, again = stage.step(prime(state, stage.init()), after)
    _, fresh = stage.step(stage.init(), after)
    assert torch.equal(again.disparity_px, fresh.disparity_px)


def test_a_viewer_overrides_the_automatic_convergence_and_gives_it_back():
    stage = DisparityStage((70, 100), StereoConfig(), depth_output=INVERSE)
    rgb, state = torch.full((3, 70, 100), 90, dtype=torch.uint8), stage.init()
    depth, found = ramp(28, 40), []
    for wish in (None, 0.9, -1.0):
        controls = Controls().adjusted({"convergence": wish})
        for _ in range(50):
            state, answer = stage.step(state, StereoInput(rgb, depth, controls.tensor(), DT))
        found.append(float(answer.controls[1]))
    assert found == [pytest.approx(0.55, abs=0.06), pytest.approx(0.9), pytest.approx(found[0])]


def test_letterboxed_depth_has_the_disparity_of_the_picture_and_flat_bars():
    g = torch.Generator().manual_seed(5)
    picture = torch.randint(60, 256, (3, 140, 320), dtype=torch.uint8, generator=g)
    scene = torch.rand(70, 160, generator=g)
    rgb, depth = torch.zeros(3, 180, 320, dtype=torch.uint8), torch.full((90, 160), 7.0)
    rgb[:, 20:160], depth[10:80] = picture, scene
    boxed, plain = (
        DisparityStage(tuple(image.shape[1:]), StereoConfig(), depth_output=INVERSE)
        for image in (rgb, picture)
    )
    _, wanted = plain.step(plain.init(), StereoInput(picture, scene, Controls().tensor(), DT))
    _, answer = boxed.step(boxed.init(), StereoInput(rgb, depth, Controls().tensor(), DT))
    assert torch.allclose(answer.disparity_px[10:80], wanted.disparity_px, atol=0.01 * 8)
    assert (answer.disparity_px[:10] == 0).all()
    assert (answer.disparity_px[80:] == 0).all()


def test_strength_zero_leaves_both_eyes_as_the_picture():
    stage = StereoStage((35, 60))
    rgb = torch.randint(0, 256, (3, 35, 60), dtype=torch.uint8)
    x = StereoInput(rgb, ramp(), Controls(strength=0).tensor(), DT)
    _, (left, right) = stage.step(stage.init(), x)
    assert torch.equal(left, rgb)
    assert torch.equal(right, rgb)


@pytest.mark.parametrize(("balance", "untouched"), [(1.0, 0), (0.0, 1)])
def test_balance_leaves_the_source_eye_untouched(balance, untouched):
    stage = StereoStage((35, 60))
    rgb = torch.randint(0, 256, (3, 35, 60), dtype=torch.uint8)
    x = StereoInput(rgb, ramp(), Controls(strength=8, balance=balance).tensor(), DT)
    _, eyes = stage.step(stage.init(), x)
    assert torch.equal(eyes[untouched], rgb)
    assert not torch.equal(eyes[1 - untouched], rgb)


def test_a_near_object_lies_further_right_in_the_left_eye():
    stage = StereoStage((35, 120), StereoConfig(bars=False))
    rgb = torch.zeros(3, 35, 120, dtype=torch.uint8)
    rgb[:, 20:, 55:65] = 255
    x = StereoInput(rgb, ramp(), Controls(strength=10, convergence=0, comfort=0).tensor(), DT)
    _, (left, right) = stage.step(stage.init(), x)
    centre = [
        float((eye[0, -1].float() * torch.arange(120)).sum() / eye[0, -1].sum())
        for eye in (left, right)
    ]
    assert centre[0] - centre[1] == pytest.approx(12, abs=1), "d = xL − xR = 10 % of 120 px"


def test_controls_move_no_faster_than_their_rate():
    current, wanted = Controls(strength=0).tensor(), Controls(strength=10).tensor()
    once = slew(current, wanted, DT)
    assert once[0] == pytest.approx(0.16)
    for _ in range(100):
        current = slew(current, wanted, DT)
    assert torch.equal(current, wanted)


def test_wishes_of_a_viewer_are_brought_into_range():
    wished = Controls().adjusted({"strength": 1e9, "balance": -3, "comfort": None, "zoom": 2})
    assert wished == Controls(strength=10, balance=0)
    assert Controls(convergence=0.2).adjusted({"convergence": -3}).convergence == AUTO


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"convergence": 2.0}, r"convergence must be 'auto' or in \[0, 1\], got 2\.0"),
        ({"convergence": -1.0}, r"convergence must be 'auto' or in \[0, 1\], got -1\.0"),
        ({"convergence": "subject"}, r"convergence must be 'auto' or in \[0, 1\], got 'subject'"),
        ({"range_response_s": 0.0}, r"range_response_s must be in \[0\.1, 60\], got 0\.0"),
        ({"display_hfov_deg": 180.0}, r"display_hfov_deg must be in \[1, 170\], got 180\.0"),
        ({"budget_behind_arcmin": -1.0}, r"budget_behind_arcmin must be in \[1, 600\], got -1\.0"),
        ({"knee": 1.0}, r"knee must be in \[0, 0\.95\], got 1\.0"),
    ],
)
def test_impossible_settings_name_the_key_and_the_range(settings, reason):
    with pytest.raises(ConfigError, match=f"^stereo\\.{reason}$"):
        StereoConfig(**settings)


def test_the_second_eye_reports_its_holes_and_fills_them():
    image = torch.full((3, 9, 64), 50, dtype=torch.uint8)
    disparity = torch.zeros(9, 64)
    disparity[:, 20:40] = 6
    eye = SecondEye((9, 64))
    _, view, holes = eye.step(eye.init(), image, disparity)
    assert holes.sum() == 9 * 6
    assert (view == 50).all()
