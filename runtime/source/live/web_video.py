"""`web:URL`: the video of a web page, found by yt-dlp (the extra `web-video`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stereocast.engine.errors import MissingDependency, SourceError
from stereocast.runtime.source.live.recipe import Recipe, SourceConfig, network

try:
    import yt_dlp
except ImportError as missing:
    raise MissingDependency("web: needs yt-dlp: pip install 'stereocast[web-video]'") from missing

CHOICE = "bestvideo[height<=1080][protocol!=http_dash_segments]/best[height<=1080]/best"
"""More rows than that would be scaled down; sound comes with the picture or not at all."""


def find_video(recipe: Recipe) -> Recipe:
    """Return how to open the video of the page. Raises SourceError where there is none."""
    settings = {
        "quiet": True, "no_warnings": True, "noprogress": True, "noplaylist": True,
        "format": CHOICE, "cachedir": False, "socket_timeout": 10,
    }  # fmt: skip
    try:
        with yt_dlp.YoutubeDL(settings) as finder:
            found: Mapping[str, Any] = finder.extract_info(recipe.url, download=False)
    except yt_dlp.utils.YoutubeDLError as error:
        text = str(error).splitlines()[0].removeprefix("ERROR: ")
        raise SourceError(f"{recipe.shown}: no video found: {text}") from error
    found = next(iter(found.get("entries") or ()), found)
    media = network(str(found.get("url", "")), SourceConfig())
    headers = found.get("http_headers") or {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name.isascii())
    return replace(media, shown=recipe.shown, options={**media.options, "headers": lines})
