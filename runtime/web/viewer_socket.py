"""One browser's WebSocket: what it says goes to the engine, what the engine sends goes to it.

The asyncio half of the bridge; the thread with the engine's line is runtime/web/engine_line.py.
Messages and their rules are runtime/web/messages.py.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from starlette.websockets import WebSocket, WebSocketDisconnect

from stereocast.engine.errors import TransportError
from stereocast.runtime import wire
from stereocast.runtime.client import StreamClient
from stereocast.runtime.viewer_sound import SoundQueue
from stereocast.runtime.web import messages
from stereocast.runtime.web.board import Board, ViewerState
from stereocast.runtime.web.engine_line import EngineLine, EnginePlace
from stereocast.runtime.web.limits import MAX_CREDIT, GatewayLimits
from stereocast.runtime.web.metrics import Metrics

FIRST_CREDIT = 2
MAX_WAITING = 4 * MAX_CREDIT
"""Messages that may wait for a slow network: more come only for credit that was never earned."""
TRY_AGAIN_LATER, POLICY, GOING_AWAY = 1013, 1008, 1001


@dataclass(frozen=True)
class House:
    """What all viewers of one gateway share."""

    place: EnginePlace
    limits: GatewayLimits
    board: Board
    metrics: Metrics


@dataclass(frozen=True)
class _Close:
    code: int
    reason: str


_Outgoing = str | bytes | messages.Ping | wire.FrameMessage | _Close


class _Ration:
    """The messages that a browser may still send: a bucket that holds one second's worth."""

    def __init__(self, per_s: float) -> None:
        self._per_s = self._left = per_s
        self._filled_s = time.monotonic()

    def take(self) -> bool:
        now_s = time.monotonic()
        self._left = min(self._per_s, self._left + (now_s - self._filled_s) * self._per_s)
        self._filled_s = now_s
        self._left -= 1
        return self._left >= 0


