"""What makes packets of a stream's frames, for one size of frame: it is built, used, replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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


class RigBuilder(Protocol):
    """Makes rigs; may take seconds, unless it is given the session."""

    def __call__(
        self, frame_size: tuple[int, int], *, session: Session | None = None, lower: bool = False
    ) -> Rig:
        """Return a rig for frames of (H, W).

        session  the one it goes on with; None: a new one
        lower    leave out the encoder of the last rig, and those tried before it: it failed again

        Raises EncodeError where no encoder is left.
        """
