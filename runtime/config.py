"""Settings from TOML files and `--set room.key=value`, checked against frozen dataclasses.

The schema is the dataclasses themselves: unknown keys, wrong types and impossible values are
ConfigErrors that name the place and the remedy. No environment variables.
"""

from __future__ import annotations

import difflib
import math
import tomllib
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from stereocast.engine.errors import ConfigError
from stereocast.engine.packing import FormatsConfig
from stereocast.engine.refine.config import RefineConfig
from stereocast.engine.scene import SceneConfig
from stereocast.engine.session import DepthConfig, EngineConfig
from stereocast.engine.stereo import StereoConfig
from stereocast.runtime.encode.jpeg import JpegConfig
from stereocast.runtime.encode.nvenc import NvencConfig
from stereocast.runtime.encode.probe import GPU_LADDER
from stereocast.runtime.encode.x264 import X264Config
from stereocast.runtime.sink.depth import DepthFileConfig
from stereocast.runtime.sink.file import FileConfig
from stereocast.runtime.source.live.recipe import SourceConfig
from stereocast.runtime.threads import ThreadsConfig

T = TypeVar("T")

_WORDS = {float: "a finite number", int: "a whole number", str: "a text", bool: "true or false"}
"""The kinds that a setting may have, as a person says them."""


@dataclass(frozen=True)
class LiveConfig:
    """How a live stream is made and offered."""

    codec: str = "auto"
    """`auto` takes the first that really encodes here of `x264`, `mjpeg`, or on a GPU of `nvenc`,
    `nvenc-host` before them; or one of these, or `nvjpeg`."""
    max_viewers: int = 8
    """Viewers served at once; more are turned away with a message."""
    min_keyframe_ms: int = 500
    """Least time between key frames asked for by viewers."""
    degrade: str = "keep-size"
    """What may be given up to keep up with a live source: `all`, `keep-size`, or `off`."""
    sound: bool = True
    """Bring the source's sound to viewers that ask for it."""

    def __post_init__(self) -> None:
        if self.degrade not in ("all", "keep-size", "off"):
            raise ConfigError(
                f"live.degrade: '{self.degrade}' is not one of 'all', 'keep-size', 'off'"
            )
        known = ("auto", *GPU_LADDER)
        if self.codec not in known:
            names = ", ".join(f"'{name}'" for name in known)
            raise ConfigError(f"live.codec: '{self.codec}' is not one of {names}")
        if self.max_viewers < 1 or self.min_keyframe_ms < 0:
            raise ConfigError(
                f"live.max_viewers must be >= 1 and live.min_keyframe_ms >= 0, "
                f"got {self.max_viewers} and {self.min_keyframe_ms}"
            )


DECODERS = ("cpu", "nvdec", "nvdec-ffmpeg", "auto")


@dataclass(frozen=True)
class DeviceConfig:
    """Where the engine works."""

    name: str = "cpu"
    """`cpu`; `cuda`: an NVIDIA GPU, one CUDA graph per frame; `auto`: that, or else the CPU."""
    index: int = 0
    """Number of the GPU."""
    decode: str = "cpu"
    """What decodes files: `cpu`; `nvdec`: the GPU's own decoder, `nvdec-ffmpeg`: that through
    FFmpeg; `auto`: the first of these two that decodes the file's first picture. Else the CPU."""

    def __post_init__(self) -> None:
        if self.decode not in DECODERS:
            wanted = ", ".join(f"'{name}'" for name in DECODERS)
            raise ConfigError(f"device.decode: '{self.decode}' is not one of {wanted}")
        if self.name not in ("cpu", "cuda", "auto"):
            raise ConfigError(f"device.name: '{self.name}' is not one of 'cpu', 'cuda', 'auto'")
        if self.index < 0:
            raise ConfigError(f"device.index must be >= 0, got {self.index}")


@dataclass(frozen=True)
class Config:
    """Every setting, room by room; each table of a TOML file is one field.

    The engine alone guesses depth (`prior`); who has the runtime, has the built-in network.
    """

    scene: SceneConfig = field(default_factory=SceneConfig)
    depth: DepthConfig = field(default_factory=lambda: DepthConfig(model="tiny"))
    refine: RefineConfig = field(default_factory=RefineConfig)
    stereo: StereoConfig = field(default_factory=StereoConfig)
    formats: FormatsConfig = field(default_factory=FormatsConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)
    threads: ThreadsConfig = field(default_factory=ThreadsConfig)
    source: SourceConfig = field(default_factory=SourceConfig)
    live: LiveConfig = field(default_factory=LiveConfig)
    x264: X264Config = field(default_factory=X264Config)
    jpeg: JpegConfig = field(default_factory=JpegConfig)
    nvenc: NvencConfig = field(default_factory=NvencConfig)
    file: FileConfig = field(default_factory=FileConfig)
    depth_file: DepthFileConfig = field(default_factory=DepthFileConfig)

    def engine(self) -> EngineConfig:
        """Return the part that the engine reads."""
        return EngineConfig(self.scene, self.depth, self.refine, self.stereo, self.formats)


