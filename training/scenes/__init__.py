"""Rendered scenes whose other eye, depth and hidden parts are known exactly."""

from stereocast.training.scenes.clip import SceneClip
from stereocast.training.scenes.degraded import Depth, PerfectDepth, RealisticDepth
from stereocast.training.scenes.truth import TruthFrame
from stereocast.training.scenes.world import WorldClip, WorldEyes, WorldFrame

__all__ = [
    "Depth",
    "PerfectDepth",
    "RealisticDepth",
    "SceneClip",
    "TruthFrame",
    "WorldClip",
    "WorldEyes",
    "WorldFrame",
]
