"""The gateway's routes, put together from its parts. How it is served is runtime/web/server.py."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from starlette.requests import Request
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from stereocast.engine.errors import ConfigError, TransportError
from stereocast.runtime.machine import version
from stereocast.runtime.web import preview_routes, state_routes
from stereocast.runtime.web.access import COOKIE, SESSION_S, Access, OneTimeToken
from stereocast.runtime.web.board import Board
from stereocast.runtime.web.engine_line import EnginePlace
from stereocast.runtime.web.first_frame import FirstFrame
from stereocast.runtime.web.gate import Gate
from stereocast.runtime.web.limits import GatewayLimits
from stereocast.runtime.web.metrics import Metrics
from stereocast.runtime.web.models import Problem, TokenIn
from stereocast.runtime.web.page import INDEX, page_folder, read_page
from stereocast.runtime.web.preview import Preview
from stereocast.runtime.web.viewer_socket import House, serve_viewer

TICK_S = 0.5
KEEP = "private, max-age=31536000, immutable"


@dataclass(frozen=True)
class GatewayOptions:
    """What a gateway is made for.

    on_redeemed  called when a token was used and another one took its place
    page         the folder of the page, if not the package's
    """

    place: EnginePlace
    access: Access
    token: OneTimeToken | None = None
    on_redeemed: Callable[[OneTimeToken], None] = lambda _: None
    limits: GatewayLimits = field(default_factory=GatewayLimits)
    page: Traversable | None = None


def build(options: GatewayOptions) -> ASGIApp:
    """Return the application, gate included."""
    board, metrics = Board(), Metrics()
    house = House(options.place, options.limits, board, metrics)
    preview, first = Preview(options.place, board), FirstFrame(options.place, board)
    painters = ThreadPoolExecutor(options.limits.max_previews + 4, "preview")

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        first.fetch()
        ticking = asyncio.create_task(_tick(preview, first))
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            await asyncio.to_thread(preview.close)
            await asyncio.to_thread(first.close)
            painters.shutdown(wait=False, cancel_futures=True)

    # The interactive documentation would load scripts from elsewhere.
    app = FastAPI(
        title="stereocast gateway", version=version("stereocast"), lifespan=life,
        docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.add_exception_handler(TransportError, _unavailable)
    app.add_exception_handler(ConfigError, _conflict)
    app.include_router(state_routes.routes(board, metrics, options.place))
    app.include_router(preview_routes.moving_routes(preview, painters, options.limits))
    app.include_router(preview_routes.still_routes(preview, first, painters))
    _add_session(app, options)
    _add_page(app, options.page or page_folder())

    @app.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        await serve_viewer(socket, house)

    return Gate(app, access=options.access, max_body_bytes=options.limits.max_body_bytes)


def _add_session(app: FastAPI, options: GatewayOptions) -> None:
    @app.post(
        "/api/session",
        status_code=204,
        response_class=Response,
        responses={204: {"description": "a cookie"}, 403: {"model": Problem}},
    )
    async def session(body: TokenIn) -> Response:
        """Exchange the token of the terminal's address for a session cookie."""
        sessions, token = options.access.sessions, options.token
        if sessions is None or token is None:
            return Response(status_code=204)  # on loopback nobody needs one
        if not token.redeem(body.token):
            return JSONResponse({"detail": "this link was used already, or is wrong"}, 403)
        options.on_redeemed(token)
        answer = Response(status_code=204)
        answer.set_cookie(
            COOKIE, sessions.issue(time.time()), max_age=SESSION_S, path="/",
            secure=True, httponly=True, samesite="strict",
        )  # fmt: skip
        return answer


def _add_page(app: FastAPI, folder: Traversable) -> None:
    page = read_page(folder)

    def answer(name: str, tag: str | None, request: Request) -> Response:
        file = page.files.get(name)
        if file is None or tag not in (None, page.tag):
            return JSONResponse({"detail": "no such file"}, 404)
        # Under the tag a name means the same for ever; without it, it has to be asked for anew.
        headers = {"etag": file.etag, "cache-control": KEEP if tag else "no-cache"}
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers=headers)
        return Response(file.data, media_type=file.media_type, headers=headers)

    async def index(request: Request) -> Response:
        return answer(INDEX, None, request)

    async def static(request: Request) -> Response:
        return answer(request.path_params["name"], request.path_params.get("tag"), request)

    # Plain routes: a visit asks for all of them at once, and nothing in them is to be validated.
    app.add_route("/", index, include_in_schema=False)
    app.add_route("/static/{name}", static, include_in_schema=False)
    app.add_route("/static/{tag}/{name}", static, include_in_schema=False)


async def _tick(preview: Preview, first: FirstFrame) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        preview.tick()
        first.fetch_anew()


async def _unavailable(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 503, headers={"retry-after": "1"})


async def _conflict(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 409)
