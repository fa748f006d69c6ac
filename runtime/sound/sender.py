"""In the process that reads a network source: its sound, coded and sent to the parent.

A thread of its own does that, behind a queue that loses its oldest: pictures never wait for sound.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from dataclasses import replace

import av

from stereocast.runtime.packet import SoundPacket
from stereocast.runtime.sound.coder import AudioPacket, SoundCoder
from stereocast.runtime.sound.moments import PictureMoments
from stereocast.runtime.sound.parcel import Parcel
from stereocast.runtime.sound.play_line import LEAD_NS

MOST_WAITING = 1024
"""Packets of a source that comes faster than it plays: twenty seconds of the usual ones."""
_OLDEST_NS = 2_000_000_000


class SoundSender:
    """Sends what one stream sounds like, at the moments of its pictures.

    channels  1 or 2
    """

    def __init__(self, coder: SoundCoder, out: socket.socket) -> None:
        self.channels = coder.channels
        self._coder, self._out = coder, out
        self._out.setblocking(False)
        self._changed = threading.Condition()
        self._waiting: deque[AudioPacket] = deque(maxlen=MOST_WAITING)
        self._moments = PictureMoments()
        self._epoch = 1
        self._is_torn = True
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many packets wait to be coded."""
        return len(self._waiting)

    def put(self, packet: AudioPacket) -> None:
        """Take a packet; the oldest that waits is lost where too many do."""
        with self._changed:
            self._waiting.append(packet)
            self._changed.notify()

    def picture(self, pts_ns: int, t_capture_ns: int) -> None:
        """Note when a picture was taken; pts_ns is on the clock of the packets, as they came."""
        with self._changed:
            if self._moments.add(pts_ns, t_capture_ns):
                self._epoch += 1
                self._is_torn = True
            self._changed.notify()

    def close(self) -> None:
        """Send nothing more; wait for the thread. May be called twice."""
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (packet := self._next()) is not None:
            try:
                for sound in self._coder.code(packet):
                    self._send(sound)
            except (av.FFmpegError, ValueError):
                self._is_torn = True  # damage on the way; the next packet may be good

    def _next(self) -> AudioPacket | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over)
            return None if self._is_over else self._waiting.popleft()

    def _send(self, sound: SoundPacket) -> None:
        due = self._wait(sound.pts_ns)
        if due is None:
            self._is_torn = True
            return
        epoch, capture_ns = due
        sound = replace(sound, is_discontinuous=sound.is_discontinuous or self._is_torn)
        try:
            self._out.send(Parcel(os.getpid(), epoch, capture_ns, sound).to_bytes())
            self._is_torn = False
        except BlockingIOError:
            self._is_torn = True  # the parent is busy with something else; the newest counts
        except OSError:
            self._is_over = True  # nobody wants it any more

    def _wait(self, pts_ns: int) -> tuple[int, int] | None:
        """Wait until sound may go; return the epoch, and when its picture is captured.

        None: it is of no use any more.
        """
        with self._changed:
            while not self._is_over:
                capture_ns = self._moments.capture_ns(pts_ns)
                if capture_ns is None:
                    self._changed.wait()
                    continue
                left_ns = capture_ns - LEAD_NS - time.monotonic_ns()
                if left_ns <= 0:
                    is_late = left_ns < -LEAD_NS - _OLDEST_NS
                    return None if is_late or capture_ns < 0 else (self._epoch, capture_ns)
                self._changed.wait(left_ns / 1e9)
        return None
