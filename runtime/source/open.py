"""Choosing a source by its address."""

from __future__ import annotations

import os.path
import re
from typing import TYPE_CHECKING

from stereocast.engine.errors import SourceError
from stereocast.runtime.source import Source
from stereocast.runtime.source.file import FileOptions, FileSource
from stereocast.runtime.source.live.recipe import SCHEMES, SourceConfig, read_address
from stereocast.runtime.source.live.recipe import SUPPORTED as LIVE

if TYPE_CHECKING:
    from stereocast.runtime.source.live.source import LiveSource

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
SUPPORTED = f"a path to a video file, file:PATH, testsrc: (a built-in moving scene), {LIVE}"


def open_source(
    address: str, options: FileOptions, *, live: SourceConfig | None = None, sound: bool = True
) -> Source:
    """Open what `address` names: `testsrc:`, a local file as `options` say, or a live source.

    live   how live sources are read; None refuses them
    sound  whether the sound of live sources is wanted; that of files is read elsewhere
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
    if scheme[1].lower() in SCHEMES:
        return _open_live(address, options, live, sound=sound)
    raise SourceError(f"{address}: unknown kind of source {scheme[1]!r}; supported: {SUPPORTED}")


def _open_live(
    address: str, options: FileOptions, config: SourceConfig | None, *, sound: bool
) -> LiveSource:
    from stereocast.runtime.source.live.source import LiveLimits, LiveSource

    if config is None:
        raise SourceError(
            f"{address}: is a live source; stream it with `stereocast live` and keep it with "
            "`stereocast watch --record`"
        )
    if options.start_s > 0:
        raise SourceError(f"{address}: a live source has no start; leave --start out")
    recipe = read_address(address, config)
    limits = LiveLimits(options.frames, options.max_fps, options.max_height, sound)
    return LiveSource(recipe, config=config, limits=limits)
