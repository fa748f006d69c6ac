"""Motion JPEG by nvJPEG, on the GPU's own processors, through torchvision (extra `nvjpeg`).

Its wheels carry the library; chips without an encoder unit have this one, too. Believed only after
it has coded a picture, see `probe`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stereocast.engine.errors import EncodeError
from stereocast.runtime.encode.jpeg import JpegConfig
from stereocast.runtime.packet import Packet

if TYPE_CHECKING:  # doctor tries this encoder; without torchvision it needs no torch
    from torch import Tensor

    from stereocast.engine.frame import StereoFrame


class NvjpegEncoder:
    """One JPEG per picture, each a key picture; the compressed bytes alone leave the GPU.

    The surface's BT.709 becomes RGB there, and nvJPEG makes the BT.601 of JFIF from it, chroma at
    full size.

    device  where surfaces lie; tests say "cpu", where torchvision codes by libjpeg
    """

    codec = "mjpeg"
    codec_string = "mjpeg"

    def __init__(
        self, config: JpegConfig, *, width: int, height: int, fps: float, device: str = "cuda"
    ) -> None:
        self._name = f"nvjpeg {width}×{height} at {fps:g} fps"
        if width < 2 or height < 2 or width % 2 or height % 2:
            raise EncodeError(f"{self._name}: sizes must be even and at least 2; pad the picture.")
        self._encode: Any = _encode_jpeg()
        self._size, self._quality, self._device = (height, width), config.quality, device
        self.description = f"nvjpeg quality {config.quality}, 4:4:4, surfaces stay on the GPU"

    def encode(self, frame: StereoFrame, *, keyframe: bool = False) -> Packet:
        """Compress one picture in the GPU's memory; every packet is a key picture."""
        surface = frame.surface
        if surface.device.type != self._device:
            raise EncodeError(
                f"{self._name}: takes surfaces of {self._device}, got {surface.device}"
            )
        return self._coded(surface, frame.pts_ns)

    def encode_surface(
        self, surface: NDArray[np.uint8], *, pts_ns: int, keyframe: bool = False
    ) -> Packet:
        """Compress one I420 surface [H·3/2, W] of the host, which is brought there; for a probe."""
        import torch

        try:
            there = torch.from_numpy(np.ascontiguousarray(surface)).to(self._device)
        except (RuntimeError, AssertionError) as error:  # torch asserts that it has CUDA at all
            raise EncodeError(f"{self._name}: no GPU takes a picture ({_words(error)})") from error
        return self._coded(there, pts_ns)

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self._encode = None

    def _coded(self, surface: Tensor, pts_ns: int) -> Packet:
        import torch

        if self._encode is None:
            raise EncodeError(f"{self._name}: the encoder is closed; build a new one.")
        height, width = surface.shape[0] * 2 // 3, surface.shape[1]
        if (height, width) != self._size:
            raise EncodeError(
                f"{self._name}: got a picture of {width}×{height}; build an encoder for it."
            )
        try:
            with torch.inference_mode():
                data = self._encode(_rgb(surface), quality=self._quality).cpu().numpy().tobytes()
        except RuntimeError as error:
            raise EncodeError(f"{self._name}: a picture failed ({_words(error)})") from error
        return Packet(data, pts_ns, True)


def _rgb(surface: Tensor) -> Tensor:
    """Return an I420 surface as RGB [3, H, W], full range."""
    from stereocast.kernels.preprocess import yuv_to_rgb

    rows, width = surface.shape
    height = rows * 2 // 3
    u, v = surface[height:].reshape(2, height // 2, width // 2)
    return yuv_to_rgb(surface[:height], u, v, matrix="bt709", full_range=False)


def _encode_jpeg() -> Any:
    try:
        from torchvision.io import encode_jpeg
    except ImportError:
        raise EncodeError(
            "nvjpeg needs torchvision, for the same CUDA as torch: pip install 'stereocast[nvjpeg]'"
        ) from None
    except (RuntimeError, OSError) as error:  # builds of torch and torchvision that do not match
        raise EncodeError(f"nvjpeg: torchvision does not load ({_words(error)})") from error
    return encode_jpeg


def _words(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
