"""The sound of a network source in the engine's process: what its reader sends, to the viewers."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from stereocast.engine.errors import StereocastError
from stereocast.runtime.sound.listener import SoundListener, gone
from stereocast.runtime.sound.parcel import MAX_BYTES, read_parcel
from stereocast.runtime.wire import Audio, WireError

OLDEST_NS = 2_000_000_000
"""Sound that is older is nobody's: it waited while the engine was built. Nor is it so far ahead."""


class LiveSound:
    """One network source's sound, over all its reconnections.

    audio, copies, notes  see `Sound`
    """

    copies = False

    def __init__(
        self, channel: socket.socket, audio: Audio, pts_of: Callable[[int], int | None]
    ) -> None:
        """Take what comes on `channel`, which stays the caller's.

        pts_of  tells the time, on the pictures' time line, of a moment; None while nobody knows
        """
        self.audio = audio
        self.notes: tuple[str, ...] = ()
        self._channel, self._pts_of = channel, pts_of
        self._listener: SoundListener | None = None
        self._is_closed = False
        self._epoch, self._of = 0, (0, 0)
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)

    def start(self, listener: SoundListener) -> None:
        """Let sound out from now on."""
        self._listener = listener
        self._thread.start()

    def close(self) -> None:
        """End it. May be called twice."""
        self._is_closed = True
        with contextlib.suppress(OSError):  # it may be closed already
            self._channel.shutdown(socket.SHUT_RD)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        assert self._listener is not None
        try:
            while not self._is_closed and (data := self._channel.recv(MAX_BYTES)):
                self._hand_on(data, self._listener)
        except (OSError, StereocastError) as error:
            if not self._is_closed:
                notice = gone(error)
                self.notes = (notice.text,)
                self._listener.tell(notice)

    def _hand_on(self, data: bytes, listener: SoundListener) -> None:
        parcel = read_parcel(data)
        if parcel is None or abs(time.monotonic_ns() - parcel.t_capture_ns) > OLDEST_NS:
            return
        pts_ns = self._pts_of(parcel.t_capture_ns)
        if pts_ns is None or pts_ns < 0:
            return
        packet = replace(parcel.packet, pts_ns=pts_ns)
        if (parcel.run, parcel.epoch) != self._of:
            self._of = (parcel.run, parcel.epoch)
            self._epoch += 1
            packet = replace(packet, is_discontinuous=True)
        with contextlib.suppress(WireError):  # what is no packet of sound is nobody's loss
            listener.write_sound(packet, epoch=self._epoch, t_capture_ns=parcel.t_capture_ns)
