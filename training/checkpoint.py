"""A training that can be stopped and continued: everything that the next step depends on."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from stereocast.engine.errors import ConfigError


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint that appears under its name only when it is complete."""
    draft = path.with_suffix(".draft")
    torch.save(content, draft)
    os.replace(draft, path)


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote. Raises ConfigError where it cannot."""
    if not zipfile.is_zipfile(path):
        raise ConfigError(f"{path}: cannot use it: it is no checkpoint, or only part of one")
    try:
        content: dict[str, Any] = torch.load(path, weights_only=True)
    except (OSError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{path}: cannot use it: {reason}") from None
    return content
