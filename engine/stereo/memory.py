"""What the eyes saw behind things: a stage between warp and fill.

    state        = memory.step(state, MemoryInput(image, disparity_px))   once a frame
    memory.recall(state, view, view_disparity, gain=…)                    once an eye, before fill

What is recalled is no hole any more. A cut resets it like any other state.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stereocast.engine.stereo.global_motion import GlobalMotion, GlobalMotionState
from stereocast.kernels.memory import Plate, empty_plate, recall, remember


@dataclass(frozen=True)
class MemoryInput:
    """rgb u8 [3, H, W]; disparity_px float32 [H, W] of the same frame, as it is warped."""

    image: Tensor
    disparity_px: Tensor


@dataclass(frozen=True)
class MemoryState:
    """What is remembered, and how the picture moved."""

    motion: GlobalMotionState
    plate: Plate


class BackgroundMemory:
    """Remember the background of one source picture for all eyes that are made from it."""

    def __init__(self, frame_size: tuple[int, int]) -> None:
        self.frame_size = frame_size
        self._motion = GlobalMotion(frame_size)

    def init(self) -> MemoryState:
        """Return the state before the first frame: nothing is known."""
        return MemoryState(self._motion.init(), empty_plate(self.frame_size))

    def step(self, state: MemoryState, x: MemoryInput) -> tuple[MemoryState, Plate]:
        """Let the memory see a frame; return the new state and the plate to recall from.

        The plate's planes are updated in place: the old state is donated.
        """
        motion_state, motion = self._motion.step(state.motion, x.image, x.disparity_px)
        plate = remember(state.plate, x.image, x.disparity_px, motion)
        return MemoryState(motion_state, plate), plate

    def recall(
        self, plate: Plate, view: Tensor, view_disparity: Tensor, *, gain: Tensor | float
    ) -> None:
        """Put what is remembered into the holes of a warped view, in place; see `kernels.memory`.

        view            u8 [3, H, W], of the frame last seen
        view_disparity  float32 [H, W], -inf in holes; recalled pixels get theirs
        gain            as it was warped with
        """
        recall(plate, view, view_disparity, gain=gain)
