"""Run the pipeline's step on buffers that never move, as a captured graph must.

On the CPU it is the proof that a step keeps what graphs demand; `graph` captures it on a GPU.

    load        the frame and the controls into the input buffers
    advance     the step: reads the input and the state, never asks the host; a cut primes what
                remembers, by a kernel that reads the flag itself
    copy_state  what is new of the state into its buffers, so that the next step finds it there

Whether depth is estimated or moved is another program, see `Kind`; which one it is, is decided
before the frame is looked at. Where a moved frame turns out to be a cut, it is done again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import torch
from torch import Tensor

from stereocast.engine.pipeline import (
    Input,
    Mark,
    Pipeline,
    PipelineState,
    Result,
    TemporalState,
)
from stereocast.engine.stage import prime, tensors_of
from stereocast.kernels.launch import Launcher, launching
from stereocast.kernels.prime import Priming, prime_on, priming

STAGES = ("depth", "refine", "warp")
"""The names that a pipeline marks, in order."""


@dataclass(frozen=True)
class Place:
    """Where a step runs.

    device    of all its tensors
    launcher  of its CUDA kernels; None: whoever serves the device
    """

    device: torch.device
    launcher: Launcher | None = None

    @property
    def captures(self) -> bool:
        """Whether steps can be captured as graphs there."""
        return self.device.type == "cuda"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Make everything on the device, and launch on its launcher, inside."""
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode())
            stack.enter_context(self.device)
            if self.launcher is not None:
                stack.enter_context(launching(self.launcher))
            yield


class Kind(NamedTuple):
    """What distinguishes one program of a step from another: each kind is captured on its own."""

    is_stamped: bool
    """There is a barcode."""
    is_between: bool
    """Depth is moved from the frame before instead of estimated."""

    @classmethod
    def of(cls, x: Input) -> Kind:
        """Return the kind of step that an input wants."""
        return cls(x.strip is not None, x.is_between)


class StaticStep:
    """The step of one stream, with its input, state and output in buffers of fixed addresses.

    state  donated from step to step, always the same tensors
    pairs  what a cut does to them
    """

    description = "static buffers"

    def __init__(self, pipeline: Pipeline, place: Place, *, frame_size: tuple[int, int]) -> None:
        """Allocate everything for frames of `frame_size` = (H, W)."""
        self._pipeline = pipeline
        self._place = place
        with place.entered():
            self.state = pipeline.init()
            self._input = Input(
                rgb=torch.zeros(3, *frame_size, dtype=torch.uint8),
                controls=torch.zeros(4),
                dt=torch.zeros(1),
                strip=torch.zeros(2, dtype=torch.int64),
            )
            self._fresh = what_reset_writes(pipeline, self.state.temporal)
            prime(self.state, pipeline.init())
            self.pairs = self.pairs_of(self.state)
            self._always = torch.ones(1, dtype=torch.bool)
        self._result: Result | None = None

    def step(self, x: Input, *, mark: Mark) -> Result:
        """Consume one frame; the result lies in buffers that the next step overwrites."""
        result = self._once(x, _silent if x.is_between else mark)
        if not x.is_between:
            return result
        if bool(result.cut):
            self.forget()
            result = self._once(replace(x, is_between=False), _silent)
            told_as_cut(result)
        for stage in STAGES:
            mark(stage)
        return result

    def forget(self) -> None:
        """Forget all that a cut makes forget, in place."""
        with self._place.entered():
            prime_on(self._always, self.pairs)

    def _once(self, x: Input, mark: Mark) -> Result:
        self.load(x)
        with self._place.entered():
            new, result = self.advance(self.state, self.pairs, mark=mark, kind=Kind.of(x))
            copy_state(new, self.state)
            self._result = _kept(self._result, result)
        return self._result

    def reset(self) -> None:
        """Forget every frame, in place."""
        with self._place.entered():
            prime(self.state, self._pipeline.init())

    def load(self, x: Input) -> None:
        """Copy a frame's input into the buffers.

        Enqueued, not waited for: what is pinned or on the device must not change until it is taken.
        """
        with torch.inference_mode():
            for field in fields(Input):
                value = getattr(x, field.name)
                if isinstance(value, Tensor):
                    getattr(self._input, field.name).copy_(value, non_blocking=True)

    def pairs_of(self, state: PipelineState) -> Priming:
        """Return what a cut does to the tensors of `state`."""
        tensors = list(tensors_of(state.temporal))
        return priming([tensors[index] for index in self._fresh], list(self._fresh.values()))

    def advance(
        self, state: PipelineState, pairs: Priming, *, mark: Mark, kind: Kind
    ) -> tuple[PipelineState, Result]:
        """Do one step on the input buffers; the new state is where it came to be.

        state, pairs  where the step finds its memory, and what a cut does to it
        kind          of step
        """

        def reset_on(cut: Tensor, temporal: TemporalState) -> TemporalState:
            prime_on(cut, pairs)
            return temporal

        x = self._input
        strip = x.strip if kind.is_stamped else None
        x = Input(x.rgb, x.controls, x.dt, strip, kind.is_between)
        return self._pipeline.step(state, x, reset_on=reset_on, mark=mark)


def told_as_cut(result: Result) -> None:
    """Set the cut flag of a frame that was done again: the second time it is no longer one."""
    with torch.inference_mode():
        result.cut.fill_(True)


def _silent(stage: str) -> None:
    """Mark nothing: the step may be done again, or the host is not there when a graph runs."""


def what_reset_writes(pipeline: Pipeline, state: TemporalState) -> dict[int, Tensor]:
    """Return the fresh value of every tensor that a reset overwrites, by its place in the state.

    Found by doing it twice, over ones and over zeros: a ring of hundreds of megabytes that a reset
    need not touch is told from what it must. `state` is destroyed. Raises ValueError for a reset
    that writes a part of a tensor.
    """
    tensors = list(tensors_of(state))
    fresh: dict[int, Tensor] = {}
    for value in (1, 0):
        for tensor in tensors:
            tensor.fill_(value)
        pipeline.reset(state)
        for index, tensor in enumerate(tensors):
            if index in fresh:
                if not torch.equal(tensor, fresh[index]):
                    raise ValueError(
                        f"a reset writes a part of tensor {index} of the state, {tensor.dtype} "
                        f"{tuple(tensor.shape)}: it must write all of it or nothing"
                    )
            elif bool((tensor != value).any()):
                fresh[index] = tensor.clone()
    return fresh


def copy_state(new: PipelineState, old: PipelineState) -> None:
    """Copy the tensors of `new` that are others into those of `old`.

    A new tensor that lies in memory of the old state, other than its own, is copied aside first.
    """
    pairs = [
        (before, after)
        for before, after in zip(tensors_of(old), tensors_of(new), strict=True)
        if before.data_ptr() != after.data_ptr() and after.numel()
    ]
    if not pairs:
        return
    taken = {tensor.untyped_storage().data_ptr() for tensor in tensors_of(old)}
    sources = [
        after.clone() if after.untyped_storage().data_ptr() in taken else after
        for _, after in pairs
    ]
    torch._foreach_copy_([before for before, _ in pairs], sources)


def _kept(kept: Result | None, result: Result) -> Result:
    """Copy a result into the buffers of the first one."""
    if kept is None:
        refine = None if result.refine is None else result.refine.clone()
        return Result(
            result.surface.clone(), result.depth.clone(), result.comfort.clone(),
            result.reading.clone(), result.cut.clone(), refine,
        )  # fmt: skip
    for field in fields(Result):
        value = getattr(result, field.name)
        if value is not None:
            getattr(kept, field.name).copy_(value)
    return kept
