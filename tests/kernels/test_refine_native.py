"""The native and the CUDA form of the refiner's maps: near the reference, and the same bits.

Their exponentials and logarithms are of their own (kernels/exponential.h), and sums of cells are
added in another order than PyTorch's: hence 2e-6 of max(1, the largest value).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from stereocast.kernels import inference, native, refine
from stereocast.kernels.launch import launching
from tests.cuda_on_cpu.launcher import Emulator
from tests.kernels.refined_maps import NAMES, Call, calls
from tests.kernels.scans import worst

TOLERANCE = 2e-6
SIZES = ((2, 17, 23), (1, 1, 1), (1, 3, 5), (1, 4, 40))
needs_native = pytest.mark.skipif(native.serving() is None, reason=native.description())


@pytest.fixture
def by_reference(monkeypatch: pytest.MonkeyPatch) -> Callable[[Call], tuple[Tensor, ...]]:
    """Make a call where no fast form serves."""

    def run(call: Call) -> tuple[Tensor, ...]:
        with monkeypatch.context() as patch:
            patch.setattr(refine, "fast_forms", lambda *_: (None, None))
            return call()

    return run


@needs_native
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_native_form_is_the_reference(name, size, generator, by_reference):
    call = calls(generator, size)[name]
    for result, expected in zip(call(), by_reference(call), strict=True):
        assert result.dtype == expected.dtype
        assert worst(result.float(), expected.float()) <= TOLERANCE


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_cuda_form_gives_the_bits_of_the_native_one(name, size, generator):
    call = calls(generator, size)[name]
    emulator = Emulator()
    with launching(emulator):
        results = call()
    assert len(emulator.launches) == 1
    for result, expected in zip(results, call(), strict=True):
        if native.serving() is None:
            assert worst(result.float(), expected.float()) <= TOLERANCE
        else:
            assert torch.equal(result, expected)


@needs_native
@pytest.mark.parametrize("name", NAMES)
def test_threads_do_not_change_a_bit(name, generator):
    call = calls(generator, (2, 41, 23))[name]
    results = []
    for count in (1, 3):
        native.set_threads(count)
        results.append(call())
    native.set_threads(1)
    for one, three in zip(*results, strict=True):
        assert torch.equal(one, three)


@pytest.mark.parametrize("count", [1, 2, 7, 501])
def test_the_native_median_is_the_reference(count, generator, by_reference):
    values = torch.randn(3, count, generator=generator).round(decimals=1)
    values[0, ::3], values[1, 1::2] = -torch.inf, torch.nan
    weights = torch.randint(0, 4, (3, count), generator=generator).float() / 4
    weights[2, : count // 2] = 0
    result = refine.weighted_median(values, weights)
    (expected,) = by_reference(lambda: (refine.weighted_median(values, weights),))
    torch.testing.assert_close(result, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("broken", ["history", "variance", "error"])
def test_what_is_no_number_stays_none(broken):
    """The step resets where it finds one; a kernel that hid it would poison what follows."""
    names = ("history", "teacher", "variance", "confidence", "error")
    maps = {name: torch.full((1, 3, 4), 0.5) for name in names}
    maps[broken][0, 1, 2] = torch.nan
    gain, grown = refine.predict(**maps, frames=torch.ones(1))
    limit = refine.bound(maps["teacher"], maps["confidence"], (0.12, 0.02, 0.3))
    answer, variance, _, _ = refine.fuse(
        maps["history"], maps["teacher"], grown=grown, gain=gain, length=grown, limit=limit
    )
    wrong = answer.isnan() | variance.isnan()
    assert wrong[0, 1, 2] and wrong.sum() == 1


def test_gradients_come_from_the_reference(generator):
    maps = torch.rand(6, 1, 5, 7, generator=generator).requires_grad_()
    assert inference.fast_forms(maps) == (None, None)
    history, teacher, grown, gain, length, limit = maps
    answer = refine.fuse(
        history, teacher, grown=grown, gain=gain, length=length, limit=limit + 0.1
    )[0]
    answer.sum().backward()
    assert maps.grad is not None and bool(maps.grad[:2].any())
    with torch.no_grad():
        assert inference.fast_forms(maps)[1] is native.serving()
        assert inference.fast_forms(maps.double()) == (None, None)
