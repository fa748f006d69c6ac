"""The network in its sequence form: folded equals unfolded, and both equal the official program."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from stereocast.engine.depth.vda.attention import TemporalTransformer
from stereocast.engine.depth.vda.encoder import position_table
from stereocast.engine.depth.vda.folding import fold
from stereocast.engine.depth.vda.preprocess import normalise, to_input
from stereocast.engine.errors import ConfigError
from tests.engine.vda import recipe
from tests.engine.vda.pictures import GRID, arrays, assert_within_gates, clip, planar

ODD_GRID = (70, 42)  # odd numbers of rows and columns
TRAINED_GRID = (70, 70)  # the grid of the tiny network's position table


@pytest.mark.parametrize("grid", [GRID, ODD_GRID, TRAINED_GRID])
def test_folded_equals_unfolded(tiny, grid):
    images = to_input(planar(clip(3)), grid)
    with torch.no_grad():
        whole, folded = tiny(normalise(images)), fold(tiny, grid)(images)
    assert whole.std() > 0.1
    assert (folded - whole).abs().max() <= 1e-5


def test_folding_is_exact_in_real_arithmetic(tiny64):
    images = to_input(planar(clip(3)), GRID, dtype=torch.float64)
    with torch.no_grad():
        difference = fold(tiny64, GRID)(images) - tiny64(normalise(images))
    assert difference.abs().max() <= 1e-12


def test_folding_removes_what_it_folds(tiny):
    names = fold(tiny, GRID).state_dict().keys()
    assert "pretrained.positions" in names
    assert not any(name.endswith((".gamma", "cls_token", "pos_embed")) for name in names)


def test_folding_leaves_the_network_as_it_was(tiny):
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    fold(tiny, GRID)
    assert all(torch.equal(value, before[name]) for name, value in tiny.state_dict().items())


def test_only_a_network_on_a_grid_of_patches_is_folded(tiny):
    with pytest.raises(ConfigError, match="multiples of 14"):
        fold(tiny, (42, 43))
    with pytest.raises(ConfigError, match="folded already"):
        fold(fold(tiny, GRID), GRID)


def test_the_trained_grid_keeps_its_positions(tiny):
    encoder = tiny.pretrained
    table = position_table(encoder.cls_token, encoder.pos_embed, (5, 5))
    assert torch.equal(table[:, 1:], encoder.pos_embed[:, 1:])
    assert torch.equal(table[:, :1], encoder.cls_token + encoder.pos_embed[:, :1])


def test_the_order_of_frames_matters(tiny):
    """Else every test of attention in time would pass without any."""
    images = normalise(to_input(planar(clip(5)), GRID))
    with torch.no_grad():
        difference = tiny(images) - tiny(images.flip(0)).flip(0)
    assert difference.abs().mean() > 0.05


def test_images_that_do_not_fit_are_refused(tiny):
    for shape in [(33, 3, 28, 28), (0, 3, 28, 28), (1, 1, 28, 28)]:
        with pytest.raises(ValueError, match="images must be"):
            tiny(torch.zeros(shape))
    with pytest.raises(ValueError, match="must be multiples of 14"):
        tiny(torch.zeros(1, 3, 28, 30))
    with pytest.raises(ValueError, match=r"must be \(42, 56\)"):
        fold(tiny, GRID)(torch.zeros(1, 3, 28, 28))


# --- against the official program -----------------------------------------------------------------


def close(actual: Tensor, expected: Tensor, limit: float) -> None:
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= limit


def test_encoder_golden(golden):
    file = arrays(golden / "vda" / "vits_encoder.npz")
    encoder = recipe.network("vits").pretrained
    with torch.no_grad():
        close(encoder.tokens(file["net_input"]), file["tokens_with_pos"], 1e-6)
        for number, tap in enumerate(encoder(file["net_input"])):
            close(tap, file[f"feat{number}"], 1e-5)


def test_square_grid_golden(golden):
    """518×518 is the trained grid: positions are not resampled."""
    file = arrays(golden / "vda" / "vits_encoder_518x518.npz")
    images = normalise(to_input(planar(file["frames"]), (518, 518)))
    with torch.no_grad():
        taps = recipe.network("vits").pretrained(images)
    close(taps[0][:, ::37], file["feat0_s37"], 1e-5)
    close(taps[3][:, ::37], file["feat3_s37"], 1e-5)


def test_position_goldens(golden):
    encoder = recipe.network("vits").pretrained
    for name, expected in arrays(golden / "vda" / "vits_pos_embed.npz").items():
        rows, columns = (int(side) for side in name.split("_")[1].split("x"))
        table = position_table(torch.zeros(1, 1, 384), encoder.pos_embed, (rows, columns))
        close(table[..., : expected.shape[-1]], expected, 1e-6)


def test_every_stage_of_the_head_golden(golden):
    file = arrays(golden / "vda" / "vits_head_stages_T2.npz")
    network = recipe.network("vits")
    head, seen = network.head, {}
    stages: dict[str, nn.Module] = {
        **{f"project{n}": layer for n, layer in enumerate(head.projects)},
        **{f"resize{n}": layer for n, layer in enumerate(head.resize_layers)},
        **{f"motion{n}": layer for n, layer in enumerate(head.motion_modules)},
        **{f"layer{n}_rn": getattr(head.scratch, f"layer{n}_rn") for n in range(1, 5)},
        **{f"refinenet{n}": getattr(head.scratch, f"refinenet{n}") for n in range(1, 5)},
        "output_conv1": head.scratch.output_conv1,
        "output_conv2": head.scratch.output_conv2,
    }
    hooks = [
        layer.register_forward_hook(lambda _, __, out, name=name: seen.update({name: out}))
        for name, layer in stages.items()
    ]
    with torch.no_grad():
        depth = network(file["net_input"])
    for hook in hooks:
        hook.remove()
    close(depth, file["depth"][0], 5e-5)
    for name, found in seen.items():
        wanted = file[name]
        close(found, wanted[0].transpose(0, 1) if wanted.dim() == 5 else wanted, 5e-5)
    assert set(seen) == set(file) - {"net_input", "depth"}


def test_temporal_module_goldens(golden):
    file = arrays(golden / "vda" / "vits_motion_modules.npz")
    for number, module in enumerate(recipe.network("vits").head.motion_modules):
        hidden: list[Tensor] = []
        transformer = module.temporal_transformer
        assert isinstance(transformer, TemporalTransformer)
        layers = transformer.block.attention_blocks
        hooks = [
            layer.register_forward_pre_hook(lambda _, given, seen=hidden: seen.append(given[0]))
            for layer in layers
        ]
        with torch.no_grad():
            result = module(file[f"in{number}"][0].transpose(0, 1))
        for hook in hooks:
            hook.remove()
        close(result.transpose(0, 1)[None], file[f"out{number}"], 2e-5)
        for sublayer, found in enumerate(hidden):
            if f"hid{number}_{sublayer}" in file:
                close(found.transpose(0, 1), file[f"hid{number}_{sublayer}"], 2e-5)


@pytest.mark.parametrize("folded", [False, True])
def test_window_golden(folded, golden):
    file = arrays(golden / "vda" / "vits_batch32.npz")
    network, images = recipe.network("vits"), to_input(planar(file["frames"]), (70, 126))
    with torch.no_grad():
        depth = fold(network, (70, 126))(images) if folded else network(normalise(images))
    assert_within_gates(depth, file["depth"][0], maximum=5e-5, mean=2.5e-6)


@pytest.mark.slow
def test_base_encoder_golden(golden):
    file = arrays(golden / "vda" / "vitb_batch8.npz")
    images = normalise(to_input(planar(file["frames"]), (70, 126)))
    with torch.no_grad():
        depth = recipe.network("vitb")(images)
    assert_within_gates(depth, file["depth"][0], maximum=5e-5, mean=2.5e-6)
