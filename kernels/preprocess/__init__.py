"""What a decoded picture becomes before anything looks at it: RGB, upright, SDR, network-sized.

    yuv_to_rgb, yuv_to_signal   planes of a decoder to RGB, 8-bit levels or real numbers
    nv12_to_rgb                 surfaces of a hardware decoder to RGB
    to_network                  exact area averaging to the grid of a network
    orient                      quarter turns, for rotation metadata
    tone_map                    HDR (PQ, HLG) and wide gamut to BT.709 SDR; torch only, see hdr.py

Nothing here knows a container, a codec or a time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.launch import serving
from stereocast.kernels.preprocess import cuda, reference
from stereocast.kernels.preprocess.colour import Matrix, fixed_point, scale
from stereocast.kernels.preprocess.hdr import Transfer, tone_map

__all__ = [
    "Matrix",
    "Transfer",
    "nv12_to_rgb",
    "orient",
    "pairs_to_rgb",
    "to_network",
    "tone_map",
    "yuv_to_rgb",
    "yuv_to_signal",
]


def yuv_to_rgb(
    y: Tensor, u: Tensor, v: Tensor, *, matrix: Matrix, full_range: bool, bits: int = 8
) -> Tensor:
    """Convert the planes of a decoded picture to R'G'B' [3, H, W] uint8, full range.

    y           [H, W] uint8, or uint16 or int16 for more than 8 bits; rows may be padded (strided)
    u, v        like y at 4:4:4 [H, W], 4:2:2 [H, ⌈W/2⌉] or 4:2:0 [⌈H/2⌉, ⌈W/2⌉], told by the shape
    full_range  True: codes use all 2^bits values (JPEG); False: 16…235 and 16…240, scaled to bits
    bits        significant low bits of a sample, in [8, 16]

    Chroma is replicated, not interpolated: the 2×2 mean that `pack` takes on the way back then
    returns the chroma of the source unchanged wherever no pixel has moved.
    Raises ValueError for shapes, bits or a matrix that do not fit, TypeError for other dtypes.
    Source: ITU-R BT.601-7, BT.709-6, BT.2020-2 (non-constant luminance).
    """
    y, u, v = _planes(y, u, v, bits)
    fixed = fixed_point(matrix, full_range, bits)
    launcher = serving(y, u, v)
    if launcher is not None:
        return cuda.yuv_to_rgb(launcher, y, u, v, fixed)
    module = native.serving(y, u, v)
    if module is None:
        return reference.yuv_to_rgb(y, u, v, fixed)
    rgb = torch.empty((3, *y.shape), dtype=torch.uint8)
    module.yuv_to_rgb(y, u, v, rgb, fixed)
    return rgb


def nv12_to_rgb(
    surface: Tensor, size: tuple[int, int], *, matrix: Matrix, full_range: bool
) -> Tensor:
    """Convert a surface of a hardware decoder to R'G'B' [3, H, W] uint8, full range.

    surface  [h·3/2, w], h rows of luma, then pairs of U and V; rows may be padded. uint8 is NV12;
             uint16 or int16 is P010 and P016, whose codes fill the upper bits: 16-bit codes
    size     (H, W) of the picture at its top left, at most (h, w)

    Raises as `yuv_to_rgb`.
    """
    height, width = size
    rows = surface.shape[0] * 2 // 3
    if surface.dim() != 2 or surface.shape[0] % 3 or height > rows or width > surface.shape[1]:
        raise ValueError(
            f"a surface [h·3/2, w] with room for {height}x{width} is needed, "
            f"got {list(surface.shape)}"
        )
    down, across = (height + 1) // 2, (width + 1) // 2
    pairs = surface[rows : rows + down, : 2 * across].reshape(down, across, 2)
    return pairs_to_rgb(surface[:height, :width], pairs, matrix=matrix, full_range=full_range)


def pairs_to_rgb(luma: Tensor, pairs: Tensor, *, matrix: Matrix, full_range: bool) -> Tensor:
    """Convert the planes of such a surface where they are told apart.

    luma   [H, W] as above; rows may be padded
    pairs  [⌈H/2⌉, ⌈W/2⌉, 2] of the same dtype, U and V
    """
    planes = luma, pairs[..., 0], pairs[..., 1]
    if serving(luma) is None:
        planes = (luma.contiguous(), planes[1].contiguous(), planes[2].contiguous())
    bits = 8 if luma.dtype == torch.uint8 else 16
    return yuv_to_rgb(*planes, matrix=matrix, full_range=full_range, bits=bits)


def yuv_to_signal(
    y: Tensor, u: Tensor, v: Tensor, *, matrix: Matrix, full_range: bool, bits: int = 8
) -> Tensor:
    """Convert planes as `yuv_to_rgb` does, to float32 [3, H, W] in [0, 1] without rounding.

    For HDR, whose 10-bit steps would band if they were rounded to 8 bits before tone mapping.
    """
    y, u, v = _planes(y, u, v, bits)
    return reference.yuv_to_signal(y, u, v, scale(matrix, full_range, bits))


def to_network(rgb: Tensor, *, size: tuple[int, int]) -> Tensor:
    """Resample a picture to `size` = (h, w) by exact area averaging.

    rgb      [3, H, W] uint8, contiguous
    returns  [3, h, w] float32 in [0, 1]

    Every source pixel counts with the area by which it overlaps the target pixel, at any ratio;
    enlarging gives blocks with blended borders. Raises ValueError or TypeError for other input.
    """
    if rgb.dtype != torch.uint8:
        raise TypeError(f"to_network wants uint8, got {rgb.dtype}")
    if rgb.dim() != 3 or rgb.shape[0] != 3 or 0 in rgb.shape:
        raise ValueError(f"to_network wants [3, H, W], got {list(rgb.shape)}")
    if min(size) < 1:
        raise ValueError(f"to_network wants a size of at least 1x1, got {size}")
    launcher = serving(rgb)
    if launcher is not None:
        return cuda.to_network(launcher, rgb.contiguous(), size)
    module = native.serving(rgb)
    if module is None:
        return reference.to_network(rgb, size)
    out = torch.empty((3, *size), dtype=torch.float32)
    module.to_network(rgb.contiguous(), out)
    return out


def orient(rgb: Tensor, quarter_turns: int) -> Tensor:
    """Turn a picture [C, H, W] counter-clockwise by `quarter_turns` × 90°, contiguous.

    No turn returns the tensor itself.
    """
    if quarter_turns % 4 == 0:
        return rgb.contiguous()
    return torch.rot90(rgb, quarter_turns, (1, 2)).contiguous()


def _planes(y: Tensor, u: Tensor, v: Tensor, bits: int) -> tuple[Tensor, Tensor, Tensor]:
    """Check the planes and return them as uint8 or uint16."""
    dtypes = {plane.dtype for plane in (y, u, v)}
    allowed = (torch.uint8,) if bits <= 8 else (torch.uint16, torch.int16)
    if len(dtypes) != 1 or y.dtype not in allowed:
        names = sorted(str(dtype) for dtype in dtypes)
        raise TypeError(f"{bits}-bit planes must all be one of {allowed}, got {names}")
    if y.dim() != 2 or 0 in y.shape or u.dim() != 2:
        raise ValueError(f"planes must be [H, W], got y {list(y.shape)} and u {list(u.shape)}")
    height, width = y.shape
    half = ((height + 1) // 2, (width + 1) // 2)
    if u.shape != v.shape or tuple(u.shape) not in ((height, width), (height, half[1]), half):
        raise ValueError(
            f"chroma must be 4:4:4, 4:2:2 or 4:2:0 of {height}x{width},"
            f" got u {list(u.shape)} and v {list(v.shape)}"
        )
    if y.dtype == torch.int16:
        y, u, v = (plane.view(torch.uint16) for plane in (y, u, v))
    return y, u, v
