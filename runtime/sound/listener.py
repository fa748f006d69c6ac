"""Where sound goes: what its sources expect of a sink, and what they say when they fail."""

from __future__ import annotations

from typing import Protocol

from stereocast.runtime.packet import SoundPacket
from stereocast.runtime.wire import Audio, Notice


class SoundListener(Protocol):
    """Takes sound and brings news to viewers; RouterSink does. Never makes anybody wait."""

    def write_sound(self, packet: SoundPacket, *, epoch: int, t_capture_ns: int) -> int:
        """Take one packet; see RouterSink.write_sound."""

    def tell(self, notice: Notice) -> None:
        """Bring a notice to all viewers."""


class Sound(Protocol):
    """The sound of one source.

    audio   what viewers are told of it
    copies  whether its packets are those of the source
    notes   what a person should know of how it went
    """

    audio: Audio
    copies: bool
    notes: tuple[str, ...]

    def start(self, listener: SoundListener) -> None:
        """Let sound out from now on."""

    def close(self) -> None:
        """End it. May be called twice, and without `start`."""


def gone(error: BaseException) -> Notice:
    """Return the one notice that viewers get when sound ends before the pictures do."""
    text = str(getattr(error, "strerror", None) or error or type(error).__name__)
    shown = "".join(letter if letter.isprintable() else " " for letter in text)[:200]
    return Notice(level="warning", code="sound", text=f"the sound has ended: {shown}")
