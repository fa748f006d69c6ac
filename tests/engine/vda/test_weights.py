"""Official state dicts are accepted to the letter, and everything else is refused aloud."""

from __future__ import annotations

import json

import pytest
import torch

from stereocast.engine.depth import vda
from stereocast.engine.depth.vda import weights
from stereocast.engine.depth.vda.architecture import (
    ARCHITECTURES,
    ENCODER_NORM_EPS,
    GROUP_NORM_EPS,
    TEMPORAL_NORM_EPS,
)
from stereocast.engine.depth.vda.attention import FrameNorm
from stereocast.engine.depth.vda.encoder import Norm
from stereocast.engine.depth.vda.network import VideoDepth, assemble
from stereocast.engine.errors import ConfigError, WeightsError
from tests.engine.vda import recipe

CONSTRUCTED_PARAMETERS = {"vits": 29_035_137, "vitb": 114_441_409, "vitl": 384_390_337}
"""Of the official program, with the tensors that it never uses."""


def layout(name: str) -> VideoDepth:
    with torch.device("meta"):
        return VideoDepth(ARCHITECTURES[name])


def unused(name: str) -> dict[str, torch.Tensor]:
    architecture = ARCHITECTURES[name]
    features = architecture.features
    tensors = {"pretrained.mask_token": torch.zeros(1, architecture.dim)}
    for convolution in ("conv1", "conv2"):
        prefix = f"head.scratch.refinenet4.resConfUnit1.{convolution}"
        tensors[f"{prefix}.weight"] = torch.zeros(features, features, 3, 3)
        tensors[f"{prefix}.bias"] = torch.zeros(features)
    return tensors


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_as_many_parameters_as_the_official_network(name):
    ours = sum(parameter.numel() for parameter in layout(name).parameters())
    theirs = CONSTRUCTED_PARAMETERS[name]
    assert ours + sum(tensor.numel() for tensor in unused(name).values()) == theirs


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_names_and_shapes_are_the_official_ones(name, golden):
    file = golden / "vda" / f"vda_state_dict_{name}.json"
    official = json.loads(file.read_text())["tensors"]
    ours = layout(name).state_dict() | unused(name)
    assert {key: list(value.shape) for key, value in ours.items()} == {
        key: value["shape"] for key, value in official.items()
    }


def test_names_are_those_of_checkpoints():
    """A sample of the layout for those who have no reference data."""
    shapes = {key: tuple(value.shape) for key, value in layout("vits").state_dict().items()}
    assert len(shapes) == 351 - 5
    module = "head.motion_modules.3.temporal_transformer"
    block = f"{module}.transformer_blocks.0"
    assert shapes["pretrained.pos_embed"] == (1, 1370, 384)
    assert shapes["pretrained.blocks.11.attn.qkv.weight"] == (1152, 384)
    assert shapes["head.resize_layers.1.weight"] == (96, 96, 2, 2)
    assert shapes[f"{block}.attention_blocks.1.pos_encoder.pe"] == (1, 32, 64)
    assert shapes[f"{block}.attention_blocks.0.to_out.0.bias"] == (64,)
    assert shapes[f"{block}.ff.net.0.proj.weight"] == (512, 64)
    assert shapes[f"{module}.proj_out.weight"] == (64, 64)


def test_the_three_epsilons():
    """Wrong ones change depth by less than a gate could see: depth.md §8.1 of the design."""
    assert (ENCODER_NORM_EPS, GROUP_NORM_EPS, TEMPORAL_NORM_EPS) == (1e-6, 1e-6, 1e-5)
    network = layout("vits")
    encoder = {module.eps for module in network.pretrained.modules() if isinstance(module, Norm)}
    temporal = {module.eps for module in network.head.modules() if isinstance(module, Norm)}
    groups = {module.eps for module in network.head.modules() if isinstance(module, FrameNorm)}
    assert (encoder, temporal, groups) == ({1e-6}, {1e-5}, {1e-6})


def test_unused_tensors_are_accepted_and_not_kept():
    network = vda.build("vits", recipe.state_dict(ARCHITECTURES["vits"]) | unused("vits"))
    assert not any(key.startswith(weights.UNUSED) for key in network.state_dict())
    assert not network.training and not network.metric


def refusal(state: dict[str, torch.Tensor]) -> str:
    with pytest.raises(WeightsError) as caught:
        assemble(recipe.TINY, state, name="tiny")
    return str(caught.value)


def test_missing_unknown_and_misshapen_tensors_are_listed():
    state = recipe.state_dict(recipe.TINY)
    del state["pretrained.norm.bias"]
    state["pretrained.nrom.bias"] = torch.zeros(32)
    state["head.projects.0.bias"] = torch.zeros(7)
    message = refusal(state)
    assert "1 missing: pretrained.norm.bias" in message
    assert "1 unknown: pretrained.nrom.bias" in message
    assert "1 of another shape: head.projects.0.bias (wants [8], got [7])" in message
    assert "\n" not in message


def test_a_long_list_is_shortened():
    message = refusal({})
    assert message.count("head.") <= 4 and "more" in message


def test_values_that_are_no_tensors_are_refused():
    state = recipe.state_dict(recipe.TINY)
    state["pretrained.norm.bias"] = [0.0] * 32
    assert "1 no tensors: pretrained.norm.bias" in refusal(state)


def test_half_precision_checkpoints_are_widened():
    state = {name: value.half() for name, value in recipe.state_dict(recipe.TINY).items()}
    assert assemble(recipe.TINY, state).dtype == torch.float32


def test_an_unknown_encoder_is_refused():
    with pytest.raises(ConfigError, match="choose one of vits, vitb, vitl"):
        vda.build("vitg", {})
