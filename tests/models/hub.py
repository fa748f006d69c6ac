"""A hub on this machine that speaks as much of the real one's language as a download needs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What it serves, and what it was asked.

    files     path in a repository → content
    announce  size it claims in HEAD; None: the true one
    stop_at   drop the connection after so many bytes of a body, this many times
    """

    files: dict[str, bytes]
    announce: int | None = None
    stop_at: int | None = None
    stops: int = 0
    status: int = 200
    endpoint: str = ""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve `hub` on a free port of 127.0.0.1; its endpoint is filled in."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            asked = self.headers.get("Range")
            hub.requests.append((self.command, asked))
            hub.headers.append({key.lower(): value for key, value in self.headers.items()})
            content = hub.files.get(self.path.lstrip("/"))
            if content is None or hub.status != 200:
                self.send_response(404 if content is None else hub.status)
                self.send_header("X-Error-Code", "EntryNotFound" if content is None else "Down")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            rest = content[begin:]
            self.send_response(206 if asked else 200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", '"etag"')
            if asked:
                self.send_header(
                    "Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}"
                )
            claimed = hub.announce if hub.announce is not None and not body else len(rest)
            self.send_header("Content-Length", str(claimed))
            self.end_headers()
            if not body:
                return
            if hub.stop_at is not None and hub.stops > 0:
                hub.stops -= 1
                self.wfile.write(rest[: hub.stop_at])
                self.close_connection = True
                return
            self.wfile.write(rest)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
