"""Moving what is remembered along the image motion."""

from __future__ import annotations

import torch

from stereocast.engine.refine.motion import carried, source_cells

KNOWN = torch.zeros(2, dtype=torch.bool)


def flow(rows: int, columns: int, generator: torch.Generator) -> torch.Tensor:
    size = (2, 2, (rows + 1) // 2, (columns + 1) // 2)
    return torch.randint(-80, 80, size, generator=generator) / 16


def test_sampling_with_gradients_equals_the_kernel(generator) -> None:
    values = torch.rand(2, 3, 17, 23, generator=generator)
    along = flow(17, 23, generator)
    plain, inside = carried(values, along)
    moved, also_inside = carried(values.requires_grad_(), along)
    torch.testing.assert_close(moved.detach(), plain, atol=2e-5, rtol=0)
    assert torch.equal(inside, also_inside)
    moved.sum().backward()
    assert values.grad is not None and values.grad.sum() > 0


def test_a_batch_is_moved_as_its_members_are(generator) -> None:
    values, along = torch.rand(2, 3, 17, 23, generator=generator), flow(17, 23, generator)
    together = carried(values, along)[0]
    assert all(
        torch.equal(together[i], carried(values[i : i + 1], along[i : i + 1])[0][0])
        for i in range(2)
    )


def test_without_motion_every_cell_is_its_own_source() -> None:
    cells = source_cells(torch.zeros(2, 2, 9, 12), (5, 6), KNOWN)
    assert torch.equal(cells, torch.arange(60))


def test_cells_come_from_where_the_motion_says_and_never_from_another_clip() -> None:
    along = torch.zeros(2, 2, 8, 12)
    along[1, 0] = -4.0  # the second clip's content lay 4 pixels, one cell, to the left
    cells = source_cells(along, (4, 6), KNOWN).reshape(2, 4, 6)
    assert torch.equal(cells[0], torch.arange(24).reshape(4, 6))
    assert torch.equal(cells[1, :, 1:], 24 + torch.arange(24).reshape(4, 6)[:, :-1])
    assert torch.equal(cells[1, :, 0], 24 + torch.arange(24).reshape(4, 6)[:, 0])


def test_what_is_stale_has_no_source() -> None:
    cells = source_cells(torch.zeros(2, 2, 8, 12), (4, 6), torch.tensor([True, False]))
    assert torch.equal(cells[:24], torch.full((24,), -1))
    assert torch.equal(cells[24:], torch.arange(24, 48))
