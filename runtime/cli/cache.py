"""Where this user's models and built files are kept: the one place that asks the environment."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return stereocast's cache folder, there or not: $XDG_CACHE_HOME/stereocast, or ~/.cache.

    A relative XDG_CACHE_HOME is ignored, as its specification demands.
    """
    told = Path(os.environ.get("XDG_CACHE_HOME") or "")
    home = told if told.is_absolute() else Path.home() / ".cache"
    return home / "stereocast"


def models_folder() -> Path:
    """Return the folder of models in the cache, there or not."""
    return cache_folder() / "models"


def kernels_folder() -> Path:
    """Return the folder of compiled CUDA kernels in the cache, there or not."""
    return cache_folder() / "kernels"


def web_folder() -> Path:
    """Return the folder of the web gateway's certificate and session key, there or not."""
    return cache_folder() / "web"
