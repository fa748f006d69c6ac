"""A session with another depth stage: what streams, what a cut forgets, which way metres go."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from stereocast.engine.depth import vda
from stereocast.engine.depth.picture import NORMALISATIONS, PictureDepth
from stereocast.engine.depth.stage import DepthInput
from stereocast.engine.depth.streamed import StreamedDepth
from stereocast.engine.errors import ConfigError, ModelError
from stereocast.engine.models import Output
from stereocast.engine.runner import TensorSpec, TorchRunner
from stereocast.engine.session import DepthConfig, EngineConfig, Session
from stereocast.engine.stage import tensors_of
from stereocast.engine.stereo import StereoStage
from stereocast.engine.stereo.disparity import DisparityState, GridDisparity, StereoInput
from stereocast.runtime.models.store import NORMALISATIONS as DECLARED
from tests.engine.test_stage_laws import SIZE, clip, surfaces
from tests.engine.vda import recipe

GRID = (28, 42)


def streaming() -> Session:
    stage = vda.DepthStage(recipe.network("tiny"), frame_size=SIZE, grid=GRID)
    return Session(SIZE, depth=StreamedDepth(stage, output=Output.RELATIVE_INVERSE))


def agree(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_video_network_streams_through_a_session():
    session = streaming()
    kept = [session.step(frame, keep_depth=True) for frame in clip(1)]
    depths = torch.stack([frame.depth for frame in kept if frame.depth is not None])
    assert depths.shape == (6, *SIZE)
    assert float(depths.std()) > 0.01
    assert not torch.equal(depths[0], depths[1])
    assert kept[0].surface.shape[1] == 2 * (SIZE[1] + SIZE[1] % 2)


def test_a_cut_forgets_the_video_networks_memory_in_the_same_frame():
    session = streaming()
    after_cut = surfaces(session, clip(1, 2))[6:]
    assert session.cuts == 1
    assert agree(after_cut, surfaces(streaming(), clip(1, 2)[6:]))


def test_without_the_reset_its_memory_would_show():
    """Otherwise the test of the cut could not fail."""
    remembering, fresh = streaming(), streaming()
    depth = remembering._pipeline.depth
    states = [depth.init(), depth.init()]
    seen = []
    for state, frames in zip(states, (clip(1, 2), clip(1, 2)[6:]), strict=True):
        for frame in frames:
            state, result = depth.step(state, DepthInput(frame.rgb, torch.tensor([0.04])))
        seen.append(result)
    assert not torch.equal(*seen)
    assert fresh.cuts == 0


def test_a_reset_of_the_video_network_equals_a_fresh_session():
    used = streaming()
    surfaces(used, clip(1))
    used.reset()
    assert agree(surfaces(used, clip(2)), surfaces(streaming(), clip(2)))


def test_the_state_keeps_its_shapes_and_its_rings_keep_their_place():
    session = streaming()

    def facts() -> list[tuple[torch.Size, torch.dtype]]:
        return [(tensor.shape, tensor.dtype) for tensor in tensors_of(session._state)]

    def rings() -> list[int]:
        return [ring.data_ptr() for ring in session._state.temporal.depth.rings]

    before, places = facts(), rings()
    surfaces(session, clip(1, 2))
    assert facts() == before
    assert rings() == places


def test_a_session_without_a_stage_is_for_the_prior_only():
    with pytest.raises(ConfigError, match="'vda-small' has weights"):
        Session(SIZE, EngineConfig(depth=DepthConfig(model="vda-small")))


class Rows(nn.Module):
    """Depth that grows by one from row to row, and forgets its picture but for a mean of zero."""

    def forward(self, image: Tensor) -> Tensor:
        height = image.shape[-2]
        rows = torch.arange(1.0, height + 1)[:, None].expand(image.shape[-2:])
        return rows[None, None] + 0 * image.mean()


class Red(nn.Module):
    """The first channel as the network sees it."""

    def forward(self, image: Tensor) -> Tensor:
        return image[:, :1]


def pictures(module: nn.Module, *, output: Output, **options: object) -> PictureDepth:
    runner = TorchRunner(
        module,
        inputs=(TensorSpec("image", (1, 3, *GRID)),),
        outputs=(TensorSpec("map", (1, 1, *GRID)),),
    )
    return PictureDepth(runner, output=output, frame_size=SIZE, **options)


@pytest.mark.parametrize(
    ("name", "black", "white"),
    [("0..1", 0, 1), ("-1..1", -1, 1), ("0..255", 0, 255), ("imagenet", -2.1179, 2.2489)],
)
def test_pictures_are_normalised_as_the_network_declares(name: str, black: float, white: float):
    stage = pictures(Red(), output=Output.RELATIVE_INVERSE, normalisation=NORMALISATIONS[name])
    for level, expected in ((0, black), (255, white)):
        rgb = torch.full((3, *SIZE), level, dtype=torch.uint8)
        _, depth = stage.step(stage.init(), DepthInput(rgb, torch.zeros(1)))
        assert depth.shape == GRID
        assert torch.allclose(depth, torch.full(GRID, float(expected)), atol=1e-4)


def test_every_declarable_normalisation_is_known():
    assert NORMALISATIONS.keys() == DECLARED.keys()


def test_a_network_of_two_pictures_is_no_depth_network():
    spec = TensorSpec("image", (2, *GRID))
    runner = TorchRunner(nn.Identity(), inputs=(spec,), outputs=(spec,))
    with pytest.raises(ModelError, match=r"takes image \[2, 28, 42\]"):
        PictureDepth(runner, output=Output.METRIC_DEPTH, frame_size=SIZE)


@pytest.mark.parametrize(
    ("output", "near_row"), [(Output.METRIC_DEPTH, 0), (Output.RELATIVE_INVERSE, -1)]
)
def test_what_is_near_comes_out_of_the_screen_for_either_kind(output: Output, near_row: int):
    stage, seen = pictures(Rows(), output=output), []
    session = Session(SIZE, depth=stage)
    stereo: StereoStage = session._pipeline.stereo
    place = stereo.disparity.step

    def spy(state: DisparityState, x: StereoInput) -> tuple[DisparityState, GridDisparity]:
        after, grid = place(state, x)
        seen.append(grid.disparity_px)
        return after, grid

    stereo.disparity.step = spy  # type: ignore[method-assign]
    session.step(clip(1)[0])
    middle = seen[0][:, seen[0].shape[1] // 2]
    assert middle[near_row] > 0 > middle[-1 - near_row]
    assert session.depth_output is output
