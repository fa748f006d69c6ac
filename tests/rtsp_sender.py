"""A network camera's side of RTSP (RFC 2326): H.264 in RTP, interleaved on the one TCP connection.

FFmpeg can play such a stream and not serve one; its muxer makes the RTP packets here.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

from tests.senders import Broadcast, send_as

PACKET_BYTES = 1200
RTCP_TYPES = range(200, 208)
"""Second byte of what the RTP muxer sends between the pictures' packets: reports of the sender."""
DESCRIPTION = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=test
c=IN IP4 127.0.0.1
t=0 0
a=control:*
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1
a=control:video
"""


class RtspSender:
    """Serves each connection a broadcast of its own. `url` is where.

    asked     the methods of all requests, in order
    password  of the user `me`, asked for by Basic authentication; empty: nobody is asked
    """

    def __init__(self, what: Broadcast | None = None, *, password: str = "") -> None:
        self.asked: list[str] = []
        self._what = what or Broadcast()
        self._password = password
        self._server = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._peers: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        login = f"me:{self._password}@" if self._password else ""
        return f"rtsp://{login}127.0.0.1:{self._server.getsockname()[1]}/camera"

    def drop(self) -> None:
        """Cut every connection, as a camera does that loses its power."""
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.drop()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            self._peers.append(peer)
            self._threads.append(threading.Thread(target=self._serve, args=(peer,), daemon=True))
            self._threads[-1].start()

    def _serve(self, peer: socket.socket) -> None:
        ended, lock = threading.Event(), threading.Lock()
        player = threading.Thread(target=self._play, args=(peer, lock, ended), daemon=True)
        with peer, contextlib.suppress(OSError):
            for method, headers in requests(peer):
                self.asked.append(method)
                with lock:
                    peer.sendall(self._answer(method, headers))
                if method == "PLAY":
                    player.start()
                if method == "TEARDOWN":
                    break
            ended.set()
            if player.ident is not None:
                player.join(5)

    def _answer(self, method: str, headers: dict[str, str]) -> bytes:
        head, body = {"CSeq": headers.get("cseq", "0")}, ""
        status = "200 OK"
        login = "Basic " + base64.b64encode(f"me:{self._password}".encode()).decode()
        if self._password and method == "DESCRIBE" and headers.get("authorization") != login:
            status, head["WWW-Authenticate"] = "401 Unauthorized", 'Basic realm="camera"'
        elif method == "OPTIONS":
            head["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
        elif method == "DESCRIBE":
            body = DESCRIPTION.replace("\n", "\r\n")
            head |= {"Content-Type": "application/sdp", "Content-Length": str(len(body))}
        elif method == "SETUP":
            head |= {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1", "Session": "7;timeout=60"}
        elif method == "PLAY":
            head |= {"Session": "7", "Range": "npt=0.000-"}
        lines = [f"RTSP/1.0 {status}", *(f"{name}: {value}" for name, value in head.items())]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def _play(self, peer: socket.socket, lock: threading.Lock, ended: threading.Event) -> None:
        def send(packet: bytes) -> None:
            if self._stop.is_set() or ended.is_set():
                raise BrokenPipeError
            channel = 1 if packet[1] in RTCP_TYPES else 0
            with lock:
                peer.sendall(struct.pack(">cBH", b"$", channel, len(packet)) + packet)

        options = {"packetsize": str(PACKET_BYTES), "payload_type": "96"}
        send_as("rtp", send, self._what, self._stop, options)
        with contextlib.suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)


def requests(peer: socket.socket) -> Iterator[tuple[str, dict[str, str]]]:
    """Give (method, headers) of what a client asks; its own RTCP packets are passed over."""
    with peer.makefile("rb") as stream:
        while first := stream.read(1):
            if first == b"$":
                _, length = struct.unpack(">BH", stream.read(3))
                stream.read(length)
                continue
            method = (first + stream.readline()).split(b" ")[0].decode()
            headers: dict[str, str] = {}
            while line := stream.readline().strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            yield method, headers
