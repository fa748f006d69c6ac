"""The background memory's kernels: what must hold, on the native, CUDA and reference forms."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from torch import Tensor

from stereocast.kernels import native
from stereocast.kernels.launch import launching
from stereocast.kernels.memory import (
    AGE_LIMIT,
    TOLERANCE_PX,
    Motion,
    Plate,
    empty_plate,
    recall,
    reference,
    remember,
)
from tests.cuda_on_cpu.launcher import Emulator

SIZE = (33, 57)
FAR_PX, NEAR_PX = -5.0, 6.0
EXACT = torch.zeros(1, dtype=torch.int32)
REST = Motion(torch.zeros(2, dtype=torch.int32), torch.ones(1, dtype=torch.bool), EXACT)


def picture(generator: torch.Generator) -> Tensor:
    return torch.randint(0, 256, (3, *SIZE), dtype=torch.uint8, generator=generator)


def with_object(ground: Tensor, column: int | None) -> tuple[Tensor, Tensor]:
    """Return a picture and its disparity: `ground`, and a near green bar ten pixels wide."""
    image, disparity = ground.clone(), torch.full(SIZE, FAR_PX)
    if column is not None:
        image[:, 6:28, column : column + 10] = torch.tensor([[[0]], [[255]], [[0]]])
        disparity[6:28, column : column + 10] = NEAR_PX
    return image, disparity


def after(ground: Tensor, *columns: int | None) -> Plate:
    plate = empty_plate(SIZE)
    for column in columns:
        plate = remember(plate, *with_object(ground, column), REST)
    return plate


def holed(column: int) -> tuple[Tensor, Tensor]:
    """Return a black right view of `with_object(…, column)` with the hole beside the bar."""
    disparity = torch.full(SIZE, FAR_PX)
    disparity[6:28, column - 6 : column + 4] = NEAR_PX
    disparity[6:28, column + 4 : column + 15] = -torch.inf
    return torch.zeros((3, *SIZE), dtype=torch.uint8), disparity


def by_reference(plate: Plate, image: Tensor, disparity: Tensor, motion: Motion) -> Plate:
    size = torch.tensor([SIZE[1], SIZE[0]], dtype=torch.int32)
    origin = torch.remainder(plate.origin + motion.shift, size)
    planes = (plate.colour, plate.disparity, plate.age, plate.steady)
    moved, limits = (origin, motion.shift, motion.trust, motion.slack), (TOLERANCE_PX, AGE_LIMIT)
    mismatch = reference.remember(planes, plate.mismatch, (image, disparity), moved, limits)
    return Plate(*planes, mismatch, origin)


def by_cuda(plate: Plate, image: Tensor, disparity: Tensor, motion: Motion) -> Plate:
    with launching(Emulator()):
        return remember(plate, image, disparity, motion)


def recall_by_reference(plate: Plate, view: Tensor, disparity: Tensor, gain: Tensor) -> None:
    planes = (plate.colour, plate.disparity, plate.age, plate.steady)
    eye = (plate.origin, gain)
    reference.recall(planes, plate.mismatch, eye, TOLERANCE_PX, (view, disparity))


def recall_by_cuda(plate: Plate, view: Tensor, disparity: Tensor, gain: Tensor) -> None:
    with launching(Emulator()):
        recall(plate, view, disparity, gain=gain)


def clip(generator: torch.Generator, frames: int) -> list[tuple[Tensor, Tensor, Motion]]:
    """Return a bar that crosses a scene, pans, a flash, a frame whose motion is not trusted."""
    ground = picture(generator)
    made = []
    for index in range(frames):
        shift = torch.zeros(2, dtype=torch.int32)
        if index in (7, 8):
            shift = torch.tensor([3, -2], dtype=torch.int32)
            ground = ground.roll((2, -3), (1, 2))
        image, disparity = with_object(ground, 3 * index)
        disparity += 0.7 * torch.rand(SIZE, generator=generator)
        if index == 10:
            image = 255 - image
        trust = torch.tensor([index != frames - 3])
        made.append(
            (
                image.contiguous(),
                disparity,
                Motion(shift, trust, torch.tensor([index % 3], dtype=torch.int32)),
            )
        )
    return made


@pytest.mark.parametrize("form", ["native", "cuda"])
def test_every_form_agrees_with_the_reference(form, generator):
    if form == "native" and native.serving() is None:
        pytest.skip("the native module was not built")
    step = remember if form == "native" else by_cuda
    recalled = 0
    ours, expected = empty_plate(SIZE), empty_plate(SIZE)
    for image, disparity, motion in clip(generator, 14):
        ours = step(ours, image, disparity, motion)
        expected = by_reference(expected, image, disparity, motion)
        for field in fields(Plate):
            assert torch.equal(getattr(ours, field.name), getattr(expected, field.name))
        holes = torch.rand(SIZE, generator=generator) < 0.2
        holes |= disparity > 0
        for gain in (torch.tensor([-1.0]), torch.tensor([0.4])):
            views = [(image.clone(), disparity.masked_fill(holes, -torch.inf)) for _ in range(2)]
            recall_by_reference(expected, *views[0], gain)
            if form == "native":
                recall(ours, *views[1], gain=gain)
            else:
                recall_by_cuda(ours, *views[1], gain)
            assert torch.equal(views[0][0], views[1][0])
            assert torch.equal(views[0][1], views[1][1])
            recalled += int((holes & ~torch.isneginf(views[0][1])).sum())
    assert recalled > 100


def test_a_hole_shows_exactly_what_stood_there_before(generator):
    ground = picture(generator)
    view, disparity = holed(30)
    recall(after(ground, None, None, None, None, 30), view, disparity, gain=-1.0)
    assert not torch.isneginf(disparity).any()
    # Five columns farther left in the source than in the right view: disparity -5.
    assert torch.equal(view[:, 6:28, 34:45], ground[:, 6:28, 29:40])


def test_what_was_never_seen_stays_a_hole(generator):
    view, disparity = holed(30)
    recall(after(picture(generator), 30, 30, 30, 30, 30), view, disparity, gain=-1.0)
    assert torch.isneginf(disparity[6:28, 35:44]).all()
    assert not view[:, 6:28, 35:44].any()


def test_memory_at_another_disparity_is_not_taken(generator):
    plate = after(picture(generator), None, None, None, None, 30)
    plate.disparity[plate.disparity < 0] += 4.0
    view, disparity = holed(30)
    before = disparity.clone()
    recall(plate, view, disparity, gain=-1.0)
    assert not view.any()
    assert torch.equal(disparity, before)


def test_old_memory_is_forgotten(generator):
    ground = picture(generator)
    plate = after(ground, None, None, None, None, 30)
    covered = plate.age != 0
    plate.age[covered] = AGE_LIMIT
    plate = remember(plate, *with_object(ground, 30), REST)
    assert not (plate.age == 1).any()
    view, disparity = holed(30)
    recall(plate, view, disparity, gain=-1.0)
    assert torch.isneginf(disparity[6:28, 35:44]).all()


def test_a_surface_that_does_not_rest_is_not_recalled(generator):
    plate = empty_plate(SIZE)
    for _ in range(5):
        plate = remember(plate, *with_object(picture(generator), None), REST)
    plate = remember(plate, *with_object(picture(generator), 30), REST)
    view, disparity = holed(30)
    recall(plate, view, disparity, gain=-1.0)
    assert not view.any()


def test_what_is_hidden_beside_a_changed_picture_is_dropped(generator):
    plate = after(picture(generator), None, None, None, None, 30)
    other = picture(generator)
    plate = remember(plate, *with_object(other, 30), REST)
    view, disparity = holed(30)
    recall(plate, view, disparity, gain=-1.0)
    assert torch.isneginf(disparity[6:28, 35:44]).all(), "a mismatch is not recalled at once"
    plate = remember(plate, *with_object(other, 30), REST)
    assert (plate.age[10:24, 32:38] == reference.NOTHING).all(), "and dropped a frame later"


def test_the_memory_moves_with_the_picture(generator):
    ground = picture(generator)
    plate = after(ground, None, None, None, None, 30)
    moved = Motion(torch.tensor([4, 0], dtype=torch.int32), REST.trust, EXACT)
    panned, disparity = with_object(ground.roll(-4, 2), 26)
    plate = remember(plate, panned, disparity, moved)
    view, holes = holed(26)
    recall(plate, view, holes, gain=-1.0)
    assert torch.equal(view[:, 6:28, 30:41], ground[:, 6:28, 29:40])
    assert (plate.origin == torch.tensor([4, 0])).all()


def test_untrusted_motion_empties_the_memory(generator):
    ground = picture(generator)
    plate = after(ground, None, None, None, None, 30)
    lost = Motion(REST.shift, torch.zeros(1, dtype=torch.bool), EXACT)
    plate = remember(plate, *with_object(ground, 30), lost)
    assert set(plate.age.unique().tolist()) == {0, reference.NOTHING}
    assert not plate.steady[plate.age == 0].any()


def test_seen_pixels_of_a_view_are_never_touched(generator):
    plate = after(picture(generator), None, None, None, None, 30)
    view, disparity = holed(30)
    view += 7
    seen = ~torch.isneginf(disparity)
    before = disparity.clone()
    recall(plate, view, disparity, gain=-1.0)
    assert (view[:, seen] == 7).all()
    assert torch.equal(disparity[seen], before[seen])


def test_the_memory_does_not_depend_on_the_number_of_threads(generator):
    frames = clip(generator, 6)
    plates = []
    for threads in (1, 3):
        native.set_threads(threads)
        try:
            plate = empty_plate(SIZE)
            for image, disparity, motion in frames:
                plate = remember(plate, image, disparity, motion)
        finally:
            native.set_threads(1)
        plates.append(plate)
    for field in fields(Plate):
        assert torch.equal(getattr(plates[0], field.name), getattr(plates[1], field.name))


def test_pictures_of_another_size_are_refused(generator):
    plate = empty_plate((8, 8))
    with pytest.raises(ValueError, match=r"for pictures \[3, 8, 8\]"):
        remember(plate, picture(generator), torch.zeros(SIZE), REST)
    with pytest.raises(TypeError, match="uint8 pictures"):
        recall(plate, torch.zeros(3, 8, 8), torch.zeros(8, 8), gain=-1.0)
