"""Fixtures that run the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from stereocast.kernels import native
from stereocast.runtime.cli import run
from stereocast.runtime.threads import usable_cores
from tests.commands import Process, Result, Stereocast, guessing


@pytest.fixture
def stereocast(capsys: pytest.CaptureFixture[str]) -> Iterator[Stereocast]:
    """Run a command line in this process; threads are as before afterwards."""
    torch_threads = torch.get_num_threads()

    def command(*arguments: object) -> Result:
        capsys.readouterr()
        code = run(guessing(arguments))
        printed = capsys.readouterr()
        return Result(code, printed.out.splitlines(), printed.err.splitlines())

    yield command
    torch.set_num_threads(torch_threads)
    native.set_threads(usable_cores())


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Start a command in a process of its own."""
    started: list[Process] = []

    def command(*arguments: object, **options: int) -> Process:
        started.append(Process(*arguments, **options))
        return started[-1]

    yield command
    for process in started:
        process.kill()


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
