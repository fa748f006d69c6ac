"""What a browser and the gateway say to each other in JSON: parsed and checked, or composed.

The binary messages are composed here, too. Who says what when is runtime/web/viewer_socket.py.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from stereocast.engine.errors import TransportError
from stereocast.runtime import wire
from stereocast.runtime.clock import ClockEstimate
from stereocast.runtime.web.limits import MAX_CREDIT

SUBPROTOCOL = "scst.1"
DEPTH_HEADER = struct.Struct("<4sIHHI")
DEPTH_MAGIC = b"SCDP"

_Seq = Annotated[int, Field(ge=0, le=wire.MAX_SEQ)]
_Count = Annotated[int, Field(ge=0, le=2**53)]
_Milliseconds = Annotated[float, Field(ge=0, le=1e9)]
_Wish = Annotated[float | None, Field(ge=-1000, le=1000)]


class _FromBrowser(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False, extra="ignore")


class Credit(_FromBrowser):
    """It can take n more frames; age_us is how old the last one was when it was shown."""

    t: Literal["credit"]
    n: int = Field(ge=1, le=MAX_CREDIT)
    last_seq: _Seq | None = None
    age_us: _Count | None = None
    queue: int = Field(default=0, ge=0, le=65535)


class Key(_FromBrowser):
    """It lost the chain of pictures."""

    t: Literal["key"]
    reason: str = Field(default="", max_length=200)
    last_good_seq: _Seq | None = None


class Ping(_FromBrowser):
    """It asks for the engine's clock; t1 is its own, milliseconds."""

    t: Literal["ping"]
    t1: float


class Quality(_FromBrowser):
    """It wishes other eyes."""

    t: Literal["quality"]
    strength: _Wish = None
    convergence: _Wish = None
    comfort: _Wish = None
    balance: _Wish = None


class Playback(_FromBrowser):
    """It wishes a pause, or another place."""

    t: Literal["playback"]
    paused: bool | None = None
    seek_s: float | None = Field(default=None, ge=0, le=1e9)


class Depth(_FromBrowser):
    """Whether it wants depth maps."""

    t: Literal["depth"]
    on: bool


class Sound(_FromBrowser):
    """Whether it wants sound."""

    t: Literal["sound"]
    on: bool


class Stats(_FromBrowser):
    """Its own measurements; drops are totals by cause."""

    t: Literal["stats"]
    fps: float | None = Field(default=None, ge=0, le=1000)
    age_p50_ms: _Milliseconds | None = None
    age_p95_ms: _Milliseconds | None = None
    decoder_queue: int | None = Field(default=None, ge=0, le=65535)
    drops: dict[Annotated[str, Field(max_length=32)], _Count] = Field(
        default_factory=dict, max_length=16
    )


BrowserMessage = Credit | Key | Ping | Quality | Playback | Depth | Sound | Stats
_BROWSER: TypeAdapter[BrowserMessage] = TypeAdapter(
    Annotated[BrowserMessage, Field(discriminator="t")]
)


def parse_browser(text: str) -> BrowserMessage:
    """Read what a browser sent; raise TransportError with one line if it breaks the rules."""
    try:
        return _BROWSER.validate_json(text)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "message"
        raise TransportError(f"{place}: {first['msg']}") from None


def welcome(stream: wire.Welcome, kind: str) -> str:
    """Describe the stream; kind is `welcome` or `reconfig`."""
    return _compact({
        "t": kind,
        "session": stream.session,
        "codec": stream.codec,
        "codec_string": stream.codec_string,
        "w": stream.w,
        "h": stream.h,
        "layout": stream.layout,
        "fps": stream.fps,
        "color": dict(stream.color),
        "extradata": base64.b64encode(stream.extradata).decode(),
        "can_seek": bool(stream.can_seek),
        "duration_s": stream.duration_s,
        "live": bool(stream.live),
        "controls": dict(stream.controls or {}),
        "ranges": {name: list(pair) for name, pair in (stream.ranges or {}).items()},
        "audio": stream.audio and stream.audio.to_map(),
    })  # fmt: skip


def info(frame: wire.FrameMessage, clock: ClockEstimate | None) -> str:
    """Say what is known of the frame that follows at once."""
    return _compact({
        "t": "info",
        "seq": frame.seq,
        "age_clock_err_us": None if clock is None else clock.error_ns // 1000,
        "stamps": {name: str(moment_ns) for name, moment_ns in frame.stamps.items()},
        "facts": dict(frame.facts),
    })  # fmt: skip


def pong(ping: Ping, t2_ns: int, t3_ns: int, clock: ClockEstimate) -> str:
    """Answer a ping; t2_ns and t3_ns are this machine's clock, what is said the engine's."""
    return _compact({
        "t": "pong",
        "t1": ping.t1,
        "t2_ns": str(t2_ns + clock.offset_ns),
        "t3_ns": str(t3_ns + clock.offset_ns),
        "err_us": -(-clock.error_ns // 1000),
    })  # fmt: skip


def notice(level: str, code: str, text: str) -> str:
    """Tell the viewer something."""
    return _compact({"t": "notice", "level": level, "code": code, "text": text})


def end(code: str, text: str, *, again: bool) -> str:
    """Say that nothing more comes; again tells whether trying anew may help."""
    return _compact({"t": "end", "code": code, "text": text, "again": again})


def frame_bytes(frame: wire.FrameMessage) -> bytes:
    """Return a frame as it came from the engine: header and payload."""
    return frame.header + frame.payload


def sound_bytes(sound: wire.SoundMessage) -> bytes:
    """Return a packet of sound as it came from the engine, behind the letter that tells its kind.

    Its header has the magic of a frame's; so a browser gets the type of the message, too.
    """
    return sound.TYPE + sound.header + sound.payload


def depth_bytes(frame: wire.FrameMessage) -> bytes | None:
    """Return the depth map that came with a frame, None if there was none."""
    if frame.depth is None:
        return None
    depth = frame.depth
    return DEPTH_HEADER.pack(DEPTH_MAGIC, frame.seq, depth.w, depth.h, 0) + depth.data


def _compact(message: dict[str, object]) -> str:
    return json.dumps(message, separators=(",", ":"), allow_nan=False)
