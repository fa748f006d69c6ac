"""Which live encoder to use: each is tried by really coding one small picture. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from stereocast.engine.errors import ConfigError, EncodeError
from stereocast.engine.layout import Layout
from stereocast.runtime.encode.jpeg import JpegConfig, JpegEncoder
from stereocast.runtime.encode.nvenc import NvencConfig, NvencEncoder, NvencHostEncoder
from stereocast.runtime.encode.nvjpeg import NvjpegEncoder
from stereocast.runtime.encode.x264 import X264Config, X264Encoder

LADDER = ("x264", "mjpeg")
"""Names of the encoders for pictures of the CPU, best first."""

GPU_LADDER = ("nvenc", "nvenc-host", "x264", "nvjpeg", "mjpeg")
"""The same for pictures of a GPU: all but `nvenc` and `nvjpeg` bring them to the host first."""

_PROBE_HEIGHT, _PROBE_WIDTH = 144, 256  # NVENC takes nothing much smaller


@dataclass(frozen=True)
class EncoderSettings:
    """One room for the settings of every encoder, whichever is chosen."""

    x264: X264Config = field(default_factory=X264Config)
    mjpeg: JpegConfig = field(default_factory=JpegConfig)
    threads: int = 1
    layout: Layout = Layout.FULL_SBS
    nvenc: NvencConfig = field(default_factory=NvencConfig)


@dataclass(frozen=True)
class ProbeResult:
    """What trying one encoder showed.

    detail  its settings in words when it works, the reason when it does not
    """

    name: str
    works: bool
    detail: str


LiveEncoder = X264Encoder | JpegEncoder | NvencEncoder | NvencHostEncoder | NvjpegEncoder


@dataclass(frozen=True)
class EncoderChoice:
    """The chosen encoder and why better ones were not.

    refused  results of those tried before it, to be said aloud
    """

    name: str
    encoder: LiveEncoder
    refused: tuple[ProbeResult, ...]


def choose_encoder(
    names: Sequence[str], *, width: int, height: int, fps: float, settings: EncoderSettings
) -> EncoderChoice:
    """Build the first encoder of `names` that really works at this size.

    Raises ConfigError for an unknown name, EncodeError with every reason when none works.
    """
    for name in names:
        _check(name)
    refused: list[ProbeResult] = []
    for name in names:
        result = probe(name, settings)
        if result.works:
            try:
                encoder = _build(name, settings, width=width, height=height, fps=fps)
            except EncodeError as error:
                result = ProbeResult(name, False, str(error))
            else:
                return EncoderChoice(name, encoder, tuple(refused))
        refused.append(result)
    reasons = "; ".join(result.detail for result in refused) or "no encoder was named"
    raise EncodeError(f"no encoder for {width}×{height} at {fps:g} fps: {reasons}")


def describe(settings: EncoderSettings | None = None) -> list[ProbeResult]:
    """Try every encoder there is, best first."""
    return [probe(name, settings or EncoderSettings()) for name in GPU_LADDER]


def probe(name: str, settings: EncoderSettings) -> ProbeResult:
    """Code one small grey picture with the named encoder and say what happened.

    Raises ConfigError for an unknown name.
    """
    _check(name)
    grey = np.full((_PROBE_HEIGHT * 3 // 2, _PROBE_WIDTH), 128, np.uint8)
    try:
        encoder = _build(
            name, settings, width=_PROBE_WIDTH, height=_PROBE_HEIGHT, fps=30.0, on_host=True
        )
        try:
            packet = encoder.encode_surface(grey, pts_ns=0, keyframe=True)
        finally:
            encoder.close()
    except EncodeError as error:
        return ProbeResult(name, False, str(error))
    if not packet.data or not packet.is_keyframe:
        return ProbeResult(name, False, f"{name}: the first picture is not a key picture")
    return ProbeResult(name, True, encoder.description)


def _check(name: str) -> None:
    if name not in GPU_LADDER:
        raise ConfigError(f"encoder: {name!r} is not one of {', '.join(GPU_LADDER)}.")


def _build(
    name: str, settings: EncoderSettings, *, width: int, height: int, fps: float,
    on_host: bool = False,
) -> LiveEncoder:  # fmt: skip
    threads = settings.threads
    if name == "nvenc":
        return NvencEncoder(settings.nvenc, width=width, height=height, fps=fps, on_host=on_host)
    if name == "nvenc-host":
        return NvencHostEncoder(settings.nvenc, width=width, height=height, fps=fps)
    if name == "nvjpeg":
        return NvjpegEncoder(settings.mjpeg, width=width, height=height, fps=fps)
    if name == "x264":
        return X264Encoder(
            settings.x264, width=width, height=height, fps=fps, threads=threads,
            layout=settings.layout,
        )  # fmt: skip
    return JpegEncoder(settings.mjpeg, width=width, height=height, fps=fps, threads=threads)
