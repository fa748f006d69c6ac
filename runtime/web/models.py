"""What the JSON routes answer, as OpenAPI describes it."""

from __future__ import annotations

import time

from pydantic import BaseModel, Field

from stereocast.runtime.web.board import FrameFacts, Snapshot


class Problem(BaseModel):
    """Why a request was not answered."""

    detail: str


class TokenIn(BaseModel):
    """The one-time token from the address in the terminal."""

    token: str = Field(max_length=128)


class Health(BaseModel):
    """The process is alive, or the stream is there."""

    ok: bool
    detail: str = ""


class AudioOut(BaseModel):
    """The sound of the stream."""

    codec: str
    rate: int
    channels: int


class StreamOut(BaseModel):
    """The stream as the engine describes it."""

    session: str
    codec: str
    codec_string: str
    width: int
    height: int
    layout: str
    fps: float
    can_seek: bool
    duration_s: float | None
    live: bool
    audio: AudioOut | None = Field(description="null where there is no sound")


class ViewerOut(BaseModel):
    """One browser; ages are capture to shown, as it measures them."""

    number: int
    watching_s: float
    frames: int
    fps: float | None
    age_p50_ms: float | None
    age_p95_ms: float | None
    decoder_queue: int | None
    drops: dict[str, int]


class StatusOut(BaseModel):
    """The state of the gateway."""

    version: str
    uptime_s: float
    engine_reachable: bool
    trouble: str
    engine_restarts: int
    clock_error_us: int | None
    degrade_step: int | None = Field(
        description="steps that the engine went down to keep up; null if unknown"
    )
    degraded: str = Field(description="what the engine gives up, in its own words")
    stream: StreamOut | None
    viewers: list[ViewerOut]


class FrameOut(BaseModel):
    """One frame; what the engine does not tell is null."""

    seq: int
    is_keyframe: bool
    bytes: int
    latency_ms: float | None = Field(description="capture to gateway; null if not measurable")
    position_s: float | None
    depth_near: float | None
    depth_far: float | None
    convergence: float | None
    holes_share: float | None
    comfort: float | None


class FramesOut(BaseModel):
    """The newest frames, oldest first."""

    frames: list[FrameOut]


def status_of(shot: Snapshot, version: str) -> StatusOut:
    """Return the answer of /api/status."""
    now_s = time.monotonic()
    stream = shot.stream
    return StatusOut(
        version=version,
        uptime_s=shot.uptime_s,
        engine_reachable=shot.reachable,
        trouble=shot.trouble,
        engine_restarts=shot.restarts,
        clock_error_us=shot.clock_error_us,
        degrade_step=shot.degrade_step,
        degraded=shot.degraded,
        stream=None
        if stream is None
        else StreamOut(
            session=stream.session,
            codec=stream.codec,
            codec_string=stream.codec_string,
            width=stream.w,
            height=stream.h,
            layout=stream.layout,
            fps=stream.fps,
            can_seek=bool(stream.can_seek),
            duration_s=stream.duration_s,
            live=bool(stream.live),
            audio=None
            if stream.audio is None
            else AudioOut(
                codec=stream.audio.codec,
                rate=stream.audio.rate,
                channels=stream.audio.channels,
            ),
        ),
        viewers=[
            ViewerOut(
                number=viewer.number,
                watching_s=now_s - viewer.joined_s,
                frames=viewer.frames,
                fps=viewer.fps,
                age_p50_ms=viewer.age_p50_ms,
                age_p95_ms=viewer.age_p95_ms,
                decoder_queue=viewer.decoder_queue,
                drops=viewer.drops,
            )
            for viewer in shot.viewers
        ],
    )


def frames_of(recent: list[FrameFacts]) -> FramesOut:
    """Return the answer of /api/frames."""
    names = (
        "position_s", "depth_near", "depth_far", "convergence", "holes_share", "comfort",
    )  # fmt: skip
    return FramesOut(
        frames=[
            FrameOut(
                seq=frame.seq,
                is_keyframe=frame.is_keyframe,
                bytes=frame.bytes,
                latency_ms=frame.latency_ms,
                **{name: frame.facts.get(name) for name in names},
            )
            for frame in recent
        ]
    )
