"""HDR and wide gamut to what every screen shows: BT.709 primaries, SDR.

Simple on purpose: one curve for the brightest channel, no scene analysis, so a picture never pumps.
Plain torch; a native form can follow when HDR sources turn out to matter.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Transfer = Literal["pq", "hlg", "sdr"]

# ITU-R BT.2408-7: diffuse white of HDR programmes, the level that stands for SDR white.
REFERENCE_WHITE_NITS = 203.0
# Up to half of reference white the picture keeps its brightness; above it the shoulder begins.
KNEE = 0.5
SDR_GAMMA = 2.4  # ITU-R BT.1886

# SMPTE ST 2084, the constants of the PQ curve.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ITU-R BT.2100-2, the constants of the HLG curve, its nominal peak and its system gamma there.
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_HLG_PEAK_NITS, _HLG_GAMMA = 1000.0, 1.2

# ITU-R BT.2087-0: linear BT.2020 to linear BT.709 (D65 both).
BT2020_TO_BT709 = (
    (1.6605, -0.5876, -0.0728),
    (-0.1246, 1.1329, -0.0083),
    (-0.0182, -0.1006, 1.1187),
)
_BT2020_LUMA = (0.2627, 0.6780, 0.0593)


def tone_map(signal: Tensor, *, transfer: Transfer, peak_nits: float = 1000.0) -> Tensor:
    """Convert BT.2020 R'G'B' to BT.709 SDR R'G'B'.

    signal     [3, H, W] float32 in [0, 1], the codes as transmitted
    transfer   "pq" (SMPTE ST 2084), "hlg" (BT.2100) or "sdr" (only the primaries change)
    peak_nits  luminance that becomes full white; brighter is clipped; > 203
    returns    [3, H, W] uint8

    Light relative to 203 nits is kept below one half; above, the brightest channel follows an
    extended Reinhard shoulder that starts with slope 1 and reaches 1 at the peak, and the other
    channels keep their proportion to it, so hues stay. Reference white lands at 0.75 of the light.
    Raises ValueError for an unknown transfer or a peak at or below reference white.
    """
    if transfer not in ("pq", "hlg", "sdr"):
        raise ValueError(f"transfer must be pq, hlg or sdr, got {transfer!r}")
    if peak_nits <= REFERENCE_WHITE_NITS:
        raise ValueError(f"peak_nits must exceed {REFERENCE_WHITE_NITS:g}, got {peak_nits:g}")
    light = _to_light(signal, transfer)
    matrix = torch.tensor(BT2020_TO_BT709, dtype=light.dtype, device=light.device)
    light = (matrix @ light.flatten(1)).view_as(light).clamp_min_(0.0)
    if transfer != "sdr":
        light = _roll_off(light, peak_nits / REFERENCE_WHITE_NITS)
    levels = light.clamp_(0.0, 1.0).pow_(1.0 / SDR_GAMMA).mul_(255.0).add_(0.5)
    return levels.to(torch.uint8)


def _to_light(signal: Tensor, transfer: Transfer) -> Tensor:
    """Decode the signal to linear light, 1 = reference white."""
    if transfer == "sdr":
        return signal.pow(SDR_GAMMA)
    if transfer == "pq":
        root = signal.pow(1.0 / _M2)
        nits = ((root - _C1).clamp_min_(0.0) / (_C2 - _C3 * root)).pow_(1.0 / _M1).mul_(10000.0)
        return nits / REFERENCE_WHITE_NITS
    scene = torch.where(
        signal <= 0.5, signal.square() / 3.0, (((signal - _HLG_C) / _HLG_A).exp() + _HLG_B) / 12.0
    )
    weights = torch.tensor(_BT2020_LUMA, dtype=scene.dtype, device=scene.device)
    luminance = (weights @ scene.flatten(1)).view_as(scene[0])
    # The floor keeps black black: 0 to a positive power, times 0.
    gain = luminance.clamp_min(1e-9).pow(_HLG_GAMMA - 1.0) * (_HLG_PEAK_NITS / REFERENCE_WHITE_NITS)
    return scene * gain


def _roll_off(light: Tensor, peak: float) -> Tensor:
    """Compress light above the knee so that `peak` becomes 1; hues are kept."""
    brightest = light.amax(0)
    over = ((brightest.clamp_max(peak) - KNEE) / (1.0 - KNEE)).clamp_min_(0.0)
    limit = (peak - KNEE) / (1.0 - KNEE)
    shoulder = KNEE + (1.0 - KNEE) * over * (1.0 + over / limit**2) / (1.0 + over)
    gain = torch.where(brightest > KNEE, shoulder / brightest.clamp_min(KNEE), 1.0)
    return light * gain
