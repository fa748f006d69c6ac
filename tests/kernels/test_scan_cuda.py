"""The CUDA form of the selective scan, executed on the CPU: bits of the native form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.kernels import native, selective_scan, selective_scan_step
from stereocast.kernels.launch import launching
from stereocast.kernels.scan import reference, token_step
from tests.cuda_on_cpu.launcher import Emulator
from tests.kernels.scans import CORNERS, block_weights, sequence, token, worst

TOLERANCE = 2e-5  # beside the reference, whose exponential is another


def same_bits(actual: Tensor, expected: Tensor) -> None:
    """Demand equality with the native form, or closeness to the reference without a compiler."""
    if native.serving() is None:
        assert worst(actual, expected) <= TOLERANCE
    else:
        assert torch.equal(actual, expected)


@pytest.mark.parametrize("corner", CORNERS)
def test_the_cuda_scan_gives_the_bits_of_the_native_one(corner, generator):
    arguments = sequence(CORNERS[corner], generator)
    batch, channels, size, _, _ = CORNERS[corner]
    state = torch.randn(batch, channels, size, generator=generator)
    kept = state.clone()
    expected, last = selective_scan(**arguments, delta_softplus=True, initial_state=state)
    with launching(Emulator()):
        y, end = selective_scan(**arguments, delta_softplus=True, initial_state=state)
    same_bits(y, expected)
    same_bits(end, last)
    assert torch.equal(state, kept)


def test_the_cuda_scan_does_without_options(generator):
    arguments = sequence((2, 5, 3, 7, 1), generator)
    bare = {name: arguments[name] for name in ("u", "delta", "A", "B", "C")}
    expected, last = selective_scan(**bare)
    emulator = Emulator()
    with launching(emulator):
        y, end = selective_scan(**bare)
    same_bits(y, expected)
    same_bits(end, last)
    assert emulator.kernels == {"stereocast_scan"}


def test_a_cuda_step_is_a_cuda_scan_of_one_token(generator):
    one = token(sequence((3, 8, 7, 1, 4), generator), 0)
    state = torch.randn(3, 8, 7, generator=generator)
    expected, new = selective_scan_step(state, **one, dt_softplus=True)
    with launching(Emulator()):
        y, end = selective_scan_step(state, **one, dt_softplus=True)
    same_bits(y, expected)
    same_bits(end, new)


@pytest.mark.parametrize("sizes", [(64, 8, 4, 2), (7, 5, 2, 1), (40, 17, 3, 3), (300, 3, 4, 1)])
def test_the_cuda_token_gives_the_bits_of_the_native_one(sizes, generator):
    weights = block_weights(sizes, generator)
    channels, size, width, _ = sizes
    conv = torch.randn(3, channels, width - 1, generator=generator)
    ssm = torch.randn(3, channels, size, generator=generator)
    xz = torch.randn(3, 2 * channels, generator=generator)
    with launching(Emulator()):
        results = token_step(conv, ssm, xz, weights)
    for result, expected in zip(results, token_step(conv, ssm, xz, weights), strict=True):
        same_bits(result, expected)


@pytest.mark.parametrize("half", [False, True])
def test_the_cuda_token_continues_the_states_it_is_told(half, generator):
    weights = block_weights((40, 17, 3, 3), generator)
    conv, xz = (torch.randn(4, *shape, generator=generator) for shape in ((40, 2), (80,)))
    if half:
        conv, xz = conv.half(), xz.half()
    ssm, source = torch.randn(4, 40, 17, generator=generator), torch.tensor([2, -1, 3, 3])
    with launching(Emulator()):
        results = token_step(conv, ssm, xz, weights, source)
    for result, expected in zip(results, token_step(conv, ssm, xz, weights, source), strict=True):
        same_bits(result.float(), expected.float())


def test_the_cuda_token_in_half_precision_rounds_once(generator):
    weights = block_weights((24, 8, 4, 2), generator)
    conv = torch.randn(3, 24, 3, generator=generator).half()
    ssm = torch.randn(3, 24, 8, generator=generator)
    xz = torch.randn(3, 48, generator=generator).half()
    xz[0, :8] = torch.tensor([0.0, -0.0, 6e-8, 3e-6, 6.1e-5, 65504.0, -1.0, 1.0009765625])
    emulator = Emulator()
    with launching(emulator):
        results = token_step(conv, ssm, xz, weights)
    assert emulator.kernels == {"stereocast_scan_token_f16"}
    expected = token_step(conv, ssm, xz, weights)
    assert torch.equal(results[0], expected[0])  # what is only moved keeps its bits
    same_bits(results[1], expected[1])
    same_bits(results[2].float(), expected[2].float())
    plain = reference.token_step(conv, ssm, xz, weights)
    assert worst(results[2][1:], plain[2][1:]) <= 2e-3  # the first token is too large for it
