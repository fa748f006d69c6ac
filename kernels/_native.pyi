"""Signatures of the native CPU kernels; outputs are preallocated contiguous CPU tensors."""

from torch import Tensor

def set_threads(count: int) -> None: ...
def threads() -> int: ...
def retain_freed_memory() -> None: ...
def disparity_softness(disparity: Tensor, block: int, softness: Tensor) -> None: ...
def disparity_silhouettes(
    disparity: Tensor,
    softness: Tensor,
    image: Tensor | None,
    step_px: float,
    reach_share: float,
    reach_max_px: int,
    out: Tensor,
) -> None: ...
def warp_u8(
    image: Tensor,
    disparity: Tensor,
    gains: Tensor,
    tear_px: float,
    half_width: bool,
    views: Tensor,
    view_disparities: Tensor,
    holes: Tensor,
) -> None: ...
def warp_f32(
    image: Tensor,
    disparity: Tensor,
    gains: Tensor,
    tear_px: float,
    half_width: bool,
    views: Tensor,
    view_disparities: Tensor,
    holes: Tensor,
) -> None: ...
def fill_u8(view: Tensor, holes: Tensor, disparity: Tensor, narrow_px: int) -> None: ...
def fill_f32(view: Tensor, holes: Tensor, disparity: Tensor, narrow_px: int) -> None: ...
def fill_around_u8(
    view: Tensor,
    holes: Tensor,
    disparity: Tensor,
    narrow_px: int,
    weights: tuple[float, float, float, float],
    levels: int,
) -> None: ...
def fill_around_f32(
    view: Tensor,
    holes: Tensor,
    disparity: Tensor,
    narrow_px: int,
    weights: tuple[float, float, float, float],
    levels: int,
) -> None: ...
def pack(
    pictures: list[Tensor],
    columns: int,
    squeeze: int,
    pixels: int,
    part: tuple[int, int],
    surface: Tensor,
) -> None: ...
def stamp_strip(surface: Tensor, counters: Tensor) -> None: ...
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
def flow_u8(previous: Tensor, current: Tensor, gate: int, flow: Tensor) -> None: ...
def flow_f32(previous: Tensor, current: Tensor, gate: int, flow: Tensor) -> None: ...
def reproject_u8(
    values: Tensor, flow: Tensor, scale: int, moved: Tensor, inside: Tensor
) -> None: ...
def reproject_f32(
    values: Tensor, flow: Tensor, scale: int, moved: Tensor, inside: Tensor
) -> None: ...
def shrink(picture: Tensor, factor: int, small: Tensor) -> None: ...
def remember(
    image: Tensor,
    disparity: Tensor,
    where: Tensor,
    tolerance_px: float,
    age_limit: int,
    colour: Tensor,
    depth: Tensor,
    age: Tensor,
    steady: Tensor,
    mismatch: Tensor,
    new_mismatch: Tensor,
) -> None: ...
def recall(
    colour: Tensor,
    depth: Tensor,
    age: Tensor,
    steady: Tensor,
    mismatch: Tensor,
    origin: Tensor,
    gain: Tensor,
    tolerance_px: float,
    view: Tensor,
    view_disparity: Tensor,
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
def settle(
    view: Tensor, holes: Tensor, resting: Tensor, kept: Tensor, kept_holes: Tensor
) -> None: ...
def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    bias: Tensor | None,
    softly: bool,
    state: Tensor,
    y: Tensor,
) -> None: ...
def token_step(
    conv: Tensor,
    ssm: Tensor,
    xz: Tensor,
    conv_weights: Tensor,
    conv_bias: Tensor,
    x_proj: Tensor,
    dt_proj: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    source: Tensor | None,
    new_conv: Tensor,
    new_ssm: Tensor,
    y: Tensor,
) -> None: ...
def refine_picture_error(moved: Tensor, picture: Tensor, inside: Tensor, error: Tensor) -> None: ...
def refine_confidence(sigma: Tensor, before: Tensor, history: Tensor, out: Tensor) -> None: ...
def refine_predict(
    history: Tensor,
    teacher: Tensor,
    variance: Tensor,
    confidence: Tensor,
    error: Tensor,
    frames: Tensor,
    deviations: float,
    floor: float,
    gain: Tensor,
    grown: Tensor,
) -> None: ...
def refine_bound(
    teacher: Tensor, confidence: Tensor, alpha: float, beta: float, gamma: float, out: Tensor
) -> None: ...
def refine_fuse(
    history: Tensor,
    teacher: Tensor,
    grown: Tensor,
    gain: Tensor,
    length: Tensor,
    limit: Tensor,
    correction: Tensor | None,
    answer: Tensor,
    variance: Tensor,
    new_length: Tensor,
    hits: Tensor,
) -> None: ...
def refine_features(
    teacher: Tensor,
    history: Tensor,
    confidence: Tensor,
    error: Tensor,
    length: Tensor,
    now: Tensor,
    before: Tensor,
    out: Tensor,
) -> None: ...
def refine_robust_line(x: Tensor, y: Tensor, rounds: int, result: Tensor) -> None: ...
def refine_weighted_median(values: Tensor, weights: Tensor, medians: Tensor) -> None: ...
