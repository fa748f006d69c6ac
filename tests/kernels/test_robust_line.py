"""The robust line, native beside its reference, and what it makes of samples that are no line."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.refine import reference, robust_line

COUNT = 577  # odd, and no multiple of a vector
TOLERANCE = 2e-5
"""The reference sums in float32."""


def samples(generator: torch.Generator, *, slope: float, shift: float) -> tuple[Tensor, Tensor]:
    x = 3 + torch.rand(COUNT, generator=generator)
    return x, slope * x + shift + 0.002 * torch.randn(COUNT, generator=generator)


@pytest.mark.skipif(native.serving() is None, reason=native.description())
@pytest.mark.parametrize("line", [(1.0, 0.0), (1.1, -0.4), (0.8, 2.0), (3.0, 0.0)], ids=str)
def test_the_native_line_is_the_reference(line, generator):
    x, y = samples(generator, slope=line[0], shift=line[1])
    y[::5] += 1
    torch.testing.assert_close(
        robust_line(x, y), reference.robust_line(x, y, 3), rtol=TOLERANCE, atol=5 * TOLERANCE
    )


def test_outliers_do_not_bend_the_line(generator):
    x, y = samples(generator, slope=1.2, shift=-0.5)
    y[: COUNT // 4] += 5
    slope, shift, mean, _, trust = robust_line(x, y).tolist()
    assert slope == pytest.approx(1.2, abs=0.01) and shift == pytest.approx(-0.5, abs=0.03)
    assert mean == pytest.approx(3.5, abs=0.1) and 0.6 < trust <= 0.75


@pytest.mark.parametrize("make", [robust_line, lambda x, y: reference.robust_line(x, y, 3)])
def test_samples_without_a_line_have_slope_one_and_no_trust(make, generator):
    x = torch.rand(COUNT, generator=generator)
    slope, *_, trust = make(x, -x).tolist()
    assert (slope, trust) == (1, 0)


@pytest.mark.parametrize("make", [robust_line, lambda x, y: reference.robust_line(x, y, 3)])
def test_one_sample_that_is_no_number_leaves_no_line(make, generator):
    x, y = samples(generator, slope=1.1, shift=0.0)
    y[7] = torch.nan
    line = make(x, y)
    assert line[0] == 1 and line[4] == 0 and line[1:4].isnan().all()


def test_other_samples_are_refused(generator):
    x, y = samples(generator, slope=1.1, shift=0.0)
    with pytest.raises(ValueError, match="robust_line: 'y' must be"):
        robust_line(x, y[1:])
    with pytest.raises(ValueError, match="robust_line needs samples"):
        robust_line(x[:0], y[:0])
