"""What a pixel does: pure functions on tensors, each with a readable reference and a native form.

Nothing here knows a frame, a configuration or a stream.
"""

from stereocast.kernels.disparity import joint_upsample, sharpen, softness
from stereocast.kernels.fill import fill_holes
from stereocast.kernels.flow import block_matching, reproject
from stereocast.kernels.pack import pack_sbs
from stereocast.kernels.scan import selective_scan, selective_scan_step
from stereocast.kernels.warp import forward_warp

__all__ = [
    "block_matching",
    "fill_holes",
    "forward_warp",
    "joint_upsample",
    "pack_sbs",
    "reproject",
    "selective_scan",
    "selective_scan_step",
    "sharpen",
    "softness",
]
