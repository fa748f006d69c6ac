"""Packing to side-by-side I420: standard colours, every eye in its place, readable barcodes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.kernels import native, pack_sbs
from stereocast.kernels.pack import reference


def flat(colour: tuple[int, int, int], height: int = 16, width: int = 24) -> Tensor:
    return torch.tensor(colour, dtype=torch.uint8)[:, None, None].expand(3, height, width).clone()


def planes(surface: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    height, width = surface.shape[0] * 2 // 3, surface.shape[1]
    luma, chroma = surface.flatten().split([height * width, height * width // 2])
    blue, red = chroma.reshape(2, height // 2, width // 2)
    return luma.reshape(height, width), blue, red


def bt709(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    """ITU-R BT.709-6 in floating point: luma 16..235, chroma 16..240."""
    red, green, blue = (value / 255 for value in colour)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (
        16 + 219 * luma,
        128 + 224 * (blue - luma) / 1.8556,
        128 + 224 * (red - luma) / 1.5748,
    )


COLOURS = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (60, 200, 30)]


@pytest.mark.parametrize("colour", COLOURS)
def test_colours_are_bt709_limited_range(colour):
    for plane, expected in zip(
        planes(pack_sbs(flat(colour), flat(colour))), bt709(colour), strict=True
    ):
        assert (plane.float() - expected).abs().max() <= 0.51


@pytest.mark.parametrize("half_width", [False, True])
def test_the_left_eye_is_on_the_left(half_width):
    luma, _, _ = planes(pack_sbs(flat((0, 0, 0)), flat((255, 255, 255)), half_width=half_width))
    middle = luma.shape[1] // 2
    assert middle == (12 if half_width else 24)
    assert (luma[:, :middle] == 16).all()
    assert (luma[:, middle:] == 235).all()


def test_chroma_is_the_mean_of_two_by_two_pixels():
    eye = flat((0, 0, 0), 2, 2)
    eye[:, 0, 0] = torch.tensor((0, 0, 255), dtype=torch.uint8)
    _, blue, _ = planes(pack_sbs(eye, eye))
    assert abs(float(blue[0, 0]) - (128 + 112 / 4)) <= 0.51


def test_half_width_is_the_mean_of_column_pairs():
    eye = flat((0, 0, 0), 2, 8)
    eye[:, :, 0::2] = 100
    luma, _, _ = planes(pack_sbs(eye, eye, half_width=True))
    expected, _, _ = planes(pack_sbs(flat((50, 50, 50), 2, 4), flat((50, 50, 50), 2, 4)))
    assert torch.equal(luma, expected)


@pytest.mark.parametrize("size", [(17, 23), (1, 1), (2, 3), (33, 641), (32, 322)])
@pytest.mark.parametrize("half_width", [False, True])
def test_native_equals_reference_bit_for_bit(size, half_width, generator):
    left, right = torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8, generator=generator)
    if native.serving(left) is None:
        pytest.skip("the native module is not built")
    surface = pack_sbs(left, right, half_width=half_width)
    assert torch.equal(surface, reference.pack_sbs(left, right, half_width=half_width, strip=None))
    luma, _, _ = planes(surface)
    assert luma.shape[0] % 2 == 0
    assert luma.shape[1] % 4 == 0


@pytest.mark.parametrize(
    ("size", "half_width"), [((32, 641), True), ((720, 1280), False), ((1440, 700), False)]
)
def test_a_native_barcode_equals_the_reference(size, half_width, generator):
    left, right = torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8, generator=generator)
    strip = torch.tensor([0x1ABCDEF, 0xFFFFFF])
    surface = pack_sbs(left, right, half_width=half_width, strip=strip)
    expected = reference.pack_sbs(left, right, half_width=half_width, strip=strip)
    assert torch.equal(surface, expected)


def test_the_barcode_says_counter_check_and_eye():
    eye = flat((10, 20, 30), 32, 320)
    luma, blue, _ = planes(pack_sbs(eye, eye, strip=torch.tensor([123456, 5])))
    words = [
        int("".join("1" if value == 235 else "0" for value in luma[y, x : x + 320 : 8].tolist()), 2)
        for y in (0, 31)
        for x in (0, 320)
    ]
    assert words[0] == words[1] == 0x1E240B2AE
    assert words[2] >> 16 == 5
    assert words[3] >> 16 == (1 << 23) + 5
    assert (blue[:16, :160] == 128).all()


def test_wrong_arguments_are_refused():
    eye = flat((0, 0, 0))
    with pytest.raises(ValueError, match="same size"):
        pack_sbs(eye, flat((0, 0, 0), 8, 8))
    with pytest.raises(TypeError, match="uint8"):
        pack_sbs(eye.float(), eye.float())
    with pytest.raises(ValueError, match="barcode needs 320×32"):
        pack_sbs(eye, eye, strip=torch.tensor([0, 0]))
