"""Pictures with known colours, and small streams over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stereocast.engine.frame import StereoFrame
from stereocast.engine.layout import Layout
from stereocast.runtime.address import Address, parse_address
from stereocast.runtime.sink.zmq_router import RouterSink
from tests.streams import STREAM, RawPeer

BARS = np.array(
    [
        (235, 235, 235),
        (200, 190, 20),
        (30, 190, 200),
        (60, 200, 30),
        (190, 40, 180),
        (200, 30, 40),
        (30, 50, 190),
        (16, 16, 16),
    ]
)
"""RGB of eight vertical bars, left to right."""


def i420_of_bars(height: int, width: int) -> NDArray[np.uint8]:
    """Paint BARS as I420, BT.709 limited range, with the constants of the standard."""
    rgb = BARS[np.arange(width) * 8 // width].astype(float) / 255
    luma = rgb @ (0.2126, 0.7152, 0.0722)
    y = 16 + 219 * luma
    u = 128 + 224 * (rgb[:, 2] - luma) / 1.8556
    v = 128 + 224 * (rgb[:, 0] - luma) / 1.5748
    chroma = [(plane[0::2] + plane[1::2]) / 2 for plane in (u, v)]
    planes = [np.tile(y, height), np.tile(chroma[0], height // 2), np.tile(chroma[1], height // 2)]
    return np.rint(np.concatenate(planes)).astype(np.uint8).reshape(height * 3 // 2, width)


@pytest.fixture
def bars() -> Callable[..., StereoFrame]:
    """Make a StereoFrame of eight colour bars: bars(height, width, pts_ns=0, index=0)."""

    def make(height: int, width: int, pts_ns: int = 0, index: int = 0) -> StereoFrame:
        surface = torch.from_numpy(i420_of_bars(height, width))
        return StereoFrame(surface, Layout.FULL_SBS, pts_ns, index)

    return make


@pytest.fixture
def bar_centres() -> Callable[[int], tuple[list[int], NDArray[np.int64]]]:
    """Give the columns in the middle of the bars for a width, and their RGB [8, 3]."""

    def find(width: int) -> tuple[list[int], NDArray[np.int64]]:
        return [(2 * bar + 1) * width // 16 for bar in range(8)], BARS

    return find


@pytest.fixture
def moving() -> Callable[[int, int, int], StereoFrame]:
    """Make picture `index` of a textured pan: moving(height, width, index); 30 per second."""
    noise = np.random.default_rng(0).integers(40, 200, (80, 400), dtype=np.uint8)
    texture = np.kron(noise, np.ones((4, 4), np.uint8))

    def make(height: int, width: int, index: int) -> StereoFrame:
        surface = np.full((height * 3 // 2, width), 128, np.uint8)
        surface[:height] = texture[index : index + height, 3 * index : 3 * index + width]
        return StereoFrame(
            torch.from_numpy(surface), Layout.FULL_SBS, index * 1_000_000_000 // 30, index
        )

    return make


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return parse_address("", folder=tmp_path / "s")


@pytest.fixture
def sink(address: Address) -> Iterator[RouterSink]:
    with RouterSink(address, STREAM) as opened:
        yield opened


@pytest.fixture
def raw(sink: RouterSink) -> Iterator[RawPeer]:
    peer = RawPeer(sink.address)
    yield peer
    peer.close()
