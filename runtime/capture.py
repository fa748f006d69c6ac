"""A live stream's input, kept frame by frame, so that the engine's work can be repeated exactly.

A capture is one file: a line of JSON that says what the engine was, then records. Each record is
two lengths, a JSON object and the frame's pixels without loss (FFV1, every picture on its own). It
is written as the stream runs; what a crash cuts off costs the last record only.
"""

from __future__ import annotations

import hashlib
import json
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import torch
from av.video.codeccontext import VideoCodecContext
from torch import Tensor

from stereocast.engine.errors import EncodeError, SourceError
from stereocast.engine.frame import Frame, StereoFrame
from stereocast.engine.session import Session
from stereocast.engine.stereo import Controls
from stereocast.runtime.ladder import Rung
from stereocast.runtime.mailbox import Mailbox

MAGIC = "stereocast-capture/1"
MAX_HEAD_BYTES = 1 << 20
MAX_PIXEL_BYTES = 1 << 28
_LENGTHS = struct.Struct("<II")
_WAITING = 3


@dataclass(frozen=True)
class Step:
    """One step of the engine: all that it was given beside the pixels, and a mark of its answer.

    rung       the rung of the ladder that its session was built for
    is_fresh   another session than the one before, which remembers nothing
    is_reset   the session was told to forget everything first
    surface    digest of the packed picture, in hexadecimal
    """

    index: int
    pts_ns: int
    t_capture_ns: int
    controls: Controls
    strip: tuple[int, int] | None
    may_move_depth: bool
    rung: Rung
    is_fresh: bool
    is_reset: bool
    surface: str


@dataclass(frozen=True)
class Done:
    """What a stream tells of a step; see `Step`."""

    session: Session
    frame: Frame
    stereo: StereoFrame
    t_capture_ns: int
    controls: Controls
    strip: tuple[int, int] | None
    may_move_depth: bool
    is_reset: bool


def digest(surface: Tensor) -> str:
    """Return the mark of a packed picture."""
    return hashlib.blake2b(surface.contiguous().numpy().tobytes(), digest_size=16).hexdigest()


class CaptureWriter:
    """Writes a capture on a thread of its own; where that is too slow, the stream waits.

    frames  steps written so far
    """

    def __init__(
        self, path: Path, head: Mapping[str, object], rung_of: Callable[[Session], Rung]
    ) -> None:
        """Create the file. Raises EncodeError where that is not possible, or it exists."""
        self.path = path
        self.frames = 0
        self._rung_of = rung_of
        self._session: Session | None = None
        self._coder: _Coder | None = None
        try:
            self._file: BinaryIO = path.open("xb")
            self._file.write(json.dumps({"format": MAGIC, **head}).encode() + b"\n")
        except FileExistsError as error:
            raise EncodeError(f"{path}: exists already; name another capture") from error
        except OSError as error:
            raise EncodeError(f"{path}: cannot be written: {error.strerror}") from error
        self._box: Mailbox[tuple[Step, Tensor]] = Mailbox(latest=False, capacity=_WAITING)
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._write_all, name="capture", daemon=True)
        self._thread.start()

    def add(self, done: Done) -> None:
        """Keep one step. Raises EncodeError where the disk refused."""
        if self._failure is not None:
            raise EncodeError(f"{self.path}: cannot be written on: {self._failure}")
        is_fresh = done.session is not self._session
        self._session = done.session
        step = Step(
            done.frame.index, done.frame.pts_ns, done.t_capture_ns, done.controls, done.strip,
            done.may_move_depth, self._rung_of(done.session), is_fresh, done.is_reset,
            digest(done.stereo.surface),
        )  # fmt: skip
        self._box.put((step, done.frame.rgb))

    def close(self) -> None:
        """Write what waits. May be called twice. Raises EncodeError where the disk refuses."""
        self._box.close()
        self._thread.join()
        try:
            self._file.close()
        except OSError as error:
            raise EncodeError(f"{self.path}: cannot be finished: {error.strerror}") from error

    def _write_all(self) -> None:
        try:
            while not self._box.is_finished:
                item = self._box.take(0.1)
                if item is not None:
                    self._write(*item)
        except Exception as failure:  # told to the stream's thread, which raises it
            self._failure = str(failure) or type(failure).__name__
            self._box.close()

    def _write(self, step: Step, rgb: Tensor) -> None:
        if self._coder is None or self._coder.size != tuple(rgb.shape[1:]):
            self._coder = _Coder((rgb.shape[1], rgb.shape[2]))
        pixels = self._coder.encode(rgb)
        values = asdict(step) | {"size": self._coder.size, "extradata": self._coder.extradata}
        head = json.dumps(values).encode()
        self._file.write(_LENGTHS.pack(len(head), len(pixels)) + head + pixels)
        self._file.flush()
        self.frames += 1


