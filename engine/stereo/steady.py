"""Take the frame-to-frame jitter out of a depth map's scale and shift.

Networks give every frame a slightly other scale and shift; in stereo the whole scene breathes, and
what is filled beside its edges flickers. Here each map is compared with the last answer by a robust
line; that line's path in time is followed by a Kalman filter that knows constant speed, so that a
steady approach of the camera passes without lag, and that measures the jitter itself: where there
is none, maps pass unchanged. Corrections fade as soon as frames agree with them no more: nothing
accumulates. Which range is near and which far, is decided in range.py; per-pixel noise stays.

Source: Deming 1943 for the line (see kernels/refine); Kalman 1960 for the filter, with the noise
of speed as in Bar-Shalom, Li, Kirubarajan 2001, "Estimation with Applications to Tracking and
Navigation", section 6.2 (white noise acceleration).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stereocast.engine.stereo.sampling import middles, pick
from stereocast.kernels.refine import robust_line

NOMINAL_RATE_HZ = 30.0
"""Frame rate that the constants below are for, where no times are given."""

_SAMPLES = (36, 64)
_ROUNDS = 3  # of weighting and fitting in a frame; fixed, so that a step can be captured
_JITTER, _JITTER_MOST = 0.015, 0.05  # sd of jitter, share of the depth's spread: first, at most
_LEVEL_DOUBT = 0.1  # of the jitter's variance: how little the level of a first frame is doubted
_SPEED = 0.0015  # sd of the change of scale per frame that a new scene may have
_SPEED_NOISE = 1.6e-4  # sd of the change of that speed per frame; decides how slow is steady
_PRIOR = 2.0  # second differences that the first value of the jitter is worth
_MEMORY = 0.08  # weight of the newest frame in the jitter's measure
_JUMP = 0.25  # share of the spread: a larger difference is no jitter, and is taken over at once
_TRUST = 0.3  # share of the samples that must lie on the line


@dataclass(frozen=True)
class SteadyState:
    """What the last frames were.

    reference   float32 [2304], samples of the last answer
    speed       float32 [2], change of scale and shift per nominal frame
    relative    float32 [2], scale − 1 and shift of the last raw map against the one before it
    correction  float32 [2], scale and shift of the last answer against its raw map
    doubt       float32 [2, 2], covariance of level and speed, in squared shares of the spread
    jitter      float32 [1], variance of the jitter, likewise
    frames      float32 [1], seen since the reset
    """

    reference: Tensor
    speed: Tensor
    relative: Tensor
    correction: Tensor
    doubt: Tensor
    jitter: Tensor
    frames: Tensor


class Steady:
    """The stage that steadies maps of any size: inverse depth, nearness or disparity alike."""

    def __init__(self) -> None:
        self._fresh_doubt = torch.diag(torch.tensor([_LEVEL_DOUBT * _JITTER**2, _SPEED**2]))
        self._unchanged = torch.tensor([1.0, 0.0])

    def init(self) -> SteadyState:
        """Return the state before the first frame."""
        return SteadyState(
            reference=torch.zeros(_SAMPLES[0] * _SAMPLES[1]),
            speed=torch.zeros(2),
            relative=torch.zeros(2),
            correction=self._unchanged.clone(),
            doubt=self._fresh_doubt.clone(),
            jitter=torch.full((1,), _JITTER**2),
            frames=torch.zeros(1),
        )

    def step(
        self, state: SteadyState, depth: Tensor, dt: Tensor | None = None, *,
        out: Tensor | None = None,
    ) -> tuple[SteadyState, Tensor]:  # fmt: skip
        """Return `depth` float32 [h, w] with its scale and shift steadied.

        depth  linear in 1/Z, larger is nearer, any unit
        dt     float32 [1], seconds since the frame before; None: 1/30
        out    where to write the answer, may be `depth`; None: into a new tensor

        The first frame after a reset passes as it is.
        """
        sample = samples_of(depth)
        state, correction, _ = self.follow(state, state.reference, sample, dt)
        scale, shift = correction.unbind()
        steadied = torch.mul(depth, scale, out=out).add_(shift)
        return replace(state, reference=sample.mul_(scale).add_(shift)), steadied

    def follow(
        self, state: SteadyState, reference: Tensor, sample: Tensor, dt: Tensor | None = None
    ) -> tuple[SteadyState, Tensor, Tensor]:
        """Return what scale and shift float32 [2] of this frame become, without any map.

        reference  float32 [samples], the last answer, moved to where things are now
        sample     float32 [samples], of this frame at the same places
        returns    the state; scale and shift that turn this frame into its answer; and those that
                   turn the last answer into where it would be without this frame's own content
        """
        frames_passed = torch.ones(1) if dt is None else dt * NOMINAL_RATE_HZ
        return self._follow(state, _fit(reference, sample), frames_passed)

    def _follow(
        self, state: SteadyState, line: _Line, frames_passed: Tensor
    ) -> tuple[SteadyState, Tensor, Tensor]:
        """Return the state with its filter moved on, and both lines of `follow`."""
        seen = state.frames > 0
        jitter, relative = _measured_jitter(state, line)
        move = torch.eye(2)
        move[0, 1] = frames_passed
        doubt = move @ state.doubt @ move.T
        doubt = doubt + _SPEED_NOISE**2 * _growth(frames_passed)
        gain = doubt[:, 0] / (doubt[0, 0] + jitter)
        surprise = line.coefficients - frames_passed * state.speed
        agrees = (line.size_of(surprise) < _JUMP**2) & (line.trust > _TRUST) & seen
        level = torch.where(agrees, gain[0], 1.0)
        wanted = line.coefficients - (1 - level) * surprise  # of this frame on the last answer
        scale = (1 + wanted[0]) / (1 + line.coefficients[0])
        correction = torch.stack((scale, wanted[1] - scale * line.coefficients[1]))
        speed = torch.where(agrees, state.speed + gain[1] * surprise, 0.0)
        doubt = torch.where(agrees, doubt - gain[:, None] * doubt[0], self._fresh_doubt)
        correction = torch.where(agrees, correction, self._unchanged)
        new = SteadyState(
            state.reference, speed, relative, correction, doubt, jitter, state.frames + 1
        )
        return new, correction, wanted + self._unchanged


def samples_of(depth: Tensor) -> Tensor:
    """Return float32 [2304] of a map [h, w], a new tensor: what lines are fitted to."""
    return pick(depth, middles(_SAMPLES[0]), middles(_SAMPLES[1])).flatten()


@dataclass(frozen=True)
class _Line:
    """What a map is of the last answer: (1 + coefficients[0]) · answer + coefficients[1].

    mean, variance  [], of the answer where the line holds
    trust           [], share of the samples where it holds
    """

    coefficients: Tensor
    mean: Tensor
    variance: Tensor
    trust: Tensor

    def size_of(self, difference: Tensor) -> Tensor:
        """Return the mean square [] of a difference of coefficients [2], over the variance."""
        shift = difference[0] * self.mean + difference[1]
        return difference[0].square() + shift.square() / self.variance


def _fit(x: Tensor, y: Tensor) -> _Line:
    """Return the robust line of samples y on x, both [samples] and equally noisy."""
    slope, shift, mean, variance, trust = robust_line(x, y, _ROUNDS).unbind()
    return _Line(torch.stack((slope - 1, shift)), mean, variance.clamp_min(1e-30), trust)


def _measured_jitter(state: SteadyState, line: _Line) -> tuple[Tensor, Tensor]:
    """Return the jitter's variance [1] with this frame in it, and the raw maps' relation [2].

    White jitter of variance v gives the second differences of the raw path the variance 6 v, and
    steady movement gives them none.
    """
    scale, shift = state.correction.unbind()
    slope = 1 + line.coefficients[0]
    relative = torch.stack((slope * scale - 1, slope * shift + line.coefficients[1]))
    second = line.size_of(relative - state.relative).clamp_max(6 * _JITTER_MOST**2) / 6
    counted = state.frames - 1  # second differences so far
    weight = (1 / (counted + _PRIOR)).clamp(_MEMORY, 1)
    jitter = torch.where(counted > 0, state.jitter + weight * (second - state.jitter), state.jitter)
    return jitter.clamp_min(1e-12), relative


def _growth(frames_passed: Tensor) -> Tensor:
    """Return how doubt [2, 2] grows in that time, for a unit noise of speed."""
    t = frames_passed.reshape(())
    half = t.square() / 2
    return torch.stack((t**3 / 3, half, half, t)).reshape(2, 2)
