"""The sound of a file, let out beside its pictures by a thread of its own.

It opens the file a second time: whatever is wrong with the sound, the pictures never notice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard

from stereocast.runtime.packet import SoundPacket
from stereocast.runtime.sound.coder import AudioPacket, SoundCoder, coder_for
from stereocast.runtime.sound.listener import SoundListener, gone
from stereocast.runtime.sound.play_line import PlayLine
from stereocast.runtime.source.container import open_media
from stereocast.runtime.wire import Audio, Notice

_TOO_SLOW = (
    "the engine is slower than this file, so its sound has gaps; --realtime leaves pictures out"
)
RUN_IN_NS = 200_000_000
"""How far before the first sound that is heard reading begins: decoders need a little to begin."""
MAX_REFUSED_PACKETS = 250
MOST_SLIPS = 20
"""Each is a tenth of a second and more that the file has lost."""


class FileSound:
    """One file's sound.

    audio   what WELCOME says of it
    copies  whether its packets are those of the file
    notes   what went wrong, to be said aloud
    """

    def __init__(self, path: Path, line: PlayLine) -> None:
        """Open the sound. Raises SourceError, av.FFmpegError or ValueError where there is none."""
        self._path, self._line = path, line
        self._container, self._stream = _open(path)
        try:
            self._coder: SoundCoder = coder_for(self._stream)
        except BaseException:
            self._container.close()
            raise
        self.audio = Audio(channels=self._coder.channels)
        self.copies = self._coder.copies
        self.notes: tuple[str, ...] = ()
        self._listener: SoundListener | None = None
        self._is_told = False
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)

    def start(self, listener: SoundListener) -> None:
        """Let sound out from now on, as the pictures go."""
        self._listener = listener
        self._thread.start()

    def close(self) -> None:
        """End it, and free the file. May be called twice."""
        self._line.close()
        if self._thread.is_alive():
            self._thread.join()
        self._container.close()

    def _run(self) -> None:
        assert self._listener is not None
        try:
            epoch = 0
            while (stretch := self._line.wait_for_stretch(epoch)) is not None:
                epoch = stretch.epoch
                self._let_out(self._from(stretch.begin_ns), epoch, self._listener)
        except Exception as error:  # whatever it is: the pictures go on, and people are told
            notice = gone(error)
            self.notes += (notice.text,)
            self._listener.tell(notice)

    def _let_out(self, packets: Iterator[SoundPacket], epoch: int, listener: SoundListener) -> None:
        for packet in packets:
            capture_ns = self._line.wait_until_due(packet.pts_ns, epoch)
            if capture_ns is None:
                return
            listener.write_sound(packet, epoch=epoch, t_capture_ns=capture_ns)
            if self._line.slips >= MOST_SLIPS and not self._is_told:
                self._is_told = True
                self.notes += (_TOO_SLOW,)
                listener.tell(Notice(level="warning", code="sound", text=_TOO_SLOW))

    def _from(self, begin_ns: int) -> Iterator[SoundPacket]:
        """Yield the sound from a time of the pictures on."""
        self._go_to(max(0, begin_ns - RUN_IN_NS))
        self._coder.begin(begin_ns)
        refused = 0
        for packet in _packets(self._container, self._stream):
            try:
                yield from self._coder.code(packet)
                refused = 0
            except av.FFmpegError:
                refused += 1
                if refused >= MAX_REFUSED_PACKETS:
                    raise

    def _go_to(self, at_ns: int) -> None:
        time_base = self._stream.time_base or Fraction(1, 1000)
        try:
            self._container.seek(int(Fraction(at_ns, 10**9) / time_base), stream=self._stream)
        except av.FFmpegError:
            # No index: read it from its beginning again; what comes too early is thrown away.
            self._container.close()
            self._container, self._stream = _open(self._path)
            self._coder = coder_for(self._stream)


def _open(path: Path) -> tuple[InputContainer, AudioStream]:
    container = open_media(path)
    try:
        best = container.streams.best("audio", related=container.streams.best("video"))
        if not isinstance(best, AudioStream) or getattr(best, "codec_context", None) is None:
            raise ValueError("there is no decoder for it")
        for stream in container.streams:
            if stream.index != best.index:
                stream.discard = Discard.all
        return container, best
    except BaseException:
        container.close()
        raise


def _packets(container: InputContainer, stream: AudioStream) -> Iterator[AudioPacket]:
    """Yield the packets that are left; damage at the end of a file is its end."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.EOFError, IndexError):
            return  # IndexError: see runtime/source/decoder.py
        if packet.size:
            yield packet
