"""What a camera, a lens and a codec do to a picture, done to rendered clips.

Whatever belongs to a camera (colour, gamma, vignette, blur, bars) is the same for all frames of a
clip; noise, compression and a little exposure differ from frame to frame. All of it is mild: the
weather of the rendered worlds (scenes/world/weather.py) has been over the pictures before.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

BLOCK = 8  # pixels, of the transform in JPEG and its kin


@dataclass(frozen=True)
class Augmented:
    """rgb float32 [N, T, 3, h, w] in [0, 1]; bars bool [N, 1, h, w], True where a bar lies."""

    rgb: Tensor
    bars: Tensor


def augment(rgb: Tensor, draw: torch.Generator) -> Augmented:
    """Return clips [N, T, 3, h, w] in [0, 1] as a camera might have brought them."""
    rgb = _colour(rgb, draw)
    rgb = _vignette(rgb, draw)
    rgb = _soften(rgb, draw)
    rgb = _noise(rgb, draw)
    rgb = _compress(rgb, draw)
    return _bars(rgb, draw)


def _uniform(draw: torch.Generator, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=draw)


def _colour(rgb: Tensor, draw: torch.Generator) -> Tensor:
    """Gain per channel and frame, saturation, gamma, contrast around the clip's mean."""
    clips, frames = rgb.shape[:2]
    gain = _uniform(draw, (clips, 1, 3, 1, 1), 0.9, 1.1) * _uniform(
        draw, (clips, 1, 1, 1, 1), 0.75, 1.3
    )
    flicker = 1 + 0.02 * torch.randn((clips, frames, 1, 1, 1), generator=draw)
    rgb = rgb * (gain * flicker)
    grey = rgb.mean(2, keepdim=True)
    rgb = torch.lerp(grey, rgb, _uniform(draw, (clips, 1, 1, 1, 1), 0.5, 1.3))
    centre = rgb.mean((1, 2, 3, 4), keepdim=True)
    rgb = torch.lerp(centre, rgb, _uniform(draw, (clips, 1, 1, 1, 1), 0.8, 1.25))
    gamma = torch.exp(_uniform(draw, (clips, 1, 1, 1, 1), -0.25, 0.25))
    return rgb.clamp(1e-4, 1).pow(gamma)


def _vignette(rgb: Tensor, draw: torch.Generator) -> Tensor:
    clips, (height, width) = len(rgb), rgb.shape[-2:]
    y = torch.linspace(-1, 1, height)[:, None].square()
    x = torch.linspace(-1, 1, width)[None].square()
    strength = _uniform(draw, (clips, 1, 1, 1, 1), -0.3, 0.3).clamp_min(0)
    return rgb * (1 - strength * (x + y) / 2)


def _soften(rgb: Tensor, draw: torch.Generator) -> Tensor:
    """Blur a quarter of the clips, as focus and scalers do: drawn smaller and back."""
    clips = len(rgb)
    blurred = torch.rand(clips, generator=draw) < 0.25
    factors = _uniform(draw, (clips,), 0.5, 0.9).tolist()
    result = rgb.clone()
    size = rgb.shape[-2:]
    for number in blurred.nonzero().flatten().tolist():
        small = (max(int(size[0] * factors[number]), 4), max(int(size[1] * factors[number]), 4))
        fewer = interpolate(rgb[number], size=small, mode="bilinear", align_corners=False)
        result[number] = interpolate(fewer, size=size, mode="bilinear", align_corners=False)
    return result


def _noise(rgb: Tensor, draw: torch.Generator) -> Tensor:
    """Noise that grows with the square root of light, in half of the clips."""
    clips = len(rgb)
    sigma = _uniform(draw, (clips, 1, 1, 1, 1), -0.02, 0.02).clamp_min(0)
    noise = torch.randn(rgb.shape, generator=draw)
    return (rgb + sigma * (0.4 + rgb.clamp_min(0).sqrt()) * noise).clamp(0, 1)


def _compress(rgb: Tensor, draw: torch.Generator) -> Tensor:
    """Quantise a quarter of the clips block by block, coarser in colour and fine patterns."""
    chosen = torch.rand(len(rgb), generator=draw) < 0.25
    steps = torch.exp(_uniform(draw, (len(rgb), 1, 1, 1, 1), -4.6, -2.4))
    if not bool(chosen.any()):
        return rgb
    result = rgb.clone()
    result[chosen] = _quantised(rgb[chosen].flatten(0, 1), steps[chosen], rgb.shape[1])
    return result


def _quantised(frames: Tensor, steps: Tensor, length: int) -> Tensor:
    height, width = frames.shape[-2:]
    luma = 0.299 * frames[:, 0] + 0.587 * frames[:, 1] + 0.114 * frames[:, 2]
    planes = torch.stack((luma, frames[:, 2] - luma, frames[:, 0] - luma), dim=1)
    grown = pad(planes, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")
    rows, columns = grown.shape[-2] // BLOCK, grown.shape[-1] // BLOCK
    blocks = grown.reshape(-1, 3, rows, BLOCK, columns, BLOCK).transpose(3, 4)
    basis = _cosines()
    frequency = torch.arange(BLOCK)
    weight = 1 + 0.6 * (frequency[:, None] + frequency)  # coarser the finer the pattern
    step = steps.repeat_interleave(length, 0)[..., None] * weight
    step = step * torch.tensor([1.0, 2.0, 2.0]).view(1, 3, 1, 1, 1, 1)
    coded = torch.round(basis @ blocks @ basis.T / step) * step
    planes = (basis.T @ coded @ basis).transpose(3, 4).reshape(grown.shape)
    luma, blue, red = planes[..., :height, :width].unbind(1)
    red, blue = red + luma, blue + luma
    green = (luma - 0.299 * red - 0.114 * blue) / 0.587
    return torch.stack((red, green, blue), dim=1).clamp(0, 1).view(-1, length, 3, height, width)


def _cosines() -> Tensor:
    """Return the orthonormal cosine transform of 8 samples, [8, 8], a row for each frequency."""
    sample = torch.arange(BLOCK) + 0.5
    basis = torch.cos(torch.pi / BLOCK * torch.arange(BLOCK)[:, None] * sample) / 2
    basis[0] /= 2**0.5
    return basis


def _bars(rgb: Tensor, draw: torch.Generator) -> Augmented:
    """Lay black bars over one clip in twelve: above and below, or left and right."""
    clips, (height, width) = len(rgb), rgb.shape[-2:]
    kind = torch.rand(clips, generator=draw)
    share = _uniform(draw, (clips, 1, 1, 1), 0.04, 0.2)
    y = torch.linspace(0, 1, height)[:, None].expand(height, width)
    x = torch.linspace(0, 1, width).expand(height, width)
    lies = (kind < 0.06).view(-1, 1, 1, 1)
    stands = ((kind >= 0.06) & (kind < 0.085)).view(-1, 1, 1, 1)
    bars = (lies & ((y < share) | (y > 1 - share))) | (stands & ((x < share) | (x > 1 - share)))
    return Augmented(rgb * ~bars[:, :, None], bars)
