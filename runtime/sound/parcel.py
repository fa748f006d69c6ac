"""How the process that reads a network source hands sound to its parent: one datagram a packet.

Pure. The reader is not trusted: it may have decoded anything.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from stereocast.runtime.packet import SoundPacket
from stereocast.runtime.sound.opus import MAX_SAMPLES

_HEAD = struct.Struct("<IIQHHHB")
MAX_BYTES = 65536


@dataclass(frozen=True)
class Parcel:
    """A packet of sound on its way; its pts_ns is that of t_capture_ns, which the parent knows.

    run, epoch  which process it is from, and which of its time lines
    """

    run: int
    epoch: int
    t_capture_ns: int
    packet: SoundPacket

    def to_bytes(self) -> bytes:
        """Return the datagram."""
        packet = self.packet
        head = _HEAD.pack(
            self.run, self.epoch, self.t_capture_ns, packet.samples, packet.channels,
            packet.pre_skip, packet.is_discontinuous,
        )  # fmt: skip
        return head + packet.data


def read_parcel(data: bytes) -> Parcel | None:
    """Read a datagram; None for what no reader would send."""
    if len(data) <= _HEAD.size:
        return None
    run, epoch, t_capture_ns, samples, channels, pre_skip, flag = _HEAD.unpack_from(data)
    if channels not in (1, 2) or not pre_skip < samples <= MAX_SAMPLES:
        return None
    packet = SoundPacket(data[_HEAD.size :], 0, samples, channels, pre_skip, bool(flag))
    return Parcel(run, epoch, t_capture_ns, packet)
