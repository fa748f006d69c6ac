"""Offers a stream to viewers: the engine asks for credit here, and hands its packets over.

Nobody waits for a viewer. The socket and its thread are in runtime/sink/router_thread.py, the
conversation with viewers in runtime/host.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from stereocast.engine.errors import TransportError
from stereocast.engine.layout import Layout
from stereocast.runtime import wire
from stereocast.runtime.address import Address
from stereocast.runtime.host import Host, ViewerEvent
from stereocast.runtime.sink.router_thread import Outgoing, RouterThread
from stereocast.runtime.viewers import ViewerLimits

if TYPE_CHECKING:  # the encoders' room imports torch, which a socket has no use for
    from stereocast.runtime.encode import Packet
    from stereocast.runtime.packet import SoundPacket


class RouterSink:
    """Offers one stream at an address. Close it, or use it in a `with` statement.

    address  where viewers find it; a port that was left open is filled in
    All methods may be called from any thread.
    """

    def __init__(
        self,
        address: Address,
        stream: wire.Stream,
        *,
        limits: ViewerLimits | None = None,
        curve: Path | None = None,
    ) -> None:
        """Bind, and start to answer viewers.

        curve  the server's folder of keys (stereocast.runtime.curve), needed off this machine
        Raises TransportError if the address is taken, not private, or open without keys.
        """
        self._host = Host(stream, limits or ViewerLimits())
        self._coding = _coding_of(stream)
        self._epoch = 1
        self._previous_seq: int | None = None
        self._packets = self._sounds = 0
        self._is_closed = False
        self._state = threading.Condition()
        self._thread = RouterThread(address, self._host, state=self._state, curve=curve)
        self.address = self._thread.address

    @property
    def viewers(self) -> int:
        """How many watch."""
        with self._state:
            return len(self._host.viewers)

    @property
    def counters(self) -> dict[str, int]:
        """What happened so far.

        packets, frames_sent, bytes_sent, sound_sent (each viewer counts); `drop <cause>` frames
        that a viewer did not get, `drop sound` packets of sound; `fault <cause>` messages that were
        not obeyed.
        """
        with self._state:
            drops = {f"drop {cause}": count for cause, count in self._host.viewers.drops.items()}
            faults = {f"fault {cause}": count for cause, count in self._host.faults.items()}
            return {"packets": self._packets, **self._thread.counters, **drops, **faults}

    def wait_for_credit(self, timeout_s: float) -> bool:
        """Wait until a frame is wanted; return False after timeout_s, or if the sink is closed."""
        with self._state:
            self._state.wait_for(self._is_awaited, timeout_s)
            self._raise_failure()
            return not self._is_closed and self._host.viewers.may_encode()

    def key_wanted(self) -> bool:
        """Return whether the next packet should be a key frame."""
        with self._state:
            return self._host.viewers.wants_key(time.monotonic_ns())

    def write(
        self,
        packet: Packet,
        *,
        seq: int,
        t_capture_ns: int,
        extension: wire.Extension | None = None,
        is_discontinuous: bool = False,
    ) -> int:
        """Send a packet to every viewer that can use it; return to how many.

        seq           number of its source picture, greater than the one before, or the same in a
                      key frame that shows that picture again
        t_capture_ns  time.monotonic_ns() when that picture was captured
        extension     what is sent along; its depth only to those who asked for it
        is_discontinuous  the source's times start anew with it
        Raises TransportError if the sink is closed, or a number cannot be sent.
        """
        with self._state:
            self._raise_failure()
            if self._is_closed:
                raise TransportError(f"{self.address.url}: is closed, and was given frame {seq}")
            dep = self._dep(seq, is_key=packet.is_keyframe)
            stream, (codec, layout) = self._host.stream, self._coding
            flags = wire.Flag.LAST_OF_AU
            flags |= wire.Flag.KEY if packet.is_keyframe else wire.Flag(0)
            flags |= wire.Flag.DISCONT if is_discontinuous else wire.Flag(0)
            extension = extension or wire.Extension()
            frame = wire.FrameMessage(
                codec=codec,
                epoch=self._epoch,
                seq=seq,
                src_pts_ns=packet.pts_ns,
                t_capture_ns=t_capture_ns,
                t_send_ns=0,
                w=stream.w,
                h=stream.h,
                layout=layout,
                dep=dep,
                payload=packet.data,
                flags=flags,
                stamps=extension.stamps,
                facts=extension.facts,
            )
            parts = wire.pack(frame)
            self._previous_seq = seq
            peers = self._host.viewers.recipients(
                is_key=packet.is_keyframe, seq=seq, now_ns=time.monotonic_ns()
            )
            self._packets += 1
            wanting = self._host.viewers.want_depth() if extension.depth else frozenset()
            plain = tuple(peer for peer in peers if peer not in wanting)
            deep = tuple(peer for peer in peers if peer in wanting)
            if plain:
                self._thread.enqueue(Outgoing(plain, parts, is_frame=True))
            if deep:
                parts = wire.pack(replace(frame, depth=extension.depth))
                self._thread.enqueue(Outgoing(deep, parts, is_frame=True))
        return len(peers)

    def write_sound(self, packet: SoundPacket, *, epoch: int, t_capture_ns: int) -> int:
        """Send a packet of sound to every viewer that asked for sound; return to how many.

        epoch         of its time line; grows when that starts anew, from 1
        t_capture_ns  time.monotonic_ns() when a picture with the packet's pts_ns is captured
        Raises TransportError if the sink is closed, or a number cannot be sent.
        """
        with self._state:
            self._raise_failure()
            if self._is_closed:
                raise TransportError(f"{self.address.url}: is closed, and was given sound")
            message = wire.SoundMessage(
                epoch=epoch,
                seq=self._sounds % (wire.MAX_SEQ + 1),
                src_pts_ns=packet.pts_ns,
                t_capture_ns=t_capture_ns,
                t_send_ns=0,
                channels=packet.channels,
                samples=packet.samples,
                pre_skip=packet.pre_skip,
                payload=packet.data,
                is_discontinuous=packet.is_discontinuous,
            )
            self._sounds += 1
            return self._thread.enqueue_sound(wire.pack(message), packet.duration_ns)

    def depth_wanted(self) -> bool:
        """Return whether some viewer wants its frames to bring their depth."""
        with self._state:
            return bool(self._host.viewers.want_depth())

    def tell(self, notice: wire.Notice) -> None:
        """Bring a notice to all viewers; who does not read misses it."""
        with self._state:
            peers = self._host.viewers.peers()
            if peers and not self._is_closed:
                parts = wire.pack(notice)
                self._thread.enqueue(Outgoing(peers, parts, is_frame=False, may_be_lost=True))

    def describe_controls(self, controls: Mapping[str, float]) -> None:
        """Tell those who join from now on where the eye parameters stand."""
        with self._state:
            self._host.stream = replace(self._host.stream, controls=controls)

    def reconfigure(self, stream: wire.Stream) -> None:
        """Describe the stream anew to all viewers; the next packet must be a key frame."""
        with self._state:
            self._coding = _coding_of(stream)
            self._host.stream = stream
            self._epoch += 1
            self._host.viewers.break_chain()
            news = self._host.describe(wire.Reconfig, time.monotonic_ns())
            self._thread.enqueue(
                Outgoing(self._host.viewers.peers(), wire.pack(news), is_frame=False)
            )

    def events(self) -> list[ViewerEvent]:
        """Return what viewers did since the last call."""
        with self._state:
            events = list(self._host.events)
            self._host.events.clear()
            return events

    def close(self) -> None:
        """Send what is queued and EOS within two seconds, free the address. May be called twice."""
        with self._state:
            if self._is_closed:
                return
            self._is_closed = True
            self._state.notify_all()
        self._thread.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _dep(self, seq: int, *, is_key: bool) -> int:
        """Return how far back in seq the picture is that this one needs; 0 for a key frame."""
        previous = self._previous_seq
        if previous is not None and (seq < previous or (seq == previous and not is_key)):
            raise TransportError(f"frame {seq} came after frame {previous}; numbers must grow")
        if is_key:
            return 0
        if previous is None or seq - previous > wire.MAX_DEP:
            # Nobody can be told what it depends on, so nobody gets it.
            self._host.viewers.break_chain()
            return 0
        return seq - previous

    def _is_awaited(self) -> bool:
        stopped = self._is_closed or self._thread.failure is not None
        return stopped or self._host.viewers.may_encode()

    def _raise_failure(self) -> None:
        if self._thread.failure is not None:
            raise TransportError(
                f"{self.address.url}: the stream's thread stopped: {self._thread.failure!r}"
            ) from self._thread.failure


def _coding_of(stream: wire.Stream) -> tuple[wire.Codec, Layout]:
    try:
        return wire.Codec[stream.codec.upper()], Layout(stream.layout)
    except (KeyError, ValueError):
        raise TransportError(
            f"a stream of codec {stream.codec!r} and layout {stream.layout!r} cannot be sent; "
            f"codecs are {', '.join(codec.name.lower() for codec in wire.Codec)}, "
            f"layouts {', '.join(Layout)}"
        ) from None
