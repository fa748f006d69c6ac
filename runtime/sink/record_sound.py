"""The sound of a recording: kept until its pictures have come, then written as it is."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import TypeAlias, cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from stereocast.runtime.wire import SOUND_RATE_HZ, SoundMessage

SoundUnit: TypeAlias = "Packet[AudioStream]"

MOST_WAITING = 1024
_NANO = 1_000_000_000
_OVERLAP_NS = 5_000_000  # by which a packet may seem to begin before the last one has ended


class SoundTrack:
    """One track of Opus in a container whose header is not yet written.

    written  packets
    lost     packets from before the first picture, after a jump, or doubled

    Sound comes before its pictures. A picture may show that the stream's clock has jumped; so a
    packet is placed only when a picture has come that was captured later.
    """

    def __init__(self, output: OutputContainer, channels: int) -> None:
        # The encoder is never fed: it only tells the container how to describe its packets.
        stream = output.add_stream("libopus", rate=SOUND_RATE_HZ)
        stream.codec_context.layout = "mono" if channels == 1 else "stereo"
        stream.time_base = Fraction(1, SOUND_RATE_HZ)
        self.written = self.lost = 0
        self._stream = stream
        self._waiting: deque[SoundMessage] = deque()
        self._end_ns = -_NANO
        self._epoch = 0

    def keep(self, sound: SoundMessage) -> None:
        """Take a packet; what an epoch has that a newer one replaces, is thrown away."""
        if self._waiting and sound.epoch != self._waiting[-1].epoch:
            self._forget_from(sound.t_capture_ns)
        self._waiting.append(sound)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self.lost += 1

    def before(self, t_capture_ns: int | None, offset_ns: int) -> list[SoundUnit]:
        """Return what was captured before that moment, placed; None: all that waits.

        offset_ns  what is added to times of the stream
        """
        placed = []
        while self._waiting and (
            t_capture_ns is None or self._waiting[0].t_capture_ns < t_capture_ns
        ):
            packet = self._placed(self._waiting.popleft(), offset_ns)
            if packet is not None:
                placed.append(packet)
        return placed

    def turn(self) -> None:
        """Note that the pictures' clock went back: sound of what was before has no place now."""
        if self._waiting and self._waiting[-1].epoch == self._epoch:
            self._forget_from(self._waiting[0].t_capture_ns)

    def _placed(self, sound: SoundMessage, offset_ns: int) -> SoundUnit | None:
        self._epoch = sound.epoch
        skipped_ns = sound.pre_skip * _NANO // SOUND_RATE_HZ
        begin_ns = sound.src_pts_ns + offset_ns - skipped_ns
        if begin_ns + skipped_ns < 0 or begin_ns < self._end_ns - _OVERLAP_NS:
            self.lost += 1
            return None
        begin_ns = max(begin_ns, self._end_ns)
        self._end_ns = begin_ns + sound.samples * _NANO // SOUND_RATE_HZ
        packet = cast(SoundUnit, av.Packet(sound.payload))
        packet.stream = self._stream
        packet.time_base = Fraction(1, SOUND_RATE_HZ)
        packet.pts = packet.dts = round(begin_ns * SOUND_RATE_HZ / _NANO)
        packet.duration = sound.samples
        packet.is_keyframe = True
        self.written += 1
        return packet

    def _forget_from(self, t_capture_ns: int) -> None:
        kept = [sound for sound in self._waiting if sound.t_capture_ns < t_capture_ns]
        self.lost += len(self._waiting) - len(kept)
        self._waiting = deque(kept)
