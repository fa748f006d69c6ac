"""Woods from within: a floor of fallen leaves, stems, and leaves behind leaves up to the light."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.world.limbs import trunk
from stereocast.training.scenes.world.nature import far_ridges, under_the_sky
from stereocast.training.scenes.world.solids import Place, panel
from stereocast.training.scenes.world.stage import Stage

_CLEAR_M = 0.8  # from the camera's way
_HALF_VIEW = 0.9  # radians


def woods(draws: Draws, motion: str | None) -> Stage:
    """Build a wood as one sees it who stands in it."""
    stage = under_the_sky(
        draws, motion, ahead=draws.uniform(1.0, 3.5), focus=3.5, ground=("litter",)
    )
    far_ridges(stage, count=2, nearest=30.0)
    _walls_of_leaves(stage)
    _stems(stage)
    _saplings(stage)
    _dapples(stage)
    return stage


def _spots(stage: Stage, distances: Iterable[float]) -> Iterator[tuple[float, Place]]:
    """Yield places so far away within the view, turned anyhow, where the camera does not pass."""
    for far in distances:
        angle = stage.path.venue.yaw + stage.draws.uniform(-_HALF_VIEW, _HALF_VIEW)
        x, z = far * math.sin(angle), far * math.cos(angle)
        if stage.path.clearance(x, z) >= _CLEAR_M:
            yield far, Place(x, z, angle + stage.draws.normal(0.4))


def _scattered(draws: Draws, count: int, nearest: float, farthest: float) -> Iterator[float]:
    """Yield so many distances, each drawn when it is asked for."""
    return (draws.uniform(nearest, farthest) for _ in range(count))


def _walls_of_leaves(stage: Stage) -> None:
    """Hang leaves up behind one another, from the ground and from above, until all is closed."""
    draws = stage.draws
    nearest, count = draws.uniform(2.5, 8.0), draws.whole(30, 110)
    for far, place in _spots(stage, (nearest * 7.0 ** (n / count) for n in range(count))):
        wide, tall = far * draws.uniform(0.2, 0.5), far * draws.uniform(0.1, 0.45)
        foot = 0.0 if stage.chance(0.55) else -draws.uniform(0.1, 0.6) * far
        stage.add(panel(place, (0, foot, 0), wide, tall, stage.coat("hedge"), cut=True))


def _stems(stage: Stage) -> None:
    """Let trunks and thin stems grow at every distance."""
    draws, bark = stage.draws, stage.coat("bark")
    count = draws.whole(15, 60)
    for _, place in _spots(stage, (1.5 + 18 * (number / 50) ** 1.4 for number in range(count))):
        thick = draws.uniform(0.06, 0.2) if stage.chance(0.2) else draws.uniform(0.008, 0.04)
        tall = draws.uniform(2.0, 9.0) * (1.0 if thick < 0.06 else 1.5)
        lean = draws.normal(0.5 if stage.chance(0.2) else 0.1) * tall
        stage.add(*trunk(place, lean, tall, thick, bark))
        if thick > 0.03:
            stage.shades.append(stage.shade(place, (2 * thick, 2 * thick), tall, strength=0.4))


def _saplings(stage: Stage) -> None:
    """Strew small plants over the floor, now and then a leaf close to the eye."""
    draws = stage.draws
    for _, place in _spots(stage, _scattered(draws, draws.whole(10, 70), 1.0, 9.0)):
        size = draws.uniform(0.08, 0.5)
        foot = -draws.uniform(0.0, 0.8) if stage.chance(0.4) else 0.0
        coat = stage.coat("spray", "spray", "tuft")
        rows = [
            panel(place.at(0, 0, turn), (0, foot, 0), 1.4 * size, size, coat, cut=True)
            for turn in (0.0, 1.57)
        ]
        stage.add(*rows)
        stage.shades.append(stage.shade(place, (size / 2, size / 2), size, strength=0.4))


def _dapples(stage: Stage) -> None:
    """Let the leaves above throw their patches of shadow on the floor."""
    draws = stage.draws
    for _, place in _spots(stage, _scattered(draws, draws.whole(0, 40), 0.8, 10.0)):
        half = (draws.uniform(0.15, 1.2), draws.uniform(0.1, 0.6))
        stage.shades.append(stage.shade(place, half, 0.0, strength=draws.uniform(0.2, 0.7)))
