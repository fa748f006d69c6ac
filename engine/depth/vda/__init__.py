"""Video-Depth-Anything, re-implemented: depth that stays steady from frame to frame.

build          a network from an official state dict
DepthStage     the streaming form: one frame in, one depth map out
infer_clip     the sequence form: a whole clip in windows that look ahead; infer_frames: one pass
StreamingStep  what a runner executes for one frame, and what is exported; halve: to float16

Outputs are compared with those of the official program in tests/engine/vda.
"""

from stereocast.engine.depth.vda.clip import infer_clip, infer_frames
from stereocast.engine.depth.vda.network import VideoDepth, build
from stereocast.engine.depth.vda.stage import DepthStage, DepthState, MemoryPolicy
from stereocast.engine.depth.vda.step import StreamingStep, halve

__all__ = [
    "DepthStage",
    "DepthState",
    "MemoryPolicy",
    "StreamingStep",
    "VideoDepth",
    "build",
    "halve",
    "infer_clip",
    "infer_frames",
]
