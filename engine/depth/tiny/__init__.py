"""The built-in depth network: small, trained on rendered worlds, sees motion, remembers the stream.

load_network  the network with the weights that stereocast brings
TinyStep      what a runner executes for one frame, and what is exported
TinyStage     the stage of the pipeline

`motion` says what it is told of motion, `memory` what it remembers, `network` what it computes.
How it was trained and how well it does: MODEL_CARD.md beside this file.
"""

from stereocast.engine.depth.tiny.network import TinyDepth
from stereocast.engine.depth.tiny.stage import TinyStage, TinyState
from stereocast.engine.depth.tiny.step import TinyStep
from stereocast.engine.depth.tiny.weights import load_network

__all__ = ["TinyDepth", "TinyStage", "TinyState", "TinyStep", "load_network"]
