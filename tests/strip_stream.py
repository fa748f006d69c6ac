"""Live streams for tests: moving pictures with latency strips behind a real socket.

with StripServer(address, frames=30): …      a well-behaved stream, RouterSink and all
with ScriptedServer(address, script): …      says exactly what the script says
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from types import MappingProxyType, TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
import zmq

from stereocast.engine.frame import StereoFrame
from stereocast.engine.layout import Layout
from stereocast.runtime import barcode, wire
from stereocast.runtime.address import Address, claim_folder
from stereocast.runtime.encode.jpeg import JpegConfig, JpegEncoder
from stereocast.runtime.encode.x264 import X264Config, X264Encoder
from stereocast.runtime.packet import Packet
from stereocast.runtime.sink.zmq_router import RouterSink

HEIGHT, WIDTH, FPS = 48, 672, 60.0
LOOK_S = 0.1


def strip_frame(index: int, *, height: int = HEIGHT, width: int = WIDTH) -> StereoFrame:
    """Make picture `index` of a pan over noise, with its number in both eyes."""
    texture = _noise(height, width + 64)
    surface = np.full((height * 3 // 2, width), 128, np.uint8)
    offset = index * 3 % 64
    surface[:height] = texture[:, offset : offset + width]
    barcode.draw_picture(surface[:height], Layout.FULL_SBS, source=index, encoder=index)
    return StereoFrame(torch.from_numpy(surface), Layout.FULL_SBS, int(index * 1e9 / FPS), index)


@cache
def _noise(height: int, width: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(30, 220, (height, width), dtype=np.uint8)


def encoder(codec: str, *, height: int = HEIGHT, width: int = WIDTH) -> X264Encoder | JpegEncoder:
    """Build the product's encoder, at 20 Mb/s where it has a rate."""
    if codec == "mjpeg":
        return JpegEncoder(JpegConfig(), width=width, height=height, fps=FPS)
    return X264Encoder(X264Config(bitrate_kbps=20_000), width=width, height=height, fps=FPS)


def coded_frames(count: int, *, keys: tuple[int, ...] = (0,)) -> list[Packet]:
    """Encode pictures 0, 1, … with keyframes at the given numbers."""
    coder = encoder("h264")
    return [coder.encode(strip_frame(index), keyframe=index in keys) for index in range(count)]


def description(codec: str = "h264") -> wire.Stream:
    """Describe the stream as WELCOME does."""
    return wire.Stream(
        codec=codec, codec_string="avc1.42c01f", w=WIDTH, h=HEIGHT, layout="full-sbs", fps=FPS
    )


class StripServer:
    """Streams `frames` pictures at FPS, newest first as a camera would, then says EOS.

    waits  every picture waits for credit, as those of a file do
    facts  what is told with every picture, besides its place
    sink   its socket: what viewers did can be asked there
    """

    def __init__(
        self, address: Address, *, frames: int, codec: str = "h264", waits: bool = False,
        facts: Mapping[str, float] = MappingProxyType({"holes_share": 0.25}),
        audio: wire.Audio | None = None,
    ) -> None:  # fmt: skip
        self._waits, self._facts = waits, facts
        self.sink = RouterSink(address, replace(description(codec), audio=audio))
        self._encoder = encoder(codec)
        self._frames = frames
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with self.sink:
            index = 0
            while not self.sink.wait_for_credit(0.05):  # the stream begins with its first viewer
                if self._is_stopping.is_set():
                    return
            while index < self._frames and not self._is_stopping.wait(1 / FPS):
                is_wanted = self.sink.wait_for_credit(LOOK_S if self._waits else 0)
                if is_wanted:
                    captured_ns = time.monotonic_ns()
                    packet = self._encoder.encode(
                        strip_frame(index), keyframe=self.sink.key_wanted()
                    )
                    stamps = {"t0": captured_ns, "t6": time.monotonic_ns()}
                    depth = wire.DepthMap(w=7, h=5, data=bytes(range(0, 245, 7)))
                    facts = {"position_s": index / FPS, **self._facts}
                    extension = wire.Extension(stamps=stamps, facts=facts, depth=depth)
                    self.sink.write(
                        packet, seq=index, t_capture_ns=captured_ns, extension=extension
                    )
                index += is_wanted or not self._waits


def frames_of(packets: Sequence[Packet]) -> Iterator[wire.FrameMessage]:
    """Wrap packets into FRAMEs numbered from 0, each depending on the one before."""
    for seq, packet in enumerate(packets):
        now_ns = time.monotonic_ns()
        yield wire.FrameMessage(
            codec=wire.Codec.H264,
            epoch=1,
            seq=seq,
            src_pts_ns=packet.pts_ns,
            t_capture_ns=now_ns,
            t_send_ns=now_ns,
            w=WIDTH,
            h=HEIGHT,
            layout=Layout.FULL_SBS,
            dep=0 if packet.is_keyframe else 1,
            payload=packet.data,
            flags=wire.Flag.LAST_OF_AU | (wire.Flag.KEY if packet.is_keyframe else wire.Flag(0)),
        )


class ScriptedServer:
    """Welcomes one viewer, says its script word for word, then only listens.

    heard  the messages of the viewer, in order
    """

    def __init__(self, address: Address, script: Sequence[list[bytes]]) -> None:
        claim_folder(address)
        self.heard: list[wire.ClientMessage] = []
        self._script = script
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(address.url)
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.join(2 if error is None else 0)  # until BYE: all before it has been heard
        self._is_stopping.set()
        self._thread.join()
        self._socket.close()
        self._context.term()

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            if not self._socket.poll(20):
                continue
            peer, *parts = self._socket.recv_multipart()
            message = wire.parse_client(parts)
            self.heard.append(message)
            if isinstance(message, wire.Bye):
                return
            if isinstance(message, wire.Hello):
                described = description().to_map()
                welcome = wire.Welcome.from_map(
                    {**described, "session": "test", "server_t": time.monotonic_ns()}
                )
                for words in (wire.pack(welcome), *self._script):
                    self._socket.send_multipart([peer, *words])
