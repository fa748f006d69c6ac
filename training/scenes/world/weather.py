"""What air and camera do to colours, never to depth: fog, exposure, flashes, fades, noise.

The lens and the codec are in lens.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.room import Swing
from stereocast.training.scenes.world.lens import compressed, softened

WEATHER_STREAM, NOISE_STREAM = 11, 12


@dataclass(frozen=True)
class Weather:
    """The effects of one clip, as pure functions of the frame's number.

    fog_m     distance at which two thirds are lost in fog, 0: none; haze: its colour, 0..255
    gain      exposure, and its slow swing; contrast: exponent of the tone curve
    tint      gains of the three channels
    flash     every so many frames one or two are lit up, 0: never
    fade      every so many frames the picture goes through black (or white), 0: never
    soft      share of a small blur; noise: deviation of the camera's noise, in 8-bit levels
    step      coarseness of compression, in 8-bit levels, 0: none
    """

    seed: int
    fog_m: float
    haze: tuple[float, float, float]
    gain: Swing
    contrast: float
    tint: tuple[float, float, float]
    flash: int
    fade: int
    fades_to: float
    soft: float
    noise: float
    step: float

    def over(self, rgb: Tensor, depth_m: Tensor, index: int, *, noisy: bool = True) -> Tensor:
        """Return the picture [3, H, W] uint8 as it is taken through this weather.

        noisy  whether the camera adds its noise and compression, which no second eye shares
        """
        picture = rgb.float()
        if self.fog_m > 0:
            # The sky is not farther than the haze before it: it keeps a part of its colour.
            share = 1 - torch.exp(-depth_m.clamp_max(3 * self.fog_m) / self.fog_m)
            haze = torch.tensor(self.haze)[:, None, None]
            picture = torch.lerp(picture, haze, share)
        gain = self.gain.at(index) * self._flash_at(index)
        tint = torch.tensor(self.tint)[:, None, None] * gain
        if self.contrast != 1.0:
            picture = (picture / 255).pow_(self.contrast) * 255
        picture = picture * tint
        faded = self._fade_at(index)
        if faded > 0:
            picture = picture * (1 - faded) + self.fades_to * faded
        if self.soft > 0:
            picture = softened(picture, self.soft)
        if noisy and self.noise > 0:
            draws = Draws(self.seed, NOISE_STREAM, index)
            picture += self.noise * torch.randn(picture.shape, generator=draws.generator)
        if noisy and self.step > 0:
            picture = compressed(picture, self.step)
        return picture.add_(0.5).clamp_(0, 255).to(torch.uint8)

    def _flash_at(self, index: int) -> float:
        return 1.7 if self.flash and index % self.flash in (self.flash - 1, self.flash - 2) else 1.0

    def _fade_at(self, index: int) -> float:
        if not self.fade:
            return 0.0
        away = abs(index % self.fade - self.fade // 2)
        return max(0.0, 1 - away / 8)


def draw_weather(seed: int, *, outdoors: bool) -> Weather:
    """Draw the effects of a clip: most clips are clear, a few flash or fade."""
    draws = Draws(seed, WEATHER_STREAM)
    fog, level = 0.0, draws.uniform(120, 235)
    if outdoors and draws.uniform(0, 1) < 0.3:
        fog = math.exp(draws.uniform(math.log(12), math.log(300)))
    elif draws.uniform(0, 1) < 0.04:
        fog = draws.uniform(4, 15)
    changes = draws.uniform(0, 1)
    flash, fade = draws.whole(12, 40), draws.whole(40, 120)
    warm = draws.normal(0.06)
    return Weather(
        seed=seed,
        fog_m=fog,
        haze=(level * draws.uniform(0.9, 1.0), level * draws.uniform(0.93, 1.0), level),
        gain=Swing(
            draws.uniform(0.7, 1.25),
            draws.uniform(0.05, 0.25) if changes < 0.2 else 0.0,
            draws.uniform(0.02, 0.2),
            draws.uniform(0, math.tau),
        ),
        contrast=draws.uniform(0.75, 1.35) if draws.uniform(0, 1) < 0.5 else 1.0,
        tint=(1 + warm, 1.0, 1 - warm),
        flash=flash if 0.2 <= changes < 0.25 else 0,
        fade=fade if 0.25 <= changes < 0.33 else 0,
        fades_to=0.0 if draws.uniform(0, 1) < 0.8 else 255.0,
        soft=draws.uniform(0.1, 1.0) if draws.uniform(0, 1) < 0.5 else 0.0,
        noise=draws.uniform(0.5, 5.0) if draws.uniform(0, 1) < 0.7 else 0.0,
        step=math.exp(draws.uniform(0.7, 3.2)) if draws.uniform(0, 1) < 0.5 else 0.0,
    )
