"""Routes for everything that can show a JPEG: a moving preview, a snapshot, the first frame."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from stereocast.engine.errors import TransportError
from stereocast.runtime.web.first_frame import FirstFrame
from stereocast.runtime.web.limits import GatewayLimits
from stereocast.runtime.web.models import Problem
from stereocast.runtime.web.pictures import FirstView, PreviewView
from stereocast.runtime.web.preview import Preview

BOUNDARY = "frame"
DEFAULT_FPS = 15.0
PATIENCE_S = 3.0
"""How long a first picture may take to come."""
STILL_S = 1.0
"""After so long without a new picture the old one is sent again: the stream may be paused."""

_JPEG: Mapping[int | str, dict[str, Any]] = MappingProxyType({200: {"content": {"image/jpeg": {}}}})
_FAILURES: Mapping[int | str, dict[str, Any]] = MappingProxyType(
    {409: {"model": Problem}, 503: {"model": Problem}}
)


class _MovingResponse(StreamingResponse):
    """An answer without end, which gives back what it holds however it ends."""

    def __init__(self, parts: AsyncIterator[bytes], held: ExitStack) -> None:
        super().__init__(parts, media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await super().__call__(scope, receive, send)


def moving_routes(preview: Preview, painters: Executor, limits: GatewayLimits) -> APIRouter:
    """Return the route of the moving preview."""
    router = APIRouter()
    watchers = 0

    def next_jpeg(
        view: PreviewView, after: int, timeout_s: float
    ) -> asyncio.Future[tuple[int, bytes]]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(painters, preview.next_jpeg, view, after, timeout_s)

    async def parts(view: PreviewView, fps: float, part: bytes, after: int) -> AsyncIterator[bytes]:
        while True:
            sent_s = time.monotonic()
            yield part
            await asyncio.sleep(max(0.0, sent_s + 1 / fps - time.monotonic()))
            try:
                after, data = await next_jpeg(view, after, STILL_S)
                part = _part(data)
            except TransportError:
                continue  # the old one again: it keeps the browser, and shows us when it is gone

    def release() -> None:
        nonlocal watchers
        watchers -= 1

    @router.get(
        "/preview.mjpeg",
        response_class=Response,
        responses={200: {"content": {"multipart/x-mixed-replace": {}}}, **_FAILURES},
    )
    async def moving(
        view: PreviewView = PreviewView.LEFT,
        fps: Annotated[float, Query(ge=0.1, le=60)] = DEFAULT_FPS,
    ) -> Response:
        """Send the newest picture again and again; what a browser is too slow for is left out."""
        nonlocal watchers
        if watchers >= limits.max_previews:
            return JSONResponse({"detail": f"all {limits.max_previews} previews are in use"}, 503)
        watchers += 1
        held = ExitStack()
        held.callback(release)
        held.enter_context(preview.watching())
        try:
            after, data = await next_jpeg(view, -1, PATIENCE_S)
        except BaseException:
            held.close()
            raise
        opening = f"--{BOUNDARY}\r\n".encode() + _part(data)
        return _MovingResponse(parts(view, fps, opening, after), held)

    return router


def still_routes(preview: Preview, first: FirstFrame, painters: Executor) -> APIRouter:
    """Return the routes of single pictures."""
    router = APIRouter()

    @router.get("/snapshot.jpg", response_class=Response, responses={**_JPEG, **_FAILURES})
    async def snapshot(view: PreviewView = PreviewView.LEFT) -> Response:
        """Return the next picture of the stream."""
        loop = asyncio.get_running_loop()
        with preview.watching():
            data = await loop.run_in_executor(painters, _still, preview, view)
        return Response(data, media_type="image/jpeg")

    @router.get("/first-frame", response_class=Response, responses={**_JPEG, **_FAILURES})
    async def first_frame(view: FirstView = FirstView.RGB) -> Response:
        """Return the first picture of the source; `rgb` is the left eye."""
        loop = asyncio.get_running_loop()
        data = await loop.run_in_executor(painters, first.jpeg, view, PATIENCE_S)
        return Response(data, media_type="image/jpeg")

    return router


def _still(preview: Preview, view: PreviewView) -> bytes:
    """Return a picture that is new, or, from a stream that stands still, the newest there is."""
    newest = preview.newest_serial()
    try:
        return preview.next_jpeg(view, newest, STILL_S if newest else PATIENCE_S)[1]
    except TransportError:
        return preview.next_jpeg(view, -1, 0)[1]


def _part(data: bytes) -> bytes:
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    # The boundary that follows at once lets browsers show the picture without waiting for the next.
    return head + data + f"\r\n--{BOUNDARY}\r\n".encode()
