"""Choosing a source by its address."""

from __future__ import annotations

import os.path
import re

from stereocast.engine.errors import SourceError
from stereocast.runtime.source import Source
from stereocast.runtime.source.file import FileOptions, FileSource

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
SUPPORTED = "a path to a video file, file:PATH, or testsrc: (a built-in moving scene)"


def open_source(address: str, options: FileOptions) -> Source:
    """Open what `address` names: `testsrc:`, or a local file as `options` say.

    A path that exists is a file, whatever its name looks like. Raises SourceError.
    """
    if not address:
        raise SourceError(f"no source was named; supported: {SUPPORTED}")
    scheme = _SCHEME.match(address)
    if scheme is None or os.path.exists(address):
        return FileSource(address, options=options)
    if scheme[1] == "testsrc":
        from stereocast.runtime.source.synthetic import SyntheticSource

        if options.start_s > 0 or options.max_fps is not None or options.max_height is not None:
            raise SourceError(
                f"{address}: takes no start, max-fps or max-height; "
                "say what to render, as in 'testsrc:?size=640x360&fps=60'"
            )
        return SyntheticSource(address, frames=options.frames)
    if scheme[1] == "file":
        return FileSource(re.sub(r"^file:(//)?", "", address), options=options)
    raise SourceError(f"{address}: unknown kind of source {scheme[1]!r}; supported: {SUPPORTED}")
