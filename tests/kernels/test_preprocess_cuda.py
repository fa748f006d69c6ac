"""The CUDA form of planes to RGB and area averaging, run on the CPU: the bits of the reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.kernels import preprocess
from stereocast.kernels.launch import launching
from stereocast.kernels.preprocess import reference
from stereocast.kernels.preprocess.colour import fixed_point
from tests.cuda_on_cpu.launcher import Emulator


def planes(size: tuple[int, int], chroma: tuple[int, int], bits: int, dice) -> list[Tensor]:
    """Return padded planes of full-range noise."""
    made = []
    for height, width in (size, chroma, chroma):
        noise = torch.randint(0, 1 << bits, (height, width + 5), generator=dice, dtype=torch.int32)
        made.append(noise.to(torch.uint8 if bits == 8 else torch.uint16)[:, :width])
    return made


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
def test_every_form_of_chroma_equals_the_reference(matrix, full_range, bits, generator):
    size = 17, 23
    for chroma in ((9, 12), (17, 12), (17, 23)):
        given = planes(size, chroma, bits, generator)
        with launching(Emulator()):
            rgb = preprocess.yuv_to_rgb(*given, matrix=matrix, full_range=full_range, bits=bits)
        expected = reference.yuv_to_rgb(*given, fixed_point(matrix, full_range, bits))
        assert torch.equal(rgb, expected), chroma


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
@pytest.mark.parametrize("size", [(16, 24), (15, 21), (2, 2)])
def test_surfaces_of_hardware_decoders_are_read_where_they_lie(dtype, size, generator):
    top = 256 if dtype == torch.uint8 else 1 << 16
    noise = torch.randint(0, top, (24, 40), generator=generator, dtype=torch.int32).to(dtype)
    surface = noise[:, :32]  # 16 rows of luma, then 8 of pairs, each with 8 bytes of padding
    kind = {"matrix": "bt709", "full_range": False}
    with launching(Emulator()):
        rgb = preprocess.nv12_to_rgb(surface, size, **kind)
    assert torch.equal(rgb, preprocess.nv12_to_rgb(surface, size, **kind))
    assert tuple(rgb.shape) == (3, *size)


def test_ten_bit_surfaces_mean_what_ten_bit_planes_mean(generator):
    codes = torch.randint(0, 1024, (24, 32), generator=generator, dtype=torch.int32)
    surface = (codes << 6).to(torch.uint16)
    kind = {"matrix": "bt709", "full_range": False}
    rgb = preprocess.nv12_to_rgb(surface, (16, 32), **kind).int()
    y, pairs = codes[:16].to(torch.uint16), codes[16:].to(torch.uint16)
    given = y, pairs[:, 0::2].contiguous(), pairs[:, 1::2].contiguous()
    expected = preprocess.yuv_to_rgb(*given, **kind, bits=10).int()
    assert (rgb - expected).abs().max() <= 1


def test_a_surface_without_room_is_refused():
    with pytest.raises(ValueError, match="room for 18x32"):
        preprocess.nv12_to_rgb(
            torch.zeros(24, 32, dtype=torch.uint8), (18, 32), matrix="bt709", full_range=False
        )


@pytest.mark.parametrize("size", [(7, 9), (17, 23), (40, 31), (1, 1)])
def test_area_averages_equal_the_reference(size, generator):
    rgb = torch.randint(0, 256, (3, 17, 23), dtype=torch.uint8, generator=generator)
    with launching(Emulator()):
        cells = preprocess.to_network(rgb, size=size)
    assert torch.equal(cells, reference.to_network(rgb, size))
