"""What the address of a live source means: which demuxer, which options, what may be opened."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from stereocast.engine.errors import ConfigError, SourceError

NETWORK_SCHEMES = ("rtsp", "rtsps", "http", "https", "udp", "tcp", "rtmp")
SCHEMES = ("screen", "camera", "zmq", "web", *NETWORK_SCHEMES)
SUPPORTED = (
    "screen:, camera:, rtsp://, http(s)://, udp://, tcp://, rtmp:// (HLS, MPEG-TS and so on), "
    "zmq:ADDRESS, web:URL of a page with a video"
)

_WEB_PROTOCOLS = "http,https,tcp,tls,crypto,httpproxy"
_PROTOCOLS: Mapping[str, str] = {
    "rtsp": "rtsp,rtp,udp,tcp,tls,crypto",
    "rtsps": "rtsps,rtsp,rtp,udp,tcp,tls,crypto",
    "http": _WEB_PROTOCOLS,
    "https": _WEB_PROTOCOLS,
    "udp": "udp",
    "tcp": "tcp",
    "rtmp": "rtmp,tcp",
}
_REGION = re.compile(r"(\d{2,5})x(\d{2,5})(?:\+(\d{1,5})\+(\d{1,5}))?")
_SIZE = re.compile(r"\d{2,5}x\d{2,5}")
_RATE = re.compile(r"\d{1,3}(\.\d{1,3})?")
_WORD = re.compile(r"[a-z0-9_]{1,16}")
_WINDOW = re.compile(r"0x[0-9A-Fa-f]{1,8}|\d{1,10}")


@dataclass(frozen=True)
class SourceConfig:
    """How live sources are read."""

    open_s: float = 10.0
    """How long a source may take to deliver its first picture."""
    stall_s: float = 5.0
    """Silence after which its reader is ended and started anew."""
    gap_s: float = 1.0
    """A gap longer than this is a new scene: what was remembered is forgotten."""
    rtsp_transport: str = "tcp"
    """`tcp`, which loses nothing, or `udp`, which never waits."""

    def __post_init__(self) -> None:
        for name in ("open_s", "stall_s", "gap_s"):
            if not 0.1 <= getattr(self, name) <= 3600:
                raise ConfigError(
                    f"source.{name} must be in [0.1, 3600], got {getattr(self, name)}"
                )
        if self.rtsp_transport not in ("tcp", "udp"):
            raise ConfigError(
                f"source.rtsp_transport: '{self.rtsp_transport}' is not one of tcp, udp"
            )


@dataclass(frozen=True)
class Recipe:
    """What a reader process opens.

    kind     `av`: FFmpeg opens `url`; `zmq`: pictures are pushed to it; `web`: yt-dlp finds it
    shown    the address as people may see it, without passwords
    format   FFmpeg's name of the demuxer; empty: it finds out
    ends     the end of the data is the end of the source, not a loss
    """

    kind: str
    shown: str
    url: str
    format: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    ends: bool = False

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Recipe:
        """Read what `to_json` wrote."""
        values: dict[str, Any] = json.loads(line)
        return cls(**values)


def read_address(address: str, config: SourceConfig) -> Recipe:
    """Return what to open for `address`; raise SourceError in one line for what makes no sense."""
    scheme = address.partition(":")[0].lower()
    if scheme == "screen":
        return _screen(address)
    if scheme == "camera":
        return _camera(address)
    if scheme == "zmq":
        return Recipe("zmq", address, address.partition(":")[2])
    if scheme == "web":
        url = address.partition(":")[2]
        if urlsplit(url).scheme not in ("http", "https"):
            raise SourceError(f"{address}: write web:https://…, the address of a page with a video")
        return Recipe("web", f"web:{without_password(url)}", url)
    return network(address, config)


def network(url: str, config: SourceConfig) -> Recipe:
    """Return how to open a stream from the network."""
    scheme = url.partition(":")[0].lower()
    if scheme not in NETWORK_SCHEMES or not url.partition("://")[2]:
        raise SourceError(f"{without_password(url)}: not an address; supported: {SUPPORTED}")
    options = {
        "protocol_whitelist": _PROTOCOLS[scheme],
        "fflags": "nobuffer",
        "max_delay": "100000",
        "probesize": "1000000",
        "analyzeduration": "1000000",
    }
    if scheme.startswith("rtsp"):
        options |= {"rtsp_transport": config.rtsp_transport, "reorder_queue_size": "0"}
    if scheme == "udp":
        # FFmpeg's own thread empties the socket; without it a pause of the reader loses packets.
        options |= {"fifo_size": "4096", "overrun_nonfatal": "1"}
    if scheme == "rtmp":
        options |= {"rtmp_live": "live"}
    return Recipe("av", without_password(url), url, options=options)


def without_password(url: str) -> str:
    """Return a URL as it may be printed: the password, and all that a query may hide, left out."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = parts.username
    query = "…" if parts.query else ""
    return urlunsplit((parts.scheme, f"{user}:…@{host}" if user else host, parts.path, query, ""))


def _screen(address: str) -> Recipe:
    place, options = _split(address, "screen", ("region", "window", "fps", "cursor"))
    chosen = {"framerate": _checked(address, "fps", options.get("fps", "30"), _RATE)}
    if "region" in options:
        match = _REGION.fullmatch(options["region"])
        if match is None:
            raise SourceError(f"{address}: region is WIDTHxHEIGHT+LEFT+TOP, as in 1280x720+0+0")
        chosen["video_size"] = f"{match[1]}x{match[2]}"
        chosen |= {"grab_x": match[3] or "0", "grab_y": match[4] or "0"}
    if "window" in options:
        number = _checked(address, "window", options["window"], _WINDOW)
        chosen["window_id"] = str(int(number, 0))
    if "cursor" in options:
        if options["cursor"] not in ("0", "1"):
            raise SourceError(f"{address}: cursor is 0 or 1, got '{options['cursor']}'")
        chosen["draw_mouse"] = options["cursor"]
    return Recipe("av", address, place, "x11grab", chosen)


def _camera(address: str) -> Recipe:
    place, options = _split(address, "camera", ("size", "fps", "format"))
    chosen = {}
    if "size" in options:
        chosen["video_size"] = _checked(address, "size", options["size"], _SIZE)
    if "fps" in options:
        chosen["framerate"] = _checked(address, "fps", options["fps"], _RATE)
    if "format" in options:
        chosen["input_format"] = _checked(address, "format", options["format"], _WORD)
    return Recipe("av", address, place or "/dev/video0", "v4l2", chosen)


def _split(address: str, scheme: str, known: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return the place and the options of `scheme:PLACE?key=value&…`."""
    place, _, query = address.partition(":")[2].partition("?")
    # A plus in a region is a plus, not a blank.
    options = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    for key in options:
        if key not in known:
            raise SourceError(
                f"{address}: {scheme}: has no option '{key}'; it has {', '.join(known)}"
            )
    return place, options


def _checked(address: str, key: str, value: str, form: re.Pattern[str]) -> str:
    if not form.fullmatch(value):
        raise SourceError(f"{address}: {key}={value} is not understood")
    return value
