"""Clips of drawn worlds: any frame directly, with exact depth, ids, pose, and a second eye."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError
from stereocast.kernels.raycast import Camera, Scene, raycast
from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.world import (
    clutter,
    gatherings,
    interiors,
    nature,
    street,
    tabletops,
    woods,
)
from stereocast.training.scenes.world.bars import Bars, draw_bars
from stereocast.training.scenes.world.gloss import with_highlights
from stereocast.training.scenes.world.paths import CAMERAS, FRAMES_PER_S
from stereocast.training.scenes.world.stage import Stage, World
from stereocast.training.scenes.world.weather import Weather, draw_weather

Builder = Callable[[Draws, str | None], Stage]
SHARES: dict[str, tuple[float, Builder]] = {
    "room": (0.20, interiors.room),
    "corridor": (0.04, interiors.corridor),
    "aisle": (0.05, interiors.aisle),
    "tabletop": (0.13, tabletops.tabletop),
    "portrait": (0.08, gatherings.portrait),
    "clutter": (0.06, clutter.clutter),
    "street": (0.11, street.street),
    "crowd": (0.06, gatherings.crowd),
    "field": (0.07, nature.field),
    "garden": (0.08, nature.garden),
    "forest": (0.06, nature.forest),
    "hills": (0.06, nature.hills),
}
"""How often each kind is drawn: 56 % are indoors or on a table."""
FURTHER: dict[str, Builder] = {
    "thicket": nature.thicket,
    "night": gatherings.night,
    "woods": woods.woods,
}
"""Kinds that are built when asked for by name, and never drawn: what the networks trained so far
were scored on stays the same. Whoever trains anew may give them a share."""
KINDS = (*SHARES, *FURTHER)
INDOORS = ("room", "corridor", "aisle", "tabletop", "portrait", "clutter", "night")
CUT_CLIPS = 0.15
"""Share of the clips that cut between two worlds."""
SHOT_FRAMES = (10, 45)
WORLD_STREAM, CLIP_STREAM = 21, 22
BARRED = -2
SHARE_OF_INFINITY = 0.025
"""Disparity behind the screen at infinity, as a share of the width, in `eyes`."""


@dataclass(frozen=True)
class WorldFrame:
    """One instant, seen by one camera.

    rgb      [3, H, W] uint8, through the clip's weather
    depth_m  [H, W] float32, metres along the optical axis at pixel centres, +inf for the sky
    ids      [H, W] int32, the number of the thing that is seen, −1 for the sky, −2 under a black
             bar; after a cut the numbers start anew
    camera   pose and intrinsics, exact
    cut      whether another world was seen one frame before
    """

    rgb: Tensor
    depth_m: Tensor
    ids: Tensor
    camera: Camera
    cut: bool


@dataclass(frozen=True)
class WorldEyes:
    """One instant, seen by two eyes: depth and pictures of both, without the camera's noise.

    left, right            [3, H, W] uint8
    left_depth_m, right_depth_m  [H, W] float32, metres along the axis both eyes share
    cameras                left and right
    baseline_m, convergence_m    d = focal · baseline · (1 / depth − 1 / convergence), in pixels
    """

    left: Tensor
    right: Tensor
    left_depth_m: Tensor
    right_depth_m: Tensor
    cameras: tuple[Camera, Camera]
    baseline_m: float
    convergence_m: float


class WorldClip:
    """The clip of a seed: drawn kind, world, camera and weather; any frame can be asked for.

    kind    one of KINDS, None: drawn; camera: one of CAMERAS, None: drawn
    bars    lay black bars over `frame`'s colours; depth stays that of what they hide

    The same seed, size, kind, camera and index always give the same frame, in any order of asking.
    Raises ConfigError for a name or size it cannot use.
    """

    def __init__(
        self,
        seed: int,
        height: int = 140,
        width: int = 252,
        kind: str | None = None,
        camera: str | None = None,
        *,
        bars: bool = False,
    ) -> None:
        if not (8 <= height <= 4096 and 8 <= width <= 4096):
            raise ConfigError(
                f"WorldClip: height and width must be in [8, 4096], got {height} × {width}"
            )
        if kind is not None and kind not in KINDS:
            raise ConfigError(f"scenes: kind must be one of {', '.join(KINDS)}, got {kind!r}")
        self.seed, self.height, self.width = seed, height, width
        draws = Draws(seed, CLIP_STREAM)
        drawn, other = _drawn_kind(draws), _drawn_kind(draws)
        self._kinds = (kind or drawn, kind or other)
        self._camera = camera
        self.bars = draw_bars(seed) if bars else Bars()
        shot = draws.whole(*SHOT_FRAMES)
        self.shot_frames = shot if draws.uniform(0, 1) < CUT_CLIPS else 0
        self._worlds: dict[int, World] = {}
        self._weather: dict[int, Weather] = {}

    @property
    def kind(self) -> str:
        """What kind of world frame 0 shows."""
        return self._kinds[0]

    @property
    def motion(self) -> str:
        """How the camera of frame 0 moves."""
        return self._world(0).path.motion

    def shot_at(self, index: int) -> int:
        """Return which of the clip's two worlds a frame shows; clips without cuts have one."""
        return index // self.shot_frames % 2 if self.shot_frames else 0

    def camera_at(self, index: int) -> Camera:
        """Return the left eye in a frame."""
        path = self._world(self.shot_at(index)).path
        return path.camera_at(index, height=self.height, width=self.width)

    def scene_at(self, index: int) -> Scene:
        """Return what stands where in a frame, the sky around the camera included."""
        world = self._world(self.shot_at(index))
        return world.scene_at(index / FRAMES_PER_S, world.path.position(index))

    def frame(self, index: int) -> WorldFrame:
        """Render frame `index` ≥ 0."""
        camera = self.camera_at(index)
        rgb, depth, ids = self._seen(index, self.scene_at(index), camera)
        weather = self._weather_of(self.shot_at(index))
        return WorldFrame(
            rgb=self.bars.cover(weather.over(rgb, depth, index), self.bars.level),
            depth_m=depth,
            ids=self.bars.cover(ids, BARRED),
            camera=camera,
            cut=index > 0 and self.shot_at(index) != self.shot_at(index - 1),
        )

    def eyes(self, index: int) -> WorldEyes:
        """Render both eyes of frame `index` ≥ 0; infinity lies 2.5 % of the width behind."""
        shot = self.shot_at(index)
        convergence = self._world(shot).path.venue.focus_m
        left, scene = self.camera_at(index), self.scene_at(index)
        baseline = SHARE_OF_INFINITY * self.width * convergence / float(left.focal_px)
        right = left.other_eye(baseline_m=baseline, convergence_m=convergence)
        seen = [self._seen(index, scene, eye) for eye in (left, right)]
        weather = self._weather_of(shot)
        pictures = [weather.over(rgb, depth, index, noisy=False) for rgb, depth, _ in seen]
        return WorldEyes(
            left=pictures[0],
            right=pictures[1],
            left_depth_m=seen[0][1],
            right_depth_m=seen[1][1],
            cameras=(left, right),
            baseline_m=baseline,
            convergence_m=convergence,
        )

    def _seen(self, index: int, scene: Scene, eye: Camera) -> tuple[Tensor, Tensor, Tensor]:
        """Return rgb, depth and things' numbers; what the sky hides is infinitely far."""
        rgb, depth, rows = raycast(scene, eye, height=self.height, width=self.width)
        world = self._world(self.shot_at(index))
        rgb = with_highlights(rgb, depth, rows, scene, eye, world.gloss)
        owners = world.owners
        # Row −1, nothing hit, reads the last entry's place: one −1 is appended for it.
        ids = torch.cat([owners, owners.new_full((1,), -1)])[rows.long()]
        return rgb, depth.masked_fill_(ids < 0, torch.inf), ids

    def _world(self, shot: int) -> World:
        if shot not in self._worlds:
            kind = self._kinds[shot]
            build = FURTHER[kind] if kind in FURTHER else SHARES[kind][1]
            self._worlds[shot] = build(Draws(self.seed, WORLD_STREAM, shot), self._camera).world()
        return self._worlds[shot]

    def _weather_of(self, shot: int) -> Weather:
        if shot not in self._weather:
            outdoors = self._kinds[shot] not in INDOORS
            drawn = draw_weather(2 * self.seed + shot, outdoors=outdoors)
            # A fade ends a shot; where shots are cut, nothing else comes between.
            self._weather[shot] = replace(drawn, fade=0) if self.shot_frames else drawn
        return self._weather[shot]


def _drawn_kind(draws: Draws) -> str:
    turn = draws.uniform(0, sum(share for share, _ in SHARES.values()))
    for kind, (share, _) in SHARES.items():
        turn -= share
        if turn < 0:
            return kind
    return next(iter(SHARES))


__all__ = ["CAMERAS", "KINDS", "WorldClip", "WorldEyes", "WorldFrame"]
