"""Serves the gateway's application: socket, TLS, bounds on connections. Owns uvicorn.

The bounds that the application cannot see are here: how many connections there are, and how long
one may take to ask for something.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from stereocast.engine.errors import TransportError
from stereocast.runtime.web.certificate import Certificate
from stereocast.runtime.web.limits import GatewayLimits

PING_INTERVAL_S = 5.0
PING_TIMEOUT_S = 10.0
BACKLOG = 64
STALLED_MS = 15_000
LOOPBACK, EVERYWHERE = ("127.0.0.1", "::1"), ("0.0.0.0", "::")
FREE_PORT_ATTEMPTS = 8


def listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Open the same port at each address; 0 takes one that is free at all of them.

    IPv6 addresses are left out on a machine without IPv6. Raises TransportError if the port cannot
    be had.
    """
    for _ in range(FREE_PORT_ATTEMPTS):
        opened: list[socket.socket] = []
        try:
            for host in hosts:
                wanted = opened[0].getsockname()[1] if opened else port
                with suppress(_NoIpv6):
                    opened.append(_open(host, wanted))
            return opened
        except OSError as error:
            why = error.strerror
            for earlier in opened:
                earlier.close()
        if port or not opened:
            break  # else it was free at the first address only
    raise TransportError(f"port {port}: cannot be opened: {why}; choose another with --port")


class _NoIpv6(Exception):
    """This machine has no such address."""


def _open(host: str, port: int) -> socket.socket:
    is_ipv6 = ":" in host
    try:
        # The protocol is named: only then does asyncio switch Nagle's algorithm off, which would
        # hold small frames back for 40 ms.
        family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Connections inherit it: who takes no byte for so long is gone, whatever waits for it.
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
            if is_ipv6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind((host, port))
        except OSError:
            opened.close()
            raise
    except OSError as error:
        if is_ipv6 and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise _NoIpv6 from None
        raise
    return opened


class GatewayServer(uvicorn.Server):
    """Serves until `should_exit` is set; signals are the caller's business."""

    def __init__(
        self, app: ASGIApp, *, certificate: Certificate | None, limits: GatewayLimits
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_bounded(limits),
                ws=WebSocketsSansIOProtocol,
                ws_max_size=limits.max_message_bytes,
                ws_per_message_deflate=False,
                ws_ping_interval=PING_INTERVAL_S,
                ws_ping_timeout=PING_TIMEOUT_S,
                h11_max_incomplete_event_size=limits.max_header_bytes,
                timeout_keep_alive=limits.keep_alive_s,
                timeout_graceful_shutdown=2,
                backlog=BACKLOG,
                lifespan="on",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ssl_keyfile=certificate.key if certificate else None,
                ssl_certfile=certificate.certificate if certificate else None,
                ssl_version=ssl.PROTOCOL_TLS_SERVER,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals as they are."""
        yield

    def serve_on(self, opened: Sequence[socket.socket]) -> None:
        """Serve on open sockets until told to stop."""
        asyncio.run(self.serve(sockets=list(opened)))


def _bounded(limits: GatewayLimits) -> type[H11Protocol]:
    """Return the HTTP protocol with its bounds."""

    class BoundedHttp(H11Protocol):
        """Drops connections beyond the limit, and those that do not come to the point."""

        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > limits.max_connections:
                transport.abort()
                return
            self._await_request()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete:
                return
            if not self.cycle.more_body:
                self._stop_waiting()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._stop_waiting()
            self._await_request()

        def handle_websocket_upgrade(self, event: Any) -> None:
            self._stop_waiting()
            super().handle_websocket_upgrade(event)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _await_request(self) -> None:
            within_s = limits.request_within_s + limits.keep_alive_s
            self._deadline = self.loop.call_later(within_s, self.transport.abort)

        def _stop_waiting(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return BoundedHttp
