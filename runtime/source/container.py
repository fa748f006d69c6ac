"""Opening a media file safely: what may be opened, which stream is the picture, clear refusals.

Decodes nothing; decoder.py does.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.timeline import to_ns

# Demuxers that open other files or hosts on their own account; a media file is none of them.
_PLAYLISTS = frozenset({"concat", "dash", "hls", "rtp", "rtsp", "sap", "sdp", "webm_dash_manifest"})
MAX_PIXELS = 8192 * 4320
"""Of one picture, where nobody says otherwise: a small file can hold one that fills the memory."""
_PROBE_BYTES = 5_000_000
_PROBE_US = 5_000_000
_MAX_STREAMS = 64


@dataclass(frozen=True)
class OpenedContainer:
    """A container, the stream whose pictures are used, and what had to be decided."""

    container: InputContainer
    video: VideoStream
    audio_codec: str | None
    notes: tuple[str, ...]

    @property
    def duration_ns(self) -> int | None:
        """How long the pictures last by the container's header; None where it does not say."""
        if self.video.duration is not None and self.video.time_base is not None:
            return to_ns(self.video.duration, self.video.time_base)
        if self.container.duration is not None:
            return to_ns(self.container.duration, Fraction(1, 1_000_000))
        return None

    @property
    def indexed_pictures(self) -> int | None:
        """How many pictures the index promises, edit lists included; None without an index."""
        entries = self.video.index_entries
        if self.video.frames == 0 or len(entries) != self.video.frames:
            return None
        return sum(not entry.is_discard for entry in entries)


def open_container(
    path: Path, *, max_pixels: int, threads: int, chip: HWAccel | None = None
) -> OpenedContainer:
    """Open `path` and choose its video stream: the one FFmpeg ranks best, never a cover picture.

    FFmpeg's rank: the default disposition first, then more decodable pictures and bit rate. Only
    the local file itself is read: other protocols, playlists and endless probing are refused.

    chip  the hardware that FFmpeg is to decode with; None: the CPU

    Raises SourceError in one line for anything that is not a readable local video.
    """
    container = open_media(path, max_pixels=max_pixels, chip=chip)
    try:
        return _choose_streams(container, path, max_pixels, threads)
    except BaseException:
        container.close()
        raise


def _require_media_file(path: Path) -> None:
    try:
        if not path.exists():
            raise SourceError(f"{path}: no such file")
        if not path.is_file():
            raise SourceError(f"{path}: not a file; a source wants a regular video file")
        if path.stat().st_size == 0:
            raise SourceError(f"{path}: empty file (0 bytes)")
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error


def open_media(
    path: Path, *, max_pixels: int = MAX_PIXELS, chip: HWAccel | None = None
) -> InputContainer:
    """Open `path` as a container, whatever it holds; see `open_container` for what is refused."""
    _require_media_file(path)
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(
            sorted(name for name in av.formats_available if not _PLAYLISTS & set(name.split(",")))
        ),
        "probesize": str(_PROBE_BYTES),
        "analyzeduration": str(_PROBE_US),
        "max_streams": str(_MAX_STREAMS),
        "max_pixels": str(max_pixels),
    }
    try:
        # The explicit protocol keeps names such as "concat:a|b" from meaning something to FFmpeg.
        return av.open(f"file:{path}", options=options, metadata_errors="replace", hwaccel=chip)
    except av.InvalidDataError as error:
        raise SourceError(f"{path}: {_why_unreadable(path)}") from error
    except av.ArgumentError as error:
        raise SourceError(
            f"{path}: a playlist or another format that is not a self-contained video file"
        ) from error
    except (av.FFmpegError, OSError) as error:
        raise SourceError(f"{path}: cannot be opened: {reason(error)}") from error


def _why_unreadable(path: Path) -> str:
    """Tell a damaged video from something that never was one by its first bytes."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return "cannot open: index (moov) missing or damaged; the file is probably incomplete"
    if head.startswith((b"\x1a\x45\xdf\xa3", b"RIFF", b"OggS", b"FLV")):
        return "cannot open: the container's header is damaged"
    return "not a video, or in a format FFmpeg does not know"


def _choose_streams(
    container: InputContainer, path: Path, max_pixels: int, threads: int
) -> OpenedContainer:
    videos = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    if not videos:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise SourceError(f"{path}: no video stream (the file holds {kinds})")
    # PyAV leaves a stream without a context where FFmpeg knows no decoder.
    videos = [stream for stream in videos if getattr(stream, "codec_context", None) is not None]
    if not videos:
        raise SourceError(f"{path}: no decoder for the codec of its video stream")
    best = container.streams.best("video")
    video = next((stream for stream in videos if stream == best), videos[0])
    notes = []
    if len(videos) > 1:
        sizes = ", ".join(f"#{s.index} {s.width}x{s.height}" for s in videos)
        notes.append(f"of {len(videos)} video streams ({sizes}) #{video.index} is used")
    if video.width * video.height > max_pixels:
        raise SourceError(
            f"{path}: {video.width}x{video.height} is more than {max_pixels} pixels; refused"
        )
    for stream in container.streams:
        if stream.index != video.index:
            stream.discard = Discard.all
    # Slices: frame threads would hold back a picture for each thread.
    video.thread_type = "SLICE"
    video.codec_context.thread_count = threads
    video.codec_context.options = {"max_pixels": str(max_pixels)}
    audio = container.streams.best("audio", related=video)
    return OpenedContainer(container, video, _codec_name(audio), tuple(notes))


def _codec_name(stream: object) -> str | None:
    """Return the name of an audio stream's codec; "unknown" where FFmpeg has no decoder."""
    if stream is None:
        return None
    codec = getattr(stream, "codec_context", None)
    return "unknown" if codec is None else str(codec.name)


def reason(error: BaseException) -> str:
    """Return the text of an FFmpeg or system error without numbers and file names."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0]
