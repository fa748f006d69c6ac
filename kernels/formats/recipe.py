"""How each kind of anaglyph mixes the eyes: numbers and tables, no pixels.

Sources: E. Dubois, "A projection method to generate anaglyph stereo images", ICASSP 2001;
P. Wimmer, "Anaglyph methods comparison"; IEC 61966-2-1 (sRGB); ITU-R BT.601 (luma).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

ENCODE_STEPS = 1 << 14
"""Linear light 1.0 in whole numbers, and the last index of the tables."""
POWER_STEPS = 16384
_WIMMER_GAMMA = 1.6


class Anaglyph(StrEnum):
    """Kinds for glasses that are red on the left and cyan on the right."""

    DUBOIS = "dubois"
    """Least retinal rivalry that keeps colours; computed in linear light."""
    DUBOIS2 = "dubois2"
    """The same, negative light of one eye is taken from the other's: less ghosting, more noise."""
    COLOR = "color"
    """Plain channels: true colours, strong rivalry on red and blue."""
    GRAY = "gray"
    """Both eyes without colour: no rivalry."""
    HALF_COLOR = "half-color"
    """Left eye without colour, right eye with."""
    WIMMER = "wimmer"
    """Red from green and blue: colours without red, little rivalry."""
    WIMMER2 = "wimmer2"
    """The same with lifted reds and a brightened left eye."""


@dataclass(frozen=True)
class Recipe:
    """What the kernels need of one kind.

    mode    0: matrix on coded values; 1, 2: on linear light, clipped per eye or only as a sum;
            3: Wimmer's second method, which has no matrix
    matrix  int32 [3, 6], thousandths: rows red, green, blue; columns left RGB, right RGB
    decode  int32 [256], code → linear light × 2¹⁴
    encode  uint8 [2¹⁴ + 1], linear light → code; in mode 3 the power curve of red
    """

    mode: int
    matrix: Tensor
    decode: Tensor
    encode: Tensor


_MODES = {Anaglyph.DUBOIS: 1, Anaglyph.DUBOIS2: 2, Anaglyph.WIMMER2: 3}
_LUMA = (299, 587, 114)
_NONE, _GREEN, _BLUE = (0, 0, 0), (0, 1000, 0), (0, 0, 1000)
_DUBOIS = (
    ((437, 449, 164), (-11, -32, -7)),
    ((-62, -62, -24), (377, 761, 9)),
    ((-48, -50, -17), (-26, -93, 1234)),
)
_MATRICES = {
    Anaglyph.DUBOIS: _DUBOIS,
    Anaglyph.DUBOIS2: _DUBOIS,
    Anaglyph.COLOR: (((1000, 0, 0), _NONE), (_NONE, _GREEN), (_NONE, _BLUE)),
    Anaglyph.GRAY: ((_LUMA, _NONE), (_NONE, _LUMA), (_NONE, _LUMA)),
    Anaglyph.HALF_COLOR: ((_LUMA, _NONE), (_NONE, _GREEN), (_NONE, _BLUE)),
    Anaglyph.WIMMER: (((0, 700, 300), _NONE), (_NONE, _GREEN), (_NONE, _BLUE)),
    Anaglyph.WIMMER2: ((_NONE, _NONE), (_NONE, _GREEN), (_NONE, _BLUE)),
}


def recipe(kind: Anaglyph) -> Recipe:
    """Return the numbers of one kind; build it once for a stream."""
    mode = _MODES.get(kind, 0)
    share = torch.arange(ENCODE_STEPS + 1, dtype=torch.float64) / ENCODE_STEPS
    curve = share.pow(1 / _WIMMER_GAMMA) if kind is Anaglyph.WIMMER2 else encoded(share)
    codes = torch.arange(256, dtype=torch.float64) / 255
    return Recipe(
        mode=mode,
        matrix=torch.tensor(_MATRICES[kind], dtype=torch.int32).reshape(3, 6),
        decode=(linear(codes) * ENCODE_STEPS).round().int(),
        encode=(curve * 255).round().to(torch.uint8),
    )


def linear(coded: Tensor) -> Tensor:
    """Return the linear light in [0, 1] of sRGB values in [0, 1]."""
    return torch.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def encoded(light: Tensor) -> Tensor:
    """Return the sRGB values in [0, 1] of linear light in [0, 1]."""
    curve = 1.055 * light.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, light * 12.92, curve)
