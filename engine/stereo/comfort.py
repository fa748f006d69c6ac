"""The comfort governor: how much parallax eyes are asked for, and what becomes of more.

Three steps, from gentle to firm. A scene that would leave its budget as a whole is made shallower
as a whole. What still sticks out is bent back by a soft knee, never clipped: a clip flattens near
things into cards. And at the left and right edge of the picture parallax starts from zero and may
only rise so fast, because what the frame cuts off for one eye only (a window violation) hurts most,
after wrong silhouettes.

The edge guard bounds |parallax| by a ramp instead of fading all of it: what is shallower than the
ramp stays exact, and nothing has to be found, remembered or painted black as by a floating window,
which flickers when things enter and leave. Behind the screen it also saves the edge columns from
showing what no camera saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.engine.stereo.bars import Window

ARCMIN = math.radians(1 / 60)
_UNLIMITED = 1e-3  # comfort below this counts as this: 500 times the budget


@dataclass(frozen=True)
class Display:
    """Where the viewer sees the picture: angle of its width, distance to it, distance of eyes."""

    hfov_deg: float
    distance_m: float
    eyes_m: float

    @property
    def width_m(self) -> float:
        """Width of the picture."""
        return 2 * self.distance_m * math.tan(math.radians(self.hfov_deg) / 2)

    def front_share(self, arcmin: float) -> float:
        """Return the parallax, as a share of the width, seen so much nearer than the screen."""
        half = math.atan(self.eyes_m / 2 / self.distance_m) + arcmin * ARCMIN / 2
        if half >= math.pi / 2:
            return math.inf
        return (2 * self.distance_m * math.tan(half) - self.eyes_m) / self.width_m

    def behind_share(self, arcmin: float) -> float:
        """Return the parallax, > 0 as a share of the width, seen so much farther; see `parallel`.

        Eyes that look at infinity look at all greater angles, too.
        """
        half = math.atan(self.eyes_m / 2 / self.distance_m) - arcmin * ARCMIN / 2
        return (self.eyes_m - 2 * self.distance_m * math.tan(max(half, 0.0))) / self.width_m

    @property
    def parallel(self) -> float:
        """Parallax of infinity as a share of the width: more would make the eyes diverge."""
        return self.eyes_m / self.width_m


@dataclass(frozen=True)
class Budget:
    """Most parallax, as shares of the eye's width; all > 0.

    front, behind  what `comfort` 0.5 allows either side of the screen
    divergence     what is never passed behind the screen
    speed          per second, what counts as fast
    """

    front: float
    behind: float
    divergence: float
    speed: float

    @staticmethod
    def on(
        display: Display, *, percent: tuple[float, float], arcmin: tuple[float, float],
        speed_arcmin_s: float,
    ) -> Budget:  # fmt: skip
        """Return the stricter of % of the width and angle on `display`, each (front, behind)."""
        return Budget(
            front=min(percent[0] / 100, display.front_share(arcmin[0])),
            behind=min(percent[1] / 100, display.behind_share(arcmin[1])),
            divergence=display.parallel,
            speed=speed_arcmin_s * ARCMIN * display.distance_m / display.width_m,
        )

    def limits_px(self, comfort: Tensor, width: int) -> Tensor:
        """Return the limits float32 [2] in front and behind, px, both > 0.

        comfort  []: 0 no limit but that of divergence, 0.5 the budget, 1 half of it
        """
        budgets = 1 / (2 * comfort.clamp_min(_UNLIMITED / 2))
        behind = (self.behind * budgets).clamp_max(self.divergence)
        return width * torch.stack((self.front * budgets, behind))


def governed_gain(reach_px: Tensor, limits_px: Tensor) -> Tensor:
    """Return the factor [] in (0, 1] that brings a scene into its limits.

    reach_px   float32 [2], parallax of its near end, and minus that of its far end
    limits_px  float32 [2], front and behind
    """
    return (limits_px / reach_px.clamp_min(1e-6)).amin().clamp_max(1)


def soft_limit(disparity: Tensor, limits: Tensor, *, knee: float) -> Tensor:
    """Bend disparity so that it approaches its limit but never passes it; keeps order.

    limits  float32 [2], front and behind, > 0, in the unit of `disparity`
    knee    share of a limit up to which nothing changes; beyond, x / √(1 + x²) bends what is left,
            which leaves value, slope and curvature continuous
    """
    front, behind = limits.unbind()
    untouched = torch.maximum(torch.minimum(disparity, knee * front), -knee * behind)
    room_front, room_behind = (1 - knee) * front, (1 - knee) * behind
    excess = disparity - untouched
    # Both signs by clamping: choosing per pixel costs three times as much.
    excess = excess.clamp_min(0) / room_front + excess.clamp_max(0) / room_behind
    bent = excess * (excess.square() + 1).rsqrt_()
    return untouched + bent.clamp_min(0) * room_front + bent.clamp_max(0) * room_behind


def edge_guard(disparity: Tensor, window: Window, *, frame_width: int, slope: float) -> Tensor:
    """Return disparity float32 [h, w], px, with |d| at most `slope` times the way to the edge.

    window  the picture between the bars; outside of it parallax becomes 0
    slope   px per px; 0: only the bars are made flat
    """
    height, columns = disparity.shape
    if slope > 0:
        column = (torch.arange(columns) + 0.5) / columns
        way = torch.minimum(column, 1 - column) - window.bars[1] - 0.5 / columns
        most = slope * frame_width * way.clamp_min(0)
        disparity = torch.maximum(torch.minimum(disparity, most), -most)
    else:
        disparity = disparity * window.inside(1, columns)
    return disparity * window.inside(0, height)[:, None]
