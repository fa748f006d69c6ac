"""What makes packets of a stream's frames, for one size of frame: it is built, used, replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stereocast.engine.session import Session
from stereocast.runtime import wire
from stereocast.runtime.encode import Encoder


@dataclass(frozen=True)
class Rig:
    """A session, the encoder of its pictures, and what viewers are told of them.

    stream  its WELCOME
    """

    session: Session
    encoder: Encoder
    stream: wire.Stream

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self.encoder.close()


RigBuilder = Callable[[tuple[int, int]], Rig]
"""Makes a rig for frames of (H, W); may take seconds."""
