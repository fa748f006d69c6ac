"""What stood behind: the background that earlier frames saw at every pixel of the source picture.

The memory is one plate per picture, not one per eye: a hole of any eye looks up its background's
own place in the source, where something nearer now stands. The plate is a torus: when the camera
pans its origin moves and no pixel is copied. Filling what is not remembered is `kernels.fill`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.launch import serving
from stereocast.kernels.memory import cuda, reference

TOLERANCE_PX = 1.0
"""A hole takes what is remembered there if both backgrounds' disparities differ by at most this."""
AGE_LIMIT = 150
"""Frames after which something that was not seen again is forgotten, at most 254."""


@dataclass(frozen=True)
class Plate:
    """The farthest surface seen lately at every pixel of the source picture, on a torus.

    colour     u8 [3, H, W]
    disparity  float32 [H, W], px
    age        u8 [H, W], frames since it was seen; 255: nothing is known
    steady     u8 [H, W], frames in a row that its colour rested when last seen, at most 3
    mismatch   int32 [⌈H/16⌉, ⌈W/16⌉]: above 0 the tile's seen surfaces no longer match the plate
    origin     int32 [2], x and y: pixel p of the picture is at p + origin, modulo the size
    """

    colour: Tensor
    disparity: Tensor
    age: Tensor
    steady: Tensor
    mismatch: Tensor
    origin: Tensor


@dataclass(frozen=True)
class Motion:
    """How the picture moved since the frame before.

    shift  int32 [2], x and y: pixel p of this frame was at p + shift
    trust  bool [1], False: what was remembered has no known place any more
    slack  int32 [1], 0 to 32: how many sixteenths of a pixel the shift may be off, as it is whole
    """

    shift: Tensor
    trust: Tensor
    slack: Tensor


