"""The CUDA form of the selective scan, executed on the CPU: bits of the native form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.kernels import native, selective_scan
from stereocast.kernels.scan import TokenWeights, reference, token_step
from tests.cuda_on_cpu import KERNELS, run_kernel
from tests.kernels.scans import CORNERS, block_weights, sequence, worst

SOURCE = KERNELS / "scan" / "kernel.cu"
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
    batch, channels, size, length, groups = CORNERS[corner]
    B, C = (arguments[name].transpose(2, 3).contiguous() for name in ("B", "C"))
    state = torch.randn(batch, channels, size, generator=generator)
    expected, last = selective_scan(**arguments, delta_softplus=True, initial_state=state)
    y = torch.zeros(batch, channels, length)
    run_kernel(
        SOURCE, "stereocast_scan", grid=[-(-batch * channels // 32)], block=[32],
        args=[arguments["u"], arguments["delta"], arguments["A"], B, C, arguments["D"],
              arguments["z"], arguments["delta_bias"], 1, batch, channels, groups, length, size,
              state, y],
    )  # fmt: skip
    same_bits(y, expected)
    same_bits(state, last)


def test_the_cuda_scan_does_without_options(generator):
    arguments = sequence((2, 5, 3, 7, 1), generator)
    bare = {name: arguments[name] for name in ("u", "delta", "A", "B", "C")}
    expected, last = selective_scan(**bare)
    B, C = (bare[name].transpose(2, 3).contiguous() for name in ("B", "C"))
    state, y = torch.zeros(2, 5, 3), torch.zeros(2, 5, 7)
    run_kernel(
        SOURCE, "stereocast_scan", grid=[1], block=[32],
        args=[bare["u"], bare["delta"], bare["A"], B, C, None, None, None, 0, 2, 5, 1, 7, 3,
              state, y],
    )  # fmt: skip
    same_bits(y, expected)
    same_bits(state, last)


def run_token(
    conv: Tensor, ssm: Tensor, xz: Tensor, weights: TokenWeights, threads: int
) -> tuple[Tensor, Tensor, Tensor]:
    channels, size = weights.A.shape
    (_, width), rank = weights.conv.shape, weights.dt_proj.shape[1]
    new_conv, new_ssm = torch.zeros_like(conv), torch.zeros_like(ssm)
    y = torch.zeros(len(xz), channels, dtype=xz.dtype)
    name = "stereocast_scan_token_" + ("f16" if xz.dtype == torch.float16 else "f32")
    run_kernel(
        SOURCE, name, grid=[len(xz)], block=[threads],
        shared_bytes=4 * (channels + rank + 2 * size),
        args=[conv, ssm, xz, *vars(weights).values(), channels, width, rank, size,
              new_conv, new_ssm, y],
    )  # fmt: skip
    return new_conv, new_ssm, y


@pytest.mark.parametrize(
    ("sizes", "threads"), [((64, 8, 4, 2), 64), ((7, 5, 2, 1), 32), ((40, 17, 3, 3), 32)]
)
def test_the_cuda_token_gives_the_bits_of_the_native_one(sizes, threads, generator):
    weights = block_weights(sizes, generator)
    channels, size, width, _ = sizes
    conv = torch.randn(3, channels, width - 1, generator=generator)
    ssm = torch.randn(3, channels, size, generator=generator)
    xz = torch.randn(3, 2 * channels, generator=generator)
    results = run_token(conv, ssm, xz, weights, threads)
    for result, expected in zip(results, token_step(conv, ssm, xz, weights), strict=True):
        same_bits(result, expected)


def test_the_cuda_token_in_half_precision_rounds_once(generator):
    weights = block_weights((24, 8, 4, 2), generator)
    conv = torch.randn(3, 24, 3, generator=generator).half()
    ssm = torch.randn(3, 24, 8, generator=generator)
    xz = torch.randn(3, 48, generator=generator).half()
    xz[0, :8] = torch.tensor([0.0, -0.0, 6e-8, 3e-6, 6.1e-5, 65504.0, -1.0, 1.0009765625])
    results = run_token(conv, ssm, xz, weights, 32)
    expected = token_step(conv, ssm, xz, weights)
    assert torch.equal(results[0], expected[0])  # what is only moved keeps its bits
    same_bits(results[1], expected[1])
    same_bits(results[2].float(), expected[2].float())
    plain = reference.token_step(conv, ssm, xz, weights)
    assert worst(results[2][1:], plain[2][1:]) <= 2e-3  # the first token is too large for it
