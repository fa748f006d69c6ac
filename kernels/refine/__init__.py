"""What the temporal refiner does to a pixel: trust, gain, bounded blend; and its features.

    picture_error ─► confidence ─► predict ─► (features ─► a network) ─► fuse

All maps are float32 [B, h, w] of log depth (any larger-is-farther measure) or of trust in it. The
history was moved along the image motion before it comes here, see `stereocast.kernels.flow`.
Nothing here remembers: the order of the step is engine/refine/step.py.

Source: the scalar Kalman filter (Kalman 1960), one per pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stereocast.kernels.inference import fast_forms, plain
from stereocast.kernels.refine import cuda, reference
from stereocast.kernels.refine.reference import (
    CELL,
    LEAST_CONFIDENCE,
    SIGMA_0,
    grey,
    slope,
    teacher_variance,
    variance_after_reset,
)

__all__ = [
    "CELL",
    "FEATURES",
    "GATES",
    "LEAST_CONFIDENCE",
    "SIGMA_0",
    "bound",
    "confidence",
    "features",
    "fuse",
    "grey",
    "picture_error",
    "predict",
    "robust_line",
    "slope",
    "teacher_variance",
    "variance_after_reset",
    "weighted_median",
]

FEATURES = 9
"""Channels of `features`."""
GATES = {2: (2.0, 0.01), 3: (3.0, 0.03), 4: (4.0, 0.06)}
"""Standard deviations, and a floor in log units, that a difference may have without being news."""


def picture_error(moved: Tensor, picture: Tensor, inside: Tensor) -> Tensor:
    """Return how badly the moved picture before explains the one now: [B, h, w] in 0..1.

    moved, picture  u8 [B, 3, h, w]
    inside          bool [B, h, w], False where the history comes from outside the frame: error 1

    Mean absolute difference over channels and 3×3 pixels, edges continued.
    Raises ValueError or TypeError if sizes or dtypes do not fit.
    """
    if moved.dtype != torch.uint8 or picture.dtype != torch.uint8 or inside.dtype != torch.bool:
        raise TypeError(
            "picture_error needs two uint8 pictures and a bool mask, "
            f"got {moved.dtype}, {picture.dtype} and {inside.dtype}"
        )
    shape = tuple(picture.shape)
    if len(shape) != 4 or shape[1] != 3 or tuple(moved.shape) != shape:
        raise ValueError(
            f"picture_error needs pictures [B, 3, h, w] of one size, "
            f"got {tuple(moved.shape)} and {shape}"
        )
    _check(inside, (shape[0], *shape[2:]), "picture_error", "inside")
    launcher, module = fast_forms(moved, picture, inside)
    if launcher is None and module is None:
        return reference.picture_error(moved, picture, inside)
    pictures = (moved.contiguous(), picture.contiguous(), inside.contiguous())
    if launcher is not None:
        return cuda.picture_error(launcher, *pictures)
    assert module is not None
    error = torch.empty(inside.shape)
    module.refine_picture_error(*pictures[:2], pictures[2].view(torch.uint8), error)
    return error


def confidence(sigma: Tensor, *, before: Tensor, history: Tensor) -> Tensor:
    """Return the confidence [B, h, w] in [0.02, 1] of a teacher that expects the error `sigma`.

    sigma    [B, h, w], standard deviation in log units
    before   [B, h, w], confidence of the frame before, moved
    history  [B, h, w], frames' worth of history; from one on, 80 % of `before` is kept

    exp(−sigma / 0.02). Raises ValueError if sizes do not fit.
    """
    _check(before, tuple(sigma.shape), "confidence", "before")
    _check(history, tuple(sigma.shape), "confidence", "history")
    launcher, module = fast_forms(sigma, before, history)
    if launcher is None and module is None:
        return reference.confidence(sigma, before, history)
    maps = (plain(sigma), plain(before), plain(history))
    if launcher is not None:
        return cuda.confidence(launcher, *maps)
    assert module is not None
    out = torch.empty_like(maps[0])
    module.refine_confidence(*maps, out)
    return out


def predict(
    history: Tensor, teacher: Tensor, *, variance: Tensor, confidence: Tensor, error: Tensor,
    frames: Tensor, gate: int = 4,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the gain K in [0.01, 0.995] and the variance of the history before the blend.

    history, teacher  [B, h, w], log depth; K = 1 trusts the teacher, 0 the history
    variance          [B, h, w], of the history
    confidence        [B, h, w], in the teacher
    error             [B, h, w], see `picture_error`: it adds (0.4 · error)² to the variance
    frames            [B], nominal frames (1/30 s) since the one before
    gate              see `GATES`: beyond it a difference is news, and opens the gain

    Raises ValueError if sizes do not fit or for an unknown gate.
    """
    if gate not in GATES:
        raise ValueError(f"predict needs a gate of {sorted(GATES)}, got {gate}")
    shape = tuple(teacher.shape)
    named = {"history": history, "variance": variance, "confidence": confidence, "error": error}
    for name, tensor in named.items():
        _check(tensor, shape, "predict", name)
    _check(frames, shape[:1], "predict", "frames")
    launcher, module = fast_forms(teacher, *named.values(), frames)
    if launcher is None and module is None:
        return reference.predict(history, teacher, variance, confidence, error, frames, GATES[gate])
    maps = tuple(map(plain, (history, teacher, variance, confidence, error)))
    if launcher is not None:
        return cuda.predict(launcher, maps, plain(frames), GATES[gate])
    assert module is not None
    gain, grown = torch.empty_like(maps[0]), torch.empty_like(maps[0])
    module.refine_predict(*maps, plain(frames), *GATES[gate], gain, grown)
    return gain, grown


