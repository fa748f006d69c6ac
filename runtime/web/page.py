"""The page's files: read once from the package into memory, served by their exact names only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

MEDIA_TYPES: Mapping[str, str] = MappingProxyType({
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
})  # fmt: skip
"""Files of other kinds are not served, whatever lies in the folder."""
INDEX = "index.html"


@dataclass(frozen=True)
class PageFile:
    """One file of the page."""

    data: bytes
    media_type: str
    etag: str


def page_folder() -> Traversable:
    """Return the folder of the page inside the package."""
    return files("stereocast.runtime.web") / "static"


def read_page(folder: Traversable) -> Mapping[str, PageFile]:
    """Return the page's files by name; folders inside are not entered."""
    found: dict[str, PageFile] = {}
    if folder.is_dir():
        for entry in folder.iterdir():
            suffix = entry.name[entry.name.rfind(".") :]
            if suffix in MEDIA_TYPES and entry.is_file():
                data = entry.read_bytes()
                tag = hashlib.sha256(data).hexdigest()[:24]
                found[entry.name] = PageFile(data, MEDIA_TYPES[suffix], f'"{tag}"')
    return MappingProxyType(found)
