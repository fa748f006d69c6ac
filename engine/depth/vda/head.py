"""The DPT head: four maps of tokens become one map of depth, with temporal modules on the way.

Attribute names are those of the official checkpoints (prefix `head.`). Source: depth.md §1.3 of the
design; DPT, Ranftl et al. 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stereocast.engine.depth.vda.architecture import Architecture, token_grid
from stereocast.engine.depth.vda.attention import Attend, MotionModule, TemporalAttention

_FRAMES_AT_ONCE = 4  # of the full-resolution part, which is what needs memory


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample [T, C, h, w] to `size` bilinearly, corner pixels on corner pixels."""
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=True)


class ResidualConvUnit(nn.Module):
    """Two convolutions behind ReLUs; what is added back is the input before its ReLU."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return x [T, F, h, w] refined."""
        change = self.conv2(functional.relu(self.conv1(functional.relu(x))))
        result: Tensor = x + change
        return result


class Fusion(nn.Module):
    """Add a finer map to a coarse one, refine, and resample.

    Folded, the 1×1 convolution runs before the resampling instead of after it: the weights of a
    bilinear sample sum to 1, so the two commute, and there are four times fewer pixels.
    """

    def __init__(self, features: int, *, folded: bool, deepest: bool = False) -> None:
        super().__init__()
        self.folded = folded
        self.out_conv = nn.Conv2d(features, features, 1)
        if not deepest:
            self.resConfUnit1 = ResidualConvUnit(features)
        self.resConfUnit2 = ResidualConvUnit(features)

    def forward(self, coarse: Tensor, fine: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Return [T, F, *size] of coarse and fine, both [T, F, h, w]."""
        if fine is not None:
            coarse = coarse + self.resConfUnit1(fine)
        coarse = self.resConfUnit2(coarse)
        if self.folded:
            return resize(self.out_conv(coarse), size)
        result: Tensor = self.out_conv(resize(coarse, size))
        return result


class LastConvolutions(nn.Sequential):
    """From features to depth ≥ 0, in the precision of their own weights: an fp32 island."""

    def __init__(self, features: int) -> None:
        super().__init__(
            nn.Conv2d(features, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 1, 1), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return depth [T, 1, h, w] of x [T, F/2, h, w]."""
        for layer in self:
            x = layer(x.to(self.dtype))
        return x

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the arithmetic, and of depth."""
        return next(self.parameters()).dtype


class Scratch(nn.Module):
    """The pyramid's convolutions, under the name that the checkpoint has for them."""

    def __init__(self, architecture: Architecture, *, folded: bool) -> None:
        super().__init__()
        features = architecture.features
        c1, c2, c3, c4 = architecture.out_channels
        self.layer1_rn = nn.Conv2d(c1, features, 3, padding=1, bias=False)
        self.layer2_rn = nn.Conv2d(c2, features, 3, padding=1, bias=False)
        self.layer3_rn = nn.Conv2d(c3, features, 3, padding=1, bias=False)
        self.layer4_rn = nn.Conv2d(c4, features, 3, padding=1, bias=False)
        self.refinenet1 = Fusion(features, folded=folded)
        self.refinenet2 = Fusion(features, folded=folded)
        self.refinenet3 = Fusion(features, folded=folded)
        self.refinenet4 = Fusion(features, folded=folded, deepest=True)
        self.output_conv1 = nn.Conv2d(features, features // 2, 3, padding=1)
        self.output_conv2 = LastConvolutions(features // 2)


class Head(nn.Module):
    """Map the encoder's taps to depth, and let the frames see each other in four places."""

    def __init__(self, architecture: Architecture, *, folded: bool) -> None:
        super().__init__()
        c1, c2, _, c4 = architecture.out_channels
        self.projects = nn.ModuleList(
            nn.Conv2d(architecture.dim, channels, 1) for channels in architecture.out_channels
        )
        self.resize_layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(c1, c1, 4, stride=4),
                nn.ConvTranspose2d(c2, c2, 2, stride=2),
                nn.Identity(),
                nn.Conv2d(c4, c4, 3, stride=2, padding=1),
            ]
        )
        self.motion_modules = nn.ModuleList(
            MotionModule(dim, folded=folded) for dim in architecture.temporal_dims
        )
        self.scratch = Scratch(architecture, folded=folded)

    def temporal_attentions(self) -> list[TemporalAttention]:
        """Return the eight attention sublayers in the order in which a frame meets them."""
        found = []
        for module in self.motion_modules:
            assert isinstance(module, MotionModule)
            found += list(module.temporal_transformer.block.attention_blocks)
        return [layer for layer in found if isinstance(layer, TemporalAttention)]

    def forward(
        self, taps: list[Tensor], grid: tuple[int, int], attend: Attend | None = None
    ) -> Tensor:
        """Return depth [T, h, w] ≥ 0 of one window.

        taps    four token maps [T, P, D] of an input of `grid` = (h, w) pixels
        attend  the attention in time, by number of the sublayer in 0…7; None: over the T frames
        """
        scratch = self.scratch
        deep = self._motion(0, self._level(2, taps[2], grid), attend)
        deepest = self._motion(1, self._level(3, taps[3], grid), attend)
        deepest, deep = scratch.layer4_rn(deepest), scratch.layer3_rn(deep)
        path = scratch.refinenet4(deepest, None, _size(deep))
        path = self._motion(2, path, attend)
        middle = scratch.layer2_rn(self._level(1, taps[1], grid))
        path = scratch.refinenet3(path, deep, _size(middle))
        path = self._motion(3, path, attend)
        parts = zip(
            *(torch.split(x, _FRAMES_AT_ONCE) for x in (path, middle, taps[0])), strict=True
        )
        return torch.cat([self._finest(*part, grid=grid) for part in parts])

    def _level(self, number: int, tap: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return level `number` of the pyramid, [T, c, h', w']."""
        tokens = tap.transpose(1, 2).reshape(len(tap), -1, *token_grid(grid))
        result: Tensor = self.resize_layers[number](self.projects[number](tokens))
        return result

    def _motion(self, number: int, x: Tensor, attend: Attend | None) -> Tensor:
        if attend is None:
            result: Tensor = self.motion_modules[number](x)
            return result
        chosen = attend
        result = self.motion_modules[number](x, lambda j, hidden: chosen(2 * number + j, hidden))
        return result

    def _finest(
        self, path: Tensor, middle: Tensor, tap: Tensor, *, grid: tuple[int, int]
    ) -> Tensor:
        """Return depth [T, h, w] from what the temporal modules have left, frame by frame."""
        scratch = self.scratch
        fine = scratch.layer1_rn(self._level(0, tap, grid))
        path = scratch.refinenet2(path, middle, _size(fine))
        height, width = _size(fine)
        path = scratch.refinenet1(path, fine, (2 * height, 2 * width))
        path = resize(scratch.output_conv1(path), grid)
        depth: Tensor = scratch.output_conv2(path)
        return depth.squeeze(1)


def _size(x: Tensor) -> tuple[int, int]:
    return x.shape[-2], x.shape[-1]
