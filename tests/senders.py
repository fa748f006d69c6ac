"""Programs on the other side of the network: senders of video, and a bad relay."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import av

from tests.clips import picture


@dataclass(frozen=True)
class Broadcast:
    """What is sent: so many pictures of one size, then of another; None: without end."""

    height: int = 96
    width: int = 160
    fps: int = 30
    count: int | None = None
    then: tuple[int, int] | None = None
    """(height, width) of all pictures from number `switch_at` on."""
    switch_at: int = 20


class _Pipe:
    """A file that FFmpeg's muxer writes to."""

    def __init__(self, send: Callable[[bytes], Any]) -> None:
        self._send = send

    def write(self, data: bytes) -> int:
        self._send(bytes(data))
        return len(data)


def send_ts(send: Callable[[bytes], Any], what: Broadcast, stop: threading.Event) -> None:
    """Send MPEG-TS in real time until `stop`, the end of the pictures, or a receiver that left."""
    send_as("mpegts", send, what, stop)


def send_as(
    container_format: str,
    send: Callable[[bytes], Any],
    what: Broadcast,
    stop: threading.Event,
    options: dict[str, str] | None = None,
) -> None:
    """Send as `send_ts`, as FFmpeg's muxer of any format has it; `options` are the muxer's."""
    with (
        contextlib.suppress(OSError, av.FFmpegError),
        av.open(_Pipe(send), "w", format=container_format, options=options or {}) as container,
    ):
        stream = container.add_stream("libx264", rate=what.fps)
        _configure(stream.codec_context, what.height, what.width)
        encoder, size = stream.codec_context, (what.height, what.width)
        began, index = time.monotonic(), 0
        while not stop.is_set() and (what.count is None or index < what.count):
            if what.then is not None and index == what.switch_at:
                size = what.then
                encoder = av.CodecContext.create("libx264", "w")
                encoder.framerate, encoder.time_base = Fraction(what.fps), Fraction(1, what.fps)
                _configure(encoder, *size)
            frame = av.VideoFrame.from_ndarray(picture(index, *size), format="rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, what.fps)
            for packet in encoder.encode(frame):
                packet.stream = stream
                container.mux(packet)
            index += 1
            stop.wait(max(0.0, began + index / what.fps - time.monotonic()))


def _configure(context: Any, height: int, width: int) -> None:
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10", "crf": "12"}


class TcpSender:
    """Serves each connection a broadcast of its own. `port` is where."""

    def __init__(self, what: Broadcast | None = None) -> None:
        self._what = what or Broadcast()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.connections = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            send_ts(peer.sendall, self._what, self._stop)

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(5)


class UdpSender:
    """Sends a broadcast to a free port of this machine."""

    def __init__(self, what: Broadcast | None = None) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=send_ts, args=(self._send, what or Broadcast(), self._stop), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"udp://127.0.0.1:{self.port}"

    def _send(self, data: bytes) -> None:
        for start in range(0, len(data), 1316):
            with contextlib.suppress(ConnectionRefusedError):
                self._socket.sendto(data[start : start + 1316], ("127.0.0.1", self.port))

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._socket.close()


class HttpSender:
    """A web server: `/live.ts` is a broadcast without end; other paths are given bytes."""

    def __init__(self, what: Broadcast | None = None) -> None:
        self.files: dict[str, tuple[str, bytes]] = {}
        self.asked: list[str] = []
        self._stop = stop = threading.Event()
        sender, broadcast = self, what or Broadcast()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sender.asked.append(self.path)
                if self.path == "/live.ts":
                    self.send_response(200)
                    self.send_header("Content-Type", "video/mp2t")
                    self.end_headers()
                    send_ts(self.wfile.write, broadcast, stop)
                elif self.path in sender.files:
                    self._send_file(*sender.files[self.path])
                else:
                    self.send_error(404)

            def _send_file(self, kind: str, data: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def close(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class Relay:
    """A TCP connection's bad stretch: it can stall, drop, delay and throttle, both ways.

    delay_s, bytes_per_s  in force from the next piece on; 0: none
    """

    def __init__(self, port: int) -> None:
        self.delay_s = 0.0
        self.bytes_per_s = 0
        self._flows = threading.Event()
        self._flows.set()
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def stall(self) -> None:
        """Pass nothing on; connections stay open."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass on again."""
        self._flows.set()

    def drop(self) -> None:
        """Cut every connection."""
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._flows.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.drop()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._pairs.append((peer, server))
            for ends in ((server, peer), (peer, server)):
                threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, server: socket.socket, peer: socket.socket) -> None:
        with server, peer, contextlib.suppress(OSError):
            while data := server.recv(16384):
                self._flows.wait()
                if self.delay_s:
                    time.sleep(self.delay_s)
                if self.bytes_per_s:
                    time.sleep(len(data) / self.bytes_per_s)
                peer.sendall(data)
