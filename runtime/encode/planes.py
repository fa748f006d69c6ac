"""An I420 surface on the GPU as encoders of NVIDIA ask for it: planes with CUDA array interface.

Needs no torch: a surface is told by its address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plane:
    """Memory of the device: height × width bytes without gaps."""

    address: int
    height: int
    width: int

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": (self.height, self.width, 1),
            "strides": (self.width, 1, 1),
            "data": (self.address, False),
            "typestr": "|u1",
            "version": 3,
        }


@dataclass(frozen=True)
class DeviceSurface:
    """I420 of height × width at `address`; who made it keeps it alive and unchanged."""

    address: int
    height: int
    width: int

    def cuda(self) -> list[Plane]:
        """Return luma and both chroma planes; the name is the encoder's."""
        height, width = self.height, self.width
        luma = height * width
        return [
            Plane(self.address, height, width),
            Plane(self.address + luma, height // 2, width // 2),
            Plane(self.address + luma + luma // 4, height // 2, width // 2),
        ]
