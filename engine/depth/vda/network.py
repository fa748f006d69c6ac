"""The whole network: a window of pictures becomes a window of depth maps; and how it is built."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from stereocast.engine.depth.vda import weights
from stereocast.engine.depth.vda.architecture import ARCHITECTURES, PATCH, WINDOW, Architecture
from stereocast.engine.depth.vda.encoder import Encoder
from stereocast.engine.depth.vda.head import Head
from stereocast.engine.errors import ConfigError


class VideoDepth(nn.Module):
    """Encoder and head under the names of the official checkpoints.

    architecture  its sizes
    metric        True: depth is in metres, larger is farther; False: inverse depth up to scale and
                  shift, larger is nearer. The computation is the same.
    grid          None: any size, pictures normalised by mean and deviation; (h, w): the folded form
                  for that input size, pictures in [0, 1], see `folding.fold`
    """

    def __init__(
        self, architecture: Architecture, *, metric: bool = False,
        grid: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.architecture = architecture
        self.metric = metric
        self.grid = grid
        self.pretrained = Encoder(architecture, grid=grid)
        self.head = Head(architecture, folded=grid is not None)

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the arithmetic."""
        return self.pretrained.patch_embed.proj.weight.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self.pretrained.patch_embed.proj.weight.device

    def forward(self, images: Tensor) -> Tensor:
        """Return depth [T, h, w] of one window of images [T, 3, h, w]; T ≤ 32, sides of 14·k.

        Raises ValueError for other shapes.
        """
        if images.dim() != 4 or images.shape[1] != 3 or not 1 <= len(images) <= WINDOW:
            raise ValueError(f"images must be [1…{WINDOW}, 3, h, w], got {list(images.shape)}")
        grid = (images.shape[2], images.shape[3])
        if grid[0] % PATCH or grid[1] % PATCH or 0 in grid or grid != (self.grid or grid):
            wanted = self.grid or f"multiples of {PATCH}"
            raise ValueError(f"height and width of the images must be {wanted}, got {grid}")
        depth: Tensor = self.head(self.pretrained(images), grid)
        return depth


def build(name: str, state_dict: Mapping[str, Tensor], *, metric: bool = False) -> VideoDepth:
    """Return the network `name` with the weights of an official checkpoint.

    name        vits, vitb or vitl
    state_dict  name to tensor, as in the checkpoint; float32 tensors are shared, not copied
    metric      whether the checkpoint is a metric one; nothing in it says so

    Raises ConfigError for an unknown name, WeightsError for weights that do not match.
    """
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ConfigError(f"there is no Video-Depth-Anything '{name}': choose one of {known}")
    return assemble(ARCHITECTURES[name], state_dict, metric=metric, name=name)


def assemble(
    architecture: Architecture, state_dict: Mapping[str, Tensor], *, metric: bool = False,
    name: str = "a network of this size", grid: tuple[int, int] | None = None,
) -> VideoDepth:  # fmt: skip
    """Return a network of any `architecture` with weights, see `build` and `VideoDepth`."""
    with torch.device("meta"):
        network = VideoDepth(architecture, metric=metric, grid=grid)
    weights.load(network, state_dict, name=name)
    return network
