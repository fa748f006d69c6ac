"""PyNvVideoCodec where there is no chip: the calls of release 2.2, a decoder of the CPU inside.

It has the manners that cost something on a chip: pictures come late, a surface is overwritten by
the next call, a session that is handed packets from elsewhere mixes the two.
"""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from enum import Enum
from types import SimpleNamespace
from typing import Any

import av
import pytest
import torch

NO_TIME = -(2**63)
_LATE = 4  # pictures held back in display order


class PacketData:
    """As there: an address, a length and a time."""

    bsl_data = 0
    bsl = 0
    pts = 0
    decode_flag = 0


class Surface:
    """NV12 in memory that its session owns."""

    def __init__(self, pixels: torch.Tensor, pts: int) -> None:
        self._pixels, self._pts = pixels, pts

    def getPTS(self) -> int:
        return self._pts

    def __dlpack_device__(self) -> tuple[Any, int]:
        return self._pixels.__dlpack_device__()

    def __dlpack__(self, stream: object = 0) -> Any:
        return self._pixels.__dlpack__()


class Session:
    """A decoder: `dies_at` is the number of packets after which every call fails."""

    def __init__(self, codec: str, dies_at: int | None) -> None:
        self._context = av.CodecContext.create(codec, "r")
        self._waiting: deque[av.VideoFrame] = deque()
        self._given: list[torch.Tensor] = []
        self._packets, self._dies_at = 0, dies_at

    def Decode(self, packet: PacketData) -> list[Surface]:
        self._packets += 1
        if self._dies_at is not None and self._packets > self._dies_at:
            raise RuntimeError("cuvidDecodePicture returned 700\nmore")
        for pixels in self._given:
            pixels.fill_(0xAA)
        if packet.bsl:
            coded = av.Packet(ctypes.string_at(packet.bsl_data, packet.bsl))
            coded.pts = None if packet.pts == NO_TIME else packet.pts
            self._waiting.extend(self._context.decode(coded))
        else:
            self._waiting.extend(self._context.decode(None))
        left = _LATE if packet.bsl else 0
        surfaces = []
        while len(self._waiting) > left:
            frame = self._waiting.popleft()
            pixels = torch.from_numpy(frame.reformat(format="nv12").to_ndarray().copy())
            surfaces.append(Surface(pixels, NO_TIME if frame.pts is None else frame.pts))
            self._given.append(pixels)
        return surfaces


class Package:
    """The module: counts the sessions that were made.

    refuses  what CreateDecoder says instead
    dies_at  see Session
    """

    PacketData = PacketData
    cudaVideoCodec = Enum("cudaVideoCodec", ["H264", "HEVC", "AV1", "VP9"])
    DisplayDecodeLatencyType = Enum("DisplayDecodeLatencyType", ["NATIVE", "LOW", "ZERO"])
    VideoPacketFlag = SimpleNamespace(ENDOFPICTURE=2)

    def __init__(self) -> None:
        self.sessions = 0
        self.refuses: str | None = None
        self.dies_at: int | None = None

    def CreateDecoder(self, **wanted: Any) -> Session:
        unknown = set(wanted) - {"gpuid", "codec", "usedevicememory", "latency", "cudastream"}
        assert not unknown, unknown
        assert wanted["latency"] is self.DisplayDecodeLatencyType.NATIVE, "files have B-frames"
        if self.refuses is not None:
            raise RuntimeError(self.refuses)
        self.sessions += 1
        return Session(wanted["codec"].name.lower(), self.dies_at)


def installed(monkeypatch: pytest.MonkeyPatch) -> Package:
    """Let `import PyNvVideoCodec` find this one."""
    package = Package()
    monkeypatch.setitem(sys.modules, "PyNvVideoCodec", package)  # type: ignore[arg-type]
    return package
