"""The sound of a converted file: packets copied from the source, or AAC where they do not fit.

Sound never ends a conversion: whatever goes wrong with it becomes a note, and the pictures go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

# What players of these containers decode; FFmpeg would write more than they play.
_PLAYABLE = {
    ".mp4": frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"}),
    ".mov": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le"}),
}
_AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
_AAC_KBPS_PER_CHANNEL = 96
_NANO = 1_000_000_000

SoundPacket: TypeAlias = "Packet[AudioStream]"


@dataclass(frozen=True)
class AudioFrom:
    """Where the sound of a converted file comes from.

    path      the source; its clock is the clock of the pictures' pts_ns
    trim_end  True: the sound ends with the last picture; False: all of it is kept
    """

    path: Path
    trim_end: bool = False


class AudioTrack:
    """One stream of sound, read as far as the pictures have come.

    notes  what was decided or went wrong, to be said aloud
    alive  False when there is no sound, or no more
    """

    def __init__(self, source: AudioFrom, *, start_ns: int | None = None) -> None:
        """Open the sound of a file; whatever prevents that is a note.

        start_ns  time of the source that becomes 0; what ends before it is left out. None keeps
                  the source's clock and everything.
        """
        self.notes: list[str] = []
        self.alive = False
        self._start_ns = start_ns
        self._waiting: SoundPacket | None = None
        self._last_dts: int | None = None
        self._lost = 0
        self._reencoder: _Reencoder | None = None
        self._input: InputContainer | None = None
        try:
            self._input = av.open(str(source.path), "r", metadata_errors="replace")
            if not self._input.streams.audio:
                self.notes.append(f"{source.path.name} has no sound")
                return
            best = self._input.streams.best("audio")
            self._stream = best if isinstance(best, AudioStream) else self._input.streams.audio[0]
            self._packets = self._open_stream(self._input)
        except av.FFmpegError as error:
            self.fail(str(error))

    def attach(self, output: OutputContainer, suffix: str) -> None:
        """Add the stream to a container whose header is not yet written."""
        context = self._stream.codec_context
        name = context.codec.canonical_name
        self._reencoder = None
        if name in _PLAYABLE.get(suffix, {name}) and context.name in output.supported_codecs:
            self._target: AudioStream = output.add_stream_from_template(self._stream)
            return
        self._reencoder = _Reencoder(output, context, self._start_ns or 0)
        self._target = self._reencoder.stream
        self.notes.append(f"sound: {name} re-encoded as AAC, which {suffix} players read")

    def packets(self, until_ns: int | None) -> Iterator[SoundPacket]:
        """Yield packets for the container that begin before `until_ns`; None: all that are left.

        until_ns counts in the source's clock.
        """
        while self.alive:
            packet = self._next()
            if packet is None:
                return
            begins_ns, ends_ns = _span_ns(packet)
            if until_ns is not None and begins_ns >= until_ns:
                self._waiting = packet
                return
            if self._start_ns is None or max(begins_ns + 1, ends_ns) > self._start_ns:
                yield from self._for_container(packet)

    def finish(self) -> Iterator[SoundPacket]:
        """Yield what the encoder still holds, and note what was lost."""
        if self._reencoder is not None and self.alive:
            yield from self._reencoder.encode(None)
            self._lost += self._reencoder.undecodable
        if self._lost:
            self.notes.append(f"sound: {self._lost} damaged packets left out")

    def fail(self, why: str) -> None:
        """End the sound here, and note why."""
        self.notes.append(f"sound ends early: {why}" if self.alive else f"no sound: {why}")
        self.alive = False

    def close(self) -> None:
        """Release the file. May be called twice."""
        self.alive = False
        if self._input is not None:
            self._input.close()
            self._input = None

    def _open_stream(self, container: InputContainer) -> Iterator[SoundPacket]:
        context = self._stream.codec_context
        if context.sample_rate <= 0 or context.channels <= 0:
            self.fail("its rate or number of channels is unknown")
            return iter(())
        count = len(container.streams.audio)
        if count > 1:
            self.notes.append(f"sound: one of {count} streams kept, number {self._stream.index}")
        if self._start_ns:
            # A second early, so that decoders have warmed up; `packets` leaves out the rest.
            early = Fraction(max(0, self._start_ns - _NANO), _NANO)
            container.seek(int(early / (self._stream.time_base or 1)), stream=self._stream)
        self.alive = True
        return container.demux(self._stream)

    def _next(self) -> SoundPacket | None:
        if self._waiting is not None:
            packet, self._waiting = self._waiting, None
            return packet
        try:
            for packet in self._packets:
                if packet.size == 0:
                    continue  # the demuxer's end mark
                dts = packet.dts if packet.dts is not None else packet.pts
                if dts is None or (self._last_dts is not None and dts <= self._last_dts):
                    self._lost += 1
                    continue
                self._last_dts = dts
                packet.dts = dts
                packet.pts = packet.pts if packet.pts is not None else dts
                return packet
        except av.FFmpegError as error:
            self.fail(str(error))
        return None

    def _for_container(self, packet: SoundPacket) -> list[SoundPacket]:
        if self._reencoder is not None:
            return self._reencoder.encode(packet)
        assert packet.pts is not None and packet.dts is not None
        start = round(Fraction(self._start_ns or 0, _NANO) / packet.time_base)
        packet.pts -= start
        packet.dts -= start
        packet.stream = self._target
        return [packet]


class _Reencoder:
    """Decodes packets and codes them as AAC for one container.

    undecodable  packets that the decoder refused
    """

    def __init__(self, output: OutputContainer, source: AudioCodecContext, start_ns: int) -> None:
        rate = source.sample_rate if source.sample_rate in _AAC_RATES else 48000
        layout = {1: "mono", 2: "stereo"}.get(source.channels, "stereo")
        if source.channels >= 6:
            layout = "5.1"
        self.stream = output.add_stream("aac", rate=rate)
        context = self.stream.codec_context
        context.layout = layout
        context.bit_rate = 1000 * _AAC_KBPS_PER_CHANNEL * context.channels
        self._resampler = AudioResampler("fltp", layout, rate)
        self._start_ns = start_ns
        self.undecodable = 0

    def encode(self, packet: SoundPacket | None) -> list[SoundPacket]:
        """Code one packet anew; None flushes."""
        decoded: list[AudioFrame | None] = [None]
        if packet is not None:
            try:
                decoded = [*packet.decode()]
            except av.FFmpegError:
                self.undecodable += 1
                return []
        coded: list[SoundPacket] = []
        for frame in decoded:
            if frame is not None and packet is not None and frame.pts is not None:
                frame.pts -= round(Fraction(self._start_ns, _NANO) / packet.time_base)
            for resampled in self._resampler.resample(frame):
                coded += self.stream.encode(resampled)
        if packet is None:
            coded += self.stream.encode(None)
        return coded


def _span_ns(packet: SoundPacket) -> tuple[int, int]:
    assert packet.pts is not None
    begin = packet.pts * packet.time_base
    end = begin + (packet.duration or 0) * packet.time_base
    return round(begin * _NANO), round(end * _NANO)
