"""The network that corrects the filter: shapes, memory, and what it is before any training."""

from __future__ import annotations

import pytest
import torch

from stereocast.engine.errors import WeightsError
from stereocast.engine.models import Output
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.refine.network import RefineNetwork, RefineStep, RunnerCorrector
from stereocast.engine.refine.stage import TemporalRefiner
from stereocast.engine.refine.weights import load_network, save_network
from stereocast.engine.runner import TorchRunner
from stereocast.engine.stage import tensors_of
from tests.refining import GRID, picture, run, stage, surface

CORES = pytest.mark.parametrize("core", ["mamba", "none"])


def network(core: str, *, untrained: bool = False) -> RefineNetwork:
    torch.manual_seed(1)
    made = RefineNetwork(core)
    if not untrained:
        torch.nn.init.normal_(made.head[-1].weight, std=0.2)
    return made.eval()


def refiner(core: str, **how: bool) -> TemporalRefiner:
    step = RefineStep(network(core, **how), GRID)
    runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
    config = RefineConfig(mode="net", core=core)
    return TemporalRefiner(
        config, GRID, depth_output=Output.METRIC_DEPTH, corrector=RunnerCorrector(runner)
    )


def clip(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(5)
    return [
        (picture(shift=index), surface() * (1 + 0.02 * torch.randn(GRID, generator=generator)))
        for index in range(count)
    ]


@CORES
def test_both_cores_have_about_forty_thousand_parameters(core) -> None:
    count = sum(parameter.numel() for parameter in RefineNetwork(core).parameters())
    assert 40_500 < count < 40_700


@CORES
def test_an_untrained_network_is_the_filter(core) -> None:
    plain, _ = run(stage(), clip(5))
    corrected, _ = run(refiner(core, untrained=True), clip(5))
    for first, second in zip(plain, corrected, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-5)


@CORES
def test_a_network_changes_the_answer_within_the_bound(core) -> None:
    plain, _ = run(stage(), clip(5))
    corrected, state = run(refiner(core), clip(5))
    assert not torch.allclose(plain[-1], corrected[-1], rtol=1e-4)
    change = state.memory.maps[0, 0] - state.memory.maps[0, 4]
    assert change.abs().max() <= 0.12 * 1.3 + 0.06 + 1e-5


def test_the_core_remembers_more_than_the_filter_does() -> None:
    """Two streams whose filters are in one state, and whose cells are not, go different ways."""
    stream = refiner("mamba")
    _, state = run(stream, clip(6))
    first, _ = run(refiner("mamba"), clip(8)[6:], state)
    for part in state.memory.network:
        part.zero_()
    second, _ = run(refiner("mamba"), clip(8)[6:], state)
    assert not torch.equal(first[0], second[0])


@CORES
def test_a_stream_can_be_split_at_any_frame_bit_for_bit(core) -> None:
    whole, _ = run(refiner(core), clip(7))
    begin, state = run(refiner(core), clip(7)[:3])
    rest, _ = run(refiner(core), clip(7)[3:], state)
    assert all(torch.equal(a, b) for a, b in zip([*begin, *rest], whole, strict=True))


@CORES
def test_a_reset_equals_a_fresh_stage(core) -> None:
    used = refiner(core)
    _, state = run(used, clip(4))
    addresses = [tensor.data_ptr() for tensor in tensors_of(state)]
    state = used.reset(state)
    assert [tensor.data_ptr() for tensor in tensors_of(state)] == addresses
    again, _ = run(used, clip(4), state)
    fresh, _ = run(refiner(core), clip(4))
    assert all(torch.equal(a, b) for a, b in zip(again, fresh, strict=True))


def test_a_network_that_answers_no_numbers_resets_in_the_same_frame() -> None:
    broken = network("none")
    broken.head[-1].bias.data.fill_(torch.nan)
    step = RefineStep(broken, GRID)
    runner = TorchRunner(step, inputs=step.input_specs(), outputs=step.output_specs())
    stream = TemporalRefiner(
        RefineConfig(mode="net"), GRID, depth_output=Output.METRIC_DEPTH,
        corrector=RunnerCorrector(runner),
    )  # fmt: skip
    frames = clip(3)
    answers, _ = run(stream, frames)
    torch.testing.assert_close(answers[-1], frames[-1][1], rtol=1e-5, atol=1e-5)


@CORES
def test_weights_come_back_from_their_file(core, tmp_path) -> None:
    made = network(core)
    save_network(made, tmp_path / "weights.safetensors")
    read = load_network(core, tmp_path / "weights.safetensors")
    for name, value in made.state_dict().items():
        assert torch.equal(value, read.state_dict()[name])


def test_weights_of_the_other_core_are_refused(tmp_path) -> None:
    save_network(network("none"), tmp_path / "weights.safetensors")
    with pytest.raises(WeightsError, match=r"'tokens\.A_log' is missing"):
        load_network("mamba", tmp_path / "weights.safetensors")
    (tmp_path / "weights.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="cannot read it"):
        load_network("mamba", tmp_path / "weights.safetensors")
