"""Routes that tell how things are: health, metrics, status, frames."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from stereocast.engine.errors import TransportError
from stereocast.runtime.client import StreamClient
from stereocast.runtime.machine import version
from stereocast.runtime.web.board import MAX_RECENT, Board
from stereocast.runtime.web.engine_line import EnginePlace
from stereocast.runtime.web.metrics import CONTENT_TYPE, Metrics
from stereocast.runtime.web.models import (
    FramesOut,
    Health,
    StatusOut,
    frames_of,
    status_of,
)

FRESH_S = 2.0
"""What is known for longer is looked up again."""
LOOK_WITHIN_S = 1.0


def routes(board: Board, metrics: Metrics, place: EnginePlace) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    looking = asyncio.Lock()

    async def look() -> bool:
        """Return whether the engine is there; ask it if nobody has heard of it lately."""
        async with looking:
            if not board.heard_within(FRESH_S):
                await asyncio.to_thread(_knock, place, board)
            return board.heard_within(FRESH_S)

    @router.get("/healthz")
    async def healthz() -> Health:
        """Say that the gateway runs."""
        return Health(ok=True)

    @router.get("/readyz", responses={503: {"model": Health}})
    async def readyz() -> Response:
        """Say whether there is a stream to watch."""
        ready = await look()
        health = Health(ok=ready, detail="" if ready else "no stream")
        return JSONResponse(health.model_dump(), 200 if ready else 503)

    @router.get(
        "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
    )
    async def metrics_text() -> Response:
        """Return all numbers for Prometheus."""
        shot = board.look()
        viewers = shot.viewers
        metrics.degrade_step.set(shot.degrade_step or 0)
        metrics.viewers.set(len(viewers))
        metrics.fps.set(min((v.fps for v in viewers if v.fps is not None), default=0))
        metrics.decoder_queue.set(max((v.decoder_queue or 0 for v in viewers), default=0))
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @router.get("/api/status")
    async def status() -> StatusOut:
        """Describe stream, engine and viewers."""
        await look()
        return status_of(board.look(), version("stereocast"))

    @router.get("/api/frames")
    async def frames(n: Annotated[int, Query(ge=1, le=MAX_RECENT)] = 30) -> FramesOut:
        """Tell of each of the newest frames that went through the gateway."""
        return frames_of(board.recent(n))

    return router


def _knock(place: EnginePlace, board: Board) -> None:
    """Join the stream for a moment, without taking a frame from it."""
    try:
        with StreamClient(
            place.address,
            name="web status",
            credit=0,
            curve=place.curve,
            connect_timeout_s=LOOK_WITHIN_S,
        ) as client:
            board.joined(client.welcome)
    except TransportError as error:
        board.unreachable(str(error))
