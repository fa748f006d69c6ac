from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from stereocast.engine.depth.vda.network import VideoDepth
from tests.engine.vda import recipe


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small networks on few cores: more threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny() -> VideoDepth:
    return recipe.network("tiny")


@pytest.fixture
def tiny64() -> VideoDepth:
    """The tiny network in float64."""
    weights = {name: value.double() for name, value in recipe.state_dict(recipe.TINY).items()}
    return recipe.assemble(recipe.TINY, weights)
