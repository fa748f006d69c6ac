"""Signatures of the native CPU kernels; outputs are preallocated contiguous CPU tensors."""

from torch import Tensor

def set_threads(count: int) -> None: ...
def threads() -> int: ...
def retain_freed_memory() -> None: ...
def warp_u8(
    image: Tensor,
    disparity: Tensor,
    gain: Tensor,
    tear_px: float,
    view: Tensor,
    view_disparity: Tensor,
) -> None: ...
def warp_f32(
    image: Tensor,
    disparity: Tensor,
    gain: Tensor,
    tear_px: float,
    view: Tensor,
    view_disparity: Tensor,
) -> None: ...
def fill_u8(view: Tensor, holes: Tensor, disparity: Tensor, narrow_px: int) -> None: ...
def fill_f32(view: Tensor, holes: Tensor, disparity: Tensor, narrow_px: int) -> None: ...
def pack(
    pictures: list[Tensor],
    columns: int,
    squeeze: int,
    pixels: int,
    part: tuple[int, int],
    surface: Tensor,
) -> None: ...
def stamp_strip(
    surface: Tensor,
    width: int,
    height: int,
    pixels: int,
    corners: Tensor,
    scale: int,
    counters: Tensor,
) -> None: ...
def anaglyph(
    left: Tensor,
    right: Tensor,
    mode: int,
    matrix: Tensor,
    decode: Tensor,
    encode: Tensor,
    mixed: Tensor,
) -> None: ...
def depth_picture(nearness: Tensor, palette: Tensor, picture: Tensor) -> None: ...
def difference(left: Tensor, right: Tensor, apart: Tensor) -> None: ...
def half_sphere(
    picture: Tensor,
    column_x: Tensor,
    column_secant: Tensor,
    row_y: Tensor,
    middle_y: float,
    view: Tensor,
) -> None: ...
def yuv_to_rgb(y: Tensor, u: Tensor, v: Tensor, rgb: Tensor, fixed: tuple[int, ...]) -> None: ...
def to_network(rgb: Tensor, out: Tensor) -> None: ...
def raycast(
    primitives: Tensor,
    textures: Tensor,
    shadows: Tensor,
    light: Tensor,
    camera: Tensor,
    rgb: Tensor,
    depth: Tensor,
    ids: Tensor,
) -> None: ...
def raycast_colours(
    primitives: Tensor,
    textures: Tensor,
    shadows: Tensor,
    light: Tensor,
    camera: Tensor,
    rgb: Tensor,
) -> None: ...
