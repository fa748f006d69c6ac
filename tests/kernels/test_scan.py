"""The selective scan: laws that hold without expected values, and the corners that break scans."""

from __future__ import annotations

import pytest
import torch

from stereocast.kernels import selective_scan, selective_scan_step
from tests.kernels.scans import CORNERS, recurrence, sequence, token, worst

TOLERANCE = 2e-5
"""Of float32 sums of a few dozen terms, against float64; as for the golden vectors."""


@pytest.mark.parametrize("softplus", [True, False])
@pytest.mark.parametrize("corner", CORNERS)
def test_a_scan_is_the_recurrence_written_out(corner, softplus, generator):
    arguments = sequence(CORNERS[corner], generator)
    if not softplus:
        arguments["delta"], arguments["delta_bias"] = (
            arguments[name].abs() for name in ("delta", "delta_bias")
        )
    y, last = selective_scan(**arguments, delta_softplus=softplus)
    expected, state = recurrence(arguments, softplus=softplus)
    assert worst(y, expected) <= TOLERANCE
    assert worst(last, state) <= TOLERANCE
    assert last.dtype == torch.float32


def test_states_that_decay_at_once_keep_only_the_newest_token(generator):
    arguments = sequence((2, 5, 8, 9, 1), generator, stiffness=1e4)
    y, last = selective_scan(**arguments, delta_softplus=True)
    expected, state = recurrence(arguments, softplus=True)
    assert worst(y, expected) <= TOLERANCE
    assert worst(last, state) <= TOLERANCE
    arguments["u"][..., :-1] = 7.0
    torch.testing.assert_close(selective_scan(**arguments, delta_softplus=True)[1], last)


@pytest.mark.parametrize("corner", CORNERS)
def test_steps_one_by_one_are_the_sequence(corner, generator):
    arguments = sequence(CORNERS[corner], generator)
    y, last = selective_scan(**arguments, delta_softplus=True)
    state = torch.zeros_like(last)
    for t in range(y.shape[2]):
        out, state = selective_scan_step(state, **token(arguments, t), dt_softplus=True)
        assert torch.equal(out, y[..., t])
    assert torch.equal(state, last)


@pytest.mark.parametrize("at", [1, 5, 10])
def test_a_sequence_split_anywhere_gives_the_same_bits(at, generator, tmp_path):
    arguments = sequence((3, 7, 5, 11, 1), generator)
    y, last = selective_scan(**arguments, delta_softplus=True)
    parts = [
        {name: part if part.ndim < 3 else part[..., slice_] for name, part in arguments.items()}
        for slice_ in (slice(0, at), slice(at, None))
    ]
    first, state = selective_scan(**parts[0], delta_softplus=True)
    torch.save(state, tmp_path / "state.pt")
    saved = torch.load(tmp_path / "state.pt", weights_only=True)
    second, end = selective_scan(**parts[1], delta_softplus=True, initial_state=saved)
    assert torch.equal(torch.cat([first, second], dim=2), y)
    assert torch.equal(end, last)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 2e-3), (torch.bfloat16, 1.5e-2)])
def test_small_floats_in_and_out_cost_no_more_than_their_rounding(dtype, tolerance, generator):
    arguments = sequence((2, 8, 8, 12, 1), generator)
    expected, _ = recurrence(arguments, softplus=True)
    small = {name: tensor.to(dtype) for name, tensor in arguments.items()} | {"A": arguments["A"]}
    y, last = selective_scan(**small, delta_softplus=True)
    assert y.dtype == dtype and last.dtype == torch.float32
    rounded, _ = recurrence(small, softplus=True)  # the arguments' own rounding is not the scan's
    assert (y.double() - rounded).abs().max() <= tolerance * expected.abs().max()
    state = torch.zeros(2, 8, 8, dtype=dtype)
    for t in range(12):
        out, state = selective_scan_step(state, **token(small, t), dt_softplus=True)
        assert state.dtype == out.dtype == dtype
        assert (out.double() - rounded[..., t]).abs().max() <= tolerance * expected.abs().max()


def test_a_scalar_decay_per_head_is_a_special_case(generator):
    batch, heads, width, size = 3, 4, 5, 7
    A, dt = -torch.rand(heads, generator=generator), torch.rand(batch, heads, generator=generator)
    x = torch.randn(batch, heads, width, generator=generator)
    B, C = torch.randn(2, batch, 2, size, generator=generator)
    state = torch.randn(batch, heads, width, size, generator=generator)
    y, new = selective_scan_step(state, x, dt[..., None], A[:, None, None], B, C)
    B, C = (way.repeat_interleave(2, dim=1)[:, :, None] for way in (B, C))
    expected = state * torch.exp(dt * A)[..., None, None] + (dt[..., None] * x)[..., None] * B
    torch.testing.assert_close(new, expected)
    torch.testing.assert_close(y, (expected * C).sum(-1))


def test_what_is_left_out_changes_nothing(generator):
    arguments = sequence((2, 5, 3, 7, 1), generator)
    bare = {name: arguments[name] for name in ("u", "delta", "A", "B", "C")}
    y, last = selective_scan(**bare)
    full, same = selective_scan(**bare, D=torch.zeros(5), delta_bias=torch.zeros(5))
    assert torch.equal(y, full) and torch.equal(last, same)
    ungrouped = bare | {"B": bare["B"][:, 0], "C": bare["C"][:, 0]}
    assert torch.equal(selective_scan(**ungrouped, return_last_state=False), y)


def test_gradients_are_those_of_the_recurrence(generator):
    arguments = {
        name: tensor.double().requires_grad_()
        for name, tensor in sequence((1, 2, 3, 4, 1), generator).items()
    }
    names = list(arguments)

    def scan(*tensors: torch.Tensor) -> torch.Tensor:
        return selective_scan(**dict(zip(names, tensors, strict=True)), delta_softplus=True)[0]

    assert torch.autograd.gradcheck(scan, tuple(arguments.values()))


def test_who_differentiates_gets_the_reference_and_the_same_values(generator):
    arguments = sequence((2, 6, 8, 12, 2), generator)
    y, last = selective_scan(**arguments, delta_softplus=True)
    arguments["u"].requires_grad_()
    traced, traced_last = selective_scan(**arguments, delta_softplus=True)
    assert traced.requires_grad
    assert worst(traced.detach(), y) <= TOLERANCE
    assert worst(traced_last.detach(), last) <= TOLERANCE


@pytest.mark.parametrize(
    ("name", "shape"),
    [("delta", (2, 5, 6)), ("A", (4, 3)), ("B", (2, 2, 3, 7)), ("D", (4,)), ("z", (2, 5))],
)
def test_arguments_that_do_not_belong_together_are_refused(name, shape, generator):
    arguments = sequence((2, 5, 3, 7, 1), generator) | {name: torch.zeros(shape)}
    with pytest.raises(ValueError, match=rf"selective_scan needs .*\b{name}\b"):
        selective_scan(**arguments)
    one = token(sequence((2, 5, 3, 7, 1), generator), 0)
    with pytest.raises(TypeError, match=r"needs floats, got B of torch\.int64"):
        selective_scan_step(torch.zeros(2, 5, 3), **one | {"B": torch.zeros(2, 3).long()})
    with pytest.raises(ValueError, match=r"x \[2, 5\], got \[2, 4\]"):
        selective_scan_step(torch.zeros(2, 5, 3), **one | {"x": torch.zeros(2, 4)})
