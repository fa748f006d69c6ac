"""Seeded draws: the one place where a scene's random numbers come from.

A draw is a plain float or tuple; what is drawn, and from which range, is said where it is used.
"""

from __future__ import annotations

import torch

from stereocast.engine.errors import ConfigError
from stereocast.kernels.raycast.textures import Colour


class Draws:
    """A stream of random numbers that depends on the given whole numbers and on nothing else.

    Streams of different numbers are independent: (seed, purpose, index) gives any frame directly.
    Raises ConfigError if a number is negative.
    """

    def __init__(self, *numbers: int) -> None:
        if any(number < 0 for number in numbers):
            raise ConfigError(f"scenes: a seed must not be negative, got {list(numbers)}")
        self.generator = torch.Generator().manual_seed(_mixed(numbers))

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * float(torch.rand(1, generator=self.generator))

    def normal(self, deviation: float) -> float:
        """Return a number from the normal distribution with mean 0."""
        return deviation * float(torch.randn(1, generator=self.generator))

    def whole(self, low: int, high: int) -> int:
        """Return a whole number in [low, high]."""
        return int(torch.randint(low, high + 1, (1,), generator=self.generator))

    def shuffled(self, count: int) -> list[int]:
        """Return 0 … count − 1 in random order."""
        order: list[int] = torch.randperm(count, generator=self.generator).tolist()
        return order

    def colour(
        self, low: float, high: float, *, saturation: tuple[float, float] = (0.08, 0.62)
    ) -> Colour:
        """Return a colour of any hue, its brightest channel and its saturation in range."""
        hue, value = self.uniform(0, 6), self.uniform(low, high)
        grey = 1 - self.uniform(*saturation)
        red, green, blue = (
            value * (grey + (1 - grey) * (1 - min(max(min(k, 4 - k), 0.0), 1.0)))
            for k in ((n + hue) % 6 for n in (5, 3, 1))
        )
        return red, green, blue


def _mixed(numbers: tuple[int, ...]) -> int:
    """Return one 63-bit seed; neighbours such as (0, 1) and (1, 0) differ in all bits.

    Source: Steele et al. 2014, "Fast splittable pseudorandom number generators" (SplitMix64).
    """
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) % 2**64
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        state = (state ^ state >> 27) * 0x94D049BB133111EB % 2**64
        state ^= state >> 31
    return state >> 1
