"""Video-Depth-Anything, re-implemented: depth that stays steady from frame to frame.

build        a network from an official state dict
"""

from stereocast.engine.depth.vda.network import VideoDepth, build

__all__ = ["VideoDepth", "build"]
