"""The native scan and the block's token in one launch: what they share with the reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.kernels import native, selective_scan
from stereocast.kernels.scan import TokenWeights, reference, token_step
from tests.kernels.scans import CORNERS, block_weights, sequence, worst

TOLERANCE = 2e-6
"""The exponentials differ in their last bits, and sums are added in another order."""
SIZES = ((64, 8, 4, 2), (7, 5, 2, 1), (40, 17, 3, 3))
"""Channels, states, width of the convolution, rank."""


@pytest.fixture(autouse=True)
def _native_module() -> None:
    if native.serving() is None:
        pytest.skip(native.description())


@pytest.fixture
def token(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, TokenWeights]:
    """States, input and weights of 35 tokens of a block: more than one thread's share."""
    conv = torch.randn(35, 64, 3, generator=generator)
    ssm = torch.randn(35, 64, 8, generator=generator)
    xz = torch.randn(35, 128, generator=generator)
    return conv, ssm, xz, block_weights(SIZES[0], generator)


@pytest.mark.parametrize("corner", CORNERS)
def test_the_native_scan_is_the_reference(corner, generator):
    arguments = sequence(CORNERS[corner], generator)
    y, last = selective_scan(**arguments, delta_softplus=True)
    u, delta, A, B, C, D, z, bias = arguments.values()
    start = torch.zeros_like(last)
    expected = reference.scan(start, u, delta, A, (B, C), (D, z), (bias, True))
    assert worst(y, expected[0]) <= TOLERANCE
    assert worst(last, expected[1]) <= TOLERANCE


@pytest.mark.parametrize("sizes", SIZES)
def test_the_native_token_is_the_reference(sizes, generator):
    channels, size, width, _ = sizes
    weights = block_weights(sizes, generator)
    conv = torch.randn(5, channels, width - 1, generator=generator)
    ssm = torch.randn(5, channels, size, generator=generator)
    xz = torch.randn(5, 2 * channels, generator=generator)
    kept = conv.clone(), ssm.clone()
    results = token_step(conv, ssm, xz, weights)
    for result, expected in zip(results, reference.token_step(conv, ssm, xz, weights), strict=True):
        assert worst(result, expected) <= TOLERANCE
    assert torch.equal(conv, kept[0]) and torch.equal(ssm, kept[1])


def test_threads_do_not_change_a_bit(token, generator):
    arguments = sequence((9, 7, 5, 11, 1), generator)
    results = []
    for count in (1, 3):
        native.set_threads(count)
        results.append((*token_step(*token), *selective_scan(**arguments, delta_softplus=True)))
    native.set_threads(1)
    for one, three in zip(*results, strict=True):
        assert torch.equal(one, three)


def test_tokens_do_not_see_their_neighbours(token):
    conv, ssm, xz, weights = token
    together = token_step(conv, ssm, xz, weights)
    alone = token_step(conv[17:18], ssm[17:18], xz[17:18], weights)
    for whole, one in zip(together, alone, strict=True):
        assert torch.equal(whole[17:18], one)


def test_a_token_continues_the_states_it_is_told(token):
    conv, ssm, xz, weights = token
    source = torch.arange(35).flip(0)
    source[3] = -1
    results = token_step(conv, ssm, xz, weights, source)
    moved = reference.gathered(conv, source), reference.gathered(ssm, source)
    assert not moved[0][3].any() and torch.equal(moved[1][0], ssm[34])
    for result, alone in zip(results, token_step(*moved, xz, weights), strict=True):
        assert torch.equal(result, alone)
    for result, expected in zip(
        results, reference.token_step(conv, ssm, xz, weights, source), strict=True
    ):
        assert worst(result, expected) <= TOLERANCE


def test_states_that_are_not_there_are_refused(token):
    source = torch.full((35,), 35)
    with pytest.raises(IndexError, match="below the number of tokens"):
        token_step(*token, source)
    with pytest.raises(TypeError, match="token_step needs source of int64"):
        token_step(*token, source.int())
    with pytest.raises(ValueError, match=r"token_step needs source \[35\]"):
        token_step(*token, source[:5])


@pytest.mark.parametrize("value", [200.0, -200.0, 88.31, 1e-30, float("nan")])
def test_extreme_steps_end_as_they_do_in_the_reference(value, generator):
    """Exponentials that leave float32's range are 0 or infinite; what is no number stays none."""
    arguments = sequence((1, 2, 3, 1, 1), generator)
    arguments["delta"][0, 0] = value
    arguments["z"][0, 1] = value
    y, last = selective_scan(**arguments, delta_softplus=True)
    u, delta, A, B, C, D, z, bias = arguments.values()
    start = torch.zeros_like(last)
    expected = reference.scan(start, u, delta, A, (B, C), (D, z), (bias, True))
    for result, wanted in zip((y, last), expected, strict=True):
        torch.testing.assert_close(result, wanted, rtol=1e-5, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("wrong", ["conv", "ssm", "xz"])
def test_a_token_of_other_sizes_is_refused(wrong, token):
    given = dict(zip(("conv", "ssm", "xz"), token, strict=False))
    given[wrong] = given[wrong][:, :-1]
    with pytest.raises(ValueError, match=rf"token_step needs {wrong} \["):
        token_step(given["conv"], given["ssm"], given["xz"], token[3])