class ViewerSocket:
    """The life of one browser on the stream; a listener of its own line to the engine."""

    def __init__(self, socket: WebSocket, house: House, state: ViewerState) -> None:
        self._socket, self._house, self._state = socket, house, state
        self._loop = asyncio.get_running_loop()
        self._outbox: deque[tuple[_Outgoing, int]] = deque()
        self._sounds = SoundQueue()
        self._filled = asyncio.Event()
        self._joins = 0
        self._wants_depth = self._wants_sound = False
        # It hears from the first on: whoever presses for sound later must not join anew.
        self._line = EngineLine(
            house.place, self, name=f"web {state.number}", credit=FIRST_CREDIT, hear=self._hear
        )

    async def run(self) -> None:
        """Relay until either side leaves; the thread is gone on return."""
        self._line.start()
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        try:
            done, _ = await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            if reader in done and not writer.done() and (close := reader.result()):
                await self._socket.close(close.code, close.reason)
            for task in done:
                task.result()
        except TimeoutError:
            self._house.metrics.refused.labels("slow").inc()
        except (WebSocketDisconnect, RuntimeError):
            # So Starlette says that the browser went away between two of our messages.
            self._house.metrics.left.inc()
        finally:
            self._line.stop()
            reader.cancel()
            writer.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            await asyncio.to_thread(self._line.join)

    # What the line tells, in the line's thread.

    def joined(self, client: StreamClient, stream: wire.Welcome) -> None:
        """See Listener."""
        self._joins += 1
        if self._joins > 1:
            self._house.metrics.reconnects.inc()
        if self._wants_depth:
            client.send_quality(depth=True)
        self._house.board.joined(stream)
        self._put(messages.welcome(stream, "welcome"))

    def changed(self, stream: wire.Reconfig) -> None:
        """See Listener."""
        self._house.board.changed(stream)
        self._put(messages.welcome(stream, "reconfig"))

    def frame(self, client: StreamClient, frame: wire.FrameMessage) -> None:
        """See Listener."""
        now_ns, clock, metrics = client.received_ns, self._line.clock, self._house.metrics
        if self._house.board.frame(frame, now_ns, clock):
            metrics.engine_frames.inc()
            latency_ns = clock.one_way_ns(frame.t_capture_ns, now_ns) if clock else None
            if latency_ns is not None:
                metrics.latency.observe(latency_ns / 1e9)
        self._put(frame)

    def _hear(self, sound: wire.SoundMessage) -> None:
        if self._wants_sound and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._append_sound, sound)

    def notice(self, level: str, code: str, text: str) -> None:
        """See Listener."""
        self._house.board.told(code, text)
        if code in ("waiting", "lost"):
            self._house.board.unreachable(text)
        self._put(messages.notice(level, code, text))

    def ended(self, code: str, text: str) -> None:
        """See Listener."""
        self._house.board.unreachable(text or "the stream ended")
        self._put(messages.end(code, text, again=True))
        is_over = code == "eos"
        self._put(_Close(1000, "end") if is_over else _Close(TRY_AGAIN_LATER, text[:100]))

    def _put(self, message: _Outgoing) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._append, message)

    # From here on in the event loop.

    def _append(self, message: _Outgoing) -> None:
        if len(self._outbox) >= MAX_WAITING:
            self._house.metrics.refused.labels("backlog").inc()
            self._outbox.clear()
            message = _Close(POLICY, "granted more than it takes")
        self._outbox.append((message, time.monotonic_ns()))
        self._filled.set()

    def _append_sound(self, sound: wire.SoundMessage) -> None:
        """Let sound wait for its turn; it never counts as backlog, the oldest is lost instead."""
        dropped = self._sounds.put([messages.sound_bytes(sound)], sound.duration_ns)
        self._house.metrics.sound_drops.inc(dropped)
        self._filled.set()

    async def _write(self) -> None:
        """Send what waits, sound after all else; who takes nothing for long is hung up on."""
        while True:
            while (waiting := self._next()) is not None:
                message, put_ns = waiting
                async with asyncio.timeout(self._house.limits.send_within_s):
                    await self._send(message, put_ns)
                if isinstance(message, _Close):
                    return
            self._filled.clear()
            await self._filled.wait()

    def _next(self) -> tuple[_Outgoing, int] | None:
        if self._outbox:
            return self._outbox.popleft()
        now_ns = time.monotonic_ns()
        taken = self._sounds.take(now_ns)  # sending waits for the browser: it needs no patience
        if taken is None:
            return None
        self._house.metrics.sounds.inc()
        return taken[0][0], now_ns

    async def _send(self, message: _Outgoing, put_ns: int) -> None:
        if isinstance(message, str):
            await self._socket.send_text(message)
        elif isinstance(message, bytes):
            await self._socket.send_bytes(message)
        elif isinstance(message, _Close):
            await self._socket.close(message.code, message.reason)
        elif isinstance(message, messages.Ping):
            if (clock := self._line.clock) is not None:
                now_ns = time.monotonic_ns()
                await self._socket.send_text(messages.pong(message, put_ns, now_ns, clock))
        else:
            await self._send_frame(message)

    async def _send_frame(self, frame: wire.FrameMessage) -> None:
        data = messages.frame_bytes(frame)
        await self._socket.send_text(messages.info(frame, self._line.clock))
        await self._socket.send_bytes(data)
        depth = messages.depth_bytes(frame)
        if depth is not None:
            await self._socket.send_bytes(depth)
        self._state.frames += 1
        self._state.bytes += len(data)
        self._house.metrics.frames.inc()
        self._house.metrics.bytes.inc(len(data))

    async def _read(self) -> _Close | None:
        """Obey the browser; return how to hang up on it, None when it left by itself."""
        ration = _Ration(self._house.limits.max_messages_per_s)
        while True:
            event = await self._socket.receive()
            if event["type"] == "websocket.disconnect":
                return None
            if not ration.take():
                return self._refuse("flood", "too many messages")
            text = event.get("text")
            if text is None:
                return self._refuse("malformed", "wanted text, got a binary message")
            try:
                message = messages.parse_browser(text)
            except TransportError as wrong:
                return self._refuse("malformed", str(wrong))
            if not self._obey(message):
                return self._refuse("flood", "too many wishes wait")

    def _refuse(self, why: str, reason: str) -> _Close:
        self._house.metrics.refused.labels(why).inc()
        return _Close(POLICY, reason.encode()[:120].decode(errors="ignore"))

    def _obey(self, message: messages.BrowserMessage) -> bool:
        """Pass one message on; return False if the engine's line is choked."""
        if isinstance(message, messages.Ping):
            self._append(message)
        elif isinstance(message, messages.Stats):
            self._note(message)
        else:
            if isinstance(message, messages.Sound):
                self._wants_sound = message.on
                self._sounds = SoundQueue()
                return True
            if isinstance(message, messages.Depth):
                self._wants_depth = message.on
            elif isinstance(message, messages.Credit) and message.age_us is not None:
                self._house.metrics.age.observe(message.age_us / 1e6)
            return self._line.post(lambda client: _say(client, message))
        return True

    def _note(self, stats: messages.Stats) -> None:
        self._house.metrics.drop(self._state.drops, stats.drops)
        self._state.fps, self._state.decoder_queue = stats.fps, stats.decoder_queue
        self._state.age_p50_ms, self._state.age_p95_ms = stats.age_p50_ms, stats.age_p95_ms
        self._state.drops = dict(stats.drops)


def _say(client: StreamClient, message: messages.BrowserMessage) -> None:
    """Say to the engine what a browser said."""
    match message:
        case messages.Credit():
            client.grant(message.n, message.last_seq, message.age_us, message.queue)
        case messages.Key():
            client.request_key(message.reason, message.last_good_seq)
        case messages.Quality():
            client.send_quality(**message.model_dump(exclude={"t"}))
        case messages.Playback():
            client.send_quality(paused=message.paused, seek_s=message.seek_s)
        case messages.Depth():
            client.send_quality(depth=message.on)


async def serve_viewer(socket: WebSocket, house: House) -> None:
    """Accept a browser if there is room, and serve it to the end."""
    speaks = messages.SUBPROTOCOL in socket.scope["subprotocols"]
    await socket.accept(subprotocol=messages.SUBPROTOCOL if speaks else None)
    if not speaks:
        await socket.close(POLICY, f"the subprotocol is {messages.SUBPROTOCOL}")
        return
    if house.board.viewers >= house.limits.max_viewers:
        house.metrics.refused.labels("full").inc()
        await socket.close(TRY_AGAIN_LATER, f"all {house.limits.max_viewers} places are taken")
        return
    state = house.board.enter()
    try:
        await ViewerSocket(socket, house, state).run()
    finally:
        house.board.leave(state)