def load(path: Path | None = None, settings: Sequence[str] = ()) -> Config:
    """Return the defaults, overridden by the TOML file at `path` and then by `settings`.

    path      a file, or the name of a shipped profile ("cpu"); None: defaults only
    settings  "room.key=value" each; values are read as TOML, bare words as strings

    Raises ConfigError for anything that does not fit, naming the file or setting.
    """
    tables: dict[str, Any] = {} if path is None else _read(path)
    config = build(Config, tables, "" if path is None else path.name)
    for setting in settings:  # one after the other, so that a mistake is its own setting's
        _override(tables, setting)
        config = build(Config, tables, f"--set {setting}")
    return config


def _read(path: Path) -> dict[str, Any]:
    file = _find(path)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not a TOML file, nor any other text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from None


def _find(path: Path) -> Path:
    shipped = Path(__file__).resolve().parent.parent / "configs" / f"{path}.toml"
    if path.is_file():
        return path
    if shipped.is_file() and path.name == str(path):
        return shipped
    names = ", ".join(sorted(file.stem for file in shipped.parent.glob("*.toml")))
    raise ConfigError(f"{path}: no such configuration file or profile (profiles: {names})")


def _override(tables: dict[str, Any], setting: str) -> None:
    name, equals, text = setting.partition("=")
    room, dot, key = name.strip().partition(".")
    if not (equals and dot and room and key):
        raise ConfigError(f"--set {setting}: expected room.key=value, as in stereo.strength=3")
    try:
        document = tomllib.loads(f"value = {text.strip()}")
    except tomllib.TOMLDecodeError:
        document = {}
    # A text with line breaks could smuggle in more than one value; then it is just a text.
    value = document["value"] if document.keys() == {"value"} else text.strip()
    tables.setdefault(room, {})[key.strip()] = value


def build(
    schema: type[T], values: Mapping[str, Any], origin: str, path: str = "", base: T | None = None
) -> T:
    """Return `schema` filled from `values`; raise ConfigError with `origin` where they differ.

    base  has what `values` leave out; None: the defaults of `schema`
    """
    hints = get_type_hints(schema)
    known = {entry.name: hints[entry.name] for entry in fields(schema)}  # type: ignore[arg-type]
    first = _first_values(schema) if base is None else {}
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        where = f"{path}.{key}" if path else key
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            meant = f"{path}.{close[0]}" if path and close else "".join(close)
            hint = f"Did you mean '{meant}'?" if close else f"Known: {', '.join(known)}."
            raise ConfigError(f"{origin}: unknown key '{where}'. {hint}")
        arguments[key] = _convert(known[key], value, origin, where, first.get(key))
    try:
        return schema(**arguments) if base is None else replace(base, **arguments)  # type: ignore[type-var]
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error}") from None


def _first_values(schema: Any) -> dict[str, Any]:
    """Return what the fields of a dataclass that are made anew begin with."""
    makers = {entry.name: entry.default_factory for entry in fields(schema)}
    return {name: make() for name, make in makers.items() if make is not MISSING}


def _convert(kind: Any, value: Any, origin: str, where: str, base: Any = None) -> Any:
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise ConfigError(f"{origin}: '{where}' is a table, got {value!r}")
        return build(kind, value, origin, where, base)  # type: ignore[arg-type]
    if isinstance(kind, types.UnionType):
        return _convert_to_one(get_args(kind), value, origin, where)
    if kind is float and type(value) is int and abs(value) < 2**53:
        return float(value)
    if type(value) is kind and not (kind is float and not math.isfinite(value)):
        return value
    raise ConfigError(f"{origin}: '{where}' must be {_WORDS[kind]}, got {value!r}")


def _convert_to_one(kinds: tuple[Any, ...], value: Any, origin: str, where: str) -> Any:
    """Return `value` as the first of `kinds` that it fits."""
    for kind in kinds:
        try:
            return _convert(kind, value, origin, where)
        except ConfigError:
            continue
    words = " or ".join(_WORDS[kind] for kind in kinds)
    raise ConfigError(f"{origin}: '{where}' must be {words}, got {value!r}")
