"""Tiny video files made at run time, odd ones included. Every function returns the path it wrote.

    path = clips.write(tmp_path / "a.mp4", Clip(count=10, rate=25))      an ordinary clip
    path = clips.with_audio(tmp_path / "b.mkv")                          and so on, see below

The pictures are deterministic: `picture(i, height, width)` is the i-th one before coding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Clip:
    """What to write; colour numbers are those of ITU-T H.273 as FFmpeg uses them."""

    height: int = 48
    width: int = 64
    count: int = 12
    rate: int = 25
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    options: tuple[tuple[str, str], ...] = (("crf", "10"), ("preset", "ultrafast"))
    pts_ms: tuple[int, ...] | None = None
    """Times of the pictures; None: a constant rate."""
    rotation: int = 0
    """Degrees counter-clockwise that make the picture upright (MP4, MOV)."""
    pixel_aspect: Fraction | None = None
    matrix: int = 2
    color_range: int = 0
    transfer: int = 2
    primaries: int = 2


LOSSLESS = Clip(codec="ffv1", options=())
"""For .mkv: decodes to exactly the samples that were coded."""


def picture(index: int, height: int, width: int) -> Pixels:
    """Return RGB [H, W, 3]: a colour gradient with a bright box that moves 3 px a picture."""
    rows, columns = np.mgrid[0:height, 0:width]
    image = np.empty((height, width, 3), np.uint8)
    image[..., 0] = 40 + 120 * columns // max(1, width - 1)
    image[..., 1] = 40 + 120 * rows // max(1, height - 1)
    image[..., 2] = 90
    left = 3 * index % max(1, width - width // 4)
    image[height // 4 : height // 2, left : left + width // 4] = (250, 230, 60)
    return image


def rgb_frames(clip: Clip) -> Iterator[av.VideoFrame]:
    """Yield the pictures of a clip in its pixel format, without times."""
    for index in range(clip.count):
        image = picture(index, clip.height, clip.width)
        yield av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=clip.pix_fmt)


def write(
    path: Path,
    clip: Clip,
    *,
    frames: list[av.VideoFrame] | None = None,
    muxer: dict[str, str] | None = None,
    audio_s: float = 0.0,
) -> Path:
    """Write a clip; `frames` replaces its pictures (their count may differ)."""
    with av.open(path, "w", options=muxer or {}) as container:
        stream = container.add_stream(clip.codec, rate=clip.rate)
        context = stream.codec_context
        context.width, context.height = clip.width, clip.height
        context.pix_fmt = clip.pix_fmt
        context.options = dict(clip.options)
        context.colorspace, context.color_range = clip.matrix, clip.color_range
        context.color_trc, context.color_primaries = clip.transfer, clip.primaries
        if clip.pts_ms is not None:
            context.time_base = Fraction(1, 1000)
        if clip.pixel_aspect is not None:
            context.sample_aspect_ratio = clip.pixel_aspect
        if clip.rotation:
            stream.set_display_rotation(clip.rotation)
        audio = container.add_stream("aac", rate=16_000) if audio_s else None
        for index, frame in enumerate(frames or rgb_frames(clip)):
            frame.pts = index if clip.pts_ms is None else clip.pts_ms[index]
            frame.time_base = Fraction(1, clip.rate) if clip.pts_ms is None else Fraction(1, 1000)
            frame.colorspace, frame.color_range = clip.matrix, clip.color_range
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            container.mux([p for f in _beep(audio_s) for p in audio.encode(f)] + audio.encode())
    return path


def _beep(seconds: float) -> Iterator[av.AudioFrame]:
    for start in range(0, int(seconds * 16_000), 1024):
        wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(start, start + 1024) / 16_000)
        frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, start, Fraction(1, 16_000)
        yield frame


def codes(clip: Clip, y: int, u: int, v: int) -> av.VideoFrame:
    """Return one picture of the clip's size whose samples all are Y, U, V (in its bit depth)."""
    frame = av.VideoFrame(clip.width, clip.height, clip.pix_fmt)
    for plane, code in zip(frame.planes, (y, u, v), strict=False):
        wide = frame.format.components[0].bits > 8
        sample = np.array([code], np.uint16 if wide else np.uint8).tobytes()
        plane.update(sample * (plane.buffer_size // len(sample)))
    return frame


VFR_MS = (0, 16, 49, 149, 549, 565, 600, 650, 1050, 1066, 1100, 1150)


def variable_rate(path: Path) -> Path:
    """Steps of 16 to 400 ms, the times in VFR_MS (.mkv or .mp4)."""
    return write(path, Clip(pts_ms=VFR_MS))


def rotated(path: Path, degrees: int) -> Path:
    """48 × 64 coded pixels that must be turned counter-clockwise by `degrees` (.mp4, .mov)."""
    return write(path, Clip(rotation=degrees))


def unordered(path: Path) -> Path:
    """B-frames: packets are not in display order; a key picture every 8."""
    options = (("crf", "10"), ("g", "8"), ("bf", "2"), ("x264-params", "b-adapt=0:scenecut=0"))
    return write(path, Clip(count=40, options=options))


def with_audio(path: Path, *, count: int = 12) -> Path:
    """A clip with an AAC track of the same length."""
    return write(path, Clip(count=count), audio_s=count / 25)


def audio_only(path: Path) -> Path:
    """No picture at all."""
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        container.mux([p for f in _beep(0.3) for p in stream.encode(f)] + stream.encode())
    return path


def size_change(path: Path, *, count: int = 6) -> Path:
    """Raw H.264 (.h264): `count` pictures of 64×48, then 6 of 96×64, without any times."""
    parts = []
    for clip in (Clip(count=count), Clip(count=6, height=64, width=96)):
        part = write(path.with_suffix(f".{clip.width}.h264"), clip)
        parts.append(part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))
    return path


def truncated(path: Path) -> Path:
    """An MP4 with its index in front that ends after three fifths of its bytes."""
    write(path, Clip(count=30), muxer={"movflags": "+faststart"})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 5])
    return path


def index_lost(path: Path) -> Path:
    """An MP4 whose index was at the end and is gone."""
    whole = write(path, Clip(count=30)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def damaged(path: Path, *, packet: int = 10) -> Path:
    """A clip of 20 pictures in which one packet, counted from 0, is garbage."""
    options = (("crf", "10"), ("bf", "0"), ("preset", "ultrafast"))
    write(path, Clip(count=20, options=options))
    with av.open(path) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        begin, size = packets[packet].pos, packets[packet].size
    whole = bytearray(path.read_bytes())
    whole[begin : begin + size] = b"\xff" * size
    path.write_bytes(whole)
    return path


def interlaced(path: Path, *, count: int = 12) -> Path:
    """MPEG-2 (.ts, .mkv) whose even rows are half a picture older than its odd rows."""
    clip = Clip(
        count=count,
        codec="mpeg2video",
        options=(("flags", "+ildct+ilme"), ("b", "4000000"), ("bf", "0")),
    )
    woven = []
    for index in range(count):
        image = picture(2 * index + 1, clip.height, clip.width)
        image[::2] = picture(2 * index, clip.height, clip.width)[::2]
        woven.append(av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p"))
    return write(path, clip, frames=woven)


def solid(path: Path, clip: Clip, yuv: tuple[int, int, int]) -> Path:
    """Two lossless pictures (.mkv) of one colour, given in codes; clip says format and tags."""
    clip = replace(clip, codec="ffv1", options=(), count=2)
    return write(path, clip, frames=[codes(clip, *yuv) for _ in range(2)])
