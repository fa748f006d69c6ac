"""The secret that signs session cookies: 32 random bytes in a file that only this user can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from stereocast.engine.errors import ConfigError

SECRET_BYTES = 32


def kept_secret(folder: Path) -> bytes:
    """Return the secret kept in `folder`; make one if there is none that is private and whole.

    Whoever deletes the file ends all sessions. Raises ConfigError if the folder cannot be used.
    """
    path = folder / "sessions.key"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        if path.is_file() and not path.stat().st_mode & 0o077:
            kept = path.read_bytes()
            if len(kept) == SECRET_BYTES:
                return kept
        path.unlink(missing_ok=True)
        made = secrets.token_bytes(SECRET_BYTES)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot keep the session key: {error.strerror}") from None
    return made
