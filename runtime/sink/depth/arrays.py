"""Depth as one .npz file.

    depth   float32 [T, H, W]    the maps
    pts_ns  int64 [T]            when each is shown
    index   int64 [T]            which picture of the source it belongs to
    output  str                  relative-inverse or metric-depth
    unit    str                  "m" for metres, "" for none
    model   str                  what made them

How many maps come is known only at the end, so they wait in a file beside the final one.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from stereocast.engine.errors import EncodeError
from stereocast.runtime.sink.depth import DepthMap, DepthShape
from stereocast.runtime.sink.output import PartialFile, reason


class NpzSink:
    """The .npz file of one conversion."""

    def __init__(self, path: Path, shape: DepthShape, *, overwrite: bool = False) -> None:
        """Raise EncodeError where the file cannot be made."""
        if path.suffix != ".npz":
            raise EncodeError(f"{path}: depth arrays go into a file named something.npz.")
        self._shape = shape
        self._file = PartialFile(path, overwrite=overwrite)
        self._waiting = path.with_name(f".{path.stem}.waiting.raw")
        self._times: list[tuple[int, int]] = []
        try:
            self._raw: BinaryIO | None = self._waiting.open("wb")
        except OSError as error:
            raise self._error("cannot be started", error) from error

    def write(self, depth: DepthMap) -> None:
        """Append a map; see `DepthSink`."""
        if self._raw is None:
            raise EncodeError(f"{self._file.path}: the file is closed.")
        try:
            self._raw.write(np.ascontiguousarray(depth.values, dtype=np.float32).data)
        except OSError as error:
            raise self._error("cannot be written", error) from error
        self._times.append((depth.pts_ns, depth.index))

    def close(self) -> None:
        """Pack the maps; see `DepthSink`."""
        if self._raw is None:
            return
        try:
            self._raw.close()
            self._pack()
            self._file.commit()
        except OSError as error:
            raise self._error("cannot be finished", error) from error
        self._raw = None
        self._waiting.unlink(missing_ok=True)

    def abort(self) -> None:
        """See `DepthSink`."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None
            self._waiting.unlink(missing_ok=True)
            self._file.discard()

    def _pack(self) -> None:
        shape = self._shape
        times = np.array(self._times, np.int64).reshape(-1, 2)
        small: dict[str, NDArray[Any]] = {
            "pts_ns": times[:, 0],
            "index": times[:, 1],
            "output": np.array(str(shape.output)),
            "unit": np.array(shape.unit),
            "model": np.array(shape.model),
        }
        header = {
            "descr": "<f4",
            "fortran_order": False,
            "shape": (len(times), shape.height, shape.width),
        }
        # Level 1: floats hardly get smaller at higher ones, and those take many times longer.
        with zipfile.ZipFile(
            self._file.temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as file:
            with file.open("depth.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array_header_1_0(entry, header)
                with self._waiting.open("rb") as raw:
                    shutil.copyfileobj(raw, entry, 1 << 20)
            for name, values in small.items():
                with file.open(f"{name}.npy", "w") as entry:
                    np.lib.format.write_array(entry, values, allow_pickle=False)

    def _error(self, what: str, error: OSError) -> EncodeError:
        return EncodeError(f"{self._file.path}: {what} ({reason(error)}).")
