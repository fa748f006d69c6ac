"""Where a file's packets become pictures: on the CPU here, on a GPU in chip.py."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.container import OpenedContainer, open_container
from stereocast.runtime.source.decoder import Codec, HostCodec
from stereocast.runtime.source.file_options import FileOptions


class ChipError(SourceError):
    """A decoder of a GPU that is not there, refuses a stream, or gives up; the CPU may not."""


class Road(Protocol):
    """One way of decoding a file.

    notes  what a person should know of it
    """

    notes: tuple[str, ...]

    def open(self, path: Path, options: FileOptions) -> tuple[OpenedContainer, Codec]:
        """Open the file and what decodes its pictures; close both. Raises SourceError."""


class HostRoad:
    """FFmpeg on the CPU."""

    notes: tuple[str, ...] = ()

    def open(self, path: Path, options: FileOptions) -> tuple[OpenedContainer, Codec]:
        """Open the file and what decodes its pictures; close both. Raises SourceError."""
        opened = open_container(path, max_pixels=options.max_pixels, threads=options.threads)
        return opened, HostCodec(opened.video)