class Capture:
    """A capture that is read. `head` is what was written about the engine."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises SourceError for what is no capture."""
        self.path = path
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
        try:
            self.head: dict[str, Any] = json.loads(self._file.readline(MAX_HEAD_BYTES))
            if self.head["format"] != MAGIC:
                raise ValueError(self.head["format"])
        except (ValueError, KeyError, TypeError) as error:
            self._file.close()
            raise SourceError(
                f"{path}: is no capture; `stereocast live SOURCE --capture FILE` makes one"
            ) from error

    def __iter__(self) -> Iterator[tuple[Step, Frame]]:
        """Yield every whole step and its frame. Raises SourceError where the file is damaged."""
        decoder: VideoCodecContext | None = None
        known: object = None
        while (record := self._record()) is not None:
            values, pixels = record
            try:
                key = (values.pop("size"), values.pop("extradata"))
                if decoder is None or key != known:
                    decoder, known = _decoder(*key), key
                rgb = _rgb(decoder.decode(av.Packet(pixels))[0])
                step = _step(values)
            except (KeyError, TypeError, ValueError, IndexError, av.FFmpegError) as error:
                raise SourceError(f"{self.path}: a damaged step: {error}") from error
            yield step, Frame(rgb, step.pts_ns, step.index)

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._file.close()

    def _record(self) -> tuple[dict[str, Any], bytes] | None:
        """Return the next record; None at the end, also where a crash cut the last one off."""
        lengths = self._file.read(_LENGTHS.size)
        if len(lengths) < _LENGTHS.size:
            return None
        head_bytes, pixel_bytes = _LENGTHS.unpack(lengths)
        if head_bytes > MAX_HEAD_BYTES or pixel_bytes > MAX_PIXEL_BYTES:
            raise SourceError(f"{self.path}: a damaged step: it says {pixel_bytes} bytes")
        head, pixels = self._file.read(head_bytes), self._file.read(pixel_bytes)
        if len(pixels) < pixel_bytes:
            return None
        try:
            values: dict[str, Any] = json.loads(head)
        except ValueError as error:
            raise SourceError(f"{self.path}: a damaged step: {error}") from error
        return values, pixels


class _Coder:
    """FFV1 of RGB pictures of one size, each on its own."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        context = av.CodecContext.create("ffv1", "w")
        assert isinstance(context, VideoCodecContext)
        context.height, context.width = size
        context.pix_fmt, context.time_base = "bgr0", Fraction(1, 1000)
        context.options = {"level": "3", "g": "1", "slicecrc": "1"}
        context.open()
        self._context, self._count = context, 0
        self.extradata = (context.extradata or b"").hex()

    def encode(self, rgb: Tensor) -> bytes:
        pixels = rgb.permute(1, 2, 0).contiguous().numpy()
        # FFV1 knows 8 bits of RGB in this order only; swscale just moves the bytes.
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="bgr0")
        frame.pts, frame.time_base = self._count, Fraction(1, 1000)
        self._count += 1
        (packet,) = self._context.encode(frame)
        return bytes(packet)


def _decoder(size: list[int], extradata: str) -> VideoCodecContext:
    context = av.CodecContext.create("ffv1", "r")
    assert isinstance(context, VideoCodecContext)
    context.height, context.width = size
    context.extradata = bytes.fromhex(extradata)
    return context


def _step(values: dict[str, Any]) -> Step:
    strip = values.pop("strip")
    return Step(
        controls=Controls(**values.pop("controls")),
        rung=Rung(**values.pop("rung")),
        strip=None if strip is None else (int(strip[0]), int(strip[1])),
        **values,
    )


def _rgb(frame: av.VideoFrame) -> Tensor:
    return torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1).contiguous()
