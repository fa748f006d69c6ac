"""CUDA graphs on the CPU: what is done while capturing is written down, and done again by a replay.

Every operation of PyTorch and every native kernel is kept with the very tensors it read and wrote,
as a graph keeps their addresses; a replay repeats them there and knows nothing else. A value that
is read on the host while capturing is an error, as it is on a GPU.

What it cannot show: streams run at once here, so that they wait for each other is not tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from stereocast.engine.static import Place
from stereocast.kernels import native

_HOST_READS = ("_local_scalar_dense", "is_nonzero", "item")


class Graph:
    """Stands in for `torch.cuda.CUDAGraph`."""

    replays = 0

    def __init__(self) -> None:
        self.nodes: list[Callable[[], None]] = []

    def replay(self) -> None:
        """Do everything again, in its place."""
        self.replays += 1
        with torch.inference_mode():
            for node in self.nodes:
                node()


class _Recording(TorchDispatchMode):
    """Execute and write down what is asked of PyTorch."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._graph = graph

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        assert func.overloadpacket.__name__ not in _HOST_READS, f"{func}: the host reads a value"
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func._schema.is_mutable or not _is_view(result, (*args, *kwargs.values())):
            self._graph.nodes.append(lambda: _again(func, args, kwargs, result))
        return result


def _is_view(result: Any, given: Sequence[Any]) -> bool:
    """Return whether a result lies in the memory of what was given: nothing is to be repeated."""
    there = {tensor.untyped_storage().data_ptr() for tensor in _tensors(given)}
    return all(tensor.untyped_storage().data_ptr() in there for tensor in _tensors(result))


def _again(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], kept: Any) -> None:
    """Repeat an operation and leave its result where the first one lies."""
    for old, new in zip(_tensors(kept), _tensors(func(*args, **kwargs)), strict=True):
        if old.data_ptr() != new.data_ptr():
            old.copy_(new)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _tensors(part)


class _Kernels:
    """The native module, written down while a graph is captured."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self.capturing: Graph | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._module, name)

        def run(*args: Any) -> Any:
            with _disable_current_modes():
                result = call(*args)
            if self.capturing is not None:
                assert result is None, f"{name} returns what no graph keeps"
                self.capturing.nodes.append(lambda: call(*args))
            return result

        return run


@dataclass(frozen=True)
class CapturingPlace(Place):
    """The CPU, taken for a device whose steps are captured."""

    @property
    def captures(self) -> bool:
        """Always."""
        return True


def emulated(patch: pytest.MonkeyPatch) -> tuple[CapturingPlace, list[Graph]]:
    """Let PyTorch capture graphs on the CPU; return a place to do it, and the graphs to be."""
    kernels, graphs = _Kernels(native.serving()), list[Graph]()
    patch.setattr(native, "serving", lambda *_: kernels)

    def new_graph() -> Graph:
        graphs.append(Graph())
        return graphs[-1]

    @contextmanager
    def capture(graph: Graph, **_: object) -> Iterator[None]:
        kernels.capturing = graph
        try:
            with _Recording(graph):
                yield
        finally:
            kernels.capturing = None

    stream = SimpleNamespace(wait_stream=lambda _: None)
    for name, value in {
        "CUDAGraph": new_graph,
        "graph": capture,
        "graph_pool_handle": lambda: None,
        "Stream": lambda _: stream,
        "current_stream": lambda _: stream,
        "stream": lambda _: nullcontext(),
        "device": lambda _: nullcontext(),
        "get_device_name": lambda _: "a CPU",
        "nvtx": SimpleNamespace(range_push=lambda _: None, range_pop=lambda: None),
    }.items():
        patch.setattr(torch.cuda, name, value)
    return CapturingPlace(torch.device("cpu")), graphs
