"""The messages of SCST/1 that are one msgpack map, client to server first.

The names w, h, t1, n and so on are those of the protocol. FRAME and SOUND, which have a fixed
header, are in runtime/wire_media.py, the packing of all in runtime/wire.py; import everything from
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from stereocast.runtime.wire_fields import (
    Message,
    blob,
    mapping,
    optional,
    pair,
    part,
    real,
    sequence,
    text,
    truth,
    whole,
)

VERSION = 1
MAX_SEQ = 2**32 - 1
MAX_TIME_NS = 2**63 - 1

_SEQ = whole(0, MAX_SEQ)
_TIME = whole(0, MAX_TIME_NS)
_NAME = text(64)
LONGEST_S = 1e9
"""Of a source, seconds; more would not fit a decoder's clock."""


@dataclass(frozen=True, kw_only=True)
class Hello(Message):
    """A client introduces itself. Empty lists and zeros mean "anything".

    want_audio  whether it takes SOUND, too
    """

    TYPE: ClassVar[bytes] = b"H"
    ver_min: int = field(default=VERSION, metadata=whole(0, 65535))
    ver_max: int = field(default=VERSION, metadata=whole(0, 65535))
    client_id: str = field(metadata=_NAME)
    name: str = field(metadata=_NAME)
    token: str | None = field(default=None, metadata=optional(text(256)))
    codecs: tuple[str, ...] = field(default=(), metadata=sequence(text(32), 16))
    max_w: int = field(default=0, metadata=whole(0, 65535))
    max_h: int = field(default=0, metadata=whole(0, 65535))
    max_fps: float = field(default=0.0, metadata=real(0, 1000))
    layouts: tuple[str, ...] = field(default=(), metadata=sequence(text(32), 16))
    want_audio: bool = field(default=False, metadata=truth())
    credit: int = field(default=2, metadata=whole(0, 65535))


@dataclass(frozen=True, kw_only=True)
class Credit(Message):
    """A client can take n more frames; `age_us` is how old the last one was when it was shown."""

    TYPE: ClassVar[bytes] = b"C"
    n: int = field(metadata=whole(1, 65535))
    last_seq: int | None = field(default=None, metadata=optional(_SEQ))
    age_us: int | None = field(default=None, metadata=optional(_TIME))
    queue: int = field(default=0, metadata=whole(0, 65535))


@dataclass(frozen=True, kw_only=True)
class KeyRequest(Message):
    """A client lost the chain of pictures and waits for a key frame."""

    TYPE: ClassVar[bytes] = b"K"
    reason: str = field(default="", metadata=text(200))
    last_good_seq: int | None = field(default=None, metadata=optional(_SEQ))


@dataclass(frozen=True, kw_only=True)
class Ping(Message):
    """A client asks for the server's clock; t1 is its own at sending."""

    TYPE: ClassVar[bytes] = b"P"
    t1: int = field(metadata=_TIME)


@dataclass(frozen=True, kw_only=True)
class Stats(Message):
    """A client's own measurements: counts per bucket, by name."""

    TYPE: ClassVar[bytes] = b"S"
    histograms: Mapping[str, tuple[int, ...]] = field(metadata=mapping(sequence(_TIME, 512), 16))


@dataclass(frozen=True, kw_only=True)
class Quality(Message):
    """A client wishes another rendition, other eyes or another scene; None leaves it as it is.

    paused  for everybody who watches: a pause, or its end
    seek_s  for everybody who watches: another place, seconds after the source's first picture
    depth   for this client alone: whether its frames bring a DEPTHMAP
    """

    TYPE: ClassVar[bytes] = b"Q"
    scale: float | None = field(default=None, metadata=optional(real(0.01, 1)))
    fps: float | None = field(default=None, metadata=optional(real(0.1, 1000)))
    bitrate: int | None = field(default=None, metadata=optional(whole(1, 10**12)))
    strength: float | None = field(default=None, metadata=optional(real(-1000, 1000)))
    convergence: float | None = field(default=None, metadata=optional(real(-1000, 1000)))
    comfort: float | None = field(default=None, metadata=optional(real(-1000, 1000)))
    balance: float | None = field(default=None, metadata=optional(real(-1000, 1000)))
    paused: bool | None = field(default=None, metadata=optional(truth()))
    seek_s: float | None = field(default=None, metadata=optional(real(0, LONGEST_S)))
    depth: bool | None = field(default=None, metadata=optional(truth()))


