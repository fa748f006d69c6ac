"""Sound for tests: a message whose bytes are known, films that beep, and who hears them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext

from stereocast.bench.beep_flash import RATE_HZ, OnsetFinder
from stereocast.runtime import wire
from stereocast.runtime.packet import SoundPacket

NANO = 1_000_000_000
GOLDEN_SOUND = wire.SoundMessage(
    epoch=2,
    seq=7,
    src_pts_ns=233_333_333,
    t_capture_ns=1_000_000_000,
    t_send_ns=1_010_000_000,
    channels=2,
    samples=960,
    pre_skip=312,
    payload=b"123456789",
    is_discontinuous=True,
)


class OpusEar:
    """Decodes packets one after the other, as a viewer does: [samples] of the first channel."""

    def __init__(self) -> None:
        context = av.CodecContext.create("opus", "r")
        assert isinstance(context, AudioCodecContext)
        context.layout, context.sample_rate = "stereo", RATE_HZ
        self._context = context

    def hear(self, data: bytes, pre_skip: int) -> npt.NDArray[np.float32]:
        (frame,) = self._context.decode(av.Packet(data))
        return frame.to_ndarray().astype(np.float32).reshape(2, -1)[0, pre_skip:]


def onsets_s(packets: Iterable[SoundPacket]) -> list[float]:
    """Return when tones begin in packets, seconds of their source."""
    ear, finder, found = OpusEar(), OnsetFinder(), []
    for packet in packets:
        samples = ear.hear(packet.data, packet.pre_skip)
        assert samples.shape[0] == packet.samples - packet.pre_skip
        found += [packet.pts_ns / NANO + at / RATE_HZ for at in finder.onsets(samples)]
    return found


@dataclass(frozen=True)
class Heard:
    """One packet as a listener got it."""

    packet: SoundPacket
    epoch: int
    t_capture_ns: int


@dataclass
class Audience:
    """A listener that keeps all it gets."""

    heard: list[Heard] = field(default_factory=list)
    notices: list[wire.Notice] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write_sound(self, packet: SoundPacket, *, epoch: int, t_capture_ns: int) -> int:
        with self.lock:
            self.heard.append(Heard(packet, epoch, t_capture_ns))
        return 1

    def tell(self, notice: wire.Notice) -> None:
        self.notices.append(notice)

    def beginnings(self) -> list[Heard]:
        """Return the first packet of every epoch."""
        firsts: dict[int, Heard] = {}
        with self.lock:
            for heard in self.heard:
                firsts.setdefault(heard.epoch, heard)
        return list(firsts.values())
