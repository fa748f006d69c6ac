"""Reading a video file in a test: open with options, take all frames, close."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import torch
from torch import Tensor

from stereocast.engine.frame import Frame
from stereocast.runtime.source.file import FileOptions, FileSource


@contextmanager
def opened(path: Path, **options: object) -> Iterator[FileSource]:
    with closing(FileSource(path, options=FileOptions(**options))) as source:  # type: ignore[arg-type]
        yield source


def frames_of(path: Path, **options: object) -> list[Frame]:
    with opened(path, **options) as source:
        return list(source)


def rgb_of(path: Path, **options: object) -> Tensor:
    return torch.stack([frame.rgb for frame in frames_of(path, **options)])
