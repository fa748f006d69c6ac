"""The page's files: read once from the package into memory, served by their exact names only.

The index names them under a folder that is called after their content. So a browser may keep them
without ever asking again, and an update is never half a page.
"""

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
FOLDER = "/static/"


@dataclass(frozen=True)
class PageFile:
    """One file of the page."""

    data: bytes
    media_type: str
    etag: str


@dataclass(frozen=True)
class Page:
    """The page: its files by name, and the tag of all of them together."""

    files: Mapping[str, PageFile]
    tag: str


def page_folder() -> Traversable:
    """Return the folder of the page inside the package."""
    return files("stereocast.runtime.web") / "static"


def read_page(folder: Traversable) -> Page:
    """Return the page's files; folders inside are not entered."""
    found: dict[str, bytes] = {}
    if folder.is_dir():
        for entry in folder.iterdir():
            if _suffix(entry.name) in MEDIA_TYPES and entry.is_file():
                found[entry.name] = entry.read_bytes()
    tag = _digest(b"".join(found[name] for name in sorted(found)))
    if INDEX in found:
        found[INDEX] = found[INDEX].replace(FOLDER.encode(), f"{FOLDER}{tag}/".encode())
    files = {
        name: PageFile(data, MEDIA_TYPES[_suffix(name)], f'"{_digest(data)}"')
        for name, data in found.items()
    }
    return Page(MappingProxyType(files), tag)


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:24]