def empty_plate(size: tuple[int, int], device: torch.device | str | None = None) -> Plate:
    """Return a plate for pictures of (height, width) that knows nothing."""
    down, across = (-(-n // reference.TILE) for n in size)
    return Plate(
        colour=torch.zeros((3, *size), dtype=torch.uint8, device=device),
        disparity=torch.zeros(size, device=device),
        age=torch.full(size, reference.NOTHING, dtype=torch.uint8, device=device),
        steady=torch.zeros(size, dtype=torch.uint8, device=device),
        mismatch=torch.zeros((down, across), dtype=torch.int32, device=device),
        origin=torch.zeros(2, dtype=torch.int32, device=device),
    )


def remember(plate: Plate, image: Tensor, disparity: Tensor, motion: Motion) -> Plate:
    """Move the plate with the picture, then let it see this frame; its planes change in place.

    image      u8 [3, H, W], the source picture
    disparity  float32 [H, W], px, positive is nearer

    A pixel takes what it sees (its colour only if it does not rest, so that a creeping picture adds
    up to a difference) unless that stands in front of what it remembers, or within 4 pixels
    of something nearer, whose colour may have bled into it. What is not seen ages. Where the
    surfaces seen before and now differ by more than a shift of half a pixel (and `slack`) explains,
    summed over 3×3 tiles, what is hidden beside them is not recalled, and dropped a frame later.

    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    """
    _check(plate, image, disparity)
    origin = _moved(plate.origin, motion.shift, disparity)
    planes = (plate.colour, plate.disparity, plate.age, plate.steady)
    seen, limits = (image, disparity), (TOLERANCE_PX, AGE_LIMIT)
    launcher = serving(image, disparity, plate.colour, origin)
    module = native.serving(image, disparity, plate.colour)
    if launcher is None and module is None:
        moved = (origin, motion.shift, motion.trust, motion.slack)
        mismatch = reference.remember(planes, plate.mismatch, seen, moved, limits)
        return Plate(*planes, mismatch, origin)
    where = torch.cat([origin, motion.shift, motion.trust.int(), motion.slack])
    if launcher is not None:
        mismatch = cuda.remember(launcher, planes, plate.mismatch, seen, where, limits=limits)
    else:
        assert module is not None
        mismatch = torch.empty_like(plate.mismatch)
        module.remember(*seen, where, *limits, *planes, plate.mismatch, mismatch)
    return Plate(*planes, mismatch, origin)


def recall(plate: Plate, view: Tensor, view_disparity: Tensor, *, gain: Tensor | float) -> None:
    """Put what the plate remembers into the holes of a warped view, in place.

    view            u8 [3, H, W], of the frame that the plate saw last
    view_disparity  float32 [H, W], -inf in holes; recalled pixels get theirs
    gain            as it was warped with: target column = source column + gain · disparity

    A hole's background is the farther of the two surfaces that its run of the row separates. A
    pixel is recalled if the plate saw a surface rest where that background lies in the source, and
    its disparity agrees within `TOLERANCE_PX` and a slant of 0.2 per column from the edge.

    Raises ValueError or TypeError if sizes, dtypes or devices do not fit.
    """
    _check(plate, view, view_disparity)
    gain = torch.as_tensor(gain, dtype=torch.float32, device=view.device).reshape(1)
    planes, eye = (plate.colour, plate.disparity, plate.age, plate.steady), (plate.origin, gain)
    launcher = serving(view, view_disparity, plate.colour, gain)
    module = native.serving(view, view_disparity, plate.colour, gain)
    if launcher is not None:
        seen = (view, view_disparity)
        cuda.recall(launcher, planes, plate.mismatch, eye, seen, tolerance=TOLERANCE_PX)
    elif module is None:
        reference.recall(planes, plate.mismatch, eye, TOLERANCE_PX, (view, view_disparity))
    else:
        module.recall(*planes, plate.mismatch, *eye, TOLERANCE_PX, view, view_disparity)


@dataclass(frozen=True)
class Fill:
    """The holes of an eye's last view, bool [H, W], and their colours u8 [3, H, W]."""

    colour: Tensor
    holes: Tensor


def no_fill(size: tuple[int, int], device: torch.device | str | None = None) -> Fill:
    """Return what is kept before the first view of (height, width)."""
    colour = torch.zeros((3, *size), dtype=torch.uint8, device=device)
    return Fill(colour, torch.zeros(size, dtype=torch.bool, device=device))


def settle(fill: Fill, view: Tensor, holes: Tensor, resting: Tensor) -> Fill:
    """Calm what was filled by mixing 11/16 of the frame before into it, in place.

    view     u8 [3, H, W], filled; only holes change
    holes    bool [H, W], where it was filled
    resting  bool [1], False: the background moved, nothing is mixed

    Only what was a hole in the frame before as well is mixed, unless its colour differs by 192 or
    more, summed over the channels. Returns the fill to keep, in the buffers of the old one.
    Raises ValueError or TypeError if sizes or dtypes do not fit.
    """
    if view.dtype != torch.uint8 or holes.dtype != torch.bool or resting.dtype != torch.bool:
        raise TypeError(
            "settle needs a uint8 view, bool holes and a bool resting, "
            f"got {view.dtype}, {holes.dtype} and {resting.dtype}"
        )
    size = tuple(fill.holes.shape)
    if tuple(view.shape) != (3, *size) or tuple(holes.shape) != size:
        raise ValueError(
            f"this fill is of views [3, {size[0]}, {size[1]}], "
            f"got {tuple(view.shape)} and {tuple(holes.shape)}"
        )
    launcher = serving(view, holes, resting, fill.colour)
    module = native.serving(view, holes, resting, fill.colour)
    if launcher is not None:
        cuda.settle(launcher, view, holes, resting, (fill.colour, fill.holes))
    elif module is None:
        reference.settle(view, holes, resting, (fill.colour, fill.holes))
    else:
        byte = torch.uint8
        module.settle(
            view, holes.view(byte), resting.view(byte), fill.colour, fill.holes.view(byte)
        )
    return fill


def _moved(origin: Tensor, shift: Tensor, picture: Tensor) -> Tensor:
    """Return the origin [2] moved on the torus; no number goes to the device for it."""
    height, width = picture.shape
    moved = origin + shift
    return torch.stack((moved[0].remainder(width), moved[1].remainder(height)))


def _check(plate: Plate, picture: Tensor, disparity: Tensor) -> None:
    if picture.dtype != torch.uint8 or disparity.dtype != torch.float32:
        raise TypeError(
            "the background memory needs uint8 pictures and float32 disparities, "
            f"got {picture.dtype} and {disparity.dtype}"
        )
    size = tuple(plate.disparity.shape)
    if tuple(picture.shape) != (3, *size) or tuple(disparity.shape) != size:
        raise ValueError(
            f"this background memory is for pictures [3, {size[0]}, {size[1]}], "
            f"got {tuple(picture.shape)} and {tuple(disparity.shape)}"
        )
    if not (picture.is_contiguous() and disparity.is_contiguous()):
        raise ValueError("the background memory needs contiguous tensors: call .contiguous() first")
