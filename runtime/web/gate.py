"""The gate before the application: refuses what access.py objects to, limits bodies, adds headers.

An ASGI layer, so that no route can forget it. It streams: nothing is kept back.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stereocast.runtime.web.access import Access

SECURITY_HEADERS: Mapping[str, str] = MappingProxyType({
    "content-security-policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "permissions-policy": (
        "xr-spatial-tracking=(self), fullscreen=(self), camera=(), microphone=(), geolocation=()"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
})  # fmt: skip
"""On every answer; isolation also gives the page's clock its full resolution."""

OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/api/session", "/favicon.ico"})
"""Served without a session: they tell no more than that a gateway is here."""
OPEN_FOLDER = "/static/"


class Gate:
    """Lets through what may pass, and nothing else."""

    def __init__(self, app: ASGIApp, *, access: Access, max_body_bytes: int) -> None:
        self._app = app
        self._access = access
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application, or answer it with the reason why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        status, reason = self._judge(scope, headers)
        if scope["type"] == "websocket":
            await self._websocket(status, scope, receive, send)
            return
        guarded = _adding_headers(send)
        if reason:
            answer = JSONResponse({"detail": reason}, status)
            await answer(scope, receive, guarded)
            return
        await self._app(scope, _limited(receive, self._max_body_bytes), guarded)

    def _judge(self, scope: Scope, headers: Headers) -> tuple[int, str]:
        """Return the status code and reason of a refusal; the reason is empty if there is none."""
        hosts = headers.getlist("host")
        reason = self._access.refusal(
            hosts[0] if len(hosts) == 1 else "",
            headers.get("origin"),
            headers.get("sec-fetch-site", ""),
            headers.get("sec-fetch-mode", ""),
        )
        if reason:
            return 403, reason
        path = scope["path"]
        is_open = path in OPEN_PATHS or path.startswith(OPEN_FOLDER)
        if not is_open and not self._access.is_session(headers.get("cookie", ""), time.time()):
            return 401, "no session; open the link that the terminal shows"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._max_body_bytes:
            return 413, f"a request's body may have {self._max_body_bytes} bytes"
        return 200, ""

    async def _websocket(self, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse strangers in the handshake; tell a page without a session why it cannot watch."""
        if status == 401:
            await receive()
            await send({"type": "websocket.accept"})
            reason = "no session; open the link that the terminal shows"
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        elif status != 200:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)


def _adding_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded


def _limited(receive: Receive, max_bytes: int) -> Receive:
    """Cut a body that grows beyond the limit although its head did not say so."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > max_bytes:
                return {"type": "http.disconnect"}
        return message

    return limited
