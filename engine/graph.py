"""One CUDA graph per frame: the static step, captured once and replayed.

A replay launches everything, kernels of ours, networks and copies, with one call of the driver. The
graph is captured for every `Kind` of step: with a barcode or without one, depth estimated or moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch

from stereocast.engine.errors import ConfigError, DeviceLost
from stereocast.engine.pipeline import Input, Mark, Pipeline, PipelineState, Result
from stereocast.engine.stage import prime
from stereocast.engine.static import STAGES, Kind, Place, StaticStep, copy_state, told_as_cut

WARM_UP = 3
"""Steps before capturing: libraries choose algorithms, allocate and load in the first ones."""


@dataclass(frozen=True)
class _Captured:
    """One graph, and where it leaves its result and the new state."""

    graph: torch.cuda.CUDAGraph
    result: Result
    left: PipelineState


class CapturedStep:
    """The step of one stream on a CUDA device, as graphs.

    graphs  how many are replayed in turn. 1: every step copies what is new of the state back. 2
            (even and odd): the odd step reads the even one's state where it was left, and only it
            copies, for more memory. `bench gpu` tells which is faster.
    """

    def __init__(
        self, pipeline: Pipeline, place: Place, *, frame_size: tuple[int, int], graphs: int = 1
    ) -> None:
        """Allocate everything; the first step of every kind captures, which takes some seconds.

        Raises ConfigError off a CUDA device, torch.OutOfMemoryError where it does not fit.
        """
        if not place.captures or graphs not in (1, 2):
            raise ConfigError(
                f"one or two graphs are captured on a CUDA device, not {graphs} on {place.device}"
            )
        self._place = place
        self._pipeline = pipeline
        self._graphs = graphs
        self._stream: torch.cuda.Stream = torch.cuda.Stream(place.device)  # type: ignore[no-untyped-call]
        with self._on_own_stream():
            self._static = StaticStep(pipeline, place, frame_size=frame_size)
        self._pool = torch.cuda.graph_pool_handle()
        self._captured: dict[Kind, list[_Captured]] = {}
        self._next = 0
        self._kind = Kind(is_stamped=False, is_between=False)
        self.description = f"CUDA graph on {torch.cuda.get_device_name(place.device)}"

    @property
    def state(self) -> PipelineState:
        """The state, in the buffers in which every even step finds it."""
        self._settle()
        return self._static.state

    def step(self, x: Input, *, mark: Mark) -> Result:
        """Enqueue one frame after all that the caller's stream does, and before what it does next.

        `mark` is called once all is enqueued: the host does not see the stages of a graph. The
        result lies in buffers that the next step overwrites. Only after a frame of moved depth
        the host waits: for the cut flag, which a session reads next in any case.
        """
        result = self._replay(x)
        if x.is_between and bool(result.cut):
            self._settle()
            with self._on_own_stream():
                self._static.forget()
            result = self._replay(replace(x, is_between=False))
            with self._on_own_stream():
                told_as_cut(result)
        for stage in STAGES:
            mark(stage)
        return result

    def reset(self) -> None:
        """Forget every frame, in place."""
        self._next = 0
        with self._on_own_stream():
            self._static.reset()

    def _replay(self, x: Input) -> Result:
        """Enqueue the graph of an input's kind, captured now if it is the first of its kind."""
        kind = Kind.of(x)
        if kind not in self._captured:
            self._capture(kind)
        if kind != self._kind:
            self._settle()
            self._kind = kind
        captured = self._captured[kind][self._next]
        with self._on_own_stream():
            _push("frame")
            self._static.load(x)
            captured.graph.replay()
            _pop()
        self._next = (self._next + 1) % self._graphs
        return captured.result

    def _settle(self) -> None:
        """Bring the state that an even step left back to where the next even one begins."""
        if self._next == 0:
            return
        with self._on_own_stream(), torch.inference_mode():
            copy_state(self._captured[self._kind][0].left, self._static.state)
        self._next = 0

    @contextmanager
    def _on_own_stream(self) -> Iterator[None]:
        """Enqueue inside on the stream of the graphs, between what the caller's stream does."""
        device = self._place.device
        callers = torch.cuda.current_stream(device)
        self._stream.wait_stream(callers)
        with torch.cuda.device(device), torch.cuda.stream(self._stream):
            yield
        callers.wait_stream(self._stream)

    def _capture(self, kind: Kind) -> None:
        """Capture the graphs of one kind of step; the state stays what it is."""
        self._settle()
        static = self._static
        with self._on_own_stream():
            with self._place.entered():
                kept = prime(self._pipeline.init(), static.state)
                for _ in range(WARM_UP):
                    with _Ranges() as ranges:
                        new, _ = static.advance(
                            static.state, static.pairs, mark=ranges.mark, kind=kind
                        )
                    copy_state(new, static.state)
            del new
            self._captured[kind] = self._graphs_of(kind)
            with self._place.entered():
                prime(static.state, kept)

    def _graphs_of(self, kind: Kind) -> list[_Captured]:
        """Capture one step after the other; the last one closes the circle."""
        static = self._static
        captured: list[_Captured] = []
        state, pairs = static.state, static.pairs
        for number in range(self._graphs):
            graph = torch.cuda.CUDAGraph()
            # Other threads of this process decode and encode meanwhile: theirs is not captured.
            capture = torch.cuda.graph(
                graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
            )
            with self._place.entered(), capture:
                state, result = static.advance(state, pairs, mark=_silent, kind=kind)
                if number + 1 == self._graphs:
                    copy_state(state, static.state)
            captured.append(_Captured(graph, result, state))
            with self._place.entered():
                pairs = static.pairs_of(state)
        return captured


@contextmanager
def device_loss_told() -> Iterator[None]:
    """Turn the error after which a CUDA device refuses everything else into DeviceLost.

    Only a new process gets the device back. Running out of memory is not such an error.
    """
    try:
        yield
    except torch.AcceleratorError as error:
        words = str(error).partition("\n")[0]
        raise DeviceLost(
            f"the GPU refuses to go on ({words}): this process must end and another begin; "
            "`stereocast live --supervise` does that"
        ) from error


class _Ranges:
    """NVTX ranges of the stages of an uncaptured step, for profilers."""

    def __enter__(self) -> _Ranges:
        self._left = list(STAGES)
        _push(self._left[0])
        return self

    def mark(self, stage: str) -> None:
        """End the stage's range and begin the next one's."""
        _pop()
        self._left.remove(stage)
        if self._left:
            _push(self._left[0])

    def __exit__(self, *reason: object) -> None:
        if self._left:
            _pop()


def _silent(stage: str) -> None:
    """Mark nothing: the host is not there when a graph runs."""


def _push(name: str) -> None:
    torch.cuda.nvtx.range_push(name)  # type: ignore[no-untyped-call]


def _pop() -> None:
    torch.cuda.nvtx.range_pop()  # type: ignore[no-untyped-call]
