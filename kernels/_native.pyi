"""Signatures of the native CPU kernels; outputs are preallocated contiguous CPU tensors."""

from torch import Tensor

def set_threads(count: int) -> None: ...
def threads() -> int: ...
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
