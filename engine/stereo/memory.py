"""What the eyes saw behind things, and what they made up for what nobody saw: around the fill.

    state, background = memory.step(state, MemoryInput(image, disparity_px))   once a frame
    memory.recall(background, view, view_disparity, gain=…)                    an eye, before fill
    fill_state = memory.settle(fill_state, background, view, holes)            an eye, after fill

What is recalled is no hole any more; what is filled is calmed. A cut resets both states like any
other.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stereocast.engine.stereo.global_motion import GlobalMotion, GlobalMotionState
from stereocast.kernels.memory import Fill, Plate, empty_plate, no_fill, recall, remember, settle

_RESTING_PX = 1
"""A shift of the background by more than this many pixels a frame is not rest for its fills."""


@dataclass(frozen=True)
class MemoryInput:
    """rgb u8 [3, H, W]; disparity_px float32 [H, W] of the same frame, as it is warped."""

    image: Tensor
    disparity_px: Tensor


@dataclass(frozen=True)
class MemoryState:
    """What is remembered of the source picture, and how it moved."""

    motion: GlobalMotionState
    plate: Plate


@dataclass(frozen=True)
class Background:
    """What both eyes of one frame recall from; resting bool [1]: it hardly moved."""

    plate: Plate
    resting: Tensor


class BackgroundMemory:
    """Remember the background of one source picture for all eyes that are made from it."""

    def __init__(self, frame_size: tuple[int, int]) -> None:
        self.frame_size = frame_size
        self._motion = GlobalMotion(frame_size)

    def init(self) -> MemoryState:
        """Return the state before the first frame: nothing is known."""
        return MemoryState(self._motion.init(), empty_plate(self.frame_size))

    def init_fill(self) -> Fill:
        """Return an eye's own state before its first view."""
        return no_fill(self.frame_size)

    def step(self, state: MemoryState, x: MemoryInput) -> tuple[MemoryState, Background]:
        """Let the memory see a frame; return the new state and what to recall from.

        The plate's planes are updated in place: the old state is donated.
        """
        motion_state, motion = self._motion.step(state.motion, x.image, x.disparity_px)
        plate = remember(state.plate, x.image, x.disparity_px, motion)
        resting = motion.trust & (motion.shift.abs().amax() <= _RESTING_PX)
        return MemoryState(motion_state, plate), Background(plate, resting)

    def recall(
        self, background: Background, view: Tensor, view_disparity: Tensor, *, gain: Tensor | float
    ) -> None:
        """Put what is remembered into the holes of a warped view, in place; see `kernels.memory`.

        view            u8 [3, H, W], of the frame last seen
        view_disparity  float32 [H, W], -inf in holes; recalled pixels get theirs
        gain            as it was warped with
        """
        recall(background.plate, view, view_disparity, gain=gain)

    def settle(self, state: Fill, background: Background, view: Tensor, holes: Tensor) -> Fill:
        """Calm the filled holes of a view, in place; return the eye's new state.

        view   u8 [3, H, W], filled
        holes  bool [H, W], of the warped view after recalling
        """
        return settle(state, view, holes, background.resting)
