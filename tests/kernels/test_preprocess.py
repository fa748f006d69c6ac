"""kernels/preprocess: planes to RGB, area averaging, quarter turns, tone mapping."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stereocast.kernels import native, preprocess
from stereocast.kernels.preprocess import reference
from stereocast.kernels.preprocess.colour import fixed_point

needs_native = pytest.mark.skipif(
    native.serving() is None, reason="the native module was not built"
)

SIZES = [(17, 23), (16, 24), (1, 1), (2, 3), (33, 70)]
SUBSAMPLINGS = ["4:2:0", "4:2:2", "4:4:4"]
MATRICES = ["bt601", "bt709", "bt2020"]


def random_planes(
    size: tuple[int, int], subsampling: str, generator: torch.Generator, *, bits: int = 8
) -> list[Tensor]:
    """Planes as a decoder hands them out: every row is longer than the picture is wide."""
    height, width = size
    rows = (height + 1) // 2 if subsampling == "4:2:0" else height
    columns = width if subsampling == "4:4:4" else (width + 1) // 2
    planes = []
    for h, w in ((height, width), (rows, columns), (rows, columns)):
        padded = torch.randint(0, 1 << bits, (h, w + 7), generator=generator, dtype=torch.int32)
        planes.append(padded.to(torch.uint8 if bits == 8 else torch.uint16)[:, :w])
    return planes


def rgb_to_yuv(rgb: Tensor, red: float, blue: float) -> Tensor:
    """R'G'B' in [0, 1] to Y' in [0, 1], Cb and Cr in [-1/2, 1/2], by the defining formulas."""
    y = red * rgb[0] + (1 - red - blue) * rgb[1] + blue * rgb[2]
    return torch.stack((y, (rgb[2] - y) / (2 - 2 * blue), (rgb[0] - y) / (2 - 2 * red)))


@needs_native
@pytest.mark.parametrize("bits", [8, 10, 16])
@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("matrix", MATRICES)
def test_native_rgb_equals_the_reference_bit_for_bit(
    matrix: preprocess.Matrix, subsampling: str, bits: int, generator: torch.Generator
) -> None:
    for size in SIZES:
        for full_range in (False, True):
            planes = random_planes(size, subsampling, generator, bits=bits)
            actual = preprocess.yuv_to_rgb(*planes, matrix=matrix, full_range=full_range, bits=bits)
            expected = reference.yuv_to_rgb(*planes, fixed_point(matrix, full_range, bits))
            assert torch.equal(actual, expected), (size, full_range)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(
    ("matrix", "red", "blue"),
    [("bt601", 0.299, 0.114), ("bt709", 0.2126, 0.0722), ("bt2020", 0.2627, 0.0593)],
)
def test_coded_colours_come_back(
    matrix: preprocess.Matrix, red: float, blue: float, full_range: bool, bits: int
) -> None:
    levels = torch.tensor([0, 51, 128, 204, 255], dtype=torch.float64) / 255
    rgb = torch.cartesian_prod(levels, levels, levels).T
    y, cb, cr = rgb_to_yuv(rgb, red, blue)
    one = 1 << (bits - 8)
    if full_range:
        top = 256 * one - 1
        coded = (y * top, cb * top + 128 * one, cr * top + 128 * one)
    else:
        coded = (
            (219 * y + 16) * one,
            (224 * cb + 128) * one,
            (224 * cr + 128) * one,
        )
    dtype = torch.uint8 if bits == 8 else torch.uint16
    top_code = 256 * one - 1
    planes = [c.round().clamp(0, top_code).to(torch.int32).to(dtype)[None] for c in coded]
    actual = preprocess.yuv_to_rgb(*planes, matrix=matrix, full_range=full_range, bits=bits)
    off = (actual[:, 0].double() - 255 * rgb).abs().max().item()
    # Coding to 8 bits loses up to half a chroma step times 2; more bits lose next to nothing.
    assert off <= (2.0 if bits == 8 else 0.75 if bits == 10 else 0.51)


@pytest.mark.parametrize("full_range", [False, True])
def test_integer_rgb_is_the_real_conversion_rounded(
    full_range: bool, generator: torch.Generator
) -> None:
    for bits in (8, 10):
        planes = random_planes((17, 23), "4:2:0", generator, bits=bits)
        levels = preprocess.yuv_to_rgb(*planes, matrix="bt709", full_range=full_range, bits=bits)
        signal = preprocess.yuv_to_signal(*planes, matrix="bt709", full_range=full_range, bits=bits)
        assert (levels - 255 * signal).abs().max() <= 0.55


def test_chroma_is_replicated_so_its_mean_returns_it(generator: torch.Generator) -> None:
    y = torch.full((6, 8), 128, dtype=torch.uint8)
    u, v = (torch.randint(90, 160, (3, 4), generator=generator).to(torch.uint8) for _ in "uv")
    rgb = preprocess.yuv_to_rgb(y, u, v, matrix="bt709", full_range=False)
    blocks = rgb.unfold(1, 2, 2).unfold(2, 2, 2).flatten(3)
    assert torch.equal(blocks.amin(3), blocks.amax(3))


def test_ten_bit_samples_may_be_signed(generator: torch.Generator) -> None:
    planes = random_planes((5, 7), "4:2:0", generator, bits=10)
    signed = [plane.contiguous().view(torch.int16) for plane in planes]
    rgb = [
        preprocess.yuv_to_rgb(*p, matrix="bt601", full_range=True, bits=10)
        for p in (planes, signed)
    ]
    assert torch.equal(*rgb)


def test_rgb_is_independent_of_the_number_of_threads(generator: torch.Generator) -> None:
    planes = random_planes((99, 131), "4:2:0", generator)
    results = []
    try:
        for threads in (1, 3):
            native.set_threads(threads)
            rgb = preprocess.yuv_to_rgb(*planes, matrix="bt601", full_range=False)
            results.append((rgb, preprocess.to_network(rgb, size=(40, 50))))
    finally:
        native.set_threads(1)
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


@pytest.mark.parametrize("shape", [(9, 12), (8, 11), (5, 6), (4, 6)])
def test_chroma_of_another_shape_is_refused(shape: tuple[int, int]) -> None:
    y, chroma = torch.zeros(8, 12, dtype=torch.uint8), torch.zeros(shape, dtype=torch.uint8)
    if shape == (4, 6):
        chroma = chroma[:3]
    with pytest.raises(ValueError, match="chroma must be"):
        preprocess.yuv_to_rgb(y, chroma, chroma, matrix="bt709", full_range=False)


def test_samples_of_the_wrong_width_are_refused() -> None:
    wide, narrow = torch.zeros(4, 4, dtype=torch.int16), torch.zeros(4, 4, dtype=torch.uint8)
    for plane, bits in ((wide, 8), (narrow, 10)):
        with pytest.raises(TypeError, match=f"{bits}-bit planes"):
            preprocess.yuv_to_rgb(plane, plane, plane, matrix="bt709", full_range=False, bits=bits)


def test_an_unknown_matrix_is_refused() -> None:
    plane = torch.zeros(4, 4, dtype=torch.uint8)
    with pytest.raises(ValueError, match="bt601, bt709, bt2020"):
        preprocess.yuv_to_rgb(plane, plane, plane, matrix="ycgco", full_range=False)  # type: ignore[arg-type]


NETWORK_CASES = [
    ((17, 23), (5, 7)),
    ((17, 23), (40, 51)),
    ((16, 24), (4, 6)),
    ((13, 29), (13, 29)),
    ((1, 1), (3, 2)),
    ((50, 50), (140, 252)),
    ((720, 1280), (14, 28)),
]


@needs_native
@pytest.mark.parametrize(("source", "target"), NETWORK_CASES)
def test_native_averages_equal_the_reference(
    source: tuple[int, int], target: tuple[int, int], generator: torch.Generator
) -> None:
    rgb = torch.randint(0, 256, (3, *source), generator=generator, dtype=torch.uint8)
    actual = preprocess.to_network(rgb, size=target)
    assert torch.equal(actual, reference.to_network(rgb, target))


@pytest.mark.parametrize(("source", "target"), NETWORK_CASES)
def test_white_stays_exactly_one(source: tuple[int, int], target: tuple[int, int]) -> None:
    white = torch.full((3, *source), 255, dtype=torch.uint8)
    assert torch.equal(preprocess.to_network(white, size=target), torch.ones(3, *target))


def test_averaging_keeps_the_mean(generator: torch.Generator) -> None:
    rgb = torch.randint(0, 256, (3, 31, 47), generator=generator, dtype=torch.uint8)
    means = preprocess.to_network(rgb, size=(9, 11)).mean((1, 2))
    torch.testing.assert_close(means, rgb.float().mean((1, 2)) / 255, atol=1e-6, rtol=0)


def test_whole_ratios_average_blocks(generator: torch.Generator) -> None:
    rgb = torch.randint(0, 256, (3, 12, 20), generator=generator, dtype=torch.uint8)
    blocks = torch.nn.functional.avg_pool2d(rgb.double() / 255, (3, 4))
    torch.testing.assert_close(
        preprocess.to_network(rgb, size=(4, 5)).double(), blocks, atol=1e-7, rtol=0
    )


def test_enlarging_by_a_whole_factor_repeats_pixels(generator: torch.Generator) -> None:
    rgb = torch.randint(0, 256, (3, 5, 4), generator=generator, dtype=torch.uint8)
    repeated = (rgb.double() / 255).float().repeat_interleave(3, 1).repeat_interleave(2, 2)
    assert torch.equal(preprocess.to_network(rgb, size=(15, 8)), repeated)


def test_a_quarter_turn_moves_the_right_edge_to_the_top(generator: torch.Generator) -> None:
    rgb = torch.randint(0, 256, (3, 5, 8), generator=generator, dtype=torch.uint8)
    turned = preprocess.orient(rgb, 1)
    assert turned.shape == (3, 8, 5)
    assert torch.equal(turned[:, 0], rgb[:, :, -1])


@pytest.mark.parametrize("turns", [-3, 0, 1, 2, 3, 4])
def test_turning_there_and_back_is_identity(turns: int, generator: torch.Generator) -> None:
    rgb = torch.randint(0, 256, (3, 5, 8), generator=generator, dtype=torch.uint8)
    turned = preprocess.orient(rgb, turns)
    assert turned.is_contiguous()
    assert torch.equal(preprocess.orient(turned, -turns), rgb)


def pq_code(nits: float) -> float:
    """The inverse of the PQ curve, from SMPTE ST 2084."""
    power = (nits / 10_000) ** (2610 / 16384)
    share = (3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)
    return float(share ** (2523 / 32))


def tone_mapped_grey(code: float, transfer: preprocess.Transfer) -> int:
    mapped = preprocess.tone_map(torch.full((3, 1, 1), code), transfer=transfer)
    assert mapped.amax() - mapped.amin() <= 1  # grey stays grey
    return int(mapped[0, 0, 0])


def test_pq_mid_grey_keeps_its_brightness() -> None:
    # 18 % of 203 nits through BT.1886: 255 · 0.18^(1/2.4) = 124.8
    assert abs(tone_mapped_grey(pq_code(0.18 * 203), "pq") - 125) <= 1


def test_pq_reference_white_lands_below_white_and_the_peak_on_it() -> None:
    # 0.75 of the light: 255 · 0.75^(1/2.4) = 226.2
    assert 224 <= tone_mapped_grey(pq_code(203), "pq") <= 230
    assert tone_mapped_grey(pq_code(1000), "pq") == 255
    assert tone_mapped_grey(pq_code(4000), "pq") == 255


def test_hlg_reference_white_equals_pq_reference_white() -> None:
    # BT.2408: HLG reference white is 75 % of the signal, 203 nits on a 1000-nit display.
    assert abs(tone_mapped_grey(0.75, "hlg") - tone_mapped_grey(pq_code(203), "pq")) <= 1
    assert tone_mapped_grey(1.0, "hlg") == 255


@pytest.mark.parametrize("transfer", ["pq", "hlg", "sdr"])
def test_tone_mapping_is_monotone_and_keeps_black(transfer: preprocess.Transfer) -> None:
    ramp = torch.linspace(0, 1, 1024).expand(3, 1, 1024).clone()
    mapped = preprocess.tone_map(ramp, transfer=transfer).int()
    assert (mapped.diff(dim=2) >= 0).all()
    assert mapped[:, 0, 0].amax() == 0
    assert mapped[:, 0, -1].amin() >= 254


def test_bt709_colours_survive_the_way_through_bt2020(generator: torch.Generator) -> None:
    to_2020 = torch.linalg.inv(torch.tensor(preprocess.hdr.BT2020_TO_BT709))
    rgb = torch.rand(3, 5, 7, generator=generator)
    wide = (to_2020 @ rgb.pow(2.4).flatten(1)).view_as(rgb).clamp(0, 1).pow(1 / 2.4)
    mapped = preprocess.tone_map(wide, transfer="sdr")
    assert (mapped / 255 - rgb).abs().max() <= 0.01


def test_tone_mapping_refuses_what_it_does_not_know() -> None:
    grey = torch.full((3, 2, 2), 0.5)
    with pytest.raises(ValueError, match="pq, hlg or sdr"):
        preprocess.tone_map(grey, transfer="log")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="exceed 203"):
        preprocess.tone_map(grey, transfer="pq", peak_nits=100)
