"""JPEG on the GPU, as far as it goes without one: its colours, its refusals, what is missing."""

from __future__ import annotations

import sys
from types import ModuleType

import av
import numpy as np
import pytest
import torch

from stereocast.engine.errors import EncodeError
from stereocast.engine.frame import StereoFrame
from stereocast.engine.layout import Layout
from stereocast.kernels import pack_sbs
from stereocast.runtime.encode.jpeg import JpegConfig
from stereocast.runtime.encode.nvjpeg import NvjpegEncoder
from stereocast.runtime.encode.probe import EncoderSettings, probe


def encode_jpeg(input: torch.Tensor, quality: int = 75) -> torch.Tensor:
    """As torchvision's: RGB [3, H, W] u8 to bytes, chroma at full size; coded by FFmpeg."""
    assert input.dtype == torch.uint8
    assert input.dim() == 3
    assert input.shape[0] == 3
    if not 1 <= quality <= 100:
        raise ValueError("Image quality should be a positive number between 1 and 100")
    context = av.CodecContext.create("mjpeg", "w")
    context.height, context.width = input.shape[1:]
    context.pix_fmt, context.time_base, context.qmin, context.qmax = "yuvj444p", 1, 1, 2
    rgb = input.permute(1, 2, 0).contiguous().numpy()
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuvj444p")
    return torch.from_numpy(np.frombuffer(bytes(context.encode(frame)[0]), np.uint8).copy())


@pytest.fixture
def torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    package, module = ModuleType("torchvision"), ModuleType("torchvision.io")
    module.encode_jpeg = encode_jpeg  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.io", module)


def picture(colour: tuple[int, int, int]) -> StereoFrame:
    eye = torch.tensor(colour, dtype=torch.uint8)[:, None, None].expand(3, 48, 64).contiguous()
    return StereoFrame(pack_sbs(eye, eye), Layout.FULL_SBS, 7, 0)


@pytest.mark.usefixtures("torchvision")
@pytest.mark.parametrize("colour", [(60, 200, 30), (250, 20, 20), (20, 30, 240), (128, 128, 128)])
def test_colours_come_back_as_they_went_in(colour: tuple[int, int, int]) -> None:
    encoder = NvjpegEncoder(JpegConfig(), width=128, height=48, fps=30, device="cpu")
    packet = encoder.encode(picture(colour))
    assert packet.is_keyframe
    assert packet.pts_ns == 7
    (frame,) = av.CodecContext.create("mjpeg", "r").decode(av.Packet(packet.data))
    assert (frame.width, frame.height) == (128, 48)
    shown = frame.to_ndarray(format="rgb24").reshape(-1, 3)
    assert np.abs(shown.astype(int) - colour).max() <= 4


@pytest.mark.usefixtures("torchvision")
def test_what_does_not_fit_is_refused_in_words() -> None:
    encoder = NvjpegEncoder(JpegConfig(), width=64, height=48, fps=30, device="cpu")
    with pytest.raises(EncodeError, match="got a picture of 128×48"):
        encoder.encode(picture((1, 2, 3)))
    encoder.close()
    encoder.close()
    with pytest.raises(EncodeError, match="closed"):
        encoder.encode_surface(np.zeros((72, 64), np.uint8), pts_ns=0)
    with pytest.raises(EncodeError, match="even"):
        NvjpegEncoder(JpegConfig(), width=63, height=48, fps=30)
    on_gpu = NvjpegEncoder(JpegConfig(), width=128, height=48, fps=30)
    with pytest.raises(EncodeError, match="takes surfaces of cuda, got cpu"):
        on_gpu.encode(picture((1, 2, 3)))


@pytest.mark.usefixtures("torchvision")
@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_without_a_gpu_the_probe_says_so_in_a_line() -> None:
    result = probe("nvjpeg", EncoderSettings())
    assert not result.works
    assert "no GPU takes a picture" in result.detail
    assert "\n" not in result.detail


def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.io", None)
    assert "stereocast[nvjpeg]" in probe("nvjpeg", EncoderSettings()).detail


@pytest.mark.needs_cuda
def test_the_gpu_codes_what_the_cpu_decodes() -> None:
    pytest.importorskip("torchvision")
    encoder = NvjpegEncoder(JpegConfig(), width=128, height=48, fps=30)
    grey = picture((128, 128, 128))
    there = StereoFrame(grey.surface.to("cuda"), grey.layout, 0, 0)
    (frame,) = av.CodecContext.create("mjpeg", "r").decode(av.Packet(encoder.encode(there).data))
    assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - 128).max() <= 4
