"""Bring a packed picture to the host: where it is already, nothing is copied."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # doctor tries encoders without torch
    import torch
    from torch import Tensor

    from stereocast.engine.frame import StereoFrame


class Download:
    """Surfaces of a GPU through one page-locked buffer: asynchronous, with one wait at the end."""

    def __init__(self) -> None:
        self._buffer: Tensor | None = None
        self._event: torch.cuda.Event | None = None

    def __call__(self, surface: Tensor) -> NDArray[np.uint8]:
        """Return the surface as an array of the host, valid until the next call."""
        if surface.device.type == "cpu":
            return surface.numpy()
        import torch

        if self._buffer is None or self._buffer.shape != surface.shape:
            self._buffer = torch.empty(surface.shape, dtype=surface.dtype, pin_memory=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        assert self._event is not None
        self._buffer.copy_(surface, non_blocking=True)
        self._event.record()
        self._event.synchronize()
        array: NDArray[np.uint8] = self._buffer.numpy()
        return array


def on_host(picture: StereoFrame) -> StereoFrame:
    """Return a picture whose pixels nobody else owns, for whoever keeps it beyond the next step."""
    depth, small = picture.depth, picture.thumbnail
    return replace(
        picture,
        surface=picture.surface.cpu(),
        depth=None if depth is None else depth.cpu(),
        thumbnail=None if small is None else small.cpu(),
    )
