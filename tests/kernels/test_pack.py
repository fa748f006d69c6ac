"""Packing: standard colours, every eye in its place, readable barcodes."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stereocast.kernels import native, pack_sbs
from stereocast.kernels.pack import Packing, Pixels, Squeeze, pack_pictures, reference

SQUEEZES = [(Squeeze.NONE, False), *itertools.product([Squeeze.WIDTH, Squeeze.HEIGHT], [0, 1])]
ARRANGEMENTS = {"beside": (2, 2), "above": (2, 1), "alone": (1, 1), "grid": (4, 2)}


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


def noise(count: int, size: tuple[int, int], generator: torch.Generator) -> list[Tensor]:
    pictures = torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8, generator=generator)
    return list(pictures.unbind())


@pytest.mark.parametrize("size", [(17, 23), (1, 1), (2, 3), (34, 66)])
@pytest.mark.parametrize("pixels", Pixels)
@pytest.mark.parametrize(("count", "columns"), ARRANGEMENTS.values(), ids=ARRANGEMENTS)
def test_native_equals_reference_bit_for_bit(size, pixels, count, columns, generator):
    pictures = noise(count, size, generator)
    if native.serving(*pictures) is None:
        pytest.skip("the native module is not built")
    for squeeze, sharp in SQUEEZES:
        packing = Packing(columns, squeeze, bool(sharp), pixels=pixels)
        surface = pack_pictures(pictures, packing)
        assert torch.equal(surface, reference.pack_pictures(pictures, packing)), (squeeze, sharp)
        assert surface.shape == packing.surface_shape(*size, count)


@pytest.mark.parametrize("pixels", Pixels)
@pytest.mark.parametrize(
    ("size", "packing"),
    [
        ((32, 641), Packing(squeeze=Squeeze.WIDTH)),
        ((720, 330), Packing()),
        ((34, 330), Packing(crossed=True)),
        ((33, 330), Packing(columns=1)),
        ((65, 330), Packing(columns=1, squeeze=Squeeze.HEIGHT)),
        ((1440, 700), Packing(columns=1, crossed=True)),
    ],
)
def test_a_native_barcode_equals_the_reference(size, packing, pixels, generator):
    pictures = noise(2, size, generator)
    packing = Packing(packing.columns, packing.squeeze, crossed=packing.crossed, pixels=pixels)
    strip = torch.tensor([0x1ABCDEF, 0xFFFFFF])
    surface = pack_pictures(pictures, packing, strip=strip)
    assert torch.equal(surface, reference.pack_pictures(pictures, packing, strip=strip))


@pytest.mark.parametrize("squeeze", [Squeeze.WIDTH, Squeeze.HEIGHT])
def test_sharp_halves_are_antialiased_bicubic(squeeze, generator):
    """Torch leaves taps out at the border and we repeat the last pixel, so the border differs."""
    (picture,) = noise(1, (40, 48), generator)
    packing = Packing(1, squeeze, sharp=True, pixels=Pixels.PLANAR)
    size = (40, 24) if squeeze is Squeeze.WIDTH else (20, 48)
    expected = interpolate(
        picture[None].float(), size=size, mode="bicubic", antialias=True, align_corners=False
    )[0].clamp(0, 255)
    difference = (pack_pictures([picture], packing) - expected).abs()
    assert difference[:, 2:-2, 2:-2].max() <= 0.5 + 1e-3


def test_pictures_fill_the_grid_row_by_row():
    pictures = [flat((shade, shade, shade), 4, 6) for shade in (0, 80, 160, 240)]
    surface = pack_pictures(pictures, Packing(pixels=Pixels.PLANAR))
    assert surface[0, ::4, ::6].tolist() == [[0, 80], [160, 240]]


def test_every_pixel_format_holds_the_same_picture(generator):
    pictures = noise(2, (6, 8), generator)
    surfaces = {pixels: pack_pictures(pictures, Packing(pixels=pixels)) for pixels in Pixels}
    luma, blue, red = planes(surfaces[Pixels.I420])
    assert torch.equal(surfaces[Pixels.NV12][:6], luma)
    assert torch.equal(surfaces[Pixels.NV12][6:, 0::2], blue)
    assert torch.equal(surfaces[Pixels.NV12][6:, 1::2], red)
    assert torch.equal(surfaces[Pixels.PLANAR], torch.cat(pictures, dim=2))
    assert torch.equal(surfaces[Pixels.RGB].permute(2, 0, 1), surfaces[Pixels.PLANAR])


def test_the_number_of_threads_changes_nothing(generator):
    pictures = noise(2, (66, 130), generator)
    if native.serving(*pictures) is None:
        pytest.skip("the native module is not built")
    packing, surfaces = Packing(1, Squeeze.HEIGHT, sharp=True), []
    for threads in (3, 1):
        native.set_threads(threads)
        surfaces.append(pack_pictures(pictures, packing))
    assert torch.equal(*surfaces)


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
    with pytest.raises(ValueError, match="in full rows of 2, got 3"):
        pack_pictures([eye, eye, eye], Packing())
    with pytest.raises(ValueError, match="barcode is for two eyes, got 1"):
        pack_pictures([eye], Packing(1), strip=torch.tensor([0, 0]))
