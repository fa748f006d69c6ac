"""What can go wrong inside a step of the engine, and what helps: a reset, or another process."""

from __future__ import annotations

import math
from collections.abc import Callable

from stereocast.engine.errors import DeviceLost
from stereocast.engine.frame import StereoFrame
from stereocast.engine.session import Session

_LOSSES = (
    "illegal memory access", "illegal address", "illegal instruction", "misaligned address",
    "launch failure", "launch_failed", "launch timed out", "device-side assert", "ecc error",
    "hardware stack error", "device is unavailable", "illegal_address",
)  # fmt: skip
"""Words of CUDA's errors after which every later call of the process fails as well."""
_SOUND = ("depth_near", "depth_far")
"""Facts that are numbers in every frame, whatever the picture: NaN in a state reaches them."""


def is_loss(error: BaseException) -> bool:
    """Return whether a device is lost to this process; running out of memory is no such loss."""
    text = str(error).lower()
    return any(word in text for word in _LOSSES)


def step_soundly(session: Session, step: Callable[[], StereoFrame]) -> tuple[StereoFrame, bool]:
    """Do one step; where its state was poisoned by NaN, forget everything and do it again.

    Returns the frame, and whether it was poisoned. Raises DeviceLost where only another process
    can help.
    """
    try:
        stereo = step()
        if _is_sound(stereo):
            return stereo, False
        session.reset()
        return step(), True
    except RuntimeError as error:
        if is_loss(error):
            raise DeviceLost(
                f"the device failed and is lost to this process ({str(error).splitlines()[0]}); "
                "start again, or let --supervise do it"
            ) from error
        raise


def _is_sound(stereo: StereoFrame) -> bool:
    return all(math.isfinite(stereo.facts[name]) for name in _SOUND if name in stereo.facts)
