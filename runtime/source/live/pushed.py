"""`zmq:ADDRESS`: pictures that another program pushes, one message each, the newest wins.

The pusher connects a PUSH socket and sends two parts: a JSON object of at most 1 KiB, and the
picture.

    {"format": "jpeg", "pts_ns": 33000000}                          any JPEG
    {"format": "rgb24", "w": 640, "h": 360, "pts_ns": 33000000}     w·h·3 bytes, row by row

Formats are `jpeg` and the raw `rgb24`, `bgr24`, `gray`, `yuv420p` and `nv12`. `pts_ns` is the
pusher's own clock and may be left out. A message that breaks these rules is thrown away.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import av
import numpy as np
import zmq
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from stereocast.engine.errors import SourceError, TransportError
from stereocast.runtime import curve
from stereocast.runtime.address import claim_folder, parse_address, require_keys
from stereocast.runtime.socket_options import receive_parts, set_common_options
from stereocast.runtime.source.live.demux import LivePicture
from stereocast.runtime.source.live.slots import MAX_PIXELS

MAX_PART_BYTES = 3 * MAX_PIXELS
MAX_HEAD_BYTES = 1024
MAX_WAITING = 8
"""Messages looked at together; the socket holds no more than a few."""
FPS = 30.0
"""What is told of the rate, which nobody knows before; each picture keeps its own time."""
_BYTES_PER_PIXEL = {"rgb24": 3.0, "bgr24": 3.0, "gray": 1.0, "yuv420p": 1.5, "nv12": 1.5}


class PushedPictures:
    """A bound PULL socket, and the pictures that come in."""

    fps = FPS

    def __init__(self, place: str) -> None:
        """Bind. Raises SourceError for an address that is senseless, taken, or open to all."""
        text, _, query = place.partition("?")
        keys = parse_qs(query).get("curve", [None])[0]
        try:
            address = parse_address(text or "push", folder=Path("/nowhere"))
            if address.socket_path is not None and not text.startswith("ipc://"):
                raise TransportError(f"zmq:{place}: give zmq:tcp://HOST:PORT or zmq:ipc:///PATH")
            require_keys(address, has_keys=keys is not None)
            claim_folder(address)
            self._context = zmq.Context()
            self._socket = self._context.socket(zmq.PULL)
            set_common_options(self._socket, max_part_bytes=MAX_PART_BYTES)
            self._socket.setsockopt(zmq.RCVHWM, 2)
            if keys is not None:
                self._authenticator = curve.serve(self._socket, curve.load_server_keys(Path(keys)))
            self._socket.bind(address.url)
        except TransportError as error:
            raise SourceError(str(error)) from error
        except zmq.ZMQError as error:
            raise SourceError(f"zmq:{place}: cannot be bound: {error.strerror}") from error
        self._decoder = VideoCodecContext.create("mjpeg", "r")

    def __iter__(self) -> Iterator[LivePicture]:
        """Yield the newest picture whenever one has come."""
        last_ns = -1
        while True:
            self._socket.poll()
            for parts in reversed(self._waiting()):
                came_ns = time.monotonic_ns()
                try:
                    frame, pts_ns = self._read(parts)
                except (ValueError, TypeError, KeyError, IndexError, av.FFmpegError):
                    continue
                last_ns = max(last_ns + 1, came_ns if pts_ns is None else pts_ns)
                yield LivePicture(frame, last_ns, came_ns, 0, (1, 1))
                break  # those before it are nobody's loss

    def _waiting(self) -> list[list[bytes]]:
        """Return the messages that wait, the newest last."""
        messages: list[list[bytes]] = []
        while len(messages) < MAX_WAITING:
            try:
                messages.append(receive_parts(self._socket, max_parts=2))
            except zmq.Again:
                break
        return messages

    def _read(self, parts: list[bytes]) -> tuple[VideoFrame, int | None]:
        if len(parts) != 2 or len(parts[0]) > MAX_HEAD_BYTES:
            raise ValueError("not two parts")
        head = json.loads(parts[0])
        pts_ns = None if head.get("pts_ns") is None else int(head["pts_ns"])
        if head["format"] == "jpeg":
            frame = self._decoder.decode(av.Packet(parts[1]))[0]
            return frame, pts_ns
        width, height = int(head["w"]), int(head["h"])
        size = _BYTES_PER_PIXEL[head["format"]] * width * height
        if not 0 < width * height <= MAX_PIXELS or size != len(parts[1]):
            raise ValueError("a size that is not the picture's")
        pixels = np.frombuffer(parts[1], np.uint8)
        rows = height * 3 // 2 if head["format"] in ("yuv420p", "nv12") else height
        shape = (height, width, 3) if head["format"] in ("rgb24", "bgr24") else (rows, width)
        return VideoFrame.from_ndarray(pixels.reshape(shape), format=head["format"]), pts_ns