@dataclass(frozen=True, kw_only=True)
class Bye(Message):
    """A client leaves."""

    TYPE: ClassVar[bytes] = b"B"


@dataclass(frozen=True, kw_only=True)
class Audio(Message):
    """What sound a stream has: every packet of it comes as SOUND, to those who asked for it."""

    codec: str = field(default="opus", metadata=text(32))
    rate: int = field(default=48_000, metadata=whole(1, 1_000_000))
    channels: int = field(metadata=whole(1, 2))


@dataclass(frozen=True, kw_only=True)
class Stream(Message):
    """What a viewer must know to decode, show and steer the stream; w and h are the packed picture.

    can_seek, duration_s, live  what sort of source it is; None where the server does not say
    controls, ranges            where the eye parameters begin, and how far they go, by name
    audio                       its sound; None: it has none
    """

    codec: str = field(metadata=text(32))
    codec_string: str = field(metadata=text(64))
    w: int = field(metadata=whole(1, 65535))
    h: int = field(metadata=whole(1, 65535))
    layout: str = field(metadata=text(32))
    fps: float = field(metadata=real(0, 1000))
    timebase: tuple[int, int] = field(default=(1, 10**9), metadata=sequence(whole(1, 10**12), 2, 2))
    color: Mapping[str, str] = field(
        default_factory=lambda: {"prim": "bt709", "trc": "bt709", "mat": "bt709", "range": "tv"},
        metadata=mapping(text(32), 8),
    )
    extradata: bytes = field(default=b"", metadata=blob(32768))
    can_seek: bool | None = field(default=None, metadata=optional(truth()))
    duration_s: float | None = field(default=None, metadata=optional(real(0, LONGEST_S)))
    live: bool | None = field(default=None, metadata=optional(truth()))
    controls: Mapping[str, float] | None = field(
        default=None, metadata=optional(mapping(real(-1000, 1000), 16))
    )
    ranges: Mapping[str, tuple[float, float]] | None = field(
        default=None, metadata=optional(mapping(pair(), 16))
    )
    audio: Audio | None = field(default=None, metadata=optional(part(Audio)))

    def to_map(self) -> dict[str, object]:
        """Return the fields as they travel; `audio` always does, as null where there is none."""
        return super().to_map() | {"audio": self.audio and self.audio.to_map()}


@dataclass(frozen=True, kw_only=True)
class Welcome(Stream):
    """The server accepts a client and describes the stream; server_t is its clock at sending."""

    TYPE: ClassVar[bytes] = b"W"
    ver: int = field(default=VERSION, metadata=whole(0, 65535))
    session: str = field(metadata=_NAME)
    server_t: int = field(metadata=_TIME)
    limits: Mapping[str, int] = field(default_factory=dict, metadata=mapping(_TIME, 16))


@dataclass(frozen=True, kw_only=True)
class Reconfig(Welcome):
    """The stream changes: all fields of WELCOME anew, and the next FRAME is a key frame."""

    TYPE: ClassVar[bytes] = b"R"


@dataclass(frozen=True, kw_only=True)
class Pong(Message):
    """The answer to PING: its t1, the server's clock at receipt (t2) and at sending (t3)."""

    TYPE: ClassVar[bytes] = b"P"
    t1: int = field(metadata=_TIME)
    t2: int = field(metadata=_TIME)
    t3: int = field(metadata=_TIME)


@dataclass(frozen=True, kw_only=True)
class Notice(Message):
    """Something a client should know: `level` is info or warning."""

    TYPE: ClassVar[bytes] = b"N"
    level: str = field(metadata=text(16))
    code: str = field(metadata=text(32))
    text: str = field(metadata=text(400))


@dataclass(frozen=True, kw_only=True)
class End(Message):
    """Nothing more will come: code `eos` at the stream's end, any other is a refusal."""

    TYPE: ClassVar[bytes] = b"E"
    code: str = field(metadata=text(32))
    text: str = field(default="", metadata=text(400))
