"""The server's half of the conversation: a viewer's message in, the answers out.

Pure: time is passed in; no sockets, no threads. Who gets frames is decided in runtime/viewers.py;
bytes travel in runtime/sink/zmq_router.py.
"""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, fields

from stereocast.runtime import wire
from stereocast.runtime.viewer import SECOND_NS
from stereocast.runtime.viewers import ViewerLimits, Viewers

MAX_EVENTS = 64
MAX_KNOWN_PEERS = 256


@dataclass(frozen=True)
class ViewerEvent:
    """Something a viewer did: HELLO it joined, BYE it left, QUALITY, STATS.

    END means that the server forgot it, because it was gone or silent.
    """

    viewer: str
    message: wire.Hello | wire.Quality | wire.Stats | wire.Bye | wire.End


class _Ration:
    """The messages that one peer may still send: a token bucket that holds one second's worth."""

    def __init__(self, per_s: float, now_ns: int) -> None:
        self.first_ns = now_ns
        self._per_s = per_s
        self._tokens = per_s
        self._filled_ns = now_ns

    def take(self, now_ns: int) -> bool:
        grown = (now_ns - self._filled_ns) * self._per_s / SECOND_NS
        self._tokens = min(self._per_s, self._tokens + grown)
        self._filled_ns = now_ns
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Host:
    """Answers the viewers of one stream.

    stream   what WELCOME says
    viewers  who watches
    faults   messages that were not obeyed, by cause
    events   what the application may want to know, oldest first; the oldest are lost first
    """

    def __init__(self, stream: wire.Stream, limits: ViewerLimits) -> None:
        self.stream = stream
        self.session = secrets.token_hex(8)
        self.viewers = Viewers(limits)
        self.faults: Counter[str] = Counter()
        self.events: deque[ViewerEvent] = deque(maxlen=MAX_EVENTS)
        self._rations: OrderedDict[bytes, _Ration] = OrderedDict()

    def receive(
        self, peer: bytes, parts: Sequence[bytes], now_ns: int
    ) -> wire.ServerMessage | None:
        """Read one message and do what it says; return the answer, if it gets one.

        A PONG's t3 is left equal to t2, for the sender to fill in. Never raises for what a peer
        sent.
        """
        ration = self._ration(peer, now_ns)
        if not ration.take(now_ns):
            self.faults["flood"] += 1
            return None
        try:
            message = wire.parse_client(parts)
        except wire.WireError as wrong:
            self.faults[wrong.code] += 1
            return wire.Notice(level="warning", code=wrong.code, text=str(wrong)[:400])
        if isinstance(message, wire.Hello):
            return self._greet(peer, message, ration, now_ns)
        if peer not in self.viewers:
            self.faults["stranger"] += 1
            return wire.End(code=wire.UNKNOWN_PEER, text="not known here; say HELLO first")
        self.viewers[peer].heard_ns = now_ns
        return self._obey(peer, message, now_ns)

    def tick(self, now_ns: int) -> None:
        """Do what time demands: elections, and forgetting the silent."""
        names = {peer: self.viewers[peer].name for peer in self.viewers.peers()}
        for peer in self.viewers.tick(now_ns):
            self._rations.pop(peer, None)
            self._note(names[peer], wire.End(code="silent"))

    def lost(self, peer: bytes, now_ns: int) -> None:
        """Forget a viewer whose connection is gone."""
        if peer in self.viewers:
            self._note(self.viewers[peer].name, wire.End(code="gone"))
            self.viewers.leave(peer, now_ns)
        self._rations.pop(peer, None)

    def describe(self, kind: type[wire.Welcome], now_ns: int) -> wire.Welcome:
        """Return the WELCOME or RECONFIG that describes the stream."""
        limits = self.viewers.limits
        described = {entry.name: getattr(self.stream, entry.name) for entry in fields(wire.Stream)}
        return kind(
            **described,
            session=self.session,
            server_t=now_ns,
            limits={
                "max_viewers": limits.max_viewers,
                "max_credit": limits.max_credit,
                "messages_per_s": int(limits.messages_per_s),
                "min_key_spacing_ms": limits.min_key_spacing_ns // 1_000_000,
            },
        )

    def _greet(
        self, peer: bytes, hello: wire.Hello, ration: _Ration, now_ns: int
    ) -> wire.ServerMessage | None:
        if peer in self.viewers or now_ns - ration.first_ns > self.viewers.limits.hello_within_ns:
            # Said twice, or by somebody who talked about other things for seconds.
            self.faults["late hello"] += 1
            return None
        refusal = self._mismatch(hello) or self.viewers.join(peer, hello, now_ns)
        if refusal is not None:
            self.faults[f"refused {refusal.code}"] += 1
            return refusal
        self._note(hello.name, hello)
        return self.describe(wire.Welcome, now_ns)

    def _mismatch(self, hello: wire.Hello) -> wire.End | None:
        stream = self.stream
        if not hello.ver_min <= wire.VERSION <= hello.ver_max:
            asked = f"{hello.ver_min} to {hello.ver_max}"
            return wire.End(code="ver", text=f"speaks SCST/{wire.VERSION}, not {asked}; update one")
        if hello.codecs and stream.codec not in hello.codecs:
            return wire.End(
                code="codec", text=f"the stream is {stream.codec}, which you cannot decode"
            )
        if hello.layouts and stream.layout not in hello.layouts:
            return wire.End(
                code="layout", text=f"the stream is {stream.layout}, which you cannot show"
            )
        if 0 < hello.max_w < stream.w or 0 < hello.max_h < stream.h:
            most = f"{hello.max_w or stream.w}×{hello.max_h or stream.h}"
            return wire.End(
                code="size", text=f"the stream is {stream.w}×{stream.h}, you take {most}"
            )
        return None

    def _obey(
        self, peer: bytes, message: wire.ClientMessage, now_ns: int
    ) -> wire.ServerMessage | None:
        match message:
            case wire.Credit():
                self.viewers.grant(peer, message.n, now_ns)
            case wire.KeyRequest():
                self.viewers.request_key(peer, message.last_good_seq, now_ns)
            case wire.Ping():
                return wire.Pong(t1=message.t1, t2=now_ns, t3=now_ns)
            case wire.Quality() | wire.Stats():
                if isinstance(message, wire.Quality) and message.depth is not None:
                    self.viewers[peer].wants_depth = message.depth
                self._note(self.viewers[peer].name, message)
            case wire.Bye():
                self._note(self.viewers[peer].name, message)
                self.viewers.leave(peer, now_ns)
        return None

    def _ration(self, peer: bytes, now_ns: int) -> _Ration:
        ration = self._rations.get(peer)
        if ration is None:
            ration = _Ration(self.viewers.limits.messages_per_s, now_ns)
            self._rations[peer] = ration
            if len(self._rations) > MAX_KNOWN_PEERS:
                self._rations.popitem(last=False)
        self._rations.move_to_end(peer)
        return ration

    def _note(
        self, viewer: str, message: wire.Hello | wire.Quality | wire.Stats | wire.Bye | wire.End
    ) -> None:
        self.events.append(ViewerEvent(viewer, message))
