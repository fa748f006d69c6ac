"""Opus out of whatever sound a source brings: its own packets where they are Opus, or new ones.

Times are nanoseconds on the source's own clock. Nothing here waits or reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol, TypeAlias

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.packet import Packet

from stereocast.runtime.packet import SoundPacket
from stereocast.runtime.sound.opus import RATE_HZ, read_head, samples_of

KBPS = {1: 96, 2: 128}
"""Of coded sound, by channels: what is taken for transparent."""
COMPLEXITY = 5
"""Of libopus, 0 to 10: half the time of its default for a difference that nobody hears."""
PACKET_SAMPLES = 960
GAP_NS = 50_000_000
"""Sound that is farther off than this from where it is expected is not what belongs there."""
_FOLLOW = 16  # a clock that runs off is followed by this part of what it is off, packet by packet
_NANO = 1_000_000_000
_NEVER_NS = -(2**62)

Samples: TypeAlias = npt.NDArray[np.float32]
AudioPacket: TypeAlias = "Packet[AudioStream]"


class SampleClock:
    """Places blocks of sound one after the other, and still follows the source's own times.

    Containers round times, and two clocks drift apart; neither must tear sound into pieces.
    """

    def __init__(self) -> None:
        self._next_ns: int | None = None

    def place(self, pts_ns: int | None, samples: int) -> tuple[int, bool]:
        """Return the time of a block, and whether it does not follow upon the one before.

        pts_ns  what the source says; None: it says nothing
        """
        expected_ns = self._next_ns
        if pts_ns is None:
            pts_ns = 0 if expected_ns is None else expected_ns
        begins = expected_ns is None or abs(pts_ns - expected_ns) > GAP_NS
        if expected_ns is not None and not begins:
            pts_ns = expected_ns + (pts_ns - expected_ns) // _FOLLOW
        self._next_ns = pts_ns + samples * _NANO // RATE_HZ
        return pts_ns, begins

    def forget(self) -> None:
        """Take the next block for a beginning."""
        self._next_ns = None


class SoundCoder(Protocol):
    """Makes packets of Opus out of the packets of one stream.

    channels  1 or 2
    copies    the packets stay what they are
    """

    channels: int
    copies: bool

    def begin(self, at_ns: int) -> None:
        """Forget what was before; what is to be heard begins at a time of the source."""

    def code(self, packet: AudioPacket) -> Iterator[SoundPacket]:
        """Yield what one packet of the source becomes; the first one after `begin` may come late.

        Raises av.FFmpegError where the packet cannot be decoded; the next one may be good.
        """


def coder_for(stream: AudioStream) -> SoundCoder:
    """Return a coder for a stream: one that copies where packets are Opus that needs no header.

    Raises av.FFmpegError or ValueError where sound like this cannot be coded.
    """
    context = stream.codec_context
    if context.codec.canonical_name == "opus":
        head = read_head(context.extradata)
        if head is None or head.is_plain:
            return CopiedOpus(head.channels if head else min(2, context.channels))
    return CodedOpus(stream)


class CopiedOpus:
    """Opus as it came; only its times are looked at."""

    copies = True

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self._clock = SampleClock()
        self._begin_ns: int | None = None
        self._least_ns = _NEVER_NS
        self._is_first = True

    def begin(self, at_ns: int) -> None:
        """Begin anew; see `SoundCoder.begin`."""
        self._begin_ns = self._least_ns = at_ns
        self._is_first = True
        self._clock.forget()

    def code(self, packet: AudioPacket) -> Iterator[SoundPacket]:
        """Yield the packet with its time; what is no packet of Opus is left out."""
        data = bytes(packet)
        samples = samples_of(data)
        if samples is None:
            return
        pts_ns, begins = self._clock.place(_pts_ns(packet.pts, packet.time_base), samples)
        pre_skip = _to_skip(packet)
        if self._begin_ns is not None:
            early_ns = self._begin_ns - pts_ns
            pre_skip = max(pre_skip, -(-early_ns * RATE_HZ // _NANO))
            if pre_skip >= samples:
                return  # it ends before the beginning
            self._begin_ns = None
        pre_skip = min(pre_skip, samples - 1)
        begins, self._is_first = begins or self._is_first, False
        pts_ns = max(self._least_ns, pts_ns + pre_skip * _NANO // RATE_HZ)
        yield SoundPacket(data, pts_ns, samples, self.channels, pre_skip, begins)


class CodedOpus:
    """Any sound, decoded, brought to 48 kHz in one or two channels, and coded by libopus."""

    copies = False

    def __init__(self, stream: AudioStream) -> None:
        self._decoder = stream.codec_context
        if self._decoder.sample_rate <= 0 or self._decoder.channels <= 0:
            raise ValueError("its rate or number of channels is unknown")
        self.channels = min(2, self._decoder.channels)
        self._layout = "mono" if self.channels == 1 else "stereo"
        self._clock = SampleClock()
        self._begin_ns: int | None = None
        self._least_ns = _NEVER_NS
        self._waiting: Samples
        self._waiting_ns: int
        self._start()

    def begin(self, at_ns: int) -> None:
        """Begin anew; see `SoundCoder.begin`."""
        self._begin_ns = self._least_ns = at_ns
        self._decoder.flush_buffers()
        self._clock.forget()
        self._start()

    def code(self, packet: AudioPacket) -> Iterator[SoundPacket]:
        """Yield a packet for each 20 ms that are complete."""
        for decoded in self._decoder.decode(packet):
            for frame in self._resampler.resample(decoded):
                time_base = frame.time_base or Fraction(1, RATE_HZ)
                self._append(frame, _pts_ns(frame.pts, time_base))
        while self._waiting.shape[0] >= PACKET_SAMPLES:
            yield from self._encode(self._waiting[:PACKET_SAMPLES])
            self._waiting = self._waiting[PACKET_SAMPLES:]
            self._waiting_ns += PACKET_SAMPLES * _NANO // RATE_HZ

    def _start(self) -> None:
        self._resampler = AudioResampler("flt", self._layout, RATE_HZ)
        self._encoder = _encoder(self.channels, self._layout)
        head = read_head(self._encoder.extradata)
        self._pre_skip = head.pre_skip if head is not None else 0
        self._waiting = np.zeros((0, self.channels), np.float32)
        self._waiting_ns = 0
        self._count = 0
        self._is_first = True

    def _append(self, frame: AudioFrame, pts_ns: int | None) -> None:
        samples = frame.to_ndarray().astype(np.float32, copy=False).reshape(-1, self.channels)
        pts_ns, begins = self._clock.place(pts_ns, samples.shape[0])
        if begins:
            self._waiting, self._is_first = self._waiting[:0], True
        if self._begin_ns is not None:
            early = max(0, -((pts_ns - self._begin_ns) * RATE_HZ // _NANO))
            if early >= samples.shape[0]:
                return
            samples, pts_ns = samples[early:], pts_ns + early * _NANO // RATE_HZ
            self._begin_ns = None
        # The end of what waits is where the new block begins, wherever its clock went meanwhile.
        self._waiting_ns = pts_ns - self._waiting.shape[0] * _NANO // RATE_HZ
        self._waiting = np.concatenate([self._waiting, samples])

    def _encode(self, samples: Samples) -> Iterator[SoundPacket]:
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(samples).reshape(1, -1), format="flt", layout=self._layout
        )
        frame.sample_rate = RATE_HZ
        frame.pts, frame.time_base = self._count, Fraction(1, RATE_HZ)
        self._count += PACKET_SAMPLES
        # The encoder looks ahead: what comes out begins a little before what went in.
        run_in_ns = self._pre_skip * _NANO // RATE_HZ
        for coded in self._encoder.encode(frame):
            skip = self._pre_skip if self._is_first else 0
            yield SoundPacket(
                bytes(coded),
                max(self._least_ns, self._waiting_ns - (0 if self._is_first else run_in_ns)),
                PACKET_SAMPLES,
                self.channels,
                skip,
                self._is_first,
            )
            self._is_first = False


def _encoder(channels: int, layout: str) -> AudioCodecContext:
    context = av.CodecContext.create("libopus", "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate, context.format = RATE_HZ, av.AudioFormat("flt")
    context.layout = layout
    context.bit_rate = 1000 * KBPS[channels]
    context.options = {"frame_duration": "20", "compression_level": str(COMPLEXITY)}
    context.open()
    return context


def _pts_ns(pts: int | None, time_base: Fraction) -> int | None:
    return None if pts is None else round(pts * time_base * _NANO)


def _to_skip(packet: AudioPacket) -> int:
    """Return how many samples a container says that nobody is to hear of a packet's beginning."""
    if not packet.has_sidedata("skip_samples"):
        return 0
    return int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