def bound(teacher: Tensor, confidence: Tensor, limits: tuple[float, float, float]) -> Tensor:
    """Return how far, in log units, the answer may be from the teacher: [B, h, w].

    teacher     [B, h, w], log depth
    confidence  [B, h, w], in the teacher
    limits      α, in log units; β, metres that near things may move by, 0 where nothing is in
                metres; γ, the share that is left at full confidence

    max(α, β / depth) · (γ + 1 − confidence). Raises ValueError if sizes do not fit.
    """
    _check(confidence, tuple(teacher.shape), "bound", "confidence")
    launcher, module = fast_forms(teacher, confidence)
    if launcher is None and module is None:
        return reference.bound(teacher, confidence, limits)
    maps = (plain(teacher), plain(confidence))
    if launcher is not None:
        return cuda.bound(launcher, *maps, limits)
    assert module is not None
    out = torch.empty_like(maps[0])
    module.refine_bound(*maps, *limits, out)
    return out


def fuse(
    history: Tensor, teacher: Tensor, *, grown: Tensor, gain: Tensor, length: Tensor,
    limit: Tensor, correction: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Return the answer, its variance, its length of history, and where it hit the limit.

    history, teacher  [B, h, w], log depth
    grown, gain       [B, h, w], from `predict`
    length            [B, h, w], of the history
    limit             [B, h, w], from `bound`: the answer stays within it of the teacher, softly
    correction        [B, 2, h, w]: what to add to the logit of the gain, and a residual / 0.05;
                      None: nothing

    answer = teacher + limit · tanh(wanted / limit); a hit is |wanted| > limit.
    Raises ValueError if sizes do not fit.
    """
    shape = tuple(teacher.shape)
    named = {"history": history, "grown": grown, "gain": gain, "length": length, "limit": limit}
    for name, tensor in named.items():
        _check(tensor, shape, "fuse", name)
    if correction is not None:
        _check(correction, (shape[0], 2, *shape[1:]), "fuse", "correction")
    launcher, module = fast_forms(teacher, *named.values(), correction)
    if launcher is None and module is None:
        return reference.fuse(history, teacher, grown, gain, length, limit, correction)
    maps = tuple(map(plain, (history, teacher, grown, gain, length, limit)))
    correction = None if correction is None else plain(correction)
    if launcher is not None:
        return cuda.fuse(launcher, maps, correction)
    assert module is not None
    answer, variance, new_length = (torch.empty_like(maps[0]) for _ in range(3))
    hits = torch.empty(shape, dtype=torch.bool)
    results = (answer, variance, new_length)
    module.refine_fuse(*maps, correction, *results, hits.view(torch.uint8))
    return (*results, hits)


def features(
    teacher: Tensor, history: Tensor, *, confidence: Tensor, error: Tensor, length: Tensor,
    luma: tuple[Tensor, Tensor],
) -> Tensor:  # fmt: skip
    """Return what the network looks at, averaged over cells of 4×4: [B, 9, ⌈h/4⌉, ⌈w/4⌉].

    teacher  [B, h, w], log depth, centred by the caller
    history  [B, h, w], likewise
    luma     two [B, h, w] in 0..1, of the picture now and of the one before, not moved

    teacher · confidence · 10 innovation · 10 |innovation| · 10 error · 5 slope of the teacher ·
    luma · 5 change of luma · length / 8; a last row or column that is missing is repeated.
    Raises ValueError if sizes do not fit.
    """
    shape = tuple(teacher.shape)
    named = {
        "history": history, "confidence": confidence, "error": error, "length": length,
        "luma now": luma[0], "luma before": luma[1],
    }  # fmt: skip
    for name, tensor in named.items():
        _check(tensor, shape, "features", name)
    launcher, module = fast_forms(teacher, *named.values())
    if launcher is None and module is None:
        return reference.features(teacher, history, confidence, error, length, luma)
    maps = tuple(map(plain, (teacher, history, confidence, error, length, *luma)))
    if launcher is not None:
        return cuda.features(launcher, maps)
    assert module is not None
    cells = (-(-shape[1] // CELL), -(-shape[2] // CELL))
    out = torch.empty((shape[0], FEATURES, *cells))
    module.refine_features(*maps, out)
    return out


def weighted_median(values: Tensor, weights: Tensor) -> Tensor:
    """Return the value [B] at half the weight of `values`; 0 where there is no weight.

    values   [B, n]; what is no number comes last
    weights  [B, n], 0 or more

    Of two candidates the lower one. On a GPU the reference serves: it sorts.
    Raises ValueError if sizes do not fit.
    """
    _check(weights, tuple(values.shape), "weighted_median", "weights")
    _, module = fast_forms(values, weights)
    if module is None or values.shape[1] == 0:
        return reference.weighted_median(values, weights)
    medians = torch.empty(values.shape[0])
    module.refine_weighted_median(plain(values), plain(weights), medians)
    return medians


def robust_line(x: Tensor, y: Tensor, rounds: int = 3) -> Tensor:
    """Return the line of y on x, both float32 [n] and equally noisy, that outliers do not bend.

    returns  float32 [5]: slope and shift; mean and variance of x where the line holds; and the
             share of the samples where it does

    Rounds of Tukey's weights and Deming's line, from the median difference. A slope that is not in
    0.5..2, or of samples that say too little, is 1, and nothing holds. So it is if any sample is no
    number; then all but slope and share are none either. On a GPU the reference serves.
    Raises ValueError if sizes do not fit or for less than a round.

    Source: Beaton and Tukey 1974, the biweight; Deming 1943, "Statistical Adjustment of Data".
    """
    if x.ndim != 1 or not len(x) or rounds < 1:
        raise ValueError(f"robust_line needs samples [n] and rounds, got {list(x.shape)}, {rounds}")
    _check(y, tuple(x.shape), "robust_line", "y")
    _, module = fast_forms(x, y)
    if module is None:
        return reference.robust_line(x, y, rounds)
    line = torch.empty(5)
    module.refine_robust_line(plain(x), plain(y), rounds, line)
    return line


def _check(tensor: Tensor, shape: tuple[int, ...], op: str, name: str) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{op}: '{name}' must be {list(shape)}, got {list(tensor.shape)}")
