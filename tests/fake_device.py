"""A device that is not there: shapes, dtypes and devices are followed, nothing is computed.

What a captured step may not do is an error here: read a value on the host, mix devices, make a
shape depend on values, send Python's numbers to the device. So the whole way of a frame on a GPU is
walked without one; what the numbers are is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode

_FROM_NUMBERS = (torch.tensor, torch.as_tensor, torch.from_numpy, torch.scalar_tensor)


class _NoHostData(TorchFunctionMode):
    """Refuse tensors made from Python's numbers: on a GPU a copy that waits, or is not captured."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        made = func in _FROM_NUMBERS or getattr(func, "__name__", "") == "new_tensor"
        if made and not isinstance(args[0], Tensor):
            raise AssertionError(f"host data goes to the device: {args[0]!r}")
        return func(*args, **(kwargs or {}))


@contextmanager
def absent_device() -> Iterator[None]:
    """Let everything inside be made on, and live on, a device that computes nothing.

    It is PyTorch's meta device: a CUDA device would ask for its driver at every index.
    """
    with FakeTensorMode(allow_non_fake_inputs=True), torch.device("meta"):
        yield


@contextmanager
def no_host_data() -> Iterator[None]:
    """Fail where a tensor is made from Python's numbers, as no captured step may."""
    with _NoHostData():
        yield
