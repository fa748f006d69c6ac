"""Shared fixtures: the folder of outside data, the GPU markers, and a random generator per test."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

EXIT_S = 60
REPOSITORY = Path(__file__).resolve().parent.parent

torch.set_num_threads(1)  # as in every live process: idle OpenMP threads spin


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--data",
        type=Path,
        default=REPOSITORY.parent / "shared" / "data",
        help="folder of real clips and odd files; tests that need it skip when it is absent",
    )
    parser.addoption(
        "--screenshots", type=Path, help="folder for pictures of the page in a browser"
    )
    parser.addoption(
        "--watch-seconds", type=float, default=15.0, help="how long three viewers watch one stream"
    )


def pytest_unconfigure() -> None:
    """A thread or socket left behind must not keep the finished suite waiting for ever."""
    faulthandler.dump_traceback_later(EXIT_S, exit=True, file=sys.__stderr__)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("needs_cuda") and not torch.cuda.is_available():
        if os.environ.get("FAIL_WITHOUT_CUDA") == "1":
            pytest.fail("FAIL_WITHOUT_CUDA=1, and there is no CUDA device")
        pytest.skip("needs a CUDA device")


@pytest.fixture(autouse=True)
def _restore_random_state() -> Iterator[None]:
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


@pytest.fixture
def data(request: pytest.FixtureRequest) -> Path:
    """The folder of outside data; the test skips without it."""
    folder: Path = request.config.getoption("--data")
    if not folder.is_dir():
        pytest.skip(f"no outside data at {folder}")
    return folder


@pytest.fixture
def golden(data: Path) -> Path:
    """The folder of reference vectors beside the outside data; the test skips without it."""
    folder = data.parent / "golden"
    if not folder.is_dir():
        pytest.skip(f"no reference vectors at {folder}")
    return folder


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
