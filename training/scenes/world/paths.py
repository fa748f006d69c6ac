"""Where the camera goes: a pose for any frame, as a pure function of its number.

Every motion swings or turns back, so that a clip of any length stays where there is room. World
axes as in kernels/raycast: x right, y down, z forward, metres; the ground lies at y = 0 and the
first eye above the origin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from stereocast.engine.errors import ConfigError
from stereocast.kernels.raycast import Camera
from stereocast.kernels.raycast.primitives import Vec
from stereocast.training.scenes.draws import Draws
from stereocast.training.scenes.room import Place, Swing

CAMERAS = ("static", "pan", "dolly", "truck", "orbit", "handheld", "walk")
FRAMES_PER_S = 30.0
WIDEST_FOV_DEG = 80.0


@dataclass(frozen=True)
class Venue:
    """Where a kind of scene lets its camera be.

    eye       height above the ground, metres; yaw, pitch in radians, to the right and down
    ahead_m   how far it may go forward; aside_m: how far to either side
    focus_m   how far away that lies which a viewer looks at
    least_fov_deg  narrower cameras than this would see too little here
    """

    eye: float
    ahead_m: float
    aside_m: float
    focus_m: float
    yaw: float = 0.0
    pitch: float = 0.0
    least_fov_deg: float = 30.0


@dataclass(frozen=True)
class Path:
    """The way of one camera.

    ahead, aside  metres along the heading and to its right; lift: metres upwards
    turn, tilt, roll  radians added to yaw, pitch and roll; orbit_m: distance of the point around
    which the camera circles by `aside`, 0 for none
    """

    venue: Venue
    motion: str
    fov_deg: float
    ahead: Swing
    aside: Swing
    turn: Swing
    tilt: Swing
    roll: Swing
    shake: tuple[Place, Place]
    bob: float
    orbit_m: float

    def position(self, frame: int) -> Vec:
        """Return where the eye is."""
        venue, seconds = self.venue, frame / FRAMES_PER_S
        ahead, aside = self.ahead.at(frame), self.aside.at(frame)
        if self.orbit_m > 0:
            angle = aside / self.orbit_m
            aside, ahead = self.orbit_m * math.sin(angle), self.orbit_m * (1 - math.cos(angle))
        c, s = math.cos(venue.yaw), math.sin(venue.yaw)
        jitter = self.shake[0].at(frame)
        step = math.tau * 0.95 * seconds
        x = ahead * s + aside * c + jitter[0] + self.bob * 0.6 * math.sin(step)
        y = -venue.eye + jitter[1] - self.bob * abs(math.sin(step))
        return x, y, ahead * c - aside * s + jitter[2]

    def camera_at(self, frame: int, *, height: int, width: int) -> Camera:
        """Return the left eye in a frame."""
        jitter = self.shake[1].at(frame)
        circling = -self.aside.at(frame) / self.orbit_m if self.orbit_m > 0 else 0.0
        yaw = self.venue.yaw + self.turn.at(frame) + jitter[0] + circling
        pitch = self.venue.pitch + self.tilt.at(frame) + jitter[1]
        roll = self.roll.at(frame) + jitter[2]
        return Camera(
            position=torch.tensor(self.position(frame)),
            orientation=torch.tensor(orientation(yaw, pitch, roll)),
            focal_px=torch.tensor(width / (2 * math.tan(math.radians(self.fov_deg / 2)))),
            principal_px=torch.tensor([width / 2, height / 2]),
        )

    def clearance(self, x: float, z: float) -> float:
        """Return how near the eye ever comes to a point of the ground, seen from above, metres."""
        eyes = (self.position(frame) for frame in range(0, 900, 45))
        return min(math.hypot(eye[0] - x, eye[2] - z) for eye in eyes)


def orientation(yaw: float, pitch: float, roll: float) -> list[list[float]]:
    """Return the rows right, down, forward of a camera turned right, then down, then rolled."""
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    right, down = (cy, 0.0, -sy), (-sy * sp, cp, -cy * sp)
    rolled = [cr * r + sr * d for r, d in zip(right, down, strict=True)]
    under = [cr * d - sr * r for r, d in zip(right, down, strict=True)]
    return [rolled, under, [sy * cp, sp, cy * cp]]


def draw_path(draws: Draws, venue: Venue, motion: str | None) -> Path:
    """Draw a camera and its way; `motion` is one of CAMERAS, None: drawn.

    Raises ConfigError for an unknown motion.
    """
    motion = CAMERAS[draws.whole(0, len(CAMERAS) - 1)] if motion is None else motion
    if motion not in CAMERAS:
        raise ConfigError(f"scenes: camera must be one of {', '.join(CAMERAS)}, got {motion!r}")
    ahead = aside = turn = tilt = Swing(0.0)
    bob = shake = 0.0
    scale = min(1.0, venue.focus_m / 3)
    if motion == "pan":
        turn = _sweep(draws, draws.uniform(0.15, 0.6), draws.uniform(0.05, 0.4))
        tilt = _sweep(draws, draws.uniform(0.0, 0.08), 0.05)
    elif motion == "dolly":
        ahead = _sweep(draws, venue.ahead_m / 2, scale * draws.uniform(0.2, 1.5), start_back=True)
    elif motion in ("truck", "orbit"):
        aside = _sweep(draws, venue.aside_m, scale * draws.uniform(0.15, 1.0))
    elif motion == "handheld":
        shake = draws.uniform(0.5, 2.0)
        ahead = _sweep(draws, min(venue.ahead_m / 2, 0.3 * scale), 0.15 * scale, start_back=True)
        aside = _sweep(draws, min(venue.aside_m, 0.3 * scale), 0.2 * scale)
        turn = _sweep(draws, 0.12, 0.08)
    elif motion == "walk":
        shake, bob = draws.uniform(0.3, 1.2), draws.uniform(0.01, 0.04) * scale
        ahead = _sweep(draws, venue.ahead_m / 2, scale * draws.uniform(0.6, 1.6), start_back=True)
        turn = _sweep(draws, draws.uniform(0.02, 0.2), 0.15)
    if shake == 0.0 and motion != "static" and draws.uniform(0, 1) < 0.3:
        shake = draws.uniform(0.1, 0.6)
    return Path(
        venue=venue,
        motion=motion,
        fov_deg=draws.uniform(venue.least_fov_deg, WIDEST_FOV_DEG),
        ahead=ahead,
        aside=aside,
        turn=turn,
        tilt=tilt,
        roll=Swing(draws.normal(0.03) if draws.uniform(0, 1) < 0.5 else 0.0),
        shake=(_shake(draws, 0.012 * shake * scale), _shake(draws, 0.008 * shake)),
        bob=bob,
        orbit_m=venue.focus_m if motion == "orbit" else 0.0,
    )


def _sweep(draws: Draws, reach: float, per_s: float, *, start_back: bool = False) -> Swing:
    """Return a swing of ± reach at most `per_s` fast; or one from 0 to 2 · reach and back."""
    if reach <= 0:
        return Swing(0.0)
    rate = per_s / FRAMES_PER_S / reach
    if start_back:
        return Swing(reach, reach, rate, -math.pi / 2)
    return Swing(0.0, reach, rate, draws.uniform(0, math.tau))


def _shake(draws: Draws, reach: float) -> Place:
    return Place(
        *(Swing(0.0, reach, draws.uniform(0.1, 0.55), draws.uniform(0, math.tau)) for _ in range(3))
    )
