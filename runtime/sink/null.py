"""Nowhere: counts what would have been sent, for benches and dry runs."""

from __future__ import annotations

from stereocast.runtime.packet import Packet


class NullSink:
    """Takes packets and keeps only their numbers.

    packets, keyframes, bytes  what came so far
    largest                    bytes of the biggest packet
    """

    def __init__(self) -> None:
        self.packets = 0
        self.keyframes = 0
        self.bytes = 0
        self.largest = 0

    def write(self, packet: Packet) -> None:
        """Count one packet."""
        self.packets += 1
        self.keyframes += packet.is_keyframe
        self.bytes += len(packet.data)
        self.largest = max(self.largest, len(packet.data))

    def close(self) -> None:
        """Do nothing: there is nothing to release. May be called twice."""
